//! Code that changes calling convention between the host's and wasm's.
//!
//! *Entry* trampolines are called by the host by the platform's C convention, with values in slots. They note in the
//! activation where execution resumes if wasm is left without returning (the landing pad), then call the wasm function by
//! `try_call`, whose exceptional edge is that landing pad. *Exit* trampolines are called by wasm; they note the frame
//! that left wasm, call the host function by the native or the array ABI, and leave for the landing pad when it has
//! raised. Libcall trampolines do the same for runtime functions.
//!
//! Invariant: on return from an exit trampoline nothing was raised; the landing pad is reached only through a raise
//! stub or the signal handler.

use crate::signature::{POINTER, clif_type, libcall_signature, wasm_signature};
use cranelift_codegen::ir::{
    AbiParam, Block, BlockArg, BlockCall, ExceptionTableData, ExceptionTableItem, Function,
    InstBuilder, MemFlagsData, Signature as ClifSignature, StackSlot, StackSlotData, StackSlotKind,
    Type, Value, types,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use palisade_environ::{Libcall, Signature, ValType, offsets};

/// Bytes of a value slot: of the array ABI, and of several results in the native ABI.
pub const SLOT_SIZE: usize = 16;

/// Which boundary a trampoline crosses, and how.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrampolineKind {
    /// Host to wasm, for functions whose values do not all travel in registers:
    /// `fn(activation, code, vmctx, slots)`.
    Entry,
    /// Wasm to host, values in registers: calls `fn(host_func, caller, [results,] params...) -> [result]`.
    ExitNative,
    /// Wasm to host, values in slots: calls `fn(host_func, caller, slots)`.
    ExitArray,
}

impl TrampolineKind {
    /// Every kind, in the order of their discriminants.
    pub const ALL: [TrampolineKind; 3] =
        [TrampolineKind::Entry, TrampolineKind::ExitNative, TrampolineKind::ExitArray];
}

/// Builds the trampoline of `kind` for functions of type `signature` into the empty function `func`.
pub(crate) fn build(
    func: &mut Function,
    context: &mut FunctionBuilderContext,
    kind: TrampolineKind,
    signature: &Signature,
    config: TargetFrontendConfig,
) {
    let host = config.default_call_conv;
    func.signature = match kind {
        TrampolineKind::Entry => pointers(host, 4),
        TrampolineKind::ExitNative | TrampolineKind::ExitArray => wasm_signature(signature),
    };
    let mut t = Trampoline::new(func, context);
    match kind {
        TrampolineKind::Entry => entry(&mut t, signature),
        TrampolineKind::ExitNative => exit_native(&mut t, signature, host),
        TrampolineKind::ExitArray => exit_array(&mut t, signature, host),
    }
    t.builder.finalize(config);
}

/// Builds the trampoline through which a module calls `libcall`.
pub(crate) fn build_libcall(
    func: &mut Function,
    context: &mut FunctionBuilderContext,
    libcall: Libcall,
    config: TargetFrontendConfig,
) {
    let host = config.default_call_conv;
    func.signature = libcall_signature(libcall, CallConv::Tail);
    let mut t = Trampoline::new(func, context);
    let vmctx = t.params[0];
    let store = t.load(POINTER, vmctx, offsets::VMCTX_STORE);
    let kept = t.note_exit(store);
    let table = t.load(POINTER, vmctx, offsets::VMCTX_LIBCALLS);
    let callee = t.load(POINTER, table, (libcall.index() * 8) as i32);
    let args = t.params.clone();
    let results = t.call(libcall_signature(libcall, host), callee, &args);
    t.leave_if_raised(kept, host);
    t.builder.ins().return_(&results);
    t.builder.finalize(config);
}

fn entry(t: &mut Trampoline<'_>, signature: &Signature) {
    let (activation, code, vmctx, slots) = (t.params[0], t.params[1], t.params[2], t.params[3]);
    let mut args = vec![vmctx];
    args.extend(t.load_slots(slots, &signature.params));
    let (results, landing) = t.try_call(activation, code, signature, &args);
    t.store_slots(slots, &results);
    t.builder.ins().return_(&[]);
    // The caller finds in the store that something was raised.
    t.builder.switch_to_block(landing);
    t.builder.ins().return_(&[]);
}

fn exit_native(t: &mut Trampoline<'_>, signature: &Signature, host: CallConv) {
    let host_func = t.params[0];
    let store = t.load(POINTER, host_func, offsets::HOST_FUNC_STORE);
    let kept = t.note_exit(store);
    let caller = t.load(POINTER, store, offsets::STORE_CALLER);
    let callee = t.load(POINTER, host_func, offsets::HOST_FUNC_CALL);
    let slots = (signature.results.len() > 1).then(|| t.slots(signature.results.len()));
    let mut args = vec![host_func, caller];
    args.extend(slots);
    args.extend_from_slice(&t.params[1..]);
    let mut results = t.call(native(signature, host, 2), callee, &args);
    t.leave_if_raised(kept, host);
    if let Some(slots) = slots {
        results = t.load_slots(slots, &signature.results);
    }
    t.builder.ins().return_(&results);
}

fn exit_array(t: &mut Trampoline<'_>, signature: &Signature, host: CallConv) {
    let host_func = t.params[0];
    let store = t.load(POINTER, host_func, offsets::HOST_FUNC_STORE);
    let kept = t.note_exit(store);
    let caller = t.load(POINTER, store, offsets::STORE_CALLER);
    let callee = t.load(POINTER, host_func, offsets::HOST_FUNC_CALL);
    let slots = t.slots(signature.params.len().max(signature.results.len()));
    let params = t.params[1..].to_vec();
    t.store_slots(slots, &params);
    t.call(pointers(host, 3), callee, &[host_func, caller, slots]);
    t.leave_if_raised(kept, host);
    let results = t.load_slots(slots, &signature.results);
    t.builder.ins().return_(&results);
}

/// The native ABI: `leading` pointers, a pointer for results if there are several, the parameters.
pub(crate) fn native(signature: &Signature, host: CallConv, leading: usize) -> ClifSignature {
    let several = signature.results.len() > 1;
    let mut clif = pointers(host, leading + usize::from(several));
    clif.params.extend(signature.params.iter().map(|ty| AbiParam::new(clif_type(ty))));
    if !several {
        clif.returns.extend(signature.results.iter().map(|ty| AbiParam::new(clif_type(ty))));
    }
    clif
}

pub(crate) fn pointers(host: CallConv, count: usize) -> ClifSignature {
    let mut clif = ClifSignature::new(host);
    clif.params.extend(std::iter::repeat_n(AbiParam::new(POINTER), count));
    clif
}

/// A function of a few blocks under construction, positioned in its entry block.
struct Trampoline<'a> {
    builder: FunctionBuilder<'a>,
    params: Vec<Value>,
}

impl<'a> Trampoline<'a> {
    fn new(func: &'a mut Function, context: &'a mut FunctionBuilderContext) -> Trampoline<'a> {
        let mut builder = FunctionBuilder::new(func, context);
        let block = builder.create_block();
        builder.append_block_params_for_function_params(block);
        builder.switch_to_block(block);
        builder.seal_block(block);
        let params = builder.block_params(block).to_vec();
        Trampoline { builder, params }
    }

    fn load(&mut self, ty: Type, base: Value, offset: i32) -> Value {
        self.builder.ins().load(ty, MemFlagsData::trusted(), base, offset)
    }

    fn store(&mut self, value: Value, base: Value, offset: i32) {
        self.builder.ins().store(MemFlagsData::trusted(), value, base, offset);
    }

    fn call(&mut self, signature: ClifSignature, callee: Value, args: &[Value]) -> Vec<Value> {
        let signature = self.builder.import_signature(signature);
        let call = self.builder.ins().call_indirect(signature, callee, args);
        self.builder.inst_results(call).to_vec()
    }

    /// Space on the stack for `count` values.
    fn slots(&mut self, count: usize) -> Value {
        let bytes = (count * SLOT_SIZE) as u32;
        let slot = self.builder.create_sized_stack_slot(StackSlotData::new(
            StackSlotKind::ExplicitSlot,
            bytes,
            4,
        ));
        self.builder.ins().stack_addr(POINTER, slot, 0)
    }

    fn load_slots(&mut self, slots: Value, types: &[ValType]) -> Vec<Value> {
        let load =
            |(i, ty): (usize, &ValType)| self.load(clif_type(ty), slots, (i * SLOT_SIZE) as i32);
        types.iter().enumerate().map(load).collect()
    }

    fn store_slots(&mut self, slots: Value, values: &[Value]) {
        for (i, value) in values.iter().enumerate() {
            self.store(*value, slots, (i * SLOT_SIZE) as i32);
        }
    }

    /// Writes the landing pad into the activation, then calls wasm; continues where it has returned. The results, and the
    /// block that is the landing pad.
    fn try_call(
        &mut self,
        activation: Value,
        code: Value,
        signature: &Signature,
        args: &[Value],
    ) -> (Vec<Value>, Block) {
        let call = self.builder.create_block();
        let normal = self.builder.create_block();
        let landing = self.builder.create_block();
        self.builder.set_cold_block(landing);
        self.builder.ins().jump(call, []);
        self.builder.switch_to_block(call);
        self.builder.seal_block(call);

        let pc = self.builder.ins().get_exception_handler_address(POINTER, call, 0);
        self.store(pc, activation, offsets::ACTIVATION_LANDING_PC);
        let sp = self.builder.ins().get_stack_pointer(POINTER);
        self.store(sp, activation, offsets::ACTIVATION_LANDING_SP);
        let fp = self.builder.ins().get_frame_pointer(POINTER);
        self.store(fp, activation, offsets::ACTIVATION_LANDING_FP);

        let results: Vec<Value> = signature
            .results
            .iter()
            .map(|ty| self.builder.append_block_param(normal, clif_type(ty)))
            .collect();
        let signature = self.builder.import_signature(wasm_signature(signature));
        let dfg = &mut self.builder.func.dfg;
        let returned = (0..results.len() as u32).map(BlockArg::TryCallRet);
        let returned = BlockCall::new(normal, returned, &mut dfg.value_lists);
        let landed = BlockCall::new(landing, [], &mut dfg.value_lists);
        let table = dfg.exception_tables.push(ExceptionTableData::new(
            signature,
            returned,
            [ExceptionTableItem::Default(landed)],
        ));
        self.builder.ins().try_call_indirect(code, args, table);
        self.builder.seal_block(normal);
        self.builder.seal_block(landing);
        self.builder.switch_to_block(normal);
        (results, landing)
    }

    /// Notes for backtraces which wasm frame is left. Keeps `store` on the stack for after the call: in a register it would
    /// have to be one that the callee saves, and then the caller's value of that register would take the way through
    /// memory and back in each call.
    fn note_exit(&mut self, store: Value) -> StackSlot {
        let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3);
        let kept = self.builder.create_sized_stack_slot(slot);
        self.builder.ins().stack_store(POINTER, store, kept, 0);
        let activation = self.load(POINTER, store, offsets::STORE_ACTIVATION);
        let pc = self.builder.ins().get_return_address(POINTER);
        self.store(pc, activation, offsets::ACTIVATION_EXIT_PC);
        let fp = self.builder.ins().get_frame_pointer(POINTER);
        self.store(fp, activation, offsets::ACTIVATION_EXIT_FP);
        kept
    }

    /// Leaves for the landing pad of the current activation if the host function has raised.
    fn leave_if_raised(&mut self, kept: StackSlot, host: CallConv) {
        let store = self.builder.ins().stack_load(POINTER, POINTER, kept, 0);
        let leave = self.builder.create_block();
        let stay = self.builder.create_block();
        self.builder.set_cold_block(leave);
        let raised = self.load(types::I32, store, offsets::STORE_RAISE_PENDING);
        self.builder.ins().brif(raised, leave, [], stay, []);
        self.builder.seal_block(leave);
        self.builder.seal_block(stay);
        self.builder.switch_to_block(leave);
        let stub = self.load(POINTER, store, offsets::STORE_RAISE_STUB);
        let raise = self.builder.ins().iadd_imm_s(store, i64::from(offsets::STORE_RAISE));
        self.call(pointers(host, 1), stub, &[raise]);
        let unreachable = palisade_environ::Trap::UnreachableCodeReached.code();
        let code = cranelift_codegen::ir::TrapCode::user(unreachable).expect("a user trap code");
        self.builder.ins().trap(code);
        self.builder.switch_to_block(stay);
    }
}
