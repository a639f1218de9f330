//! References. They are pointers or handles; null is 0.
//!
//! Spec: Execution > Instructions > Reference Instructions.

use crate::env::trap_code;
use crate::function::Translator;
use crate::signature::POINTER;
use cranelift_codegen::ir::InstBuilder;
use palisade_environ::{FuncIndex, Trap};

impl Translator<'_> {
    pub(super) fn ref_null(&mut self) {
        let null = self.builder.ins().iconst(POINTER, 0);
        self.push(null);
    }

    pub(super) fn ref_is_null(&mut self) {
        self.eqz();
    }

    pub(super) fn ref_as_non_null(&mut self) {
        let reference = *self.state.operands.last().expect("validated: an operand");
        self.builder.ins().trapz(reference, trap_code(Trap::NullReference));
    }

    pub(super) fn ref_func(&mut self, func: FuncIndex) {
        let reference = self.env.func_ref(&mut self.builder, func);
        self.push(reference);
    }
}
