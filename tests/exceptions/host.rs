//! Exceptions and functions of the host: thrown, passed on, caught and replaced by them.

use crate::{
    End, Thrown, Value, call, call_export, end, engines, exception, instantiate, numbers, run,
};
use palisade::{
    AsContextMut, Caller, Engine, Error, Extern, Func, FuncType, Instance, Linker, Rooted, Store,
    Tag, TagType, ThrownException, Val, ValType,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// Calls an import in all ways that are compiled differently. Handlers add 100 to what they catch.
const CALLS: &str = "(module $calls
    (import \"\" \"tag\" (tag $t (param i32)))
    (import \"\" \"func\" (func $import (param i32) (result i32)))
    (func $plain (export \"plain\") (param i32) (result i32)
        (i32.add (call $import (local.get 0)) (i32.const 1)))
    (func $loops (export \"loops\") (param i32) (result i32)
        (loop (result i32) (i32.add (call $import (local.get 0)) (i32.const 1))))
    (func (export \"table\") (param i32) (result i32)
        (block $h (result i32)
            (try_table (catch $t $h)
                (return (i32.add (call $import (local.get 0)) (i32.const 1))))
            (unreachable))
        (i32.add (i32.const 100)))
    (func (export \"table in loop\") (param i32) (result i32)
        (loop (result i32)
            (block $h (result i32)
                (try_table (catch $t $h)
                    (return (i32.add (call $import (local.get 0)) (i32.const 1))))
                (unreachable))
            (i32.add (i32.const 100))))
    (func (export \"loop in table\") (param i32) (result i32)
        (block $h (result i32)
            (try_table (catch $t $h)
                (loop (return (i32.add (call $import (local.get 0)) (i32.const 1)))))
            (unreachable))
        (i32.add (i32.const 100)))
    (func (export \"try\") (param i32) (result i32)
        (try (result i32)
            (do (i32.add (call $import (local.get 0)) (i32.const 1)))
            (catch $t (i32.add (i32.const 100)))))
    (func (export \"try in loop\") (param i32) (result i32)
        (loop (result i32)
            (try (result i32)
                (do (i32.add (call $import (local.get 0)) (i32.const 1)))
                (catch $t (i32.add (i32.const 100))))))
    (func (export \"callee\") (param i32) (result i32)
        (try (result i32) (do (call $plain (local.get 0))) (catch $t (i32.add (i32.const 100)))))
    (func (export \"callee in loop\") (param i32) (result i32)
        (try (result i32) (do (call $loops (local.get 0))) (catch $t (i32.add (i32.const 100)))))
    (func (export \"clause\") (param i32) (result i32)
        (try (result i32)
            (do (throw $t (i32.const 0)))
            (catch $t (drop) (i32.add (call $import (local.get 0)) (i32.const 1)))))
    (func (export \"tail\") (param i32) (result i32)
        (try (do (return_call $import (local.get 0))) (catch_all))
        (unreachable)))";

/// Exports of `CALLS` that let exceptions through, and those that catch them.
const OPEN: [&str; 3] = ["plain", "loops", "clause"];
const CATCHING: [&str; 7] =
    ["table", "table in loop", "loop in table", "try", "try in loop", "callee", "callee in loop"];

fn tag_of(store: &mut Store<()>, params: impl IntoIterator<Item = ValType>) -> Tag {
    let ty = TagType::new(FuncType::new(store.engine(), params, []));
    Tag::new(store, &ty).expect("a tag")
}

/// `body` by both conventions of host functions.
fn both(
    store: &mut Store<()>,
    body: impl Fn(Caller<'_, ()>, i32) -> Result<i32, Error> + Clone + Send + Sync + 'static,
) -> [Func; 2] {
    let wrapped = Func::wrap(&mut *store, body.clone());
    let ty = FuncType::new(store.engine(), [ValType::I32], [ValType::I32]);
    let new = Func::new(store, ty, move |caller, params, results| {
        results[0] = Val::I32(body(caller, params[0].unwrap_i32())?);
        Ok(())
    });
    [wrapped, new]
}

/// Throws `tag` with its parameter; returns it if it is 0.
fn throwers(store: &mut Store<()>, tag: Tag) -> [Func; 2] {
    both(store, move |mut caller, value| {
        if value == 0 {
            return Ok(0);
        }
        let thrown = exception(&mut caller, &tag, &[Val::I32(value)]);
        Ok(caller.as_context_mut().throw(thrown)?)
    })
}

fn calls(store: &mut Store<()>, tag: Tag, func: Func) -> Instance {
    instantiate(store, CALLS, &[Extern::Tag(tag), Extern::Func(func)])
}

/// All exports of an instance of `CALLS` whose import throws `thrown` of its tag when called with 5.
#[track_caller]
fn assert_all(store: &mut Store<()>, guest: Instance, thrown: i32) {
    for _ in 0..2 {
        for name in OPEN {
            assert_eq!(run(store, guest, name, &[5]), Thrown(vec![thrown]), "{name}");
            assert_eq!(run(store, guest, name, &[0]), Value(1), "{name}");
        }
        for name in CATCHING {
            assert_eq!(run(store, guest, name, &[5]), Value(thrown + 100), "{name}");
            assert_eq!(run(store, guest, name, &[0]), Value(1), "{name}");
        }
        assert_eq!(run(store, guest, "tail", &[5]), Thrown(vec![thrown]));
        assert_eq!(run(store, guest, "tail", &[0]), Value(0));
    }
}

/// All of them return this when called with 5.
#[track_caller]
fn assert_all_return(store: &mut Store<()>, guest: Instance, value: i32) {
    for name in OPEN.iter().chain(&CATCHING) {
        assert_eq!(run(store, guest, name, &[5]), Value(value + 1), "{name}");
    }
}

#[test]
fn host_functions_throw() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let tag = tag_of(&mut store, [ValType::I32]);
        for func in throwers(&mut store, tag) {
            let guest = calls(&mut store, tag, func);
            assert_all(&mut store, guest, 5);
        }
    }
}

#[test]
fn functions_of_linkers_throw() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let tag = tag_of(&mut store, [ValType::I32]);
    let throw = move |mut caller: Caller<'_, ()>, value: i32| -> Result<i32, Error> {
        let thrown = exception(&mut caller, &tag, &[Val::I32(value)]);
        Ok(caller.as_context_mut().throw(thrown)?)
    };
    let ty = FuncType::new(&engine, [ValType::I32], [ValType::I32]);
    let mut linker = Linker::new(&engine);
    linker.define(&store, "", "tag", tag).expect("a new name");
    for wrap in [true, false] {
        let mut linker = linker.clone();
        if wrap {
            linker.func_wrap("", "func", throw).expect("a new name");
        } else {
            let func = move |caller: Caller<'_, ()>, params: &[Val], results: &mut [Val]| {
                results[0] = throw(caller, params[0].unwrap_i32())?.into();
                Ok(())
            };
            linker.func_new("", "func", ty.clone(), func).expect("a new name");
        }
        let module = crate::module(&engine, CALLS).expect("valid");
        let guest = linker.instantiate(&mut store, &module).expect("all is there");
        assert_eq!(run(&mut store, guest, "table", &[5]), Value(105));
        assert_eq!(run(&mut store, guest, "loops", &[5]), Thrown(vec![5]));
    }
}

/// The host function does not see what it passes on.
#[test]
fn host_functions_pass_on() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let tag = tag_of(&mut store, [ValType::I32]);
        for func in throwers(&mut store, tag) {
            let inner = calls(&mut store, tag, func);
            for name in OPEN {
                let callee = inner.get_typed_func::<i32, i32>(&mut store, name).expect("its type");
                // With and without words of its own.
                let plain = both(&mut store, move |mut caller, value| {
                    Ok(callee.call(&mut caller, value)? - i32::from(value == 0))
                });
                let context = both(&mut store, move |mut caller, value| {
                    let result = callee.call(&mut caller, value);
                    Ok(result.map_err(|e| e.context("more"))? - i32::from(value == 0))
                });
                for func in plain.into_iter().chain(context) {
                    let guest = calls(&mut store, tag, func);
                    assert_all(&mut store, guest, 5);
                }
            }
        }
    }
}

#[test]
fn host_functions_catch() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let tag = tag_of(&mut store, [ValType::I32]);
        let [throw, _] = throwers(&mut store, tag);
        let inner = calls(&mut store, tag, throw);
        for name in OPEN {
            let callee = inner.get_typed_func::<i32, i32>(&mut store, name).expect("its type");
            let catches = both(&mut store, move |mut caller, value| {
                let error = callee.call(&mut caller, value).expect_err("it throws");
                assert!(error.is::<ThrownException>());
                assert!(caller.as_context_mut().has_pending_exception());
                let mut store = caller.as_context_mut();
                let thrown = store.take_pending_exception().expect("the error stands for it");
                assert!(!store.has_pending_exception());
                assert!(store.take_pending_exception().is_none());
                assert!(Tag::eq(&thrown.tag(&mut store)?, &tag, &store));
                Ok(numbers(&mut store, thrown)[0] * 10)
            });
            for func in catches {
                let guest = calls(&mut store, tag, func);
                assert_all_return(&mut store, guest, 50);
                assert!(!store.has_pending_exception());
            }
        }
    }
}

#[test]
fn host_functions_throw_another() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let [tag, other] = [(); 2].map(|()| tag_of(&mut store, [ValType::I32]));
        let [throw, _] = throwers(&mut store, other);
        let inner = calls(&mut store, tag, throw);
        let callee = inner.get_typed_func::<i32, i32>(&mut store, "plain").expect("its type");
        // Taken or not, the first exception gives way.
        for take in [true, false] {
            let replaces = both(&mut store, move |mut caller, value| {
                let Err(error) = callee.call(&mut caller, value) else { return Ok(0) };
                assert!(error.is::<ThrownException>());
                if take {
                    caller.as_context_mut().take_pending_exception().expect("it is there");
                }
                let another = exception(&mut caller, &tag, &[Val::I32(value + 1)]);
                Ok(caller.as_context_mut().throw(another)?)
            });
            for func in replaces {
                let guest = calls(&mut store, tag, func);
                assert_all(&mut store, guest, 6);
            }
        }
    }
}

/// An error is an exception only while its exception is pending.
#[test]
fn taken_exceptions_are_not_thrown_on() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let tag = tag_of(&mut store, [ValType::I32]);
        let takes = both(&mut store, move |mut caller, value| {
            let thrown = exception(&mut caller, &tag, &[Val::I32(value)]);
            let error = caller.as_context_mut().throw::<i32>(thrown).expect_err("always");
            caller.as_context_mut().take_pending_exception().expect("just thrown");
            Err(error.into())
        });
        for func in takes {
            let guest = calls(&mut store, tag, func);
            for name in OPEN.iter().chain(&CATCHING) {
                let error = call_export(&mut store, guest, name, &[Val::I32(5)]);
                assert!(error.expect_err("it fails").is::<ThrownException>(), "{name}");
                assert!(!store.has_pending_exception());
            }
        }
    }
}

/// A host function that makes an exception pending and returns has thrown nothing.
#[test]
fn throwing_is_returning_the_error() {
    let mut store = Store::new(&Engine::default(), ());
    let tag = tag_of(&mut store, [ValType::I32]);
    let forgets = both(&mut store, move |mut caller, value| {
        let thrown = exception(&mut caller, &tag, &[Val::I32(value)]);
        caller.as_context_mut().throw::<i32>(thrown).expect_err("always");
        Ok(30)
    });
    let fails = both(&mut store, move |mut caller, value| {
        let thrown = exception(&mut caller, &tag, &[Val::I32(value)]);
        caller.as_context_mut().throw::<i32>(thrown).expect_err("always");
        Err(Error::msg("something else"))
    });
    for (forgets, fails) in forgets.into_iter().zip(fails) {
        let guest = calls(&mut store, tag, forgets);
        assert_all_return(&mut store, guest, 30);
        let guest = calls(&mut store, tag, fails);
        for name in OPEN.iter().chain(&CATCHING) {
            let error = call_export(&mut store, guest, name, &[Val::I32(5)]);
            assert_eq!(error.expect_err("it fails").to_string(), "something else", "{name}");
        }
    }
}

/// What the host gets when nobody catches.
#[test]
fn uncaught() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let tag = tag_of(&mut store, [ValType::I32, ValType::EXTERNREF]);
        let text = "(module $m (import \"\" \"\" (tag $t (param i32 externref)))
            (func $throws (param i32 externref) (throw $t (local.get 0) (local.get 1)))
            (func $middle (param i32 externref) (call $throws (local.get 0) (local.get 1)))
            (func $outer (export \"outer\") (param i32 externref)
                (try (do (call $middle (local.get 0) (local.get 1))) (delegate 0))))";
        let guest = instantiate(&mut store, text, &[tag.into()]);
        let value = palisade::ExternRef::new(&mut store, "payload").expect("a value");
        for number in 0..3 {
            let params = [Val::I32(number), value.into()];
            let error = call_export(&mut store, guest, "outer", &params).expect_err("it throws");
            assert_eq!(error.to_string(), "uncaught wasm exception");
            assert_eq!(error.downcast_ref::<palisade::Trap>(), None);
            let frames = error.backtrace().expect("it comes from wasm").frames().iter();
            let names: Vec<_> = frames.map(|f| (f.func_index(), f.func_name().unwrap())).collect();
            assert_eq!(names, [(0, "throws"), (1, "middle"), (2, "outer")]);
            assert!(store.has_pending_exception());
            // Only the last one is kept if nobody takes them.
            if number == 0 {
                continue;
            }
            let thrown = store.take_pending_exception().expect("the error stands for it");
            assert!(Tag::eq(&thrown.tag(&mut store).unwrap(), &tag, &store));
            assert_eq!(thrown.field(&mut store, 0).unwrap().unwrap_i32(), number);
            let payload = thrown.field(&mut store, 1).unwrap().unwrap_extern_ref();
            assert!(Rooted::ref_eq(&store, &payload.expect("not null"), &value).unwrap());
            assert!(store.take_pending_exception().is_none());
            type Params = (i32, Option<Rooted<palisade::ExternRef>>);
            let typed = guest.get_typed_func::<Params, ()>(&mut store, "outer").unwrap();
            let error = typed.call(&mut store, (number, Some(value))).expect_err("it throws");
            error.downcast::<ThrownException>().expect("its type");
            assert!(store.take_pending_exception().is_some());
        }
    }
}

/// Host functions that the host calls throw like others.
#[test]
fn without_wasm() {
    let mut store = Store::new(&Engine::default(), ());
    let tag = tag_of(&mut store, [ValType::I32]);
    for func in throwers(&mut store, tag) {
        let result = call(&mut store, func, &[Val::I32(8)]);
        assert_eq!(end(&mut store, result), Thrown(vec![8]));
        let typed = func.typed::<i32, i32>(&store).expect("its type");
        let result = typed.call(&mut store, 9).map(|v| vec![Val::I32(v)]);
        assert_eq!(end(&mut store, result), Thrown(vec![9]));
        let result = call(&mut store, func, &[Val::I32(0)]);
        assert_eq!(end(&mut store, result), Value(0));
    }
}

/// An exception that was caught by the host may be kept and thrown later, by another function.
#[test]
fn thrown_again_later() {
    let mut store = Store::new(&Engine::default(), ());
    let tag = tag_of(&mut store, [ValType::I32]);
    let text = "(module (import \"\" \"\" (tag $t (param i32)))
        (func (export \"throw\") (throw $t (i32.const 66))))";
    let guest = instantiate(&mut store, text, &[tag.into()]);
    call_export(&mut store, guest, "throw", &[]).expect_err("it throws");
    let kept = store.take_pending_exception().expect("the error stands for it");
    let throws = both(&mut store, move |mut caller, value| match value {
        0 => Ok(0),
        _ => Ok(caller.as_context_mut().throw(kept)?),
    });
    for func in throws {
        let guest = calls(&mut store, tag, func);
        assert_all(&mut store, guest, 66);
    }
    store.gc();
    assert_eq!(numbers(&mut store, kept), [66]);
}

/// A store in a host function of another: what it throws cannot be caught there, but is an error like others.
fn assert_foreign_exceptions_are_errors(leave_pending: bool) {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let tag = tag_of(&mut store, [ValType::I32]);
        let runs = both(&mut store, move |_, value| {
            let mut store = Store::new(&Engine::default(), ());
            let tag = tag_of(&mut store, [ValType::I32]);
            let [throw, _] = throwers(&mut store, tag);
            let inner = calls(&mut store, tag, throw);
            inner.get_typed_func::<i32, i32>(&mut store, "plain")?.call(&mut store, value)
        });
        for func in runs {
            let guest = calls(&mut store, tag, func);
            for name in OPEN.iter().chain(&CATCHING) {
                if leave_pending {
                    let kept = exception(&mut store, &tag, &[Val::I32(3)]);
                    store.throw::<()>(kept).expect_err("always");
                }
                let error = call_export(&mut store, guest, name, &[Val::I32(5)]);
                let error = error.map(|values| values[0].unwrap_i32()).expect_err(name);
                assert!(error.is::<ThrownException>(), "{name}");
                if !leave_pending {
                    assert!(store.take_pending_exception().is_none(), "{name}");
                }
            }
        }
    }
}

#[test]
fn exceptions_of_other_stores() {
    assert_foreign_exceptions_are_errors(false);
}

/// Likewise where an exception of the outer store has been left untaken before.
#[test]
fn exceptions_of_other_stores_and_one_left_behind() {
    assert_foreign_exceptions_are_errors(true);
}

#[test]
fn ended_scopes() {
    let mut store = Store::new(&Engine::default(), ());
    let tag = tag_of(&mut store, []);
    let ended = {
        let mut scope = palisade::RootScope::new(&mut store);
        exception(&mut scope, &tag, &[])
    };
    let message = "a reference is used after the scope that rooted it";
    assert_eq!(ended.tag(&mut store).expect_err("it has ended").to_string(), message);
    assert_eq!(ended.ty(&store).expect_err("it has ended").to_string(), message);
    assert_eq!(ended.fields(&mut store).expect_err("it has ended").to_string(), message);
    let throws = catch_unwind(AssertUnwindSafe(|| store.throw::<()>(ended).is_ok()));
    throws.expect_err("as the documentation says");
    assert!(!store.has_pending_exception());
}

/// A guest that throws in what the host calls while an exception of the guest is being handled.
#[test]
fn while_handling() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let text = "(module (import \"\" \"\" (func $host (param i32) (result i32)))
            (tag $t (param i32))
            (func (export \"throw\") (param i32) (result i32) (throw $t (local.get 0)))
            (func (export \"rethrows\") (param i32) (result i32)
                (try (result i32)
                    (do (throw $t (local.get 0)))
                    (catch_all (drop (call $host (i32.const 1000))) (rethrow 0))))
            (func (export \"throw_ref\") (param i32) (result i32)
                (block $h (result exnref)
                    (try_table (catch_all_ref $h) (throw $t (local.get 0))) (unreachable))
                (drop (call $host (i32.const 1000)))
                (throw_ref)))";
        let seen = Arc::new(AtomicI32::new(0));
        let sum = seen.clone();
        // Throws 100 times through the guest and catches it.
        let host = both(&mut store, move |mut caller, value| {
            let throw = caller.get_export("throw").and_then(Extern::into_func).expect("exported");
            for round in 0..100 {
                let error = call(&mut caller, throw, &[Val::I32(value + round)]);
                assert!(error.expect_err("it throws").is::<ThrownException>());
                let thrown = caller.as_context_mut().take_pending_exception().expect("pending");
                sum.fetch_add(numbers(&mut caller, thrown)[0], Ordering::Relaxed);
                caller.gc();
            }
            Ok(0)
        });
        for host in host {
            let guest = instantiate(&mut store, text, &[host.into()]);
            for name in ["rethrows", "throw_ref"] {
                let ends: [End; 2] = [4, 5].map(|n| run(&mut store, guest, name, &[n]));
                assert_eq!(ends, [Thrown(vec![4]), Thrown(vec![5])], "{name}");
                assert_eq!(seen.swap(0, Ordering::Relaxed), 2 * (100_000 + 4950));
            }
        }
    }
}
