//! Modules without `main`: `--no-entry`.

use crate::{library, set_up};
use palisade::{Memory, Store, TypedFunc, WasmParams, WasmResults};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, OnOom, Program};

struct Library {
    store: Store<Emscripten>,
    program: Program<Emscripten>,
}

impl Library {
    fn new(name: &str) -> Library {
        let mut builder = EmscriptenBuilder::new();
        let (store, program) = set_up(&library(name), builder.on_oom(OnOom::Null)).unwrap();
        Library { store, program }
    }

    fn func<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> TypedFunc<P, R> {
        self.program.instance().get_typed_func(&mut self.store, name).unwrap()
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, params: P) -> R {
        self.func::<P, R>(name).call(&mut self.store, params).unwrap()
    }

    fn memory(&mut self) -> Memory {
        self.program.memory(&mut self.store).unwrap().into_memory().unwrap()
    }

    /// Writes a string with its NUL.
    fn put(&mut self, at: u32, text: &str) {
        let bytes = [text.as_bytes(), b"\0"].concat();
        self.memory().write(&mut self.store, at as usize, &bytes).unwrap();
    }

    fn text(&mut self, at: u32) -> String {
        let bytes = &self.memory().data(&self.store)[at as usize..];
        let len = bytes.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(bytes[..len].to_vec()).unwrap()
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
    assert_eq!(library.call::<_, i32>("add", (1, 2)), 126);
    library.call::<_, ()>("set_counter", -3);
    assert_eq!(library.call::<_, i32>("add", (1, 2)), 0);
    let (counter, bss): (u32, u32) =
        (library.call("counter_addr", ()), library.call("bss_addr", ()));
    assert_eq!((counter, bss), (1024, 1040));
    assert_eq!((library.i32(counter), library.i32(bss)), (-3, -3));
    library.memory().write(&mut library.store, 1024, &1000_i32.to_le_bytes()).unwrap();
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
    library.call::<_, ()>("destroyIntArray", array);
    assert_eq!(library.call::<_, u32>("createIntArray", 6), array);
}

#[test]
fn records_until_memory_is_exhausted() {
    let mut library = Library::new("record");
    let record: u32 = library.call("createRecord", (7, 1.5_f32, -2.0_f32));
    assert_eq!((library.i32(record), record % 8), (7, 0));
    assert_eq!(library.call::<_, f32>("norm2", record), 6.25);
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
    assert!(library.program.instance().get_memory(&mut library.store, "memory").is_none());
    let at: u32 = library.call("getData", ());
    let before: Vec<i32> = (0..10).map(|i| library.i32(at + 4 * i)).collect();
    assert_eq!(before, [1, 2, 3, 0, 0, 0, 0, 0, 0, 0]);
    let bytes: Vec<u8> = (0..10_u32).flat_map(u32::to_le_bytes).collect();
    library.memory().write(&mut library.store, at as usize, &bytes).unwrap();
    assert_eq!(library.call::<_, u32>("sum", (at, 10_u32)), 45);
}

#[test]
fn strings_by_stack_and_heap() {
    let mut library = Library::new("strings");
    let saved: u32 = library.call("stackSave", ());
    let at: u32 = library.call("stackAlloc", 19_u32);
    library.put(at, "héllo 世界 🎉");
    assert_eq!(at % 16, 0);
    let counts: (i32, i32) = (library.call("byte_length", at), library.call("code_points", at));
    assert_eq!(counts, (18, 10));
    library.call::<_, ()>("stackRestore", saved);
    assert_eq!(library.call::<_, u32>("stackSave", ()), saved);
    let name: u32 = library.call("malloc", 7_u32);
    library.put(name, "小明");
    let greeting: u32 = library.call("greet", name);
    assert_eq!(library.text(greeting), "你好, 小明!");
    library.call::<_, ()>("free", name);
    library.call::<_, ()>("free", greeting);
    let word: u32 = library.call("malloc", 7_u32);
    library.put(word, "abc é");
    library.call::<_, ()>("upper", word);
    assert_eq!(library.text(word), "ABC é");
}

#[test]
fn wide_integers_of_both_kinds() {
    let mut library = Library::new("i64_legacy");
    let low: u32 = library.call("big", ());
    assert_eq!((low, library.store.data().temp_ret0()), (0x5566_7788, 0x1122_3344));
    assert_eq!(library.call::<_, i32>("mul64", (-1, -1, 3, 0)), -3);
    assert_eq!(library.store.data().temp_ret0(), u32::MAX);
    let mut whole = Library::new("i64_bigint");
    assert_eq!(whole.call::<_, u64>("big", ()), 0x1122_3344_5566_7788);
    assert_eq!(whole.call::<_, i64>("mul64", (-1_i64, 3_i64)), -3);
}
