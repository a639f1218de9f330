//! Calls.
//!
//! Every wasm function takes its vmctx before its parameters, by the `tail` convention. How a call is made is decided
//! in one place, [`Translator::callee`].
//! Invariant: before code of another instance or of the host may run, the store knows the caller.
//!
//! Spec: Execution > Instructions > Control Instructions (call, call_indirect, call_ref, return_call and its kin).

use crate::bounds;
use crate::env::trap_code;
use crate::error::CompileError;
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
    ExitPlace, FuncIndex, HeapType, Libcall, Signature, TableIndex, Trap, TypeIndex, ValType,
    offsets,
};
use std::collections::HashMap;

/// What a function has declared for the functions that it calls.
#[derive(Default)]
pub(crate) struct Callees {
    funcs: HashMap<UserExternalName, FuncRef>,
    signatures: HashMap<TypeIndex, SigRef>,
    scratch: Option<StackSlot>,
}

/// How to reach a function.
enum Callee {
    /// In the same text, by a near call.
    Near(FuncRef),
    /// At an address, with its own vmctx. Unless `noted`, the store must be told of the caller before the call.
    Far { code: Value, vmctx: Value, noted: bool },
}

impl Translator<'_> {
    pub(super) fn call(&mut self, func: FuncIndex) -> Result<(), CompileError> {
        if self.inline(func)? {
            return Ok(());
        }
        let ty = self.env.module.funcs[func];
        // What the host throws through a call without trampoline reaches no handler of the function itself.
        let direct = self.state.scope().is_none() && self.is_in_loop();
        if self.env.module.defined_func(func).is_none() && direct {
            self.call_import_in_loop(func, ty);
        } else {
            let callee = self.callee(func);
            self.emit_call(callee, ty);
        }
        Ok(())
    }

    pub(super) fn call_indirect(&mut self, ty: u32, table: u32) {
        let callee = self.table_callee(ty, table);
        self.emit_call(callee, TypeIndex::from_u32(ty));
    }

    pub(super) fn call_ref(&mut self, ty: u32) {
        let callee = self.reference_callee();
        self.emit_call(callee, TypeIndex::from_u32(ty));
    }

    pub(super) fn return_call(&mut self, func: FuncIndex) {
        let callee = self.callee(func);
        self.emit_return_call(callee, self.env.module.funcs[func]);
    }

    pub(super) fn return_call_indirect(&mut self, ty: u32, table: u32) {
        let callee = self.table_callee(ty, table);
        self.emit_return_call(callee, TypeIndex::from_u32(ty));
    }

    pub(super) fn return_call_ref(&mut self, ty: u32) {
        let callee = self.reference_callee();
        self.emit_return_call(callee, TypeIndex::from_u32(ty));
    }

    /// Pops the index of a table entry; the function there, which has been found to have the type `ty`.
    fn table_callee(&mut self, ty: u32, table: u32) -> Callee {
        let index = self.pop();
        let table = TableIndex::from_u32(table);
        let entry = bounds::table_entry(&mut self.builder, &self.env, table, index);
        let ty = TypeIndex::from_u32(ty);
        let flags = self.env.table_flags();
        if self.env.module.defined_table(table).is_some() && !self.has_type(table, ty) {
            let vmctx = self.check_own_signature(entry, ty);
            let code =
                self.builder.ins().load(POINTER, flags.with_notrap(), entry, offsets::ENTRY_CODE);
            return Callee::Far { code, vmctx, noted: true };
        }
        self.check_signature(entry, table, ty);
        let code = self.builder.ins().load(POINTER, flags, entry, offsets::ENTRY_CODE);
        // The first load has shown that the entry is accessible.
        let flags = flags.with_notrap();
        let vmctx = self.builder.ins().load(POINTER, flags, entry, offsets::ENTRY_VMCTX);
        Callee::Far { code, vmctx, noted: false }
    }

    /// Whether every function in the table has the type `ty`.
    fn has_type(&self, table: TableIndex, ty: TypeIndex) -> bool {
        let module = self.env.module;
        match module.tables[table].element().heap_type() {
            HeapType::ConcreteFunc(element) => element.matches(&module.types[ty]),
            _ => false,
        }
    }

    /// The vmctx of the function in an entry of a table that the instance defines. Traps unless the function has the type
    /// `ty`; tells the store of the caller if the function is not the instance's own.
    ///
    /// Nearly all functions in such a table are. Those get the caller's vmctx, which is the same as the entry's but need
    /// not be waited for: the first that a function does is to load through its vmctx.
    fn check_own_signature(&mut self, entry: Value, ty: TypeIndex) -> Value {
        let flags = self.env.table_flags();
        let b = &mut self.builder;
        let own = b.ins().load(types::I32, flags, entry, offsets::ENTRY_OWN_SIGNATURE);
        let expected = self.env.signature_id(b, ty);
        let matches = b.ins().icmp(IntCC::Equal, own, expected);
        let (other, call) = (b.create_block(), b.create_block());
        let vmctx = b.append_block_param(call, POINTER);
        b.set_cold_block(other);
        b.ins().brif(matches, call, &[self.env.vmctx().into()], other, []);
        b.seal_block(other);
        b.switch_to_block(other);
        let flags = flags.with_notrap();
        let actual = b.ins().load(types::I32, flags, entry, offsets::ENTRY_SIGNATURE);
        self.check_found_signature(entry, actual, expected, ty);
        let b = &mut self.builder;
        b.set_cold_block(b.current_block().expect("inside a block"));
        let loaded = b.ins().load(POINTER, flags, entry, offsets::ENTRY_VMCTX);
        self.env.note_caller(b);
        b.ins().jump(call, &[loaded.into()]);
        b.seal_block(call);
        b.switch_to_block(call);
        vmctx
    }

    /// Pops a reference; the function there. The load traps if the reference is null.
    fn reference_callee(&mut self) -> Callee {
        let reference = self.pop();
        let (code, vmctx) = self.env.callable(&mut self.builder, reference);
        Callee::Far { code, vmctx, noted: false }
    }

    /// Traps unless the function in a table entry has the type `ty`.
    ///
    /// Type ids are unique in an engine, and null has none, so one compare is enough for a type without subtypes.
    fn check_signature(&mut self, entry: Value, table: TableIndex, ty: TypeIndex) {
        let flags = self.env.table_flags();
        if self.has_type(table, ty) {
            // Also where no entry should be null: one is that was being written when the guest was interrupted.
            let code = self.builder.ins().load(POINTER, flags, entry, offsets::ENTRY_CODE);
            self.builder.ins().trapz(code, trap_code(Trap::IndirectCallToNull));
            return;
        }
        let actual = self.builder.ins().load(types::I32, flags, entry, offsets::ENTRY_SIGNATURE);
        let expected = self.env.signature_id(&mut self.builder, ty);
        self.check_found_signature(entry, actual, expected, ty);
    }

    /// Traps unless `actual`, which the entry holds, is the type `ty`, whose id is `expected`.
    fn check_found_signature(
        &mut self,
        entry: Value,
        actual: Value,
        expected: Value,
        ty: TypeIndex,
    ) {
        let b = &mut self.builder;
        let matches = b.ins().icmp(IntCC::Equal, actual, expected);
        let wrong = b.create_block();
        let right = b.create_block();
        b.set_cold_block(wrong);
        b.ins().brif(matches, right, [], wrong, []);
        b.seal_block(wrong);
        b.switch_to_block(wrong);
        b.ins().trapz(actual, trap_code(Trap::IndirectCallToNull));
        if self.env.module.types[ty].is_final() {
            b.seal_block(right);
            b.ins().trap(trap_code(Trap::BadSignature));
        } else {
            let flags = self.env.table_flags().with_notrap();
            let func = b.ins().load(POINTER, flags, entry, offsets::ENTRY_FUNC_REF);
            let subtype = self.libcall(Libcall::IsSubtype, &[func, expected]).expect("a result");
            self.builder.ins().trapz(subtype, trap_code(Trap::BadSignature));
            self.builder.ins().jump(right, []);
            self.builder.seal_block(right);
        }
        self.builder.switch_to_block(right);
    }

    /// Whether one of the innermost frames is a loop; code outside of loops is called too rarely to pay for more of it.
    fn is_in_loop(&self) -> bool {
        const DEPTH: usize = 32;
        self.state.frames.iter().rev().take(DEPTH).any(|f| matches!(f.kind, FrameKind::Loop { .. }))
    }

    /// Calls an imported function: where it is the host's and takes its values in registers, without the trampoline
    /// (0.6 of the time), at the price of more code.
    fn call_import_in_loop(&mut self, func: FuncIndex, ty: TypeIndex) {
        let signature = self.env.module.types[ty].signature();
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
            let offset = (place * SLOT_SIZE) as i32;
            self.builder.ins().stack_load(POINTER, clif_type(ty), slot, offset)
        };
        signature.results.iter().enumerate().map(load).collect()
    }

    /// Slots for several results of a host function, with their address.
    fn result_slots(&mut self, signature: &Signature) -> (StackSlot, Value) {
        let slot = self.scratch((signature.results.len() * SLOT_SIZE) as u32);
        (slot, self.builder.ins().stack_addr(POINTER, slot, 0))
    }

    /// A piece of the frame of at least so many bytes, for values on their way to or from the runtime. There is one for the
    /// whole function.
    pub(super) fn scratch(&mut self, bytes: u32) -> StackSlot {
        let slot = *self.callees.scratch.get_or_insert_with(|| {
            let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 0, 4);
            self.builder.create_sized_stack_slot(data)
        });
        let data = &mut self.builder.func.sized_stack_slots[slot];
        data.size = data.size.max(bytes);
        slot
    }

    fn leave_if_raised(&mut self) {
        let (leave, stay) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(leave);
        let raised = self.env.raised(&mut self.builder);
        self.builder.ins().brif(raised, leave, [], stay, []);
        self.builder.seal_block(leave);
        self.builder.seal_block(stay);
        self.builder.switch_to_block(leave);
        let (stub, raise) = self.env.raise_stub(&mut self.builder);
        let signature = pointers(self.env.host_convention(), 1);
        let signature = self.builder.import_signature(signature);
        self.builder.ins().call_indirect(signature, stub, &[raise]);
        self.builder.ins().trap(trap_code(Trap::UnreachableCodeReached));
        self.builder.switch_to_block(stay);
    }

    /// Decides how a function is called.
    fn callee(&mut self, func: FuncIndex) -> Callee {
        let Some(defined) = self.env.module.defined_func(func) else {
            let (code, vmctx) = self.env.imported_func(&mut self.builder, func);
            return Callee::Far { code, vmctx, noted: false };
        };
        let name = UserExternalName::new(NAMESPACE_FUNC, defined.as_u32());
        let ty = self.env.module.funcs[func];
        let signature = self.signature(ty);
        Callee::Near(self.near(name, signature))
    }

    /// Pops the arguments of a call; they and the vmctx of the callee. From here on the call may leave the instance.
    fn call_args(&mut self, callee: &Callee, ty: TypeIndex) -> Vec<Value> {
        let params = self.env.module.types[ty].signature().params.len();
        let height = self.state.operands.len() - params;
        let vmctx = match callee {
            Callee::Near(_) => self.env.vmctx(),
            Callee::Far { vmctx, noted, .. } => {
                if !noted {
                    self.env.note_caller(&mut self.builder);
                }
                *vmctx
            }
        };
        std::iter::once(vmctx).chain(self.state.operands.drain(height..)).collect()
    }

    /// Leaves the function for another one, which returns in its place.
    fn emit_return_call(&mut self, callee: Callee, ty: TypeIndex) {
        let args = self.call_args(&callee, ty);
        match callee {
            Callee::Near(func) => self.builder.ins().return_call(func, &args),
            Callee::Far { code, .. } => {
                let signature = self.signature(ty);
                self.builder.ins().return_call_indirect(signature, code, &args)
            }
        };
        self.state.reachable = false;
    }

    /// Calls with the operands as arguments, pushes the results.
    fn emit_call(&mut self, callee: Callee, ty: TypeIndex) {
        let args = self.call_args(&callee, ty);
        let signature = self.signature(ty);
        if let Some(results) = self.try_call(&callee, ty, signature, &args) {
            return self.state.operands.extend(results);
        }
        let call = match callee {
            Callee::Near(func) => self.builder.ins().call(func, &args),
            Callee::Far { code, .. } => self.builder.ins().call_indirect(signature, code, &args),
        };
        self.state.operands.extend_from_slice(self.builder.inst_results(call));
    }

    /// Calls, where there are handlers that an exception of the callee can reach; goes on in a new block.
    fn try_call(
        &mut self,
        callee: &Callee,
        ty: TypeIndex,
        signature: SigRef,
        args: &[Value],
    ) -> Option<Vec<Value>> {
        self.state.scope()?;
        let results = &self.env.module.types[ty].signature().results;
        let normal = block_with_params(&mut self.builder, results);
        let table = self.exception_table(signature, normal, results.len())?;
        match *callee {
            Callee::Near(func) => self.builder.ins().try_call(func, args, table),
            Callee::Far { code, .. } => self.builder.ins().try_call_indirect(code, args, table),
        };
        self.builder.seal_block(normal);
        self.builder.switch_to_block(normal);
        Some(self.builder.block_params(normal).to_vec())
    }

    /// Calls a runtime function that throws, and gives nothing back.
    pub(super) fn libcall_in_scope(&mut self, libcall: Libcall, args: &[Value]) {
        let func = self.libcall_func(libcall);
        let signature = self.builder.func.dfg.ext_funcs[func].signature;
        let args: Vec<Value> =
            std::iter::once(self.env.vmctx()).chain(args.iter().copied()).collect();
        let normal = self.builder.create_block();
        match self.exception_table(signature, normal, 0) {
            Some(table) => self.builder.ins().try_call(func, &args, table),
            None => {
                self.builder.ins().call(func, &args);
                self.builder.ins().jump(normal, [])
            }
        };
        self.builder.seal_block(normal);
        self.builder.switch_to_block(normal);
    }

    /// Calls a runtime function through the module's trampoline for it.
    pub(super) fn libcall(&mut self, libcall: Libcall, args: &[Value]) -> Option<Value> {
        let func = self.libcall_func(libcall);
        let args: Vec<Value> =
            std::iter::once(self.env.vmctx()).chain(args.iter().copied()).collect();
        let call = self.builder.ins().call(func, &args);
        self.builder.inst_results(call).first().copied()
    }

    fn libcall_func(&mut self, libcall: Libcall) -> FuncRef {
        let name = UserExternalName::new(NAMESPACE_LIBCALL, libcall.index() as u32);
        match self.callees.funcs.get(&name) {
            Some(func) => *func,
            None => {
                let signature = libcall_signature(libcall, CallConv::Tail);
                let signature = self.builder.import_signature(signature);
                self.near(name, signature)
            }
        }
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
            self.builder.import_signature(wasm_signature(self.env.module.types[ty].signature()))
        })
    }
}
