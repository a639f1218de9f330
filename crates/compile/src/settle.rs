//! What is made better in a complete function by what `flow` knows: indices that are sums or products become parts of their
//! accesses.
//!
//! Invariant: every value stays what it was wherever it is used, so every access stays at the address that `bounds` gave it.

use crate::bounds::Unsettled;
use crate::flow::Flow;
use crate::range::{Parts, constant, operands, parts};
use cranelift_codegen::Context;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::{Function, Inst, InstBuilder, InstructionData, Opcode, Value, types};
use cranelift_codegen::isa::TargetIsa;

/// Settles what was `unsettled` while the function was translated.
pub(crate) fn settle(context: &mut Context, isa: &dyn TargetIsa, unsettled: Vec<Unsettled>) {
    if unsettled.is_empty() {
        return;
    }
    let flow = Flow::new(context, isa);
    let apart: Vec<(Inst, Parts)> =
        unsettled.into_iter().filter_map(|index| take_apart(&flow, index)).collect();
    let func = &mut context.func;
    if apart.is_empty() {
        return;
    }
    for (widening, parts) in apart {
        replace(func, widening, parts);
    }
    fold_constants(func);
}

/// The parts of an index, with the instruction that makes 64 bits of it, if it has any.
fn take_apart(flow: &Flow<'_>, index: Unsettled) -> Option<(Inst, Parts)> {
    let func = flow.func();
    // What cannot be reached is gone.
    let block = func.layout.inst_block(index.widening)?;
    let sum = func.dfg.inst_args(index.widening)[0];
    let known = |value, range, depth| flow.narrow(value, range, depth, block);
    let parts = parts(&func.dfg, sum, index.limit, &known);
    (parts.index != sum).then_some((index.widening, parts))
}

/// Makes the sum of its parts of an index.
fn replace(func: &mut Function, widening: Inst, parts: Parts) {
    let mut cursor = FuncCursor::new(func).at_inst(widening);
    cursor.use_srcloc(widening);
    let wide = cursor.ins().uextend(types::I64, parts.index);
    let scaled = match parts.scale {
        0 => wide,
        scale => cursor.ins().ishl_imm_u(wide, i64::from(scale)),
    };
    let added = cursor.ins().iconst(types::I64, i64::from(parts.added));
    func.replace(widening).iadd(scaled, added);
}

/// Makes the constants of indices part of the accesses. Cranelift would do so for most, but not where an access becomes
/// an operand of arithmetic.
fn fold_constants(func: &mut Function) {
    let mut cursor = FuncCursor::new(func);
    while cursor.next_block().is_some() {
        while let Some(access) = cursor.next_inst() {
            let Some((address, offset)) = address(cursor.func, access) else { continue };
            let Some((base, index, added)) = base_and_sum(cursor.func, address) else { continue };
            let Some(offset) = added.checked_add(offset.into()) else { continue };
            let Ok(offset) = i32::try_from(offset) else { continue };
            cursor.use_srcloc(access);
            let address = cursor.ins().iadd(base, index);
            set_address(cursor.func, access, address, offset);
        }
    }
}

/// The address and the offset of a load or store.
fn address(func: &Function, access: Inst) -> Option<(Value, i32)> {
    match func.dfg.insts[access] {
        InstructionData::Load { arg, offset, .. } => Some((arg, offset.into())),
        InstructionData::Store { args: [_, address], offset, .. } => Some((address, offset.into())),
        _ => None,
    }
}

fn set_address(func: &mut Function, access: Inst, new: Value, by: i32) {
    match &mut func.dfg.insts[access] {
        InstructionData::Load { arg: address, offset, .. }
        | InstructionData::Store { args: [_, address], offset, .. } => {
            (*address, *offset) = (new, Offset32::new(by));
        }
        _ => unreachable!("found as one"),
    }
}

/// If `address` is the sum of a base, an index, and a constant that was added to the index, those three.
fn base_and_sum(func: &Function, address: Value) -> Option<(Value, Value, i64)> {
    let [base, sum] = operands(&func.dfg, address, Opcode::Iadd)?;
    let [index, added] = operands(&func.dfg, sum, Opcode::Iadd)?;
    Some((base, index, constant(&func.dfg, added)?))
}
