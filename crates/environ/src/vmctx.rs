//! The blocks that compiled code reads and writes.
//!
//! An instance's vmctx is a [`VmCtxHeader`] followed by arrays whose places [`VmOffsets`] gives. Everything of fixed
//! shape is a `#[repr(C)]` struct, so that both sides take offsets from `offset_of!`: code is compiled only for the
//! machine it runs on.
//!
//! Invariant: what is documented here as constant never changes while an instance lives; compiled code loads it as
//! `readonly` and may keep it in registers across calls.

use crate::{
    DefinedGlobalIndex, EscapedFuncIndex, FuncIndex, GlobalIndex, MemoryIndex, ModuleInfo,
    TableIndex, TagIndex, TypeIndex,
};
use std::mem::{offset_of, size_of};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};

/// What every vmctx begins with. All fields are constant.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct VmCtxHeader {
    /// The store's block.
    pub store: *mut VmStoreContext,
    /// Pointers to the runtime functions, in the order of [`Libcall::ALL`](crate::Libcall::ALL).
    pub libcalls: *const *const u8,
    /// The runtime's own view of the instance; compiled code does not look into it.
    pub instance: *mut u8,
    /// C's `memmove`, which compiled code calls without a trampoline, as it cannot fail.
    pub memmove: *const u8,
    /// C's `memset`, likewise.
    pub memset: *const u8,
}

/// What compiled code shares with a store.
#[repr(C)]
#[derive(Debug)]
pub struct VmStoreContext {
    /// Prologues trap when the stack pointer would pass below this address.
    pub stack_limit: usize,
    /// The innermost activation of this store. Only the thread that uses the store writes it; others look whether there is
    /// one.
    pub activation: AtomicPtr<VmActivation>,
    /// The vmctx of the last caller that may have called a host function.
    pub caller: *mut VmCtxHeader,
    /// Not 0 when an interrupt was requested and has not happened yet.
    pub interrupted: AtomicU32,
    /// Continues at the place that `raise` names, which it is given; never returns.
    pub raise_stub: *const u8,
    /// Whether the function that called a host function or libcall must be left, and where for.
    pub raise: VmRaise,
}

/// How wasm is left without returning. Written by Rust functions that wasm has called.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct VmRaise {
    /// Where execution goes on: the landing pad of the innermost activation, or the handler of an exception.
    pub landing: VmLanding,
    /// What a handler finds in the first two registers for exceptions: the address of the exception's values, and the
    /// reference to it.
    pub payload: [u64; 2],
    /// Not zero when wasm must be left.
    pub pending: u32,
    /// What `pending` becomes on the way: whoever is at the landing pad looks at it again.
    pub after: u32,
}

/// Where execution goes on when wasm is left without returning. First part of an activation.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct VmLanding {
    /// Code address.
    pub pc: usize,
    /// Stack pointer there.
    pub sp: usize,
    /// Frame pointer there.
    pub fp: usize,
}

/// The part of an activation that is written on the way into wasm and out of it.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct VmActivation {
    /// Written before wasm is called.
    pub landing: VmLanding,
    /// Where wasm was left last: a return address into wasm, written by exit trampolines, or an [`ExitPlace`], written by
    /// code that calls the host directly.
    pub exit_pc: usize,
    /// Frame pointer of the exit trampoline, whose saved frame pointer is that of the wasm caller; with an
    /// [`ExitPlace`], that of the wasm function itself.
    pub exit_fp: usize,
    /// With an [`ExitPlace`], the vmctx of the wasm function.
    pub exit_vmctx: usize,
}

/// An instruction, named by function and byte offset in the module instead of by address: compiled code knows these, but
/// not its own address. The highest bit tells it from an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitPlace {
    /// The function, imports first; below 2^31.
    pub func: FuncIndex,
    /// Byte offset of the instruction in the module.
    pub offset: u32,
}

impl ExitPlace {
    const TAG: u64 = 1 << 63;

    /// As compiled code writes it.
    pub fn to_bits(self) -> u64 {
        ExitPlace::TAG | u64::from(self.func.as_u32()) << 32 | u64::from(self.offset)
    }

    /// From what compiled code has written; `None` if that is an address.
    pub fn from_bits(bits: u64) -> Option<ExitPlace> {
        let func = FuncIndex::from_u32((bits >> 32) as u32 & (u32::MAX >> 1));
        (bits & ExitPlace::TAG != 0).then_some(ExitPlace { func, offset: bits as u32 })
    }
}

/// A linear memory as its owner sees it.
#[repr(C)]
#[derive(Debug)]
pub struct VmMemory {
    /// First byte. Constant, so loads of it may be hoisted.
    pub base: *mut u8,
    /// Accessible bytes. Grows, never shrinks. Atomic, because another thread may grow a shared memory.
    pub len: AtomicUsize,
}

/// A linear memory as an instance sees it; constant.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct VmMemoryRef {
    /// Copy of [`VmMemory::base`], one load nearer.
    pub base: *mut u8,
    /// The memory, for its length.
    pub memory: *const VmMemory,
}

/// A table as its owner sees it. Both fields change when it grows.
#[repr(C)]
#[derive(Debug)]
pub struct VmTable {
    /// First entry: [`VmTableEntry`] for functions, `u64` for other references.
    pub base: *mut u8,
    /// Number of entries.
    pub len: usize,
}

/// A table as an instance sees it; constant.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct VmTableRef {
    /// Copy of [`VmTable::base`], valid only for tables whose type fixes their size.
    pub base: *mut u8,
    /// The table.
    pub table: *mut VmTable,
}

/// An entry of a function table: what a call needs, without a further load. All zero means null.
#[repr(C, align(32))]
#[derive(Debug, Clone, Copy)]
pub struct VmTableEntry {
    /// Entry point by wasm's own convention.
    pub code: *const u8,
    /// What the callee takes as its vmctx.
    pub vmctx: *mut u8,
    /// Engine-wide signature id; 0 only in null entries.
    pub signature: u32,
    /// The same id where the function is known to belong to the instance that defines the table, else 0. A caller of
    /// that instance finds type and owner by one compare.
    pub own_signature: u32,
    /// The reference itself.
    pub func_ref: *const VmFuncRef,
}

/// A function, as references to it see it. A funcref is a pointer to this, or null.
#[repr(C)]
#[derive(Debug)]
pub struct VmFuncRef {
    /// Entry point by wasm's own convention.
    pub code: *const u8,
    /// What the callee takes as its vmctx.
    pub vmctx: *mut u8,
    /// Engine-wide signature id; never 0.
    pub signature: u32,
    /// Who implements it.
    pub kind: VmFuncKind,
    /// What the runtime knows of its type; compiled code does not look into it.
    pub runtime: *const u8,
}

/// Who implements a function, and by which convention.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VmFuncKind {
    /// Compiled wasm.
    Wasm,
    /// The host, by the native ABI; the function's vmctx is a [`VmHostFunc`].
    HostNative,
    /// The host, by the array ABI; the function's vmctx is a [`VmHostFunc`].
    HostArray,
}

/// An imported function in a vmctx; constant while wasm of the store runs.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct VmFunctionImport {
    /// What to call by the native ABI, with `vmctx` and the caller's vmctx before the parameters; null unless the host
    /// implements the function so.
    pub host_code: *const u8,
    /// Entry point by wasm's own convention.
    pub code: *const u8,
    /// What the callee takes as its vmctx.
    pub vmctx: *mut u8,
    /// The reference to it.
    pub func_ref: *const VmFuncRef,
}

/// The part of a host function that exit trampolines read; constant.
#[repr(C)]
#[derive(Debug)]
pub struct VmHostFunc {
    /// The store it belongs to.
    pub store: *mut VmStoreContext,
    /// The Rust function to call: native ABI or array ABI, as the exit trampoline was made for.
    pub call: *const u8,
}

/// A tag. Its address is its identity.
#[repr(C)]
#[derive(Debug)]
pub struct VmTag(pub u64);

/// Storage of a global; 16 bytes so that a vector fits.
#[repr(C, align(16))]
#[derive(Debug, Clone, Copy, Default)]
pub struct VmGlobal(pub [u8; 16]);

/// Places inside of one module's vmctx, in bytes from its start.
#[derive(Debug, Clone, Default)]
pub struct VmOffsets {
    signatures: u32,
    memories: u32,
    tables: u32,
    imported_globals: u32,
    imported_funcs: u32,
    defined_globals: u32,
    func_refs: u32,
    tags: u32,
    size: u32,
}

impl VmOffsets {
    /// Lays out the vmctx of instances of `module`. The counts are bounded by the validator (at most a million of
    /// each), so the sum fits in 32 bits.
    pub fn new(module: &ModuleInfo) -> VmOffsets {
        let mut end = size_of::<VmCtxHeader>();
        let mut array = |count: usize, size: usize, align: usize| {
            let start = end.next_multiple_of(align);
            end = start + count * size;
            u32::try_from(start).expect("vmctx below 4 GiB by the validator's limits")
        };
        VmOffsets {
            signatures: array(module.types.len(), 4, 4),
            memories: array(module.memories.len(), size_of::<VmMemoryRef>(), 8),
            tables: array(module.tables.len(), size_of::<VmTableRef>(), 8),
            imported_globals: array(module.imported_globals, 8, 8),
            imported_funcs: array(module.imported_funcs, size_of::<VmFunctionImport>(), 8),
            defined_globals: array(
                module.globals.len() - module.imported_globals,
                size_of::<VmGlobal>(),
                16,
            ),
            func_refs: array(module.escaped_funcs.len(), size_of::<VmFuncRef>(), 8),
            tags: array(module.tags.len(), 8, 8),
            size: array(0, 1, 16),
        }
    }

    /// Bytes of a whole vmctx; a multiple of 16.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The `u32` engine-wide id of a type.
    pub fn signature(&self, index: TypeIndex) -> i32 {
        place(self.signatures, index.as_u32(), 4)
    }

    /// The [`VmMemoryRef`] of a memory.
    pub fn memory(&self, index: MemoryIndex) -> i32 {
        place(self.memories, index.as_u32(), size_of::<VmMemoryRef>())
    }

    /// The [`VmTableRef`] of a table.
    pub fn table(&self, index: TableIndex) -> i32 {
        place(self.tables, index.as_u32(), size_of::<VmTableRef>())
    }

    /// The `*mut VmGlobal` of an imported global.
    pub fn imported_global(&self, index: GlobalIndex) -> i32 {
        place(self.imported_globals, index.as_u32(), 8)
    }

    /// The [`VmFunctionImport`] of an imported function.
    pub fn imported_func(&self, index: FuncIndex) -> i32 {
        place(self.imported_funcs, index.as_u32(), size_of::<VmFunctionImport>())
    }

    /// The [`VmGlobal`] of a global that the module defines.
    pub fn defined_global(&self, index: DefinedGlobalIndex) -> i32 {
        place(self.defined_globals, index.as_u32(), size_of::<VmGlobal>())
    }

    /// The [`VmFuncRef`] of a function that can be referred to.
    pub fn func_ref(&self, index: EscapedFuncIndex) -> i32 {
        place(self.func_refs, index.as_u32(), size_of::<VmFuncRef>())
    }

    /// The `*const VmTag` of a tag.
    pub fn tag(&self, index: TagIndex) -> i32 {
        place(self.tags, index.as_u32(), 8)
    }
}

fn place(start: u32, index: u32, size: usize) -> i32 {
    let offset = u64::from(start) + u64::from(index) * size as u64;
    i32::try_from(offset).expect("vmctx below 2 GiB by the validator's limits")
}

/// Byte offsets of the fields that compiled code names.
pub mod offsets {
    use super::*;

    /// [`VmCtxHeader::store`]
    pub const VMCTX_STORE: i32 = offset_of!(VmCtxHeader, store) as i32;
    /// [`VmCtxHeader::libcalls`]
    pub const VMCTX_LIBCALLS: i32 = offset_of!(VmCtxHeader, libcalls) as i32;
    /// [`VmCtxHeader::memmove`]
    pub const VMCTX_MEMMOVE: i32 = offset_of!(VmCtxHeader, memmove) as i32;
    /// [`VmCtxHeader::memset`]
    pub const VMCTX_MEMSET: i32 = offset_of!(VmCtxHeader, memset) as i32;
    /// [`VmStoreContext::stack_limit`]
    pub const STORE_STACK_LIMIT: i32 = offset_of!(VmStoreContext, stack_limit) as i32;
    /// [`VmStoreContext::activation`]
    pub const STORE_ACTIVATION: i32 = offset_of!(VmStoreContext, activation) as i32;
    /// [`VmStoreContext::caller`]
    pub const STORE_CALLER: i32 = offset_of!(VmStoreContext, caller) as i32;
    /// [`VmStoreContext::interrupted`]
    pub const STORE_INTERRUPTED: i32 = offset_of!(VmStoreContext, interrupted) as i32;
    /// [`VmStoreContext::raise`]
    pub const STORE_RAISE: i32 = offset_of!(VmStoreContext, raise) as i32;
    /// [`VmRaise::pending`] in a store's block
    pub const STORE_RAISE_PENDING: i32 =
        (offset_of!(VmStoreContext, raise) + offset_of!(VmRaise, pending)) as i32;
    /// [`VmStoreContext::raise_stub`]
    pub const STORE_RAISE_STUB: i32 = offset_of!(VmStoreContext, raise_stub) as i32;
    /// [`VmLanding::pc`] in an activation
    pub const ACTIVATION_LANDING_PC: i32 =
        (offset_of!(VmActivation, landing) + offset_of!(VmLanding, pc)) as i32;
    /// [`VmLanding::sp`] in an activation
    pub const ACTIVATION_LANDING_SP: i32 =
        (offset_of!(VmActivation, landing) + offset_of!(VmLanding, sp)) as i32;
    /// [`VmLanding::fp`] in an activation
    pub const ACTIVATION_LANDING_FP: i32 =
        (offset_of!(VmActivation, landing) + offset_of!(VmLanding, fp)) as i32;
    /// [`VmActivation::exit_pc`]
    pub const ACTIVATION_EXIT_PC: i32 = offset_of!(VmActivation, exit_pc) as i32;
    /// [`VmActivation::exit_fp`]
    pub const ACTIVATION_EXIT_FP: i32 = offset_of!(VmActivation, exit_fp) as i32;
    /// [`VmMemory::len`]
    pub const MEMORY_LEN: i32 = offset_of!(VmMemory, len) as i32;
    /// [`VmMemoryRef::base`]
    pub const MEMORY_REF_BASE: i32 = offset_of!(VmMemoryRef, base) as i32;
    /// [`VmMemoryRef::memory`]
    pub const MEMORY_REF_MEMORY: i32 = offset_of!(VmMemoryRef, memory) as i32;
    /// [`VmTable::base`]
    pub const TABLE_BASE: i32 = offset_of!(VmTable, base) as i32;
    /// [`VmTable::len`]
    pub const TABLE_LEN: i32 = offset_of!(VmTable, len) as i32;
    /// [`VmTableRef::base`]
    pub const TABLE_REF_BASE: i32 = offset_of!(VmTableRef, base) as i32;
    /// [`VmTableRef::table`]
    pub const TABLE_REF_TABLE: i32 = offset_of!(VmTableRef, table) as i32;
    /// [`VmTableEntry::code`]
    pub const ENTRY_CODE: i32 = offset_of!(VmTableEntry, code) as i32;
    /// [`VmTableEntry::vmctx`]
    pub const ENTRY_VMCTX: i32 = offset_of!(VmTableEntry, vmctx) as i32;
    /// [`VmTableEntry::signature`]
    pub const ENTRY_SIGNATURE: i32 = offset_of!(VmTableEntry, signature) as i32;
    /// [`VmTableEntry::own_signature`]
    pub const ENTRY_OWN_SIGNATURE: i32 = offset_of!(VmTableEntry, own_signature) as i32;
    /// [`VmTableEntry::func_ref`]
    pub const ENTRY_FUNC_REF: i32 = offset_of!(VmTableEntry, func_ref) as i32;
    /// Bytes of a [`VmTableEntry`]
    pub const ENTRY_SIZE: i64 = size_of::<VmTableEntry>() as i64;
    /// [`VmFuncRef::code`]
    pub const FUNC_REF_CODE: i32 = offset_of!(VmFuncRef, code) as i32;
    /// [`VmFuncRef::vmctx`]
    pub const FUNC_REF_VMCTX: i32 = offset_of!(VmFuncRef, vmctx) as i32;
    /// [`VmFuncRef::signature`]
    pub const FUNC_REF_SIGNATURE: i32 = offset_of!(VmFuncRef, signature) as i32;
    /// [`VmFunctionImport::code`]
    pub const IMPORT_CODE: i32 = offset_of!(VmFunctionImport, code) as i32;
    /// [`VmFunctionImport::host_code`]
    pub const IMPORT_HOST_CODE: i32 = offset_of!(VmFunctionImport, host_code) as i32;
    /// [`VmActivation::exit_vmctx`]
    pub const ACTIVATION_EXIT_VMCTX: i32 = offset_of!(VmActivation, exit_vmctx) as i32;
    /// [`VmFunctionImport::vmctx`]
    pub const IMPORT_VMCTX: i32 = offset_of!(VmFunctionImport, vmctx) as i32;
    /// [`VmFunctionImport::func_ref`]
    pub const IMPORT_FUNC_REF: i32 = offset_of!(VmFunctionImport, func_ref) as i32;
    /// [`VmHostFunc::store`]
    pub const HOST_FUNC_STORE: i32 = offset_of!(VmHostFunc, store) as i32;
    /// [`VmHostFunc::call`]
    pub const HOST_FUNC_CALL: i32 = offset_of!(VmHostFunc, call) as i32;
}
