//! Calls.
//!
//! Functions of the module are called directly, which is near and position-independent. Everything else is called by the
//! code pointer and vmctx that an import or a table entry holds; before such a call the caller notes itself in the
//! store, because the callee may be a host function that asks who called.
//!
//! Spec: Execution > Instructions > Control Instructions.

use super::Translator;
use super::control::trap_code;
use crate::signature::POINTER;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Inst, InstBuilder, Value, types};
use palisade_environ::{DefinedFuncIndex, FuncIndex, TableIndex, Trap, TypeIndex, offsets};

/// What is called.
enum Target {
    /// A function of this module.
    Direct(DefinedFuncIndex),
    /// Code with the vmctx that it takes.
    Pointer { code: Value, vmctx: Value },
}

impl Translator<'_, '_> {
    pub(super) fn call(&mut self, func: u32) {
        let func = FuncIndex::from_u32(func);
        let target = match self.env.module.defined_func(func) {
            Some(defined) => Target::Direct(defined),
            None => {
                let (code, vmctx) = self.env.imported_func(&mut self.b, func);
                Target::Pointer { code, vmctx }
            }
        };
        self.emit_call(target, self.env.module.funcs[func]);
    }

    pub(super) fn call_indirect(&mut self, ty: u32, table: u32) {
        let (ty, table) = (TypeIndex::from_u32(ty), TableIndex::from_u32(table));
        let index = self.state.pop();
        let entry = self.table_entry(table, index);
        self.check_signature(entry, ty);
        let code = self.env.entry_field(&mut self.b, POINTER, entry, offsets::ENTRY_CODE, None);
        let vmctx = self.env.entry_field(&mut self.b, POINTER, entry, offsets::ENTRY_VMCTX, None);
        self.emit_call(Target::Pointer { code, vmctx }, ty);
    }

    /// Traps unless the function in `entry` is of type `ty`. One comparison covers null as well; which trap it is is
    /// found out off the path.
    fn check_signature(&mut self, entry: Value, ty: TypeIndex) {
        let trap = Some(trap_code(Trap::TableOutOfBounds));
        let found =
            self.env.entry_field(&mut self.b, types::I32, entry, offsets::ENTRY_SIGNATURE, trap);
        let expected = self.env.signature_id(&mut self.b, ty);
        let same = self.b.ins().icmp(IntCC::Equal, found, expected);
        let (right, wrong) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(wrong);
        self.b.ins().brif(same, right, [], wrong, []);
        self.b.seal_block(right);
        self.b.seal_block(wrong);
        self.b.switch_to_block(wrong);
        self.b.ins().trapz(found, trap_code(Trap::IndirectCallToNull));
        self.b.ins().trap(trap_code(Trap::BadSignature));
        self.b.switch_to_block(right);
    }

    /// The one place that decides how a call is made.
    fn emit_call(&mut self, target: Target, ty: TypeIndex) {
        let params = self.env.module.types[ty].params.len();
        let mut args = Vec::with_capacity(params + 1);
        args.push(match target {
            Target::Direct(_) => self.env.vmctx,
            Target::Pointer { vmctx, .. } => vmctx,
        });
        args.extend(self.state.pop_many(params));
        let call: Inst = match target {
            Target::Direct(func) => {
                let callee = self.env.direct_func(&mut self.b, func);
                self.b.ins().call(callee, &args)
            }
            Target::Pointer { code, .. } => {
                self.env.note_caller(&mut self.b);
                let signature = self.env.signature(&mut self.b, ty);
                self.b.ins().call_indirect(signature, code, &args)
            }
        };
        self.state.push_all(self.b.inst_results(call));
    }
}
