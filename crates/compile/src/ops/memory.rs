//! Loads, stores, and the size of memories.
//!
//! Spec: Execution > Instructions > Memory Instructions.

use super::Translator;
use super::control::trap_code;
use crate::bounds::{self, Address};
use crate::env::Region;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use palisade_environ::{Libcall, MemoryIndex, Trap};
use wasmparser::MemArg;

/// An access that narrows or widens: the instruction of the code generator for it.
type Load = fn(&mut FunctionBuilder<'_>, MemFlagsData, Value, i32) -> Value;
type Store = fn(&mut FunctionBuilder<'_>, MemFlagsData, Value, Value, i32);

impl Translator<'_, '_> {
    /// Memory and address of an access of `size` bytes at the operand.
    fn access(&mut self, memarg: &MemArg, size: u64) -> Address {
        let index = self.state.pop();
        let memory = memory_of(memarg);
        bounds::address(&mut self.b, &self.env, memory, index, memarg.offset, size)
    }

    fn heap_flags(&self) -> MemFlagsData {
        self.env.flags(Region::Heap).with_trap_code(Some(trap_code(Trap::MemoryOutOfBounds)))
    }

    pub(super) fn load(&mut self, memarg: &MemArg, ty: Type) {
        let Address { base, offset } = self.access(memarg, ty.bytes().into());
        let flags = self.heap_flags();
        let value = self.b.ins().load(ty, flags, base, offset);
        self.state.push(value);
    }

    pub(super) fn load_extend(&mut self, memarg: &MemArg, size: u64, load: Load) {
        let Address { base, offset } = self.access(memarg, size);
        let flags = self.heap_flags();
        let value = load(&mut self.b, flags, base, offset);
        self.state.push(value);
    }

    pub(super) fn store(&mut self, memarg: &MemArg) {
        let value = self.state.pop();
        let size = self.b.func.dfg.value_type(value).bytes();
        let Address { base, offset } = self.access(memarg, size.into());
        let flags = self.heap_flags();
        self.b.ins().store(flags, value, base, offset);
    }

    pub(super) fn store_narrow(&mut self, memarg: &MemArg, size: u64, store: Store) {
        let value = self.state.pop();
        let Address { base, offset } = self.access(memarg, size);
        let flags = self.heap_flags();
        store(&mut self.b, flags, value, base, offset);
    }

    pub(super) fn memory_size(&mut self, memory: u32) {
        let memory = MemoryIndex::from_u32(memory);
        let len = self.env.memory_len(&mut self.b, memory);
        let log2 = self.env.module.memories[memory].page_size().trailing_zeros();
        let pages = self.b.ins().ushr_imm_u(len, i64::from(log2));
        let pages = self.b.ins().ireduce(types::I32, pages);
        self.state.push(pages);
    }

    pub(super) fn memory_grow(&mut self, memory: u32) {
        let delta = self.state.pop();
        let (memory, delta) = (self.immediate(memory), self.widen(delta));
        let old = self.libcall(Libcall::MemoryGrow, &[memory, delta]).expect("it has a result");
        let old = self.b.ins().ireduce(types::I32, old);
        self.state.push(old);
    }
}

fn memory_of(memarg: &MemArg) -> MemoryIndex {
    match memarg.target {
        wasmparser::MemArgTarget::Memory(memory) => MemoryIndex::from_u32(memory),
        _ => unreachable!("validated: GC arrays are switched off"),
    }
}
