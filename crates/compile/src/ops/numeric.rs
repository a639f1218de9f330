//! Arithmetic and comparisons.
//!
//! Spec: Execution > Instructions > Numeric Instructions.

use super::Translator;
use super::control::BOOL;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, InstructionData, Type, Value, ValueDef, types};
use cranelift_frontend::FunctionBuilder;
use palisade_environ::Libcall;

impl Translator<'_, '_> {
    /// Pops an operand, pushes `emit(operand)`.
    pub(super) fn unary(&mut self, emit: impl FnOnce(&mut FunctionBuilder<'_>, Value) -> Value) {
        let operand = self.state.pop();
        let result = emit(&mut self.b, operand);
        self.state.push(result);
    }

    /// Pops two operands, pushes `emit(left, right)`.
    pub(super) fn binary(
        &mut self,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value, Value) -> Value,
    ) {
        let (left, right) = self.state.pop2();
        let result = emit(&mut self.b, left, right);
        self.state.push(result);
    }

    pub(super) fn compare(&mut self, condition: IntCC) {
        self.binary(|b, x, y| {
            let result = b.ins().icmp(condition, x, y);
            b.ins().uextend(BOOL, result)
        });
    }

    pub(super) fn compare_floats(&mut self, condition: FloatCC) {
        self.binary(|b, x, y| {
            let result = b.ins().fcmp(condition, x, y);
            b.ins().uextend(BOOL, result)
        });
    }

    pub(super) fn is_zero(&mut self) {
        self.unary(|b, x| {
            let result = b.ins().icmp_imm_u(IntCC::Equal, x, 0);
            b.ins().uextend(BOOL, result)
        });
    }

    /// Multiplication; by 3, 5, 9 or 2^n+-1 as a shift and an addition, which Cranelift does not do by itself (collatz:
    /// 0.67 of the time).
    pub(super) fn multiply(&mut self) {
        self.binary(|b, x, y| match (constant(b, x), constant(b, y)) {
            (None, Some(factor)) => multiply_by(b, x, factor).unwrap_or_else(|| b.ins().imul(x, y)),
            (Some(factor), None) => multiply_by(b, y, factor).unwrap_or_else(|| b.ins().imul(x, y)),
            _ => b.ins().imul(x, y),
        });
    }

    /// Rounds to an integral number, by `emit` where the CPU can, otherwise by a libcall.
    pub(super) fn round(
        &mut self,
        libcall: Libcall,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value) -> Value,
    ) {
        if self.env.has_rounding {
            return self.unary(emit);
        }
        let operand = self.state.pop();
        let result = self.libcall(libcall, &[operand]);
        self.state.push(result.expect("rounding has a result"));
    }
}

fn constant(b: &FunctionBuilder<'_>, value: Value) -> Option<i64> {
    let ValueDef::Result(inst, 0) = b.func.dfg.value_def(value) else { return None };
    match b.func.dfg.insts[inst] {
        InstructionData::UnaryImm { imm, .. } => Some(imm.bits()),
        _ => None,
    }
}

/// `value * factor` by at most one shift and one addition, if that is possible.
fn multiply_by(b: &mut FunctionBuilder<'_>, value: Value, factor: i64) -> Option<Value> {
    let ty: Type = b.func.dfg.value_type(value);
    let factor = if ty == types::I32 { i64::from(factor as u32) } else { factor };
    // Powers of two are left to Cranelift.
    if factor < 3 || factor.count_ones() == 1 {
        return None;
    }
    let shifted = |b: &mut FunctionBuilder<'_>, power: i64| {
        b.ins().ishl_imm_u(value, i64::from(power.trailing_zeros()))
    };
    if (factor - 1).count_ones() == 1 {
        let shifted = shifted(b, factor - 1);
        return Some(b.ins().iadd(shifted, value));
    }
    if factor.checked_add(1).is_some_and(|power| power > 0 && power.count_ones() == 1) {
        let shifted = shifted(b, factor + 1);
        return Some(b.ins().isub(shifted, value));
    }
    None
}
