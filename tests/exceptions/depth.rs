//! Throws over many frames, of guests and of the host.

use crate::{Counted, Drops, End, Thrown, Value, check, engines, exception, instantiate, run};
use palisade::{
    AsContextMut, Caller, Config, Engine, Error, Extern, Func, Instance, Store, Tag,
    ThrownException, TypedFunc, Val,
};

/// Goes down so many frames, then throws; frames have handlers of another tag, or none.
const DEEP: &str = "(module
    (tag $t (param i32)) (tag $other)
    (func $down (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 7))))
        (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
    (func $down_tables (param i32) (result i32)
        (block $h
            (try_table (catch $other $h)
                (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 7))))
                (return (i32.add (i32.const 1)
                    (call $down_tables (i32.sub (local.get 0) (i32.const 1)))))))
        (unreachable))
    (func $down_again (param i32) (result i32)
        (try (result i32)
            (do
                (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 7))))
                (i32.add (call $down_again (i32.sub (local.get 0) (i32.const 1)))
                    (i32.const 1)))
            (catch_all (rethrow 0))))
    (func $down_more (param i32) (result i32)
        (try (result i32)
            (do
                (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 7))))
                (call $down_more (i32.sub (local.get 0) (i32.const 1))))
            (catch $t (throw $t (i32.add (i32.const 1))))))
    (func $catch (export \"plain\") (param i32) (result i32)
        (block $h (result i32) (try_table (result i32) (catch $t $h) (call $down (local.get 0)))))
    (func (export \"tables\") (param i32) (result i32)
        (block $h (result i32)
            (try_table (result i32) (catch $t $h) (call $down_tables (local.get 0)))))
    (func (export \"again\") (param i32) (result i32)
        (try (result i32) (do (call $down_again (local.get 0))) (catch $t)))
    (func (export \"more\") (param i32) (result i32)
        (try (result i32) (do (call $down_more (local.get 0))) (catch $t)))
    (func (export \"uncaught\") (param i32) (result i32) (call $down_again (local.get 0)))
    (func (export \"many\") (param $depth i32) (param $times i32) (result i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (call $catch (local.get $depth))))
            (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
        (local.get $sum)))";

/// An engine whose stack holds 10,000 frames, in tests without optimisation too.
fn deep_engine() -> Engine {
    Engine::new(Config::new().max_wasm_stack(4 << 20)).expect("an engine")
}

fn on_large_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(run).expect("a thread");
    thread.join().expect("it does not panic");
}

#[test]
fn over_many_frames() {
    on_large_stack(|| {
        let mut store = Store::new(&deep_engine(), ());
        let guest = instantiate(&mut store, DEEP, &[]);
        for depth in [0, 1, 2, 1000, 10_000] {
            let ends: [(&str, End); 5] = [
                ("plain", Value(7)),
                ("tables", Value(7)),
                ("again", Value(7)),
                ("more", Value(8 + depth)),
                ("uncaught", Thrown(vec![7])),
            ];
            for (name, end) in ends {
                assert_eq!(run(&mut store, guest, name, &[depth]), end, "{name} {depth}");
            }
        }
    });
}

#[test]
fn from_a_deep_recursion_10000_times() {
    check(DEEP, &[("many", &[200, 10_000], Value(70_000)), ("many", &[0, 10_000], Value(70_000))]);
}

/// Frames of other instances on the way, and functions that were called in the place of others.
#[test]
fn over_frames_of_instances_and_tail_calls() {
    let text = "(module
        (import \"\" \"tag\" (tag $t (param i32)))
        (import \"\" \"next\" (func $next (param i32) (result i32)))
        (import \"\" \"table\" (table $table 2 funcref))
        (type $f (func (param i32) (result i32)))
        (func $plain (export \"plain\") (param i32) (result i32)
            (i32.add (call $next (local.get 0)) (i32.const 1)))
        (func (export \"tail\") (param i32) (result i32)
            (return_call $next (i32.sub (local.get 0) (i32.const 1))))
        (func (export \"through\") (param i32) (result i32)
            (try (result i32) (do (call $next (local.get 0))) (catch_all (rethrow 0))))
        (func (export \"bottom\") (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 9))))
            (return_call_indirect $table (type $f) (local.get 0) (i32.const 1)))
        (func (export \"top\") (param i32) (result i32)
            (try (result i32) (do (call $next (local.get 0))) (catch $t))))";
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let owner =
            "(module (tag (export \"tag\") (param i32)) (table (export \"table\") 2 funcref)
            (func (export \"next\") (param i32) (result i32) (unreachable)))";
        let owner = instantiate(&mut store, owner, &[]);
        let mut item = |instance: Instance, name: &str| -> Extern {
            instance.get_export(&mut store, name).expect("exported")
        };
        let (tag, unused, table) = (item(owner, "tag"), item(owner, "next"), item(owner, "table"));
        let bottom = instantiate(&mut store, text, &[tag.clone(), unused, table.clone()]);
        let mut next = bottom.get_export(&mut store, "bottom").expect("exported");
        for floor in 0..60 {
            let between = instantiate(&mut store, text, &[tag.clone(), next, table.clone()]);
            let name = ["plain", "tail", "through"][floor % 3];
            next = between.get_export(&mut store, name).expect("exported");
        }
        let top = instantiate(&mut store, text, &[tag, next, table]);
        // 20 of the functions take one from their parameter.
        assert_eq!(run(&mut store, top, "top", &[20]), Value(9));
        let trapped = palisade::Trap::IndirectCallToNull;
        assert_eq!(run(&mut store, top, "top", &[21]), crate::Trapped(trapped));
    }
}

const FLOORS: usize = 100;

/// A guest that calls its import, in one of the ways that are compiled differently.
const FLOOR: &str = "(module
    (import \"\" \"\" (func $import (param i32) (result i32)))
    (tag $other)
    (func (export \"0\") (param i32) (result i32)
        (i32.add (call $import (local.get 0)) (i32.const 1)))
    (func (export \"1\") (param i32) (result i32)
        (loop (result i32) (i32.add (call $import (local.get 0)) (i32.const 1))))
    (func (export \"2\") (param i32) (result i32)
        (block $h (try_table (catch $other $h)
            (return (i32.add (call $import (local.get 0)) (i32.const 1)))))
        (unreachable))
    (func (export \"3\") (param i32) (result i32)
        (try (result i32)
            (do (i32.add (call $import (local.get 0)) (i32.const 1)))
            (catch_all (rethrow 0)))))";

/// 100 host functions and guests call each other in turn; the innermost throws. Each has a Rust value to drop.
#[test]
fn through_100_activations() {
    on_large_stack(|| {
        let (drops, mut store) = (Drops::default(), Store::new(&deep_engine(), ()));
        let text = "(module (tag (export \"t\") (param i32)))";
        let tag = instantiate(&mut store, text, &[]).get_tag(&mut store, "t").expect("exported");
        let mut callee = thrower(&mut store, tag, drops.clone());
        let mut top: Option<TypedFunc<i32, i32>> = None;
        for floor in 0..FLOORS {
            let guest = instantiate(&mut store, FLOOR, &[callee.into()]);
            let name = (floor % 4).to_string();
            let export = guest.get_typed_func::<i32, i32>(&mut store, &name).expect("its type");
            callee = passing(&mut store, export, drops.clone());
            top = Some(export);
        }
        let top = top.expect("there are floors");
        for round in 1..=3 {
            let error = top.call(&mut store, round).expect_err("it throws");
            assert!(error.is::<ThrownException>());
            assert!(error.backtrace().is_some(), "it passed through wasm");
            let thrown = store.take_pending_exception().expect("the error stands for it");
            assert_eq!(crate::numbers(&mut store, thrown), [round]);
            assert_eq!(drops.count(), round as usize * FLOORS);
        }
        assert_eq!(top.call(&mut store, 0).expect("it returns"), FLOORS as i32);
        assert_eq!(drops.count(), 4 * FLOORS);
    });
}

fn thrower(store: &mut Store<()>, tag: Tag, drops: Drops) -> Func {
    Func::wrap(store, move |mut caller: Caller<'_, ()>, value: i32| -> Result<i32, Error> {
        let _counted: Counted = drops.counted();
        if value == 0 {
            return Ok(0);
        }
        let thrown = exception(&mut caller, &tag, &[Val::I32(value)]);
        Ok(caller.as_context_mut().throw(thrown)?)
    })
}

fn passing(store: &mut Store<()>, callee: TypedFunc<i32, i32>, drops: Drops) -> Func {
    Func::wrap(store, move |mut caller: Caller<'_, ()>, value: i32| -> Result<i32, Error> {
        let _counted: Counted = drops.counted();
        callee.call(&mut caller, value)
    })
}
