//! Bounds checks for linear memories and tables, decided in one place.
//!
//! Given an index, a constant offset and an access size, forms the native address to use.
//! Invariant: every address handed out is inside the memory or table, inside the memory's guard region, or on the
//! inaccessible page 0. The access through it must carry the trap code that [`Env`] gives its flags: that is what
//! an access out of bounds traps with. A check that is emitted masks the address instead of branching, so
//! speculation cannot get past it either.
//! Code elsewhere must not add an offset to a memory base itself.
//!
//! Spec: Execution > Instructions > Memory Instructions, Table Instructions.

use crate::env::Env;
use crate::signature::POINTER;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value, ValueDef, types};
use cranelift_frontend::FunctionBuilder;
use palisade_environ::{HeapType, MemoryIndex, TableIndex, offsets};

/// Bytes after the addressable 4 GiB of a 32-bit memory that are reserved and never accessible.
///
/// Static offsets below it need no check. LLVM folds the addresses of static data into offsets, and few programs have
/// more of it than 32 MiB.
pub const MEMORY_GUARD_BYTES: u64 = 32 << 20;

/// Bytes that a 32-bit index can name.
const INDEX_SPACE_BYTES: u64 = 1 << 32;

/// Bytes of an entry of a table of other references than functions; a power of two as `VmTableEntry`'s size is.
const REFERENCE_SIZE: i64 = 8;

/// A native address to access: `base` plus `offset`.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    pub(crate) base: Value,
    pub(crate) offset: i32,
}

/// The address of `size` bytes of a memory at `index` plus `offset`.
pub(crate) fn memory_address(
    b: &mut FunctionBuilder<'_>,
    env: &Env<'_>,
    memory: MemoryIndex,
    index: Value,
    offset: u64,
    size: u32,
) -> Address {
    debug_assert!(!env.module.memories[memory].is_64(), "only 32-bit memories are built");
    let largest_index = constant_index(b, index).unwrap_or(INDEX_SPACE_BYTES - 1);
    let largest_end = largest_index + offset + u64::from(size);
    let index = widen(b, index);
    let base = env.memory_base(b, memory);
    if largest_end < INDEX_SPACE_BYTES + MEMORY_GUARD_BYTES {
        let address = b.ins().iadd(base, index);
        return folded(b, address, offset);
    }
    // The sum is below 2^34, so it does not wrap.
    let end = b.ins().iadd_imm_u(index, (offset + u64::from(size)) as i64);
    let len = env.memory_len(b, memory);
    let outside = b.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
    let address = b.ins().iadd(base, index);
    let address = b.ins().iadd_imm_u(address, offset as i64);
    Address { base: masked(b, outside, address), offset: 0 }
}

/// The address of an entry of a table.
pub(crate) fn table_entry(
    b: &mut FunctionBuilder<'_>,
    env: &Env<'_>,
    table: TableIndex,
    index: Value,
) -> Value {
    let index = widen(b, index);
    let len = env.table_len(b, table);
    let outside = b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
    let base = env.table_base(b, table);
    let entry_size = match env.module.tables[table].element().heap_type().top() {
        HeapType::Func => offsets::ENTRY_SIZE,
        _ => REFERENCE_SIZE,
    };
    let place = b.ins().ishl_imm_u(index, i64::from(entry_size.trailing_zeros()));
    let address = b.ins().iadd(base, place);
    masked(b, outside, address)
}

/// The type of indices into a memory.
pub(crate) fn memory_index_type(env: &Env<'_>, memory: MemoryIndex) -> Type {
    if env.module.memories[memory].is_64() { types::I64 } else { types::I32 }
}

/// An index as 64 bits.
pub(crate) fn widen(b: &mut FunctionBuilder<'_>, index: Value) -> Value {
    if b.func.dfg.value_type(index) == types::I32 {
        b.ins().uextend(types::I64, index)
    } else {
        index
    }
}

/// `address`, or the inaccessible address 0 if `outside`.
fn masked(b: &mut FunctionBuilder<'_>, outside: Value, address: Value) -> Value {
    let inaccessible = b.ins().iconst(POINTER, 0);
    b.ins().select_spectre_guard(outside, inaccessible, address)
}

/// Adds an offset to an address, in the access where it fits.
fn folded(b: &mut FunctionBuilder<'_>, address: Value, offset: u64) -> Address {
    match i32::try_from(offset) {
        Ok(offset) => Address { base: address, offset },
        Err(_) => Address { base: b.ins().iadd_imm_u(address, offset as i64), offset: 0 },
    }
}

fn constant_index(b: &FunctionBuilder<'_>, index: Value) -> Option<u64> {
    constant(b, index).map(|index| u64::from(index as u32))
}

/// The value of an `iconst`.
pub(crate) fn constant(b: &FunctionBuilder<'_>, value: Value) -> Option<i64> {
    let dfg = &b.func.dfg;
    let ValueDef::Result(inst, _) = dfg.value_def(dfg.resolve_aliases(value)) else { return None };
    match dfg.insts[inst] {
        cranelift_codegen::ir::InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => {
            Some(imm.bits())
        }
        _ => None,
    }
}
