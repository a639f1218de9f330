//! Vectors between wasm and the host: parameters, results, globals; typed and dynamic; in registers and beyond them.

use crate::{call, engine, i32x4, instance, pattern, v128};
use palisade::{
    Caller, Engine, Func, FuncType, Global, GlobalType, Instance, Linker, Module, Mutability,
    Store, Trap, V128, Val, ValType,
};

#[test]
fn typed_calls_take_and_give_vectors() {
    let (mut store, instance) = instance(
        &Engine::default(),
        "(module
            (func (export \"add\") (param v128 v128) (result v128)
                (i32x4.add (local.get 0) (local.get 1)))
            (func (export \"swap\") (param v128 i32 v128) (result v128 i32 v128)
                (local.get 2) (local.get 1) (local.get 0))
            (func (export \"mixed\") (param i32 v128 f64 v128 i64 f32 v128) (result f32 v128 i64)
                (local.get 5) (v128.xor (local.get 1) (v128.xor (local.get 3) (local.get 6)))
                (local.get 4)))",
    );
    let add = instance.get_typed_func::<(V128, V128), V128>(&mut store, "add").unwrap();
    let sum = add.call(&mut store, (i32x4([1, 2, 3, -4]), i32x4([10, 20, 30, 5]))).unwrap();
    assert_eq!(sum, i32x4([11, 22, 33, 1]));

    type Triple = (V128, i32, V128);
    let swap = instance.get_typed_func::<Triple, Triple>(&mut store, "swap").unwrap();
    let swapped = swap.call(&mut store, (pattern(1), -7, pattern(2))).unwrap();
    assert_eq!(swapped, (pattern(2), -7, pattern(1)));

    type Mixed = (i32, V128, f64, V128, i64, f32, V128);
    let mixed = instance.get_typed_func::<Mixed, (f32, V128, i64)>(&mut store, "mixed").unwrap();
    let params = (1, pattern(1), 2.5, pattern(2), 1 << 40, 0.5, pattern(3));
    let all = pattern(1).as_u128() ^ pattern(2).as_u128() ^ pattern(3).as_u128();
    assert_eq!(mixed.call(&mut store, params).unwrap(), (0.5, v128(all), 1 << 40));
}

/// Weights of `weigh`: each parameter counts differently, so that none may be mistaken for another.
const WEIGH: &str = "(module
    (import \"h\" \"weigh\" (func $weigh (param v128 i32 v128 f64 v128 v128 i64 v128 v128 v128 v128 v128 f32 v128)
        (result v128)))
    (func $inner (param v128 i32 v128 f64 v128 v128 i64 v128 v128 v128 v128 v128 f32 v128) (result v128)
        (call $weigh (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)
            (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11)
            (local.get 12) (local.get 13)))
    (func (export \"run\") (param v128 i32 v128 f64 v128 v128 i64 v128 v128 v128 v128 v128 f32 v128) (result v128)
        (local $i i32) (local $last v128)
        (loop $again
            (local.set $last (call $weigh (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)
                (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10)
                (local.get 11) (local.get 12) (local.get 13)))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
        (v128.xor (local.get $last) (call $inner (local.get 0) (local.get 1) (local.get 2) (local.get 3)
            (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9)
            (local.get 10) (local.get 11) (local.get 12) (local.get 13)))))";

type Many = (V128, i32, V128, f64, V128, V128, i64, V128, V128, V128, V128, V128, f32, V128);

fn many() -> Many {
    let p = pattern;
    (p(1), -3, p(2), 0.25, p(3), p(4), 1 << 50, p(5), p(6), p(7), p(8), p(9), 1.5, p(10))
}

fn weight(vectors: [V128; 10], i: i32, d: f64, l: i64, f: f32) -> V128 {
    let rotated = (0..).zip(vectors).map(|(n, v)| v.as_u128().rotate_left(7 * n));
    let numbers = [i as u64, d.to_bits(), l as u64, f.to_bits().into()];
    let numbers = (0..).zip(numbers).map(|(n, x)| u128::from(x) << (16 * n));
    v128(rotated.chain(numbers).fold(0, |sum, x| sum.wrapping_mul(3).wrapping_add(x)))
}

/// Through registers and the stack in both directions: host to wasm, wasm to wasm, wasm to host.
#[test]
fn more_vectors_than_registers() {
    let engine = Engine::default();
    let module = Module::new(&engine, WEIGH).unwrap();
    let (a, i, b, d, c, e, l, g, h, j, k, m, f, n) = many();
    let once = weight([a, b, c, e, g, h, j, k, m, n], i, d, l, f);
    for (kind, weigh) in
        [("typed", typed_weigh as fn(&mut Store<u32>) -> Func), ("dynamic", dynamic_weigh)]
    {
        let mut store = Store::new(&engine, 0);
        let weigh = weigh(&mut store);
        let instance = Instance::new(&mut store, &module, &[weigh.into()]).unwrap();
        // The last of three results, xor the result of a fourth call, which is the same unless calls are counted.
        let run = instance.get_typed_func::<Many, V128>(&mut store, "run").unwrap();
        let result = run.call(&mut store, many()).unwrap();
        let counted = |calls: u32| once.as_u128().wrapping_add(calls.into());
        assert_eq!(result, v128(counted(3) ^ counted(4)), "{kind}");

        let direct = weigh.typed::<Many, V128>(&store).unwrap();
        assert_eq!(
            direct.call(&mut store, many()).unwrap(),
            v128(counted(5)),
            "{kind} by the host"
        );
    }
}

fn typed_weigh(store: &mut Store<u32>) -> Func {
    Func::wrap(
        store,
        |mut caller: Caller<'_, u32>,
         a: V128,
         i: i32,
         b: V128,
         d: f64,
         c: V128,
         e: V128,
         l: i64,
         g: V128,
         h: V128,
         j: V128,
         k: V128,
         m: V128,
         f: f32,
         n: V128| {
            *caller.data_mut() += 1;
            let once = weight([a, b, c, e, g, h, j, k, m, n], i, d, l, f).as_u128();
            v128(once.wrapping_add((*caller.data()).into()))
        },
    )
}

fn dynamic_weigh(store: &mut Store<u32>) -> Func {
    use ValType::{F32, F64, I32, I64, V128 as V};
    let params = [V, I32, V, F64, V, V, I64, V, V, V, V, V, F32, V];
    let ty = FuncType::new(store.engine(), params, [V]);
    Func::new(store, ty, |mut caller, params, results| {
        *caller.data_mut() += 1;
        let at = |i: usize| params[i].unwrap_v128();
        let vectors = [at(0), at(2), at(4), at(5), at(7), at(8), at(9), at(10), at(11), at(13)];
        let (i, d) = (params[1].unwrap_i32(), params[3].unwrap_f64());
        let (l, f) = (params[6].unwrap_i64(), params[12].unwrap_f32());
        let once = weight(vectors, i, d, l, f).as_u128();
        results[0] = v128(once.wrapping_add((*caller.data()).into())).into();
        Ok(())
    })
}

/// Several results of host functions, called from a loop and from outside of one, and by the host.
#[test]
fn host_functions_give_several_vectors() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        "(module
            (import \"h\" \"f\" (func $f (param i32 v128) (result v128 i32 v128 f64)))
            (func (export \"once\") (param i32 v128) (result v128 i32 v128 f64)
                (call $f (local.get 0) (local.get 1)))
            (func (export \"loop\") (param i32 v128) (result v128 i32 v128 f64) (local f64)
                (loop $again (param) (result v128 i32 v128 f64)
                    (call $f (local.get 0) (local.get 1))
                    (local.set 2)
                    (local.set 1)
                    (local.set 0)
                    (local.set 1 (v128.xor (local.get 1)))
                    (br_if $again (local.get 0))
                    (local.get 1) (local.get 0) (local.get 1) (local.get 2))))",
    )
    .unwrap();
    let mut linker = Linker::new(&engine);
    let f = |i: i32, v: V128| (v128(v.as_u128() << 1), i - 1, pattern(i as u8), f64::from(i));
    linker.func_wrap("h", "f", f).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    type Results = (V128, i32, V128, f64);
    let once = instance.get_typed_func::<(i32, V128), Results>(&mut store, "once").unwrap();
    assert_eq!(once.call(&mut store, (9, v128(21))).unwrap(), (v128(42), 8, pattern(9), 9.0));

    let looped = instance.get_typed_func::<(i32, V128), Results>(&mut store, "loop").unwrap();
    let expected = (1..=5).rev().fold(21, |v: u128, i| (v << 1) ^ pattern(i).as_u128());
    let (first, i, second, last) = looped.call(&mut store, (5, v128(21))).unwrap();
    assert_eq!((first, i, second, last), (v128(expected), 0, v128(expected), 1.0));

    let by_host = linker.get(&mut store, "h", "f").unwrap().into_func().unwrap();
    let by_host = by_host.typed::<(i32, V128), Results>(&store).unwrap();
    assert_eq!(by_host.call(&mut store, (3, v128(1))).unwrap(), (v128(2), 2, pattern(3), 3.0));
}

#[test]
fn a_failing_host_function_gives_no_vector() {
    let engine = Engine::default();
    let text = "(module
        (import \"h\" \"f\" (func $f (param v128) (result v128)))
        (func (export \"f\") (param v128) (result v128) (call $f (local.get 0)))
        (func (export \"trap\") (param v128) (result v128) (unreachable)))";
    let module = Module::new(&engine, text).unwrap();
    let mut linker = Linker::new(&engine);
    let fail = |_: V128| -> palisade::Result<V128> { Err(palisade::Error::msg("no vector")) };
    linker.func_wrap("h", "f", fail).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let f = instance.get_typed_func::<V128, V128>(&mut store, "f").unwrap();
    assert!(f.call(&mut store, pattern(1)).unwrap_err().to_string().contains("no vector"));
    let trap = instance.get_typed_func::<V128, V128>(&mut store, "trap").unwrap();
    let error = trap.call(&mut store, pattern(1)).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
}

#[test]
fn types_are_checked() {
    let (mut store, instance) = instance(
        &Engine::default(),
        "(module (func (export \"f\") (param v128) (result v128) (local.get 0)))",
    );
    assert!(instance.get_typed_func::<i64, V128>(&mut store, "f").is_err());
    assert!(instance.get_typed_func::<V128, i64>(&mut store, "f").is_err());
    let f = instance.get_func(&mut store, "f").unwrap();
    let mut results = [Val::I32(0)];
    assert!(f.call(&mut store, &[Val::I64(1)], &mut results).is_err());
    f.call(&mut store, &[pattern(4).into()], &mut results).unwrap();
    assert_eq!(results[0].v128(), Some(pattern(4)));
}

/// Vectors keep their place among 40 parameters and 40 results of the dynamic call.
#[test]
fn dynamic_calls_with_many_values() {
    let list = "i32 v128 ".repeat(20);
    let reversed: String = (0..40).rev().map(|i| format!("(local.get {i})")).collect();
    let text = format!(
        "(module (func (export \"f\") (param {list}) (result {}) {reversed}))",
        "v128 i32 ".repeat(20)
    );
    let (mut store, instance) = instance(&engine(|config| config), &text);
    let values = |i: i32| [Val::I32(i), pattern(i as u8).into()];
    let params: Vec<Val> = (0..20).flat_map(values).collect();
    let results = call(&mut store, instance, "f", &params);
    let shown = |values: &[Val]| values.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>();
    let expected: Vec<Val> = params.into_iter().rev().collect();
    assert_eq!(shown(&results), shown(&expected));
}

#[test]
fn globals_hold_vectors() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        "(module
            (import \"h\" \"g\" (global $imported (mut v128)))
            (import \"h\" \"c\" (global $constant v128))
            (global $own (export \"own\") (mut v128) (v128.const i64x2 1 2))
            (global $copy (export \"copy\") v128 (global.get $constant))
            (func (export \"swap\") (local v128)
                (local.set 0 (global.get $own))
                (global.set $own (global.get $imported))
                (global.set $imported (local.get 0)))
            (func (export \"copy_of_constant\") (result v128) (global.get $copy)))",
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let ty = |mutability| GlobalType::new(ValType::V128, mutability);
    let g = Global::new(&mut store, ty(Mutability::Var), pattern(1).into()).unwrap();
    let c = Global::new(&mut store, ty(Mutability::Const), pattern(2).into()).unwrap();
    let instance = Instance::new(&mut store, &module, &[g.into(), c.into()]).unwrap();
    let own = instance.get_global(&mut store, "own").unwrap();
    assert_eq!(own.get(&mut store).v128(), Some(v128(2 << 64 | 1)));
    call(&mut store, instance, "swap", &[]);
    assert_eq!(own.get(&mut store).v128(), Some(pattern(1)));
    assert_eq!(g.get(&mut store).v128(), Some(v128(2 << 64 | 1)));
    own.set(&mut store, pattern(3).into()).unwrap();
    call(&mut store, instance, "swap", &[]);
    assert_eq!(g.get(&mut store).v128(), Some(pattern(3)));
    assert_eq!(call(&mut store, instance, "copy_of_constant", &[])[0].v128(), Some(pattern(2)));
    assert!(own.set(&mut store, Val::I64(0)).is_err());
}
