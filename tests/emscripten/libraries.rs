//! Modules without `main`: `--no-entry`.

use crate::{guest, set_up};
use palisade::{Memory, Store, TypedFunc, WasmParams, WasmResults};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, OnOom, Program};

struct Library {
    store: Store<Emscripten>,
    program: Program<Emscripten>,
}

impl Library {
    fn new(name: &str) -> Library {
        let builder = EmscriptenBuilder::new().on_oom(OnOom::Null);
        let (store, program) = set_up(&guest(name), builder).unwrap();
        Library { store, program }
    }

    fn func<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> TypedFunc<P, R> {
        self.program.instance().get_typed_func(&mut self.store, name).unwrap()
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, params: P) -> R {
        self.func::<P, R>(name).call(&mut self.store, params).unwrap()
    }

    fn memory(&mut self) -> Memory {
        self.program.instance().get_memory(&mut self.store, "memory").unwrap()
    }

    fn i32(&mut self, at: u32) -> i32 {
        let mut bytes = [0; 4];
        self.memory().read(&self.store, at as usize, &mut bytes).unwrap();
        i32::from_le_bytes(bytes)
    }
}

#[test]
fn data_and_bss() {
    let mut library = Library::new("add_global");
    let first: i32 = library.call("add", (1, 2));
    library.call::<_, ()>("set_counter", 0);
    let zero: i32 = library.call("add", (1, 2));
    assert_eq!(zero, 3, "first {first}");
    let at: u32 = library.call("counter_addr", ());
    library.memory().write(&mut library.store, at as usize, &1000_i32.to_le_bytes()).unwrap();
    assert_eq!(library.call::<_, i32>("add", (1, 2)), 1003);
    assert_eq!(library.call::<_, u32>("stackSave", ()), 5_244_192);
}

#[test]
fn arrays_through_functions() {
    let mut library = Library::new("sort");
    let array: u32 = library.call("createIntArray", 6);
    for (i, value) in [5, -1, 9, 0, 3, 3].into_iter().enumerate() {
        library.call::<_, ()>("writeToArray", (array, i as i32, value));
    }
    let sorted: u32 = library.call("qSort", (array, 6));
    assert_eq!(sorted, array);
    let found: Vec<i32> = (0..6).map(|i| library.i32(sorted + 4 * i)).collect();
    assert_eq!(found, [-1, 0, 3, 3, 5, 9]);
}

#[test]
fn records_until_memory_is_exhausted() {
    let mut library = Library::new("record");
    let record: u32 = library.call("createRecord", (7, 1.5_f32, -2.0_f32));
    assert_eq!(library.i32(record), 7);
    library.call::<_, ()>("deleteRecord", record);
    assert_eq!(library.call::<_, u32>("createRecord", (1, 2.0_f32, 3.0_f32)), record);
    let mut count = 0;
    while library.call::<_, u32>("createRecord", (count, 0.0_f32, 0.0_f32)) != 0 {
        count += 1;
    }
    assert!(count > 500_000, "{count}");
}

#[test]
fn imported_memory_is_made() {
    let mut library = Library::new("impmem");
    // It is not exported: only the program has it.
    let at: u32 = library.call("getData", ());
    let sum: u32 = library.call("sum", (at, 10_u32));
    assert!(at > 0 && sum > 0, "{at} {sum}");
}

#[test]
fn wide_integers_of_both_kinds() {
    let mut library = Library::new("i64_legacy");
    let low: u32 = library.call("big", ());
    let mut whole = Library::new("i64_bigint");
    let big: u64 = whole.call("big", ());
    assert_eq!(low, big as u32);
    assert_eq!(whole.call::<_, i64>("mul64", (-1_i64, 3_i64)), -3);
    assert_eq!(library.call::<_, i32>("mul64", (-1, -1, 3, 0)), -3);
}
