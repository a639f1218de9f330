//! Runtime functions that compiled code may call.
//!
//! Compiled code reaches them through a table of pointers in the vmctx, so code never names a host address.
//! Each takes the vmctx first, then the listed parameters, by the platform's C convention. A libcall that fails
//! records why and sets [`VmStoreContext::raise`](crate::VmStoreContext::raise); the compiled trampoline through which
//! it was called then leaves for the landing pad, so a Rust frame is never skipped.

macro_rules! libcalls {
    ($($(#[$doc:meta])* $name:ident($($param:ident)*) $(-> $result:ident)?;)*) => {
        /// A runtime function that compiled code may call.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Libcall { $($(#[$doc])* $name,)* }

        impl Libcall {
            /// Every libcall, in the order of the table.
            pub const ALL: &[Libcall] = &[$(Libcall::$name),*];

            /// Its parameters after the vmctx.
            pub fn params(self) -> &'static [LibcallType] {
                match self { $(Libcall::$name => &[$(LibcallType::$param),*],)* }
            }

            /// Its result, if it has one.
            pub fn result(self) -> Option<LibcallType> {
                match self { $(Libcall::$name => { None::<LibcallType> $(.or(Some(LibcallType::$result)))? })* }
            }
        }
    };
}

/// The machine type of a libcall's parameter or result.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum LibcallType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer, pointer or reference.
    I64,
    /// 32-bit number.
    F32,
    /// 64-bit number.
    F64,
}

libcalls! {
    /// `memory.grow`: memory index, pages; the old size in pages or -1.
    MemoryGrow(I32 I64) -> I64;
    /// `memory.init`: memory, data segment, destination, source, length.
    MemoryInit(I32 I32 I64 I32 I32);
    /// `memory.atomic.wait32`: memory, index, offset, expected value, nanoseconds; 0, 1 or 2 as the instruction has it.
    MemoryAtomicWait32(I32 I64 I64 I32 I64) -> I32;
    /// `memory.atomic.wait64`, likewise.
    MemoryAtomicWait64(I32 I64 I64 I64 I64) -> I32;
    /// `memory.atomic.notify`: memory, index, offset, how many to wake; how many were woken.
    MemoryAtomicNotify(I32 I64 I64 I32) -> I32;
    /// `data.drop`: data segment.
    DataDrop(I32);
    /// `table.grow`: table, reference, delta; the old size or -1.
    TableGrow(I32 I64 I64) -> I64;
    /// `table.fill`: table, destination, reference, length.
    TableFill(I32 I64 I64 I64);
    /// `table.copy`: destination table, source table, destination, source, length.
    TableCopy(I32 I32 I64 I64 I64);
    /// `table.init`: table, element segment, destination, source, length.
    TableInit(I32 I32 I64 I32 I32);
    /// `elem.drop`: element segment.
    ElemDrop(I32);
    /// Whether a function (not null) has a type, given by its id, or a subtype of it; 0 or 1.
    IsSubtype(I64 I32) -> I32;
    /// `throw`: tag, address of its values, 16 bytes each. Does not return.
    Throw(I32 I64);
    /// `throw_ref` and `rethrow`: a reference to an exception, not null. Does not return.
    ThrowRef(I64);
    /// `unreachable`: traps. Does not return.
    Unreachable();
    /// Traps if an interrupt was requested, as all these functions do when they are done.
    Interrupted();
    /// `f32.ceil` for CPUs without an instruction for it.
    F32Ceil(F32) -> F32;
    /// `f32.floor` likewise.
    F32Floor(F32) -> F32;
    /// `f32.trunc` likewise.
    F32Trunc(F32) -> F32;
    /// `f32.nearest` likewise.
    F32Nearest(F32) -> F32;
    /// `f64.ceil` likewise.
    F64Ceil(F64) -> F64;
    /// `f64.floor` likewise.
    F64Floor(F64) -> F64;
    /// `f64.trunc` likewise.
    F64Trunc(F64) -> F64;
    /// `f64.nearest` likewise.
    F64Nearest(F64) -> F64;
}

impl Libcall {
    /// Its place in the table of pointers.
    pub const fn index(self) -> usize {
        self as usize
    }
}
