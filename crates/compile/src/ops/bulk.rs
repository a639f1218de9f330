//! Operations on ranges of memories and tables; all of them are libcalls.
//!
//! Spec: Execution > Instructions > Memory Instructions, Table Instructions.

use super::Translator;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use palisade_environ::{Libcall, TableIndex};

impl Translator<'_, '_> {
    /// An index of the module as an argument.
    pub(super) fn immediate(&mut self, index: u32) -> Value {
        self.b.ins().iconst(types::I32, i64::from(index))
    }

    /// An address, size or count as 64 bits.
    pub(super) fn widen(&mut self, value: Value) -> Value {
        self.b.ins().uextend(types::I64, value)
    }

    /// Calls a runtime function through its trampoline.
    pub(super) fn libcall(&mut self, libcall: Libcall, args: &[Value]) -> Option<Value> {
        let callee = self.env.libcall(&mut self.b, libcall);
        let args: Vec<Value> = std::iter::once(self.env.vmctx).chain(args.iter().copied()).collect();
        let call = self.b.ins().call(callee, &args);
        self.b.inst_results(call).first().copied()
    }

    pub(super) fn memory_copy(&mut self, to: u32, from: u32) {
        let (start, source, len) = self.state.pop3();
        let (to, from) = (self.immediate(to), self.immediate(from));
        let (start, source, len) = (self.widen(start), self.widen(source), self.widen(len));
        self.libcall(Libcall::MemoryCopy, &[to, from, start, source, len]);
    }

    pub(super) fn memory_fill(&mut self, memory: u32) {
        let (start, value, len) = self.state.pop3();
        let (memory, start, len) = (self.immediate(memory), self.widen(start), self.widen(len));
        self.libcall(Libcall::MemoryFill, &[memory, start, value, len]);
    }

    pub(super) fn memory_init(&mut self, memory: u32, data: u32) {
        let (start, source, len) = self.state.pop3();
        let (memory, data, start) = (self.immediate(memory), self.immediate(data), self.widen(start));
        self.libcall(Libcall::MemoryInit, &[memory, data, start, source, len]);
    }

    pub(super) fn data_drop(&mut self, data: u32) {
        let data = self.immediate(data);
        self.libcall(Libcall::DataDrop, &[data]);
    }

    pub(super) fn table_copy(&mut self, to: u32, from: u32) {
        let (start, source, len) = self.state.pop3();
        let (to, from) = (self.immediate(to), self.immediate(from));
        let (start, source, len) = (self.widen(start), self.widen(source), self.widen(len));
        self.libcall(Libcall::TableCopy, &[to, from, start, source, len]);
    }

    pub(super) fn table_init(&mut self, table: u32, elem: u32) {
        let (start, source, len) = self.state.pop3();
        let (table, elem, start) = (self.immediate(table), self.immediate(elem), self.widen(start));
        self.libcall(Libcall::TableInit, &[table, elem, start, source, len]);
    }

    pub(super) fn elem_drop(&mut self, elem: u32) {
        let elem = self.immediate(elem);
        self.libcall(Libcall::ElemDrop, &[elem]);
    }

    pub(super) fn table_fill(&mut self, table: u32) {
        let (start, value, len) = self.state.pop3();
        let (table, start, len) = (self.immediate(table), self.widen(start), self.widen(len));
        self.libcall(Libcall::TableFill, &[table, start, value, len]);
    }

    pub(super) fn table_grow(&mut self, table: u32) {
        let (init, delta) = self.state.pop2();
        let (table, delta) = (self.immediate(table), self.widen(delta));
        let old = self.libcall(Libcall::TableGrow, &[table, init, delta]).expect("it has a result");
        let old = self.b.ins().ireduce(types::I32, old);
        self.state.push(old);
    }

    pub(super) fn table_size(&mut self, table: u32) {
        let len = self.env.table_len(&mut self.b, TableIndex::from_u32(table));
        let len = self.b.ins().ireduce(types::I32, len);
        self.state.push(len);
    }
}
