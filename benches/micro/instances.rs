//! Instances and growth.

use crate::{BOUNDARY, RUNTIME, linker, module};
use divan::Bencher;
use divan::counter::ItemsCount;
use palisade::{Config, Engine, Instance, InstanceAllocationStrategy, Store};

#[divan::bench]
fn store_instance_drop(bencher: Bencher<'_, '_>) {
    come_and_go(bencher, &Engine::default());
}

#[divan::bench]
fn store_instance_drop_pooled(bencher: Bencher<'_, '_>) {
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::pooling());
    come_and_go(bencher, &Engine::new(&config).expect("there is address space"));
}

fn come_and_go(bencher: Bencher<'_, '_>, engine: &Engine) {
    let module = module(engine, BOUNDARY);
    let pre = linker(engine).instantiate_pre(&module).expect("it links");
    bencher.bench_local(|| {
        let mut store = Store::new(engine, ());
        pre.instantiate(&mut store).expect("it instantiates")
    });
}

#[divan::bench]
fn memory_grow(bencher: Bencher<'_, '_>) {
    let engine = Engine::default();
    let module = module(&engine, RUNTIME);
    let fresh = || {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("it instantiates");
        let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").expect("exported");
        (store, grow)
    };
    let bencher = bencher.counter(ItemsCount::new(100_u32));
    bencher.with_inputs(fresh).bench_local_values(|(mut store, grow)| {
        grow.call(&mut store, 100).expect("no trap");
        store
    });
}
