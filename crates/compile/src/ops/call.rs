//! Calls.
//!
//! Every wasm function takes its vmctx before its parameters, by the `tail` convention. How a call is made is decided
//! in one place, [`Translator::callee`].
//! Invariant: before code of another instance or of the host may run, the store knows the caller.
//!
//! Spec: Execution > Instructions > Control Instructions (call, call_indirect).

use crate::bounds;
use crate::env::trap_code;
use crate::function::Translator;
use crate::signature::{
    NAMESPACE_FUNC, NAMESPACE_LIBCALL, POINTER, clif_type, libcall_signature, wasm_signature,
};
use crate::state::{FrameKind, block_with_params};
use crate::trampoline::{SLOT_SIZE, native, pointers};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, BlockArg, ExtFuncData, ExternalName, FuncRef, InstBuilder, SigRef, StackSlot,
    StackSlotData, StackSlotKind, UserExternalName, Value, types,
};
use cranelift_codegen::isa::CallConv;
use palisade_environ::{
    ExitPlace, FuncIndex, Libcall, Signature, TableIndex, Trap, TypeIndex, ValType, offsets,
};
use std::collections::HashMap;

/// What a function has declared of the functions that it calls.
#[derive(Default)]
pub(crate) struct Callees {
    funcs: HashMap<UserExternalName, FuncRef>,
    signatures: HashMap<TypeIndex, SigRef>,
}

/// How to reach a function.
enum Callee {
    /// In the same text, by a near call.
    Near(FuncRef),
    /// At an address, with its own vmctx.
    Far { code: Value, vmctx: Value },
}

impl Translator<'_> {
    pub(super) fn call(&mut self, func: FuncIndex) {
        let ty = self.env.module.funcs[func];
        if self.env.module.defined_func(func).is_none() && self.is_in_loop() {
            return self.call_import_in_loop(func, ty);
        }
        let callee = self.callee(func);
        self.emit_call(callee, ty);
    }

    pub(super) fn call_indirect(&mut self, ty: u32, table: u32) {
        let ty = TypeIndex::from_u32(ty);
        let index = self.pop();
        let table = TableIndex::from_u32(table);
        let entry = bounds::table_entry(&mut self.builder, &self.env, table, index);
        self.check_signature(entry, ty);
        // The load of the signature has shown that the entry is accessible.
        let flags = self.env.table_flags().with_notrap();
        let code = self.builder.ins().load(POINTER, flags, entry, offsets::ENTRY_CODE);
        let vmctx = self.builder.ins().load(POINTER, flags, entry, offsets::ENTRY_VMCTX);
        self.emit_call(Callee::Far { code, vmctx }, ty);
    }

    /// Traps unless the function in a table entry has the type `ty`. Type ids are unique in an engine, and null has
    /// none, so one compare is enough.
    fn check_signature(&mut self, entry: Value, ty: TypeIndex) {
        let flags = self.env.table_flags();
        let b = &mut self.builder;
        let actual = b.ins().load(types::I32, flags, entry, offsets::ENTRY_SIGNATURE);
        let expected = self.env.signature_id(b, ty);
        let matches = b.ins().icmp(IntCC::Equal, actual, expected);
        let wrong = b.create_block();
        let right = b.create_block();
        b.set_cold_block(wrong);
        b.ins().brif(matches, right, [], wrong, []);
        b.seal_block(wrong);
        b.seal_block(right);
        b.switch_to_block(wrong);
        b.ins().trapz(actual, trap_code(Trap::IndirectCallToNull));
        b.ins().trap(trap_code(Trap::BadSignature));
        b.switch_to_block(right);
    }

    /// Whether one of the innermost frames is a loop; code outside of loops is called too rarely to pay for more of it.
    fn is_in_loop(&self) -> bool {
        const DEPTH: usize = 32;
        self.state.frames.iter().rev().take(DEPTH).any(|f| matches!(f.kind, FrameKind::Loop { .. }))
    }

    /// Calls an imported function: where it is the host's and takes its values in registers, without the trampoline
    /// (0.6 of the time), at the price of more code.
    fn call_import_in_loop(&mut self, func: FuncIndex, ty: TypeIndex) {
        let signature = &self.env.module.types[ty];
        let (host, wasm) = (self.builder.create_block(), self.builder.create_block());
        let after = block_with_params(&mut self.builder, &signature.results);
        let host_code = self.env.imported_host_code(&mut self.builder, func);
        self.builder.ins().brif(host_code, host, [], wasm, []);
        self.builder.seal_block(host);
        self.builder.seal_block(wasm);
        let args = self.state.top(signature.params.len()).to_vec();

        self.builder.switch_to_block(wasm);
        let callee = self.callee(func);
        self.emit_call(callee, ty);
        let height = self.state.operands.len() - signature.results.len();
        let results = self.state.operands.split_off(height);
        self.jump_to(after, &results);

        self.builder.switch_to_block(host);
        let results = self.call_host(func, host_code, signature, &args);
        self.jump_to(after, &results);
        self.builder.seal_block(after);
        self.builder.switch_to_block(after);
        self.state.operands.extend_from_slice(self.builder.block_params(after));
    }

    fn jump_to(&mut self, block: Block, args: &[Value]) {
        let args: Vec<BlockArg> = args.iter().copied().map(BlockArg::Value).collect();
        self.builder.ins().jump(block, &args);
    }

    /// Calls a function of the host by the native ABI, and leaves for the landing pad if it has raised.
    fn call_host(
        &mut self,
        func: FuncIndex,
        code: Value,
        signature: &Signature,
        args: &[Value],
    ) -> Vec<Value> {
        let offset = self.builder.srcloc().bits();
        self.env.note_exit(&mut self.builder, ExitPlace { func: self.func, offset });
        let (_, host_func) = self.env.imported_func(&mut self.builder, func);
        let slots = (signature.results.len() > 1).then(|| self.result_slots(signature));
        let mut all = vec![host_func, self.env.vmctx()];
        all.extend(slots.map(|(_, address)| address));
        all.extend_from_slice(args);
        let convention = self.env.host_convention();
        let native = self.builder.import_signature(native(signature, convention, 2));
        let call = self.builder.ins().call_indirect(native, code, &all);
        let results = self.builder.inst_results(call).to_vec();
        self.leave_if_raised();
        let Some((slot, _)) = slots else { return results };
        let load = |(place, ty): (usize, &ValType)| {
            self.builder.ins().stack_load(POINTER, clif_type(*ty), slot, (place * SLOT_SIZE) as i32)
        };
        signature.results.iter().enumerate().map(load).collect()
    }

    /// Slots for several results of a host function, with their address.
    fn result_slots(&mut self, signature: &Signature) -> (StackSlot, Value) {
        let bytes = signature.results.len() * SLOT_SIZE;
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes as u32, 4);
        let slot = self.builder.create_sized_stack_slot(data);
        (slot, self.builder.ins().stack_addr(POINTER, slot, 0))
    }

    fn leave_if_raised(&mut self) {
        let (leave, stay) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(leave);
        let raised = self.env.raised(&mut self.builder);
        self.builder.ins().brif(raised, leave, [], stay, []);
        self.builder.seal_block(leave);
        self.builder.seal_block(stay);
        self.builder.switch_to_block(leave);
        let (stub, activation) = self.env.raise_stub(&mut self.builder);
        let signature = pointers(self.env.host_convention(), 1);
        let signature = self.builder.import_signature(signature);
        self.builder.ins().call_indirect(signature, stub, &[activation]);
        self.builder.ins().trap(trap_code(Trap::UnreachableCodeReached));
        self.builder.switch_to_block(stay);
    }

    /// Decides how a function is called.
    fn callee(&mut self, func: FuncIndex) -> Callee {
        let Some(defined) = self.env.module.defined_func(func) else {
            let (code, vmctx) = self.env.imported_func(&mut self.builder, func);
            return Callee::Far { code, vmctx };
        };
        let name = UserExternalName::new(NAMESPACE_FUNC, defined.as_u32());
        let ty = self.env.module.funcs[func];
        let signature = self.signature(ty);
        Callee::Near(self.near(name, signature))
    }

    /// Calls with the operands as arguments, pushes the results.
    fn emit_call(&mut self, callee: Callee, ty: TypeIndex) {
        let params = self.env.module.types[ty].params.len();
        let height = self.state.operands.len() - params;
        let vmctx = match callee {
            Callee::Near(_) => self.env.vmctx(),
            Callee::Far { vmctx, .. } => {
                self.env.note_caller(&mut self.builder);
                vmctx
            }
        };
        let args: Vec<Value> =
            std::iter::once(vmctx).chain(self.state.operands.drain(height..)).collect();
        let call = match callee {
            Callee::Near(func) => self.builder.ins().call(func, &args),
            Callee::Far { code, .. } => {
                let signature = self.signature(ty);
                self.builder.ins().call_indirect(signature, code, &args)
            }
        };
        self.state.operands.extend_from_slice(self.builder.inst_results(call));
    }

    /// Calls a runtime function through the module's trampoline for it.
    pub(super) fn libcall(&mut self, libcall: Libcall, args: &[Value]) -> Option<Value> {
        let name = UserExternalName::new(NAMESPACE_LIBCALL, libcall.index() as u32);
        let func = match self.callees.funcs.get(&name) {
            Some(func) => *func,
            None => {
                let signature = libcall_signature(libcall, CallConv::Tail);
                let signature = self.builder.import_signature(signature);
                self.near(name, signature)
            }
        };
        let args: Vec<Value> =
            std::iter::once(self.env.vmctx()).chain(args.iter().copied()).collect();
        let call = self.builder.ins().call(func, &args);
        self.builder.inst_results(call).first().copied()
    }

    /// A function of the same text.
    fn near(&mut self, name: UserExternalName, signature: SigRef) -> FuncRef {
        *self.callees.funcs.entry(name.clone()).or_insert_with(|| {
            let name = self.builder.func.declare_imported_user_function(name);
            self.builder.import_function(ExtFuncData {
                name: ExternalName::user(name),
                signature,
                colocated: true,
                patchable: false,
            })
        })
    }

    fn signature(&mut self, ty: TypeIndex) -> SigRef {
        *self.callees.signatures.entry(ty).or_insert_with(|| {
            self.builder.import_signature(wasm_signature(&self.env.module.types[ty]))
        })
    }
}
