//! What is kept, and for how long: exceptions are freed when nothing can throw or read them any more, and not before.

use crate::{Drops, Value, call, engines, exception, instantiate, run};
use palisade::{
    AsContextMut, Caller, Engine, ExnType, ExternRef, Func, Instance, RootScope, Rooted, Store,
    Tag, Val, ValType,
};

const VARIABLE: &str = "PALISADE_EXCEPTIONS_TEST_CHILD";

/// Loops that throw, each in one call of a guest.
const LOOPS: &str = "(module (tag $t (param i32 i64))
    (func $throw (param i32) (throw $t (local.get 0) (i64.const 1)))
    (func $clean (param i32) (try (do (call $throw (local.get 0))) (catch_all (rethrow 0))))
    (func $by_reference (param i32)
        (block $h (result exnref)
            (try_table (catch_all_ref $h) (call $throw (local.get 0))) (return))
        (throw_ref))
    (func $maybe (param i32)
        (try (do (call $throw (local.get 0)))
            (catch_all (if (i32.and (local.get 0) (i32.const 1)) (then (rethrow 1))))))
    (func $take (param i32) (result i32)
        (block $h (result i32 i64 exnref)
            (try_table (catch_ref $t $h) (call $throw (local.get 0))) (unreachable))
        (drop) (drop))
    (func $recurse (param i32) (param $depth i32)
        (if (i32.eqz (local.get $depth)) (then (call $throw (local.get 0))))
        (try (do (call $recurse (local.get 0) (i32.sub (local.get $depth) (i32.const 1))))
            (catch_all (rethrow 0))))
    (func (export \"legacy catch\") (param $n i32) (result i32) (local $sum i32)
        (loop $next
            (try (do (call $throw (i32.const 1)))
                (catch $t (drop) (local.set $sum (i32.add (local.get $sum)))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export \"clean up\") (param $n i32) (result i32) (local $sum i32)
        (loop $next
            (try (do (call $clean (i32.const 1)))
                (catch $t (drop) (local.set $sum (i32.add (local.get $sum)))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export \"clean up here\") (param $n i32) (result i32) (local $sum i32)
        (loop $next
            (try (do (try (do (call $throw (i32.const 1))) (catch_all (rethrow 0))))
                (catch $t (drop) (local.set $sum (i32.add (local.get $sum)))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export \"conditional\") (param $n i32) (result i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (i32.const 1)))
            (try (do (call $maybe (local.get $n))) (catch_all))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export \"conditional, not again\") (param $n i32) (result i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (i32.const 1)))
            (call $maybe (i32.const 2))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export \"by reference\") (param $n i32) (result i32) (local $sum i32)
        (loop $next
            (block $h (result i32 i64)
                (try_table (catch $t $h) (call $by_reference (i32.const 1))) (unreachable))
            (drop) (local.set $sum (i32.add (local.get $sum)))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export \"reference dropped\") (param $n i32) (result i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (call $take (i32.const 1))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))
    (func (export \"recursive\") (param $n i32) (result i32) (local $sum i32)
        (loop $next
            (try (do (call $recurse (i32.const 1) (i32.and (local.get $n) (i32.const 7))))
                (catch $t (drop) (local.set $sum (i32.add (local.get $sum)))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))";

const NAMES: [&str; 8] = [
    "legacy catch",
    "clean up",
    "clean up here",
    "conditional",
    "conditional, not again",
    "by reference",
    "reference dropped",
    "recursive",
];

/// Bytes of memory that this process has, from Linux.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages: usize = statm.split(' ').nth(1).expect("two fields").parse().expect("a number");
    pages * 4096
}

/// In a process of its own, so that other tests do not count.
#[test]
fn a_million_throws_in_one_call() {
    for name in NAMES {
        let mut command = palisade_tests::this_program();
        command.args(["--exact", "memory::child", "--nocapture"]).env(VARIABLE, name);
        let output = command.output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {text}");
    }
}

/// Runs in the child only; returns at once in the parent.
#[test]
fn child() {
    const MOST: usize = 50 << 20;
    const THROWS: i32 = 1_000_000;
    let Ok(name) = std::env::var(VARIABLE) else { return };
    let mut store = Store::new(&Engine::default(), ());
    let guest = instantiate(&mut store, LOOPS, &[]);
    assert_eq!(run(&mut store, guest, &name, &[1000]), Value(1000));
    let before = resident_bytes();
    assert_eq!(run(&mut store, guest, &name, &[THROWS]), Value(THROWS));
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < MOST, "grown by {grown} bytes");
}

/// Keeps exceptions in a global, a table and a local, whatever is thrown meanwhile.
const KEEPER: &str = "(module (import \"\" \"\" (func $collect))
    (tag $t (param i32 externref))
    (global $g (mut exnref) (ref.null exn))
    (table $tab 3 exnref)
    (func $throw (param i32 externref) (throw $t (local.get 0) (local.get 1)))
    (func $make (param i32 externref) (result exnref)
        (block $h (result exnref)
            (try_table (catch_all_ref $h) (call $throw (local.get 0) (local.get 1)))
            (unreachable)))
    (func $open (param exnref) (result i32 externref)
        (try_table (catch $t 0) (throw_ref (local.get 0))) (unreachable))
    (func (export \"keep in global\") (param i32 externref)
        (global.set $g (call $make (local.get 0) (local.get 1))))
    (func (export \"keep in table\") (param i32 externref)
        (table.set $tab (i32.const 1) (call $make (local.get 0) (local.get 1))))
    (func (export \"of global\") (result i32 externref) (call $open (global.get $g)))
    (func (export \"of table\") (result i32 externref)
        (call $open (table.get $tab (i32.const 1))))
    (func $many (export \"many\") (param i32)
        (loop $next
            (drop (call $make (i32.const 1) (ref.null extern)))
            (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export \"local\") (param i32 externref) (result i32 externref) (local $e exnref)
        (local.set $e (call $make (local.get 0) (local.get 1)))
        (local.set 1 (ref.null extern))
        (call $many (i32.const 5000))
        (call $collect)
        (call $open (local.get $e)))
    (func (export \"caught\") (param i32 externref) (result i32 externref)
        (try (result i32 externref)
            (do (call $throw (local.get 0) (local.get 1)) (unreachable))
            (catch $t
                (drop) (drop) (local.set 1 (ref.null extern))
                (call $many (i32.const 5000))
                (call $collect)
                (try (result i32 externref) (do (rethrow 1)) (catch $t)))))
    (func (export \"clear\")
        (global.set $g (ref.null exn)) (table.set $tab (i32.const 1) (ref.null exn))))";

fn keeper(store: &mut Store<()>) -> Instance {
    let collect = Func::wrap(&mut *store, |mut caller: Caller<'_, ()>| caller.gc());
    instantiate(store, KEEPER, &[collect.into()])
}

/// Calls `name` with a number and a counted value that nothing else roots.
fn keep(store: &mut Store<()>, guest: Instance, name: &str, number: i32, drops: &Drops) {
    let mut scope = RootScope::new(store);
    let value = ExternRef::new(&mut scope, (number, drops.counted())).expect("a value");
    let func = guest.get_func(&mut scope, name).expect("exported");
    call(&mut scope, func, &[Val::I32(number), value.into()]).expect("it returns");
}

/// Calls `name` and asserts that it gives this number and the value made with it.
#[track_caller]
fn assert_gives(store: &mut Store<()>, guest: Instance, name: &str, params: &[Val], number: i32) {
    let mut scope = RootScope::new(store);
    let func = guest.get_func(&mut scope, name).expect("exported");
    let results = call(&mut scope, func, params).expect("it returns");
    assert_eq!(results[0].unwrap_i32(), number, "{name}");
    let value = results[1].unwrap_extern_ref().expect("not null");
    let data = value.data(&scope).expect("rooted").expect("the host has made it");
    let (found, _) = data.downcast_ref::<(i32, crate::Counted)>().expect("its type");
    assert_eq!(*found, number, "{name}");
}

/// Throws and catches something else.
fn throw_another(store: &mut Store<()>) {
    let text = "(module (tag $t)
        (func (export \"run\") (block $h (try_table (catch $t $h) (throw $t)))))";
    let guest = instantiate(store, text, &[]);
    assert_eq!(run(store, guest, "run", &[]), Value(0));
}

/// An exception that was caught without a reference to it is gone for good, also if no other is thrown.
#[test]
fn freed_when_caught() {
    let catches = [
        "(block $h (result i32 externref)
            (try_table (catch $t $h) (throw $t (i32.const 1) (local.get 1))) (unreachable))
        (drop) (drop)",
        "(block $h (try_table (catch_all $h) (throw $t (i32.const 1) (local.get 1))))",
        "(try (do (throw $t (i32.const 1) (local.get 1))) (catch $t (drop) (drop)))",
        "(try (do (try (do (throw $t (i32.const 1) (local.get 1))) (catch_all (rethrow 0))))
            (catch_all))",
    ];
    for engine in engines() {
        for catch in catches {
            let (mut store, drops) = (Store::new(&engine, ()), Drops::default());
            let text = format!(
                "(module (tag $t (param i32 externref))
                    (func (export \"run\") (param i32 externref) {catch}))"
            );
            let guest = instantiate(&mut store, &text, &[]);
            keep(&mut store, guest, "run", 1, &drops);
            store.gc();
            assert_eq!(drops.count(), 1, "{catch}");
        }
    }
}

#[test]
fn kept_by_globals_and_tables() {
    for engine in engines() {
        let (mut store, drops) = (Store::new(&engine, ()), Drops::default());
        let guest = keeper(&mut store);
        keep(&mut store, guest, "keep in global", 11, &drops);
        keep(&mut store, guest, "keep in table", 12, &drops);
        for _ in 0..3 {
            assert_gives(&mut store, guest, "of global", &[], 11);
            assert_gives(&mut store, guest, "of table", &[], 12);
            assert_eq!(run(&mut store, guest, "many", &[10_000]), Value(0));
            store.gc();
            assert_eq!(drops.count(), 0, "kept exceptions keep what they carry");
        }
        keep(&mut store, guest, "keep in global", 13, &drops);
        store.gc();
        assert_eq!(drops.count(), 1, "the global keeps another one now");
        assert_gives(&mut store, guest, "of global", &[], 13);
        assert_eq!(run(&mut store, guest, "clear", &[]), Value(0));
        throw_another(&mut store);
        store.gc();
        assert_eq!(drops.count(), 3);
    }
}

#[test]
fn kept_by_running_guests() {
    for engine in engines() {
        for name in ["local", "caught"] {
            let (mut store, drops) = (Store::new(&engine, ()), Drops::default());
            let guest = keeper(&mut store);
            {
                let mut scope = RootScope::new(&mut store);
                let value = ExternRef::new(&mut scope, (21, drops.counted())).expect("a value");
                let func = guest.get_func(&mut scope, name).expect("exported");
                let params = [Val::I32(21), value.into()];
                let results = call(&mut scope, func, &params).expect("it returns");
                let found = results[1].unwrap_extern_ref().expect("not null");
                assert!(Rooted::ref_eq(&scope, &found, &value).unwrap());
            }
            throw_another(&mut store);
            store.gc();
            assert_eq!(drops.count(), 1, "{name}");
        }
    }
}

/// Uncaught exceptions are kept until they are taken, then by their root.
#[test]
fn pending_exceptions() {
    let (mut store, drops) = (Store::new(&Engine::default(), ()), Drops::default());
    let ty = ExnType::new(store.engine(), [ValType::I32, ValType::EXTERNREF]).expect("a type");
    let tag = Tag::new(&mut store, &ty.tag_type()).expect("a tag");
    let text = "(module (import \"\" \"\" (tag $t (param i32 externref)))
        (func (export \"throw\") (param i32 externref)
            (throw $t (local.get 0) (local.get 1))))";
    let guest = instantiate(&mut store, text, &[tag.into()]);
    {
        let mut scope = RootScope::new(&mut store);
        let value = ExternRef::new(&mut scope, drops.counted()).expect("a value");
        let throw = guest.get_func(&mut scope, "throw").expect("exported");
        call(&mut scope, throw, &[Val::I32(1), value.into()]).expect_err("it throws");
    }
    store.gc();
    assert_eq!(drops.count(), 0, "it is pending");
    {
        let mut scope = RootScope::new(&mut store);
        let thrown = scope.as_context_mut().take_pending_exception().expect("pending");
        scope.as_context_mut().gc();
        assert_eq!(drops.count(), 0, "it is rooted");
        assert_eq!(thrown.field(&mut scope, 0).expect("rooted").unwrap_i32(), 1);
    }
    store.gc();
    assert_eq!(drops.count(), 1);
}

/// An exception in an exception in an exception ..., of which only the outermost is named.
#[test]
fn chains() {
    const LENGTH: i32 = 100_000;
    let (mut store, drops) = (Store::new(&Engine::default(), ()), Drops::default());
    let text = "(module (tag $t (export \"tag\") (param externref exnref))
        (global $last (mut exnref) (ref.null exn))
        (func (export \"grow\") (param externref i32)
            (loop $next
                (global.set $last
                    (block $h (result exnref)
                        (try_table (catch_all_ref $h)
                            (throw $t (local.get 0) (global.get $last)))
                        (unreachable)))
                (local.set 0 (ref.null extern))
                (br_if $next (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))))
        (func (export \"shrink\") (param i32) (result externref)
            (local $value externref)
            (loop $next
                (block $h (result externref exnref)
                    (try_table (catch $t $h) (throw_ref (global.get $last))) (unreachable))
                (global.set $last)
                (local.set $value)
                (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get $value)))";
    let guest = instantiate(&mut store, text, &[]);
    {
        let mut scope = RootScope::new(&mut store);
        let value = ExternRef::new(&mut scope, drops.counted()).expect("a value");
        let grow = guest.get_func(&mut scope, "grow").expect("exported");
        call(&mut scope, grow, &[value.into(), Val::I32(LENGTH)]).expect("it returns");
    }
    store.gc();
    assert_eq!(drops.count(), 0);
    {
        let mut scope = RootScope::new(&mut store);
        let shrink = guest.get_func(&mut scope, "shrink").expect("exported");
        let found = call(&mut scope, shrink, &[Val::I32(LENGTH)]).expect("it returns");
        assert!(found[0].unwrap_extern_ref().is_some(), "the first one carries the value");
    }
    throw_another(&mut store);
    store.gc();
    assert_eq!(drops.count(), 1);
}

/// Exceptions that the host makes and never throws are collected without being asked.
#[test]
fn made_by_the_host() {
    let (mut store, drops) = (Store::new(&Engine::default(), ()), Drops::default());
    let ty = ExnType::new(store.engine(), [ValType::EXTERNREF]).expect("a type");
    let tag = Tag::new(&mut store, &ty.tag_type()).expect("a tag");
    for _ in 0..100_000 {
        let mut scope = RootScope::new(&mut store);
        let value = ExternRef::new(&mut scope, drops.counted()).expect("a value");
        exception(&mut scope, &tag, &[value.into()]);
    }
    assert!(drops.count() > 90_000, "{} dropped", drops.count());
    store.gc();
    assert_eq!(drops.count(), 100_000);
    let null = exception(&mut store, &tag, &[Val::ExternRef(None)]);
    assert!(null.field(&mut store, 0).expect("rooted").unwrap_extern_ref().is_none());
}
