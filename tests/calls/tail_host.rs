//! Host functions that guests call in their own place.

use crate::{call, engines, instantiate, run};
use palisade::{
    Caller, Engine, Error, Extern, Func, FuncType, Global, GlobalType, Instance, Mutability, Store,
    Trap, Val, ValType, WasmBacktrace,
};

/// The ways to get to the host: by name, through a table, by reference, and through a function that does.
const TEXT: &str = "(module $m
    (type $t (func (param i32) (result i32)))
    (import \"\" \"\" (func $host (type $t)))
    (import \"\" \"id\" (global $id i32))
    (table $table funcref (elem $host))
    (global (export \"id\") i32 (global.get $id))
    (func $direct (export \"direct\") (type $t) (return_call $host (local.get 0)))
    (func $indirect (export \"indirect\") (type $t)
        (return_call_indirect $table (type $t) (local.get 0) (i32.const 0)))
    (func $ref (export \"ref\") (type $t) (return_call_ref $t (local.get 0) (ref.func $host)))
    (func $twice (export \"twice\") (type $t) (return_call $direct (local.get 0)))
    (func $loops (export \"loops\") (type $t)
        (loop (return_call $host (local.get 0))) (unreachable))
    (func $calls (export \"calls\") (type $t) (i32.add (call $direct (local.get 0)) (i32.const 0)))
    (func (export \"many\") (param $n i32) (result i32)
        (loop $next
            (drop (call $direct (local.get $n)))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (return_call $direct (i32.const 9))))";

const NAMES: [&str; 6] = ["direct", "indirect", "ref", "twice", "loops", "calls"];

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

fn guest(store: &mut Store<()>, host: Func, id: i32) -> Instance {
    let ty = GlobalType::new(ValType::I32, Mutability::Const);
    let id = Global::new(&mut *store, ty, Val::I32(id)).expect("a global");
    instantiate(store, TEXT, &[Extern::Func(host), Extern::Global(id)])
}

#[test]
fn results_and_failures() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let hosts = both(&mut store, |_, value| match value {
            0 => Err(Trap::OutOfFuel.into()),
            value => Ok(value * 3),
        });
        for host in hosts {
            let guest = guest(&mut store, host, 0);
            for name in NAMES {
                for _ in 0..3 {
                    assert_eq!(run(&mut store, guest, name, &[5]), Ok(15), "{name}");
                    assert_eq!(run(&mut store, guest, name, &[0]), Err(Trap::OutOfFuel), "{name}");
                }
            }
            assert_eq!(run(&mut store, guest, "many", &[100_000]), Ok(27));
        }
    }
}

/// The caller is the instance that made the call, whoever has called that.
#[test]
fn callers() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let hosts = both(&mut store, |mut caller, _| {
            let id = caller.get_export("id").and_then(Extern::into_global).expect("exported");
            Ok(id.get(&mut caller).unwrap_i32())
        });
        for host in hosts {
            let inner = guest(&mut store, host, 11);
            for inner_name in NAMES {
                assert_eq!(run(&mut store, inner, inner_name, &[1]), Ok(11), "{inner_name}");
                let func = inner.get_func(&mut store, inner_name).expect("exported");
                let outer = guest(&mut store, func, 22);
                for name in NAMES {
                    let found = run(&mut store, outer, name, &[1]);
                    assert_eq!(found, Ok(11), "{name}, then {inner_name}");
                }
                let own = guest(&mut store, host, 33);
                assert_eq!(run(&mut store, own, inner_name, &[1]), Ok(33));
            }
        }
    }
}

/// Names of the wasm frames that an error has, innermost first.
fn names(backtrace: &WasmBacktrace) -> Vec<String> {
    let frames = backtrace.frames().iter();
    frames.map(|frame| frame.func_name().expect("all have names").to_owned()).collect()
}

/// The frame that the host function has replaced is gone; only what is beneath it is left.
#[test]
fn backtraces() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let fails = both(&mut store, |_, _| Err(Error::msg("no")));
        for host in fails {
            let guest = guest(&mut store, host, 0);
            for name in NAMES {
                let func = guest.get_func(&mut store, name).expect("exported");
                let error = call(&mut store, func, &[Val::I32(1)]).expect_err("it fails");
                assert_eq!(error.to_string(), "no");
                let found = error.backtrace().map(names).unwrap_or_default();
                let expected: &[&str] = if name == "calls" { &["calls"] } else { &[] };
                assert_eq!(found, expected, "{name}");
            }
        }
        let captures =
            both(&mut store, |caller, _| Ok(names(&WasmBacktrace::capture(&caller)).len() as i32));
        for host in captures {
            let guest = guest(&mut store, host, 0);
            for name in NAMES {
                let expected = i32::from(name == "calls");
                assert_eq!(run(&mut store, guest, name, &[1]), Ok(expected), "{name}");
            }
        }
    }
}

/// Host functions with many parameters and results, whose tail calls move many values on the stack.
#[test]
fn many_values() {
    let types = "i32 i64 f32 f64 ".repeat(10);
    let own: String = (0..40).map(|place| format!("(local.get {place})")).collect();
    let text = format!(
        "(module
            (type $t (func (param {types}) (result {types})))
            (import \"\" \"\" (func $host (type $t)))
            (table funcref (elem $host))
            (func $direct (export \"direct\") (type $t) (return_call $host {own}))
            (func (export \"indirect\") (type $t)
                (return_call_indirect (type $t) {own} (i32.const 0)))
            (func (export \"small\") (param i32) (result {types})
                (return_call $host {})))",
        "(local.get 0) (i64.const 1) (f32.const 2) (f64.const 3)".repeat(10)
    );
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let types = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];
    let all: Vec<ValType> = types.into_iter().cycle().take(40).collect();
    // Gives back its parameters in reverse groups of four.
    let ty = FuncType::new(&engine, all.clone(), all);
    let host = Func::new(&mut store, ty, |_, params, results| {
        for (group, values) in params.chunks(4).enumerate() {
            results[(9 - group) * 4..][..4].copy_from_slice(values);
        }
        Ok(())
    });
    let guest = instantiate(&mut store, &text, &[host.into()]);
    let value = |place: i32| match place % 4 {
        0 => Val::I32(place),
        1 => Val::I64(place.into()),
        2 => Val::from(place as f32),
        _ => Val::from(f64::from(place)),
    };
    let params: Vec<Val> = (0..40).map(value).collect();
    let expected: Vec<Val> = (0..10).rev().flat_map(|g| (g * 4..g * 4 + 4).map(value)).collect();
    for name in ["direct", "indirect"] {
        let func = guest.get_func(&mut store, name).expect("exported");
        let results = call(&mut store, func, &params).expect("it returns");
        assert_eq!(format!("{results:?}"), format!("{expected:?}"), "{name}");
    }
    let small = guest.get_func(&mut store, "small").expect("exported");
    let results = call(&mut store, small, &[Val::I32(0)]).expect("it returns");
    let expected: Vec<Val> = (0..40).map(|place| value(place % 4)).collect();
    assert_eq!(format!("{results:?}"), format!("{expected:?}"));
}

/// Guests and the host in turn; each guest is replaced by the host, which calls the next.
#[test]
fn nested() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let [mut host, _] = both(&mut store, |_, value| Ok(value));
        for floor in 0..40 {
            let guest = guest(&mut store, host, floor);
            let name = NAMES[floor as usize % NAMES.len()];
            let callee = guest.get_typed_func::<i32, i32>(&mut store, name).expect("its type");
            let hosts =
                both(&mut store, move |mut caller, value| Ok(callee.call(&mut caller, value)? + 1));
            host = hosts[floor as usize % 2];
        }
        let result = call(&mut store, host, &[Val::I32(2)]).expect("it returns");
        assert_eq!(result[0].unwrap_i32(), 42);
    }
}
