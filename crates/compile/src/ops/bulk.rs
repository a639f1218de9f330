//! Operations on ranges of memories and tables, all done by the runtime.
//!
//! Spec: Execution > Instructions > Memory Instructions, Table Instructions.

use crate::function::Translator;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use palisade_environ::Libcall;

impl Translator<'_> {
    pub(super) fn memory_fill(&mut self, memory: u32) {
        let len = self.pop_index();
        let byte = self.pop();
        let to = self.pop_index();
        let memory = self.index_arg(memory);
        self.libcall(Libcall::MemoryFill, &[memory, to, byte, len]);
    }

    pub(super) fn memory_copy(&mut self, to_memory: u32, from_memory: u32) {
        self.copy(Libcall::MemoryCopy, to_memory, from_memory);
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
