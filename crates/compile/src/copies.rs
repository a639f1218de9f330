//! Removes block parameters that are copies: those for which every branch passes one value, or the parameter itself.
//!
//! Translation leaves many, because a value that loops only pass on is a parameter of each of them until all branches are
//! known. Cranelift removes only copies of what is no parameter itself, so in nested loops the counters of the outer ones
//! would be moved, and spilled, by the inner ones.
//!
//! Spec: none; Braun et al., Simple and Efficient Construction of Static Single Assignment Form (2013), where such
//! parameters are called trivial.

use cranelift_codegen::ir::{Block, BlockArg, BlockCall, Function, Inst, Value};
use cranelift_entity::SecondaryMap;
use cranelift_entity::packed_option::PackedOption;

/// Times that all branches are looked at. A copy of a copy may take two; loops are seldom nested deeper.
const ROUNDS: usize = 4;

/// What the branches to a block pass for a parameter, besides itself.
#[derive(Clone, Copy, Default, PartialEq)]
enum Passed {
    #[default]
    Nothing,
    One(Value),
    Several,
}

/// What is known of copies: the value that each parameter is a copy of.
type Copies = SecondaryMap<Value, PackedOption<Value>>;

/// Removes them from `func`.
pub(crate) fn remove(func: &mut Function) {
    let branches = branches(func);
    let mut copies = Copies::new();
    if !find(func, &branches, &mut copies) {
        return;
    }
    for _ in 1..ROUNDS {
        if !find(func, &branches, &mut copies) {
            break;
        }
    }
    for branch in branches {
        shorten(func, branch, &copies);
    }
    let blocks: Vec<Block> = func.layout.blocks().collect();
    for block in blocks {
        // From the last on, as removing one moves those behind it.
        for param in func.dfg.block_params(block).to_vec().into_iter().rev() {
            if copies[param].is_some() {
                func.dfg.remove_block_param(param);
                func.dfg.change_to_alias(param, original(&mut copies, param));
            }
        }
    }
}

/// The instructions that pass something to a block.
fn branches(func: &Function) -> Vec<Inst> {
    let last = func.layout.blocks().filter_map(|block| func.layout.last_inst(block));
    last.filter(|inst| calls(func, *inst).iter().any(|call| call.len(&func.dfg.value_lists) > 0))
        .collect()
}

fn calls(func: &Function, branch: Inst) -> &[BlockCall] {
    let dfg = &func.dfg;
    dfg.insts[branch].branch_destination(&dfg.jump_tables, &dfg.exception_tables)
}

/// Finds more copies, given some; whether there are any.
fn find(func: &Function, branches: &[Inst], copies: &mut Copies) -> bool {
    let pool = &func.dfg.value_lists;
    let mut passed: SecondaryMap<Value, Passed> = SecondaryMap::new();
    for call in branches.iter().flat_map(|branch| calls(func, *branch)) {
        for (arg, param) in call.args(pool).zip(func.dfg.block_params(call.block(pool))) {
            let BlockArg::Value(arg) = arg else {
                passed[*param] = Passed::Several;
                continue;
            };
            let value = original(copies, func.dfg.resolve_aliases(arg));
            if value != *param {
                passed[*param] = match passed[*param] {
                    Passed::Nothing => Passed::One(value),
                    Passed::One(other) if other == value => Passed::One(value),
                    _ => Passed::Several,
                };
            }
        }
    }
    let mut more = false;
    for (param, passed) in passed.iter() {
        // What has just been found may say the same the other way round, where code is never reached.
        if let Passed::One(value) = *passed
            && copies[param].is_none()
            && original(copies, value) != param
        {
            copies[param] = value.into();
            more = true;
        }
    }
    more
}

/// What a value is a copy of in the end. What was on the way there leads to it directly from now on.
fn original(copies: &mut Copies, value: Value) -> Value {
    let mut end = value;
    while let Some(copied) = copies[end].expand() {
        end = copied;
    }
    let mut next = value;
    while let Some(copied) = copies[next].expand() {
        copies[next] = end.into();
        next = copied;
    }
    end
}

/// Passes no copies.
fn shorten(func: &mut Function, branch: Inst, copies: &Copies) {
    let dfg = &mut func.dfg;
    let (params, pool) = (&dfg.blocks, &mut dfg.value_lists);
    let calls =
        dfg.insts[branch].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
    for call in calls {
        let block = call.block(pool);
        let params = params[block].params(pool);
        if !params.iter().any(|param| copies[*param].is_some()) {
            continue;
        }
        let kept: Vec<BlockArg> = call
            .args(pool)
            .zip(params)
            .filter(|(_, param)| !copies[**param].is_some())
            .map(|(arg, _)| arg)
            .collect();
        *call = BlockCall::new(block, kept, pool);
    }
}
