//! Conversions between number types that are not one instruction.
//!
//! Conversions to integers trap by themselves, with the codes that CLIF reserves for it.
//!
//! Spec: Execution > Numerics > Conversions.

use crate::function::Translator;
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type};

impl Translator<'_> {
    /// Sign-extends the low bits of an integer, as many as `narrow` has.
    pub(super) fn extend(&mut self, narrow: Type) {
        self.unary(|b, x| {
            let wide = b.func.dfg.value_type(x);
            let low = b.ins().ireduce(narrow, x);
            b.ins().sextend(wide, low)
        });
    }

    /// Keeps the bits, changes the type.
    pub(super) fn reinterpret(&mut self, ty: Type) {
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.unary(|b, x| b.ins().bitcast(ty, flags, x));
    }
}
