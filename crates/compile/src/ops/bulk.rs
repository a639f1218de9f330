//! Operations on ranges of memories and tables.
//!
//! Filling and copying memories is done in place where the length is a small constant, and by C's routines otherwise; both
//! after the bounds have been checked. That serves shared memories too: like all that compiled code does, C's routines are
//! outside of Rust's memory model, and the specification orders nothing within one such operation. The rest is done by the
//! runtime.
//!
//! Spec: Execution > Instructions > Memory Instructions, Table Instructions.

use crate::bounds;
use crate::function::Translator;
use crate::range::constant;
use crate::signature::POINTER;
use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature, Type, Value, types};
use palisade_environ::{Libcall, MemoryIndex};

/// Ranges up to this long are copied and filled in place if their length is constant.
const SMALL_BYTES: u32 = 64;

impl Translator<'_> {
    pub(super) fn memory_fill(&mut self, memory: u32) {
        let small = self.small_len();
        let len = self.pop_index();
        let byte = self.pop();
        let start = self.pop_index();
        let to = self.memory_range(memory, start, len);
        let Some(small) = small else {
            let memset = self.env.memset(&mut self.builder);
            return self.routine(memset, [POINTER, types::I32, POINTER], &[to, byte, len]);
        };
        let b = &mut self.builder;
        let byte = b.ins().ireduce(types::I8, byte);
        let byte = b.ins().uextend(types::I64, byte);
        let ones = b.ins().iconst(types::I64, 0x0101_0101_0101_0101);
        let pattern = b.ins().imul(byte, ones);
        for (ty, offset) in pieces(small) {
            let value = if ty == types::I64 { pattern } else { b.ins().ireduce(ty, pattern) };
            b.ins().store(self.env.memory_flags(), value, to, offset);
        }
    }

    pub(super) fn memory_copy(&mut self, to_memory: u32, from_memory: u32) {
        let small = self.small_len();
        let len = self.pop_index();
        let source = self.pop_index();
        let start = self.pop_index();
        let from = self.memory_range(from_memory, source, len);
        let to = self.memory_range(to_memory, start, len);
        let Some(small) = small else {
            let memmove = self.env.memmove(&mut self.builder);
            return self.routine(memmove, [POINTER; 3], &[to, from, len]);
        };
        let flags = self.env.memory_flags();
        // The ranges may overlap, so all is read before anything is written.
        let read = |(ty, offset)| (self.builder.ins().load(ty, flags, from, offset), offset);
        let values: Vec<_> = pieces(small).into_iter().map(read).collect();
        for (value, offset) in values {
            self.builder.ins().store(flags, value, to, offset);
        }
    }

    /// The length on top of the operands, if it is a constant and so small that a call costs more.
    fn small_len(&self) -> Option<u32> {
        let len = *self.state.operands.last().expect("validated: an operand");
        let len = constant(&self.builder.func.dfg, len)?;
        u32::try_from(len).ok().filter(|len| *len <= SMALL_BYTES)
    }

    fn memory_range(&mut self, memory: u32, start: Value, len: Value) -> Value {
        let memory = MemoryIndex::from_u32(memory);
        bounds::memory_range(&mut self.builder, &self.env, memory, start, len)
    }

    /// Calls a routine of C that cannot fail, and drops what it returns.
    fn routine(&mut self, code: Value, params: [Type; 3], args: &[Value]) {
        let mut signature = Signature::new(self.env.host_convention());
        signature.params.extend(params.map(AbiParam::new));
        let signature = self.builder.import_signature(signature);
        self.builder.ins().call_indirect(signature, code, args);
        // Signals that stop guests do nothing within such a routine, where a guest could spend all its time.
        let (stop, go_on) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(stop);
        let interrupted = self.env.interrupted(&mut self.builder);
        self.builder.ins().brif(interrupted, stop, [], go_on, []);
        self.builder.seal_block(stop);
        self.builder.switch_to_block(stop);
        self.libcall(Libcall::Interrupted, &[]);
        self.builder.ins().jump(go_on, []);
        self.builder.seal_block(go_on);
        self.builder.switch_to_block(go_on);
    }

    pub(super) fn memory_init(&mut self, data: u32, memory: u32) {
        self.init(Libcall::MemoryInit, memory, data);
    }

    pub(super) fn data_drop(&mut self, data: u32) {
        let data = self.index_arg(data);
        self.libcall(Libcall::DataDrop, &[data]);
    }

    pub(super) fn table_fill(&mut self, table: u32) {
        let len = self.pop_index();
        let reference = self.pop();
        let to = self.pop_index();
        let table = self.index_arg(table);
        self.libcall(Libcall::TableFill, &[table, to, reference, len]);
    }

    pub(super) fn table_copy(&mut self, to_table: u32, from_table: u32) {
        self.copy(Libcall::TableCopy, to_table, from_table);
    }

    pub(super) fn table_init(&mut self, elem: u32, table: u32) {
        self.init(Libcall::TableInit, table, elem);
    }

    pub(super) fn elem_drop(&mut self, elem: u32) {
        let elem = self.index_arg(elem);
        self.libcall(Libcall::ElemDrop, &[elem]);
    }

    fn copy(&mut self, libcall: Libcall, to_space: u32, from_space: u32) {
        let len = self.pop_index();
        let from = self.pop_index();
        let to = self.pop_index();
        let to_space = self.index_arg(to_space);
        let from_space = self.index_arg(from_space);
        self.libcall(libcall, &[to_space, from_space, to, from, len]);
    }

    fn init(&mut self, libcall: Libcall, space: u32, segment: u32) {
        let len = self.pop();
        let from = self.pop();
        let to = self.pop_index();
        let space = self.index_arg(space);
        let segment = self.index_arg(segment);
        self.libcall(libcall, &[space, segment, to, from, len]);
    }

    /// An index of an index space, as the runtime takes it.
    pub(super) fn index_arg(&mut self, index: u32) -> Value {
        self.builder.ins().iconst(types::I32, i64::from(index))
    }
}

/// Pieces that cover `len` bytes, the last of them overlapping the one before where that saves another.
fn pieces(len: u32) -> Vec<(Type, i32)> {
    let ty = match len {
        0 => return Vec::new(),
        1 => types::I8,
        2..4 => types::I16,
        4..8 => types::I32,
        _ => types::I64,
    };
    let size = ty.bytes();
    let last = std::iter::once(len - size);
    (0..len - size).step_by(size as usize).chain(last).map(|offset| (ty, offset as i32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_all_and_no_more() {
        for len in 0..=SMALL_BYTES {
            let mut covered = vec![false; len as usize];
            for (ty, offset) in pieces(len) {
                covered[offset as usize..][..ty.bytes() as usize].fill(true);
            }
            assert!(covered.iter().all(|covered| *covered), "{len}");
        }
    }
}
