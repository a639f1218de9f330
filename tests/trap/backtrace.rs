//! Frames of errors: across calls, instances, stores and functions of the host, and with instructions that were merged.

use crate::operators::{Frame, Operators, frame, frames, frames_of};
use crate::{call, instance, instantiate, trap};
use palisade::{
    Caller, Engine, Error, Func, FuncType, Instance, Module, Store, Trap, Val, ValType,
    WasmBacktrace,
};
use std::sync::{Arc, Mutex};

const CALLEE: &str = "(module $callee
    (func $unused)
    (func $faulty (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
    (func $entry (export \"entry\") (param i32) (result i32)
        (i32.add (call $faulty (local.get 0)) (i32.const 1))))";

/// Calls to imports are compiled in another way within loops.
const CALLER: &str = "(module $caller
    (import \"\" \"\" (func $import (param i32) (result i32)))
    (func $plain (export \"plain\") (param i32) (result i32)
        (i32.add (call $import (local.get 0)) (i32.const 1)))
    (func $loops (export \"loops\") (param i32) (result i32)
        (loop $again (result i32)
            (call $import (local.get 0))
            (br_if $again (i32.eq (local.get 0) (i32.const 77))))))";

/// The frames of `CALLEE` and of one function of `CALLER`.
fn callee_and_caller(caller: &str) -> Vec<Frame> {
    let callee = Operators::of(CALLEE);
    let mut expected = vec![
        frame("callee", 1, "faulty", callee.only(1, "i32.div_u")),
        frame("callee", 2, "entry", callee.only(2, "call")),
    ];
    expected.extend(caller_only(caller));
    expected
}

fn caller_only(caller: &str) -> Vec<Frame> {
    let index = if caller == "plain" { 1 } else { 2 };
    vec![frame("caller", index, caller, Operators::of(CALLER).only(index, "call"))]
}

fn i32_to_i32(engine: &Engine) -> FuncType {
    FuncType::new(engine, [ValType::I32], [ValType::I32])
}

/// Functions that lead to `entry`: itself, and functions of the host around it.
fn ways_to(store: &mut Store<()>, entry: Func) -> [Func; 3] {
    let typed = entry.typed::<i32, i32>(&*store).expect("its type");
    let wrapped = Func::wrap(
        &mut *store,
        move |mut caller: Caller<'_, ()>, value: i32| -> Result<_, Error> {
            typed.call(&mut caller, value)
        },
    );
    let ty = i32_to_i32(store.engine());
    let new = Func::new(&mut *store, ty, move |mut caller, params, results| {
        entry.call(&mut caller, params, results)
    });
    [entry, wrapped, new]
}

#[test]
fn two_instances_and_host_functions() {
    let (mut store, callee) = instance(CALLEE);
    let entry = callee.get_func(&mut store, "entry").expect("exported");
    for (way, import) in ways_to(&mut store, entry).into_iter().enumerate() {
        let caller = instantiate(&mut store, CALLER, &[import.into()]);
        for export in ["plain", "loops"] {
            let error = call(&mut store, caller, export, &[Val::I32(0)]).expect_err("it traps");
            assert_eq!(trap(&error), Trap::IntegerDivisionByZero, "{export}, way {way}");
            assert_eq!(frames(&error), callee_and_caller(export), "{export}, way {way}");
            let expected = if export == "plain" { 3 } else { 2 };
            let result = call(&mut store, caller, export, &[Val::I32(1)]).expect("it returns");
            assert_eq!(result.and_then(|v| v.i32()), Some(expected), "{export}, way {way}");
        }
    }
}

/// Three activations: frames of the host's callers follow those of its callees.
#[test]
fn nested_activations() {
    let (mut store, callee) = instance(CALLEE);
    let mut inner = callee.get_func(&mut store, "entry").expect("exported");
    let mut expected = callee_and_caller("loops");
    for level in 0..2 {
        let [_, wrapped, new] = ways_to(&mut store, inner);
        let import = if level == 0 { wrapped } else { new };
        let caller = instantiate(&mut store, CALLER, &[import.into()]);
        inner = caller.get_func(&mut store, "loops").expect("exported");
    }
    expected.extend(caller_only("loops"));
    let error = inner.call(&mut store, &[Val::I32(0)], &mut [Val::I32(0)]).expect_err("it traps");
    assert_eq!(trap(&error), Trap::IntegerDivisionByZero);
    assert_eq!(frames(&error), expected);
}

/// A host function may run a store of its own; the frames of both stores are on this thread's stack.
#[test]
fn nested_stores() {
    let mut store = Store::new(&Engine::default(), ());
    let import = Func::wrap(&mut store, |value: i32| -> Result<i32, Error> {
        let (mut store, callee) = instance(CALLEE);
        let entry = callee.get_typed_func::<i32, i32>(&mut store, "entry")?;
        entry.call(&mut store, value)
    });
    let caller = instantiate(&mut store, CALLER, &[import.into()]);
    for export in ["plain", "loops"] {
        let error = call(&mut store, caller, export, &[Val::I32(0)]).expect_err("it traps");
        assert_eq!(trap(&error), Trap::IntegerDivisionByZero);
        assert_eq!(frames(&error), callee_and_caller(export), "{export}");
    }
}

#[test]
fn errors_of_host_functions() {
    let mut store = Store::new(&Engine::default(), ());
    let wrapped = Func::wrap(&mut store, |_: i32| -> Result<i32, Error> { Err(Error::msg("no")) });
    let ty = i32_to_i32(store.engine());
    let new = Func::new(&mut store, ty, |_, _, _| Err(Error::msg("no")));
    for import in [wrapped, new] {
        let caller = instantiate(&mut store, CALLER, &[import.into()]);
        for export in ["plain", "loops"] {
            let error = call(&mut store, caller, export, &[Val::I32(1)]).expect_err("it fails");
            assert_eq!(error.to_string(), "no");
            assert_eq!(frames(&error), caller_only(export));
        }
    }
}

/// Called by the host without wasm in between, there are no frames to tell of.
#[test]
fn no_frames_without_wasm() {
    let mut store = Store::new(&Engine::default(), ());
    let func = Func::wrap(&mut store, || -> Result<(), Error> { Err(Error::msg("no")) });
    let error = func.call(&mut store, &[], &mut []).expect_err("it fails");
    assert!(error.downcast_ref::<WasmBacktrace>().is_none());
    assert_eq!(frames_of(&WasmBacktrace::capture(&store)), []);
}

#[test]
fn capture_in_host_function() {
    let captured = Arc::new(Mutex::new(Vec::new()));
    let mut store = Store::new(&Engine::default(), ());
    let sink = captured.clone();
    let import = Func::wrap(&mut store, move |caller: Caller<'_, ()>, value: i32| {
        *sink.lock().expect("no panic") = frames_of(&WasmBacktrace::capture(&caller));
        value
    });
    let caller = instantiate(&mut store, CALLER, &[import.into()]);
    for export in ["plain", "loops"] {
        call(&mut store, caller, export, &[Val::I32(1)]).expect("it returns");
        assert_eq!(*captured.lock().expect("no panic"), caller_only(export));
    }
}

/// The innermost 64 frames of deeper recursion.
#[test]
fn at_most_64_frames() {
    let text = "(module $deep
        (func $down (export \"down\") (param i32) (result i32)
            (drop (i32.div_u (i32.const 1) (local.get 0)))
            (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))))";
    let operators = Operators::of(text);
    let (mut store, instance) = instance(text);
    for (depth, count) in [(0, 1), (1, 2), (62, 63), (63, 64), (64, 64), (1000, 64)] {
        let error = call(&mut store, instance, "down", &[Val::I32(depth)]).expect_err("it traps");
        let mut expected = vec![frame("deep", 0, "down", operators.only(0, "call")); count];
        expected[0].3 = Some(operators.only(0, "i32.div_u"));
        assert_eq!(frames(&error), expected, "depth {depth}");
    }
}

#[test]
fn start_function() {
    let text = "(module $starts (func $pad) (func $start (call $fail)) (func $fail unreachable)
        (start $start))";
    let operators = Operators::of(text);
    let engine = Engine::default();
    let module = Module::new(&engine, text).expect("valid");
    let error = Instance::new(Store::new(&engine, ()), &module, &[]).expect_err("it traps");
    assert_eq!(trap(&error), Trap::UnreachableCodeReached);
    let expected = [
        frame("starts", 2, "fail", operators.only(2, "unreachable")),
        frame("starts", 1, "start", operators.only(1, "call")),
    ];
    assert_eq!(frames(&error), expected);
}

/// A function without a name has none; its index and offset are known all the same.
#[test]
fn without_names() {
    let text = "(module (func (export \"run\") (nop) (unreachable)))";
    let (mut store, instance) = instance(text);
    let error = call(&mut store, instance, "run", &[]).expect_err("it traps");
    let offset = Operators::of(text).only(0, "unreachable");
    assert_eq!(frames(&error), [(None, 0, None, Some(offset))]);
}

/// Behind a call, `unreachable` is compiled in another way.
#[test]
fn behind_a_call() {
    let text = "(module $stops
        (func $quiet)
        (func $run (export \"run\") (call $quiet) (unreachable)))";
    let (mut store, instance) = instance(text);
    for _ in 0..2 {
        let error = call(&mut store, instance, "run", &[]).expect_err("it traps");
        assert_eq!(trap(&error), Trap::UnreachableCodeReached);
        let expected = frame("stops", 1, "run", Operators::of(text).only(1, "unreachable"));
        assert_eq!(frames(&error), [expected]);
    }
}

/// A load may become an operand of the machine instruction of its user, and a trap one with the branch to it; the
/// position is then that of either.
#[test]
fn merged_instructions() {
    let cases = [
        ("i32.load", "i32.add", "(i32.add (local.get 1) (i32.load (local.get 0)))"),
        ("i32.load", "i32.xor", "(i32.xor (i32.load (local.get 0)) (local.get 1))"),
        ("i32.load", "i32.lt_s", "(i32.lt_s (local.get 1) (i32.load (local.get 0)))"),
        ("i32.load8_u", "i32.eqz", "(i32.eqz (i32.load8_u (local.get 0)))"),
        ("f64.load", "f64.lt", "(f64.lt (f64.const 1) (f64.load (local.get 0)))"),
        ("unreachable", "if", "(if (local.get 0) (then (unreachable))) (i32.const 0)"),
        (
            "unreachable",
            "br_if",
            "(block (br_if 0 (i32.eqz (local.get 0))) (unreachable)) (i32.const 0)",
        ),
    ];
    for (trapping, user, body) in cases {
        let text = format!(
            "(module $merged (memory 1)
                (func $run (export \"run\") (param i32 i32) (result i32) {body}))"
        );
        let (mut store, instance) = instance(&text);
        let params = [Val::I32(-1), Val::I32(5)];
        let error = call(&mut store, instance, "run", &params).expect_err("it traps");
        let operators = Operators::of(&text);
        let expected = [operators.only(0, trapping), operators.only(0, user)].map(Some);
        let [(_, 0, _, found)] = frames(&error)[..] else { panic!("one frame: {error:?}") };
        assert!(expected.contains(&found), "{found:?} instead of one of {expected:?} in {body}");
    }
}
