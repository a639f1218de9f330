//! `cranelift_nan_canonicalization`: whatever NaN goes in, arithmetic gives the one with no sign and no payload.

use crate::{bits, call, number};
use palisade::{Config, Engine, Instance, Module, OptLevel, Store, ValType};

const F32_NANS: [u64; 5] = [0x7fa0_0001, 0x7fc1_2345, 0xffc0_0001, 0xffff_ffff, 0x7f80_0001];
const F64_NANS: [u64; 4] =
    [0x7ff4_0000_0000_0001, 0x7ff8_1234_5678_9abc, 0xfff8_0000_0000_0001, 0xffff_ffff_ffff_ffff];
const F32_CANONICAL: u64 = 0x7fc0_0000;
const F64_CANONICAL: u64 = 0x7ff8_0000_0000_0000;

const UNARY: [&str; 5] = ["sqrt", "ceil", "floor", "trunc", "nearest"];
const BINARY: [&str; 6] = ["add", "sub", "mul", "div", "min", "max"];

#[test]
fn operands_that_are_nan() {
    for (ty, nans, one, canonical) in [
        (ValType::F32, &F32_NANS[..], 0x3f80_0000, F32_CANONICAL),
        (ValType::F64, &F64_NANS[..], 0x3ff0_0000_0000_0000, F64_CANONICAL),
    ] {
        for &nan in nans {
            for op in UNARY {
                check(&format!("{ty}.{op}"), &ty, &[nan], &ty, canonical);
            }
            for op in BINARY {
                for operands in [[nan, one], [one, nan], [nan, nan]] {
                    check(&format!("{ty}.{op}"), &ty, &operands, &ty, canonical);
                }
            }
        }
    }
}

#[test]
fn changes_of_width() {
    for nan in F32_NANS {
        check("f64.promote_f32", &ValType::F32, &[nan], &ValType::F64, F64_CANONICAL);
    }
    for nan in F64_NANS {
        check("f32.demote_f64", &ValType::F64, &[nan], &ValType::F32, F32_CANONICAL);
    }
}

/// x86 makes a NaN with a sign from operands that are no NaN.
#[test]
fn operations_without_result() {
    let (zero, one, minus_one, inf, minus_inf): (f64, f64, f64, f64, f64) =
        (0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY);
    let cases: [(&str, &[f64]); 6] = [
        ("sqrt", &[minus_one]),
        ("add", &[inf, minus_inf]),
        ("sub", &[inf, inf]),
        ("mul", &[zero, inf]),
        ("div", &[zero, zero]),
        ("div", &[inf, minus_inf]),
    ];
    for (op, operands) in cases {
        let wide: Vec<u64> = operands.iter().map(|value| value.to_bits()).collect();
        check(&format!("f64.{op}"), &ValType::F64, &wide, &ValType::F64, F64_CANONICAL);
        let narrow: Vec<u64> = operands.iter().map(|v| u64::from((*v as f32).to_bits())).collect();
        check(&format!("f32.{op}"), &ValType::F32, &narrow, &ValType::F32, F32_CANONICAL);
    }
    check("f64.sub", &ValType::F64, &[one.to_bits(); 2], &ValType::F64, 0);
}

/// Sign operations are not arithmetic: the specification fixes every bit of their results.
#[test]
fn sign_operations_keep_the_payload() {
    for nan in F32_NANS {
        let (sign, rest) = (1 << 31, 0x7fff_ffff);
        check("f32.neg", &ValType::F32, &[nan], &ValType::F32, nan ^ sign);
        check("f32.abs", &ValType::F32, &[nan], &ValType::F32, nan & rest);
        check("f32.copysign", &ValType::F32, &[nan, sign], &ValType::F32, nan | sign);
    }
    for nan in F64_NANS {
        let (sign, rest) = (1 << 63, (1 << 63) - 1);
        check("f64.neg", &ValType::F64, &[nan], &ValType::F64, nan ^ sign);
        check("f64.abs", &ValType::F64, &[nan], &ValType::F64, nan & rest);
        check("f64.copysign", &ValType::F64, &[nan, 0], &ValType::F64, nan & rest);
    }
}

/// Runs an instruction on operands of type `ty` given by their bits, known to the compiler and not.
fn check(op: &str, ty: &ValType, operands: &[u64], result: &ValType, expected: u64) {
    let integer = if *ty == ValType::F32 { "i32" } else { "i64" };
    let params = format!("{ty} ").repeat(operands.len());
    let gets: String = (0..operands.len()).map(|i| format!("(local.get {i})")).collect();
    let constants: String = operands
        .iter()
        .map(|bits| format!("({ty}.reinterpret_{integer} ({integer}.const {bits:#x}))"))
        .collect();
    let text = format!(
        "(module (func (export \"params\") (param {params}) (result {result}) ({op} {gets}))
            (func (export \"constants\") (result {result}) ({op} {constants})))"
    );
    let params: Vec<_> = operands.iter().map(|bits| number(ty, *bits)).collect();
    for level in [OptLevel::Speed, OptLevel::None] {
        let mut config = Config::new();
        config.cranelift_nan_canonicalization(true).cranelift_opt_level(level);
        let engine = Engine::new(&config).expect("an engine");
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, &text).expect("valid");
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        for (export, params) in [("params", &params[..]), ("constants", &[])] {
            let value = call(&mut store, instance, export, params).expect("no trap");
            let found = bits(&value.expect("one result"));
            let what = format!("{op} of {operands:x?} from {export} with {level:?}");
            assert_eq!(found, expected, "{what}: {found:#x} instead of {expected:#x}");
        }
    }
}
