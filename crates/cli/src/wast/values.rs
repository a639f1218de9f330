//! Values of scripts: as arguments, as patterns that results must match, and as text for failures.
//!
//! Floats are compared by their bits, except where the pattern is a class of NaNs. Kinds of values that the runtime
//! does not have come back as an error, "unsupported value", and never as a mismatch or a panic.
//!
//! Spec: Structure > Values; the classes of NaNs: Execution > Numerics > NaN Propagation.

use palisade::{Error, ExternRef, HeapType, Store, Val};
use wast::core::{
    AbstractHeapType, HeapType as ScriptHeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore,
};
use wast::token::{F32, F64};
use wast::{WastArg, WastRet};

/// Makes the value of an argument.
pub(super) fn argument(store: &mut Store<()>, arg: &WastArg<'_>) -> Result<Val, Error> {
    let WastArg::Core(arg) = arg else { return Err(unsupported(arg)) };
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
        WastArgCore::RefNull(heap) => {
            Val::null_ref(&heap_type(heap).ok_or_else(|| unsupported(arg))?)
        }
        WastArgCore::RefExtern(number) => Val::ExternRef(Some(ExternRef::new(store, *number)?)),
        _ => return Err(unsupported(arg)),
    })
}

/// Whether results match their patterns, in number and each by itself.
pub(super) fn all_match(
    store: &Store<()>,
    expected: &[WastRet<'_>],
    actual: &[Val],
) -> Result<bool, Error> {
    if expected.len() != actual.len() {
        return Ok(false);
    }
    for (expected, actual) in expected.iter().zip(actual) {
        let WastRet::Core(expected) = expected else { return Err(unsupported(expected)) };
        if !matches(store, expected, actual)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn matches(store: &Store<()>, expected: &WastRetCore<'_>, actual: &Val) -> Result<bool, Error> {
    Ok(match (expected, actual) {
        (WastRetCore::Either(choices), _) => {
            for choice in choices {
                if matches(store, choice, actual)? {
                    return Ok(true);
                }
            }
            false
        }
        (WastRetCore::I32(expected), Val::I32(actual)) => expected == actual,
        (WastRetCore::I64(expected), Val::I64(actual)) => expected == actual,
        (WastRetCore::F32(expected), Val::F32(actual)) => f32_matches(expected, *actual),
        (WastRetCore::F64(expected), Val::F64(actual)) => f64_matches(expected, *actual),
        (WastRetCore::V128(expected), Val::V128(actual)) => {
            v128_matches(expected, actual.as_u128())
        }
        (
            WastRetCore::RefNull(None),
            Val::FuncRef(None) | Val::ExternRef(None) | Val::ExnRef(None),
        ) => true,
        (WastRetCore::RefNull(Some(heap)), Val::FuncRef(None)) => {
            matches!(heap_type(heap), Some(HeapType::Func))
        }
        (WastRetCore::RefNull(Some(heap)), Val::ExternRef(None)) => {
            matches!(heap_type(heap), Some(HeapType::Extern))
        }
        (WastRetCore::RefNull(Some(heap)), Val::ExnRef(None)) => {
            matches!(heap_type(heap), Some(HeapType::Exn))
        }
        (WastRetCore::RefFunc(_), Val::FuncRef(actual)) => actual.is_some(),
        (WastRetCore::RefExtern(None), Val::ExternRef(actual)) => actual.is_some(),
        (WastRetCore::RefExtern(Some(expected)), Val::ExternRef(Some(_))) => {
            host_number(store, actual) == Some(*expected)
        }
        (expected, _) if is_supported(expected) => false,
        (expected, _) => return Err(unsupported(expected)),
    })
}

/// Whether values of this kind exist, so that another value is a mismatch.
fn is_supported(pattern: &WastRetCore<'_>) -> bool {
    match pattern {
        WastRetCore::I32(_) | WastRetCore::I64(_) | WastRetCore::F32(_) | WastRetCore::F64(_) => {
            true
        }
        WastRetCore::V128(_) | WastRetCore::RefFunc(_) | WastRetCore::RefExtern(_) => true,
        WastRetCore::RefNull(heap) => heap.as_ref().is_none_or(|heap| heap_type(heap).is_some()),
        _ => false,
    }
}

/// The top of the hierarchy that a null of this type belongs to; none if the runtime does not have it.
fn heap_type(heap: &ScriptHeapType<'_>) -> Option<HeapType> {
    let ScriptHeapType::Abstract { shared: false, ty } = heap else { return None };
    match ty {
        AbstractHeapType::Func | AbstractHeapType::NoFunc => Some(HeapType::Func),
        AbstractHeapType::Extern | AbstractHeapType::NoExtern => Some(HeapType::Extern),
        AbstractHeapType::Exn | AbstractHeapType::NoExn => Some(HeapType::Exn),
        _ => None,
    }
}

/// The number in a `ref.extern` that [`argument`] has made.
fn host_number(store: &Store<()>, value: &Val) -> Option<u32> {
    let Val::ExternRef(Some(rooted)) = value else { return None };
    rooted.data(store).ok()??.downcast_ref::<u32>().copied()
}

fn unsupported(value: impl std::fmt::Debug) -> Error {
    Error::msg(format!("unsupported value {value:?}"))
}

fn f32_matches(pattern: &NanPattern<F32>, bits: u32) -> bool {
    const CANONICAL: u32 = 0x7fc0_0000;
    match pattern {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == CANONICAL,
        NanPattern::ArithmeticNan => bits & CANONICAL == CANONICAL,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn f64_matches(pattern: &NanPattern<F64>, bits: u64) -> bool {
    const CANONICAL: u64 = 0x7ff8_0000_0000_0000;
    match pattern {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff_ffff_ffff == CANONICAL,
        NanPattern::ArithmeticNan => bits & CANONICAL == CANONICAL,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn v128_matches(pattern: &V128Pattern, bits: u128) -> bool {
    let bytes = bits.to_le_bytes();
    match pattern {
        V128Pattern::I8x16(lanes) => *lanes == bytes.map(|byte| byte.cast_signed()),
        V128Pattern::I16x8(lanes) => *lanes == split(bytes, i16::from_le_bytes),
        V128Pattern::I32x4(lanes) => *lanes == split(bytes, i32::from_le_bytes),
        V128Pattern::I64x2(lanes) => *lanes == split(bytes, i64::from_le_bytes),
        V128Pattern::F32x4(lanes) => {
            let actual: [u32; 4] = split(bytes, u32::from_le_bytes);
            lanes.iter().zip(actual).all(|(lane, bits)| f32_matches(lane, bits))
        }
        V128Pattern::F64x2(lanes) => {
            let actual: [u64; 2] = split(bytes, u64::from_le_bytes);
            lanes.iter().zip(actual).all(|(lane, bits)| f64_matches(lane, bits))
        }
    }
}

/// The lanes of a vector: `COUNT` of them, of `BYTES` bytes each.
fn split<const BYTES: usize, const COUNT: usize, T>(
    bytes: [u8; 16],
    lane: impl Fn([u8; BYTES]) -> T,
) -> [T; COUNT] {
    const { assert!(BYTES * COUNT == 16) };
    std::array::from_fn(|i| lane(std::array::from_fn(|j| bytes[i * BYTES + j])))
}

/// Patterns as text, in brackets.
pub(super) fn show_patterns(expected: &[WastRet<'_>]) -> String {
    let shown: Vec<String> = expected
        .iter()
        .map(|pattern| match pattern {
            WastRet::Core(pattern) => show_pattern(pattern),
            other => format!("{other:?}"),
        })
        .collect();
    format!("[{}]", shown.join(", "))
}

/// Results as text, in brackets; vectors are shown in lanes as their patterns are.
pub(super) fn show_results(store: &Store<()>, expected: &[WastRet<'_>], actual: &[Val]) -> String {
    let shown: Vec<String> = actual
        .iter()
        .enumerate()
        .map(|(i, value)| match (expected.get(i), value) {
            (Some(WastRet::Core(WastRetCore::V128(shape))), Val::V128(value)) => {
                show_v128_like(shape, value.as_u128())
            }
            _ => show_value(store, value),
        })
        .collect();
    format!("[{}]", shown.join(", "))
}

fn show_value(store: &Store<()>, value: &Val) -> String {
    match value {
        Val::I32(value) => format!("i32 {value}"),
        Val::I64(value) => format!("i64 {value}"),
        Val::F32(bits) => format!("f32 {}", show_f32(*bits)),
        Val::F64(bits) => format!("f64 {}", show_f64(*bits)),
        Val::V128(value) => format!("v128 {:#034x}", value.as_u128()),
        Val::FuncRef(None) => "ref.null func".into(),
        Val::FuncRef(Some(_)) => "ref.func".into(),
        Val::ExternRef(None) => "ref.null extern".into(),
        Val::ExnRef(None) => "ref.null exn".into(),
        Val::ExnRef(Some(_)) => "ref.exn".into(),
        other => match host_number(store, other) {
            Some(number) => format!("ref.extern {number}"),
            None => format!("{other:?}"),
        },
    }
}

fn show_pattern(pattern: &WastRetCore<'_>) -> String {
    match pattern {
        WastRetCore::I32(value) => format!("i32 {value}"),
        WastRetCore::I64(value) => format!("i64 {value}"),
        WastRetCore::F32(value) => format!("f32 {}", show_f32_pattern(value)),
        WastRetCore::F64(value) => format!("f64 {}", show_f64_pattern(value)),
        WastRetCore::V128(pattern) => show_v128_pattern(pattern),
        WastRetCore::RefExtern(Some(number)) => format!("ref.extern {number}"),
        WastRetCore::RefExtern(None) => "ref.extern".into(),
        WastRetCore::RefFunc(_) => "ref.func".into(),
        WastRetCore::RefNull(Some(ScriptHeapType::Abstract { ty, .. })) => {
            format!("ref.null {ty:?}").to_lowercase()
        }
        WastRetCore::RefNull(_) => "ref.null".into(),
        WastRetCore::Either(choices) => {
            let choices: Vec<String> = choices.iter().map(show_pattern).collect();
            format!("either {}", choices.join(" or "))
        }
        other => format!("{other:?}"),
    }
}

/// The number, and the bits, which tell NaNs and zeros apart and are what was compared.
fn show_f32(bits: u32) -> String {
    format!("{:?} ({bits:#010x})", f32::from_bits(bits))
}

fn show_f64(bits: u64) -> String {
    format!("{:?} ({bits:#018x})", f64::from_bits(bits))
}

fn show_f32_pattern(pattern: &NanPattern<F32>) -> String {
    show_nan_pattern(pattern, |value| show_f32(value.bits))
}

fn show_f64_pattern(pattern: &NanPattern<F64>) -> String {
    show_nan_pattern(pattern, |value| show_f64(value.bits))
}

fn show_nan_pattern<T>(pattern: &NanPattern<T>, value: impl Fn(&T) -> String) -> String {
    match pattern {
        NanPattern::CanonicalNan => "nan:canonical".into(),
        NanPattern::ArithmeticNan => "nan:arithmetic".into(),
        NanPattern::Value(number) => value(number),
    }
}

fn show_v128_pattern(pattern: &V128Pattern) -> String {
    match pattern {
        V128Pattern::I8x16(lanes) => show_lanes("i8x16", lanes, i8::to_string),
        V128Pattern::I16x8(lanes) => show_lanes("i16x8", lanes, i16::to_string),
        V128Pattern::I32x4(lanes) => show_lanes("i32x4", lanes, i32::to_string),
        V128Pattern::I64x2(lanes) => show_lanes("i64x2", lanes, i64::to_string),
        V128Pattern::F32x4(lanes) => show_lanes("f32x4", lanes, show_f32_pattern),
        V128Pattern::F64x2(lanes) => show_lanes("f64x2", lanes, show_f64_pattern),
    }
}

/// A vector in the lanes of `shape`.
fn show_v128_like(shape: &V128Pattern, bits: u128) -> String {
    let bytes = bits.to_le_bytes();
    let f32_lane = |bytes| NanPattern::Value(F32 { bits: u32::from_le_bytes(bytes) });
    let f64_lane = |bytes| NanPattern::Value(F64 { bits: u64::from_le_bytes(bytes) });
    show_v128_pattern(&match shape {
        V128Pattern::I8x16(_) => V128Pattern::I8x16(split(bytes, i8::from_le_bytes)),
        V128Pattern::I16x8(_) => V128Pattern::I16x8(split(bytes, i16::from_le_bytes)),
        V128Pattern::I32x4(_) => V128Pattern::I32x4(split(bytes, i32::from_le_bytes)),
        V128Pattern::I64x2(_) => V128Pattern::I64x2(split(bytes, i64::from_le_bytes)),
        V128Pattern::F32x4(_) => V128Pattern::F32x4(split(bytes, f32_lane)),
        V128Pattern::F64x2(_) => V128Pattern::F64x2(split(bytes, f64_lane)),
    })
}

fn show_lanes<T>(shape: &str, lanes: &[T], lane: impl Fn(&T) -> String) -> String {
    let lanes: Vec<String> = lanes.iter().map(lane).collect();
    format!("v128 {shape} {}", lanes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{f32_matches, f64_matches, v128_matches};
    use wast::core::{NanPattern, V128Pattern};
    use wast::token::F32;

    #[test]
    fn classes_of_nans() {
        let (canonical, arithmetic) = (NanPattern::CanonicalNan, NanPattern::ArithmeticNan);
        assert!(f32_matches(&canonical, 0xffc0_0000));
        assert!(!f32_matches(&canonical, 0x7fc0_0001));
        assert!(f32_matches(&arithmetic, 0x7fc0_0001));
        assert!(!f32_matches(&arithmetic, 0x7f80_0001));
        assert!(!f32_matches(&NanPattern::Value(F32 { bits: 0 }), 0x8000_0000));

        let arithmetic = NanPattern::ArithmeticNan;
        assert!(f64_matches(&arithmetic, 0xfff8_0000_0000_0001));
        assert!(!f64_matches(&arithmetic, f64::INFINITY.to_bits()));
    }

    #[test]
    fn lanes_are_little_endian() {
        let lanes = V128Pattern::I32x4([1, 2, 3, -1]);
        assert!(v128_matches(&lanes, 0xffff_ffff_0000_0003_0000_0002_0000_0001));
    }
}
