//! Exhaustion of the stack: always a trap, whatever uses it up, and as often as one likes.

use crate::operators::{Operators, frame, frames};
use crate::{call, instance, instantiate, trap};
use palisade::{
    Caller, Config, Engine, Error, Extern, Func, FuncType, Instance, Module, Store, Trap, Val,
};
use std::thread;

/// Recursion that counts its depth, and a function that does not.
const RECURSES: &str = "(module $deep
    (global $depth (export \"depth\") (mut i32) (i32.const 0))
    (func $down (export \"down\")
        (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
        (call $down)
        (global.set $depth (i32.const -1)))
    (func (export \"reset\") (global.set $depth (i32.const 0)))
    (func (export \"answer\") (result i32) (i32.const 42)))";

fn depth<T: 'static>(store: &mut Store<T>, instance: Instance) -> i32 {
    let global = instance.get_global(&mut *store, "depth").expect("exported");
    global.get(&mut *store).unwrap_i32()
}

/// Calls an export without parameters, which must exhaust the stack; then one that must work.
fn overflow<T: 'static>(store: &mut Store<T>, instance: Instance, name: &str) {
    let error = call(store, instance, name, &[]).expect_err("no stack is endless");
    assert_eq!(trap(&error), Trap::StackOverflow, "{name}");
    let answer = call(store, instance, "answer", &[]).expect("the store is usable");
    assert_eq!(answer.and_then(|value| value.i32()), Some(42));
}

/// How deep `RECURSES` gets with so much stack.
fn depth_with(max_wasm_stack: usize) -> i32 {
    let engine = Engine::new(Config::new().max_wasm_stack(max_wasm_stack)).expect("an engine");
    let mut store = Store::new(&engine, ());
    let instance = instantiate(&mut store, RECURSES, &[]);
    overflow(&mut store, instance, "down");
    depth(&mut store, instance)
}

#[test]
fn infinite_recursion() {
    let (mut store, instance) = instance(RECURSES);
    overflow(&mut store, instance, "down");
    let depth = depth(&mut store, instance);
    assert!(depth > 1000, "512 KiB are enough for more than {depth} frames");
}

/// The function that did not fit comes first. It has executed nothing, so it has no instruction.
#[test]
fn frames_of_an_overflow() {
    let (mut store, instance) = instance(RECURSES);
    let error = call(&mut store, instance, "down", &[]).expect_err("it traps");
    let call = Operators::of(RECURSES).only(0, "call");
    let mut expected = vec![frame("deep", 0, "down", call); 64];
    expected[0].3 = None;
    assert_eq!(frames(&error), expected);
}

#[test]
fn the_same_depth_1000_times() {
    let (mut store, instance) = instance(RECURSES);
    let down = instance.get_typed_func::<(), ()>(&mut store, "down").expect("its type");
    let mut first = None;
    for _ in 0..1000 {
        call(&mut store, instance, "reset", &[]).expect("no trap");
        let error = down.call(&mut store, ()).expect_err("it traps");
        assert_eq!(trap(&error), Trap::StackOverflow);
        let depth = depth(&mut store, instance);
        assert_eq!(*first.get_or_insert(depth), depth);
    }
}

#[test]
fn depth_follows_the_configuration() {
    let depths = [64 << 10, 128 << 10, 256 << 10, 512 << 10].map(depth_with);
    for pair in depths.windows(2) {
        let ratio = f64::from(pair[1]) / f64::from(pair[0]);
        assert!((1.9..2.1).contains(&ratio), "twice the stack, twice the depth: {depths:?}");
    }
}

/// More than the thread has is not given; all that it has may be asked for.
#[test]
fn small_threads() {
    for stack_size in [128 << 10, 256 << 10, 2 << 20] {
        for max_wasm_stack in [32 << 10, 512 << 10, 2 << 20, 64 << 20, usize::MAX] {
            let depth = on_thread(stack_size, move || depth_with(max_wasm_stack));
            let most = max_wasm_stack.min(LARGEST_REUSE * stack_size) / 16;
            assert!(depth > 100, "{depth} with {stack_size} and {max_wasm_stack}");
            assert!((depth as usize) < most, "{depth} with {stack_size} and {max_wasm_stack}");
        }
    }
}

/// The C library gives a thread the stack of one that has ended, up to so many times larger than it asks for.
const LARGEST_REUSE: usize = 4;

fn on_thread<R: Send + 'static>(stack_size: usize, run: impl FnOnce() -> R + Send + 'static) -> R {
    let thread = thread::Builder::new().stack_size(stack_size).spawn(run).expect("a thread");
    thread.join().expect("it does not panic")
}

/// A store that moves between threads goes by the stack of the thread it is on.
#[test]
fn store_that_changes_threads() {
    let engine = Engine::new(Config::new().max_wasm_stack(64 << 20)).expect("an engine");
    let mut store = Store::new(&engine, ());
    let instance = instantiate(&mut store, RECURSES, &[]);
    for _ in 0..3 {
        let depths = [256 << 10, 4 << 20].map(|stack_size| {
            let mut moved = std::mem::replace(&mut store, Store::new(&engine, ()));
            store = on_thread(stack_size, move || {
                call(&mut moved, instance, "reset", &[]).expect("no trap");
                overflow(&mut moved, instance, "down");
                moved
            });
            depth(&mut store, instance)
        });
        assert!(depths[1] > 3 * depths[0], "on a thread of 256 KiB and one of 4 MiB: {depths:?}");
    }
}

/// A function whose frame is many pages large: so many locals that are all live across a call.
fn huge_frame(locals: usize) -> String {
    // With a block, `$next` is not inlined, and all its results are held at once.
    let declared = "(local i64)".repeat(locals);
    let (mut sets, mut sums) = (String::new(), String::new());
    for local in 0..locals {
        sets += &format!("(local.set {} (call $next))", local + 1);
        sums += &format!("(local.get {}) (i64.add)", local + 1);
    }
    format!(
        "(module (global $next (mut i64) (i64.const 0))
            (func $next (result i64)
                (block)
                (global.set $next (i64.add (global.get $next) (i64.const 1)))
                (global.get $next))
            (func $huge (export \"huge\") (param i32) (result i64) {declared}
                (global.set $next (i64.const 0))
                {sets} (i64.const 0) {sums})
            (func $down (export \"down\") (param i32) (result i64)
                (if (result i64) (local.get 0)
                    (then (call $down (i32.sub (local.get 0) (i32.const 1))))
                    (else (call $huge (i32.const 0))))
                (i64.const 0) (i64.add)))"
    )
}

/// Small frames down to some depth, then the huge one: it must not step over the end of the stack at any depth. Which
/// depths work, in ascending order.
fn depths_with_huge_frame(engine: &Engine, module: &Module) -> Vec<bool> {
    let sum = (HUGE_LOCALS * (HUGE_LOCALS + 1) / 2) as i64;
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, module, &[]).expect("no imports");
    let down = instance.get_typed_func::<i32, i64>(&mut store, "down").expect("its type");
    let mut fits = |depth| match down.call(&mut store, depth) {
        Ok(found) => {
            assert_eq!(found, sum, "depth {depth}");
            true
        }
        Err(error) => {
            assert_eq!(trap(&error), Trap::StackOverflow, "depth {depth}");
            false
        }
    };
    (0..40_000).step_by(197).map(&mut fits).collect()
}

const HUGE_LOCALS: usize = 10_000;

#[test]
fn huge_frames() {
    // The frame takes more than 80 KB.
    for (max_wasm_stack, some_fit) in [(64 << 10, false), (512 << 10, true)] {
        let engine = Engine::new(Config::new().max_wasm_stack(max_wasm_stack)).expect("an engine");
        let module = Module::new(&engine, huge_frame(HUGE_LOCALS)).expect("valid");
        for stack_size in [128 << 10, 1 << 20] {
            let (engine, module) = (engine.clone(), module.clone());
            let fits = on_thread(stack_size, move || depths_with_huge_frame(&engine, &module));
            let what = format!("{max_wasm_stack} on a thread of {stack_size}");
            assert!(fits.is_sorted_by(|a, b| a >= b), "what fits deeper, fits here too: {what}");
            if stack_size == 1 << 20 {
                assert_eq!(fits[0], some_fit, "{what}");
            }
            assert!(!fits[fits.len() - 1], "{what}");
        }
    }
}

/// A module whose function calls a function of the host, which calls it, which ...
fn ping(import_call: &str) -> String {
    format!(
        "(module (import \"\" \"\" (func $pong))
            (global $depth (export \"depth\") (mut i32) (i32.const 0))
            (func (export \"ping\")
                (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
                {import_call})
            (func (export \"answer\") (result i32) (i32.const 42)))"
    )
}

/// The host's half of the recursion. Uses some stack itself, as host functions do.
fn pong(mut caller: Caller<'_, ()>) -> Result<(), Error> {
    let Some(Extern::Func(ping)) = caller.get_export("ping") else {
        return Err(Error::msg("the caller exports it"));
    };
    let used = std::hint::black_box([1_u8; 4096]);
    ping.call(&mut caller, &[], &mut [])?;
    assert_eq!(used[4095], 1);
    Ok(())
}

#[test]
fn mutual_recursion_with_the_host() {
    let test = || {
        let mut store = Store::new(&Engine::default(), ());
        let wrapped = Func::wrap(&mut store, pong);
        let ty = FuncType::new(store.engine(), [], []);
        let new = Func::new(&mut store, ty, |caller, _, _| pong(caller));
        for import in [wrapped, new] {
            for how in ["(call $pong)", "(loop (call $pong))"] {
                let instance = instantiate(&mut store, &ping(how), &[import.into()]);
                for _ in 0..20 {
                    overflow(&mut store, instance, "ping");
                }
                let depth = depth(&mut store, instance) / 20;
                assert!((5..1000).contains(&depth), "{depth} times 4 KiB");
            }
        }
    };
    test();
    on_thread(256 << 10, test);
    on_thread(8 << 20, test);
}

/// The host's functions have stack left when wasm has used up its own.
#[test]
fn stack_for_host_functions_at_the_end() {
    let text = "(module (import \"\" \"\" (func $host (param i32) (result i32)))
        (func $down (export \"down\") (result i32)
            (i32.add (call $host (i32.const 1)) (call $down)))
        (func (export \"answer\") (result i32) (i32.const 42)))";
    let test = || {
        let mut store = Store::new(&Engine::default(), ());
        let host = Func::wrap(&mut store, |value: i32| {
            let used = std::hint::black_box([value as u8; 16 << 10]);
            i32::from(used[used.len() - 1])
        });
        let instance = instantiate(&mut store, text, &[host.into()]);
        overflow(&mut store, instance, "down");
    };
    on_thread(256 << 10, test);
    on_thread(2 << 20, test);
}

/// Recursion through references takes the same way out.
#[test]
fn recursion_through_a_table() {
    let (mut store, instance) = instance(
        "(module (table funcref (elem $down))
            (func $down (export \"down\") (param i64) (result i64)
                (i64.add (i64.const 1) (call_indirect (param i64) (result i64)
                    (local.get 0) (i32.const 0)))))",
    );
    let error = call(&mut store, instance, "down", &[Val::I64(1)]).expect_err("it traps");
    assert_eq!(trap(&error), Trap::StackOverflow);
}
