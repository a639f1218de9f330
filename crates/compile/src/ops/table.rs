//! Single entries of tables, size and growth.
//!
//! Entries of function tables hold what a call needs beside the reference; all fields are written together.
//!
//! Spec: Execution > Instructions > Table Instructions.

use crate::bounds;
use crate::function::Translator;
use crate::signature::POINTER;
use crate::state::block_with_params;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value, types};
use palisade_environ::{HeapType, Libcall, TableIndex, ValType, offsets};

impl Translator<'_> {
    pub(super) fn table_get(&mut self, table: u32) {
        let (entry, of_funcs) = self.table_entry(table);
        let flags = self.env.table_flags();
        let offset = if of_funcs { offsets::ENTRY_FUNC_REF } else { 0 };
        let reference = self.builder.ins().load(POINTER, flags, entry, offset);
        self.push(reference);
    }

    pub(super) fn table_set(&mut self, table: u32) {
        let reference = self.pop();
        let (entry, of_funcs) = self.table_entry(table);
        if of_funcs {
            return self.set_func(TableIndex::from_u32(table), entry, reference);
        }
        let flags = self.env.table_flags();
        self.builder.ins().store(flags, reference, entry, 0);
    }

    pub(super) fn table_size(&mut self, table: u32) {
        let table = TableIndex::from_u32(table);
        let len = self.env.table_len(&mut self.builder, table);
        self.push_index(bounds::table_index_type(&self.env, table), len);
    }

    pub(super) fn table_grow(&mut self, table: u32) {
        let delta = self.pop_index();
        let reference = self.pop();
        let index = self.index_arg(table);
        let old = self.libcall(Libcall::TableGrow, &[index, reference, delta]);
        let ty = bounds::table_index_type(&self.env, TableIndex::from_u32(table));
        self.push_index(ty, old.expect("it has a result"));
    }

    /// Pops an index; the address of its entry, and whether the table is one of functions.
    fn table_entry(&mut self, table: u32) -> (Value, bool) {
        let table = TableIndex::from_u32(table);
        let index = self.pop();
        let entry = bounds::table_entry(&mut self.builder, &self.env, table, index);
        let element = self.env.module.tables[table].element();
        (entry, element.heap_type().top() == HeapType::Func)
    }

    /// Writes an entry of a function table; null is all zeros.
    fn set_func(&mut self, table: TableIndex, entry: Value, reference: Value) {
        let b = &mut self.builder;
        let some = b.create_block();
        let write = block_with_params(b, &[ValType::I64, ValType::I64, ValType::I32]);
        let null = b.ins().iconst(POINTER, 0);
        let no_signature = b.ins().iconst(types::I32, 0);
        let nothing = [null, null, no_signature].map(BlockArg::Value);
        b.ins().brif(reference, some, [], write, &nothing);
        b.seal_block(some);
        b.switch_to_block(some);
        let parts = self.env.func_ref_parts(b, reference).map(BlockArg::Value);
        b.ins().jump(write, &parts);
        b.seal_block(write);
        b.switch_to_block(write);
        let [code, vmctx, signature] = b.block_params(write)[..] else {
            unreachable!("the block was made with three parameters")
        };
        let own_signature = if self.env.module.defined_table(table).is_some() {
            let own = b.ins().icmp(IntCC::Equal, vmctx, self.env.vmctx());
            b.ins().select(own, signature, no_signature)
        } else {
            // Whose table it is cannot be seen from here.
            no_signature
        };
        let flags = self.env.table_flags();
        // Wasm can be left between any two of these, so the entry is null meanwhile, for those who look at its type and
        // for those who only look at its code.
        const { assert!(offsets::ENTRY_OWN_SIGNATURE == offsets::ENTRY_SIGNATURE + 4) };
        let neither = null;
        let fields = [
            (neither, offsets::ENTRY_SIGNATURE),
            (null, offsets::ENTRY_CODE),
            (vmctx, offsets::ENTRY_VMCTX),
            (reference, offsets::ENTRY_FUNC_REF),
            (code, offsets::ENTRY_CODE),
            (signature, offsets::ENTRY_SIGNATURE),
            (own_signature, offsets::ENTRY_OWN_SIGNATURE),
        ];
        for (value, offset) in fields {
            b.ins().store(flags, value, entry, offset);
        }
    }
}
