//! Constants, comparisons, arithmetic and selection.
//!
//! Most operators are one CLIF instruction and stand in the table of `ops`. Comparisons give 0 or 1 as `i32`; CLIF's
//! optimiser removes the extension where only a condition is wanted.
//!
//! Spec: Execution > Numerics.

use crate::function::Translator;
use crate::range::{constant, upper_bound};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{InstBuilder, Value, types};
use cranelift_frontend::FunctionBuilder;
use palisade_environ::{Libcall, LibcallType};

impl Translator<'_> {
    pub(super) fn i64_const(&mut self, value: i64) {
        let value = self.builder.ins().iconst(types::I64, value);
        self.push(value);
    }

    pub(super) fn f32_const(&mut self, value: wasmparser::Ieee32) {
        let value = self.builder.ins().f32const(Ieee32::with_bits(value.bits()));
        self.push(value);
    }

    pub(super) fn f64_const(&mut self, value: wasmparser::Ieee64) {
        let value = self.builder.ins().f64const(Ieee64::with_bits(value.bits()));
        self.push(value);
    }

    pub(super) fn select(&mut self) {
        let (first, second, condition) = self.pop3();
        let result = self.builder.ins().select(condition, first, second);
        self.push(result);
    }

    pub(super) fn eqz(&mut self) {
        self.unary(|b, x| {
            let bit = b.ins().icmp_imm_u(IntCC::Equal, x, 0);
            b.ins().uextend(types::I32, bit)
        });
    }

    pub(super) fn compare(&mut self, condition: IntCC) {
        self.binary(|b, x, y| {
            let bit = b.ins().icmp(condition, x, y);
            b.ins().uextend(types::I32, bit)
        });
    }

    pub(super) fn compare_float(&mut self, condition: FloatCC) {
        self.binary(|b, x, y| {
            let bit = b.ins().fcmp(condition, x, y);
            b.ins().uextend(types::I32, bit)
        });
    }

    /// Pops two 128-bit integers, each as two halves with the lower one first, and pushes `emit(left, right)` so.
    pub(super) fn wide(
        &mut self,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value, Value) -> Value,
    ) {
        let (low, high) = self.pop2();
        let right = self.builder.ins().iconcat(low, high);
        let (low, high) = self.pop2();
        let left = self.builder.ins().iconcat(low, high);
        let result = emit(&mut self.builder, left, right);
        self.push_halves(result);
    }

    /// Pops two 64-bit integers, pushes the halves of their product; `extend` gives them 128 bits.
    pub(super) fn multiply_wide(
        &mut self,
        extend: impl Fn(&mut FunctionBuilder<'_>, Value) -> Value,
    ) {
        let (left, right) = self.pop2();
        let (left, right) = (extend(&mut self.builder, left), extend(&mut self.builder, right));
        let product = self.builder.ins().imul(left, right);
        self.push_halves(product);
    }

    fn push_halves(&mut self, value: Value) {
        let (low, high) = self.builder.ins().isplit(value);
        self.push(low);
        self.push(high);
    }

    /// Rounds to an integral number by an instruction where the CPU has one.
    pub(super) fn round(
        &mut self,
        libcall: Libcall,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value) -> Value,
    ) {
        if self.env.can_round() {
            return self.unary(emit);
        }
        let operand = self.pop();
        let result = self.rounded(libcall, operand);
        self.push(result);
    }

    /// Rounds without an instruction for it.
    pub(super) fn rounded(&mut self, libcall: Libcall, operand: Value) -> Value {
        let result = self.libcall(libcall, &[operand]).expect("rounding has a result");
        // Signalling NaNs come back as they are; arithmetic makes them quiet, and canonical where that is asked for.
        // Nothing else changes, not even a negative zero.
        let zero = match libcall.result() {
            Some(LibcallType::F32) => self.builder.ins().f32const(0.0),
            _ => self.builder.ins().f64const(0.0),
        };
        self.builder.ins().fsub(result, zero)
    }
}

/// Multiplies; by 2^n + 1 and 2^n - 1 with a shift and an addition, which takes less time than a multiplication.
/// Powers of two are left to CLIF's optimiser.
pub(super) fn multiply(b: &mut FunctionBuilder<'_>, left: Value, right: Value) -> Value {
    let (operand, factor) = match (constant(&b.func.dfg, left), constant(&b.func.dfg, right)) {
        (None, Some(factor)) => (left, factor),
        (Some(factor), None) => (right, factor),
        _ => return b.ins().imul(left, right),
    };
    // 2 and 1 are neither worth an addition nor a subtraction.
    if factor < 3 {
        return b.ins().imul(left, right);
    }
    let (below, above) = (factor - 1, factor.wrapping_add(1) as u64);
    if below.count_ones() == 1 {
        let shifted = b.ins().ishl_imm_u(operand, i64::from(below.trailing_zeros()));
        b.ins().iadd(shifted, operand)
    } else if above.is_power_of_two() && above.trailing_zeros() < type_bits(b, operand) {
        let shifted = b.ins().ishl_imm_u(operand, i64::from(above.trailing_zeros()));
        b.ins().isub(shifted, operand)
    } else {
        b.ins().imul(left, right)
    }
}

/// Bitwise and; a mask that removes nothing is dropped.
pub(super) fn and(b: &mut FunctionBuilder<'_>, left: Value, right: Value) -> Value {
    for (value, mask) in [(left, right), (right, left)] {
        if let Some(mask) = constant(&b.func.dfg, mask)
            && upper_bound(&b.func.dfg, value) & !low_ones(mask as u64) == 0
        {
            return value;
        }
    }
    b.ins().band(left, right)
}

/// The ones at the low end of `mask`.
fn low_ones(mask: u64) -> u64 {
    mask & !mask.wrapping_add(1)
}

fn type_bits(b: &FunctionBuilder<'_>, value: Value) -> u32 {
    b.func.dfg.value_type(value).bits()
}
