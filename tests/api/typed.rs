//! Calls with Rust types: every count of parameters and results, in both directions.

use crate::{assert_error, instance, store};
use palisade::{ExternRef, Func, Rooted, Store, Val, ValType, WasmTy};

/// A guest's function that passes its parameters to `host`, a function of the same type, and gives its results.
fn pass_on(store: &mut Store<()>, host: Func, types: &[ValType]) -> Func {
    let list = types.iter().map(ValType::to_string).collect::<Vec<_>>().join(" ");
    let ty = format!("(param {list}) (result {list})");
    let gets: String = (0..types.len()).map(|n| format!("(local.get {n})")).collect();
    let text = format!(
        r#"(module (import "" "" (func $f {ty})) (func (export "f") {ty} (call $f {gets})))"#
    );
    let instance = instance(store, &text, &[host.into()]);
    instance.get_func(store, "f").unwrap()
}

/// Sends values through a host function that gives what it gets, called by the host and by a guest.
macro_rules! echo {
    ($($value:ident: $T:ty = $sent:expr),*) => {{
        let mut store = store();
        let types: &[ValType] = &[$(<$T as WasmTy>::valtype()),*];
        let host = Func::wrap(&mut store, |$($value: $T),*| ($($value,)*));
        let guest = pass_on(&mut store, host, types);
        assert_eq!(guest.ty(&store), host.ty(&store));
        for func in [host, guest] {
            let typed = func.typed::<($($T,)*), ($($T,)*)>(&store).unwrap();
            let ($($value,)*) = typed.call(&mut store, ($($sent,)*)).unwrap();
            $(assert_eq!($value, $sent, "{} of {}", stringify!($value), types.len());)*
        }
    }};
}

/// Calls `echo!` with the first parameter, the first two, and so on.
macro_rules! echo_prefixes {
    (@ [$($done:tt)*]) => { echo!($($done)*) };
    (@ [] $value:ident: $T:ty = $sent:expr, $($rest:tt)*) => {
        echo!();
        echo_prefixes!(@ [$value: $T = $sent] $($rest)*)
    };
    (@ [$($done:tt)*] $value:ident: $T:ty = $sent:expr, $($rest:tt)*) => {
        echo!($($done)*);
        echo_prefixes!(@ [$($done)*, $value: $T = $sent] $($rest)*)
    };
    ($($all:tt)*) => { echo_prefixes!(@ [] $($all)*) };
}

#[test]
fn up_to_sixteen_mixed_values() {
    echo_prefixes! {
        a: i32 = -1, b: f64 = -0.5, c: i64 = i64::MIN, d: f32 = f32::MIN_POSITIVE,
        e: u32 = u32::MAX, f: f32 = 1.5, g: u64 = u64::MAX, h: f64 = f64::MAX,
        i: i64 = 1 << 40, j: i32 = i32::MIN, k: f32 = f32::INFINITY, l: f64 = 1e-300,
        m: u64 = 7, n: f64 = 2.25, o: u32 = 0x8000_0000, p: f32 = -3.75,
    }
}

#[test]
fn sixteen_values_of_one_type() {
    macro_rules! all {
        ($T:ty; $($value:ident = $number:literal),*) => { echo!($($value: $T = $number as $T),*) };
    }
    macro_rules! each_type {
        ($($T:ty)*) => {$(
            all!($T; a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11,
                l = 12, m = 13, n = 14, o = 15, p = 16);
        )*};
    }
    each_type!(i32 u32 i64 u64 f32 f64);
}

#[test]
fn nan_bits_survive() {
    let mut store = store();
    let host = Func::wrap(&mut store, |a: f32, b: f64| (a, b));
    let guest = pass_on(&mut store, host, &[ValType::F32, ValType::F64]);
    let (quiet, loud) = (f32::from_bits(0xffc1_2345), f64::from_bits(0x7ff8_0000_dead_beef));
    for func in [host, guest] {
        let typed = func.typed::<(f32, f64), (f32, f64)>(&store).unwrap();
        let (a, b) = typed.call(&mut store, (quiet, loud)).unwrap();
        assert_eq!((a.to_bits(), b.to_bits()), (quiet.to_bits(), loud.to_bits()));
        let mut results = [Val::I32(0), Val::I32(0)];
        let params = [Val::F32(0x7fa0_0001), Val::F64(0x7ff4_0000_0000_0001)];
        let signalling = pass_on_dynamic(&mut store);
        signalling.call(&mut store, &params, &mut results).unwrap();
        assert!(matches!(results, [Val::F32(0x7fa0_0001), Val::F64(0x7ff4_0000_0000_0001)]));
    }
}

/// A guest's function that gives its parameters, an `f32` and an `f64`.
fn pass_on_dynamic(store: &mut Store<()>) -> Func {
    let text = r#"(module (func (export "f") (param f32 f64) (result f32 f64)
        (local.get 0) (local.get 1)))"#;
    instance(store, text, &[]).get_func(store, "f").unwrap()
}

#[test]
fn functions_as_values() {
    let mut store = store();
    let seven = Func::wrap(&mut store, || 7);
    let host = Func::wrap(&mut store, |f: Option<Func>| f);
    let guest = pass_on(&mut store, host, &[ValType::FUNCREF]);
    for func in [host, guest] {
        let typed = func.typed::<Option<Func>, Option<Func>>(&store).unwrap();
        assert!(typed.call(&mut store, None).unwrap().is_none());
        let back = typed.call(&mut store, Some(seven)).unwrap().expect("not null");
        assert_eq!(back.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 7);
        let own = typed.call(&mut store, Some(guest)).unwrap().expect("not null");
        assert_eq!(own.ty(&store), guest.ty(&store));
    }
}

#[test]
fn host_values_as_values() {
    type Value = Option<Rooted<ExternRef>>;
    let mut store = store();
    let host = Func::wrap(&mut store, |a: Value, b: Value| (b, a));
    let guest = pass_on(&mut store, host, &[ValType::EXTERNREF, ValType::EXTERNREF]);
    let value = ExternRef::new(&mut store, "text".to_owned()).unwrap();
    for func in [host, guest] {
        let typed = func.typed::<(Value, Value), (Value, Value)>(&store).unwrap();
        let (first, second) = typed.call(&mut store, (Some(value), None)).unwrap();
        assert!(first.is_none());
        let second = second.expect("not null");
        assert!(Rooted::ref_eq(&store, &second, &value).unwrap());
        let data = second.data(&store).unwrap().expect("the host made it");
        assert_eq!(data.downcast_ref::<String>().unwrap(), "text");
    }
}

#[test]
fn types_are_checked_once() {
    let mut store = store();
    let text = r#"(module (func (export "f") (param i32 f64) (result i64) (i64.const 1)))"#;
    let instance = instance(&mut store, text, &[]);
    let f = instance.get_func(&mut store, "f").unwrap();
    macro_rules! refused {
        ($($P:ty, $R:ty => $message:literal;)*) => {$(
            let result = f.typed::<$P, $R>(&store).map(|_| ());
            assert_error(result, concat!("type mismatch with ", $message));
        )*};
    }
    refused! {
        (), i64 => "parameters: expected (), the function has (i32, f64)";
        i32, i64 => "parameters: expected (i32), the function has (i32, f64)";
        (f64, i32), i64 => "parameters: expected (f64, i32), the function has (i32, f64)";
        (i32, Option<Func>), i64 => "parameters: expected (i32, funcref), the function has (i32, f64)";
        (i32, f64), () => "results: expected (), the function has (i64)";
        (i32, f64), u32 => "results: expected (i32), the function has (i64)";
        (u32, f64), (u64, u64) => "results: expected (i64, i64), the function has (i64)";
    }
    for result in [
        f.typed::<(u32, f64), u64>(&store).unwrap().call(&mut store, (1, 1.0)).unwrap(),
        f.typed::<(i32, f64), (u64,)>(&store).unwrap().call(&mut store, (1, 1.0)).unwrap().0,
    ] {
        assert_eq!(result, 1);
    }
    let result = instance.get_typed_func::<(), ()>(&mut store, "g").map(|_| ());
    assert_error(result, "failed to find function export `g`");
    let result = instance.get_typed_func::<(), ()>(&mut store, "f").map(|_| ());
    assert_error(
        result,
        "failed to convert function `f` to given type: type mismatch with parameters: expected (), \
         the function has (i32, f64)",
    );
}
