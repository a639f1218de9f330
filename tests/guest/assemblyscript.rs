//! Modules in AssemblyScript: strings, arrays, classes, garbage collection, and what they import.

use crate::{assert_error, wasm};
use palisade::{Engine, Linker, Module, Store};
use palisade_guest::{
    AsAbort, AsArray, AsObject, AsStr, AsString, AsVec, AssemblyScript, AssemblyScriptEnv, Guest,
    GuestPtr, GuestRecord, Level,
};

/// Output as it arrives.
type Lines = Vec<String>;

pub(crate) struct Host {
    pub(crate) store: Store<Lines>,
    pub(crate) guest: Guest,
    pub(crate) objects: AssemblyScript,
}

/// A module of the tests, with its output in the store.
pub(crate) fn load(name: &str) -> Host {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm(&format!("assemblyscript/{name}.wasm"))).unwrap();
    let mut linker = Linker::new(&engine);
    AssemblyScriptEnv::new()
        .console(|lines: &mut Lines, level, text| {
            assert_eq!(level, Level::Log);
            lines.push(format!("log: {text}"));
            Ok(())
        })
        .trace(|lines, text, values| {
            let values: Vec<String> = values.iter().map(f64::to_string).collect();
            lines.push(format!("trace: {text} {}", values.join(" ")));
            Ok(())
        })
        .seed(|_| 42.0)
        .add_to_linker(&mut linker)
        .unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let guest = Guest::new(&mut store, instance).unwrap();
    let objects = AssemblyScript::of(&guest).unwrap();
    Host { store, guest, objects }
}

#[test]
fn text() {
    let Host { mut store, guest, objects } = load("text");
    let store = &mut store;
    let greet = guest.func::<(AsStr,), AsString>(&mut *store, "greet").unwrap();
    assert_eq!(greet.call(&mut *store, (AsStr("Ada 🎉"),)).unwrap().0, "Hello, Ada 🎉! 你好");
    let reverse = guest.func::<AsStr, AsString>(&mut *store, "reverse").unwrap();
    assert_eq!(reverse.call(&mut *store, AsStr("abc")).unwrap().0, "cba");

    let int32_array = objects.class_id(&mut *store, "Int32Array_ID").unwrap();
    let join = guest.func::<(AsArray<i32>, AsStr), AsString>(&mut *store, "joinNumbers").unwrap();
    let numbers = AsArray { class: int32_array, values: &[1, -2, 3] };
    assert_eq!(join.call(&mut *store, (numbers, AsStr("; "))).unwrap().0, "1; -2; 3");

    let array_f64 = objects.class_id(&mut *store, "ArrayF64_ID").unwrap();
    let sum = guest.func::<(AsArray<f64>,), f64>(&mut *store, "sumF64").unwrap();
    let numbers = AsArray { class: array_f64, values: &[0.5, 1.25, 2.0] };
    assert_eq!(sum.call(&mut *store, (numbers,)).unwrap(), 3.75);

    let range = guest.func::<i32, AsVec<i32>>(&mut *store, "range").unwrap();
    assert_eq!(range.call(&mut *store, 5).unwrap().0, [0, 1, 4, 9, 16]);

    let separator = objects.new_string(&mut *store, "; ").unwrap();
    assert_eq!(objects.view(&*store).header(separator.ptr()).unwrap(), (2, 4));
    separator.free(&mut *store).unwrap();
}

#[derive(GuestRecord, Debug, PartialEq)]
struct Point {
    x: f64,
    y: f64,
    next: GuestPtr<Point>,
}

#[test]
fn point() {
    let Host { mut store, guest, objects } = load("point");
    let store = &mut store;
    let make = guest.func::<(f64, f64), GuestPtr<Point>>(&mut *store, "makePoint").unwrap();
    let made = make.call(&mut *store, (3.0, 4.0)).unwrap();
    let point = objects.pin(&mut *store, made).unwrap();
    let length = guest.func::<GuestPtr<Point>, f64>(&mut *store, "pointLength").unwrap();
    assert_eq!(length.call(&mut *store, point.ptr()).unwrap(), 5.0);
    let class = objects.class_id(&mut *store, "Point_ID").unwrap();
    let fields = objects.view(&*store).get(point.ptr(), class).unwrap();
    assert_eq!(fields, Point { x: 3.0, y: 4.0, next: GuestPtr::NULL });
    let mut view = guest.view_mut(&mut *store);
    view.set(point.ptr().field(Point::FIELDS.x), &6.0).unwrap();
    view.set(point.ptr().field(Point::FIELDS.y), &8.0).unwrap();
    assert_eq!(length.call(&mut *store, point.ptr()).unwrap(), 10.0);

    let chain = guest.func::<i32, GuestPtr<Point>>(&mut *store, "chain").unwrap();
    let head = chain.call(&mut *store, 1000).unwrap();
    let head = objects.pin(&mut *store, head).unwrap();
    for _ in 0..40 {
        chain.call(&mut *store, 1000).unwrap();
        objects.collect(&mut *store).unwrap();
    }
    let chain_length = guest.func::<GuestPtr<Point>, i32>(&mut *store, "chainLength").unwrap();
    assert_eq!(chain_length.call(&mut *store, head.ptr()).unwrap(), 1000);
    assert_eq!(guest.memory().size(&*store), 4);
    head.free(&mut *store).unwrap();
    objects.collect(&mut *store).unwrap();

    let fail = guest.func::<i32, i32>(&mut *store, "fail").unwrap();
    let error = fail.call(&mut *store, 9).unwrap_err();
    assert_eq!(error.to_string(), "abort: Index out of range at ~lib/array.ts:114:42");
    let abort: &AsAbort = error.downcast_ref().unwrap();
    assert_eq!((abort.line, abort.column), (114, 42));
    let twice = point.into_ptr();
    objects.unpin(&mut *store, twice).unwrap();
    let unpinned = objects.unpin(&mut *store, twice);
    assert_error(unpinned, "abort: Object is not pinned at ~lib/rt/itcms.ts:352:5");
}

#[test]
fn log() {
    let Host { mut store, guest, .. } = load("log");
    let run = guest.func::<i32, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 7).unwrap(), 7);
    assert_eq!(store.data()[..], ["log: n=7", "trace: values 1.5 7"]);
    store.data_mut().clear();
    let error = run.call(&mut store, 100).unwrap_err();
    assert_eq!(store.data()[..], ["log: n=100", "trace: values 1.5 100"]);
    assert_eq!(error.to_string(), "abort: n must be below 100 at src/log.ts:6:3");
    let abort = AsAbort {
        message: Some("n must be below 100".into()),
        file: Some("src/log.ts".into()),
        line: 6,
        column: 3,
    };
    assert_eq!(error.downcast_ref(), Some(&abort));
}

/// What the host drops without freeing it is unpinned all the same, by the next allocation.
#[test]
fn dropped_pins_do_not_leak() {
    let Host { mut store, guest, objects } = load("point");
    let chain = guest.func::<i32, GuestPtr<AsObject>>(&mut store, "chain").unwrap();
    for _ in 0..60 {
        let head = chain.call(&mut store, 1000).unwrap();
        let _ = objects.pin(&mut store, head).unwrap();
        objects.collect(&mut store).unwrap();
    }
    // 60 chains are 40 pages.
    assert!(guest.memory().size(&store) <= 4);
}

/// What an AssemblyScript module exports, with a table of classes.
fn runtime(rtti: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1)
            (data (i32.const 64) "{rtti}")
            (global (export "__rtti_base") i32 (i32.const 64))
            (func (export "__new") (param i32 i32) (result i32) i32.const 256)
            (func (export "__pin") (param i32) (result i32) local.get 0)
            (func (export "__unpin") (param i32))
            (func (export "__collect")))"#
    )
}

#[test]
fn versions_with_other_class_numbers_are_refused() {
    let set_up = |rtti: &str| {
        let engine = Engine::default();
        let module = Module::new(&engine, runtime(rtti)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = palisade::Instance::new(&mut store, &module, &[]).unwrap();
        let guest = Guest::new(&mut store, instance).unwrap();
        AssemblyScript::of(&guest).map(|_| ())
    };
    let flags = |words: [u8; 4]| -> String {
        let words = words.iter().map(|word| format!("\\{word:02x}\\00\\00\\00"));
        format!("\\03\\00\\00\\00{}", words.collect::<String>())
    };
    // `Object`, `ArrayBuffer`, `String`, and a view.
    set_up(&flags([32, 32, 32, 0])).unwrap();
    // 0.23 has no `Object`, and 0.22 has two words for a class.
    for old in [[32, 32, 0, 0], [32, 0, 32, 0], [0; 4]] {
        let error = set_up(&flags(old)).unwrap_err().to_string();
        assert!(error.contains("AssemblyScript 0.24"), "{error}");
    }
}

#[test]
fn clocks_and_timers_are_there() {
    let engine = Engine::default();
    let text = r#"(module
        (import "env" "Date.now" (func $date (result f64)))
        (import "env" "performance.now" (func $now (result f64)))
        (import "env" "console.time" (func $time (param i32)))
        (import "env" "console.timeLog" (func $log (param i32)))
        (import "env" "console.timeEnd" (func $end (param i32)))
        (memory (export "memory") 1)
        ;; A string: class 2, four bytes.
        (data (i32.const 56) "\02\00\00\00\04\00\00\00a\00b\00")
        (func (export "run") (result i32)
            (call $end (i32.const 64))
            (call $time (i32.const 64))
            (call $log (i32.const 64))
            (call $end (i32.const 64))
            (call $log (i32.const 64))
            (i32.and
                (f64.gt (call $date) (f64.const 1.6e12))
                (f64.ge (call $now) (f64.const 0)))))"#;
    let module = Module::new(&engine, text).unwrap();
    let mut linker: Linker<Vec<String>> = Linker::new(&engine);
    let env = AssemblyScriptEnv::new().console(|lines: &mut Vec<String>, _, text| {
        lines.push(text.to_owned());
        Ok(())
    });
    env.add_to_linker(&mut linker).unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 1);
    // Only what was begun has a time.
    let lines = store.data();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("ab: ") && line.ends_with("ms")), "{lines:?}");
}
