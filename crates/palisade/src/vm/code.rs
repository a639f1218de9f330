//! Machine code in memory, with the tables that explain it.
//!
//! The only file that names `cranelift_jit` and `cranelift_module`. A text arrives without relocations, so a
//! `JITModule` holds it as one function over a [`CodeMemory`]: written through one view, run in another, and unmapped
//! when the last owner of the image drops. An image whose functions are compiled when they are called gets its texts one
//! after the other; what is there already does not change.

use super::lazy::Lazy;
use super::registry;
use crate::error::{Error, Result};
use crate::module_meta::ModuleMeta;
use cranelift_jit::{BranchProtection, JITBuilder, JITMemoryKind, JITMemoryProvider, JITModule};
use cranelift_module::{Module as _, ModuleError, ModuleResult};
use palisade_compile::{CallSite, Compiler, Item, Text};
use palisade_environ::{DefinedFuncIndex, FuncIndex, Trap};
use palisade_sys::CodeMemory;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One module's machine code, or that of some trampolines.
pub(crate) struct CodeImage {
    /// Adds code; taken only by `drop`. Whoever adds holds the lock from the choice of a place to its publication.
    jit: Mutex<Option<JITModule>>,
    memory: Arc<CodeMemory>,
    /// In the order of their addresses.
    chunks: boxcar::Vec<Chunk>,
    /// How many of `chunks` can be looked at: written after a chunk, read before.
    published: AtomicUsize,
    /// The module whose functions these are; `None` for trampolines.
    meta: Option<Arc<ModuleMeta>>,
    /// What is not compiled yet.
    lazy: Option<Lazy>,
}

/// What remains of a [`Text`] besides its bytes. Offsets are from the start of the image.
struct Chunk {
    end: u32,
    functions: Vec<(Item, Range<u32>)>,
    traps: Vec<(u32, u8)>,
    sources: Vec<(u32, u32)>,
    call_sites: Vec<CallSite>,
    handlers: Vec<(u32, u32)>,
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
        builder.memory_provider(Box::new(DualMapped(memory.clone())));
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

    /// Adds the text that `text` makes for the place that it is told, and publishes it.
    pub(super) fn add(
        &self,
        text: impl FnOnce(u32) -> Result<Text>,
    ) -> Result<&[(Item, Range<u32>)]> {
        let mut jit = self.jit.lock().unwrap_or_else(PoisonError::into_inner);
        let jit = jit.as_mut().expect("an image has it until it is dropped");
        // Loops were placed relative to 64-byte lines, so texts begin on one.
        let start = self.memory.len().next_multiple_of(TEXT_ALIGN);
        let text = text(start as u32)?;
        define(jit, &text.bytes).map_err(cannot_map)?;
        let end = text.start + text.bytes.len() as u32;
        debug_assert_eq!(self.memory.len(), end as usize);
        let Text { functions, traps, sources, call_sites, handlers, .. } = text;
        let place =
            self.chunks.push(Chunk { end, functions, traps, sources, call_sites, handlers });
        self.published.store(place + 1, Ordering::Release);
        Ok(&self.chunks[place].functions)
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
        self.address(self.chunks[0].functions[place].1.start) as *const u8
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

    /// The address of a byte of the image.
    pub(super) fn address(&self, offset: u32) -> usize {
        self.base() + offset as usize
    }

    /// The chunk with the code at `pc`, and where in the image that is. Reads immutable and atomic data only.
    fn chunk_at(&self, pc: usize) -> Option<(&Chunk, u32)> {
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
    pub(super) fn call_site(&self, return_address: usize) -> Option<(&CallSite, &[(u32, u32)])> {
        // A call can be the last instruction, so the address may lie behind the chunk.
        let (chunk, before) = self.chunk_at(return_address.checked_sub(1)?)?;
        let sites = &chunk.call_sites;
        let place = sites.binary_search_by_key(&(before + 1), |site| site.return_address).ok()?;
        let range = sites[place].handlers.start as usize..sites[place].handlers.end as usize;
        Some((&sites[place], &chunk.handlers[range]))
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
        let place = chunk.traps.binary_search_by_key(&offset, |(at, _)| *at).ok()?;
        Trap::from_code(chunk.traps[place].1)
    }

    /// The wasm function and instruction at `pc`. Trampolines belong to no function.
    pub(crate) fn place_of(&self, pc: usize) -> Option<CodePlace> {
        let (chunk, offset) = self.chunk_at(pc)?;
        let place = chunk.functions.partition_point(|(_, range)| range.end <= offset);
        let (item, range) = chunk.functions.get(place).filter(|(_, r)| r.contains(&offset))?;
        let Item::Function(defined) = *item else { return None };
        let source = chunk.sources.partition_point(|(at, _)| *at <= offset).checked_sub(1);
        let source = source.map(|i| chunk.sources[i]).filter(|(at, _)| *at >= range.start);
        let offset = source.filter(|(_, loc)| *loc != u32::MAX).map(|(_, loc)| loc as usize);
        Some(CodePlace { func: self.meta.as_ref()?.info.func_index(defined), offset })
    }
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
struct DualMapped(Arc<CodeMemory>);

impl JITMemoryProvider for DualMapped {
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
