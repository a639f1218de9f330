//! Translates the body of one function to CLIF.
//!
//! One pass over the operators, each handled by `ops`; the state between operators is in `state.rs`.
//! Invariant: the body has been validated, so operands exist and have the right types.
//! Nothing here recurses, and no step costs more than its operator's share of the body.
//!
//! Spec: Execution > Instructions.

use crate::bounds::{self, Unsettled};
use crate::env::Env;
use crate::error::CompileError;
use crate::ops::{Callees, Inlining, Try, find_tries};
use crate::signature::{NAMESPACE_FUNC, clif_type, wasm_signature};
use crate::state::{Frame, Locals, State, machine_types};
use cranelift_codegen::ir::{self, InstBuilder, SourceLoc, Type, UserFuncName, Value, types};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use palisade_environ::{DefinedFuncIndex, FuncIndex, ModuleInfo, Signature};
use std::collections::HashMap;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// More values than this, or more values passed by branches, are refused.
///
/// A use of a local or a branch takes two bytes of the body, but may pass a value through every loop around it or a
/// thousand values at once, so a hostile body could ask for a thousand times its own size in memory. The register
/// allocator takes 2 million values, so no function is refused here that would compile.
const MAX_VALUES: usize = 1 << 24;

/// Translates the body of a function that `module`, in `bytes`, defines into `func`, which is empty. `deterministic` is about relaxed instructions.
///
/// # Errors
///
/// [`CompileError::Unsupported`] for an instruction that is not built, [`CompileError::Limit`] for a function whose
/// control flow is too large.
pub(crate) fn translate(
    func: &mut ir::Function,
    builder_context: &mut FunctionBuilderContext,
    module: &ModuleInfo,
    bytes: &[u8],
    isa: &dyn TargetIsa,
    deterministic: bool,
    index: DefinedFuncIndex,
) -> Result<Vec<Unsettled>, CompileError> {
    func.signature = wasm_signature(module.signature(module.func_index(index)));
    func.name = UserFuncName::user(NAMESPACE_FUNC, index.as_u32());
    let mut translator =
        Translator::new(func, builder_context, module, bytes, isa, deterministic, index);
    match translator.body(function_body(module, bytes, index)) {
        Ok(()) => {
            let unsettled = translator.env.unsettled.take();
            translator.builder.finalize(isa.frontend_config());
            Ok(unsettled)
        }
        Err(error) => {
            // The builder stopped halfway; the next function needs a clean context.
            *builder_context = FunctionBuilderContext::new();
            Err(error)
        }
    }
}

/// The body of a function that `module`, in `bytes`, defines.
pub(crate) fn function_body<'a>(
    module: &ModuleInfo,
    bytes: &'a [u8],
    index: DefinedFuncIndex,
) -> FunctionBody<'a> {
    let range = module.bodies[index].clone();
    FunctionBody::new(BinaryReader::new(&bytes[range.clone()], range.start as u64))
}

/// A function under translation.
pub(crate) struct Translator<'a> {
    /// The function itself.
    pub(crate) func: FuncIndex,
    pub(crate) builder: FunctionBuilder<'a>,
    pub(crate) env: Env<'a>,
    pub(crate) state: State<'a>,
    pub(crate) callees: Callees,
    pub(crate) inlining: Inlining<'a>,
    /// The older `try`s of the function, found when the first is met.
    pub(crate) tries: HashMap<u64, Try>,
}

impl<'a> Translator<'a> {
    fn new(
        func: &'a mut ir::Function,
        context: &'a mut FunctionBuilderContext,
        module: &'a ModuleInfo,
        bytes: &'a [u8],
        isa: &'a dyn TargetIsa,
        deterministic: bool,
        index: DefinedFuncIndex,
    ) -> Translator<'a> {
        let func_index = module.func_index(index);
        let signature = module.signature(func_index);
        let body = function_body(module, bytes, index);
        let mut builder = FunctionBuilder::new(func, context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let env = Env::new(&mut builder, module, isa, deterministic, entry);
        env.declare_stack_limit(&mut builder);
        let locals = declare_locals(&mut builder, entry, signature, &body);
        let state = State::new(locals, Frame::function(&signature.results));
        let callees = Callees::default();
        let inlining = Inlining::new(bytes, module.bodies[index].len());
        Translator {
            func: func_index,
            builder,
            env,
            state,
            callees,
            inlining,
            tries: HashMap::new(),
        }
    }

    fn body(&mut self, body: FunctionBody<'_>) -> Result<(), CompileError> {
        let mut reader = body.get_operators_reader().expect("validated: operators");
        while !reader.eof() {
            let (op, offset) = reader.read_with_offset().expect("validated: operator");
            self.builder.set_srcloc(source_location(offset));
            if matches!(op, Operator::Try { .. }) && self.tries.is_empty() {
                self.tries = find_tries(body.get_operators_reader().expect("validated: operators"));
            }
            if self.state.reachable {
                self.operator(op, offset)?;
            } else {
                self.skip(&op);
            }
            self.check_size(offset)?;
        }
        Ok(())
    }

    /// Stops before a function takes too much memory.
    fn check_size(&self, offset: u64) -> Result<(), CompileError> {
        if self.builder.func.dfg.num_values().max(self.state.branch_values) <= MAX_VALUES {
            return Ok(());
        }
        Err(CompileError::Limit(format!("function too large for the translator at {offset:#x}")))
    }

    /// Passes over an operator of unreachable code, up to where code may be reachable again.
    fn skip(&mut self, op: &Operator<'_>) {
        match op {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. }
            | Operator::Try { .. } => self.state.skipped_frames += 1,
            Operator::End | Operator::Delegate { .. } if self.state.skipped_frames > 0 => {
                self.state.skipped_frames -= 1;
            }
            Operator::End | Operator::Delegate { .. } => self.end(),
            Operator::Catch { .. } | Operator::CatchAll if self.state.skipped_frames == 0 => {
                self.catch();
            }
            Operator::Else if self.state.skipped_frames == 0 => self.else_(),
            _ => {}
        }
    }

    /// Pops an operand.
    pub(crate) fn pop(&mut self) -> Value {
        self.state.operands.pop().expect("validated: an operand")
    }

    /// Pops two operands; the later one comes second.
    pub(crate) fn pop2(&mut self) -> (Value, Value) {
        let second = self.pop();
        (self.pop(), second)
    }

    /// Pops three operands, the latest last.
    pub(crate) fn pop3(&mut self) -> (Value, Value, Value) {
        let third = self.pop();
        let (first, second) = self.pop2();
        (first, second, third)
    }

    /// Pushes an operand.
    pub(crate) fn push(&mut self, value: Value) {
        self.state.operands.push(value);
    }

    /// Pops an operand, pushes `emit(operand)`.
    pub(crate) fn unary(&mut self, emit: impl FnOnce(&mut FunctionBuilder<'_>, Value) -> Value) {
        let operand = self.pop();
        let result = emit(&mut self.builder, operand);
        self.push(result);
    }

    /// Pops two operands, pushes `emit(left, right)`.
    pub(crate) fn binary(
        &mut self,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value, Value) -> Value,
    ) {
        let (left, right) = self.pop2();
        let result = emit(&mut self.builder, left, right);
        self.push(result);
    }

    /// Pops an index of a memory or table, as 64 bits.
    pub(crate) fn pop_index(&mut self) -> Value {
        let index = self.pop();
        bounds::widen(&mut self.builder, index)
    }

    /// Pushes 64 bits as an index or size of type `ty`.
    pub(crate) fn push_index(&mut self, ty: Type, value: Value) {
        let value = if ty == types::I64 { value } else { self.builder.ins().ireduce(ty, value) };
        self.push(value);
    }

    /// Pushes an `i32`.
    pub(crate) fn i32_const(&mut self, value: i32) {
        // CLIF wants immediates of narrow types zero-extended.
        let value = self.builder.ins().iconst(types::I32, i64::from(value as u32));
        self.push(value);
    }

    /// `local.get`
    pub(crate) fn local_get(&mut self, local: u32) {
        let value = self.state.locals.get(&mut self.builder, local);
        self.push(value);
    }

    /// `local.set`
    pub(crate) fn local_set(&mut self, local: u32) {
        let value = self.pop();
        self.state.locals.set(&mut self.builder, local, value);
    }

    /// `local.tee`
    pub(crate) fn local_tee(&mut self, local: u32) {
        let value = *self.state.operands.last().expect("validated: an operand");
        self.state.locals.set(&mut self.builder, local, value);
    }
}

/// Declares parameters and locals and gives them their initial values.
fn declare_locals(
    builder: &mut FunctionBuilder<'_>,
    entry: ir::Block,
    signature: &Signature,
    body: &FunctionBody<'_>,
) -> Locals {
    let mut types: Vec<Type> = signature.params.iter().map(clif_type).collect();
    for group in body.get_locals_reader().expect("validated: locals") {
        let (count, ty) = group.expect("validated: locals");
        types.extend(std::iter::repeat_n(clif_type(&machine_types(ty)[0]), count as usize));
    }
    let operators = body.get_binary_reader_for_operators().expect("validated: operators");
    let mut locals = Locals::new(builder, types, operators.bytes_remaining());
    let params = builder.block_params(entry)[1..].to_vec();
    locals.initialize(builder, &params);
    locals
}

/// A place in the module as a source location; modules above 4 GiB have none.
fn source_location(offset: u64) -> SourceLoc {
    u32::try_from(offset).map_or(SourceLoc::default(), SourceLoc::new)
}
