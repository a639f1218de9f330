//! How large values can be, as far as their definitions tell.
//!
//! Invariant: bounds hold whatever the guest does; they may be too large, never too small. Nothing here follows a value
//! through a block parameter, and no question takes more than a few dozen steps.

use cranelift_codegen::ir::{
    DataFlowGraph, InstBuilder, InstructionData, Opcode, Value, ValueDef, types,
};
use cranelift_frontend::FunctionBuilder;

/// Instructions between a value and the last definition that is looked at.
const DEPTH: u32 = 5;

/// Shifts that x86-64 and aarch64 do as part of an access.
const SCALES: std::ops::RangeInclusive<u32> = 1..=3;

/// No unsigned value of `value` is larger.
pub(crate) fn upper_bound(b: &FunctionBuilder<'_>, value: Value) -> u64 {
    bound(&b.func.dfg, value, DEPTH)
}

/// The value of an `iconst`.
pub(crate) fn constant(b: &FunctionBuilder<'_>, value: Value) -> Option<i64> {
    constant_of(&b.func.dfg, value)
}

/// If `sum`, 32 bits wide, is the sum of a value and a constant that never wraps, those two.
pub(crate) fn unwrapped_sum(b: &FunctionBuilder<'_>, sum: Value) -> Option<(Value, u32)> {
    let [left, right] = operands(b, sum, Opcode::Iadd)?;
    let (value, added) = match (constant(b, left), constant(b, right)) {
        (None, Some(added)) => (left, added as u32),
        (Some(added), None) => (right, added as u32),
        _ => return None,
    };
    let largest = upper_bound(b, value) + u64::from(added);
    (largest <= u32::MAX.into()).then_some((value, added))
}

/// `value`, 32 bits wide, as 64 bits; where it is a product with the size of an element that never wraps, as a product of
/// 64 bits, which can be part of an access.
pub(crate) fn widen_scaled(b: &mut FunctionBuilder<'_>, value: Value) -> Value {
    let Some((value, scale)) = unwrapped_shift(b, value) else {
        return b.ins().uextend(types::I64, value);
    };
    let wide = b.ins().uextend(types::I64, value);
    b.ins().ishl_imm_u(wide, i64::from(scale))
}

fn unwrapped_shift(b: &FunctionBuilder<'_>, product: Value) -> Option<(Value, u32)> {
    let [value, scale] = operands(b, product, Opcode::Ishl)?;
    let scale = constant(b, scale)? as u32 & 31;
    let fits = upper_bound(b, value) <= u64::from(u32::MAX >> scale);
    (SCALES.contains(&scale) && fits).then_some((value, scale))
}

/// The operands of the instruction that gives `value`, if it is an `opcode`.
fn operands(b: &FunctionBuilder<'_>, value: Value, opcode: Opcode) -> Option<[Value; 2]> {
    let dfg = &b.func.dfg;
    let ValueDef::Result(inst, _) = dfg.value_def(dfg.resolve_aliases(value)) else { return None };
    match dfg.insts[inst] {
        InstructionData::Binary { opcode: found, args } if found == opcode => Some(args),
        _ => None,
    }
}

fn constant_of(dfg: &DataFlowGraph, value: Value) -> Option<i64> {
    let ValueDef::Result(inst, _) = dfg.value_def(dfg.resolve_aliases(value)) else { return None };
    match dfg.insts[inst] {
        InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Some(imm.bits()),
        _ => None,
    }
}

fn bound(dfg: &DataFlowGraph, value: Value, depth: u32) -> u64 {
    let value = dfg.resolve_aliases(value);
    let ty = dfg.value_type(value);
    if !ty.is_int() || ty.bits() > 64 {
        return u64::MAX;
    }
    let all = u64::MAX >> (64 - ty.bits());
    let (ValueDef::Result(inst, _), Some(depth)) = (dfg.value_def(value), depth.checked_sub(1))
    else {
        return all;
    };
    let args = dfg.inst_args(inst);
    let of = |place: usize| bound(dfg, args[place], depth);
    let amount = || Some(constant_of(dfg, args[1])? as u32 & (ty.bits() - 1));
    let found = match dfg.insts[inst].opcode() {
        Opcode::Iconst => constant_of(dfg, value).map(|value| value as u64 & all),
        Opcode::Uload8 => Some(u8::MAX.into()),
        Opcode::Uload16 => Some(u16::MAX.into()),
        Opcode::Uload32 => Some(u32::MAX.into()),
        Opcode::Icmp | Opcode::Fcmp => Some(1),
        Opcode::Uextend => Some(of(0)),
        Opcode::Band => Some(of(0).min(of(1))),
        // No bit above the highest of both can be set.
        Opcode::Bor | Opcode::Bxor => {
            let largest = of(0).max(of(1));
            Some(u64::MAX.checked_shr(largest.leading_zeros()).unwrap_or(0))
        }
        Opcode::Ushr => amount().map(|amount| of(0) >> amount),
        Opcode::Ishl => amount()
            .and_then(|amount| Some(of(0)).filter(|x| *x <= all >> amount).map(|x| x << amount)),
        Opcode::Iadd => of(0).checked_add(of(1)),
        Opcode::Urem => constant_of(dfg, args[1]).and_then(|x| (x as u64 & all).checked_sub(1)),
        Opcode::Select => Some(of(1).max(of(2))),
        _ => None,
    };
    // What is larger has wrapped.
    found.filter(|bound| *bound <= all).unwrap_or(all)
}
