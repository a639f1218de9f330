//! Failures of host functions, and traps that pass through them.

use crate::{call, call_i32, instance, instantiate, trap};
use palisade::{
    Caller, Engine, Error, Func, FuncType, Instance, Store, Trap, TypedFunc, Val, ValType,
};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the host's functions fail with.
#[derive(Debug, PartialEq)]
struct Custom(i32);

impl std::fmt::Display for Custom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "custom {}", self.0)
    }
}

impl std::error::Error for Custom {}

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Calls an import, in and outside of a loop: two ways through the compiler.
const CALLS: &str = "(module (import \"\" \"\" (func $import (param i32) (result i32)))
    (func (export \"plain\") (param i32) (result i32)
        (i32.add (call $import (local.get 0)) (i32.const 1)))
    (func (export \"loops\") (param i32) (result i32)
        (loop (result i32) (i32.add (call $import (local.get 0)) (i32.const 1)))))";

const EXPORTS: [&str; 2] = ["plain", "loops"];

fn i32_to_i32(engine: &Engine) -> FuncType {
    FuncType::new(engine, [ValType::I32], [ValType::I32])
}

/// The function `body` by both conventions of host functions.
fn both(
    store: &mut Store<()>,
    body: impl Fn(Caller<'_, ()>, i32) -> Result<i32, Error> + Clone + Send + Sync + 'static,
) -> [Func; 2] {
    let ty = i32_to_i32(store.engine());
    let wrapped = Func::wrap(&mut *store, body.clone());
    let new = Func::new(&mut *store, ty, move |caller, params, results| {
        results[0] = Val::I32(body(caller, params[0].unwrap_i32())?);
        Ok(())
    });
    [wrapped, new]
}

/// A tower of instances: each calls the next through a host function, the innermost calls `bottom`. Each host function
/// has a value to drop; the counter tells how many were.
struct Tower {
    store: Store<()>,
    top: TypedFunc<i32, i32>,
    drops: Arc<AtomicUsize>,
}

const FLOORS: usize = 4;

impl Tower {
    fn of(
        bottom: impl Fn(Caller<'_, ()>, i32) -> Result<i32, Error> + Clone + Send + Sync + 'static,
    ) -> Tower {
        let mut store = Store::new(&Engine::default(), ());
        let drops = Arc::new(AtomicUsize::new(0));
        let counter = drops.clone();
        let [mut import, _] = both(&mut store, move |caller, value| {
            let _counted = Counted(counter.clone());
            bottom(caller, value)
        });
        let mut top = None;
        for floor in 0..FLOORS {
            let instance = instantiate(&mut store, CALLS, &[import.into()]);
            let export = EXPORTS[floor % 2];
            let callee = instance.get_typed_func::<i32, i32>(&mut store, export).expect("typed");
            top = Some(callee);
            let counter = drops.clone();
            let through = both(&mut store, move |mut caller, value| {
                let _counted = Counted(counter.clone());
                callee.call(&mut caller, value)
            });
            import = through[floor / 2 % 2];
        }
        Tower { store, top: top.expect("there are floors"), drops }
    }

    fn call(&mut self, value: i32) -> Result<i32, Error> {
        self.top.call(&mut self.store, value)
    }

    /// Calls it with a panic expected; the payload.
    fn panic(&mut self, value: i32) -> Box<dyn Any + Send> {
        catch_unwind(AssertUnwindSafe(|| self.call(value))).expect_err("it panics")
    }

    /// Checks that every host function's value was dropped, in so many calls, and that the tower stands.
    fn assert_sound(&mut self, calls: usize) {
        assert_eq!(self.drops.load(Ordering::Relaxed), calls * FLOORS);
        assert_eq!(self.call(100).expect("it returns"), 100 + FLOORS as i32);
        self.drops.fetch_sub(FLOORS, Ordering::Relaxed);
    }
}

#[test]
fn errors_keep_their_type() {
    let mut store = Store::new(&Engine::default(), ());
    for import in both(&mut store, |_, value| Err(Custom(value).into())) {
        let instance = instantiate(&mut store, CALLS, &[import.into()]);
        for export in EXPORTS {
            let error = call(&mut store, instance, export, &[Val::I32(5)]).expect_err("it fails");
            assert_eq!(error.downcast_ref(), Some(&Custom(5)));
            assert!(error.downcast_ref::<Trap>().is_none());
            assert_eq!(error.to_string(), "custom 5");
            assert_eq!(error.downcast::<Custom>().expect("its type"), Custom(5));
        }
    }
}

/// A host function may fail with a trap of its choice.
#[test]
fn traps_of_host_functions() {
    let mut store = Store::new(&Engine::default(), ());
    for import in both(&mut store, |_, _| Err(Trap::OutOfFuel.into())) {
        let instance = instantiate(&mut store, CALLS, &[import.into()]);
        for export in EXPORTS {
            assert_eq!(call_i32(&mut store, instance, export, &[0]), Err(Trap::OutOfFuel));
        }
    }
}

#[test]
fn errors_through_nested_activations() {
    let mut tower =
        Tower::of(|_, value| if value < 9 { Err(Custom(value).into()) } else { Ok(value) });
    for round in 0..9 {
        let error = tower.call(round).expect_err("it fails");
        assert_eq!(error.downcast_ref(), Some(&Custom(round)));
        tower.assert_sound(round as usize + 1);
    }
}

#[test]
fn panics_through_nested_activations() {
    let mut tower = Tower::of(|_, value| match value {
        0 => resume_unwind(Box::new(Custom(7))),
        1 => panic!("a message"),
        2 => panic!("a message with {value}"),
        value => Ok(value),
    });
    assert_eq!(tower.panic(0).downcast_ref(), Some(&Custom(7)));
    tower.assert_sound(1);
    assert_eq!(tower.panic(1).downcast_ref(), Some(&"a message"));
    tower.assert_sound(2);
    assert_eq!(tower.panic(2).downcast_ref(), Some(&"a message with 2".to_owned()));
    tower.assert_sound(3);
}

/// Traps of a module that the innermost host function calls.
#[test]
fn traps_through_nested_activations() {
    let mut tower = Tower::of(|mut caller, value| {
        let text = "(module (memory 1) (func (export \"div\") (param i32) (result i32)
            (i32.div_u (i32.mul (local.get 0) (local.get 0)) (local.get 0)))
            (func (export \"load\") (param i32) (result i32)
                (i32.load8_u (i32.sub (local.get 0) (i32.const 2)))))";
        let module = palisade::Module::new(caller.engine(), text)?;
        let instance = Instance::new(&mut caller, &module, &[])?;
        let export = if value == 1 { "load" } else { "div" };
        instance.get_typed_func::<i32, i32>(&mut caller, export)?.call(&mut caller, value)
    });
    for (round, (value, expected)) in
        [(0, Trap::IntegerDivisionByZero), (1, Trap::MemoryOutOfBounds)].into_iter().enumerate()
    {
        assert_eq!(trap(&tower.call(value).expect_err("it traps")), expected);
        tower.assert_sound(round + 1);
    }
}

/// A host function that recovers from failures of wasm which it has called: what called it goes on as if nothing had
/// happened, also with its own traps.
#[test]
fn inner_failures_can_be_caught() {
    let (mut store, inner) = instance(
        "(module (memory 1)
            (func $down (param i32) (result i32) (call $down (local.get 0)))
            (func (export \"run\") (param i32) (result i32)
                (if (i32.eq (local.get 0) (i32.const 1)) (then (unreachable)))
                (if (i32.eq (local.get 0) (i32.const 2))
                    (then (return (i32.load (i32.const -1)))))
                (if (i32.eq (local.get 0) (i32.const 3))
                    (then (return (call $down (i32.const 0)))))
                (local.get 0)))",
    );
    let run = inner.get_typed_func::<i32, i32>(&mut store, "run").expect("its type");
    let caught = both(&mut store, move |mut caller, value| {
        Ok(run.call(&mut caller, value).unwrap_or_else(|error| -i32::from(trap(&error).code())))
    });
    for import in caught {
        let outer = instantiate(
            &mut store,
            "(module (import \"\" \"\" (func $import (param i32) (result i32)))
                (global $sum (export \"sum\") (mut i32) (i32.const 0))
                (func (export \"run\") (param $end i32) (result i32) (local $i i32)
                    (loop $next
                        (global.set $sum (i32.add (global.get $sum) (call $import (local.get $i))))
                        (local.set $i (i32.add (local.get $i) (i32.const 1)))
                        (br_if $next (i32.lt_u (local.get $i) (local.get $end))))
                    (i32.div_u (global.get $sum) (i32.sub (local.get $end) (i32.const 5)))))",
            &[import.into()],
        );
        let codes = [Trap::UnreachableCodeReached, Trap::MemoryOutOfBounds, Trap::StackOverflow];
        let caught: i32 = codes.into_iter().map(|trap| i32::from(trap.code())).sum();
        let expected = 4 - caught;
        let result = call_i32(&mut store, outer, "run", &[5]);
        assert_eq!(result, Err(Trap::IntegerDivisionByZero));
        let sum = outer.get_global(&mut store, "sum").expect("exported");
        assert_eq!(sum.get(&mut store).i32(), Some(expected));
        sum.set(&mut store, Val::I32(0)).expect("it is mutable");
        let result = call_i32(&mut store, outer, "run", &[6]);
        assert_eq!(result, Ok(expected + 5));
    }
}

/// A panic that a host function catches is no panic to those who called it.
#[test]
fn inner_panics_can_be_caught() {
    let mut store = Store::new(&Engine::default(), ());
    let [panics, _] = both(&mut store, |_, value| match value {
        0 => resume_unwind(Box::new(Custom(3))),
        value => Ok(value),
    });
    let inner = instantiate(&mut store, CALLS, &[panics.into()]);
    for export in EXPORTS {
        let inner = inner.get_typed_func::<i32, i32>(&mut store, export).expect("its type");
        let caught = both(&mut store, move |mut caller, value| {
            let result = catch_unwind(AssertUnwindSafe(|| inner.call(&mut caller, value)));
            result.unwrap_or_else(|payload| match payload.downcast_ref() {
                Some(Custom(code)) => Ok(*code * 10),
                None => Err(Error::msg("another payload")),
            })
        });
        for import in caught {
            let outer = instantiate(&mut store, CALLS, &[import.into()]);
            for outer_export in EXPORTS {
                assert_eq!(call_i32(&mut store, outer, outer_export, &[0]), Ok(31));
                assert_eq!(call_i32(&mut store, outer, outer_export, &[4]), Ok(6));
            }
        }
    }
}

/// An error that replaces another: only the last one is seen.
#[test]
fn errors_can_be_replaced() {
    let (mut store, inner) = instance("(module (func (export \"run\") unreachable))");
    let run = inner.get_typed_func::<(), ()>(&mut store, "run").expect("its type");
    for import in both(&mut store, move |mut caller, value| match run.call(&mut caller, ()) {
        Ok(()) => Ok(0),
        Err(error) if value == 0 => Err(error.context("while running")),
        Err(_) => Err(Custom(value).into()),
    }) {
        let outer = instantiate(&mut store, CALLS, &[import.into()]);
        for export in EXPORTS {
            let error = call(&mut store, outer, export, &[Val::I32(0)]).expect_err("it fails");
            assert_eq!(trap(&error), Trap::UnreachableCodeReached);
            assert_eq!(error.to_string(), "while running");
            let error = call(&mut store, outer, export, &[Val::I32(8)]).expect_err("it fails");
            assert_eq!(error.downcast_ref(), Some(&Custom(8)));
            assert!(error.downcast_ref::<Trap>().is_none());
        }
    }
}

/// A host function that returns values of the wrong type has failed; it does not make wasm see them.
#[test]
fn wrong_results() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = i32_to_i32(store.engine());
    let import = Func::new(&mut store, ty, |_, _, results| {
        results[0] = Val::F64(0);
        Ok(())
    });
    let instance = instantiate(&mut store, CALLS, &[import.into()]);
    for export in EXPORTS {
        let error = call(&mut store, instance, export, &[Val::I32(0)]).expect_err("wrong type");
        assert_eq!(error.to_string(), "type mismatch: expected i32, found f64");
    }
}

#[test]
fn traps_on_eight_threads() {
    const TRAPS: i32 = 200;
    let engine = Engine::default();
    let module = palisade::Module::new(
        &engine,
        "(module (memory 1) (table 1 funcref)
            (func $down (call $down))
            (func (export \"run\") (param i32 i32)
                (block (block (block (block (block (br_table 0 1 2 3 4 (local.get 0)))
                    (unreachable))
                    (drop (i32.load (local.get 1))) (return))
                    (drop (i32.div_s (local.get 0) (i32.add (local.get 1) (i32.const 1)))) (return))
                    (call_indirect (local.get 1)) (return))
                (call $down)))",
    )
    .expect("valid");
    let expected = [
        Trap::UnreachableCodeReached,
        Trap::MemoryOutOfBounds,
        Trap::IntegerDivisionByZero,
        Trap::TableOutOfBounds,
        Trap::StackOverflow,
    ];
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let (engine, module) = (&engine, &module);
                scope.spawn(move || {
                    let mut store = Store::new(engine, ());
                    let instance = Instance::new(&mut store, module, &[]).expect("no imports");
                    let run = instance.get_typed_func::<(i32, i32), ()>(&mut store, "run");
                    let run = run.expect("its type");
                    (0..TRAPS)
                        .filter(|round| {
                            let which = (round + thread) % 5;
                            let error = run.call(&mut store, (which, -1)).expect_err("it traps");
                            trap(&error) == expected[which as usize]
                        })
                        .count()
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().expect("no panic"), TRAPS as usize);
        }
    });
}
