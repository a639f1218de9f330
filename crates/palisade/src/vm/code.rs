//! Machine code in memory, with the tables that explain it.
//!
//! The only file that names `cranelift_jit` and `cranelift_module`. A text arrives without relocations, so a
//! `JITModule` holds it as one function over a [`CodeMemory`]: written through one view, run in another, and unmapped
//! when the last owner of the image drops.

use super::registry;
use crate::error::{Error, Result};
use crate::module_meta::ModuleMeta;
use cranelift_jit::{BranchProtection, JITBuilder, JITMemoryKind, JITMemoryProvider, JITModule};
use cranelift_module::{FuncId, Linkage, Module as _, ModuleError, ModuleResult};
use palisade_compile::{CallSite, Compiler, Text};
use palisade_environ::{DefinedFuncIndex, FuncIndex, Trap};
use palisade_sys::CodeMemory;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// One text, mapped executable.
pub(crate) struct CodeImage {
    /// Owns the mapping; taken only by `drop`.
    jit: Mutex<Option<JITModule>>,
    base: usize,
    text: Tables,
    /// The module whose functions these are; `None` for trampolines.
    meta: Option<Arc<ModuleMeta>>,
}

/// What remains of a [`Text`] besides its bytes.
struct Tables {
    len: usize,
    functions: Vec<Range<u32>>,
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
    /// Maps `text` and publishes it. `meta` is the module that it was compiled from.
    pub(crate) fn publish(
        compiler: &Compiler,
        text: Text,
        meta: Option<Arc<ModuleMeta>>,
    ) -> Result<Arc<CodeImage>> {
        let (jit, base) = map(compiler, &text.bytes)
            .map_err(|e| Error::resource(format!("cannot map machine code: {e}")))?;
        let len = text.bytes.len();
        let Text { functions, traps, sources, call_sites, handlers, .. } = text;
        let text = Tables { len, functions, traps, sources, call_sites, handlers };
        let image = Arc::new(CodeImage { jit: Mutex::new(Some(jit)), base, text, meta });
        // SAFETY: the image is behind an `Arc`, so it does not move, and unregisters itself before it is gone.
        unsafe { registry::register(&image) };
        Ok(image)
    }

    /// Addresses of the code.
    pub(super) fn range(&self) -> Range<usize> {
        self.base..self.base + self.text.len
    }

    /// Entry point of the function at `place` of the text.
    pub(crate) fn function(&self, place: usize) -> *const u8 {
        (self.base + self.text.functions[place].start as usize) as *const u8
    }

    /// The address of a byte of the text.
    pub(super) fn address(&self, offset: u32) -> usize {
        self.base + offset as usize
    }

    /// The call that returns to an address, if it has handlers, and those: what they catch, and where they begin.
    pub(super) fn call_site(&self, return_address: usize) -> Option<(&CallSite, &[(u32, u32)])> {
        let offset = u32::try_from(return_address.checked_sub(self.base)?).ok()?;
        let sites = &self.text.call_sites;
        let place = sites.binary_search_by_key(&offset, |site| site.return_address).ok()?;
        let range = sites[place].handlers.start as usize..sites[place].handlers.end as usize;
        Some((&sites[place], &self.text.handlers[range]))
    }

    /// Bytes of machine code.
    pub(crate) fn len(&self) -> usize {
        self.text.len
    }

    /// The module that this is the code of.
    pub(crate) fn meta(&self) -> Option<&Arc<ModuleMeta>> {
        self.meta.as_ref()
    }

    /// Why the instruction at `pc` faults, if it is known to. Reads immutable data only.
    pub(super) fn trap_at(&self, pc: usize) -> Option<Trap> {
        let offset = u32::try_from(pc.checked_sub(self.base)?).ok()?;
        let place = self.text.traps.binary_search_by_key(&offset, |(at, _)| *at).ok()?;
        Trap::from_code(self.text.traps[place].1)
    }

    /// The wasm function and instruction at `pc`.
    pub(crate) fn place_of(&self, pc: usize) -> Option<CodePlace> {
        let offset = u32::try_from(pc.checked_sub(self.base)?).ok()?;
        let place = self.text.functions.partition_point(|range| range.end <= offset);
        let range = self.text.functions.get(place).filter(|range| range.contains(&offset))?;
        let info = &self.meta.as_ref()?.info;
        // Behind the functions of the module come trampolines, which belong to no wasm function.
        let defined = DefinedFuncIndex::from_u32(place as u32);
        if place >= info.bodies.len() {
            return None;
        }
        let source = self.text.sources.partition_point(|(at, _)| *at <= offset).checked_sub(1);
        let source = source.map(|i| self.text.sources[i]).filter(|(at, _)| *at >= range.start);
        let offset = source.filter(|(_, loc)| *loc != u32::MAX).map(|(_, loc)| loc as usize);
        Some(CodePlace { func: info.func_index(defined), offset })
    }
}

impl Drop for CodeImage {
    fn drop(&mut self) {
        registry::unregister(self);
        let jit = self.jit.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(jit) = jit {
            // SAFETY: nothing runs this code any more: instances and functions that could call into it own the
            // image, and the last owner is gone.
            unsafe { jit.free_memory() };
        }
    }
}

/// Maps `bytes` through a `JITModule`; its address is that of the executable view.
fn map(compiler: &Compiler, bytes: &[u8]) -> Result<(JITModule, usize), Box<ModuleError>> {
    let shared = Arc::new(Mutex::new(None));
    let mut builder =
        JITBuilder::with_isa(compiler.isa(), cranelift_module::default_libcall_names());
    builder.memory_provider(Box::new(DualMapped { memory: shared.clone() }));
    let mut jit = JITModule::new(builder);
    let id: FuncId = jit.declare_anonymous_function(&jit.make_signature()).map_err(Box::new)?;
    debug_assert!(matches!(jit.declarations().get_function_decl(id).linkage, Linkage::Local));
    // Loops were placed relative to 64-byte lines, so the text begins on one.
    jit.define_function_bytes(id, 64, bytes, &[]).map_err(Box::new)?;
    jit.finalize_definitions().map_err(Box::new)?;
    let memory = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let base = memory.as_ref().map_or(0, |m: &CodeMemory| m.executable() as usize);
    drop(memory);
    Ok((jit, base))
}

/// Gives a `JITModule` one allocation of executable memory.
struct DualMapped {
    memory: Arc<Mutex<Option<CodeMemory>>>,
}

impl JITMemoryProvider for DualMapped {
    fn allocate(&mut self, size: usize, align: u64, kind: JITMemoryKind) -> io::Result<*mut u8> {
        let mut slot = self.memory.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        assert!(slot.is_none() && matches!(kind, JITMemoryKind::Executable), "one text an image");
        assert!(align <= palisade_sys::page_size() as u64, "texts are aligned to lines");
        let memory = CodeMemory::new(size)?;
        let writable = memory.writable().expect("not published yet");
        *slot = Some(memory);
        Ok(writable)
    }

    unsafe fn free_memory(&mut self) {
        *self.memory.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }

    fn finalize(&mut self, _protection: BranchProtection) -> ModuleResult<()> {
        let mut slot = self.memory.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match slot.as_mut() {
            Some(memory) => memory.publish().map_err(|err| ModuleError::Allocation { err }),
            None => Ok(()),
        }
    }
}
