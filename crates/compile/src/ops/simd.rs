//! The operators on vectors: the second part of the table of contents in `ops`.
//!
//! Each arm of the match is one line; what it does is in the file of its family. `simd_lane.rs` says how vectors are
//! represented.
//! Invariant: as in `ops`, an operator pops and pushes exactly what the specification says.
//!
//! Spec: Structure > Instructions > Vector Instructions.

use super::memory::Load;
use super::simd_arith::{self, Sign::Signed, Sign::Unsigned};
use super::simd_lane::Extending;
use super::unsupported;
use crate::error::CompileError;
use crate::function::Translator;
use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use palisade_environ::Libcall;
use wasmparser::Operator;

impl Translator<'_> {
    /// Translates a reachable operator that `operator` has no arm for.
    pub(super) fn vector_operator(
        &mut self,
        op: &Operator<'_>,
        offset: u64,
    ) -> Result<(), CompileError> {
        match *op {
            // Constants, lanes and shuffles: simd_lane.rs
            Operator::V128Const { value } => self.v128_const(value),
            Operator::I8x16Shuffle { lanes } => self.shuffle(lanes),
            Operator::I8x16Swizzle => self.swizzle(),
            Operator::I8x16Splat => self.splat(I8X16),
            Operator::I16x8Splat => self.splat(I16X8),
            Operator::I32x4Splat => self.splat(I32X4),
            Operator::I64x2Splat => self.splat(I64X2),
            Operator::F32x4Splat => self.splat(F32X4),
            Operator::F64x2Splat => self.splat(F64X2),
            Operator::I8x16ExtractLaneS { lane } => self.extract_lane_s(I8X16, lane),
            Operator::I8x16ExtractLaneU { lane } => self.extract_lane_u(I8X16, lane),
            Operator::I16x8ExtractLaneS { lane } => self.extract_lane_s(I16X8, lane),
            Operator::I16x8ExtractLaneU { lane } => self.extract_lane_u(I16X8, lane),
            Operator::I32x4ExtractLane { lane } => self.extract_lane(I32X4, lane),
            Operator::I64x2ExtractLane { lane } => self.extract_lane(I64X2, lane),
            Operator::F32x4ExtractLane { lane } => self.extract_lane(F32X4, lane),
            Operator::F64x2ExtractLane { lane } => self.extract_lane(F64X2, lane),
            Operator::I8x16ReplaceLane { lane } => self.replace_lane(I8X16, lane),
            Operator::I16x8ReplaceLane { lane } => self.replace_lane(I16X8, lane),
            Operator::I32x4ReplaceLane { lane } => self.replace_lane(I32X4, lane),
            Operator::I64x2ReplaceLane { lane } => self.replace_lane(I64X2, lane),
            Operator::F32x4ReplaceLane { lane } => self.replace_lane(F32X4, lane),
            Operator::F64x2ReplaceLane { lane } => self.replace_lane(F64X2, lane),

            // Loads and stores: simd_lane.rs, memory.rs
            Operator::V128Load { memarg } => self.load(Load::Whole(I8X16), memarg),
            Operator::V128Store { memarg } => self.store_vector(memarg),
            Operator::V128Load8x8S { memarg } => self.load_extended(Extending::Signed8x8, memarg),
            Operator::V128Load8x8U { memarg } => self.load_extended(Extending::Unsigned8x8, memarg),
            Operator::V128Load16x4S { memarg } => self.load_extended(Extending::Signed16x4, memarg),
            Operator::V128Load16x4U { memarg } => {
                self.load_extended(Extending::Unsigned16x4, memarg)
            }
            Operator::V128Load32x2S { memarg } => self.load_extended(Extending::Signed32x2, memarg),
            Operator::V128Load32x2U { memarg } => {
                self.load_extended(Extending::Unsigned32x2, memarg)
            }
            Operator::V128Load8Splat { memarg } => self.load_splat(I8X16, memarg),
            Operator::V128Load16Splat { memarg } => self.load_splat(I16X8, memarg),
            Operator::V128Load32Splat { memarg } => self.load_splat(I32X4, memarg),
            Operator::V128Load64Splat { memarg } => self.load_splat(I64X2, memarg),
            Operator::V128Load32Zero { memarg } => self.load_zero(I32X4, memarg),
            Operator::V128Load64Zero { memarg } => self.load_zero(I64X2, memarg),
            Operator::V128Load8Lane { memarg, lane } => self.load_lane(I8X16, lane, memarg),
            Operator::V128Load16Lane { memarg, lane } => self.load_lane(I16X8, lane, memarg),
            Operator::V128Load32Lane { memarg, lane } => self.load_lane(I32X4, lane, memarg),
            Operator::V128Load64Lane { memarg, lane } => self.load_lane(I64X2, lane, memarg),
            Operator::V128Store8Lane { memarg, lane } => self.store_lane(I8X16, lane, memarg),
            Operator::V128Store16Lane { memarg, lane } => self.store_lane(I16X8, lane, memarg),
            Operator::V128Store32Lane { memarg, lane } => self.store_lane(I32X4, lane, memarg),
            Operator::V128Store64Lane { memarg, lane } => self.store_lane(I64X2, lane, memarg),

            // Comparisons: simd_arith.rs
            Operator::I8x16Eq => self.vector_compare(I8X16, IntCC::Equal),
            Operator::I8x16Ne => self.vector_compare(I8X16, IntCC::NotEqual),
            Operator::I8x16LtS => self.vector_compare(I8X16, IntCC::SignedLessThan),
            Operator::I8x16LtU => self.vector_compare(I8X16, IntCC::UnsignedLessThan),
            Operator::I8x16GtS => self.vector_compare(I8X16, IntCC::SignedGreaterThan),
            Operator::I8x16GtU => self.vector_compare(I8X16, IntCC::UnsignedGreaterThan),
            Operator::I8x16LeS => self.vector_compare(I8X16, IntCC::SignedLessThanOrEqual),
            Operator::I8x16LeU => self.vector_compare(I8X16, IntCC::UnsignedLessThanOrEqual),
            Operator::I8x16GeS => self.vector_compare(I8X16, IntCC::SignedGreaterThanOrEqual),
            Operator::I8x16GeU => self.vector_compare(I8X16, IntCC::UnsignedGreaterThanOrEqual),
            Operator::I16x8Eq => self.vector_compare(I16X8, IntCC::Equal),
            Operator::I16x8Ne => self.vector_compare(I16X8, IntCC::NotEqual),
            Operator::I16x8LtS => self.vector_compare(I16X8, IntCC::SignedLessThan),
            Operator::I16x8LtU => self.vector_compare(I16X8, IntCC::UnsignedLessThan),
            Operator::I16x8GtS => self.vector_compare(I16X8, IntCC::SignedGreaterThan),
            Operator::I16x8GtU => self.vector_compare(I16X8, IntCC::UnsignedGreaterThan),
            Operator::I16x8LeS => self.vector_compare(I16X8, IntCC::SignedLessThanOrEqual),
            Operator::I16x8LeU => self.vector_compare(I16X8, IntCC::UnsignedLessThanOrEqual),
            Operator::I16x8GeS => self.vector_compare(I16X8, IntCC::SignedGreaterThanOrEqual),
            Operator::I16x8GeU => self.vector_compare(I16X8, IntCC::UnsignedGreaterThanOrEqual),
            Operator::I32x4Eq => self.vector_compare(I32X4, IntCC::Equal),
            Operator::I32x4Ne => self.vector_compare(I32X4, IntCC::NotEqual),
            Operator::I32x4LtS => self.vector_compare(I32X4, IntCC::SignedLessThan),
            Operator::I32x4LtU => self.vector_compare(I32X4, IntCC::UnsignedLessThan),
            Operator::I32x4GtS => self.vector_compare(I32X4, IntCC::SignedGreaterThan),
            Operator::I32x4GtU => self.vector_compare(I32X4, IntCC::UnsignedGreaterThan),
            Operator::I32x4LeS => self.vector_compare(I32X4, IntCC::SignedLessThanOrEqual),
            Operator::I32x4LeU => self.vector_compare(I32X4, IntCC::UnsignedLessThanOrEqual),
            Operator::I32x4GeS => self.vector_compare(I32X4, IntCC::SignedGreaterThanOrEqual),
            Operator::I32x4GeU => self.vector_compare(I32X4, IntCC::UnsignedGreaterThanOrEqual),
            Operator::I64x2Eq => self.vector_compare(I64X2, IntCC::Equal),
            Operator::I64x2Ne => self.vector_compare(I64X2, IntCC::NotEqual),
            Operator::I64x2LtS => self.vector_compare(I64X2, IntCC::SignedLessThan),
            Operator::I64x2GtS => self.vector_compare(I64X2, IntCC::SignedGreaterThan),
            Operator::I64x2LeS => self.vector_compare(I64X2, IntCC::SignedLessThanOrEqual),
            Operator::I64x2GeS => self.vector_compare(I64X2, IntCC::SignedGreaterThanOrEqual),
            Operator::F32x4Eq => self.vector_compare_float(F32X4, FloatCC::Equal),
            Operator::F32x4Ne => self.vector_compare_float(F32X4, FloatCC::NotEqual),
            Operator::F32x4Lt => self.vector_compare_float(F32X4, FloatCC::LessThan),
            Operator::F32x4Gt => self.vector_compare_float(F32X4, FloatCC::GreaterThan),
            Operator::F32x4Le => self.vector_compare_float(F32X4, FloatCC::LessThanOrEqual),
            Operator::F32x4Ge => self.vector_compare_float(F32X4, FloatCC::GreaterThanOrEqual),
            Operator::F64x2Eq => self.vector_compare_float(F64X2, FloatCC::Equal),
            Operator::F64x2Ne => self.vector_compare_float(F64X2, FloatCC::NotEqual),
            Operator::F64x2Lt => self.vector_compare_float(F64X2, FloatCC::LessThan),
            Operator::F64x2Gt => self.vector_compare_float(F64X2, FloatCC::GreaterThan),
            Operator::F64x2Le => self.vector_compare_float(F64X2, FloatCC::LessThanOrEqual),
            Operator::F64x2Ge => self.vector_compare_float(F64X2, FloatCC::GreaterThanOrEqual),

            // Bits and tests: simd_arith.rs
            Operator::V128Not => self.vector_unary(I8X16, |b, x| b.ins().bnot(x)),
            Operator::V128And => self.vector_binary(I8X16, |b, x, y| b.ins().band(x, y)),
            Operator::V128AndNot => self.vector_binary(I8X16, |b, x, y| b.ins().band_not(x, y)),
            Operator::V128Or => self.vector_binary(I8X16, |b, x, y| b.ins().bor(x, y)),
            Operator::V128Xor => self.vector_binary(I8X16, |b, x, y| b.ins().bxor(x, y)),
            Operator::V128Bitselect => self.bitselect(),
            Operator::V128AnyTrue => self.any_true(),
            Operator::I8x16AllTrue => self.vector_test(I8X16, |b, x| b.ins().vall_true(x)),
            Operator::I16x8AllTrue => self.vector_test(I16X8, |b, x| b.ins().vall_true(x)),
            Operator::I32x4AllTrue => self.vector_test(I32X4, |b, x| b.ins().vall_true(x)),
            Operator::I64x2AllTrue => self.vector_test(I64X2, |b, x| b.ins().vall_true(x)),
            Operator::I8x16Bitmask => self.bitmask(I8X16),
            Operator::I16x8Bitmask => self.bitmask(I16X8),
            Operator::I32x4Bitmask => self.bitmask(I32X4),
            Operator::I64x2Bitmask => self.bitmask(I64X2),

            // Integer arithmetic: simd_arith.rs
            Operator::I8x16Popcnt => self.vector_unary(I8X16, |b, x| b.ins().popcnt(x)),
            Operator::I8x16Abs => self.vector_unary(I8X16, |b, x| b.ins().iabs(x)),
            Operator::I8x16Neg => self.vector_unary(I8X16, |b, x| b.ins().ineg(x)),
            Operator::I8x16Shl => self.vector_shift(I8X16, |b, x, n| b.ins().ishl(x, n)),
            Operator::I8x16ShrS => self.vector_shift(I8X16, |b, x, n| b.ins().sshr(x, n)),
            Operator::I8x16ShrU => self.vector_shift(I8X16, |b, x, n| b.ins().ushr(x, n)),
            Operator::I8x16Add => self.vector_binary(I8X16, |b, x, y| b.ins().iadd(x, y)),
            Operator::I8x16Sub => self.vector_binary(I8X16, |b, x, y| b.ins().isub(x, y)),
            Operator::I8x16AddSatS => self.vector_binary(I8X16, |b, x, y| b.ins().sadd_sat(x, y)),
            Operator::I8x16AddSatU => self.vector_binary(I8X16, |b, x, y| b.ins().uadd_sat(x, y)),
            Operator::I8x16SubSatS => self.vector_binary(I8X16, |b, x, y| b.ins().ssub_sat(x, y)),
            Operator::I8x16SubSatU => self.vector_binary(I8X16, |b, x, y| b.ins().usub_sat(x, y)),
            Operator::I8x16AvgrU => self.vector_binary(I8X16, |b, x, y| b.ins().avg_round(x, y)),
            Operator::I8x16MinS => self.vector_binary(I8X16, |b, x, y| b.ins().smin(x, y)),
            Operator::I8x16MinU => self.vector_binary(I8X16, |b, x, y| b.ins().umin(x, y)),
            Operator::I8x16MaxS => self.vector_binary(I8X16, |b, x, y| b.ins().smax(x, y)),
            Operator::I8x16MaxU => self.vector_binary(I8X16, |b, x, y| b.ins().umax(x, y)),
            Operator::I16x8Abs => self.vector_unary(I16X8, |b, x| b.ins().iabs(x)),
            Operator::I16x8Neg => self.vector_unary(I16X8, |b, x| b.ins().ineg(x)),
            Operator::I16x8Shl => self.vector_shift(I16X8, |b, x, n| b.ins().ishl(x, n)),
            Operator::I16x8ShrS => self.vector_shift(I16X8, |b, x, n| b.ins().sshr(x, n)),
            Operator::I16x8ShrU => self.vector_shift(I16X8, |b, x, n| b.ins().ushr(x, n)),
            Operator::I16x8Add => self.vector_binary(I16X8, |b, x, y| b.ins().iadd(x, y)),
            Operator::I16x8Sub => self.vector_binary(I16X8, |b, x, y| b.ins().isub(x, y)),
            Operator::I16x8Mul => self.vector_binary(I16X8, |b, x, y| b.ins().imul(x, y)),
            Operator::I16x8AddSatS => self.vector_binary(I16X8, |b, x, y| b.ins().sadd_sat(x, y)),
            Operator::I16x8AddSatU => self.vector_binary(I16X8, |b, x, y| b.ins().uadd_sat(x, y)),
            Operator::I16x8SubSatS => self.vector_binary(I16X8, |b, x, y| b.ins().ssub_sat(x, y)),
            Operator::I16x8SubSatU => self.vector_binary(I16X8, |b, x, y| b.ins().usub_sat(x, y)),
            Operator::I16x8AvgrU => self.vector_binary(I16X8, |b, x, y| b.ins().avg_round(x, y)),
            Operator::I16x8MinS => self.vector_binary(I16X8, |b, x, y| b.ins().smin(x, y)),
            Operator::I16x8MinU => self.vector_binary(I16X8, |b, x, y| b.ins().umin(x, y)),
            Operator::I16x8MaxS => self.vector_binary(I16X8, |b, x, y| b.ins().smax(x, y)),
            Operator::I16x8MaxU => self.vector_binary(I16X8, |b, x, y| b.ins().umax(x, y)),
            Operator::I32x4Abs => self.vector_unary(I32X4, |b, x| b.ins().iabs(x)),
            Operator::I32x4Neg => self.vector_unary(I32X4, |b, x| b.ins().ineg(x)),
            Operator::I32x4Shl => self.vector_shift(I32X4, |b, x, n| b.ins().ishl(x, n)),
            Operator::I32x4ShrS => self.vector_shift(I32X4, |b, x, n| b.ins().sshr(x, n)),
            Operator::I32x4ShrU => self.vector_shift(I32X4, |b, x, n| b.ins().ushr(x, n)),
            Operator::I32x4Add => self.vector_binary(I32X4, |b, x, y| b.ins().iadd(x, y)),
            Operator::I32x4Sub => self.vector_binary(I32X4, |b, x, y| b.ins().isub(x, y)),
            Operator::I32x4Mul => self.vector_binary(I32X4, |b, x, y| b.ins().imul(x, y)),
            Operator::I32x4MinS => self.vector_binary(I32X4, |b, x, y| b.ins().smin(x, y)),
            Operator::I32x4MinU => self.vector_binary(I32X4, |b, x, y| b.ins().umin(x, y)),
            Operator::I32x4MaxS => self.vector_binary(I32X4, |b, x, y| b.ins().smax(x, y)),
            Operator::I32x4MaxU => self.vector_binary(I32X4, |b, x, y| b.ins().umax(x, y)),
            Operator::I64x2Abs => self.vector_unary(I64X2, |b, x| b.ins().iabs(x)),
            Operator::I64x2Neg => self.vector_unary(I64X2, |b, x| b.ins().ineg(x)),
            Operator::I64x2Shl => self.vector_shift(I64X2, |b, x, n| b.ins().ishl(x, n)),
            Operator::I64x2ShrS => self.vector_shift(I64X2, |b, x, n| b.ins().sshr(x, n)),
            Operator::I64x2ShrU => self.vector_shift(I64X2, |b, x, n| b.ins().ushr(x, n)),
            Operator::I64x2Add => self.vector_binary(I64X2, |b, x, y| b.ins().iadd(x, y)),
            Operator::I64x2Sub => self.vector_binary(I64X2, |b, x, y| b.ins().isub(x, y)),
            Operator::I64x2Mul => self.vector_binary(I64X2, |b, x, y| b.ins().imul(x, y)),
            Operator::I16x8Q15MulrSatS => {
                self.vector_binary(I16X8, |b, x, y| b.ins().sqmul_round_sat(x, y))
            }
            Operator::I32x4DotI16x8S => self.vector_binary(I16X8, simd_arith::dot_i16),

            // Wider and narrower integers: simd_arith.rs
            Operator::I8x16NarrowI16x8S => {
                self.vector_binary(I16X8, |b, x, y| b.ins().snarrow(x, y))
            }
            Operator::I8x16NarrowI16x8U => {
                self.vector_binary(I16X8, |b, x, y| b.ins().unarrow(x, y))
            }
            Operator::I16x8NarrowI32x4S => {
                self.vector_binary(I32X4, |b, x, y| b.ins().snarrow(x, y))
            }
            Operator::I16x8NarrowI32x4U => {
                self.vector_binary(I32X4, |b, x, y| b.ins().unarrow(x, y))
            }
            Operator::I16x8ExtendLowI8x16S => {
                self.vector_unary(I8X16, |b, x| b.ins().swiden_low(x))
            }
            Operator::I16x8ExtendHighI8x16S => {
                self.vector_unary(I8X16, |b, x| b.ins().swiden_high(x))
            }
            Operator::I16x8ExtendLowI8x16U => {
                self.vector_unary(I8X16, |b, x| b.ins().uwiden_low(x))
            }
            Operator::I16x8ExtendHighI8x16U => {
                self.vector_unary(I8X16, |b, x| b.ins().uwiden_high(x))
            }
            Operator::I32x4ExtendLowI16x8S => {
                self.vector_unary(I16X8, |b, x| b.ins().swiden_low(x))
            }
            Operator::I32x4ExtendHighI16x8S => {
                self.vector_unary(I16X8, |b, x| b.ins().swiden_high(x))
            }
            Operator::I32x4ExtendLowI16x8U => {
                self.vector_unary(I16X8, |b, x| b.ins().uwiden_low(x))
            }
            Operator::I32x4ExtendHighI16x8U => {
                self.vector_unary(I16X8, |b, x| b.ins().uwiden_high(x))
            }
            Operator::I64x2ExtendLowI32x4S => {
                self.vector_unary(I32X4, |b, x| b.ins().swiden_low(x))
            }
            Operator::I64x2ExtendHighI32x4S => {
                self.vector_unary(I32X4, |b, x| b.ins().swiden_high(x))
            }
            Operator::I64x2ExtendLowI32x4U => {
                self.vector_unary(I32X4, |b, x| b.ins().uwiden_low(x))
            }
            Operator::I64x2ExtendHighI32x4U => {
                self.vector_unary(I32X4, |b, x| b.ins().uwiden_high(x))
            }
            Operator::I16x8ExtMulLowI8x16S => self.extmul_low(I8X16, Signed),
            Operator::I16x8ExtMulHighI8x16S => self.extmul_high(I8X16, Signed),
            Operator::I16x8ExtMulLowI8x16U => self.extmul_low(I8X16, Unsigned),
            Operator::I16x8ExtMulHighI8x16U => self.extmul_high(I8X16, Unsigned),
            Operator::I32x4ExtMulLowI16x8S => self.extmul_low(I16X8, Signed),
            Operator::I32x4ExtMulHighI16x8S => self.extmul_high(I16X8, Signed),
            Operator::I32x4ExtMulLowI16x8U => self.extmul_low(I16X8, Unsigned),
            Operator::I32x4ExtMulHighI16x8U => self.extmul_high(I16X8, Unsigned),
            Operator::I64x2ExtMulLowI32x4S => self.extmul_low(I32X4, Signed),
            Operator::I64x2ExtMulHighI32x4S => self.extmul_high(I32X4, Signed),
            Operator::I64x2ExtMulLowI32x4U => self.extmul_low(I32X4, Unsigned),
            Operator::I64x2ExtMulHighI32x4U => self.extmul_high(I32X4, Unsigned),
            Operator::I16x8ExtAddPairwiseI8x16S => self.extadd_pairwise(I8X16, Signed),
            Operator::I16x8ExtAddPairwiseI8x16U => self.extadd_pairwise(I8X16, Unsigned),
            Operator::I32x4ExtAddPairwiseI16x8S => self.extadd_pairwise(I16X8, Signed),
            Operator::I32x4ExtAddPairwiseI16x8U => self.extadd_pairwise(I16X8, Unsigned),

            // Floating-point arithmetic: simd_arith.rs
            Operator::F32x4Ceil => {
                self.vector_round(F32X4, Libcall::F32Ceil, |b, x| b.ins().ceil(x))
            }
            Operator::F32x4Floor => {
                self.vector_round(F32X4, Libcall::F32Floor, |b, x| b.ins().floor(x))
            }
            Operator::F32x4Trunc => {
                self.vector_round(F32X4, Libcall::F32Trunc, |b, x| b.ins().trunc(x))
            }
            Operator::F32x4Nearest => {
                self.vector_round(F32X4, Libcall::F32Nearest, |b, x| b.ins().nearest(x))
            }
            Operator::F32x4Abs => self.vector_unary(F32X4, |b, x| b.ins().fabs(x)),
            Operator::F32x4Neg => self.vector_unary(F32X4, |b, x| b.ins().fneg(x)),
            Operator::F32x4Sqrt => self.vector_unary(F32X4, |b, x| b.ins().sqrt(x)),
            Operator::F32x4Add => self.vector_binary(F32X4, |b, x, y| b.ins().fadd(x, y)),
            Operator::F32x4Sub => self.vector_binary(F32X4, |b, x, y| b.ins().fsub(x, y)),
            Operator::F32x4Mul => self.vector_binary(F32X4, |b, x, y| b.ins().fmul(x, y)),
            Operator::F32x4Div => self.vector_binary(F32X4, |b, x, y| b.ins().fdiv(x, y)),
            Operator::F32x4Min => self.vector_binary(F32X4, |b, x, y| b.ins().fmin(x, y)),
            Operator::F32x4Max => self.vector_binary(F32X4, |b, x, y| b.ins().fmax(x, y)),
            Operator::F32x4PMin => self.pmin(F32X4),
            Operator::F32x4PMax => self.pmax(F32X4),
            Operator::F64x2Ceil => {
                self.vector_round(F64X2, Libcall::F64Ceil, |b, x| b.ins().ceil(x))
            }
            Operator::F64x2Floor => {
                self.vector_round(F64X2, Libcall::F64Floor, |b, x| b.ins().floor(x))
            }
            Operator::F64x2Trunc => {
                self.vector_round(F64X2, Libcall::F64Trunc, |b, x| b.ins().trunc(x))
            }
            Operator::F64x2Nearest => {
                self.vector_round(F64X2, Libcall::F64Nearest, |b, x| b.ins().nearest(x))
            }
            Operator::F64x2Abs => self.vector_unary(F64X2, |b, x| b.ins().fabs(x)),
            Operator::F64x2Neg => self.vector_unary(F64X2, |b, x| b.ins().fneg(x)),
            Operator::F64x2Sqrt => self.vector_unary(F64X2, |b, x| b.ins().sqrt(x)),
            Operator::F64x2Add => self.vector_binary(F64X2, |b, x, y| b.ins().fadd(x, y)),
            Operator::F64x2Sub => self.vector_binary(F64X2, |b, x, y| b.ins().fsub(x, y)),
            Operator::F64x2Mul => self.vector_binary(F64X2, |b, x, y| b.ins().fmul(x, y)),
            Operator::F64x2Div => self.vector_binary(F64X2, |b, x, y| b.ins().fdiv(x, y)),
            Operator::F64x2Min => self.vector_binary(F64X2, |b, x, y| b.ins().fmin(x, y)),
            Operator::F64x2Max => self.vector_binary(F64X2, |b, x, y| b.ins().fmax(x, y)),
            Operator::F64x2PMin => self.pmin(F64X2),
            Operator::F64x2PMax => self.pmax(F64X2),

            // Conversions: simd_arith.rs
            Operator::I32x4TruncSatF32x4S => {
                self.vector_unary(F32X4, |b, x| b.ins().fcvt_to_sint_sat(I32X4, x))
            }
            Operator::I32x4TruncSatF32x4U => {
                self.vector_unary(F32X4, |b, x| b.ins().fcvt_to_uint_sat(I32X4, x))
            }
            Operator::I32x4TruncSatF64x2SZero => self.trunc_sat_s_zero(),
            Operator::I32x4TruncSatF64x2UZero => self.trunc_sat_u_zero(),
            Operator::F32x4ConvertI32x4S => {
                self.vector_unary(I32X4, |b, x| b.ins().fcvt_from_sint(F32X4, x))
            }
            Operator::F32x4ConvertI32x4U => {
                self.vector_unary(I32X4, |b, x| b.ins().fcvt_from_uint(F32X4, x))
            }
            Operator::F64x2ConvertLowI32x4S => self.convert_low_s(),
            Operator::F64x2ConvertLowI32x4U => self.convert_low_u(),
            Operator::F32x4DemoteF64x2Zero => self.vector_unary(F64X2, |b, x| b.ins().fvdemote(x)),
            Operator::F64x2PromoteLowF32x4 => {
                self.vector_unary(F32X4, |b, x| b.ins().fvpromote_low(x))
            }

            // Relaxed: simd_arith.rs
            Operator::I8x16RelaxedSwizzle => self.relaxed_swizzle(),
            Operator::I32x4RelaxedTruncF32x4S => self.relaxed_trunc_s(),
            Operator::I32x4RelaxedTruncF32x4U => {
                self.vector_unary(F32X4, |b, x| b.ins().fcvt_to_uint_sat(I32X4, x))
            }
            Operator::I32x4RelaxedTruncF64x2SZero => self.relaxed_trunc_s_zero(),
            Operator::I32x4RelaxedTruncF64x2UZero => self.trunc_sat_u_zero(),
            Operator::F32x4RelaxedMadd => self.relaxed_madd(F32X4),
            Operator::F32x4RelaxedNmadd => self.relaxed_nmadd(F32X4),
            Operator::F32x4RelaxedMin => self.relaxed_min(F32X4),
            Operator::F32x4RelaxedMax => self.relaxed_max(F32X4),
            Operator::F64x2RelaxedMadd => self.relaxed_madd(F64X2),
            Operator::F64x2RelaxedNmadd => self.relaxed_nmadd(F64X2),
            Operator::F64x2RelaxedMin => self.relaxed_min(F64X2),
            Operator::F64x2RelaxedMax => self.relaxed_max(F64X2),
            Operator::I8x16RelaxedLaneselect => self.relaxed_laneselect(I8X16),
            Operator::I16x8RelaxedLaneselect => self.relaxed_laneselect(I16X8),
            Operator::I32x4RelaxedLaneselect => self.relaxed_laneselect(I32X4),
            Operator::I64x2RelaxedLaneselect => self.relaxed_laneselect(I64X2),
            Operator::I16x8RelaxedQ15mulrS => self.relaxed_q15mulr(),
            Operator::I16x8RelaxedDotI8x16I7x16S => self.relaxed_dot(),
            Operator::I32x4RelaxedDotI8x16I7x16AddS => self.relaxed_dot_add(),

            _ => return Err(unsupported(op, offset)),
        }
        Ok(())
    }
}
