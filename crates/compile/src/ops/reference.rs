//! References. They are pointers or handles; null is 0.
//!
//! Spec: Execution > Instructions > Reference Instructions.

use crate::function::Translator;
use crate::signature::POINTER;
use cranelift_codegen::ir::InstBuilder;
use palisade_environ::FuncIndex;

impl Translator<'_> {
    pub(super) fn ref_null(&mut self) {
        let null = self.builder.ins().iconst(POINTER, 0);
        self.push(null);
    }

    pub(super) fn ref_is_null(&mut self) {
        self.eqz();
    }

    pub(super) fn ref_func(&mut self, func: FuncIndex) {
        let reference = self.env.func_ref(&mut self.builder, func);
        self.push(reference);
    }
}
