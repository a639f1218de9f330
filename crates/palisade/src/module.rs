//! Modules: validated, compiled, ready to be instantiated any number of times.

#![forbid(unsafe_code)]

use crate::cache::FileState;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::input::{binary_of, looks_like};
use crate::module_meta::ModuleMeta;
use crate::types::{ExportType, ExternType, ImportType};
use crate::vm::{
    Artifact, ArtifactContents, CodeImage, Identity, ModuleImage, begin_lazily,
    compile_in_background, compile_in_background_if_needed, exits_by_stub, fits_registers, prepare,
    prepare_from, restore_lazily, trampoline_text,
};
use crate::{Cache, Compilation, Engine, FuncType};
use palisade_compile::{Text, TrampolineKind};
use palisade_environ::{
    ConstOp, DataMode, DataRow, DataSegment, EntityIndex, MemoryIndex, ModuleBytes, ModuleInfo,
    TypeIndex, TypeSource,
};
use palisade_sys::MemoryImage;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A compiled module. Cheap to clone; its code is freed when the last clone and the last store that uses it are gone.
#[derive(Clone)]
pub struct Module(Arc<ModuleInner>);

pub(crate) struct ModuleInner {
    engine: Engine,
    meta: Arc<ModuleMeta>,
    bytes: ModuleBytes,
    code: Arc<CodeImage>,
    /// Where it is kept, if it is.
    entry: Mutex<Option<Entry>>,
    /// How often the module was instantiated; an image pays from the second time on.
    instantiations: AtomicU32,
    memory_image: OnceLock<Option<(MemoryIndex, Arc<ModuleImage>)>>,
}

/// An entry of a cache.
#[derive(Clone)]
struct Entry {
    cache: Cache,
    key: Identity,
    /// Bytes of code that it has; 0 if it does not exist.
    known: usize,
    /// Whether it has drafts that nothing has replaced.
    drafts: bool,
}

/// Images beyond this are not made: sparse segments could make a small module occupy gigabytes.
const IMAGE_MAXIMUM: usize = 256 << 20;

/// Images as small as this may be sparse, others consist of data for a quarter at least.
const IMAGE_SPARSE: usize = 64 << 10;

/// Shorter contents are not kept in files: those of a module that is instantiated once are copied faster.
const FILED_MINIMUM: usize = 64 << 10;

impl Module {
    /// Compiles a module from the binary or the text format.
    ///
    /// # Errors
    ///
    /// When the bytes are not a valid module (the error says where and what), use something that is not built, or exceed
    /// a limit of the code generator.
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        Module::from_bytes(engine, binary_of(bytes.as_ref(), None)?)
    }

    /// Compiles a module from the binary format only.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn from_binary(engine: &Engine, binary: &[u8]) -> Result<Module> {
        looks_like(binary)?;
        Module::from_bytes(engine, binary.into())
    }

    /// Compiles a module from a file in the binary or the text format.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and as for [`Module::new`]; the error names the file.
    pub fn from_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        let file = file.as_ref();
        let named = || format!("failed to load module `{}`", file.display());
        if file.is_dir() {
            let directory = Error::from_kind(ErrorKind::Invalid {
                offset: 0,
                message: "this is a directory, not a WebAssembly module".into(),
            });
            return Err(directory.context(named()));
        }
        let state = || FileState::of(&fs::metadata(file).ok()?);
        let source = engine.config().cache.as_ref().zip(state());
        let source = source.map(|(cache, state)| (cache, state, source_key(engine, &state)));
        if let Some((cache, _, source)) = &source
            && let Some(key) = cache.noted(source)
            && let Some(artifact) = cache.load(&key)
        {
            let entry = Entry { cache: (*cache).clone(), key, known: 0, drafts: false };
            // If there is no room for it, compiling says so.
            if let Ok(module) = Module::restore(engine, &artifact, Some(entry)) {
                return Ok(module);
            }
        }
        let bytes = fs::read(file).with_context(named)?;
        let binary = match binary_of(&bytes, Some(file)).with_context(named)? {
            Cow::Borrowed(_) => bytes,
            Cow::Owned(binary) => binary,
        };
        let module = Module::from_bytes(engine, binary.into()).with_context(named)?;
        if let Some((cache, before, source)) = source
            && state() == Some(before)
        {
            let entry = module.0.entry.lock().unwrap_or_else(PoisonError::into_inner);
            entry.iter().for_each(|entry| cache.note(&source, &entry.key));
        }
        Ok(module)
    }

    /// Checks a module without compiling it.
    ///
    /// # Errors
    ///
    /// When the bytes are not a valid module. An instruction that is not built is found only by compiling.
    pub fn validate(engine: &Engine, bytes: &[u8]) -> Result<()> {
        let binary = binary_of(bytes, None)?;
        Ok(palisade_compile::validate(&binary, engine.config().features)?)
    }

    fn from_bytes(engine: &Engine, bytes: Cow<'_, [u8]>) -> Result<Module> {
        let entry = engine.config().cache.as_ref().map(|cache| Entry {
            cache: cache.clone(),
            key: cache_key(engine, &bytes),
            known: 0,
            drafts: false,
        });
        if let Some(artifact) = entry.as_ref().and_then(|entry| entry.cache.load(&entry.key))
            && let Ok(module) = Module::restore(engine, &artifact, entry.clone())
        {
            return Ok(module);
        }
        let bytes = ModuleBytes::new(bytes.into_owned());
        let features = engine.config().features;
        let info = palisade_compile::decode(&bytes, features, engine.type_registry())?;
        check_limits(engine, &info)?;
        Module::compile(engine, bytes, info, entry)
    }

    fn compile(
        engine: &Engine,
        bytes: ModuleBytes,
        info: ModuleInfo,
        entry: Option<Entry>,
    ) -> Result<Module> {
        let compiler = engine.compiler();
        prepare(compiler, &trampolines(&info))?;
        let meta = Arc::new(ModuleMeta::new(info));
        let code = match engine.config().compilation {
            Compilation::Eager => {
                let text = compiler.compile_functions(&meta.info, &bytes)?;
                CodeImage::publish(compiler, text, Some(meta.clone()))?
            }
            Compilation::Lazy | Compilation::LazyWithBackground => {
                begin_lazily(compiler, meta.clone(), bytes.clone())?
            }
        };
        Ok(Module::with_code(engine, bytes, meta, code, entry))
    }

    /// A module that was compiled before, or part of it.
    fn restore(engine: &Engine, artifact: &Artifact, mut entry: Option<Entry>) -> Result<Module> {
        let bytes = ModuleBytes::new(artifact.module());
        let compiler = engine.compiler();
        let features = engine.config().features;
        let bodies = artifact.bodies().expect("checked when it was found");
        let data = artifact.data().expect("checked when it was found");
        let types = engine.type_registry();
        let info = palisade_compile::decode_again(&bytes, features, types, &bodies, &data)?;
        check_limits(engine, &info)?;
        prepare_from(compiler, &trampolines(&info), artifact)?;
        let meta = Arc::new(ModuleMeta::new(info));
        let code = match artifact.lazy {
            true => {
                let background = engine.config().compilation == Compilation::LazyWithBackground;
                restore_lazily(compiler, artifact, meta.clone(), bytes.clone(), background)?
            }
            false => CodeImage::restore(compiler, artifact, meta.clone())?,
        };
        if let Some(entry) = &mut entry {
            entry.known = code.len();
            entry.drafts = code.has_drafts();
        }
        let module = Module::with_code(engine, bytes, meta, code, entry);
        if let (Some(memory), Some(image)) = (module.0.own_memory(), artifact.memory_image()) {
            let image = ModuleImage::new(engine.memory_pool(), image);
            let _ = module.0.memory_image.set(Some((memory, Arc::new(image))));
        }
        Ok(module)
    }

    fn with_code(
        engine: &Engine,
        bytes: ModuleBytes,
        meta: Arc<ModuleMeta>,
        code: Arc<CodeImage>,
        entry: Option<Entry>,
    ) -> Module {
        if engine.config().compilation == Compilation::LazyWithBackground {
            match &entry {
                Some(entry) if entry.known > 0 => compile_in_background_if_needed(&code),
                _ => compile_in_background(&code),
            }
        }
        let module = ModuleInner {
            engine: engine.clone(),
            bytes,
            meta,
            code,
            entry: Mutex::new(entry),
            instantiations: AtomicU32::new(0),
            memory_image: OnceLock::new(),
        };
        if engine.config().compilation == Compilation::Eager {
            module.update_cache();
        }
        Module(Arc::new(module))
    }

    /// A module that is part of an artifact.
    pub(crate) fn from_artifact(engine: &Engine, artifact: &Artifact) -> Result<Module> {
        Module::restore(engine, artifact, None)
    }

    /// What [`Module::deserialize`](Module::deserialize) makes the same module of: the module and its machine code, as far as
    /// it is compiled.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let memory = self.0.filed_contents().unwrap_or_default();
        let identity = self.0.engine.identity();
        let trampolines = self.0.trampolines()?;
        let (module, bodies, data) = (&self.0.bytes, &self.0.bodies(), &self.0.data());
        self.0.code.save(
            &mut bytes,
            ArtifactContents { identity, module, bodies, data, memory: &memory, trampolines },
        )?;
        Ok(bytes)
    }

    pub(crate) fn from_inner(inner: Arc<ModuleInner>) -> Module {
        Module(inner)
    }

    pub(crate) fn inner(&self) -> &Arc<ModuleInner> {
        &self.0
    }

    /// The engine that it was compiled by.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Its name, if its name section has one.
    pub fn name(&self) -> Option<&str> {
        self.0.info().name.as_deref()
    }

    /// Its imports, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> + '_ {
        let imports = self.0.info().imports.iter();
        imports.map(|i| ImportType::new(&i.module, &i.name, self.0.extern_type(i.item)))
    }

    /// Its exports, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> + '_ {
        let exports = self.0.info().exports.iter();
        exports.map(|export| ExportType::new(&export.name, self.0.extern_type(export.item)))
    }

    /// The type of an export.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        Some(self.0.extern_type(self.0.info().export(name)?.item))
    }

    /// Bytes of machine code.
    pub fn code_size(&self) -> usize {
        self.0.code.len()
    }
}

/// Bytes from which on a module is hashed by several threads.
const PARALLEL_HASH: usize = 4 << 20;

/// What an entry of a cache is called: the module, the way in which it is compiled, and by whom. Palisade's own build is
/// part of that, as its code may change without its version.
fn cache_key(engine: &Engine, bytes: &[u8]) -> Identity {
    let mut hash = cache_hasher(engine);
    // Waking threads takes as long as a megabyte.
    match bytes.len() < PARALLEL_HASH {
        true => hash.update(bytes),
        false => hash.update_rayon(bytes),
    };
    *hash.finalize().as_bytes()
}

/// What a note of a cache is called that is about a file in a certain state.
fn source_key(engine: &Engine, state: &FileState) -> Identity {
    *cache_hasher(engine).update(state.as_bytes()).finalize().as_bytes()
}

/// Has seen what entries of a cache depend on besides the module.
fn cache_hasher(engine: &Engine) -> blake3::Hasher {
    let program = fs::metadata("/proc/self/exe")
        .map(|file| (file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()));
    let lazy = engine.config().compilation != Compilation::Eager;
    let mut hash = blake3::Hasher::new();
    hash.update(engine.identity());
    hash.update(format!("{lazy} {program:?}").as_bytes());
    hash
}

/// Refuses a module that can have no instance in the engine's pool.
fn check_limits(engine: &Engine, info: &ModuleInfo) -> Result<()> {
    engine.config().pooling().map_or(Ok(()), |pooling| pooling.check(info))
}

/// What calls of this module are likely to need: entries for what it exports and exits for what it imports, for types with
/// more values than registers.
fn trampolines(info: &ModuleInfo) -> Vec<(TrampolineKind, FuncType)> {
    let mut wanted: BTreeSet<(TypeIndex, TrampolineKind)> = BTreeSet::new();
    let mut want = |item: EntityIndex, kind| {
        let EntityIndex::Func(func) = item else { return };
        let ty = info.funcs[func];
        let signature = info.types[ty].signature();
        let needed = match kind {
            TrampolineKind::Entry => !fits_registers(signature),
            _ => !exits_by_stub(signature),
        };
        if needed {
            wanted.insert((ty, kind));
        }
    };
    info.imports.iter().for_each(|import| want(import.item, TrampolineKind::ExitNative));
    info.exports.iter().for_each(|export| want(export.item, TrampolineKind::Entry));
    wanted.into_iter().map(|(ty, kind)| (kind, info.types[ty].clone())).collect()
}

impl Drop for ModuleInner {
    fn drop(&mut self) {
        self.update_cache();
    }
}

impl ModuleInner {
    /// The code of [`trampolines`].
    fn trampolines(&self) -> Result<Text> {
        trampoline_text(self.engine.compiler(), &trampolines(self.info()))
    }

    /// Where the functions' bodies are. (Modules have less than 4 GiB.)
    fn bodies(&self) -> Vec<[u32; 2]> {
        let bodies = self.info().bodies.values();
        bodies.map(|body| [body.start as u32, body.end as u32]).collect()
    }

    /// The data segments as far as a compiled module can tell of them; else none.
    fn data(&self) -> Vec<DataRow> {
        self.info()
            .data
            .values()
            .map(DataSegment::to_row)
            .collect::<Option<_>>()
            .unwrap_or_default()
    }

    /// Keeps what was compiled, if that is considerably more than what is kept already.
    fn update_cache(&self) {
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = &mut *entry else { return };
        let code = self.code.len();
        let revised = entry.drafts && !self.code.has_drafts();
        if entry.known == 0 || revised || code > entry.known + entry.known / 8 {
            let memory = &self.filed_contents().unwrap_or_default();
            let Ok(trampolines) = self.trampolines() else { return };
            let (identity, module) = (&entry.key, &self.bytes);
            let (bodies, data) = (&self.bodies(), &self.data());
            let contents = ArtifactContents { identity, module, bodies, data, memory, trampolines };
            entry.cache.store(&self.code, contents);
            entry.known = code;
            entry.drafts = self.code.has_drafts();
        }
    }

    pub(crate) fn info(&self) -> &ModuleInfo {
        &self.meta.info
    }

    /// The module itself.
    pub(crate) fn bytes(&self) -> &ModuleBytes {
        &self.bytes
    }

    pub(crate) fn meta(&self) -> &Arc<ModuleMeta> {
        &self.meta
    }

    pub(crate) fn code(&self) -> &CodeImage {
        &self.code
    }

    /// Whether the import at `place` is a function of exactly this type.
    pub(crate) fn import_is_of(&self, place: usize, ty: &FuncType) -> bool {
        let info = self.info();
        match info.imports[place].item {
            EntityIndex::Func(index) => info.types[info.funcs[index]] == *ty,
            _ => false,
        }
    }

    /// The type of an item.
    pub(crate) fn extern_type(&self, item: EntityIndex) -> ExternType {
        let info = self.info();
        match item {
            EntityIndex::Func(index) => info.types[info.funcs[index]].clone().into(),
            EntityIndex::Table(index) => info.tables[index].clone().into(),
            EntityIndex::Memory(index) => info.memories[index].clone().into(),
            EntityIndex::Global(index) => info.globals[index].clone().into(),
            EntityIndex::Tag(index) => info.tags[index].clone().into(),
        }
    }

    /// A copy-on-write image of a memory's initial contents, where that pays: the contents are known before instantiation,
    /// and needed more than once or in a file anyhow. Then a memory that is used again only has its written pages
    /// restored, and one that is new occupies none before it is used.
    pub(crate) fn memory_image(&self) -> Option<(MemoryIndex, Arc<ModuleImage>)> {
        if let Some(image) = self.memory_image.get() {
            return image.clone();
        }
        if self.instantiations.fetch_add(1, Ordering::Relaxed) == 0 {
            return None;
        }
        let make = || {
            let (start, contents) = self.memory_contents()?;
            // Without an image the segments are copied, so a system that refuses one costs only time.
            let image = MemoryImage::new(start, &contents).ok()?;
            let image = ModuleImage::new(self.engine.memory_pool(), image);
            Some((self.own_memory()?, Arc::new(image)))
        };
        self.memory_image.get_or_init(make).clone()
    }

    /// What all segments write into the module's own memory from its first byte on, if that is to be in a file.
    fn filed_contents(&self) -> Option<Vec<u8>> {
        let (start, mut contents) = self.memory_contents()?;
        if contents.len() < FILED_MINIMUM.max(start / 3) {
            return None;
        }
        contents.splice(0..0, std::iter::repeat_n(0, start));
        Some(contents)
    }

    /// The first memory that the module does not import.
    fn own_memory(&self) -> Option<MemoryIndex> {
        let info = self.info();
        info.memories.keys().nth(info.imported_memories)
    }

    /// What all segments write into the module's own memory, and from which byte on, if it may have an image.
    fn memory_contents(&self) -> Option<(usize, Vec<u8>)> {
        let info = self.info();
        let memory = self.own_memory()?;
        let ty = &info.memories[memory];
        if ty.is_shared() {
            // Made by whoever uses it first; many instances of it are not what it is for.
            return None;
        }
        let size = ty.minimum().checked_mul(ty.page_size())?;
        let mut parts = Vec::new();
        let (mut first, mut end, mut bytes) = (usize::MAX, 0, 0_usize);
        for segment in info.data.values() {
            let DataMode::Active { memory: of, offset } = &segment.mode else { continue };
            let start = match *offset.0 {
                [ConstOp::I32(start)] => u64::from(start as u32),
                [ConstOp::I64(start)] => start as u64,
                _ => return None,
            };
            if *of != memory {
                return None;
            }
            let data = &self.bytes[segment.bytes.clone()];
            let stop = start.checked_add(data.len() as u64).filter(|stop| *stop <= size)?;
            if data.is_empty() {
                continue;
            }
            bytes = bytes.saturating_add(data.len());
            first = first.min(start as usize);
            end = end.max(usize::try_from(stop).ok()?);
            parts.push((start as usize, data));
        }
        let len = end.checked_sub(first)?;
        if len > IMAGE_MAXIMUM.min(bytes.saturating_mul(4).max(IMAGE_SPARSE)) {
            return None;
        }
        let mut contents = vec![0; len];
        for (start, data) in parts {
            contents[start - first..][..data.len()].copy_from_slice(data);
        }
        Some((first, contents))
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name()).finish_non_exhaustive()
    }
}
