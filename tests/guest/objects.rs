//! AssemblyScript's objects at the edges: of all kinds, of the wrong kind, and with headers that
//! lie.

use crate::assemblyscript::{Host, load};
use crate::assert_error;
use palisade::{Engine, Linker, Module, Store};
use palisade_guest::{
    AccessError, AsAbort, AsArray, AsObject, AsStr, AsString, AsVec, AssemblyScript,
    AssemblyScriptEnv, Guest, GuestAlloc, GuestError, GuestFunc, GuestParams, GuestPtr,
    GuestRecord, GuestResults,
};

type Object = GuestPtr<AsObject>;

impl Host {
    fn func<P: GuestParams<u32>, R: GuestResults<u32>>(&mut self, name: &str) -> GuestFunc<P, R> {
        self.guest.func(&mut self.store, name).unwrap()
    }

    #[track_caller]
    fn call<P: GuestParams<u32>, R: GuestResults<u32>>(&mut self, name: &str, argument: P) -> R {
        let func = self.func::<P, R>(name);
        func.call(&mut self.store, argument).unwrap()
    }

    fn class(&mut self, name: &str) -> u32 {
        self.objects.class_id(&mut self.store, name).unwrap()
    }

    fn made(&mut self, name: &str) -> Object {
        self.func::<(), Object>(name).call(&mut self.store, ()).unwrap()
    }
}

#[test]
fn strings_go_both_ways() {
    let mut host = load("objects");
    for text in ["", "a", "né", "🎉🎉", "a\0b", &"x".repeat(100_000)] {
        assert_eq!(host.call::<_, AsString>("echo", AsStr(text)).0, text);
    }
    let maybe = host.func::<Option<AsStr>, Option<AsString>>("maybe");
    assert_eq!(maybe.call(&mut host.store, None).unwrap(), None);
    let got = maybe.call(&mut host.store, Some(AsStr("x"))).unwrap();
    assert_eq!(got, Some(AsString("got x".into())));
    let none = host.func::<Option<AsStr>, AsString>("maybe").call(&mut host.store, None);
    assert_error(none, "in a call of the guest's `maybe`: the guest's pointer is null");

    // Half a character, which is a string in AssemblyScript.
    let lone = host.made("lone");
    let view = host.objects.view(&host.store);
    assert!(view.string(lone).unwrap_err().is::<AccessError>());
    assert_eq!(view.string_lossy(lone).unwrap(), "\u{fffd}x");
}

#[test]
fn arrays_of_every_kind_are_read() {
    let mut host = load("objects");
    assert_eq!(host.call::<_, AsVec<f64>>("doubles", 4).0, [0.0, 0.5, 1.0, 1.5]);
    assert_eq!(host.call::<_, AsVec<u8>>("bytes", 5).0, [0, 3, 6, 9, 12]);
    let middle = host.made("middle");
    let view = host.objects.view(&host.store);
    assert_eq!(view.slice::<i16>(middle).unwrap(), [-14, -21, -28]);

    // Changed where they are.
    let (at, len) = view.elements::<i16>(middle).unwrap();
    let mut memory = host.guest.view_mut(&mut host.store);
    memory.slice_mut(at, len).unwrap().copy_from_slice(&[1, 2, i16::MIN + 1]);
    host.call::<_, ()>("negate", middle);
    let view = host.objects.view(&host.store);
    assert_eq!(view.slice::<i16>(middle).unwrap(), [-1, -2, i16::MAX]);

    let words = host.made("words");
    let view = host.objects.view(&host.store);
    let words: Vec<String> =
        view.references(words).unwrap().map(|word| view.string(word).unwrap()).collect();
    assert_eq!(words, ["one", "два", "三"]);
}

#[test]
fn arrays_of_every_kind_are_made() {
    let mut host = load("objects");
    let class = host.class("StaticArrayF64_ID");
    let argument = AsArray { class, values: &[0.5, 0.25] };
    assert_eq!(host.call::<_, f64>("sumStatic", argument), 0.75);
    let argument = AsArray::<u8> { class: 1, values: &[1, 2, 255] };
    assert_eq!(host.call::<_, i32>("sumBuffer", argument), 258);
    let class = host.class("ArrayU8_ID");
    let argument = AsArray::<u8> { class, values: &[] };
    assert_eq!(host.call::<_, i32>("sumU8", argument), 0);
    let argument = AsArray::<u8> { class, values: &[200; 1000] };
    assert_eq!(host.call::<_, i32>("sumU8", argument), 200_000);

    let class = host.class("Int16Array_ID");
    let made = host.objects.new_array(&mut host.store, class, &[1i16, -2]).unwrap();
    host.call::<_, ()>("negate", made.ptr());
    assert_eq!(host.objects.view(&host.store).slice::<i16>(made.ptr()).unwrap(), [-1, 2]);

    let class = host.class("ArrayString_ID");
    let words: Vec<_> =
        ["a", "b", "ç"].map(|word| host.objects.new_string(&mut host.store, word).unwrap()).into();
    let pointers: Vec<Object> = words.iter().map(|word| word.ptr()).collect();
    let array = host.objects.new_references(&mut host.store, class, &pointers).unwrap();
    // The array keeps its strings alive.
    drop(words);
    host.objects.collect(&mut host.store).unwrap();
    host.call::<_, ()>("garbage", 2000);
    assert_eq!(host.call::<_, AsString>("joinWords", array.ptr()).0, "a+b+ç");
    array.free(&mut host.store).unwrap();
    host.objects.collect(&mut host.store).unwrap();
}

/// What the host has made is alive through many collections and then is not.
#[test]
fn pinned_objects_survive_collections() {
    let mut host = load("objects");
    let class = host.class("ArrayI32_ID");
    let arrays: Vec<_> = (0..50)
        .map(|n| host.objects.new_array(&mut host.store, class, &[n; 100]).unwrap())
        .collect();
    for _ in 0..5 {
        host.call::<_, ()>("garbage", 500);
        host.objects.collect(&mut host.store).unwrap();
    }
    let view = host.objects.view(&host.store);
    for (n, array) in (0..).zip(&arrays) {
        assert_eq!(view.slice::<i32>(array.ptr()).unwrap(), [n; 100]);
    }
    let pages = host.guest.memory().size(&host.store);
    drop(arrays);
    for round in 0..100 {
        let values = [round; 1000];
        let array = host.objects.new_array(&mut host.store, class, &values).unwrap();
        if round % 2 == 0 {
            array.free(&mut host.store).unwrap();
        }
        host.objects.collect(&mut host.store).unwrap();
    }
    assert!(host.guest.memory().size(&host.store) <= pages + 1);
}

#[derive(GuestRecord, Debug, PartialEq)]
struct Shape {
    kind: u8,
    visible: bool,
    area: f64,
    name: Object,
    points: Object,
    next: GuestPtr<Shape>,
}

#[test]
fn classes_are_records() {
    let mut host = load("objects");
    let class = host.class("Shape_ID");
    let at = host.call::<_, GuestPtr<Shape>>("makeShape", 7.25);
    let pinned = host.objects.pin(&mut host.store, at).unwrap();
    host.objects.collect(&mut host.store).unwrap();
    let view = host.objects.view(&host.store);
    let shape = view.get(at, class).unwrap();
    assert_eq!((shape.kind, shape.visible, shape.area), (1, true, 7.25));
    assert_eq!(view.string(shape.name).unwrap(), "square");
    assert_eq!(view.slice::<f32>(shape.points).unwrap(), [0.0, 4.0, 0.0]);
    assert!(shape.next.is_null());
    assert!(view.get(shape.next, class).unwrap_err().is::<AccessError>());
    host.guest.view_mut(&mut host.store).set(at.field(Shape::FIELDS.kind), &9).unwrap();
    assert_eq!(host.call::<_, AsString>("describe", at).0, "square 7.25 9 true");
    pinned.free(&mut host.store).unwrap();

    let name = host.objects.new_string(&mut host.store, "round").unwrap();
    let class_of_points = host.class("Float32Array_ID");
    let points = host.objects.new_array::<f32>(&mut host.store, class_of_points, &[]).unwrap();
    let fields = Shape {
        kind: 3,
        visible: false,
        area: -0.5,
        name: name.ptr(),
        points: points.ptr(),
        next: GuestPtr::NULL,
    };
    let made = host.objects.new_object(&mut host.store, class, &fields).unwrap();
    drop((name, points));
    host.objects.collect(&mut host.store).unwrap();
    assert_eq!(host.call::<_, AsString>("describe", made.ptr()).0, "round -0.5 3 false");
    assert_eq!(host.objects.view(&host.store).get(made.ptr(), class).unwrap(), fields);
}

#[test]
fn objects_of_other_classes_are_named() {
    let mut host = load("objects");
    let doubles = host.call::<_, Object>("doubles", 2);
    let string = host.made("empty");
    let words = host.made("words");
    let shape = host.call::<_, Object>("makeShape", 1.0);
    let [static_array, shape_class] =
        ["StaticArrayF64_ID", "Shape_ID"].map(|name| host.class(name));
    let view = host.objects.view(&host.store);
    let address = doubles.address();
    assert_error(
        view.string(doubles),
        &format!(
            "the object at address {address:#x} is an array of f64 (class {static_array}), not a \
             string"
        ),
    );
    let wrong = |result: palisade::Result<usize>| match result.unwrap_err().downcast_ref() {
        Some(GuestError::WrongObject { expected, found, .. }) => format!("{found}, not {expected}"),
        other => panic!("{other:?}"),
    };
    let of = format!("an array of f64 (class {static_array})");
    assert_eq!(
        wrong(view.slice::<f32>(doubles).map(<[_]>::len)),
        format!("{of}, not an array of f32")
    );
    assert_eq!(
        wrong(view.slice::<i64>(doubles).map(<[_]>::len)),
        format!("{of}, not an array of i64")
    );
    assert_eq!(
        wrong(view.references(doubles).map(|all| all.len())),
        format!("{of}, not an array of references")
    );
    assert_eq!(wrong(view.slice::<u16>(string).map(<[_]>::len)), "a string, not an array of u16");
    let of = format!("of class {shape_class}");
    assert_eq!(wrong(view.slice::<u8>(shape).map(<[_]>::len)), format!("{of}, not an array of u8"));
    assert_eq!(
        wrong(view.get(shape.cast::<Shape>(), 99).map(|_| 0)),
        format!("{of}, not of class 99")
    );
    // Pointers are not numbers.
    let words = wrong(view.slice::<u32>(words).map(<[_]>::len));
    assert!(words.contains("an array of references"), "{words}");

    // Nor are they made.
    let mut make = |class, values: &[i32]| {
        let made = host.objects.new_array(&mut host.store, class, values);
        made.unwrap_err().downcast_ref::<GuestError>().unwrap().to_string()
    };
    assert_eq!(
        make(static_array, &[1]),
        format!("class {static_array} is a class of arrays of f64, not a class of arrays of i32")
    );
    assert_eq!(make(1, &[1]), "class 1 is a class of arrays of u8, not a class of arrays of i32");
    for class in [0, 2, shape_class, 1000, u32::MAX] {
        let message = make(class, &[1]);
        assert_eq!(
            message,
            format!("class {class} is no class of arrays, not a class of arrays of i32")
        );
    }
}

/// Every address around the ends of memory, and headers that say more than is there.
#[test]
fn objects_that_lie_are_found_out() {
    let mut host = load("objects");
    let size = host.guest.memory().data_size(&host.store) as u32;
    let view = host.objects.view(&host.store);
    for address in [0, 1, 3, 4, 7, 8, 19, size + 1, size + 4, size + 8, u32::MAX, u32::MAX - 3] {
        let at = Object::new(address);
        assert!(view.header(at).is_err(), "{address}");
        assert!(view.string_lossy(at).is_err() && view.slice::<u8>(at).is_err());
        assert!(view.get(at.cast::<Shape>(), 0).is_err());
    }

    let class = host.class("ArrayI32_ID");
    let array = host.objects.new_array(&mut host.store, class, &[1i32, 2, 3]).unwrap();
    let at = array.ptr();
    // Each field of the array, and its size, with each value that could do harm.
    for (offset, others) in
        [(0i64, true), (4, true), (8, true), (12, true), (-4, true), (-8, false)]
    {
        let field = GuestPtr::<u32>::new((i64::from(at.address()) + offset) as u32);
        let before = host.guest.view(&host.store).get(field).unwrap();
        for value in [0, 1, 2, 5, 13, size - 4, size, size + 1, 1 << 31, u32::MAX - 3, u32::MAX] {
            host.guest.view_mut(&mut host.store).set(field, &value).unwrap();
            let view = host.objects.view(&host.store);
            // Whatever it gives is within the memory, which the borrow of the slice has made sure
            // of.
            if let Ok(slice) = view.slice::<i32>(at) {
                assert!(others || value == class);
                assert!(slice.len() <= size as usize / 4);
            }
            let _ =
                (view.references(at), view.string_lossy(at), view.get(at.cast::<Shape>(), class));
        }
        host.guest.view_mut(&mut host.store).set(field, &before).unwrap();
    }
    let set = |host: &mut Host, offset, value: u32| {
        host.guest.view_mut(&mut host.store).set(at.byte_add::<u32>(offset), &value).unwrap();
        host.objects.view(&host.store).slice::<i32>(at).map(|slice| slice.len())
    };
    let longer = set(&mut host, 12, 4).unwrap_err();
    assert!(longer.to_string().ends_with("not an array that fits its buffer"), "{longer}");
    assert_eq!(set(&mut host, 12, 2).unwrap(), 2);
    assert!(set(&mut host, 4, at.address() + 2).unwrap_err().is::<AccessError>());
}

#[test]
fn classes_are_exported_globals() {
    let mut host = load("objects");
    assert_error(
        host.objects.class_id(&mut host.store, "Nothing_ID"),
        "the guest exports no global `Nothing_ID`: a class's id is exported by `export const NAME \
         = idof<CLASS>()`",
    );
    assert_error(
        host.objects.class_id(&mut host.store, "echo"),
        "the guest's export `echo` is a function, not a global of type i32",
    );
}

#[test]
fn pinning_is_checked() {
    let mut host = load("objects");
    assert_error(host.objects.pin(&mut host.store, Object::NULL), "the guest's pointer is null");
    assert!(host.objects.pin(&mut host.store, Object::new(u32::MAX)).is_err());
    let string = host.made("lone");
    let pinned = host.objects.pin(&mut host.store, string).unwrap();
    let twice = host.objects.pin(&mut host.store, string).unwrap_err();
    let abort: &AsAbort = twice.downcast_ref().unwrap();
    assert_eq!(abort.message.as_deref(), Some("Object already pinned"));
    pinned.free(&mut host.store).unwrap();
}

#[test]
fn huge_objects_are_refused_or_aborted() {
    let mut host = load("objects");
    let text = "x".repeat(1 << 20);
    assert_eq!(host.call::<_, AsString>("echo", AsStr(&text)).0.len(), 1 << 20);
    let class = host.class("StaticArrayF64_ID");
    let huge = vec![0f64; (1 << 27) - 3];
    let error = host.objects.new_array(&mut host.store, class, &huge).unwrap_err();
    assert_error(Err::<(), _>(error), "1073741800 bytes are more than the limit of 1073741792");
}

/// A guest in C is none in AssemblyScript, and neither is one without the runtime's exports.
#[test]
fn other_guests_are_refused() {
    let host = crate::library("strings");
    assert_error(
        AssemblyScript::of(&host.guest),
        "the guest has no allocator: it is not an AssemblyScript guest, but has `malloc` or \
         another",
    );
    let mut host = crate::Host::new(
        r#"(module (memory (export "memory") 1)
        (func (export "f") (param i32) (result i32) (local.get 0)))"#,
    );
    assert!(AssemblyScript::of(&host.guest).is_err());
    let f = host.guest.func::<AsStr, i32>(&mut host.store, "f").unwrap();
    let error = f.call(&mut host.store, AsStr("x")).unwrap_err().to_string();
    assert!(error.starts_with("in a call of the guest's `f`"), "{error}");
}

/// What a module imports, called with anything.
const IMPORTS: &str = r#"(module
    (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
    (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
    (import "env" "seed" (func $seed (result f64)))
    (import "env" "console.error" (func $error (param i32)))
    (import "env" "console.assert" (func $assert (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 24) "\02\00\00\00\04\00\00\00h\00i\00")
    (func (export "abort") (param i32 i32 i32 i32)
        (call $abort (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func (export "trace") (param i32 i32) (call $trace (local.get 0) (local.get 1)
        (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5)))
    (func (export "seed") (result f64) (call $seed))
    (func (export "error") (param i32) (call $error (local.get 0)))
    (func (export "assert") (param i32 i32) (call $assert (local.get 0) (local.get 1))))"#;

#[test]
fn imports_take_anything() {
    let engine = Engine::default();
    let module = Module::new(&engine, IMPORTS).unwrap();
    let mut linker = Linker::new(&engine);
    AssemblyScriptEnv::new()
        .console(|lines: &mut Vec<String>, level, text| {
            lines.push(format!("{level:?} {text}"));
            Ok(())
        })
        .trace(|lines, text, values| {
            lines.push(format!("{text} {values:?}"));
            Ok(())
        })
        .seed(|_| 0.5)
        .add_to_linker(&mut linker)
        .unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let guest = Guest::new(&mut store, instance).unwrap();
    let abort = guest.func::<(u32, u32, u32, u32), ()>(&mut store, "abort").unwrap();
    for (message, file, shown) in [
        (32, 0, "abort: hi at unknown file:7:4294967295"),
        (0, 32, "abort: no message at hi:7:4294967295"),
        (u32::MAX, 1, "abort: no message at unknown file:7:4294967295"),
    ] {
        let error = abort.call(&mut store, (message, file, 7, u32::MAX)).unwrap_err();
        assert_eq!(error.to_string(), shown);
    }
    let trace = guest.func::<(u32, i32), ()>(&mut store, "trace").unwrap();
    for count in [0, 2, 5, 6, i32::MAX, -1, i32::MIN] {
        trace.call(&mut store, (32, count)).unwrap();
    }
    let expected = [
        "hi []",
        "hi [1.0, 2.0]",
        "hi [1.0, 2.0, 3.0, 4.0, 5.0]",
        "hi [1.0, 2.0, 3.0, 4.0, 5.0]",
        "hi [1.0, 2.0, 3.0, 4.0, 5.0]",
        "hi []",
        "hi []",
    ];
    assert_eq!(std::mem::take(store.data_mut()), expected);
    assert!(trace.call(&mut store, (33, 0)).is_err());
    let error = guest.func::<u32, ()>(&mut store, "error").unwrap();
    error.call(&mut store, 32).unwrap();
    error.call(&mut store, 0).unwrap();
    let assert = guest.func::<(i32, u32), ()>(&mut store, "assert").unwrap();
    assert.call(&mut store, (1, 32)).unwrap();
    assert.call(&mut store, (0, 32)).unwrap();
    assert_eq!(store.data()[..], ["Error hi", "Error null", "Error Assertion failed: hi"]);
    let seed = guest.func::<(), f64>(&mut store, "seed").unwrap();
    assert_eq!(seed.call(&mut store, ()).unwrap(), 0.5);
}

/// By itself the seed is another each time.
#[test]
fn seeds_are_random() {
    let engine = Engine::default();
    let module = Module::new(&engine, IMPORTS).unwrap();
    let mut linker = Linker::new(&engine);
    AssemblyScriptEnv::new().add_to_linker(&mut linker).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let seed = instance.get_typed_func::<(), f64>(&mut store, "seed").unwrap();
    let [a, b] = [(); 2].map(|()| seed.call(&mut store, ()).unwrap());
    assert!(a != b && a >= 0.0 && a.is_finite(), "{a} {b}");
}

/// An export of memory is what the imports need of a guest, and they say so.
#[test]
fn imports_need_a_memory() {
    let engine = Engine::default();
    let text = r#"(module (import "env" "console.log" (func $log (param i32)))
        (func (export "log") (call $log (i32.const 32))))"#;
    let module = Module::new(&engine, text).unwrap();
    let mut linker = Linker::new(&engine);
    AssemblyScriptEnv::new().add_to_linker(&mut linker).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let log = instance.get_typed_func::<(), ()>(&mut store, "log").unwrap();
    assert_error(log.call(&mut store, ()), "the AssemblyScript guest exports no `memory`");
}

/// Memory without a meaning is an `ArrayBuffer` that is pinned.
#[test]
fn bare_memory_is_an_array_buffer() {
    let mut host = load("objects");
    assert_eq!(host.guest.allocator(), Ok(GuestAlloc::AssemblyScript));
    assert!(!host.guest.has_stack());
    let block = host.guest.alloc_copy(&mut host.store, &[1u64, 2, 3]).unwrap();
    let view = host.objects.view(&host.store);
    assert_eq!(view.header(block.ptr()).unwrap(), (1, 24));
    host.call::<_, ()>("garbage", 2000);
    host.objects.collect(&mut host.store).unwrap();
    let view = host.objects.view(&host.store);
    assert_eq!(view.view().slice(block.ptr(), 3).unwrap(), [1, 2, 3]);
    let (at, object) = (block.ptr(), block.ptr().cast::<AsObject>());
    assert_eq!(host.call::<_, i32>("sumBuffer", object), 6);
    block.free(&mut host.store).unwrap();
    assert!(host.objects.unpin(&mut host.store, at).is_err());
    // Arguments, too: here the bytes and the NUL behind them.
    assert_eq!(host.call::<_, i32>("sumBuffer", "abc"), 97 + 98 + 99);
}

/// Strings need nothing of the runtime to be read.
#[test]
fn guests_without_a_runtime_return_strings() {
    let mut host = crate::Host::new(
        r#"(module (memory (export "memory") 1)
            (data (i32.const 24) "\02\00\00\00\04\00\00\00h\00i\00")
            (func (export "text") (result i32) (i32.const 32))
            (func (export "array") (result i32) (i32.const 32)))"#,
    );
    let text = host.guest.func::<(), AsString>(&mut host.store, "text").unwrap();
    assert_eq!(text.call(&mut host.store, ()).unwrap().0, "hi");
    let array = host.guest.func::<(), AsVec<u16>>(&mut host.store, "array").unwrap();
    assert_error(
        array.call(&mut host.store, ()),
        "in a call of the guest's `array`: the guest exports no global `__rtti_base`: compile with \
         `--exportRuntime`",
    );
}
