//! What an exchange with a guest costs: `cargo run --release -p palisade-guest --example speed`.

use palisade::{Engine, Instance, Module, Result, Store};
use palisade_guest::{Callback, Guest, GuestPtr, WithLen};
use std::hint::black_box;
use std::time::Instant;

const TEXT: &str = r#"(module
    (memory (export "memory") 16)
    (table (export "table") 1 funcref)
    (global $sp (mut i32) (i32.const 65536))
    (func (export "stackSave") (result i32) (global.get $sp))
    (func (export "stackRestore") (param i32) (global.set $sp (local.get 0)))
    (func (export "stackAlloc") (param i32) (result i32)
        (global.set $sp (i32.and (i32.sub (global.get $sp) (local.get 0)) (i32.const -16)))
        (global.get $sp))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "calls") (param $f i32) (param $count i32) (result i32)
        (local $sum i32)
        (loop $next
            (local.set $sum (call_indirect (param i32) (result i32)
                (local.get $sum) (local.get $f)))
            (local.set $count (i32.sub (local.get $count) (i32.const 1)))
            (br_if $next (local.get $count)))
        (local.get $sum)))"#;

/// Nanoseconds of one of `count` rounds, the least of five times.
fn measure(name: &str, count: u32, mut round: impl FnMut(u32) -> Result<()>) -> Result<()> {
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        round(count)?;
        least = least.min(start.elapsed().as_nanos() as f64 / f64::from(count));
    }
    println!("{name:44} {least:8.2} ns");
    Ok(())
}

fn main() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(&engine, TEXT)?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let guest = Guest::new(&mut store, instance)?;
    const MANY: u32 = 5_000_000;

    let typed = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add")?;
    measure("a call by TypedFunc", MANY, |count| {
        for n in 0..count as i32 {
            black_box(typed.call(&mut store, (n, 1))?);
        }
        Ok(())
    })?;
    let add = guest.func::<(i32, i32), i32>(&mut store, "add")?;
    measure("the same, bound by a guest", MANY, |count| {
        for n in 0..count as i32 {
            black_box(add.call(&mut store, (n, 1))?);
        }
        Ok(())
    })?;
    let text = guest.func::<WithLen<&str>, i32>(&mut store, "add")?;
    measure("with a text of 11 bytes on the guest's stack", MANY / 10, |count| {
        for _ in 0..count {
            black_box(text.call(&mut store, WithLen("hello world"))?);
        }
        Ok(())
    })?;

    let at = GuestPtr::<i32>::new(65536);
    let memory = guest.memory();
    measure("one number of Memory::data", MANY, |count| {
        for n in 0..count {
            black_box(memory.data(&store)[black_box(65536) + n as usize % 16]);
        }
        Ok(())
    })?;
    measure("a slice of 16 numbers of a view, one read", MANY, |count| {
        let view = guest.view(&store);
        for n in 0..count {
            black_box(view.slice(black_box(at), 16)?[n as usize % 16]);
        }
        Ok(())
    })?;
    measure("a view, a slice of 16 numbers, one read", MANY, |count| {
        for n in 0..count {
            let slice = guest.view(&store).slice(black_box(at), 16)?;
            black_box(slice[n as usize % 16]);
        }
        Ok(())
    })?;
    measure("a view, a slice of 16 numbers, one written", MANY, |count| {
        for n in 0..count {
            guest.view_mut(&mut store).slice_mut(black_box(at), 16)?[n as usize % 16] = n as i32;
        }
        Ok(())
    })?;

    let callback = guest.add_callback(&mut store, |n: i32| n + 1)?;
    let calls = guest.func::<(Callback, u32), i32>(&mut store, "calls")?;
    measure("a call of a closure by the guest", MANY, |count| {
        black_box(calls.call(&mut store, (callback, count))?);
        Ok(())
    })
}
