//! A call that ends in a trap, and the error for it.

use crate::{RUNTIME, instance};
use divan::Bencher;

#[divan::bench(args = ["unreachable", "out_of_bounds"])]
fn trap(bencher: Bencher<'_, '_>, name: &str) {
    let (mut store, instance) = instance(RUNTIME);
    let func = instance.get_typed_func::<(), ()>(&mut store, name).expect("exported");
    bencher.bench_local(|| func.call(&mut store, ()).expect_err("it traps"));
}
