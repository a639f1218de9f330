//! Conversions between number types.
//!
//! Spec: Execution > Numerics > Conversions.

use super::Translator;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, types};

impl Translator<'_, '_> {
    /// Keeps the low bits of the operand and extends them with their sign.
    pub(super) fn extend_low(&mut self, from: Type, to: Type) {
        self.unary(|b, x| {
            let low = b.ins().ireduce(from, x);
            b.ins().sextend(to, low)
        });
    }

    /// Integer to number.
    pub(super) fn convert_signed(&mut self, to: Type) {
        self.unary(|b, x| b.ins().fcvt_from_sint(to, x));
    }

    /// Unsigned integer to number.
    pub(super) fn convert_unsigned(&mut self, to: Type) {
        self.unary(|b, x| b.ins().fcvt_from_uint(to, x));
    }

    /// Number to integer; traps on NaN and where the result does not fit.
    pub(super) fn truncate_signed(&mut self, to: Type) {
        self.unary(|b, x| b.ins().fcvt_to_sint(to, x));
    }

    /// Number to unsigned integer; traps likewise.
    pub(super) fn truncate_unsigned(&mut self, to: Type) {
        self.unary(|b, x| b.ins().fcvt_to_uint(to, x));
    }

    /// Number to the nearest integer that fits; NaN to 0.
    pub(super) fn saturate_signed(&mut self, to: Type) {
        self.unary(|b, x| b.ins().fcvt_to_sint_sat(to, x));
    }

    /// Likewise, unsigned.
    pub(super) fn saturate_unsigned(&mut self, to: Type) {
        self.unary(|b, x| b.ins().fcvt_to_uint_sat(to, x));
    }

    /// The same bits as another type of the same size.
    pub(super) fn reinterpret(&mut self, to: Type) {
        self.unary(|b, x| b.ins().bitcast(to, MemFlagsData::new(), x));
    }

    pub(super) fn wrap(&mut self) {
        self.unary(|b, x| b.ins().ireduce(types::I32, x));
    }
}
