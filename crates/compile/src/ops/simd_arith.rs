//! Arithmetic, comparisons and conversions of vectors that are not one CLIF instruction, and relaxed instructions.
//!
//! Several instructions are written in the shape that CLIF's backends know as one machine instruction; a comment says
//! which. Relaxed instructions do as the CPU does where it has an instruction for them, otherwise, and in the
//! deterministic profile everywhere, what the profile prescribes.
//! Invariant: nothing is emitted that a backend turns into a call of the C library.
//!
//! Spec: Execution > Numerics, Appendix > Profiles.

use super::simd_lane::{cast, constant, uncast};
use crate::function::Translator;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value, ValueDef};
use cranelift_frontend::FunctionBuilder;
use palisade_environ::Libcall;

/// How lanes are extended.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Signed,
    Unsigned,
}

impl Translator<'_> {
    /// Pops a vector, pushes `emit(vector)`.
    pub(super) fn vector_unary(
        &mut self,
        ty: Type,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value) -> Value,
    ) {
        let operand = self.pop_vector(ty);
        let result = emit(&mut self.builder, operand);
        self.push_vector(result);
    }

    /// Pops two vectors, pushes `emit(left, right)`.
    pub(super) fn vector_binary(
        &mut self,
        ty: Type,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value, Value) -> Value,
    ) {
        let (left, right) = self.pop_vector2(ty);
        let result = emit(&mut self.builder, left, right);
        self.push_vector(result);
    }

    /// Pops a vector and an amount, which CLIF takes modulo the width of a lane as WebAssembly does.
    pub(super) fn vector_shift(
        &mut self,
        ty: Type,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value, Value) -> Value,
    ) {
        let amount = self.pop();
        self.vector_unary(ty, |b, x| emit(b, x, amount));
    }

    /// Pops a vector, pushes a condition as `i32`.
    pub(super) fn vector_test(
        &mut self,
        ty: Type,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value) -> Value,
    ) {
        let operand = self.pop_vector(ty);
        let bit = emit(&mut self.builder, operand);
        let result = self.builder.ins().uextend(I32, bit);
        self.push(result);
    }

    pub(super) fn any_true(&mut self) {
        // Whatever its lanes: backends know the test of a comparison.
        self.unary(|b, x| {
            let x = uncast(b, x);
            let bit = b.ins().vany_true(x);
            b.ins().uextend(I32, bit)
        });
    }

    pub(super) fn bitmask(&mut self, ty: Type) {
        let operand = self.pop_vector(ty);
        let result = self.builder.ins().vhigh_bits(I32, operand);
        self.push(result);
    }

    pub(super) fn vector_compare(&mut self, ty: Type, condition: IntCC) {
        self.vector_binary(ty, |b, x, y| b.ins().icmp(condition, x, y));
    }

    pub(super) fn vector_compare_float(&mut self, ty: Type, condition: FloatCC) {
        self.vector_binary(ty, |b, x, y| b.ins().fcmp(condition, x, y));
    }

    pub(super) fn bitselect(&mut self) {
        let mask = self.pop();
        let (first, second) = self.pop_vector2(I8X16);
        // With the mask as it was made, so that a comparison can be seen to fill whole lanes.
        let b = &mut self.builder;
        let own = uncast(b, mask);
        let ty = b.func.dfg.value_type(own);
        let (ty, mask) = if ty.lane_type().is_int() { (ty, own) } else { (I8X16, mask) };
        let (first, second) = (cast(b, ty, first), cast(b, ty, second));
        let result = b.ins().bitselect(mask, first, second);
        self.push_vector(result);
    }

    /// Rounds lanes to integral numbers; where the CPU cannot, one by one as `round` does.
    pub(super) fn vector_round(
        &mut self,
        ty: Type,
        libcall: Libcall,
        emit: impl FnOnce(&mut FunctionBuilder<'_>, Value) -> Value,
    ) {
        if self.env.can_round() {
            return self.vector_unary(ty, emit);
        }
        let operand = self.pop_vector(ty);
        let mut result = operand;
        for place in 0..ty.lane_count() as u8 {
            let lane = self.builder.ins().extractlane(operand, place);
            let lane = self.rounded(libcall, lane);
            result = self.builder.ins().insertlane(result, lane, place);
        }
        self.push_vector(result);
    }

    /// Sums of adjacent lanes, twice as wide.
    pub(super) fn extadd_pairwise(&mut self, ty: Type, sign: Sign) {
        self.vector_unary(ty, |b, x| extadd(b, sign, x));
    }

    /// Products of the lower halves, twice as wide.
    pub(super) fn extmul_low(&mut self, ty: Type, sign: Sign) {
        self.vector_binary(ty, |b, x, y| {
            let (x, y) = (low(b, sign, x), low(b, sign, y));
            b.ins().imul(x, y)
        });
    }

    /// Products of the upper halves, twice as wide.
    pub(super) fn extmul_high(&mut self, ty: Type, sign: Sign) {
        self.vector_binary(ty, |b, x, y| {
            let (x, y) = (high(b, sign, x), high(b, sign, y));
            b.ins().imul(x, y)
        });
    }

    /// `pmin`: the second where it is less than the first.
    pub(super) fn pmin(&mut self, ty: Type) {
        self.vector_binary(ty, |b, x, y| lesser(b, y, x));
    }

    /// `pmax`: the second where it is greater than the first.
    pub(super) fn pmax(&mut self, ty: Type) {
        self.vector_binary(ty, |b, x, y| greater(b, y, x));
    }

    /// Two `f64` become signed `i32`, before two zeros.
    pub(super) fn trunc_sat_s_zero(&mut self) {
        self.vector_unary(F64X2, |b, x| {
            let wide = b.ins().fcvt_to_sint_sat(I64X2, x);
            let zero = constant(b, I64X2, [0; 16]);
            b.ins().snarrow(wide, zero)
        });
    }

    /// Two `f64` become unsigned `i32`, before two zeros.
    pub(super) fn trunc_sat_u_zero(&mut self) {
        let can_round = self.env.can_round();
        self.vector_unary(F64X2, |b, x| {
            if !can_round {
                return truncated_by_lane(b, x);
            }
            let wide = b.ins().fcvt_to_uint_sat(I64X2, x);
            let zero = constant(b, I64X2, [0; 16]);
            b.ins().uunarrow(wide, zero)
        });
    }

    pub(super) fn convert_low_s(&mut self) {
        self.vector_unary(I32X4, |b, x| {
            let wide = b.ins().swiden_low(x);
            b.ins().fcvt_from_sint(F64X2, wide)
        });
    }

    pub(super) fn convert_low_u(&mut self) {
        self.vector_unary(I32X4, |b, x| {
            let wide = b.ins().uwiden_low(x);
            b.ins().fcvt_from_uint(F64X2, wide)
        });
    }

    /// `pshufb` does what is wanted of indices below 16 and above 127.
    pub(super) fn relaxed_swizzle(&mut self) {
        if self.env.relaxed_to().is_some_and(|isa| isa.has_x86_pshufb_lowering()) {
            self.vector_binary(I8X16, |b, x, y| b.ins().x86_pshufb(x, y));
        } else {
            self.swizzle();
        }
    }

    /// `cvttps2dq` gives the least integer for what does not fit.
    pub(super) fn relaxed_trunc_s(&mut self) {
        if self.has_x86_conversions() {
            self.vector_unary(F32X4, |b, x| b.ins().x86_cvtt2dq(I32X4, x));
        } else {
            self.vector_unary(F32X4, |b, x| b.ins().fcvt_to_sint_sat(I32X4, x));
        }
    }

    /// `cvttpd2dq`, likewise.
    pub(super) fn relaxed_trunc_s_zero(&mut self) {
        if !self.has_x86_conversions() {
            return self.trunc_sat_s_zero();
        }
        self.vector_unary(F64X2, |b, x| {
            let wide = b.ins().x86_cvtt2dq(I64X2, x);
            let zero = constant(b, I64X2, [0; 16]);
            b.ins().snarrow(wide, zero)
        });
    }

    fn has_x86_conversions(&self) -> bool {
        self.env.relaxed_to().is_some() && self.env.is_x86()
    }

    /// `x * y + z`, rounded once if the CPU can, else and in the deterministic profile twice.
    pub(super) fn relaxed_madd(&mut self, ty: Type) {
        let fuses = self.fuses();
        let addend = self.pop_vector(ty);
        self.vector_binary(ty, |b, x, y| {
            if fuses {
                return fused(b, x, y, addend);
            }
            let product = b.ins().fmul(x, y);
            b.ins().fadd(product, addend)
        });
    }

    /// `-(x * y) + z`
    pub(super) fn relaxed_nmadd(&mut self, ty: Type) {
        let fuses = self.fuses();
        let addend = self.pop_vector(ty);
        self.vector_binary(ty, |b, x, y| {
            if fuses {
                let x = b.ins().fneg(x);
                return fused(b, x, y, addend);
            }
            let product = b.ins().fmul(x, y);
            b.ins().fsub(addend, product)
        });
    }

    fn fuses(&self) -> bool {
        self.env.relaxed_to().is_some_and(|isa| isa.has_native_fma())
    }

    /// A blend looks at the highest bit of each lane of the mask.
    pub(super) fn relaxed_laneselect(&mut self, ty: Type) {
        if !self.env.relaxed_to().is_some_and(|isa| isa.has_blendv_lowering(ty)) {
            return self.bitselect();
        }
        let mask = self.pop_vector(ty);
        self.vector_binary(ty, |b, x, y| b.ins().blendv(mask, x, y));
    }

    /// `minps` and `minpd` give the second operand unless the first is less.
    pub(super) fn relaxed_min(&mut self, ty: Type) {
        if self.has_x86_conversions() {
            self.vector_binary(ty, lesser);
        } else {
            self.vector_binary(ty, |b, x, y| b.ins().fmin(x, y));
        }
    }

    /// `maxps` and `maxpd` give the second operand unless the first is greater.
    pub(super) fn relaxed_max(&mut self, ty: Type) {
        if self.has_x86_conversions() {
            self.vector_binary(ty, greater);
        } else {
            self.vector_binary(ty, |b, x, y| b.ins().fmax(x, y));
        }
    }

    /// `pmulhrsw` does not saturate.
    pub(super) fn relaxed_q15mulr(&mut self) {
        if self.env.relaxed_to().is_some_and(|isa| isa.has_x86_pmulhrsw_lowering()) {
            self.vector_binary(I16X8, |b, x, y| b.ins().x86_pmulhrsw(x, y));
        } else {
            self.vector_binary(I16X8, |b, x, y| b.ins().sqmul_round_sat(x, y));
        }
    }

    /// `pmaddubsw` takes the second operand as unsigned.
    pub(super) fn relaxed_dot(&mut self) {
        if self.env.relaxed_to().is_some_and(|isa| isa.has_x86_pmaddubsw_lowering()) {
            self.vector_binary(I8X16, |b, x, y| b.ins().x86_pmaddubsw(x, y));
        } else {
            self.vector_binary(I8X16, dot_i8_saturated);
        }
    }

    /// Sums of four products, added to a third vector. `vpdpbusd` takes the second operand as unsigned.
    pub(super) fn relaxed_dot_add(&mut self) {
        let addend = self.pop_vector(I32X4);
        if self.env.relaxed_to().is_some() && self.env.has_dot_product() {
            self.vector_binary(I8X16, |b, x, y| {
                let sums = dot_i8_u8(b, x, y);
                b.ins().iadd(sums, addend)
            });
        } else {
            self.relaxed_dot();
            self.vector_unary(I16X8, |b, x| {
                let sums = extadd(b, Sign::Signed, x);
                b.ins().iadd(sums, addend)
            });
        }
    }
}

fn low(b: &mut FunctionBuilder<'_>, sign: Sign, x: Value) -> Value {
    match sign {
        Sign::Signed => b.ins().swiden_low(x),
        Sign::Unsigned => b.ins().uwiden_low(x),
    }
}

fn high(b: &mut FunctionBuilder<'_>, sign: Sign, x: Value) -> Value {
    match sign {
        Sign::Signed => b.ins().swiden_high(x),
        Sign::Unsigned => b.ins().uwiden_high(x),
    }
}

/// Sums of adjacent lanes, twice as wide. `pmaddwd` or `pmaddubsw` with ones, `saddlp`, `uaddlp`.
fn extadd(b: &mut FunctionBuilder<'_>, sign: Sign, x: Value) -> Value {
    let (low, high) = (low(b, sign, x), high(b, sign, x));
    b.ins().iadd_pairwise(low, high)
}

/// Sums of adjacent products of `i16`. `pmaddwd`.
pub(super) fn dot_i16(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    let (x_low, y_low) = (b.ins().swiden_low(x), b.ins().swiden_low(y));
    let low = b.ins().imul(x_low, y_low);
    let (x_high, y_high) = (b.ins().swiden_high(x), b.ins().swiden_high(y));
    let high = b.ins().imul(x_high, y_high);
    b.ins().iadd_pairwise(low, high)
}

/// Sums of adjacent products of `i8`, of which only 2 * 128 * 128 does not fit: it saturates.
fn dot_i8_saturated(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    let (x_low, y_low) = (b.ins().swiden_low(x), b.ins().swiden_low(y));
    let low = dot_i16(b, x_low, y_low);
    let (x_high, y_high) = (b.ins().swiden_high(x), b.ins().swiden_high(y));
    let high = dot_i16(b, x_high, y_high);
    b.ins().snarrow(low, high)
}

/// Sums of four products of `i8` and `u8` as `i32`. With an addition, `vpdpbusd`.
fn dot_i8_u8(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    let (x_low, y_low) = (b.ins().swiden_low(x), b.ins().uwiden_low(y));
    let low = b.ins().imul(x_low, y_low);
    let low = extadd(b, Sign::Signed, low);
    let (x_high, y_high) = (b.ins().swiden_high(x), b.ins().uwiden_high(y));
    let high = b.ins().imul(x_high, y_high);
    let high = extadd(b, Sign::Signed, high);
    b.ins().iadd_pairwise(low, high)
}

/// `x * y + addend`, rounded once. x86's instruction destroys the first operand, so a factor that was just loaded, and
/// so may be needed only here, comes first.
fn fused(b: &mut FunctionBuilder<'_>, x: Value, y: Value, addend: Value) -> Value {
    let dfg = &b.func.dfg;
    let loaded = match dfg.value_def(uncast(b, y)) {
        ValueDef::Result(inst, _) => dfg.insts[inst].opcode() == Opcode::Load,
        _ => false,
    };
    let (x, y) = if loaded { (y, x) } else { (x, y) };
    b.ins().fma(x, y, addend)
}

/// Two `f64` as unsigned `i32` before two zeros, for CPUs that cannot round.
fn truncated_by_lane(b: &mut FunctionBuilder<'_>, x: Value) -> Value {
    let mut result = constant(b, I32X4, [0; 16]);
    for place in 0..2 {
        let lane = b.ins().extractlane(x, place);
        let lane = b.ins().fcvt_to_uint_sat(I32, lane);
        result = b.ins().insertlane(result, lane, place);
    }
    result
}

/// `x` where it is less than `y`, else `y`. `minps`, `minpd`.
fn lesser(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    let less = b.ins().fcmp(FloatCC::LessThan, x, y);
    choose(b, less, x, y)
}

/// `x` where it is greater than `y`, else `y`. `maxps`, `maxpd`.
fn greater(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    let greater = b.ins().fcmp(FloatCC::LessThan, y, x);
    choose(b, greater, x, y)
}

fn choose(b: &mut FunctionBuilder<'_>, mask: Value, x: Value, y: Value) -> Value {
    let ty = b.func.dfg.value_type(x);
    let mask = cast(b, ty, mask);
    b.ins().bitselect(mask, x, y)
}
