//! Vectors through locals, blocks, branches and calls, made with lanes of one type and used with those of another.

use crate::{call, engine, i32x4, instance, pattern, v128};
use palisade::{Config, OptLevel, Val};

const TEXT: &str = "(module
    (table funcref (elem $double $negate))
    (func $double (param v128) (result v128) (i32x4.add (local.get 0) (local.get 0)))
    (func $negate (param v128) (result v128) (i32x4.neg (local.get 0)))
    (func (export \"select\") (param i32) (result v128)
        (select (i32x4.splat (i32.const 1)) (f32x4.splat (f32.const 1)) (local.get 0)))
    (func (export \"select_typed\") (param i32) (result v128)
        (select (result v128) (i8x16.splat (i32.const 1)) (v128.const i64x2 0 0) (local.get 0)))
    (func (export \"if\") (param i32) (result v128)
        (if (result v128) (local.get 0)
            (then (f64x2.splat (f64.const 2)))
            (else (i16x8.splat (i32.const 3)))))
    (func (export \"if_params\") (param i32 v128) (result v128 v128)
        (i32x4.add (local.get 1) (local.get 1))
        (f32x4.neg (local.get 1))
        (if (param v128 v128) (result v128 v128) (local.get 0)
            (then (i32x4.splat (i32.const 1)) (i32x4.add))))
    (func (export \"loop\") (param i32) (result v128)
        (i32x4.splat (i32.const 1))
        (loop $again (param v128) (result v128)
            (i32x4.shl (i32.const 1))
            (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))
            (br_if $again)))
    (func (export \"br_table\") (param i32) (result v128)
        (block $a (result v128)
            (block $b (result v128)
                (block $c (result v128)
                    (i64x2.splat (i64.const 5))
                    (br_table $a $b $c (local.get 0)))
                (i64x2.add (i64x2.splat (i64.const 100))))
            (f64x2.convert_low_i32x4_s)))
    (func (export \"zero_local\") (result v128) (local v128) (local.get 0))
    (func (export \"indirect\") (param i32 v128) (result v128)
        (call_indirect (param v128) (result v128) (local.get 1) (local.get 0)))
    (func (export \"tee\") (param v128) (result v128) (local v128)
        (f32x4.abs (local.tee 1 (f32x4.neg (local.get 0))))
        (local.get 1) (v128.xor))
    (func $rotate (export \"rotate\") (param v128 v128 v128) (result v128 v128 v128)
        (local.get 1) (local.get 2) (local.get 0))
    (func (export \"rotate_twice\") (param v128 v128 v128) (result v128 v128 v128)
        (call $rotate (call $rotate (local.get 0) (local.get 1) (local.get 2)))))";

fn check_all(config: impl FnOnce(&mut Config) -> &mut Config) {
    let (mut store, instance) = instance(&engine(config), TEXT);
    let mut check = |name: &str, params: &[Val], expected: &[u128]| {
        let results = call(&mut store, instance, name, params);
        let results: Vec<u128> = results.iter().map(|v| v.unwrap_v128().as_u128()).collect();
        assert_eq!(results, expected, "{name}{params:?}");
    };
    let bits = |lanes| i32x4(lanes).as_u128();
    let one = 1f32.to_bits() as i32;
    check("select", &[Val::I32(0)], &[bits([one; 4])]);
    check("select", &[Val::I32(1)], &[bits([1; 4])]);
    check("select_typed", &[Val::I32(0)], &[0]);
    check("select_typed", &[Val::I32(7)], &[bits([0x0101_0101; 4])]);
    check("if", &[Val::I32(0)], &[bits([0x0003_0003; 4])]);
    let two = u128::from(2f64.to_bits());
    check("if", &[Val::I32(1)], &[two << 64 | two]);
    let v = i32x4([1, 2, 3, 4]);
    let sign = i32::MIN;
    let negative = [1 | sign, 2 | sign, 3 | sign, 4 | sign];
    check("if_params", &[Val::I32(0), v.into()], &[bits([2, 4, 6, 8]), bits(negative)]);
    check(
        "if_params",
        &[Val::I32(1), v.into()],
        &[bits([2, 4, 6, 8]), bits(negative.map(|lane| lane + 1))],
    );
    check("loop", &[Val::I32(7)], &[bits([128; 4])]);
    check("br_table", &[Val::I32(0)], &[5 << 64 | 5]);
    let five = u128::from(5f64.to_bits());
    check("br_table", &[Val::I32(1)], &[five]);
    let sum = u128::from(105f64.to_bits());
    check("br_table", &[Val::I32(2)], &[sum]);
    check("zero_local", &[], &[0]);
    check("indirect", &[Val::I32(0), v.into()], &[bits([2, 4, 6, 8])]);
    check("indirect", &[Val::I32(1), v.into()], &[bits([-1, -2, -3, -4])]);
    check("tee", &[v.into()], &[bits([sign; 4])]);
    let [a, b, c] = [1, 2, 3].map(pattern);
    let all = [a.into(), b.into(), c.into()];
    check("rotate", &all, &[b, c, a].map(|v| v.as_u128()));
    check("rotate_twice", &all, &[c, a, b].map(|v| v.as_u128()));
}

#[test]
fn optimised() {
    check_all(|config| config);
}

#[test]
fn unoptimised() {
    check_all(|config| config.cranelift_opt_level(OptLevel::None));
}

#[test]
fn on_any_cpu() {
    check_all(|config| config.native_cpu(false));
}

/// A function of a thousand lane operations, each of which depends on the one before.
#[test]
fn a_thousand_lane_operations() {
    let mut body = String::new();
    let mut expected: [i32; 4] = [1, 2, 3, 4];
    for i in 0..500 {
        let (from, to) = (i % 4, (i * 7 + 1) % 4);
        body += &format!(
            "(local.set 0 (i32x4.replace_lane {to} (local.get 0)
                (i32.add (i32x4.extract_lane {from} (local.get 0)) (i32.const {i}))))\n"
        );
        expected[to] = expected[from].wrapping_add(i as i32);
    }
    let text =
        format!("(module (func (export \"f\") (param v128) (result v128) {body} (local.get 0)))");
    for native in [true, false] {
        let (mut store, instance) = instance(&engine(|config| config.native_cpu(native)), &text);
        let results = call(&mut store, instance, "f", &[i32x4([1, 2, 3, 4]).into()]);
        assert_eq!(results[0].v128(), Some(i32x4(expected)));
    }
}

/// So many locals in so large a body that they live on the machine's stack.
#[test]
fn locals_in_memory() {
    let body = "(local.set 1 (i32x4.add (local.get 0) (local.get 1)))\n".repeat(6000);
    let locals = "v128 ".repeat(45_000);
    let text = format!(
        "(module (func (export \"f\") (param v128) (result v128) (local {locals}) {body}
            (v128.or (local.get 1) (local.get 44999))))"
    );
    let (mut store, instance) = instance(&engine(|config| config.max_wasm_stack(1 << 20)), &text);
    let results = call(&mut store, instance, "f", &[i32x4([1, 2, 3, 4]).into()]);
    assert_eq!(results[0].v128(), Some(i32x4([6000, 12000, 18000, 24000])));
}

/// Shuffles and swizzles with every index, constant and not, on CPUs with and without an instruction for them.
#[test]
fn shuffles() {
    for native in [true, false] {
        let engine = engine(|config| config.native_cpu(native));
        for seed in 0..24u8 {
            let lanes: [u8; 16] = std::array::from_fn(|i| match seed {
                0..8 => (i as u8).wrapping_mul(seed).wrapping_add(seed) % 32,
                8..12 => (i as u8 * 3 + seed) % 16,
                12..16 => (i as u8 * 5 + seed) % 16 + 16,
                _ => (i as u8).wrapping_mul(seed | 1) ^ seed.wrapping_mul(29),
            });
            let list = lanes.map(|lane| (lane % 32).to_string()).join(" ");
            let bytes = lanes.map(|lane| lane.to_string()).join(" ");
            let text = format!(
                "(module
                    (func (export \"shuffle\") (param v128 v128) (result v128)
                        (i8x16.shuffle {list} (local.get 0) (local.get 1)))
                    (func (export \"constant\") (param v128) (result v128)
                        (i8x16.swizzle (local.get 0) (v128.const i8x16 {bytes})))
                    (func (export \"swizzle\") (param v128 v128) (result v128)
                        (i8x16.swizzle (local.get 0) (local.get 1))))"
            );
            let (mut store, instance) = instance(&engine, &text);
            let both = [pattern(1), pattern(2)].map(|v| v.as_u128().to_le_bytes()).concat();
            let shuffled = lanes.map(|lane| both[usize::from(lane % 32)]);
            let swizzled = lanes.map(|lane| if lane < 16 { both[usize::from(lane)] } else { 0 });
            let mut check = |name: &str, params: &[Val], expected: [u8; 16]| {
                let result = call(&mut store, instance, name, params)[0].unwrap_v128();
                assert_eq!(result.as_u128().to_le_bytes(), expected, "{name} {lanes:?}");
            };
            let (first, second) = (pattern(1).into(), pattern(2).into());
            check("shuffle", &[first, second], shuffled);
            check("constant", &[first], swizzled);
            check("swizzle", &[first, v128(u128::from_le_bytes(lanes)).into()], swizzled);
        }
    }
}

/// Pages of vectors spilled around calls survive them.
#[test]
fn vectors_survive_calls() {
    let set: String = (0..40)
        .map(|i| {
            format!("(local.set {i} (i32x4.add (local.get 40) (i32x4.splat (i32.const {i}))))")
        })
        .collect();
    let sum: String = (0..40).map(|i| format!("(i32x4.add (local.get {i}))")).collect();
    let text = format!(
        "(module (func $other (param v128) (result v128) (i32x4.sub (local.get 0) (local.get 0)))
            (func (export \"f\") (param v128) (result v128) (local {})
                (local.set 40 (local.get 0)) {set} (call $other (local.get 1)) {sum}))",
        "v128 ".repeat(40)
    );
    let (mut store, instance) = instance(&engine(|config| config), &text);
    let results = call(&mut store, instance, "f", &[i32x4([1, 2, 3, 4]).into()]);
    assert_eq!(results[0].v128(), Some(i32x4([1, 2, 3, 4].map(|lane| lane * 40 + 780))));
}

/// Vectors as arguments of tail calls, of calls by reference, and as what exceptions carry.
#[test]
fn tail_calls_references_and_exceptions() {
    let text = "(module
        (type $t (func (param v128 i32) (result v128)))
        (tag $e (param i32 v128 f64 v128))
        (elem declare func $double)
        (func $double (type $t) (i32x4.add (local.get 0) (local.get 0)))
        (func $repeat (export \"repeat\") (type $t)
            (if (i32.eqz (local.get 1)) (then (return (local.get 0))))
            (return_call $repeat (i32x4.add (local.get 0) (i32x4.splat (i32.const 1)))
                (i32.sub (local.get 1) (i32.const 1))))
        (func (export \"ref\") (type $t)
            (call_ref $t (local.get 0) (local.get 1) (ref.func $double)))
        (func (export \"tail_ref\") (type $t)
            (return_call_ref $t (local.get 0) (local.get 1) (ref.func $double)))
        (func $throw (param v128 i32)
            (throw $e (local.get 1) (local.get 0) (f64.const 1.5) (i32x4.neg (local.get 0))))
        (func (export \"caught\") (type $t) (local $v v128)
            (block $caught (result i32 v128 f64 v128)
                (try_table (catch $e $caught) (call $throw (local.get 0) (local.get 1)))
                (unreachable))
            (local.set $v)
            (drop)
            (i32x4.sub (local.get $v))
            (local.set $v)
            (i32x4.add (i32x4.splat) (local.get $v))))";
    for native in [true, false] {
        let (mut store, instance) = instance(&engine(|config| config.native_cpu(native)), text);
        let mut check = |name: &str, number: i32, expected: [i32; 4]| {
            let params = [i32x4([1, 2, 3, 4]).into(), Val::I32(number)];
            let results = call(&mut store, instance, name, &params);
            assert_eq!(results[0].v128(), Some(i32x4(expected)), "{name}");
        };
        check("repeat", 100_000, [100_001, 100_002, 100_003, 100_004]);
        check("ref", 0, [2, 4, 6, 8]);
        check("tail_ref", 0, [2, 4, 6, 8]);
        check("caught", 10, [12, 14, 16, 18]);
    }
}
