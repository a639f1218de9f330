//! Loads, stores, size and growth of linear memories.
//!
//! Addresses come from `bounds`. Accesses are little-endian whatever the machine, and never assumed to be aligned:
//! the alignment in the code is only a hint.
//!
//! Spec: Execution > Instructions > Memory Instructions.

use crate::bounds::{self, Address};
use crate::function::Translator;
use cranelift_codegen::ir::{InstBuilder, Type, types};
use palisade_environ::{Libcall, MemoryIndex};
use wasmparser::{MemArg, MemArgTarget};

/// What a load reads, and the type it becomes.
#[derive(Clone, Copy)]
pub(super) enum Load {
    Whole(Type),
    Signed8(Type),
    Unsigned8(Type),
    Signed16(Type),
    Unsigned16(Type),
    Signed32,
    Unsigned32,
}

/// What a store writes.
#[derive(Clone, Copy)]
pub(super) enum Store {
    Whole(Type),
    Low8,
    Low16,
    Low32,
}

impl Translator<'_> {
    pub(super) fn load(&mut self, load: Load, memarg: MemArg) {
        let size = match load {
            Load::Whole(ty) => ty.bytes(),
            Load::Signed8(_) | Load::Unsigned8(_) => 1,
            Load::Signed16(_) | Load::Unsigned16(_) => 2,
            Load::Signed32 | Load::Unsigned32 => 4,
        };
        let Address { base, offset } = self.address(memarg, size);
        let flags = self.env.memory_flags();
        let ins = self.builder.ins();
        let value = match load {
            Load::Whole(ty) => ins.load(ty, flags, base, offset),
            Load::Signed8(ty) => ins.sload8(ty, flags, base, offset),
            Load::Unsigned8(ty) => ins.uload8(ty, flags, base, offset),
            Load::Signed16(ty) => ins.sload16(ty, flags, base, offset),
            Load::Unsigned16(ty) => ins.uload16(ty, flags, base, offset),
            Load::Signed32 => ins.sload32(flags, base, offset),
            Load::Unsigned32 => ins.uload32(flags, base, offset),
        };
        self.push(value);
    }

    pub(super) fn store(&mut self, store: Store, memarg: MemArg) {
        let value = self.pop();
        let size = match store {
            Store::Whole(ty) => ty.bytes(),
            Store::Low8 => 1,
            Store::Low16 => 2,
            Store::Low32 => 4,
        };
        let Address { base, offset } = self.address(memarg, size);
        let flags = self.env.memory_flags();
        let ins = self.builder.ins();
        match store {
            Store::Whole(_) => ins.store(flags, value, base, offset),
            Store::Low8 => ins.istore8(flags, value, base, offset),
            Store::Low16 => ins.istore16(flags, value, base, offset),
            Store::Low32 => ins.istore32(flags, value, base, offset),
        };
    }

    pub(super) fn memory_size(&mut self, memory: u32) {
        let memory = MemoryIndex::from_u32(memory);
        let page_size = self.env.module.memories[memory].page_size();
        let len = self.env.memory_size(&mut self.builder, memory);
        let pages = self.builder.ins().ushr_imm_u(len, i64::from(page_size.trailing_zeros()));
        self.push_index(bounds::memory_index_type(&self.env, memory), pages);
    }

    pub(super) fn memory_grow(&mut self, memory: u32) {
        let delta = self.pop_index();
        let index = self.builder.ins().iconst(types::I32, i64::from(memory));
        let old = self.libcall(Libcall::MemoryGrow, &[index, delta]).expect("it has a result");
        let memory = MemoryIndex::from_u32(memory);
        self.push_index(bounds::memory_index_type(&self.env, memory), old);
    }

    pub(super) fn address(&mut self, memarg: MemArg, size: u32) -> Address {
        let memory = accessed(&memarg);
        let index = self.pop();
        bounds::memory_address(&mut self.builder, &self.env, memory, index, memarg.offset, size)
    }
}

/// The memory that an access is to.
pub(super) fn accessed(memarg: &MemArg) -> MemoryIndex {
    let MemArgTarget::Memory(memory) = memarg.target else {
        unreachable!("validated: without the GC proposal, accesses are to memories")
    };
    MemoryIndex::from_u32(memory)
}
