//! How large values can be, as far as their definitions tell; `flow` adds what control flow tells.
//!
//! Invariant: ranges hold whatever the guest does; they may be too large, never too small. No question takes more than a
//! few dozen steps of its own.

use cranelift_codegen::ir::{DataFlowGraph, Opcode, Type, Value, ValueDef, types};
use cranelift_codegen::ir::{Inst, InstructionData};

/// Instructions between a value and the last definition that is looked at.
pub(crate) const DEPTH: u32 = 5;

/// Shifts that x86-64 and aarch64 do as part of an access.
const SCALES: std::ops::RangeInclusive<u32> = 1..=3;

/// The unsigned values that a value may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub(crate) lo: u64,
    pub(crate) hi: u64,
}

impl Range {
    /// All values of a type.
    pub(crate) fn all(ty: Type) -> Range {
        let bits = if ty.is_int() { ty.bits().min(64) } else { 64 };
        Range { lo: 0, hi: u64::MAX >> (64 - bits) }
    }

    fn up_to(hi: u64) -> Range {
        Range { lo: 0, hi }
    }

    /// What is in one or the other, and all between.
    pub(crate) fn union(self, other: Range) -> Range {
        Range { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// What is in both. If nothing is, the code is never reached, and anything may be said.
    pub(crate) fn meet(self, other: Range) -> Range {
        let both = Range { lo: self.lo.max(other.lo), hi: self.hi.min(other.hi) };
        if both.lo <= both.hi { both } else { self }
    }

    pub(crate) fn contains(self, other: Range) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// The only value, if there is one.
    pub(crate) fn single(self) -> Option<u64> {
        (self.lo == self.hi).then_some(self.lo)
    }
}

/// What is known of a value besides its definition: its range, given that by its definition and the remaining depth.
pub(crate) type Known<'a> = &'a dyn Fn(Value, Range, u32) -> Range;

/// Nothing is known but definitions.
pub(crate) const DEFINITIONS: Known<'static> = &|_, range, _| range;

/// The range of `value`.
pub(crate) fn range(dfg: &DataFlowGraph, value: Value, depth: u32, known: Known<'_>) -> Range {
    let value = dfg.resolve_aliases(value);
    let ty = dfg.value_type(value);
    let all = Range::all(ty);
    if !ty.is_int() || ty.bits() > 64 {
        return all;
    }
    let ValueDef::Result(inst, _) = dfg.value_def(value) else { return known(value, all, depth) };
    let defined = depth.checked_sub(1).and_then(|depth| defined(dfg, inst, all, depth, known));
    // What is larger has wrapped.
    let defined = defined.filter(|range| range.hi <= all.hi).unwrap_or(all);
    known(value, defined, depth)
}

/// No unsigned value of `value` is larger, by its definition.
pub(crate) fn upper_bound(dfg: &DataFlowGraph, value: Value) -> u64 {
    range(dfg, value, DEPTH, DEFINITIONS).hi
}

/// A 32-bit index taken apart such that as 64 bits it is the same: `index` as 64 bits, shifted left by `scale`, plus
/// `added`.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) index: Value,
    pub(crate) scale: u32,
    pub(crate) added: u32,
}

/// Takes `sum`, 32 bits wide, apart as far as it never wraps, with at most `limit` added.
pub(crate) fn parts(dfg: &DataFlowGraph, sum: Value, limit: u64, known: Known<'_>) -> Parts {
    let (index, added) = unwrapped_sum(dfg, sum, known)
        .filter(|(_, added)| u64::from(*added) <= limit)
        .unwrap_or((sum, 0));
    let (index, scale) = unwrapped_shift(dfg, index).unwrap_or((index, 0));
    Parts { index, scale, added }
}

/// If `sum` is the sum of a value and a constant that never wraps, those two.
fn unwrapped_sum(dfg: &DataFlowGraph, sum: Value, known: Known<'_>) -> Option<(Value, u32)> {
    let (value, added) = sum_with_constant(dfg, sum)?;
    let largest = range(dfg, value, DEPTH, known).hi + u64::from(added);
    (largest <= u32::MAX.into()).then_some((value, added))
}

/// If `product` is a value times the size of an element that never wraps, the value and the logarithm of the size.
///
/// Only definitions count. A condition does not hold while the CPU speculates that it does, and an index that is scaled
/// after it was widened could then be far behind the guard region. Sums stay within it.
fn unwrapped_shift(dfg: &DataFlowGraph, product: Value) -> Option<(Value, u32)> {
    let [value, scale] = operands(dfg, product, Opcode::Ishl)?;
    let scale = constant(dfg, scale)? as u32 & 31;
    if !SCALES.contains(&scale) {
        return None;
    }
    let fits = upper_bound(dfg, value) <= u64::from(u32::MAX >> scale);
    fits.then_some((value, scale))
}

/// Whether `sum` could be taken apart if more were known.
pub(crate) fn may_have_parts(dfg: &DataFlowGraph, sum: Value) -> bool {
    let opcode = definition(dfg, sum).map(|inst| dfg.insts[inst].opcode());
    matches!(opcode, Some(Opcode::Iadd | Opcode::Ishl))
}

/// The operands of a 32-bit sum with one constant, which comes second.
pub(crate) fn sum_with_constant(dfg: &DataFlowGraph, sum: Value) -> Option<(Value, u32)> {
    let [left, right] = operands(dfg, sum, Opcode::Iadd)?;
    match (constant(dfg, left), constant(dfg, right)) {
        (None, Some(added)) => Some((left, added as u32)),
        (Some(added), None) => Some((right, added as u32)),
        _ => None,
    }
}

/// The instruction that gives `value`.
pub(crate) fn definition(dfg: &DataFlowGraph, value: Value) -> Option<Inst> {
    dfg.value_def(dfg.resolve_aliases(value)).inst()
}

/// The operands of the instruction that gives `value`, if it is an `opcode`.
pub(crate) fn operands(dfg: &DataFlowGraph, value: Value, opcode: Opcode) -> Option<[Value; 2]> {
    match dfg.insts[definition(dfg, value)?] {
        InstructionData::Binary { opcode: found, args } if found == opcode => Some(args),
        _ => None,
    }
}

/// The value of an `iconst`.
pub(crate) fn constant(dfg: &DataFlowGraph, value: Value) -> Option<i64> {
    match dfg.insts[definition(dfg, value)?] {
        InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Some(imm.bits()),
        _ => None,
    }
}

/// The range of the result of `inst`; one that is not within `all` says nothing.
fn defined(
    dfg: &DataFlowGraph,
    inst: Inst,
    all: Range,
    depth: u32,
    known: Known<'_>,
) -> Option<Range> {
    let args = dfg.inst_args(inst);
    let of = |place: usize| range(dfg, args[place], depth, known);
    let number = |place: usize| Some(constant(dfg, args[place])? as u64 & all.hi);
    let amount = || Some(constant(dfg, args[1])? as u32 & all.hi.count_ones().wrapping_sub(1));
    match dfg.insts[inst].opcode() {
        Opcode::Iconst => {
            let InstructionData::UnaryImm { imm, .. } = dfg.insts[inst] else { return None };
            let value = imm.bits() as u64 & all.hi;
            Some(Range { lo: value, hi: value })
        }
        Opcode::Uload8 => Some(Range::up_to(u8::MAX.into())),
        Opcode::Uload16 => Some(Range::up_to(u16::MAX.into())),
        Opcode::Uload32 => Some(Range::up_to(u32::MAX.into())),
        Opcode::Icmp | Opcode::Fcmp => Some(Range::up_to(1)),
        Opcode::Uextend | Opcode::Ireduce => Some(of(0)),
        Opcode::Band => Some(Range::up_to(of(0).hi.min(of(1).hi))),
        // No bit above the highest of both can be set, and none is cleared.
        Opcode::Bor => {
            let (left, right) = (of(0), of(1));
            Some(Range { lo: left.lo.max(right.lo), hi: ones(left.hi.max(right.hi)) })
        }
        Opcode::Bxor => Some(Range::up_to(ones(of(0).hi.max(of(1).hi)))),
        Opcode::Ushr => {
            let (amount, value) = (amount()?, of(0));
            Some(Range { lo: value.lo >> amount, hi: value.hi >> amount })
        }
        Opcode::Ishl => {
            let (amount, value) = (amount()?, of(0));
            let fits = value.hi <= all.hi >> amount;
            fits.then(|| Range { lo: value.lo << amount, hi: value.hi << amount })
        }
        Opcode::Iadd => sum(of(0), of(1), all),
        Opcode::Isub => {
            let (left, right) = (of(0), of(1));
            let lo = left.lo.checked_sub(right.hi)?;
            Some(Range { lo, hi: left.hi - right.lo })
        }
        Opcode::Imul => {
            let (left, right) = (of(0), of(1));
            let hi = left.hi.checked_mul(right.hi)?;
            Some(Range { lo: left.lo * right.lo, hi })
        }
        Opcode::Udiv => {
            let (value, by) = (of(0), number(1).filter(|by| *by > 0)?);
            Some(Range { lo: value.lo / by, hi: value.hi / by })
        }
        Opcode::Urem => Some(Range::up_to(number(1)?.checked_sub(1)?)),
        Opcode::Select => Some(of(1).union(of(2))),
        _ => None,
    }
}

/// The range of a sum that never wraps, or always does.
fn sum(left: Range, right: Range, all: Range) -> Option<Range> {
    let modulus = u128::from(all.hi) + 1;
    let lo = u128::from(left.lo) + u128::from(right.lo);
    let hi = u128::from(left.hi) + u128::from(right.hi);
    // Both have wrapped or neither has.
    (lo / modulus == hi / modulus)
        .then(|| Range { lo: (lo % modulus) as u64, hi: (hi % modulus) as u64 })
}

/// As many ones as `value` has digits.
fn ones(value: u64) -> u64 {
    u64::MAX.checked_shr(value.leading_zeros()).unwrap_or(0)
}

/// Whether `ty` is that of indices into most memories, and of loop counters.
pub(crate) fn is_index(ty: Type) -> bool {
    ty == types::I32
}
