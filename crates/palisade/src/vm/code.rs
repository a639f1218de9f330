//! Machine code in memory, with the tables that explain it.
//!
//! The only file that names `cranelift_jit` and `cranelift_module`. A text arrives without relocations, so a
//! `JITModule` holds it as one function over a [`CodeMemory`]: written to a buffer, run where it is published, and unmapped
//! when the last owner of the image drops. An image whose functions are compiled when they are called gets its texts one
//! after the other; what is there already does not change.

use super::artifact::{self, Artifact, Code, Contents, FunctionRow, Part, Section};
use super::lazy::Lazy;
use super::registry;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::module_meta::ModuleMeta;
use cranelift_jit::{BranchProtection, JITBuilder, JITMemoryKind, JITMemoryProvider, JITModule};
use cranelift_module::{Module as _, ModuleError, ModuleResult};
use palisade_compile::{CallSite, Compiler, Item, Text};
use palisade_environ::{DefinedFuncIndex, FuncIndex, Libcall, Trap};
use palisade_sys::CodeMemory;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One module's machine code, or that of some trampolines.
pub(crate) struct CodeImage {
    /// Adds code; taken only by `drop`. Whoever adds holds the lock from the choice of a place to its publication.
    jit: Mutex<Option<JITModule>>,
    memory: Arc<CodeMemory>,
    /// In the order of their addresses.
    chunks: boxcar::Vec<Section>,
    /// How many of `chunks` can be looked at: written after a chunk, read before.
    published: AtomicUsize,
    /// The module whose functions these are; `None` for trampolines.
    meta: Option<Arc<ModuleMeta>>,
    /// What is not compiled yet.
    lazy: Option<Lazy>,
}

/// A call that has handlers: bytes from the stack pointer during the call to the frame pointer, and to the vmctx.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) frame_size: u32,
    pub(super) vmctx: u32,
}

/// Where in a module a code address is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodePlace {
    /// The function.
    pub(crate) func: FuncIndex,
    /// Byte offset of the instruction in the module, if it is known.
    pub(crate) offset: Option<usize>,
}

impl CodeImage {
    /// The whole code of a module, from an artifact.
    pub(crate) fn restore(
        compiler: &Compiler,
        artifact: &Artifact,
        meta: Arc<ModuleMeta>,
    ) -> Result<Arc<CodeImage>> {
        let len = artifact.code_len(Part::Functions);
        let image = CodeImage::reserve(compiler, 0, len, Some(meta), None)?;
        image.add_artifact(artifact, Part::Functions)?;
        Ok(image)
    }

    /// The trampolines of an artifact.
    pub(super) fn restore_trampolines(
        compiler: &Compiler,
        artifact: &Artifact,
    ) -> Result<Arc<CodeImage>> {
        let len = artifact.code_len(Part::Trampolines);
        let image = CodeImage::reserve(compiler, 0, len, None, None)?;
        image.add_artifact(artifact, Part::Trampolines)?;
        Ok(image)
    }

    /// Maps `text`, which is all there will be, and publishes it. `meta` is the module that it was compiled from.
    pub(crate) fn publish(
        compiler: &Compiler,
        text: Text,
        meta: Option<Arc<ModuleMeta>>,
    ) -> Result<Arc<CodeImage>> {
        let image = CodeImage::reserve(compiler, 0, text.bytes.len(), meta, None)?;
        image.add(|_| Ok(text))?;
        Ok(image)
    }

    /// Address space for `capacity` bytes of code behind `words` words of data.
    pub(super) fn reserve(
        compiler: &Compiler,
        words: usize,
        capacity: usize,
        meta: Option<Arc<ModuleMeta>>,
        lazy: Option<Lazy>,
    ) -> Result<Arc<CodeImage>> {
        let memory = Arc::new(CodeMemory::new(words, capacity).map_err(cannot_map)?);
        let mut builder =
            JITBuilder::with_isa(compiler.isa(), cranelift_module::default_libcall_names());
        builder.memory_provider(Box::new(Published(memory.clone())));
        let image = Arc::new(CodeImage {
            jit: Mutex::new(Some(JITModule::new(builder))),
            memory,
            chunks: boxcar::Vec::new(),
            published: AtomicUsize::new(0),
            meta,
            lazy,
        });
        // SAFETY: the image is behind an `Arc`, so it does not move, and unregisters itself before it is gone.
        unsafe { registry::register(&image) };
        Ok(image)
    }

    /// Adds the text that `text` makes for the place that it is told, and publishes it; its functions.
    pub(super) fn add(&self, text: impl FnOnce(u32) -> Result<Text>) -> Result<&[FunctionRow]> {
        let mut jit = self.jit.lock().unwrap_or_else(PoisonError::into_inner);
        let jit = jit.as_mut().expect("an image has it until it is dropped");
        // Loops were placed relative to 64-byte lines, so texts begin on one.
        let start = self.memory.len().next_multiple_of(TEXT_ALIGN);
        let text = text(start as u32)?;
        define(jit, &text.bytes).map_err(cannot_map)?;
        debug_assert_eq!(self.memory.len(), text.start as usize + text.bytes.len());
        Ok(self.push(section(text)))
    }

    /// Fills an empty image with the code of a part of an artifact.
    pub(super) fn add_artifact(&self, artifact: &Artifact, part: Part) -> Result<&[FunctionRow]> {
        let mut jit = self.jit.lock().unwrap_or_else(PoisonError::into_inner);
        let jit = jit.as_mut().expect("an image has it until it is dropped");
        let section = artifact.section(part).expect("checked when it was found");
        assert!(self.memory.is_empty(), "artifacts are of whole images");
        match artifact.code(part) {
            Code::Bytes(bytes) => define(jit, bytes).map_err(cannot_map)?,
            Code::File(file, range) => {
                // Where files cannot be executed they can be copied.
                if self.memory.map(file, range.start, range.len()).is_err() {
                    define(jit, &file[range]).map_err(cannot_map)?;
                }
            }
        }
        Ok(self.push(section))
    }

    /// Lets the code of `section` be found, which has been added.
    fn push(&self, section: Section) -> &[FunctionRow] {
        let place = self.chunks.push(section);
        self.published.store(place + 1, Ordering::Release);
        &self.chunks[place].functions
    }

    /// Writes an artifact of what is compiled so far.
    pub(crate) fn save(&self, to: &mut dyn Write, contents: Contents<'_>) -> io::Result<()> {
        let count = self.published.load(Ordering::Acquire);
        let chunks: Vec<&Section> =
            (0..count).map(|place| self.chunks.get(place).expect("published")).collect();
        let end = chunks.last().map_or(0, |chunk| chunk.end);
        let mut handlers = 0;
        let mut call_sites = Vec::new();
        for chunk in &chunks {
            let moved = |[at, frame, vmctx, first, last]: &[u32; 5]| {
                [*at, *frame, *vmctx, first + handlers, last + handlers]
            };
            call_sites.extend(chunk.call_sites.iter().map(moved));
            handlers += chunk.handlers.len() as u32;
        }
        let section = Section {
            end,
            functions: chunks.iter().flat_map(|chunk| chunk.functions.iter().copied()).collect(),
            traps: chunks.iter().flat_map(|chunk| chunk.traps.iter().copied()).collect(),
            sources: chunks.iter().flat_map(|chunk| chunk.sources.iter().copied()).collect(),
            call_sites: Rows::Own(call_sites),
            handlers: chunks.iter().flat_map(|chunk| chunk.handlers.iter().copied()).collect(),
        };
        // SAFETY: code that was published is readable, and is not changed while the image exists.
        let code = unsafe { std::slice::from_raw_parts(self.memory.executable(), end as usize) };
        let Contents { identity, module, bodies, data, memory, mut trampolines } = contents;
        let [bodies, data] = [bytemuck::cast_slice(bodies), bytemuck::cast_slice(data)];
        let trampoline_code = std::mem::take(&mut trampolines.bytes);
        let trampolines =
            Section { end: trampoline_code.len() as u32, ..self::section(trampolines) };
        let parts = [(code, &section), (&trampoline_code[..], &trampolines)];
        artifact::write(to, identity, self.lazy.is_some(), [module, memory, bodies, data], parts)
    }

    fn base(&self) -> usize {
        self.memory.executable() as usize
    }

    /// Addresses that are the image's: of its code, and of what may be added.
    pub(super) fn range(&self) -> Range<usize> {
        self.base()..self.base() + self.memory.capacity()
    }

    /// The words of data in front of the code.
    pub(super) fn words(&self) -> &[AtomicUsize] {
        self.memory.words()
    }

    /// Entry point of the function at `place` of an image that was published whole.
    pub(crate) fn function(&self, place: usize) -> *const u8 {
        self.address(self.chunks[0].functions[place][1]) as *const u8
    }

    /// Entry point of a function of a module, compiled or not.
    pub(crate) fn entry(&self, function: DefinedFuncIndex) -> *const u8 {
        match &self.lazy {
            Some(lazy) => lazy.entry(self, function),
            None => self.function(function.as_u32() as usize),
        }
    }

    /// What is compiled on demand.
    pub(super) fn lazy(&self) -> Option<&Lazy> {
        self.lazy.as_ref()
    }

    /// Whether some functions have only drafts, which are being replaced.
    pub(crate) fn has_drafts(&self) -> bool {
        self.lazy.as_ref().is_some_and(Lazy::has_drafts)
    }

    /// The address of a byte of the image.
    pub(super) fn address(&self, offset: u32) -> usize {
        self.base() + offset as usize
    }

    /// The chunk with the code at `pc`, and where in the image that is. Reads immutable and atomic data only.
    fn chunk_at(&self, pc: usize) -> Option<(&Section, u32)> {
        let offset = u32::try_from(pc.checked_sub(self.base())?).ok()?;
        let (mut low, mut high) = (0, self.published.load(Ordering::Acquire));
        while low < high {
            let middle = (low + high) / 2;
            if self.chunks.get(middle)?.end <= offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some((self.chunks.get(low)?, offset))
    }

    /// The call that returns to an address, if it has handlers, and those: what they catch, and where they begin.
    pub(super) fn call_site(&self, return_address: usize) -> Option<(Site, &[[u32; 2]])> {
        // A call can be the last instruction, so the address may lie behind the chunk.
        let (chunk, before) = self.chunk_at(return_address.checked_sub(1)?)?;
        let place = chunk.call_sites.binary_search_by_key(&(before + 1), |site| site[0]).ok()?;
        let [_, frame_size, vmctx, first, last] = chunk.call_sites[place];
        Some((Site { frame_size, vmctx }, &chunk.handlers[first as usize..last as usize]))
    }

    /// Bytes of machine code, as far as it is compiled.
    pub(crate) fn len(&self) -> usize {
        self.memory.len()
    }

    /// The module that this is the code of.
    pub(crate) fn meta(&self) -> Option<&Arc<ModuleMeta>> {
        self.meta.as_ref()
    }

    /// Why the instruction at `pc` faults, if it is known to. Reads immutable and atomic data only.
    pub(super) fn trap_at(&self, pc: usize) -> Option<Trap> {
        let (chunk, offset) = self.chunk_at(pc)?;
        let place = chunk.traps.binary_search_by_key(&offset, |[at, _]| *at).ok()?;
        Trap::from_code(chunk.traps[place][1] as u8)
    }

    /// The wasm function and instruction at `pc`. Trampolines belong to no function.
    pub(crate) fn place_of(&self, pc: usize) -> Option<CodePlace> {
        let (chunk, offset) = self.chunk_at(pc)?;
        let place = chunk.functions.partition_point(|[_, _, end]| *end <= offset);
        let [item, start, _] = *chunk.functions.get(place).filter(|[_, at, _]| *at <= offset)?;
        let (Item::Function(defined) | Item::Draft(defined)) = item_of(item)? else { return None };
        let source = chunk.sources.partition_point(|[at, _]| *at <= offset).checked_sub(1);
        let source = source.map(|i| chunk.sources[i]).filter(|[at, _]| *at >= start);
        let offset = source.filter(|[_, loc]| *loc != u32::MAX).map(|[_, loc]| loc as usize);
        Some(CodePlace { func: self.meta.as_ref()?.info.func_index(defined), offset })
    }
}

/// The tables of a text as they are kept.
fn section(text: Text) -> Section {
    let site = |site: CallSite| {
        let handlers = site.handlers;
        [site.return_address, site.frame_size, site.vmctx, handlers.start, handlers.end]
    };
    Section {
        end: text.start + text.bytes.len() as u32,
        functions: text.functions.into_iter().map(|(i, r)| [number(i), r.start, r.end]).collect(),
        traps: text.traps.into_iter().map(|(at, code)| [at, code.into()]).collect(),
        sources: text.sources.into_iter().map(|(at, loc)| [at, loc]).collect(),
        call_sites: text.call_sites.into_iter().map(site).collect(),
        handlers: text.handlers.into_iter().map(|(catch, at)| [catch, at]).collect(),
    }
}

/// Numbers from here on are drafts, libcalls, and trampolines of types; below are functions, of which there are at most a
/// million.
const FIRST_DRAFT: u32 = 1 << 29;
const FIRST_LIBCALL: u32 = 1 << 30;
const FIRST_TRAMPOLINE: u32 = 1 << 31;

fn number(item: Item) -> u32 {
    match item {
        Item::Function(function) => function.as_u32(),
        Item::Draft(function) => FIRST_DRAFT + function.as_u32(),
        Item::Libcall(libcall) => FIRST_LIBCALL + libcall.index() as u32,
        Item::Trampoline(place) => FIRST_TRAMPOLINE + place,
    }
}

/// The item with a number; `None` for a libcall that does not exist.
pub(super) fn item_of(number: u32) -> Option<Item> {
    if number >= FIRST_TRAMPOLINE {
        return Some(Item::Trampoline(number - FIRST_TRAMPOLINE));
    }
    if number >= FIRST_LIBCALL {
        return Some(Item::Libcall(*Libcall::ALL.get((number - FIRST_LIBCALL) as usize)?));
    }
    Some(match number.checked_sub(FIRST_DRAFT) {
        Some(function) => Item::Draft(DefinedFuncIndex::from_u32(function)),
        None => Item::Function(DefinedFuncIndex::from_u32(number)),
    })
}

impl Drop for CodeImage {
    fn drop(&mut self) {
        registry::unregister(self);
        let jit = self.jit.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(jit) = jit {
            // SAFETY: nothing runs this code any more: instances and functions that could call into it own the
            // image, and the last owner is gone.
            unsafe { jit.free_memory() };
        }
    }
}

/// Texts begin on multiples of this.
const TEXT_ALIGN: usize = 64;

fn cannot_map(error: impl std::fmt::Display) -> Error {
    Error::resource(format!("cannot map machine code: {error}"))
}

/// Writes `bytes` through a `JITModule`.
fn define(jit: &mut JITModule, bytes: &[u8]) -> Result<(), Box<ModuleError>> {
    let signature = jit.make_signature();
    let id = jit.declare_anonymous_function(&signature).map_err(Box::new)?;
    jit.define_function_bytes(id, TEXT_ALIGN as u64, bytes, &[]).map_err(Box::new)?;
    jit.finalize_definitions().map_err(Box::new)
}

/// Gives a `JITModule` memory behind what it has had already.
struct Published(Arc<CodeMemory>);

impl JITMemoryProvider for Published {
    fn allocate(&mut self, size: usize, align: u64, kind: JITMemoryKind) -> io::Result<*mut u8> {
        assert!(matches!(kind, JITMemoryKind::Executable), "texts are code only");
        self.0.extend(size, align as usize)
    }

    unsafe fn free_memory(&mut self) {
        // The image, which owns the memory too, is being dropped.
    }

    fn finalize(&mut self, _protection: BranchProtection) -> ModuleResult<()> {
        self.0.publish().map_err(|err| ModuleError::Allocation { err })
    }
}
