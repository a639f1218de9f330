//! A host of three guests, two in C by Emscripten and one in AssemblyScript: strings, records, a
//! callback, objects.
//!
//! `cargo run -p palisade-guest --example talk`, anywhere in the repository. Their sources are in
//! `tests/guests/emscripten-lib/src` and `tests/guests/assemblyscript/src`.

use palisade::{Caller, Engine, Linker, Module, Result, Store};
use palisade_guest::{
    AsAbort, AsStr, AsString, AsVec, AssemblyScriptEnv, Callback, Freed, Guest, GuestPtr,
    GuestRecord,
};

/// What the store holds: how often the guest has asked the host to compare.
type Comparisons = u32;

fn main() -> Result<()> {
    let engine = Engine::default();
    let mut linker: Linker<Comparisons> = Linker::new(&engine);
    // What libraries made by Emscripten need at least: memory that does not grow, and a copy.
    linker.func_wrap("env", "emscripten_resize_heap", |_size: u32| 0)?;
    linker.func_wrap("env", "emscripten_memcpy_big", copy)?;
    AssemblyScriptEnv::new().add_to_linker(&mut linker)?;
    let load = |name: &str| -> Result<(Store<Comparisons>, Guest)> {
        let guests = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests");
        let module = Module::new(&engine, std::fs::read(format!("{guests}/{name}"))?)?;
        let mut store = Store::new(&engine, 0);
        let instance = linker.instantiate(&mut store, &module)?;
        let guest = Guest::new(&mut store, instance)?;
        Ok((store, guest))
    };
    strings(load("emscripten-lib/strings.wasm")?)?;
    sorting(load("emscripten-lib/callbacks.wasm")?)?;
    assembly_script(load("assemblyscript/text.wasm")?)?;
    aborting(load("assemblyscript/point.wasm")?)
}

/// `memcpy` of what is large.
fn copy(mut caller: Caller<'_, Comparisons>, to: u32, from: u32, len: u32) -> Result<u32> {
    let memory = caller.get_export("memory").and_then(|item| item.into_memory());
    let memory = memory.ok_or_else(|| palisade::Error::msg("the guest exports no memory"))?;
    let bytes = memory.data_mut(&mut caller);
    let (to_end, from, len) = (to as usize + len as usize, from as usize, len as usize);
    palisade::ensure!(to_end <= bytes.len() && from + len <= bytes.len(), "memcpy out of bounds");
    bytes.copy_within(from..from + len, to as usize);
    Ok(to)
}

/// `char *greet(const char *name)` returns what the caller has to free.
fn strings((mut store, guest): (Store<Comparisons>, Guest)) -> Result<()> {
    let greet = guest.func::<&str, Freed<String>>(&mut store, "greet")?;
    for name in ["Ada", "小明"] {
        println!("{}", greet.call(&mut store, name)?.0);
    }
    let length = guest.func::<&str, i32>(&mut store, "byte_length")?;
    println!("{} bytes", length.call(&mut store, "héllo 世界 🎉")?);
    Ok(())
}

/// The first fields of `struct all`, as far as this host needs it. What it writes leaves the rest
/// alone.
#[derive(GuestRecord)]
struct Item {
    _small: [u8; 8],
    number: i32,
}

/// `qsort` with a comparison by the host, and a list of records.
fn sorting((mut store, guest): (Store<Comparisons>, Guest)) -> Result<()> {
    let inner = guest.clone();
    let compare = guest.add_callback(
        &mut store,
        move |mut caller: Caller<'_, Comparisons>, a: u32, b: u32| -> Result<i32> {
            *caller.data_mut() += 1;
            let view = inner.view(&caller);
            Ok(view.get::<i32>(a)?.cmp(&view.get::<i32>(b)?) as i32)
        },
    )?;
    let sort = guest.func::<(&mut [i32], i32, Callback), ()>(&mut store, "sort")?;
    let mut values = [3, -1, 4, 1, -5, 9];
    sort.call(&mut store, (&mut values, 6, compare))?;
    println!("{values:?} after {} comparisons", store.data());
    guest.remove_callback(&mut store, compare)?;

    let list = guest.func::<i32, GuestPtr<Item>>(&mut store, "make_list")?;
    let first = list.call(&mut store, 10)?;
    println!("the first record has number {}", guest.view(&store).get(first)?.number);
    let free = guest.func::<GuestPtr<Item>, ()>(&mut store, "free_list")?;
    free.call(&mut store, first)
}

fn assembly_script((mut store, guest): (Store<Comparisons>, Guest)) -> Result<()> {
    let greet = guest.func::<AsStr, AsString>(&mut store, "greet")?;
    println!("{}", greet.call(&mut store, AsStr("Ada"))?.0);
    let range = guest.func::<i32, AsVec<i32>>(&mut store, "range")?;
    println!("{:?}", range.call(&mut store, 6)?.0);
    Ok(())
}

/// What a guest aborts with has the place in its source.
fn aborting((mut store, guest): (Store<Comparisons>, Guest)) -> Result<()> {
    let fail = guest.func::<i32, i32>(&mut store, "fail")?;
    let error = fail.call(&mut store, 9).expect_err("index 9 of 3");
    match error.downcast_ref::<AsAbort>() {
        Some(AsAbort { line, column, .. }) => println!("line {line}, column {column}: {error}"),
        None => println!("{error:?}"),
    }
    Ok(())
}
