//! Functions with types that are known at run time only, and what host functions see of their caller.

use crate::{assert_error, instance, store};
use palisade::error::ErrorKind;
use palisade::{
    Caller, Engine, Error, Func, FuncType, HeapType, Instance, RefType, Store, V128, Val, ValType,
    bail,
};

#[test]
fn every_count_of_values() {
    const TYPES: [ValType; 6] = [
        ValType::I32,
        ValType::F64,
        ValType::I64,
        ValType::F32,
        ValType::EXTERNREF,
        ValType::FUNCREF,
    ];
    let value = |n: usize| match n % 6 {
        0 => Val::I32(-(n as i32)),
        1 => Val::F64(n as u64 | 0x7ff8 << 48),
        2 => Val::I64(i64::MIN + n as i64),
        3 => Val::F32(n as u32 | 0x7fc0 << 16),
        4 => Val::ExternRef(None),
        _ => Val::FuncRef(None),
    };
    for count in 0..40 {
        let mut store = store();
        let types: Vec<ValType> = (0..count).map(|n| TYPES[n % 6].clone()).collect();
        let reversed: Vec<ValType> = types.iter().rev().cloned().collect();
        let ty = FuncType::new(store.engine(), types, reversed);
        let host = Func::new(&mut store, ty, |_, params, results| {
            params.iter().rev().zip(results).for_each(|(param, result)| *result = *param);
            Ok(())
        });
        let guest = same_from_guest(&mut store, host);
        let params: Vec<Val> = (0..count).map(value).collect();
        for func in [host, guest] {
            let mut results = vec![Val::I32(-1); count];
            func.call(&mut store, &params, &mut results).unwrap();
            results.reverse();
            assert_eq!(format!("{results:?}"), format!("{params:?}"));
        }
    }
}

/// A guest's function that calls `host` with its parameters and gives the results.
fn same_from_guest(store: &mut Store<()>, host: Func) -> Func {
    let ty = host.ty(&*store);
    let list = |types: Vec<ValType>| types.iter().map(|ty| format!(" {ty}")).collect::<String>();
    let (params, results) = (list(ty.params().collect()), list(ty.results().collect()));
    let ty_text = format!("(param{params}) (result{results})");
    let gets: String = (0..ty.params().len()).map(|n| format!("(local.get {n})")).collect();
    let text = format!(
        r#"(module (import "" "" (func $f {ty_text})) (func (export "f") {ty_text} (call $f {gets})))"#
    );
    instance(store, &text, &[host.into()]).get_func(store, "f").unwrap()
}

#[test]
fn calls_are_checked() {
    let mut store = store();
    let host = Func::wrap(&mut store, |_: i32, _: f64, f: Option<Func>| i64::from(f.is_none()));
    let guest = same_from_guest(&mut store, host);
    let (one, null) = (Val::from(1.0_f64), Val::null_func_ref());
    let cases: &[(&[Val], usize, &str)] = &[
        (&[], 1, "expected 3 arguments, got 0"),
        (&[Val::I32(1), one, null, null], 1, "expected 3 arguments, got 4"),
        (&[Val::I32(1), one, null], 0, "expected 1 results, got 0"),
        (&[Val::I32(1), one, null], 2, "expected 1 results, got 2"),
        (&[Val::I64(1), one, null], 1, "argument 0: type mismatch: expected i32, found i64"),
        (
            &[Val::I32(1), Val::F32(1), null],
            1,
            "argument 1: type mismatch: expected f64, found f32",
        ),
        (
            &[Val::I32(1), one, Val::null_extern_ref()],
            1,
            "argument 2: type mismatch: expected funcref, found externref",
        ),
    ];
    for func in [host, guest] {
        for (params, count, message) in cases {
            let mut results = vec![Val::I32(0); *count];
            let error = func.call(&mut store, params, &mut results).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Usage(_)), "{message}");
            assert_error(Err::<(), _>(error), message);
        }
        let mut results = [Val::F32(0)];
        func.call(&mut store, &[Val::I32(1), one, null], &mut results).unwrap();
        assert!(matches!(results, [Val::I64(1)]));
    }
}

#[test]
fn host_results_are_checked() {
    let mut store = store();
    let ty = FuncType::new(store.engine(), [], [ValType::I32]);
    let host = Func::new(&mut store, ty, |_, _, results| {
        results[0] = Val::I64(1);
        Ok(())
    });
    let guest = same_from_guest(&mut store, host);
    for func in [host, guest] {
        let result = func.call(&mut store, &[], &mut [Val::I32(0)]);
        assert_error(result, "type mismatch: expected i32, found i64");
    }
}

#[test]
fn results_begin_as_zero() {
    let mut store = store();
    let types = [ValType::I32, ValType::F64, ValType::FUNCREF, ValType::EXTERNREF];
    let ty = FuncType::new(store.engine(), [], types);
    let host = Func::new(&mut store, ty, |_, _, _| Ok(()));
    let guest = same_from_guest(&mut store, host);
    for func in [host, guest] {
        let mut results = [Val::I64(9); 4];
        func.call(&mut store, &[], &mut results).unwrap();
        assert!(matches!(
            results,
            [Val::I32(0), Val::F64(0), Val::FuncRef(None), Val::ExternRef(None)]
        ));
    }
}

#[test]
fn values_know_their_kind() {
    let values: [(Val, ValType); 8] = [
        (5.into(), ValType::I32),
        (5_i64.into(), ValType::I64),
        (1.5_f32.into(), ValType::F32),
        (1.5_f64.into(), ValType::F64),
        (V128::from(3).into(), ValType::V128),
        (Val::null_func_ref(), ValType::FUNCREF),
        (Val::null_extern_ref(), ValType::EXTERNREF),
        (None::<Func>.into(), ValType::FUNCREF),
    ];
    for (value, ty) in values {
        assert_eq!(value.kind(), ty);
        let zero = Val::default_for_ty(&ty).expect("it has a zero");
        assert_eq!(zero.kind(), ty);
        assert_eq!(value.i32(), (ty == ValType::I32).then_some(5));
        assert_eq!(value.f64(), (ty == ValType::F64).then_some(1.5));
    }
    assert_eq!(Val::from(-0.0_f32).f32().map(f32::to_bits), Some(0x8000_0000));
    assert_eq!(Val::from(V128::from(3)).unwrap_v128().as_u128(), 3);
}

#[test]
fn function_types_are_compared_by_structure() {
    let engine = Engine::default();
    let ty = || FuncType::new(&engine, [ValType::I32, ValType::FUNCREF], [ValType::F64]);
    let other = FuncType::new(&engine, [ValType::I32], [ValType::F64]);
    assert_eq!(ty(), ty());
    assert!(ty().matches(&ty()) && !ty().matches(&other) && ty() != other);
    assert_eq!(ty().to_string(), "(i32, funcref) -> (f64)");
    assert_eq!((ty().param(1), ty().param(2)), (Some(ValType::FUNCREF), None));
    assert_eq!((ty().result(0), ty().result(1)), (Some(ValType::F64), None));
}

/// Asks for `get` of its caller, a function without parameters that gives an `i32`.
fn ask_caller(mut caller: Caller<'_, Vec<i32>>) -> palisade::Result<i32> {
    let Some(get) = caller.get_export("get") else { bail!("nobody to ask") };
    let get = get.into_func().expect("a function").typed::<(), i32>(&caller)?;
    let answer = get.call(&mut caller, ())?;
    caller.data_mut().push(answer);
    Ok(answer + caller.data().len() as i32)
}

const ASKER: &str = r#"(module
    (import "host" "ask" (func $ask (result i32)))
    (global $own (mut i32) (i32.const 100))
    (func (export "get") (result i32)
        (global.set $own (i32.add (global.get $own) (i32.const 10)))
        (global.get $own))
    (func (export "run") (result i32) (i32.add (call $ask) (call $ask))))"#;

#[test]
fn host_calls_its_caller() {
    let mut store = Store::new(&Engine::default(), Vec::new());
    let ask = Func::wrap(&mut store, ask_caller);
    let instances: [Instance; 2] =
        std::array::from_fn(|_| instance(&mut store, ASKER, &[ask.into()]));
    for (asker, expected) in instances.iter().zip([111 + 122, 113 + 124]) {
        let run = asker.get_typed_func::<(), i32>(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), expected);
    }
    assert_eq!(store.data(), &[110, 120, 110, 120]);
    let direct = ask.typed::<(), i32>(&store).unwrap().call(&mut store, ());
    assert_error(direct, "nobody to ask");
}

#[test]
fn caller_sees_only_exports_of_its_instance() {
    let mut store = Store::new(&Engine::default(), Vec::<bool>::new());
    let look = Func::wrap(&mut store, |mut caller: Caller<'_, Vec<bool>>| {
        let found = ["memory", "hidden", ""].map(|name| caller.get_export(name).is_some());
        caller.data_mut().extend(found);
    });
    let text = r#"(module (import "" "" (func $look))
        (memory (export "memory") 1) (global $hidden i32 (i32.const 1))
        (func (export "run") (call $look)))"#;
    let instance = instance(&mut store, text, &[look.into()]);
    instance.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(store.data(), &[true, false, false]);
}

#[test]
fn host_and_guest_nest() {
    let mut store = Store::new(&Engine::default(), 0);
    // Host and guest call each other, one level deeper each time; the innermost fails if told so.
    let deeper = Func::wrap(&mut store, |mut caller: Caller<'_, i32>, depth: i32, fail: i32| {
        *caller.data_mut() += 1;
        if depth == 0 {
            return if fail == 0 { Ok(1) } else { Err(Error::msg("deep down")) };
        }
        let run = caller.get_export("run").unwrap().into_func().unwrap();
        let run = run.typed::<(i32, i32), i32>(&caller)?;
        run.call(&mut caller, (depth - 1, fail))
    });
    let text = r#"(module (import "" "" (func $deeper (param i32 i32) (result i32)))
        (func (export "run") (param i32 i32) (result i32)
            (i32.add (i32.const 1) (call $deeper (local.get 0) (local.get 1)))))"#;
    let instance = instance(&mut store, text, &[deeper.into()]);
    let run = instance.get_typed_func::<(i32, i32), i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, (50, 0)).unwrap(), 52);
    let error = run.call(&mut store, (50, 1)).unwrap_err();
    assert_eq!(error.to_string(), "deep down");
    assert_eq!(run.call(&mut store, (0, 0)).unwrap(), 2);
    assert_eq!(store.data(), &(51 + 51 + 1));
}

#[test]
fn host_makes_functions_for_its_caller() {
    let mut store = store();
    let make = Func::wrap(&mut store, |mut caller: Caller<'_, ()>, number: i32| {
        Some(Func::wrap(&mut caller, move |factor: i32| number * factor))
    });
    let text = r#"(module (import "" "" (func $make (param i32) (result funcref)))
        (table 10 funcref)
        (func (export "run") (result i32) (local $n i32)
            (loop $more
                (table.set (local.get $n) (call $make (local.get $n)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $n) (i32.const 10))))
            (i32.add
                (call_indirect (param i32) (result i32) (i32.const 100) (i32.const 9))
                (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 3)))))"#;
    let guest = instance(&mut store, text, &[make.into()]);
    let run = guest.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 903);
}

#[test]
fn caller_is_who_calls_however_the_function_was_reached() {
    let mut store = Store::new(&Engine::default(), Vec::new());
    let note = Func::wrap(&mut store, |mut caller: Caller<'_, Vec<i32>>| {
        let id = caller.get_export("id").unwrap().into_global().unwrap();
        let id = id.get(&mut caller).unwrap_i32();
        caller.data_mut().push(id);
    });
    // Hands the function on: as an export, in a table, by a function that calls it.
    let text = r#"(module (import "" "" (func $note)) (global (export "id") i32 (i32.const 1))
        (table (export "table") 1 funcref) (elem (i32.const 0) func $note)
        (export "note" (func $note)) (func (export "call") (call $note)))"#;
    let owner = instance(&mut store, text, &[note.into()]);
    let text = r#"(module
        (import "" "note" (func $note)) (import "" "table" (table 1 funcref))
        (import "" "call" (func $call)) (global (export "id") i32 (i32.const 2))
        (func (export "run") (call $note) (call_indirect (i32.const 0)) (call $call) (call $note)))"#;
    let imports = ["note", "table", "call"].map(|name| owner.get_export(&mut store, name).unwrap());
    let user = instance(&mut store, text, &imports);
    user.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(store.data(), &[2, 2, 1, 2]);
}

#[test]
fn vectors_pass_between_host_and_host() {
    let mut store = store();
    let ty = FuncType::new(store.engine(), [ValType::V128, ValType::I32], [ValType::V128]);
    let host = Func::new(&mut store, ty, |_, params, results| {
        results[0] = V128::from(params[0].unwrap_v128().as_u128() + 1).into();
        Ok(())
    });
    let mut results = [Val::I32(0)];
    let params = [V128::from(u128::MAX - 1).into(), Val::I32(0)];
    host.call(&mut store, &params, &mut results).unwrap();
    assert_eq!(results[0].unwrap_v128().as_u128(), u128::MAX);
}

#[test]
fn references_that_must_not_be_null() {
    let mut store = store();
    let some = ValType::Ref(RefType::new(false, HeapType::Func));
    let ty = FuncType::new(store.engine(), [some.clone()], [some.clone()]);
    let host = Func::new(&mut store, ty, |_, params, results| {
        results[0] = params[0];
        Ok(())
    });
    let mut results = [Val::I32(0)];
    let null = host.call(&mut store, &[Val::null_func_ref()], &mut results);
    assert_error(null, "argument 0: type mismatch: expected (ref func), found funcref");
    host.call(&mut store, &[host.into()], &mut results).unwrap();
    assert!(results[0].unwrap_func_ref().is_some());
    assert!(Val::default_for_ty(&some).is_none());
}
