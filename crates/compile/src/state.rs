//! What the translator remembers between operators: locals, operands, control frames, reachability.
//!
//! Invariant: while code is reachable, the operand stack holds exactly the values that the specification's holds.
//! While it is not, operators are skipped and the stack may hold less.
//!
//! Spec: Validation > Instructions (the algorithm in the appendix keeps the same two stacks).

use crate::ops::Scope;
use crate::signature::{POINTER, clif_type};
use cranelift_codegen::ir::{
    Block, InstBuilder, StackSlot, StackSlotData, StackSlotKind, Type, Value, types,
};
use cranelift_frontend::{FunctionBuilder, Variable};
use palisade_environ::{ModuleInfo, TypeIndex, ValType};
use wasmparser::BlockType;

/// The state between two operators.
pub(crate) struct State<'a> {
    pub(crate) locals: Locals,
    /// The operand stack.
    pub(crate) operands: Vec<Value>,
    /// Open frames, the function's own first.
    pub(crate) frames: Vec<Frame<'a>>,
    /// Whether the next operator can be reached.
    pub(crate) reachable: bool,
    /// Frames opened by unreachable code and not yet closed.
    pub(crate) skipped_frames: usize,
    /// Values passed by branches so far, and handlers listed by calls.
    pub(crate) branch_values: usize,
    /// The handlers of each `try` and `try_table` so far.
    pub(crate) scopes: Vec<Scope>,
}

/// A place in [`State::scopes`].
pub(crate) type ScopeId = usize;

impl<'a> State<'a> {
    /// The state before the first operator of a function.
    pub(crate) fn new(locals: Locals, function: Frame<'a>) -> State<'a> {
        State {
            locals,
            operands: Vec::new(),
            frames: vec![function],
            reachable: true,
            skipped_frames: 0,
            branch_values: 0,
            scopes: Vec::new(),
        }
    }

    /// The handlers that an exception can reach here.
    pub(crate) fn scope(&self) -> Option<ScopeId> {
        self.frames.last().and_then(|frame| frame.scope)
    }

    /// The frame that a branch of this depth names.
    pub(crate) fn frame(&mut self, depth: u32) -> &mut Frame<'a> {
        let last = self.frames.len() - 1;
        &mut self.frames[last - depth as usize]
    }

    /// The topmost `count` operands.
    pub(crate) fn top(&self, count: usize) -> &[Value] {
        &self.operands[self.operands.len() - count..]
    }
}

/// A control instruction whose `end` has not been seen.
pub(crate) struct Frame<'a> {
    pub(crate) kind: FrameKind,
    /// Operands below those of the frame.
    pub(crate) height: usize,
    /// Types of its results.
    pub(crate) results: &'a [ValType],
    /// Where its `end` continues; made by the first branch there.
    pub(crate) exit: Option<Block>,
    /// The handlers that an exception can reach from directly inside.
    pub(crate) scope: Option<ScopeId>,
}

impl<'a> Frame<'a> {
    /// The frame of a whole function.
    pub(crate) fn function(results: &'a [ValType]) -> Frame<'a> {
        Frame { kind: FrameKind::Function, height: 0, results, exit: None, scope: None }
    }
}

/// What is particular to a kind of frame.
pub(crate) enum FrameKind {
    /// The function body.
    Function,
    /// `block`, or an `if` after its `else`.
    Block,
    /// `loop`
    Loop {
        /// Where branches to it go.
        header: Block,
        /// Number of operands that it takes.
        params: usize,
    },
    /// `if` before its `else`.
    If {
        /// Begins the alternative.
        alternative: Block,
        /// Operands that the alternative takes.
        params: Vec<Value>,
    },
    /// `try_table`
    TryTable,
    /// The body of an older `try`.
    Try {
        /// Its handlers.
        scope: ScopeId,
        /// How many clauses have begun.
        next: usize,
    },
    /// A clause of an older `try`.
    Catch {
        /// The handlers of the `try`.
        scope: ScopeId,
        /// How many clauses have begun.
        next: usize,
        /// The reference to what was caught; none in a clause that cannot be reached.
        exception: Option<Value>,
    },
}

impl FrameKind {
    /// Whether branches to the frame leave the function.
    pub(crate) fn is_function(&self) -> bool {
        matches!(self, FrameKind::Function)
    }
}

/// Types of parameters and results of a block.
pub(crate) fn block_signature(module: &ModuleInfo, ty: BlockType) -> (&[ValType], &[ValType]) {
    match ty {
        BlockType::Empty => (&[], &[]),
        BlockType::Type(ty) => (&[], machine_types(ty)),
        BlockType::FuncType(index) => {
            let signature = module.types[TypeIndex::from_u32(index)].signature();
            (&signature.params, &signature.results)
        }
    }
}

/// A type as a list of one. To the machine all references look alike, so one stands for them all.
pub(crate) fn machine_types(ty: wasmparser::ValType) -> &'static [ValType] {
    match ty {
        wasmparser::ValType::I32 => &[ValType::I32],
        wasmparser::ValType::I64 => &[ValType::I64],
        wasmparser::ValType::F32 => &[ValType::F32],
        wasmparser::ValType::F64 => &[ValType::F64],
        wasmparser::ValType::V128 => &[ValType::V128],
        wasmparser::ValType::Ref(_) => &[ValType::EXTERNREF],
    }
}

/// Beyond this product of locals and bytes of operators, locals live on the machine's stack.
///
/// The frontend's SSA construction keeps, for each local, a word for every block up to the last that uses it. Three
/// bytes of body make a block, so at this product that may cost more than a gigabyte; 50,000 locals in 7 MB of body
/// could ask for 500. Compilers that optimise stay far below: 1,000 locals may have a body of a megabyte.
const MAX_SSA_PRODUCT: usize = 1 << 30;

/// The locals of a function, parameters first.
pub(crate) enum Locals {
    /// As SSA values; the variable of a local has its index.
    Variables(Vec<Type>),
    /// In memory, each at its offset.
    Slots(StackSlot, Vec<(Type, i32)>),
    /// As the values that they have now: for code without control flow.
    Values(Vec<Value>),
}

impl Locals {
    /// Declares locals of these types for a function with so many bytes of operators.
    pub(crate) fn new(
        builder: &mut FunctionBuilder<'_>,
        types: Vec<Type>,
        len_bytes: usize,
    ) -> Locals {
        if types.len().saturating_mul(len_bytes) > MAX_SSA_PRODUCT {
            let mut size = 0;
            let place = |ty: Type| {
                let offset = u32::next_multiple_of(size, ty.bytes());
                size = offset + ty.bytes();
                (ty, offset as i32)
            };
            let places = types.into_iter().map(place).collect();
            let data = StackSlotData::new(StackSlotKind::ExplicitSlot, size, 4);
            return Locals::Slots(builder.create_sized_stack_slot(data), places);
        }
        for (index, ty) in types.iter().enumerate() {
            let variable = builder.declare_var(*ty);
            assert_eq!(variable, Variable::from_u32(index as u32), "only locals are variables");
        }
        Locals::Variables(types)
    }

    /// Sets parameters to their values and the other locals to zero.
    pub(crate) fn initialize(&mut self, builder: &mut FunctionBuilder<'_>, params: &[Value]) {
        let types: Vec<Type> = match self {
            Locals::Variables(types) => types.clone(),
            Locals::Slots(_, places) => places.iter().map(|(ty, _)| *ty).collect(),
            Locals::Values(_) => unreachable!("these are made with their values"),
        };
        for (local, param) in params.iter().enumerate() {
            self.set(builder, local as u32, *param);
        }
        let mut zeros: Vec<(Type, Value)> = Vec::new();
        for (local, ty) in types.iter().enumerate().skip(params.len()) {
            let known = zeros.iter().find(|(zero_type, _)| zero_type == ty);
            let zero = known.map(|(_, zero)| *zero).unwrap_or_else(|| {
                let zero = zero(builder, *ty);
                zeros.push((*ty, zero));
                zero
            });
            self.set(builder, local as u32, zero);
        }
    }

    /// The value of a local.
    pub(crate) fn get(&self, builder: &mut FunctionBuilder<'_>, local: u32) -> Value {
        match self {
            Locals::Variables(_) => builder.use_var(Variable::from_u32(local)),
            Locals::Slots(slot, places) => {
                let (ty, offset) = places[local as usize];
                builder.ins().stack_load(POINTER, ty, *slot, offset)
            }
            Locals::Values(values) => values[local as usize],
        }
    }

    /// Gives a local a new value.
    pub(crate) fn set(&mut self, builder: &mut FunctionBuilder<'_>, local: u32, value: Value) {
        match self {
            Locals::Variables(_) => builder.def_var(Variable::from_u32(local), value),
            Locals::Slots(slot, places) => {
                builder.ins().stack_store(POINTER, value, *slot, places[local as usize].1);
            }
            Locals::Values(values) => values[local as usize] = value,
        }
    }
}

/// Zero, or null.
pub(crate) fn zero(builder: &mut FunctionBuilder<'_>, ty: Type) -> Value {
    match ty {
        types::F32 => builder.ins().f32const(0.0),
        types::F64 => builder.ins().f64const(0.0),
        types::I8X16 => {
            let zero = builder.ins().iconst(types::I8, 0);
            builder.ins().splat(ty, zero)
        }
        _ => builder.ins().iconst(ty, 0),
    }
}

/// A new block with parameters of these types.
pub(crate) fn block_with_params(builder: &mut FunctionBuilder<'_>, types: &[ValType]) -> Block {
    let block = builder.create_block();
    for ty in types {
        builder.append_block_param(block, clif_type(ty));
    }
    block
}
