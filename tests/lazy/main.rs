//! Functions that are compiled when they are called, alone and with the background.

#![forbid(unsafe_code)]

use palisade::error::ErrorKind;
use palisade::{
    Caller, Compilation, Config, Engine, Func, Instance, Linker, Module, Ref, Store, Trap, Val,
    WasmBacktrace,
};
use std::fmt::Write as _;
use std::sync::Barrier;

const MODES: [Compilation; 2] = [Compilation::Lazy, Compilation::LazyWithBackground];

fn engine(mode: Compilation) -> Engine {
    Engine::new(Config::new().compilation(mode)).expect("a configuration that works")
}

fn instance(mode: Compilation, text: &str) -> (Store<()>, Instance) {
    let engine = engine(mode);
    let module = Module::new(&engine, text).expect("valid");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("it links");
    (store, instance)
}

/// A chain of functions, each of which calls the next and adds one.
fn chain(functions: usize) -> String {
    let mut text = String::from("(module");
    for i in 0..functions {
        let callee = format!("call {}", i + 1);
        let end = if i + 1 == functions { "local.get 0" } else { &callee };
        let get = if i + 1 == functions { "" } else { "local.get 0 " };
        write!(
            text,
            "(func (export \"f{i}\") (param i32) (result i32) {get}{end} i32.const 1 i32.add)"
        )
        .expect("strings take all");
    }
    text + ")"
}

#[test]
fn only_what_is_called_is_compiled() {
    let engine = engine(Compilation::Lazy);
    let module = Module::new(&engine, chain(1000)).expect("valid");
    let before = module.code_size();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
    let call = |store: &mut Store<()>, name: &str| {
        let func = instance.get_typed_func::<i32, i32>(&mut *store, name).expect("exported");
        func.call(store, 0).expect("no trap")
    };
    assert_eq!(call(&mut store, "f990"), 10);
    let ten = module.code_size() - before;
    assert!(ten > 0 && ten < 4096, "{ten} bytes for ten functions");
    // Again it takes nothing, nor do other instances.
    assert_eq!(call(&mut store, "f995"), 5);
    let mut other = Store::new(&engine, ());
    let again = Instance::new(&mut other, &module, &[]).expect("no imports");
    let func = again.get_typed_func::<i32, i32>(&mut other, "f990").expect("exported");
    assert_eq!(func.call(&mut other, 5).expect("no trap"), 15);
    assert_eq!(module.code_size() - before, ten);
    assert_eq!(call(&mut store, "f0"), 1000);
    assert!(module.code_size() - before > 50 * ten);
}

#[test]
fn the_background_compiles_all() {
    let engine = engine(Compilation::LazyWithBackground);
    let eager = Module::new(&Engine::default(), chain(300)).expect("valid").code_size();
    let module = Module::new(&engine, chain(300)).expect("valid");
    if std::thread::available_parallelism().is_ok_and(|threads| threads.get() > 1) {
        while module.code_size() < eager {
            std::thread::yield_now();
        }
    }
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
    let func = instance.get_typed_func::<i32, i32>(&mut store, "f0").expect("exported");
    assert_eq!(func.call(&mut store, 0).expect("no trap"), 300);
}

/// Arguments and results in every kind of register and on the stack reach a function on its first call.
#[test]
fn first_calls_keep_all_arguments() {
    let types = ["i32", "i64", "f32", "f64", "v128"];
    for mode in MODES {
        for count in [1, 7, 40] {
            for first in 0..types.len() {
                let types: Vec<&str> =
                    (0..count).map(|i| types[(first + i) % types.len()]).collect();
                let list = types.join(" ");
                let consts: String = (types.iter().enumerate())
                    .map(|(i, ty)| match *ty {
                        "v128" => format!("(v128.const i64x2 {i} {})", i * 1000),
                        ty => format!("({ty}.const {i})"),
                    })
                    .collect();
                let gets: String = (0..count).map(|i| format!("(local.get {i})")).collect();
                let kinds = [
                    "(call $f",
                    "(return_call $f",
                    "(call_indirect (type $t)",
                    "(return_call_ref $t",
                ];
                for (way, call) in kinds.iter().enumerate() {
                    let target = match way {
                        2 => "(i32.const 0)",
                        3 => "(ref.func $f)",
                        _ => "",
                    };
                    let text = format!(
                        "(module (type $t (func (param {list}) (result {list})))
                           (table funcref (elem $f)) (elem declare func $f)
                           (func $f (type $t) {gets})
                           (func (export \"run\") (result {list}) {call} {consts} {target})))"
                    );
                    let (mut store, instance) = instance(mode, &text);
                    let run = instance.get_func(&mut store, "run").expect("exported");
                    let mut results = vec![Val::I32(-1); count];
                    run.call(&mut store, &[], &mut results).expect("no trap");
                    for (i, result) in results.iter().enumerate() {
                        let right = match result {
                            Val::I32(value) => *value as usize == i,
                            Val::I64(value) => *value as usize == i,
                            Val::F32(bits) => f32::from_bits(*bits) == i as f32,
                            Val::F64(bits) => f64::from_bits(*bits) == i as f64,
                            Val::V128(value) => {
                                value.as_u128() == i as u128 | (i as u128 * 1000) << 64
                            }
                            _ => false,
                        };
                        assert!(right, "{mode:?} {call} {types:?}: {i} became {result:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn traps_and_exceptions_are_found() {
    const TEXT: &str = r#"(module
        (tag $e (param i32))
        (import "" "" (func $host))
        (func $throw (param i32) (throw $e (local.get 0)))
        (func $between (param i32) (call $throw (local.get 0)))
        (func (export "catch") (param i32) (result i32)
            (block $caught (result i32)
                (try_table (catch $e $caught) (call $between (local.get 0)))
                (i32.const -1)))
        (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
        (func (export "divide") (param i32) (result i32) (call $divide (local.get 0)))
        (memory 1)
        (func $load (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "load") (param i32) (result i32) (call $load (local.get 0)))
        (func $deep (call $deep2)) (func $deep2 (call $deep))
        (func (export "deep") (call $deep))
        (func $calls_host (call $host))
        (func (export "host") (call $calls_host)))"#;
    for mode in MODES {
        let engine = engine(mode);
        let module = Module::new(&engine, TEXT).expect("valid");
        let mut store = Store::new(&engine, ());
        let host = Func::wrap(&mut store, |caller: Caller<'_, ()>| -> palisade::Result<()> {
            let frames = WasmBacktrace::capture(&caller).frames().len();
            Err(palisade::Error::msg(format!("{frames} frames")))
        });
        let instance = Instance::new(&mut store, &module, &[host.into()]).expect("it links");
        let mut call = |name: &str, param: i32| {
            let func = instance.get_typed_func::<i32, i32>(&mut store, name).expect("exported");
            func.call(&mut store, param)
        };
        assert_eq!(call("catch", 7).expect("caught"), 7);
        assert_eq!(call("catch", 8).expect("caught"), 8);
        let error = call("divide", 0).expect_err("a trap");
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
        let frames = error.downcast_ref::<WasmBacktrace>().expect("a backtrace").frames().len();
        assert_eq!(frames, 2);
        assert_eq!(call("divide", 1).expect("no trap"), 1);
        let error = call("load", -4).expect_err("a trap");
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
        let mut run = |name: &str| {
            let func = instance.get_typed_func::<(), ()>(&mut store, name).expect("exported");
            func.call(&mut store, ()).expect_err("it fails")
        };
        assert_eq!(run("deep").downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
        assert_eq!(run("host").to_string(), "2 frames");
    }
}

/// Deep in the guest's stack there is no room for the compiler, which gets a stack of its own.
#[test]
fn first_calls_from_deep_in_the_stack() {
    let text = r#"(module
        (func $last (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
        (func $down (export "down") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0))
                (then (call $last (i32.const 14)))
                (else (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))))"#;
    let thread = std::thread::Builder::new().stack_size(768 << 10);
    let run = || {
        for mode in MODES {
            let (mut store, instance) = instance(mode, text);
            let down = instance.get_typed_func::<i32, i32>(&mut store, "down").expect("exported");
            assert_eq!(down.call(&mut store, 1000).expect("no trap"), 42);
        }
    };
    thread.spawn(run).expect("a thread").join().expect("no panic");
}

/// What cannot be compiled is an error of each call, and the rest goes on.
#[test]
fn what_cannot_be_compiled_fails_when_called() {
    // 20,000 branches that pass 1,000 values: more than the code generator takes.
    let values = "i32 ".repeat(1000);
    let branches = "local.get 0 br_if 0 ".repeat(20_000);
    let text = format!(
        "(module
            (func $big (param i32) (result i32)
                {} block (param {values}) (result {values}) {branches} end {})
            (func (export \"big\") (param i32) (result i32) (call $big (local.get 0)))
            (func (export \"small\") (param i32) (result i32) (local.get 0)))",
        "local.get 0 ".repeat(1000),
        "drop ".repeat(999),
    );
    for mode in MODES {
        let (mut store, instance) = instance(mode, &text);
        let big = instance.get_typed_func::<i32, i32>(&mut store, "big").expect("exported");
        let small = instance.get_typed_func::<i32, i32>(&mut store, "small").expect("exported");
        for _ in 0..2 {
            let error = big.call(&mut store, 1).expect_err("too large");
            assert!(matches!(error.kind(), ErrorKind::Resource(_)), "{error:?}");
            assert!(error.to_string().contains("too large"), "{error}");
            assert_eq!(small.call(&mut store, 5).expect("no trap"), 5);
        }
    }
}

/// Many threads call the same functions for the first time at once: each is compiled once, and all see the same.
#[test]
fn first_calls_from_many_threads() {
    const THREADS: usize = 8;
    let eager = Module::new(&Engine::default(), chain(400)).expect("valid").code_size();
    for mode in MODES {
        for round in 0..5 {
            let engine = engine(mode);
            let module = Module::new(&engine, chain(400)).expect("valid");
            let before = Module::new(&self::engine(Compilation::Lazy), chain(400)).expect("valid");
            let barrier = Barrier::new(THREADS);
            std::thread::scope(|scope| {
                for thread in 0..THREADS {
                    let (engine, module, barrier) = (&engine, &module, &barrier);
                    scope.spawn(move || {
                        let mut store = Store::new(engine, ());
                        let instance = Instance::new(&mut store, module, &[]).expect("it links");
                        barrier.wait();
                        for step in 0..10 {
                            let from = (step * 37 + thread * 53 + round) % 400;
                            let name = format!("f{from}");
                            let func = instance.get_typed_func::<i32, i32>(&mut store, &name);
                            let result = func.expect("exported").call(&mut store, 0);
                            assert_eq!(result.expect("no trap"), 400 - from as i32);
                        }
                    });
                }
            });
            // Twice as much would be functions that were compiled twice; texts are aligned differently.
            let code = module.code_size() - before.code_size();
            assert!(code < eager * 2, "{code} bytes instead of {eager}");
        }
    }
}

/// A module may go while the background compiles it.
#[test]
fn modules_that_go_early() {
    let engine = engine(Compilation::LazyWithBackground);
    for functions in [1, 10, 500] {
        for _ in 0..20 {
            drop(Module::new(&engine, chain(functions)).expect("valid"));
        }
    }
}

/// References to functions that are not compiled yet can be passed on and called from anywhere.
#[test]
fn references_before_the_first_call() {
    for mode in MODES {
        let engine = engine(mode);
        let provider = r#"(module
            (func $f (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (table (export "table") 1 funcref) (elem (i32.const 0) $f))"#;
        let user = r#"(module
            (type $t (func (param i32) (result i32)))
            (import "p" "f" (func $f (type $t)))
            (import "p" "table" (table 1 funcref))
            (func (export "both") (param i32) (result i32)
                (i32.add (call $f (local.get 0)) (call_indirect (type $t) (local.get 0) (i32.const 0)))))"#;
        let mut linker = Linker::new(&engine);
        let mut store = Store::new(&engine, ());
        let provider = Module::new(&engine, provider).expect("valid");
        let provider = linker.instantiate(&mut store, &provider).expect("it links");
        linker.instance(&mut store, "p", provider).expect("no duplicates");
        let user = Module::new(&engine, user).expect("valid");
        let user = linker.instantiate(&mut store, &user).expect("it links");
        let both = user.get_typed_func::<i32, i32>(&mut store, "both").expect("exported");
        assert_eq!(both.call(&mut store, 20).expect("no trap"), 42);
        let table = provider.get_table(&mut store, "table").expect("exported");
        let Some(Ref::Func(Some(func))) = table.get(&mut store, 0) else { panic!("a function") };
        let func = func.typed::<i32, i32>(&store).expect("its type");
        assert_eq!(func.call(&mut store, 1).expect("no trap"), 2);
    }
}

/// Threads of rayon's pool that run programs do not wait for what waits for them.
#[test]
fn programs_on_the_threads_of_the_pool() {
    // Each kind of call to the runtime needs a piece of code, made when the first function needs it.
    let text = r#"(module (memory 1) (table 1 funcref) (data $d "x") (elem $e func 0)
        (func (export "run") (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
            (drop (memory.grow (i32.const 0))) (data.drop $d) (elem.drop $e)
            (drop (table.grow (ref.null func) (i32.const 0))) (call $next))
        (func $next (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
            (table.fill (i32.const 0) (ref.null func) (i32.const 1))
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))))"#;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("threads");
    let engine = engine(Compilation::LazyWithBackground);
    pool.install(|| {
        for _ in 0..200 {
            rayon::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|_| {
                        let module = Module::new(&engine, text).expect("valid");
                        let mut store = Store::new(&engine, ());
                        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
                        let run = instance.get_typed_func::<(), ()>(&mut store, "run");
                        run.expect("exported").call(&mut store, ()).expect("no trap");
                    });
                }
            });
        }
    });
}
