//! Functions bound to Rust's types: what is checked when, and what a call does to the guest.

use crate::{Host, assert_error};
use palisade::{AsContext, AsContextMut, Caller, Engine, Func, Result, Store, Trap};
use palisade_guest::{
    Address, GuestArg, GuestError, GuestFunc, GuestPtr, GuestRecord, One, Scope, WithLen,
};

const MATH: &str = r#"(module
    (memory (export "memory") 1)
    (global (export "__stack_pointer") (mut i32) (i32.const 65536))
    (global (export "seven") i32 (i32.const 7))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "_under") (param i64) (result f32) (f32.const 1.5))
    (func (export "wide") (param i32 i64 f32 f64 i32 i32 i32 i32) (result f64)
        (f64.add (f64.convert_i32_s (local.get 0)) (f64.convert_i64_s (local.get 1))))
    (func (export "pair") (param i32) (result i32 i64)
        (local.get 0) (i64.extend_i32_u (local.get 0)))
    (func (export "vector") (param v128) (result v128) (local.get 0))
    (func (export "odd") (param i32) (result i32) (i32.and (local.get 0) (i32.const 2)))
    (func (export "sum") (param $at i32) (param $len i32) (result i32)
        (local $sum i32)
        (block $done (loop $next
            (br_if $done (i32.eqz (local.get $len)))
            (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
            (i32.store (local.get $at) (i32.const -1))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (local.set $len (i32.sub (local.get $len) (i32.const 1)))
            (br $next)))
        (local.get $sum))
    (func (export "pass") (param i32) (result i32) (local.get 0))
    (func (export "func") (param funcref) (result funcref) (local.get 0))
    (func (export "many") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
        (result i32) (i32.add (local.get 0) (local.get 15)))
    (func (export "trap") (param i32) unreachable))"#;

#[test]
fn plain_numbers_are_passed_as_they_are() {
    let mut host = Host::new(MATH);
    let (store, guest) = (&mut host.store, &host.guest);
    let add = guest.func::<(i32, u32), u32>(&mut *store, "add").unwrap();
    assert_eq!(add.call(&mut *store, (-1, 3)).unwrap(), 2);
    let wide =
        guest.func::<(i8, i64, f32, f64, u8, i16, u16, bool), f64>(&mut *store, "wide").unwrap();
    assert_eq!(
        wide.call(&mut *store, (-3, 1 << 40, 0.0, 0.0, 1, 2, 3, true)).unwrap(),
        1099511627773.0
    );
    let pair = guest.func::<i32, (i32, u64)>(&mut *store, "pair").unwrap();
    assert_eq!(pair.call(&mut *store, -1).unwrap(), (-1, u32::MAX.into()));
    let odd = guest.func::<i32, bool>(&mut *store, "odd").unwrap();
    assert_eq!([2, 5].map(|n| odd.call(&mut *store, n).unwrap()), [true, false]);
    let vector = guest.func::<palisade::V128, palisade::V128>(&mut *store, "vector").unwrap();
    assert_eq!(vector.call(&mut *store, 7.into()).unwrap().as_u128(), 7);
    let func = Func::wrap(&mut *store, || 42);
    let pass = guest.func::<Option<Func>, Option<Func>>(&mut *store, "func").unwrap();
    let back = pass.call(&mut *store, Some(func)).unwrap().unwrap();
    assert_eq!(back.typed::<(), i32>(&*store).unwrap().call(&mut *store, ()).unwrap(), 42);
    assert!(pass.call(&mut *store, None).unwrap().is_none());
}

#[test]
fn wrong_types_are_errors_that_name_both() {
    let mut host = Host::new(MATH);
    let (store, guest) = (&mut host.store, &host.guest);
    let error = guest.func::<(i64, i32), i32>(&mut *store, "add").map(|_| ());
    let expected = GuestError::Signature {
        name: "add".into(),
        expected: "(i64, i32) -> (i32)".into(),
        found: "(i32, i32) -> (i32)".into(),
    };
    let error = error.unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&expected));
    assert_eq!(
        error.to_string(),
        "the guest's function `add` has the type (i32, i32) -> (i32), but is used as (i64, i32) \
         -> (i32)"
    );
    // A text and its length are two parameters.
    let error = guest.func::<(WithLen<&str>, f32), ()>(&mut *store, "add").map(|_| ());
    assert_error(
        error,
        "the guest's function `add` has the type (i32, i32) -> (i32), but is used as (i32, i32, \
         f32) -> ()",
    );
    guest.func::<(WithLen<&str>,), i32>(&mut *store, "add").unwrap();
    assert!(guest.func::<(), ()>(&mut *store, "add").is_err());
    assert!(guest.func::<(i32, i32), (i32, i32)>(&mut *store, "add").is_err());
    // A pointer of 64 bits.
    assert!(guest.func::<GuestPtr<u8, u64>, i32>(&mut *store, "pass").is_err());
}

#[test]
fn missing_functions_are_named() {
    let mut host = Host::new(MATH);
    let (store, guest) = (&mut host.store, &host.guest);
    let error = guest.func::<(), ()>(&mut *store, "nothing").map(|_| ());
    assert_error(error, "the guest exports no function `nothing`");
    let error = guest.func::<(), ()>(&mut *store, "_add").map(|_| ());
    assert_error(error, "the guest exports no function `_add`: it exports `add`");
    let error = guest.func::<(), ()>(&mut *store, "under").map(|_| ());
    assert_error(error, "the guest exports no function `under`: it exports `_under`");
    let error = guest.func::<(), ()>(&mut *store, "seven").map(|_| ());
    assert_error(error, "the guest's export `seven` is a global, not a function");
}

#[test]
fn arrays_are_copied_in_and_back() {
    let mut host = Host::new(MATH);
    let (store, guest) = (&mut host.store, &host.guest);
    let sum = guest.func::<(&[i32], u32), i32>(&mut *store, "sum").unwrap();
    assert_eq!(sum.call(&mut *store, (&[1, 2, 39], 3)).unwrap(), 42);
    let sum = guest.func::<WithLen<&[u32]>, i32>(&mut *store, "sum").unwrap();
    let values = [1, 2, 3];
    assert_eq!(sum.call(&mut *store, WithLen(&values)).unwrap(), 6);
    assert_eq!(sum.call(&mut *store, WithLen(&[])).unwrap(), 0);
    let sum = guest.func::<WithLen<&mut [i32]>, i32>(&mut *store, "sum").unwrap();
    let mut values = vec![5; 1000];
    assert_eq!(sum.call(&mut *store, WithLen(&mut values)).unwrap(), 5000);
    assert_eq!(values, [-1; 1000]);
    let pass = guest.func::<Option<&[u8]>, GuestPtr<u8>>(&mut *store, "pass").unwrap();
    assert!(pass.call(&mut *store, None).unwrap().is_null());
    // An empty array is one, and not null.
    assert!(!pass.call(&mut *store, Some(&[])).unwrap().is_null());
}

/// Nothing is read back after a failure.
#[test]
fn failed_calls_leave_the_hosts_values() {
    let mut host = Host::new(MATH);
    let (store, guest) = (&mut host.store, &host.guest);
    let trap = guest.func::<&mut [i32], ()>(&mut *store, "trap").unwrap();
    let mut values = [1, 2];
    let error = trap.call(&mut *store, &mut values).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
    assert!(error.backtrace().is_some());
    assert_eq!(values, [1, 2]);
    let top = guest.instance().get_global(&mut *store, "__stack_pointer").unwrap();
    assert_eq!(top.get(&mut *store).unwrap_i32(), 65536);
}

/// A function for borrowed arguments takes those of any lifetime, also from a struct.
#[test]
fn bindings_are_kept_in_structs() {
    struct Api {
        sum: GuestFunc<(WithLen<&'static [i32]>,), i32>,
        add: GuestFunc<(i32, i32), i32>,
    }
    impl Api {
        fn sum(&self, store: impl AsContextMut, values: &[i32]) -> Result<i32> {
            self.sum.call(store, (WithLen(values),))
        }
    }
    let mut host = Host::new(MATH);
    let api = Api {
        sum: host.guest.func(&mut host.store, "sum").unwrap(),
        add: host.guest.func(&mut host.store, "add").unwrap(),
    };
    let values: Vec<i32> = (0..10).collect();
    assert_eq!(api.sum(&mut host.store, &values).unwrap(), 45);
    assert_eq!(api.add.clone().call(&mut host.store, (1, 2)).unwrap(), 3);
    assert_eq!((api.sum.name(), api.add.name()), ("sum", "add"));
    let entry = api.add.entry();
    assert_eq!(entry.call(&mut host.store, (40, 2)).unwrap(), (42,));
}

#[test]
fn sixteen_values_are_the_most() {
    let mut host = Host::new(MATH);
    let (store, guest) = (&mut host.store, &host.guest);
    type Two = WithLen<&'static str>;
    let many = guest
        .func::<(Two, Two, Two, Two, i32, i32, i32, i32, i32, i32, i32, i32), u32>(
            &mut *store,
            "many",
        )
        .unwrap();
    let [a, b, c, d] = ["one", "two", "three", ""].map(WithLen);
    let first = many.call(&mut *store, (a, b, c, d, 1, 2, 3, 4, 5, 6, 7, 10)).unwrap() - 10;
    assert_eq!(guest.view(&*store).str(first, 3).unwrap(), "one");
}

#[test]
fn own_types_are_arguments() {
    #[derive(Clone, Copy)]
    struct Celsius(f32);
    impl GuestArg for Celsius {
        type Raw<A: Address> = One<i32>;

        fn lower<A: Address, C: AsContextMut>(&self, _: &mut Scope<'_, C, A>) -> Result<One<i32>> {
            Ok(One((self.0 * 10.0) as i32))
        }
    }
    let mut host = Host::new(MATH);
    let add = host.guest.func::<(Celsius, Celsius), i32>(&mut host.store, "add").unwrap();
    assert_eq!(add.call(&mut host.store, (Celsius(1.5), Celsius(0.5))).unwrap(), 20);
}

#[test]
fn records_are_arguments() {
    #[derive(GuestRecord, Debug, PartialEq)]
    struct Two {
        a: i32,
        b: i32,
    }
    let mut host = Host::new(MATH);
    let (store, guest) = (&mut host.store, &host.guest);
    let sum = guest.func::<(&mut Two, u32), i32>(&mut *store, "sum").unwrap();
    let mut two = Two { a: 40, b: 2 };
    assert_eq!(sum.call(&mut *store, (&mut two, 2)).unwrap(), 42);
    assert_eq!(two, Two { a: -1, b: -1 });
    let sum = guest.func::<(&[Two], u32), i32>(&mut *store, "sum").unwrap();
    let several = [Two { a: 1, b: 2 }, Two { a: 3, b: 4 }];
    assert_eq!(sum.call(&mut *store, (&several, 4)).unwrap(), 10);
    let pass = guest.func::<Option<&Two>, GuestPtr<Two>>(&mut *store, "pass").unwrap();
    assert!(pass.call(&mut *store, None).unwrap().is_null());
    assert!(!pass.call(&mut *store, Some(&two)).unwrap().is_null());
}

/// A guest is used by host functions that it calls, by the store that they are given.
#[test]
fn host_functions_use_their_guest() {
    let mut store = Store::new(&Engine::default(), ());
    let reverse = |mut caller: Caller<'_, ()>, at: u32, len: u32| -> Result<()> {
        let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
        let bytes = memory.data_mut(&mut caller);
        palisade_guest::ViewMut::new(bytes).slice_mut::<u16>(at, len as usize)?.reverse();
        Ok(())
    };
    let reverse = Func::wrap(&mut store, reverse);
    let text = r#"(module
        (import "" "reverse" (func $reverse (param i32 i32)))
        (memory (export "memory") 1)
        (global (export "__stack_pointer") (mut i32) (i32.const 65536))
        (func (export "run") (param i32 i32) (call $reverse (local.get 0) (local.get 1))))"#;
    let mut host = Host::with_imports(store, text, &[reverse.into()]);
    let (store, guest) = (&mut host.store, &host.guest);
    let run = guest.func::<WithLen<&mut [u16]>, ()>(&mut *store, "run").unwrap();
    let mut values = [1, 2, 3];
    run.call(&mut *store, WithLen(&mut values)).unwrap();
    assert_eq!(values, [3, 2, 1]);
    let run = guest.func::<(u32, u32), ()>(&mut *store, "run").unwrap();
    assert_error(run.call(&mut *store, (1, 3)), "address 0x1 is not aligned to 2 bytes");
    assert_error(
        run.call(&mut *store, (2, u32::MAX)),
        "8589934590 bytes at address 0x2 are not within the guest's memory of 65536 bytes",
    );
    let (mut view, ()) = guest.view_and_data_mut(&mut *store);
    view.set(0u32, &1u8).unwrap();
    assert_eq!(guest.memory().data(store.as_context())[0], 1);
}

/// Guests and what is bound to them go to other threads, with their store or without.
#[test]
fn handles_are_send_and_sync() {
    fn check<T: Send + Sync + 'static>() {}
    check::<palisade_guest::Guest>();
    check::<palisade_guest::GuestBox<u8>>();
    check::<palisade_guest::AssemblyScript>();
    check::<GuestFunc<(&'static str, &'static mut [u8]), (i32, bool)>>();
    check::<GuestPtr<std::cell::Cell<u8>>>();
}
