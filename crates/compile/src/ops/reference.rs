//! References and variables.
//!
//! Spec: Execution > Instructions > Reference Instructions, Variable Instructions.

use super::Translator;
use super::control::BOOL;
use crate::signature::{POINTER, clif_type};
use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;
use palisade_environ::{FuncIndex, GlobalIndex};

impl Translator<'_, '_> {
    pub(super) fn ref_null(&mut self) {
        let null = self.b.ins().iconst(POINTER, 0);
        self.state.push(null);
    }

    pub(super) fn ref_is_null(&mut self) {
        self.unary(|b, x| {
            let result = b.ins().icmp_imm_u(IntCC::Equal, x, 0);
            b.ins().uextend(BOOL, result)
        });
    }

    pub(super) fn ref_func(&mut self, func: u32) {
        let value = self.env.func_ref(&mut self.b, FuncIndex::from_u32(func));
        self.state.push(value);
    }

    pub(super) fn local_get(&mut self, local: u32) {
        let value = self.b.use_var(self.locals[local as usize]);
        self.state.push(value);
    }

    pub(super) fn local_set(&mut self, local: u32) {
        let value = self.state.pop();
        self.b.def_var(self.locals[local as usize], value);
    }

    pub(super) fn local_tee(&mut self, local: u32) {
        let value = self.state.peek();
        self.b.def_var(self.locals[local as usize], value);
    }

    pub(super) fn global_get(&mut self, global: u32) {
        let global = GlobalIndex::from_u32(global);
        let ty = clif_type(*self.env.module.globals[global].content());
        let value = self.env.global_get(&mut self.b, global, ty);
        self.state.push(value);
    }

    pub(super) fn global_set(&mut self, global: u32) {
        let value = self.state.pop();
        self.env.global_set(&mut self.b, GlobalIndex::from_u32(global), value);
    }
}
