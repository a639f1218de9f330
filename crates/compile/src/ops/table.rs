//! Single elements of tables.
//!
//! Spec: Execution > Instructions > Table Instructions.

use super::Translator;
use super::control::trap_code;
use crate::signature::POINTER;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use palisade_environ::{HeapType, TableIndex, Trap, offsets};

impl Translator<'_, '_> {
    /// The address of the entry at `index`, or null where that is beyond the end, also under misspeculation. The first
    /// access to it traps on null.
    pub(super) fn table_entry(&mut self, table: TableIndex, index: Value) -> Value {
        let index = self.widen(index);
        let (base, len) = self.env.table(&mut self.b, table);
        let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
        self.trap_cold(outside, Trap::TableOutOfBounds);
        let size = if self.is_func_table(table) { offsets::ENTRY_SIZE } else { 8 };
        let offset = self.b.ins().ishl_imm_u(index, i64::from(size.trailing_zeros()));
        let entry = self.b.ins().iadd(base, offset);
        // Architecturally the index is inside; a CPU that has guessed otherwise must not read elsewhere.
        let null = self.b.ins().iconst(POINTER, 0);
        self.b.ins().select_spectre_guard(outside, null, entry)
    }

    fn is_func_table(&self, table: TableIndex) -> bool {
        *self.env.module.tables[table].element().heap_type() == HeapType::Func
    }

    pub(super) fn table_get(&mut self, table: u32) {
        let table = TableIndex::from_u32(table);
        let index = self.state.pop();
        let entry = self.table_entry(table, index);
        let offset = if self.is_func_table(table) { offsets::ENTRY_FUNC_REF } else { 0 };
        let trap = Some(trap_code(Trap::TableOutOfBounds));
        let value = self.env.entry_field(&mut self.b, types::I64, entry, offset, trap);
        self.state.push(value);
    }

    pub(super) fn table_set(&mut self, table: u32) {
        let table = TableIndex::from_u32(table);
        let (index, value) = self.state.pop2();
        let entry = self.table_entry(table, index);
        if self.is_func_table(table) {
            self.set_func_entry(entry, value);
        } else {
            self.env.set_entry_field(&mut self.b, entry, 0, value);
        }
    }

    /// Writes all that a call needs into a table entry: zeros for null.
    fn set_func_entry(&mut self, entry: Value, value: Value) {
        let (null, some, done) =
            (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let params = [POINTER, POINTER, types::I32];
        let [code, vmctx, signature] = params.map(|ty| self.b.append_block_param(done, ty));
        self.b.ins().brif(value, some, [], null, []);
        self.b.seal_block(null);
        self.b.seal_block(some);

        self.b.switch_to_block(null);
        let zeros = params.map(|ty| self.b.ins().iconst(ty, 0).into());
        self.b.ins().jump(done, &zeros);

        self.b.switch_to_block(some);
        let fields = [
            offsets::FUNC_REF_CODE,
            offsets::FUNC_REF_VMCTX,
            offsets::FUNC_REF_SIGNATURE,
        ];
        let fields = [0, 1, 2].map(|i: usize| {
            self.env.func_ref_field(&mut self.b, params[i], value, fields[i]).into()
        });
        self.b.ins().jump(done, &fields);
        self.b.seal_block(done);

        self.b.switch_to_block(done);
        self.env.set_entry_field(&mut self.b, entry, offsets::ENTRY_CODE, code);
        self.env.set_entry_field(&mut self.b, entry, offsets::ENTRY_VMCTX, vmctx);
        self.env.set_entry_field(&mut self.b, entry, offsets::ENTRY_SIGNATURE, signature);
        self.env.set_entry_field(&mut self.b, entry, offsets::ENTRY_FUNC_REF, value);
    }
}
