//! Engines with proposals switched off, canonical NaNs, and the deterministic profile.

use crate::{call, engine, i32x4, instance, v128};
use palisade::error::ErrorKind;
use palisade::{Config, Engine, Module, V128, Val};

#[track_caller]
fn refused(engine: &Engine, text: &str, name: &str) {
    let error = Module::new(engine, text).expect_err("the proposal is off");
    assert!(matches!(error.kind(), ErrorKind::Invalid { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.to_lowercase().replace('-', " ").contains(name), "{message}");
}

#[test]
fn without_simd() {
    let engine = engine(|config| config.wasm_simd(false).wasm_relaxed_simd(false));
    refused(&engine, "(module (func (drop (v128.const i64x2 1 2))))", "simd");
    refused(&engine, "(module (func (param v128)))", "simd");
    refused(&engine, "(module (global v128 (v128.const i64x2 1 2)))", "simd");
    assert!(Module::new(&engine, "(module (func (param i32)))").is_ok());
}

#[test]
fn without_relaxed_simd() {
    let engine = engine(|config| config.wasm_relaxed_simd(false));
    let text = "(module (func (param v128 v128) (result v128)
        (f32x4.relaxed_min (local.get 0) (local.get 1))))";
    refused(&engine, text, "relaxed simd");
    assert!(Module::new(&engine, text.replace("relaxed_min", "min")).is_ok());
}

#[test]
fn relaxed_simd_needs_simd() {
    let error = Engine::new(Config::new().wasm_simd(false)).expect_err("a contradiction");
    assert!(matches!(error.kind(), ErrorKind::Usage(_)), "{error:?}");
    assert!(error.to_string().contains("relaxed SIMD"), "{error}");
}

#[test]
fn wide_arithmetic_is_off_by_default() {
    let text = "(module (func (export \"f\") (param i64 i64) (result i64 i64)
        (i64.mul_wide_s (local.get 0) (local.get 1))))";
    refused(&Engine::default(), text, "wide arithmetic");
    let (mut store, instance) = instance(&engine(|config| config.wasm_wide_arithmetic(true)), text);
    let results = call(&mut store, instance, "f", &[Val::I64(i64::MIN), Val::I64(3)]);
    let product = i128::from(i64::MIN) * 3;
    assert_eq!(results[0].i64(), Some(product as i64));
    assert_eq!(results[1].i64(), Some((product >> 64) as i64));
}

/// Adds with carry and borrow into the upper half, with constants too.
#[test]
fn wide_sums_and_differences() {
    let text = "(module
        (func (export \"add\") (param i64 i64 i64 i64) (result i64 i64)
            (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
        (func (export \"sub\") (param i64 i64 i64 i64) (result i64 i64)
            (i64.sub128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
        (func (export \"add_one\") (param i64 i64 i64 i64) (result i64 i64)
            (i64.add128 (local.get 0) (local.get 1) (i64.const 1) (i64.const 0))))";
    let (mut store, instance) = instance(&engine(|config| config.wasm_wide_arithmetic(true)), text);
    let values = [0, 1, -1, i64::MIN.into(), u64::MAX.into(), i128::MIN, i128::MAX, 1 << 64];
    for (a, b) in values.iter().flat_map(|a| values.map(|b| (*a, b))) {
        let halves = |x: i128| [Val::I64(x as i64), Val::I64((x >> 64) as i64)];
        let params = [halves(a), halves(b)].concat();
        let mut check = |name: &str, expected: i128| {
            let results = call(&mut store, instance, name, &params);
            let [low, high] = halves(expected).map(|half| half.unwrap_i64());
            assert_eq!((results[0].unwrap_i64(), results[1].unwrap_i64()), (low, high), "{name}");
        };
        check("add", a.wrapping_add(b));
        check("sub", a.wrapping_sub(b));
        check("add_one", a.wrapping_add(1));
    }
}

/// Operations that make a NaN of a signalling or negative one give the canonical one in every such lane.
#[test]
fn nans_are_canonical_on_request() {
    let shapes = [("f32x4", 32, 0x7fc0_0000), ("f64x2", 64, 0x7ff8_0000_0000_0000u128)];
    for (shape, bits, canonical) in shapes {
        let binary = ["add", "sub", "mul", "div", "min", "max"];
        let unary = ["sqrt", "ceil", "floor", "trunc", "nearest"];
        let binary = binary.map(|op| (op, format!("({shape}.{op} (local.get 0) (local.get 1))")));
        let unary = unary.map(|op| (op, format!("({shape}.{op} (local.get 0))")));
        let fused = ["relaxed_madd", "relaxed_nmadd"]
            .map(|op| (op, format!("({shape}.{op} (local.get 0) (local.get 1) (local.get 1))")));
        let all = || binary.iter().chain(&unary).chain(&fused);
        let funcs: String = all()
            .map(|(op, body)| {
                format!("(func (export \"{op}\") (param v128 v128) (result v128) {body})")
            })
            .collect();
        for native in [true, false] {
            let engine =
                engine(|config| config.cranelift_nan_canonicalization(true).native_cpu(native));
            let (mut store, instance) = instance(&engine, &format!("(module {funcs})"));
            let lanes = 128 / bits;
            let splat = |lane: u128| v128((0..lanes).map(|i| lane << (i * bits)).sum());
            // A negative, signalling NaN with a payload, and 1.0 of this width.
            let nan = splat(if bits == 32 { 0xffa1_2345 } else { 0xfff4_1234_5678_9abc });
            let one = splat(if bits == 32 { 0x3f80_0000 } else { 0x3ff0_0000_0000_0000 });
            for (op, _) in all() {
                let result = call(&mut store, instance, op, &[nan.into(), one.into()]);
                assert_eq!(result[0].v128(), Some(splat(canonical)), "{shape}.{op}");
            }
        }
    }
}

#[test]
fn nans_of_conversions_are_canonical_on_request() {
    let text = "(module
        (func (export \"demote\") (param v128) (result v128) (f32x4.demote_f64x2_zero (local.get 0)))
        (func (export \"promote\") (param v128) (result v128) (f64x2.promote_low_f32x4 (local.get 0))))";
    let engine = engine(|config| config.cranelift_nan_canonicalization(true));
    let (mut store, instance) = instance(&engine, text);
    let wide = v128(0xfff4_1234_5678_9abc << 64 | 0xfff4_1234_5678_9abc);
    let narrow = v128(0xffa1_2345 << 32 | 0xffa1_2345);
    let demoted = call(&mut store, instance, "demote", &[wide.into()])[0].v128();
    assert_eq!(demoted, Some(v128(0x7fc0_0000 << 32 | 0x7fc0_0000)));
    let promoted = call(&mut store, instance, "promote", &[narrow.into()])[0].v128();
    assert_eq!(promoted, Some(v128(0x7ff8 << 112 | 0x7ff8 << 48)));
}

/// The first of the results that the specification allows for each relaxed instruction.
#[test]
fn the_deterministic_profile() {
    let text = "(module
        (func (export \"swizzle\") (param v128 v128) (result v128)
            (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))
        (func (export \"madd\") (param v128 v128 v128) (result v128)
            (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))
        (func (export \"nmadd\") (param v128 v128 v128) (result v128)
            (f32x4.relaxed_nmadd (local.get 0) (local.get 1) (local.get 2)))
        (func (export \"min\") (param v128 v128) (result v128)
            (f32x4.relaxed_min (local.get 0) (local.get 1)))
        (func (export \"max\") (param v128 v128) (result v128)
            (f32x4.relaxed_max (local.get 0) (local.get 1)))
        (func (export \"trunc_s\") (param v128) (result v128)
            (i32x4.relaxed_trunc_f32x4_s (local.get 0)))
        (func (export \"trunc_u\") (param v128) (result v128)
            (i32x4.relaxed_trunc_f32x4_u (local.get 0)))
        (func (export \"trunc_s_zero\") (param v128) (result v128)
            (i32x4.relaxed_trunc_f64x2_s_zero (local.get 0)))
        (func (export \"laneselect\") (param v128 v128 v128) (result v128)
            (i32x4.relaxed_laneselect (local.get 0) (local.get 1) (local.get 2)))
        (func (export \"q15mulr\") (param v128 v128) (result v128)
            (i16x8.relaxed_q15mulr_s (local.get 0) (local.get 1)))
        (func (export \"dot\") (param v128 v128) (result v128)
            (i16x8.relaxed_dot_i8x16_i7x16_s (local.get 0) (local.get 1)))
        (func (export \"dot_add\") (param v128 v128 v128) (result v128)
            (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 0) (local.get 1) (local.get 2))))";
    for native in [true, false] {
        let engine = engine(|config| config.relaxed_simd_deterministic(true).native_cpu(native));
        let (mut store, instance) = instance(&engine, text);
        let mut check = |name: &str, params: &[V128], expected: V128| {
            let params: Vec<Val> = params.iter().map(|v| Val::V128(*v)).collect();
            let result = call(&mut store, instance, name, &params)[0].unwrap_v128();
            assert_eq!(result, expected, "{name}: {:x} {:x}", result.as_u128(), expected.as_u128());
        };
        let bytes = |byte: u8| v128(u128::from_le_bytes([byte; 16]));
        let floats = |x: f32| i32x4([x.to_bits() as i32; 4]);
        check("swizzle", &[bytes(7), bytes(16)], v128(0));
        check("swizzle", &[bytes(7), bytes(127)], v128(0));
        // Rounded twice: (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24 if it is fused.
        let x = floats(1.0 + 2f32.powi(-12));
        check("madd", &[x, x, floats(-1.0 - 2f32.powi(-11))], floats(0.0));
        check("nmadd", &[x, x, floats(1.0 + 2f32.powi(-11))], floats(0.0));
        check("min", &[floats(0.0), floats(-0.0)], floats(-0.0));
        check("min", &[floats(-0.0), floats(0.0)], floats(-0.0));
        check("max", &[floats(0.0), floats(-0.0)], floats(0.0));
        check("max", &[floats(-0.0), floats(0.0)], floats(0.0));
        check("trunc_s", &[floats(f32::NAN)], v128(0));
        check("trunc_s", &[floats(3e9)], i32x4([i32::MAX; 4]));
        check("trunc_u", &[floats(-1.0)], v128(0));
        check("trunc_u", &[floats(5e9)], i32x4([-1; 4]));
        let large = u128::from(3e9f64.to_bits());
        check("trunc_s_zero", &[v128(large << 64 | large)], i32x4([i32::MAX, i32::MAX, 0, 0]));
        check("laneselect", &[bytes(0xff), v128(0), bytes(0x81)], bytes(0x81));
        let least = v128(u128::from_le_bytes([0, 0x80].repeat(8).try_into().unwrap()));
        let most = v128(u128::from_le_bytes([0xff, 0x7f].repeat(8).try_into().unwrap()));
        check("q15mulr", &[least, least], most);
        // 2 * -128 * -128 saturates; -128 * -1 * 2 is 256.
        check("dot", &[bytes(0x80), bytes(0x80)], most);
        check("dot", &[bytes(0x80), bytes(0xff)], bytes_of_i16(256));
        check("dot_add", &[bytes(0x80), bytes(0xff), i32x4([1; 4])], i32x4([513; 4]));
    }
}

fn bytes_of_i16(lane: i16) -> V128 {
    v128(u128::from_le_bytes(lane.to_le_bytes().repeat(8).try_into().unwrap()))
}
