//! What exceptions carry: values of all types, in any number.

use crate::{call, call_export, end, engines, exception, instantiate};
use palisade::{ExternRef, Func, FuncType, Rooted, Store, Tag, TagType, Val, ValType};

const TYPES: &str = "i32 i64 f32 f64 funcref externref exnref";

/// A module whose functions take values of all types and have them thrown and caught.
fn all_types() -> String {
    let gets: String = (0..7).map(|place| format!("(local.get {place})")).collect();
    let count = 7;
    assert_eq!(TYPES.split(' ').count(), count);
    format!(
        "(module (tag $t (export \"tag\") (param {TYPES}))
            (func $throw (export \"throw\") (param {TYPES}) (throw $t {gets}))
            (func (export \"catch\") (param {TYPES}) (result {TYPES})
                (try_table (catch $t 0) (call $throw {gets})) (unreachable))
            (func (export \"reference\") (param {TYPES}) (result {TYPES})
                (block $h (result {TYPES} exnref)
                    (try_table (catch_ref $t $h) (call $throw {gets})) (unreachable))
                (drop))
            (func (export \"again\") (param {TYPES}) (result {TYPES})
                (try_table (catch $t 0)
                    (block $h (result exnref)
                        (try_table (catch_all_ref $h) (call $throw {gets})) (unreachable))
                    (throw_ref))
                (unreachable))
            (func (export \"older\") (param {TYPES}) (result {TYPES})
                (try (result {TYPES}) (do (call $throw {gets}) (unreachable)) (catch $t)))
            (func (export \"older again\") (param {TYPES}) (result {TYPES})
                (try (result {TYPES})
                    (do (try (do (call $throw {gets})) (catch_all (rethrow 0))) (unreachable))
                    (catch $t)))
            (func (export \"direct\") (param {TYPES}) (result {TYPES})
                (try_table (catch $t 0) (throw $t {gets})) (unreachable)))"
    )
}

/// Asserts that two values are the same; functions are told by what they return.
#[track_caller]
fn assert_same(store: &mut Store<()>, a: &Val, b: &Val) {
    match (a, b) {
        (Val::I32(a), Val::I32(b)) => assert_eq!(a, b),
        (Val::I64(a), Val::I64(b)) => assert_eq!(a, b),
        (Val::F32(a), Val::F32(b)) => assert_eq!(a, b),
        (Val::F64(a), Val::F64(b)) => assert_eq!(a, b),
        (Val::FuncRef(None), Val::FuncRef(None))
        | (Val::ExternRef(None), Val::ExternRef(None))
        | (Val::ExnRef(None), Val::ExnRef(None)) => {}
        (Val::FuncRef(Some(a)), Val::FuncRef(Some(b))) => {
            let [a, b] = [a, b].map(|f| call(&mut *store, *f, &[]).unwrap()[0].unwrap_i32());
            assert_eq!(a, b);
        }
        (Val::ExternRef(Some(a)), Val::ExternRef(Some(b))) => {
            assert!(Rooted::ref_eq(&*store, a, b).unwrap());
        }
        (Val::ExnRef(Some(a)), Val::ExnRef(Some(b))) => {
            assert!(Rooted::ref_eq(&*store, a, b).unwrap());
        }
        (a, b) => panic!("{a:?} and {b:?}"),
    }
}

#[track_caller]
fn assert_all_same(store: &mut Store<()>, a: &[Val], b: &[Val]) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).for_each(|(a, b)| assert_same(store, a, b));
}

/// Values of all types: bits that must not be lost, and nulls.
fn values(store: &mut Store<()>) -> [[Val; 7]; 2] {
    let func = Func::wrap(&mut *store, || 77);
    let value = ExternRef::new(&mut *store, 5).expect("a value");
    let tag = TagType::new(FuncType::new(store.engine(), [ValType::I32], []));
    let tag = Tag::new(&mut *store, &tag).expect("a tag");
    let inner = exception(&mut *store, &tag, &[Val::I32(9)]);
    let full = [
        Val::I32(i32::MIN),
        Val::I64(i64::MIN + 1),
        Val::F32(0x7fa0_1234),
        Val::F64(0xfff4_0000_0000_1234),
        func.into(),
        value.into(),
        inner.into(),
    ];
    let empty = [
        Val::I32(0),
        Val::I64(0),
        Val::F32(0x8000_0000),
        Val::F64(1 << 63),
        Val::FuncRef(None),
        Val::ExternRef(None),
        Val::ExnRef(None),
    ];
    [full, empty]
}

#[test]
fn values_of_all_types() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let guest = instantiate(&mut store, &all_types(), &[]);
        let tag = guest.get_tag(&mut store, "tag").expect("exported");
        for values in values(&mut store) {
            for name in ["catch", "reference", "again", "older", "older again", "direct"] {
                let results = call_export(&mut store, guest, name, &values).expect("caught");
                assert_all_same(&mut store, &results, &values);
            }
            let error = call_export(&mut store, guest, "throw", &values).expect_err("not caught");
            assert_eq!(error.to_string(), "uncaught wasm exception");
            let thrown = store.take_pending_exception().expect("the error stands for it");
            assert!(Tag::eq(&thrown.tag(&mut store).unwrap(), &tag, &store));
            let fields = thrown.fields(&mut store).unwrap();
            assert_all_same(&mut store, &fields, &values);
            for (place, value) in values.iter().enumerate() {
                let field = thrown.field(&mut store, place).unwrap();
                assert_same(&mut store, &field, value);
            }
            let beyond = thrown.field(&mut store, 7).expect_err("there are 7");
            assert_eq!(beyond.to_string(), "the exception has no value 7");
            let ty = thrown.ty(&store).unwrap();
            let text: Vec<String> = ty.fields().map(|ty| ty.to_string()).collect();
            assert_eq!(text.join(" "), TYPES);
        }
    }
}

/// The constant at `place` of so many values of changing types.
fn nth(place: usize) -> (&'static str, Val) {
    let value = place as i64 * 7 + 1;
    match place % 4 {
        0 => ("i32", Val::I32(value as i32)),
        1 => ("f64", Val::from(value as f64)),
        2 => ("i64", Val::I64(value)),
        _ => ("f32", Val::from(value as f32)),
    }
}

#[test]
fn up_to_1000_values() {
    for count in [0, 1, 2, 3, 5, 8, 9, 16, 17, 100, 999, 1000] {
        let expected: Vec<Val> = (0..count).map(|place| nth(place).1).collect();
        let types: String = (0..count).map(|place| format!("{} ", nth(place).0)).collect();
        let constants: String =
            (0..count).map(|place| format!("({}.const {})", nth(place).0, place * 7 + 1)).collect();
        let text = format!(
            "(module (tag $t (export \"tag\") (param {types}))
                (func $throw (export \"throw\") (throw $t {constants}))
                (func (export \"catch\") (result {types})
                    (try_table (catch $t 0) (call $throw)) (unreachable))
                (func (export \"older\") (result {types})
                    (try (result {types}) (do (call $throw) (unreachable)) (catch $t))))"
        );
        for engine in engines() {
            let mut store = Store::new(&engine, ());
            let guest = instantiate(&mut store, &text, &[]);
            for name in ["catch", "older"] {
                let results = call_export(&mut store, guest, name, &[]).expect("caught");
                assert_all_same(&mut store, &results, &expected);
            }
            call_export(&mut store, guest, "throw", &[]).expect_err("not caught");
            let thrown = store.take_pending_exception().expect("the error stands for it");
            let fields = thrown.fields(&mut store).unwrap();
            assert_all_same(&mut store, &fields, &expected);
            let tag = guest.get_tag(&mut store, "tag").expect("exported");
            let again = exception(&mut store, &tag, &expected);
            let fields = again.fields(&mut store).unwrap();
            assert_all_same(&mut store, &fields, &expected);
        }
    }
}

/// What the host gives an exception must be of the tag's types.
#[test]
fn fields_are_checked() {
    use palisade::{ExnRef, ExnRefPre, ExnType};
    let engine = palisade::Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = ExnType::new(&engine, [ValType::I32, ValType::FUNCREF]).expect("a type");
    let tag = Tag::new(&mut store, &ty.tag_type()).expect("a tag");
    let pre = ExnRefPre::new(&mut store, ty.clone());
    let cases: [(&[Val], &str); 4] = [
        (&[Val::I32(1)], "expected 2 values, got 1"),
        (&[Val::I32(1), Val::FuncRef(None), Val::I32(1)], "expected 2 values, got 3"),
        (&[Val::I64(1), Val::FuncRef(None)], "type mismatch: expected i32, found i64"),
        (&[Val::I32(1), Val::ExternRef(None)], "type mismatch: expected funcref, found externref"),
    ];
    for (fields, message) in cases {
        let error = ExnRef::new(&mut store, &pre, &tag, fields).expect_err("they do not fit");
        assert_eq!(error.to_string(), message);
    }
    let other = ExnRefPre::new(&mut store, ExnType::new(&engine, [ValType::I32]).expect("a type"));
    let error = ExnRef::new(&mut store, &other, &tag, &[Val::I32(1)]).expect_err("another type");
    assert_eq!(error.to_string(), "the tag has another type than the exception");
    let results = TagType::new(FuncType::new(&engine, [], [ValType::I32]));
    let error = Tag::new(&mut store, &results).expect_err("tags have no results");
    assert_eq!(error.to_string(), "the function type of a tag has no results");
    let foreign = TagType::new(FuncType::new(&palisade::Engine::default(), [], []));
    let error = Tag::new(&mut store, &foreign).expect_err("another engine");
    assert_eq!(error.to_string(), "the tag's type belongs to another engine");
    let good = ExnRef::new(&mut store, &pre, &tag, &[Val::I32(1), Val::FuncRef(None)]);
    assert_eq!(good.expect("they fit").ty(&store).expect("rooted"), ty);
    assert_eq!(end(&mut store, Ok(vec![])), crate::Value(0));
}
