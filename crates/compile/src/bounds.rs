//! Bounds checks for linear memories and tables, decided in one place.
//!
//! Given an index, a constant offset and an access size, forms the native address to use.
//! Invariant: every address handed out is inside the memory or table, between the memory's length and the end of its
//! guard region, or on the inaccessible page 0. The access through it must carry the trap code that [`Env`] gives its
//! flags: that is what an access out of bounds traps with. A check that is emitted masks the address instead of
//! branching, so speculation cannot get past it either.
//! Code elsewhere must not add an offset to a memory base itself; `settle` moves what was added here.
//!
//! Which check an access gets is a matter of the memory's type:
//!
//! * *32-bit indices*: none, because all that they can reach is reserved. Offsets beyond the guard region are checked
//!   exactly.
//! * *64-bit indices*: the index is clamped to the length, where nothing is accessible: one compare whatever the offset,
//!   as long as the guard region covers it, so accesses to the fields of a structure share it.
//! * *Pages of one byte*: exactly, because what follows the last byte may be accessible.
//! * *Constant indices* below the minimum of any memory: none.
//!
//! Spec: Execution > Instructions > Memory Instructions, Table Instructions.

use crate::env::{Env, trap_code};
use crate::range::{DEFINITIONS, constant, definition, may_have_parts, parts};
use crate::signature::POINTER;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Inst, InstBuilder, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use palisade_environ::{
    HeapType, MemoryIndex, MemoryType, TableIndex, Trap, WASM_PAGE_SIZE, offsets,
};

/// Bytes after what is reserved for a memory that are never accessible.
///
/// Static offsets below it need no check of their own. LLVM folds the addresses of static data into offsets, and few
/// programs have more of it than 32 MiB.
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

/// How accesses to a memory are kept within it.
enum Check {
    /// Every index is within what is reserved.
    Reserved,
    /// Indices are clamped to the length, beyond which nothing is accessible.
    Clamped,
    /// The end of the access is compared with the length.
    Exact,
}

impl Check {
    fn of(ty: &MemoryType) -> Check {
        match (ty.page_size() == WASM_PAGE_SIZE, ty.is_64()) {
            (true, false) => Check::Reserved,
            (true, true) => Check::Clamped,
            // A length that is no multiple of the host's pages says nothing of what is accessible.
            (false, _) => Check::Exact,
        }
    }
}

/// Bytes that must be reserved for every memory of this type, however small its maximum, because compiled code relies
/// on them. The guard region follows what is reserved.
pub fn required_reservation(ty: &MemoryType) -> u64 {
    match Check::of(ty) {
        Check::Reserved => INDEX_SPACE_BYTES,
        Check::Clamped | Check::Exact => 0,
    }
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
    let ty = &env.module.memories[memory];
    let Some(reach) = offset.checked_add(u64::from(size)) else {
        // Only 64-bit memories have such offsets, and no memory is that large.
        return Address { base: b.ins().iconst(POINTER, 0), offset: 0 };
    };
    let constant = constant_index(b, index);
    let (index, offset) = match Check::of(ty) {
        Check::Reserved if constant.is_none() => widen_sum(b, env, index, offset, size),
        _ => (widen(b, index), offset),
    };
    let base = env.memory_base(b, memory);
    let end = constant.and_then(|index| index.checked_add(reach));
    if end.is_some_and(|end| end <= ty.minimum_bytes()) {
        // Memories never shrink.
        let address = b.ins().iadd(base, index);
        return folded(b, address, offset);
    }
    match Check::of(ty) {
        Check::Reserved => {
            let largest_index = constant.unwrap_or(INDEX_SPACE_BYTES - 1);
            if largest_index + reach < INDEX_SPACE_BYTES + MEMORY_GUARD_BYTES {
                let address = b.ins().iadd(base, index);
                return folded(b, address, offset);
            }
        }
        Check::Clamped => {
            let (index, offset) = clamped(b, env, memory, index, offset, reach);
            let address = b.ins().iadd(base, index);
            return folded(b, address, offset);
        }
        Check::Exact => {}
    }
    let outside = outside(b, env, memory, index, reach);
    let address = b.ins().iadd(base, index);
    let address = b.ins().iadd_imm_u(address, offset as i64);
    Address { base: masked(b, outside, address), offset: 0 }
}

/// The sum of a 32-bit index and an offset, as 64 bits and an offset: of an index that is itself a sum, the constant part
/// goes to the offset, as far as the guard region covers it. So accesses to static arrays need no addition.
fn widen_sum(
    b: &mut FunctionBuilder<'_>,
    env: &Env<'_>,
    index: Value,
    offset: u64,
    size: u32,
) -> (Value, u64) {
    let limit = MEMORY_GUARD_BYTES.saturating_sub(offset + u64::from(size));
    let parts = parts(&b.func.dfg, index, limit, DEFINITIONS);
    let added = u64::from(parts.added);
    let wide = b.ins().uextend(types::I64, parts.index);
    if may_have_parts(&b.func.dfg, parts.index) {
        let widening = definition(&b.func.dfg, wide).expect("just made");
        env.unsettled.borrow_mut().push(Unsettled { widening, limit: limit - added });
    }
    let scaled = match parts.scale {
        0 => wide,
        scale => b.ins().ishl_imm_u(wide, i64::from(scale)),
    };
    (scaled, offset + added)
}

/// A 32-bit index that may turn out to be a sum or product which does not wrap, when the whole function is known: then
/// `settle` does what [`widen_sum`] could not.
pub(crate) struct Unsettled {
    /// The instruction that makes 64 bits of it.
    pub(crate) widening: Inst,
    /// What may be added to 64 bits at most, so that the access is covered by the guard region.
    pub(crate) limit: u64,
}

/// An index and an offset whose sum is that of `index` and `offset`, or if an access there of `reach` bytes from `index`
/// on would be out of bounds, less than a guard region beyond the length.
fn clamped(
    b: &mut FunctionBuilder<'_>,
    env: &Env<'_>,
    memory: MemoryIndex,
    index: Value,
    offset: u64,
    reach: u64,
) -> (Value, u64) {
    let len = env.memory_len(b, memory);
    if reach <= MEMORY_GUARD_BYTES {
        let outside = b.ins().icmp(IntCC::UnsignedGreaterThan, index, len);
        return (b.ins().select_spectre_guard(outside, len, index), offset);
    }
    let constant = b.ins().iconst(types::I64, offset as i64);
    if offset <= env.module.memories[memory].minimum_bytes() {
        // The length is no less than the minimum, so the difference is not negative.
        let last = b.ins().isub(len, constant);
        let outside = b.ins().icmp(IntCC::UnsignedGreaterThan, index, last);
        return (b.ins().select_spectre_guard(outside, last, index), offset);
    }
    let place = b.ins().iadd(index, constant);
    let wrapped = b.ins().icmp(IntCC::UnsignedLessThan, place, constant);
    let beyond = b.ins().icmp(IntCC::UnsignedGreaterThan, place, len);
    let outside = b.ins().bor(wrapped, beyond);
    (b.ins().select_spectre_guard(outside, len, place), 0)
}

/// Whether the `reach` bytes from `index` on are not all within the memory.
fn outside(
    b: &mut FunctionBuilder<'_>,
    env: &Env<'_>,
    memory: MemoryIndex,
    index: Value,
    reach: u64,
) -> Value {
    let ty = &env.module.memories[memory];
    let len = env.memory_len(b, memory);
    let reach_value = b.ins().iconst(types::I64, reach as i64);
    if reach <= ty.minimum_bytes() {
        // The length is no less than the minimum, so the difference is not negative.
        let last = b.ins().isub(len, reach_value);
        return b.ins().icmp(IntCC::UnsignedGreaterThan, index, last);
    }
    let end = b.ins().iadd(index, reach_value);
    let beyond = b.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
    if !ty.is_64() {
        // The sum is below 2^34, so it does not wrap.
        return beyond;
    }
    let wrapped = b.ins().icmp(IntCC::UnsignedLessThan, end, reach_value);
    b.ins().bor(wrapped, beyond)
}

/// The address of `len` bytes of a memory at `start`, both 64 bits wide. Traps unless all of them are within it, also if
/// there are none.
pub(crate) fn memory_range(
    b: &mut FunctionBuilder<'_>,
    env: &Env<'_>,
    memory: MemoryIndex,
    start: Value,
    len: Value,
) -> Value {
    let end = b.ins().iadd(start, len);
    let limit = env.memory_len(b, memory);
    let mut outside = b.ins().icmp(IntCC::UnsignedGreaterThan, end, limit);
    if env.module.memories[memory].is_64() {
        let wrapped = b.ins().icmp(IntCC::UnsignedLessThan, end, start);
        outside = b.ins().bor(outside, wrapped);
    }
    b.ins().trapnz(outside, trap_code(Trap::MemoryOutOfBounds));
    let base = env.memory_base(b, memory);
    let address = b.ins().iadd(base, start);
    masked(b, outside, address)
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

/// The type of indices into a table.
pub(crate) fn table_index_type(env: &Env<'_>, table: TableIndex) -> Type {
    if env.module.tables[table].is_64() { types::I64 } else { types::I32 }
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
    let is_32 = b.func.dfg.value_type(index) == types::I32;
    constant(&b.func.dfg, index)
        .map(|index| if is_32 { u64::from(index as u32) } else { index as u64 })
}
