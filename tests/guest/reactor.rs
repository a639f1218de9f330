//! A library in C for WASI: initialised by the host, then called.

use crate::wasm;
use palisade::{Engine, Instance, Module, Store};
use palisade_guest::{Freed, Guest};

#[test]
fn reactor() {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm("wasi/reactor.wasm")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let guest = Guest::new(&mut store, instance).unwrap();
    let is_ready = guest.func::<(), i32>(&mut store, "is_ready").unwrap();
    assert_eq!(is_ready.call(&mut store, ()).unwrap(), 0);
    guest.func::<(), ()>(&mut store, "_initialize").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(is_ready.call(&mut store, ()).unwrap(), 42);

    let reverse = guest.func::<&str, Freed<String>>(&mut store, "reverse").unwrap();
    assert_eq!(reverse.call(&mut store, "abc").unwrap().0, "cba");
    // Larger than any limit of the stack, which this guest does not export anyway.
    let long: String = ('a'..='z').cycle().take(100_000).collect();
    let reversed: String = long.chars().rev().collect();
    assert_eq!(reverse.call(&mut store, &long).unwrap().0, reversed);
}
