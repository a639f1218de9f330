//! Every access at every edge: which bytes it reads and writes, and that it traps when one of them is not there.
//!
//! The oracle is the specification's own rule in 128 bits: index plus offset plus size is at most the length.

use crate::{PAGE, config, instance, stores};
use palisade::{Engine, Func, Instance, Memory, Module, Store, Trap, Val, ValType};
use std::fmt::Write;

/// Loads: name, result type, bytes, and whether they extend a sign.
const LOADS: &[(&str, &str, u64, bool)] = &[
    ("i32.load", "i32", 4, false),
    ("i64.load", "i64", 8, false),
    ("f32.load", "f32", 4, false),
    ("f64.load", "f64", 8, false),
    ("i32.load8_s", "i32", 1, true),
    ("i32.load8_u", "i32", 1, false),
    ("i32.load16_s", "i32", 2, true),
    ("i32.load16_u", "i32", 2, false),
    ("i64.load8_s", "i64", 1, true),
    ("i64.load8_u", "i64", 1, false),
    ("i64.load16_s", "i64", 2, true),
    ("i64.load16_u", "i64", 2, false),
    ("i64.load32_s", "i64", 4, true),
    ("i64.load32_u", "i64", 4, false),
];

/// Stores: name, type of the value, and bytes.
const STORES: &[(&str, &str, u64)] = &[
    ("i32.store", "i32", 4),
    ("i64.store", "i64", 8),
    ("f32.store", "f32", 4),
    ("f64.store", "f64", 8),
    ("i32.store8", "i32", 1),
    ("i32.store16", "i32", 2),
    ("i64.store8", "i64", 1),
    ("i64.store16", "i64", 2),
    ("i64.store32", "i64", 4),
];

/// What is stored, of which narrow stores take the low bytes.
const STORED: u64 = 0x8182_8384_8586_8788;

/// The bytes at the end of the memory that are compared.
const TAIL: u64 = 64;

/// Bytes of the guard region; offsets at its edge are treated differently from those beyond.
const GUARD: u64 = 32 << 20;

/// A memory to test: its declaration without the length, the width of its indices, pages and bytes in a page.
struct Subject {
    name: &'static str,
    is_64: bool,
    pages: u64,
    page_size: u64,
    /// Pages at creation; the rest is grown.
    minimum: u64,
    maximum: Option<u64>,
}

impl Subject {
    fn len(&self) -> u64 {
        self.pages * self.page_size
    }

    fn index_type(&self) -> &'static str {
        if self.is_64 { "i64" } else { "i32" }
    }

    fn largest_index(&self) -> u64 {
        if self.is_64 { u64::MAX } else { u32::MAX.into() }
    }

    /// Offsets around everything that the compiler may treat differently.
    fn offsets(&self) -> Vec<u64> {
        let edges = [
            0,
            8,
            self.minimum * self.page_size,
            self.len(),
            GUARD,
            1 << 31,
            1 << 32,
            1 << 47,
            1 << 63,
            u64::MAX,
        ];
        around(&edges, &[0, 1, 2, 4, 8, 9], self.largest_index())
    }

    /// Indices around everything that matters to an access of `size` bytes at `offset`.
    fn indices(&self, offset: u64, size: u64) -> Vec<u64> {
        let largest = self.largest_index();
        let mut edges = vec![0, self.len(), GUARD, 1 << 31, 1 << 32, 1 << 63, largest];
        // Where the access begins at the end of the memory, or ends there, or the sum wraps.
        edges.push(self.len().wrapping_sub(offset));
        edges.push(self.len().wrapping_sub(offset).wrapping_sub(size));
        edges.push(offset.wrapping_neg());
        edges.push(offset.wrapping_neg().wrapping_sub(size));
        around(&edges, &[0, 1], largest)
    }

    fn is_inside(&self, index: u64, offset: u64, size: u64) -> bool {
        u128::from(index) + u128::from(offset) + u128::from(size) <= u128::from(self.len())
    }

    fn declaration(&self) -> String {
        let index = if self.is_64 { "i64" } else { "" };
        let maximum = self.maximum.map(|max| max.to_string()).unwrap_or_default();
        let pages = if self.page_size == PAGE { "" } else { "(pagesize 1)" };
        format!("(memory (export \"memory\") {index} {} {maximum} {pages})", self.minimum)
    }

    /// A module with a function for each access at each offset, named by both.
    fn module(&self) -> String {
        let (index, mut text) = (self.index_type(), format!("(module {}", self.declaration()));
        for offset in self.offsets() {
            for (op, ty, ..) in LOADS {
                write!(
                    text,
                    "(func (export \"{op} {offset}\") (param {index}) (result {ty})
                        ({op} offset={offset} (local.get 0)))"
                )
                .unwrap();
            }
            for (op, ty, _) in STORES {
                write!(
                    text,
                    "(func (export \"{op} {offset}\") (param {index} {ty})
                        ({op} offset={offset} (local.get 0) (local.get 1)))"
                )
                .unwrap();
            }
        }
        text + ")"
    }

    fn index(&self, index: u64) -> Val {
        if self.is_64 { Val::I64(index as i64) } else { Val::I32(index as u32 as i32) }
    }
}

/// Each edge, and that less and more each distance; those up to `largest`, each once.
fn around(edges: &[u64], distances: &[u64], largest: u64) -> Vec<u64> {
    let mut all: Vec<u64> = edges
        .iter()
        .flat_map(|edge| {
            distances.iter().flat_map(|by| [edge.wrapping_add(*by), edge.wrapping_sub(*by)])
        })
        .filter(|value| *value <= largest)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn check(subject: &Subject) {
    for mut store in stores() {
        let instance = instance(&mut store, &subject.module(), &[]);
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        memory.grow(&mut store, subject.pages - subject.minimum).unwrap();
        assert_eq!(memory.data_size(&store) as u64, subject.len());
        for offset in subject.offsets() {
            for load in LOADS {
                let func = instance.get_func(&mut store, &format!("{} {offset}", load.0)).unwrap();
                check_load(subject, &mut store, memory, func, *load, offset);
            }
            for op in STORES {
                let func = instance.get_func(&mut store, &format!("{} {offset}", op.0)).unwrap();
                check_store(subject, &mut store, memory, func, *op, offset);
            }
        }
    }
}

fn check_load(
    subject: &Subject,
    store: &mut Store<()>,
    memory: Memory,
    func: Func,
    (op, ty, size, signed): (&str, &str, u64, bool),
    offset: u64,
) {
    fill_tail(subject, store, memory);
    for index in subject.indices(offset, size) {
        let place = format!("{}: {op} offset={offset:#x} at {index:#x}", subject.name);
        let mut results = [Val::I32(-1)];
        let result = func.call(&mut *store, &[subject.index(index)], &mut results);
        if !subject.is_inside(index, offset, size) {
            let error = result.expect_err(&place);
            assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds), "{place}");
            continue;
        }
        result.unwrap_or_else(|error| panic!("{place}: {error:?}"));
        let start = (index + offset) as usize;
        let mut bytes = [0; 8];
        bytes[..size as usize].copy_from_slice(&memory.data(&*store)[start..start + size as usize]);
        let mut expected = u64::from_le_bytes(bytes);
        if signed {
            let unused = 64 - 8 * size;
            expected = ((expected << unused) as i64 >> unused) as u64;
        }
        let actual = match results[0] {
            Val::I32(value) => u64::from(value as u32),
            Val::I64(value) => value as u64,
            Val::F32(bits) => bits.into(),
            Val::F64(bits) => bits,
            _ => unreachable!("loads give numbers"),
        };
        let expected = if ty == "i32" { u64::from(expected as u32) } else { expected };
        assert_eq!(actual, expected, "{place}");
    }
}

fn check_store(
    subject: &Subject,
    store: &mut Store<()>,
    memory: Memory,
    func: Func,
    (op, ty, size): (&str, &str, u64),
    offset: u64,
) {
    let value = match ty {
        "i32" => Val::I32(STORED as i32),
        "i64" => Val::I64(STORED as i64),
        "f32" => Val::F32(STORED as u32),
        _ => Val::F64(STORED),
    };
    for index in subject.indices(offset, size) {
        let place = format!("{}: {op} offset={offset:#x} at {index:#x}", subject.name);
        let tail = fill_tail(subject, store, memory);
        let result = func.call(&mut *store, &[subject.index(index), value], &mut []);
        let mut expected = memory.data(&*store)[tail..].to_vec();
        for (i, byte) in expected.iter_mut().enumerate() {
            *byte = pattern(tail + i);
        }
        if subject.is_inside(index, offset, size) {
            result.unwrap_or_else(|error| panic!("{place}: {error:?}"));
            let start = (index + offset) as usize;
            let stored = &STORED.to_le_bytes()[..size as usize];
            assert_eq!(&memory.data(&*store)[start..start + size as usize], stored, "{place}");
            for (i, byte) in stored.iter().enumerate() {
                if let Some(at) = (start + i).checked_sub(tail) {
                    expected[at] = *byte;
                }
            }
        } else {
            let error = result.expect_err(&place);
            assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds), "{place}");
        }
        assert_eq!(memory.data(&*store)[tail..], expected, "{place}");
    }
}

/// Gives the last bytes of the memory known values; the first of them.
fn fill_tail(subject: &Subject, store: &mut Store<()>, memory: Memory) -> usize {
    let tail = subject.len().saturating_sub(TAIL) as usize;
    let bytes = memory.data_mut(store);
    (tail..bytes.len()).for_each(|i| bytes[i] = pattern(i));
    tail
}

fn pattern(place: usize) -> u8 {
    (place * 151 + 101) as u8
}

const USUAL: Subject =
    Subject { name: "64-bit", is_64: true, pages: 2, page_size: PAGE, minimum: 2, maximum: None };

#[test]
fn memory_of_64_bits() {
    check(&USUAL);
}

#[test]
fn memory_of_64_bits_that_has_grown() {
    check(&Subject { name: "64-bit, grown", minimum: 0, maximum: Some(3), ..USUAL });
}

/// The guard region follows the last byte.
#[test]
fn memory_of_64_bits_and_fixed_size() {
    check(&Subject { name: "64-bit, fixed", maximum: Some(2), ..USUAL });
}

/// The minimum covers offsets that the guard region does not.
#[test]
fn memory_of_64_bits_larger_than_the_guard_region() {
    check(&Subject { name: "64-bit, large", pages: 1025, minimum: 1024, ..USUAL });
}

#[test]
fn memory_of_32_bits() {
    check(&Subject { name: "32-bit", is_64: false, ..USUAL });
    check(&Subject { name: "32-bit, fixed", is_64: false, maximum: Some(2), ..USUAL });
}

#[test]
fn pages_of_one_byte() {
    let small = Subject { name: "bytes", is_64: false, pages: 101, page_size: 1, ..USUAL };
    check(&Subject { minimum: 101, ..small });
    check(&Subject { name: "bytes, grown", minimum: 3, maximum: Some(5000), ..small });
    check(&Subject { name: "bytes, tiny", pages: 3, minimum: 3, maximum: Some(3), ..small });
    // Exactly the host's page, and one more byte.
    check(&Subject { name: "bytes, host page", pages: 4096, minimum: 4096, ..small });
    check(&Subject { name: "bytes, next page", pages: 4097, minimum: 4096, ..small });
}

#[test]
fn pages_of_one_byte_and_64_bits() {
    let small = Subject { name: "bytes, 64-bit", pages: 101, page_size: 1, ..USUAL };
    check(&Subject { minimum: 101, ..small });
    check(&Subject { name: "bytes, 64-bit, grown", minimum: 3, maximum: Some(5000), ..small });
    check(&Subject {
        name: "bytes, 64-bit, tiny",
        pages: 3,
        minimum: 3,
        maximum: Some(3),
        ..small
    });
}

#[test]
fn memories_without_pages() {
    for (name, is_64, page_size) in [
        ("64-bit, empty", true, PAGE),
        ("32-bit, empty", false, PAGE),
        ("bytes, empty", false, 1),
        ("bytes, 64-bit, empty", true, 1),
    ] {
        check(&Subject { name, is_64, page_size, pages: 0, minimum: 0, maximum: None });
    }
}

/// Constant indices are decided by the compiler where it can.
#[test]
fn constant_indices() {
    let indices = around(
        &[0, PAGE, 2 * PAGE, GUARD, 1 << 32, 1 << 63, u64::MAX],
        &[0, 1, 4, 7, 8, 9],
        u64::MAX,
    );
    for offset in [0, 1, PAGE, GUARD, 1 << 33, u64::MAX - 8, u64::MAX - 7, u64::MAX] {
        let mut text = String::from("(module (memory i64 1) (data (i64.const 65528) \"12345678\")");
        for index in &indices {
            write!(
                text,
                "(func (export \"{index}\") (result i64)
                    (i64.load offset={offset} (i64.const {index})))"
            )
            .unwrap();
        }
        let module = Module::new(&Engine::new(&config()).unwrap(), text + ")").unwrap();
        let mut store = Store::new(module.engine(), ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        for index in &indices {
            let func = instance.get_func(&mut store, &index.to_string()).unwrap();
            assert!(matches!(func.ty(&store).result(0), Some(ValType::I64)));
            let mut results = [Val::I64(-1)];
            let result = func.call(&mut store, &[], &mut results);
            let end = u128::from(*index) + u128::from(offset) + 8;
            match result {
                Ok(()) => assert!(end <= u128::from(PAGE), "{index:#x} + {offset:#x}"),
                Err(error) => {
                    assert!(end > u128::from(PAGE), "{index:#x} + {offset:#x}: {error:?}");
                    assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
                }
            }
            if end == u128::from(PAGE) {
                assert_eq!(results[0].i64(), Some(i64::from_le_bytes(*b"12345678")));
            }
        }
    }
}

/// Bulk operations at the same edges.
#[test]
fn ranges() {
    let text = r#"(module
        (memory (export "memory") i64 1)
        (data $d "abcdefgh")
        (func (export "fill") (param i64 i64)
            (memory.fill (local.get 0) (i32.const 7) (local.get 1)))
        (func (export "copy") (param i64 i64)
            (memory.copy (local.get 0) (i64.const 0) (local.get 1)))
        (func (export "copy from") (param i64 i64)
            (memory.copy (i64.const 0) (local.get 0) (local.get 1)))
        (func (export "init") (param i64 i64)
            (memory.init $d (local.get 0) (i32.const 0) (i32.wrap_i64 (local.get 1)))))"#;
    for mut store in stores() {
        let instance = instance(&mut store, text, &[]);
        let starts = around(&[0, PAGE, 1 << 32, 1 << 63, u64::MAX], &[0, 1, 8], u64::MAX);
        let lens = around(&[0, PAGE, 1 << 32, 1 << 63, u64::MAX], &[0, 1, 8], u64::MAX);
        for name in ["fill", "copy", "copy from", "init"] {
            let func = instance.get_typed_func::<(u64, u64), ()>(&mut store, name).unwrap();
            for start in &starts {
                for len in &lens {
                    let taken = if name == "init" { u64::from(*len as u32) } else { *len };
                    let available = if name == "init" { 8 } else { PAGE };
                    let end = u128::from(*start) + u128::from(taken);
                    let inside = end <= u128::from(PAGE) && taken <= available;
                    let result = func.call(&mut store, (*start, *len));
                    assert_eq!(result.is_ok(), inside, "{name} {start:#x} {len:#x}");
                    if let Err(error) = result {
                        assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
                    }
                }
            }
        }
    }
}
