//! Atomic accesses, fences, waiting and waking.
//!
//! An atomic access traps if its address is not a multiple of its size; that is checked before its bounds are, and on
//! WebAssembly's address: the native one may be a masked one. Addresses come from `bounds`. All accesses are
//! sequentially consistent, which is also what Cranelift's atomic instructions are.
//!
//! Invariant: what another thread may have done to a shared memory before an atomic access of this thread is seen by all
//! accesses after it. See [`Env::memory_flags`](crate::env::Env::memory_flags) for why plain accesses keep to that too.
//!
//! Spec: the threads proposal, Execution > Instructions > Atomic Memory Instructions.

use super::memory::accessed;
use crate::bounds::{self, Address};
use crate::env::trap_code;
use crate::function::Translator;
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, Type, Value};
use palisade_environ::{Libcall, Trap};
use wasmparser::MemArg;

impl Translator<'_> {
    /// Loads a `part`, which becomes a `ty` by zeros.
    pub(super) fn atomic_load(&mut self, ty: Type, part: Type, memarg: MemArg) {
        let address = self.atomic_address(memarg, part.bytes());
        let flags = self.env.memory_flags();
        let value = self.builder.ins().atomic_load(part, flags, address);
        self.push_extended(ty, value);
    }

    /// Stores the low bits of a value as a `part`.
    pub(super) fn atomic_store(&mut self, part: Type, memarg: MemArg) {
        let value = self.pop_reduced(part);
        let address = self.atomic_address(memarg, part.bytes());
        let flags = self.env.memory_flags();
        if self.env.stores_by_exchange() {
            self.builder.ins().atomic_rmw(part, flags, AtomicRmwOp::Xchg, address, value);
            return;
        }
        // Alias analysis drops an atomic store of what the last store, if that was atomic, has stored there. Another
        // thread may have answered the first in between, which plain loads in between can have shown.
        self.builder.ins().sequence_point();
        self.builder.ins().atomic_store(flags, value, address);
    }

    /// Replaces a `part` by what `op` makes of it and the operand; the old value becomes a `ty`.
    pub(super) fn atomic_rmw(&mut self, op: AtomicRmwOp, ty: Type, part: Type, memarg: MemArg) {
        let operand = self.pop_reduced(part);
        let address = self.atomic_address(memarg, part.bytes());
        let flags = self.env.memory_flags();
        let old = self.builder.ins().atomic_rmw(part, flags, op, address, operand);
        self.push_extended(ty, old);
    }

    /// Replaces a `part` if it is as expected. Of the expected value, too, only the low bits count.
    pub(super) fn atomic_cmpxchg(&mut self, ty: Type, part: Type, memarg: MemArg) {
        let replacement = self.pop_reduced(part);
        let expected = self.pop_reduced(part);
        let address = self.atomic_address(memarg, part.bytes());
        let flags = self.env.memory_flags();
        let old = self.builder.ins().atomic_cas(flags, address, expected, replacement);
        self.push_extended(ty, old);
    }

    pub(super) fn atomic_fence(&mut self) {
        self.builder.ins().fence();
    }

    /// Waits by `libcall`, which checks the address.
    pub(super) fn atomic_wait(&mut self, libcall: Libcall, memarg: MemArg) {
        let timeout = self.pop();
        let expected = self.pop();
        let [memory, index, offset] = self.checked_by_runtime(memarg);
        let args = [memory, index, offset, expected, timeout];
        let outcome = self.libcall(libcall, &args).expect("it has a result");
        self.push(outcome);
    }

    pub(super) fn atomic_notify(&mut self, memarg: MemArg) {
        let count = self.pop();
        let [memory, index, offset] = self.checked_by_runtime(memarg);
        let args = [memory, index, offset, count];
        let woken = self.libcall(Libcall::MemoryAtomicNotify, &args).expect("it has a result");
        self.push(woken);
    }

    /// A loop may wait for another thread with plain loads. They need not see a store that nothing orders, but it would
    /// surprise if they never did: no load is forwarded from one iteration to the next. Costs no instruction.
    pub(super) fn enter_iteration(&mut self) {
        if self.env.module.memories.values().any(|ty| ty.is_shared()) {
            self.builder.ins().sequence_point();
        }
    }

    /// Pops an index; memory, index and offset as the runtime takes them.
    fn checked_by_runtime(&mut self, memarg: MemArg) -> [Value; 3] {
        let index = self.pop_index();
        let memory = self.index_arg(accessed(&memarg).as_u32());
        let offset = self.builder.ins().iconst(crate::signature::POINTER, memarg.offset as i64);
        [memory, index, offset]
    }

    /// Pops an index; the address of `size` bytes there, which is a multiple of `size`. Atomic instructions take no offset.
    fn atomic_address(&mut self, memarg: MemArg, size: u32) -> Value {
        let memory = accessed(&memarg);
        let index = self.pop();
        self.check_alignment(index, memarg.offset, size);
        let b = &mut self.builder;
        let Address { base, offset } =
            bounds::memory_address(b, &self.env, memory, index, memarg.offset, size);
        if offset == 0 { base } else { b.ins().iadd_imm_s(base, i64::from(offset)) }
    }

    /// Traps unless the sum of `index` and `offset` is a multiple of `size`, a power of two. Whether the sum has more bits
    /// than an index does not matter: only its lowest are looked at.
    fn check_alignment(&mut self, index: Value, offset: u64, size: u32) {
        if size == 1 {
            return;
        }
        let low_bits = i64::from(size) - 1;
        let b = &mut self.builder;
        let place = match offset as i64 & low_bits {
            0 => index,
            offset => b.ins().iadd_imm_s(index, offset),
        };
        let wrong = b.ins().band_imm_s(place, low_bits);
        b.ins().trapnz(wrong, trap_code(Trap::HeapMisaligned));
    }

    fn pop_reduced(&mut self, part: Type) -> Value {
        let value = self.pop();
        let whole = self.builder.func.dfg.value_type(value) == part;
        if whole { value } else { self.builder.ins().ireduce(part, value) }
    }

    fn push_extended(&mut self, ty: Type, value: Value) {
        let whole = self.builder.func.dfg.value_type(value) == ty;
        let value = if whole { value } else { self.builder.ins().uextend(ty, value) };
        self.push(value);
    }
}
