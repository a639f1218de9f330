//! Calls between host and guest.

use crate::{BOUNDARY, instance};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use palisade::Val;

#[divan::bench]
fn host_to_wasm_typed(bencher: Bencher<'_, '_>) {
    let (mut store, instance) = instance(BOUNDARY);
    let callee = instance.get_typed_func::<(i32, i32), i32>(&mut store, "callee");
    let callee = callee.expect("exported");
    bencher.bench_local(|| callee.call(&mut store, (black_box(1), 2)).expect("no trap"));
}

#[divan::bench]
fn host_to_wasm_dynamic(bencher: Bencher<'_, '_>) {
    let (mut store, instance) = instance(BOUNDARY);
    let callee = instance.get_func(&mut store, "callee").expect("exported");
    let mut results = [Val::I32(0)];
    bencher.bench_local(|| {
        let params = [Val::I32(black_box(1)), Val::I32(2)];
        callee.call(&mut store, &params, &mut results).expect("no trap");
    });
}

#[divan::bench]
fn wasm_to_host_typed(bencher: Bencher<'_, '_>) {
    let (mut store, instance) = instance(BOUNDARY);
    let run = instance.get_typed_func::<i32, i32>(&mut store, "call_host").expect("exported");
    let bencher = bencher.counter(ItemsCount::new(1000_u32));
    bencher.bench_local(|| run.call(&mut store, black_box(1000)).expect("no trap"));
}
