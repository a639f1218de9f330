//! Accesses to linear memory, above all those that must not happen.
//!
//! What is expected is computed from the specification's sum, index plus offset plus size, without wrapping.

use crate::{bits, call, call_func, call_i32, instance, instantiate, number, trap};
use palisade::Trap::MemoryOutOfBounds;
use palisade::{Config, Engine, Instance, Memory, MemoryType, OptLevel, Store, Trap, Val, ValType};
use std::collections::BTreeSet;

const PAGE: u64 = 65536;

const LOADS: [&str; 14] = [
    "i32.load",
    "i32.load8_s",
    "i32.load8_u",
    "i32.load16_s",
    "i32.load16_u",
    "i64.load",
    "i64.load8_s",
    "i64.load8_u",
    "i64.load16_s",
    "i64.load16_u",
    "i64.load32_s",
    "i64.load32_u",
    "f32.load",
    "f64.load",
];

const STORES: [&str; 9] = [
    "i32.store",
    "i32.store8",
    "i32.store16",
    "i64.store",
    "i64.store8",
    "i64.store16",
    "i64.store32",
    "f32.store",
    "f64.store",
];

/// Offsets around what the compiler may tell apart: nothing, pages, a guard region of 32 MiB, signs, everything.
const OFFSETS: [u64; 17] = [
    0,
    1,
    8,
    PAGE - 8,
    PAGE - 1,
    PAGE,
    2 * PAGE,
    3 * PAGE,
    0x01ff_fff0,
    0x01ff_ffff,
    0x0200_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_0000,
    0xffff_fff8,
    0xffff_fffc,
    0xffff_ffff,
];

const STORED: u64 = 0xf1e2_d3c4_b5a6_9788;

/// A load or store instruction, as its name tells it.
struct Access {
    mnemonic: &'static str,
    ty: ValType,
    size: u64,
}

impl Access {
    fn of(mnemonic: &'static str) -> Access {
        let (ty, whole) = match &mnemonic[..3] {
            "i32" => (ValType::I32, 4),
            "i64" => (ValType::I64, 8),
            "f32" => (ValType::F32, 4),
            _ => (ValType::F64, 8),
        };
        let digits: String = mnemonic[4..].chars().filter(char::is_ascii_digit).collect();
        let size = digits.parse::<u64>().map_or(whole, |bits| bits / 8);
        Access { mnemonic, ty, size }
    }

    fn is_store(&self) -> bool {
        self.mnemonic.contains("store")
    }

    /// The result of loading these bytes.
    fn loaded(&self, bytes: &[u8]) -> u64 {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let unsigned = u64::from_le_bytes(wide);
        let unused = 64 - 8 * self.size as u32;
        let value = match self.mnemonic.ends_with("_s") {
            true => ((unsigned << unused) as i64 >> unused) as u64,
            false => unsigned,
        };
        if matches!(self.ty, ValType::I32 | ValType::F32) { value & 0xffff_ffff } else { value }
    }

    /// A function of this instruction with one index parameter, or with a constant index.
    fn function(&self, name: &str, offset: u64, index: Option<u64>) -> String {
        let Access { mnemonic, ty, .. } = self;
        let (mut params, result, mut operands) = (String::new(), !self.is_store(), String::new());
        match index {
            Some(index) => operands += &format!("(i32.const {index})"),
            None => operands += "(local.get 0)",
        }
        params += "(param i32)";
        if self.is_store() {
            params += &format!("(param {ty})");
            operands += "(local.get 1)";
        }
        let result = if result { format!("(result {ty})") } else { String::new() };
        format!(
            "(func (export \"{name}\") {params} {result} ({mnemonic} offset={offset} {operands}))"
        )
    }
}

fn accesses() -> impl Iterator<Item = Access> {
    LOADS.into_iter().chain(STORES).map(Access::of)
}

/// A memory, what it should contain, and functions that access it.
struct Probe {
    store: Store<()>,
    memory: Memory,
    instance: Instance,
    content: Vec<u8>,
}

impl Probe {
    fn new(level: OptLevel, pages: u32, functions: &str) -> Probe {
        let engine = Engine::new(Config::new().cranelift_opt_level(level)).expect("an engine");
        let mut store = Store::new(&engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(pages, None)).expect("a memory");
        let content: Vec<u8> = (0..u64::from(pages) * PAGE).map(|i| (i % 251) as u8).collect();
        memory.write(&mut store, 0, &content).expect("it fits");
        let text = format!("(module (import \"\" \"\" (memory 0)) {functions})");
        let instance = instantiate(&mut store, &text, &[memory.into()]);
        Probe { store, memory, instance, content }
    }

    /// Calls the function `name`, which accesses `offset` plus `index`; checks its effect on all of the memory.
    fn check(&mut self, access: &Access, name: &str, index: u32, offset: u64) {
        let func = self.instance.get_func(&mut self.store, name).expect("exported");
        let stored = number(&access.ty, STORED);
        let params = [Val::I32(index as i32), stored];
        let params = if access.is_store() { &params[..] } else { &params[..1] };
        let result = call_func(&mut self.store, func, params);
        let start = u64::from(index) + offset;
        let range = start as usize..(start + access.size) as usize;
        let what = format!("{} {index:#x} + {offset:#x}", access.mnemonic);
        if range.end > self.content.len() {
            let error = result.expect_err(&what);
            assert_eq!(trap(&error), MemoryOutOfBounds, "{what}");
            assert!(self.memory.data(&self.store) == self.content, "{what} has written");
        } else if access.is_store() {
            result.expect(&what);
            let mut expected = self.content.clone();
            expected[range.clone()].copy_from_slice(&STORED.to_le_bytes()[..range.len()]);
            assert!(self.memory.data(&self.store) == expected, "{what} has written other bytes");
            let old = &self.content[range.clone()];
            self.memory.write(&mut self.store, range.start, old).expect("inside");
        } else {
            let found = result.expect(&what).expect("one result");
            let expected = access.loaded(&self.content[range]);
            assert_eq!(bits(&found), expected, "{what}");
        }
    }
}

/// Indices that are hostile everywhere, and those around the end of a memory for accesses at `offset`.
fn indices(end: u64, offset: u64) -> BTreeSet<u32> {
    let mut indices: BTreeSet<u32> =
        [0, 1, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_0000, 0xffff_fff8, 0xffff_ffff]
            .into();
    let around = (-9..=1).filter_map(|i| (end as i64 - offset as i64).checked_add(i));
    indices.extend(around.filter_map(|index| u32::try_from(index).ok()));
    indices
}

#[test]
fn all_widths_with_variable_index() {
    let name = |access: &Access, offset: u64| format!("{} {offset}", access.mnemonic);
    let mut functions = String::new();
    for access in accesses() {
        for offset in OFFSETS {
            functions += &access.function(&name(&access, offset), offset, None);
        }
    }
    let levels = [OptLevel::Speed, OptLevel::Speed, OptLevel::None];
    for (level, pages) in levels.into_iter().zip([0, 1, 3]) {
        let mut probe = Probe::new(level, pages, &functions);
        for access in accesses() {
            for offset in OFFSETS {
                for index in indices(u64::from(pages) * PAGE, offset) {
                    probe.check(&access, &name(&access, offset), index, offset);
                }
            }
        }
    }
}

#[test]
fn all_widths_with_constant_index() {
    let name =
        |access: &Access, offset: u64, index: u64| format!("{} {offset} {index}", access.mnemonic);
    let offsets = [0, 8, PAGE - 8, 0x0200_0000, 0xffff_ffff];
    let indices = |access: &Access| [0, 8, PAGE - access.size, PAGE - access.size + 1, 0xffff_ffff];
    let mut functions = String::new();
    for access in accesses() {
        for offset in offsets {
            for index in indices(&access) {
                let name = name(&access, offset, index);
                functions += &access.function(&name, offset, Some(index));
            }
        }
    }
    for level in [OptLevel::Speed, OptLevel::None] {
        let mut probe = Probe::new(level, 1, &functions);
        for access in accesses() {
            for offset in offsets {
                for index in indices(&access) {
                    probe.check(&access, &name(&access, offset, index), index as u32, offset);
                }
            }
        }
    }
}

/// A load whose result nobody uses is not removed.
#[test]
fn unused_loads() {
    for mnemonic in LOADS {
        let text = format!(
            "(module (memory 1) (func (export \"run\") (param i32)
                (drop ({mnemonic} (local.get 0)))))"
        );
        let (mut store, instance) = instance(&text);
        let size = Access::of(mnemonic).size;
        let last = (PAGE - size) as u32;
        assert_eq!(call_i32(&mut store, instance, "run", &[last]), Ok(0), "{mnemonic}");
        let beyond = call_i32(&mut store, instance, "run", &[last + 1]);
        assert_eq!(beyond, Err(MemoryOutOfBounds), "{mnemonic}");
    }
}

/// Index arithmetic is that of 32 bits, and the offset is added to its result without wrapping.
#[test]
fn computed_indices() {
    const FIRST: Result<i32, Trap> = Ok(0x1111_1111);
    const LAST: Result<i32, Trap> = Ok(0x2222_2222);
    const OUTSIDE: Result<i32, Trap> = Err(MemoryOutOfBounds);
    let shifted_up = "(i32.wrap_i64 (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)))";
    let high_bits = "(i32.wrap_i64
        (i64.or (i64.const 0xffffffff00000000) (i64.extend_i32_u (local.get 0))))";
    let cases: &[(u32, &str, u32, Result<i32, Trap>)] = &[
        (0, "(i32.sub (local.get 0) (i32.const 1))", 0, OUTSIDE),
        (0, "(i32.sub (local.get 0) (i32.const 1))", 1, FIRST),
        (0, "(i32.sub (local.get 0) (i32.const 8))", 0, OUTSIDE),
        (0, "(i32.sub (local.get 0) (i32.const 8))", 7, OUTSIDE),
        (0, "(i32.sub (local.get 0) (i32.const 8))", 8, FIRST),
        (8, "(i32.sub (local.get 0) (i32.const 8))", 0, OUTSIDE),
        (8, "(i32.add (local.get 0) (i32.const -8))", 0, OUTSIDE),
        (4, "(i32.sub (local.get 0) (i32.const 4))", 65532, Ok(0x2222_2222)),
        (0, "(i32.add (local.get 0) (i32.const -8))", 8, FIRST),
        (0, "(i32.add (local.get 0) (i32.const -8))", 7, OUTSIDE),
        (0, "(i32.add (local.get 0) (i32.const 65536))", 0xffff_0000, FIRST),
        (0, "(i32.add (local.get 0) (i32.const 65536))", 0xffff_fffc, LAST),
        (0, "(i32.add (local.get 0) (i32.const 65536))", 0, OUTSIDE),
        (65532, "(i32.add (local.get 0) (i32.const 65536))", 0xffff_0000, LAST),
        (
            0,
            "(i32.add (i32.add (local.get 0) (i32.const 0x7fffffff)) (i32.const 0x7fffffff))",
            2,
            FIRST,
        ),
        (0, "(i32.shl (local.get 0) (i32.const 3))", 0x2000_0000, FIRST),
        (0, "(i32.shl (local.get 0) (i32.const 3))", 0x1000_0000, OUTSIDE),
        (0, "(i32.mul (local.get 0) (i32.const 4))", 0x4000_0000, FIRST),
        (0, "(i32.mul (local.get 0) (i32.const 4))", 0x3fff_ffff, OUTSIDE),
        (0, "(i32.mul (local.get 0) (i32.const 3))", 0x5555_5556, Ok(0x1111)),
        (0, "(i32.add (local.get 0) (i32.shl (local.get 0) (i32.const 2)))", 0x3333_3334, Ok(0)),
        (0, shifted_up, 0xffff_ffff, FIRST),
        (0, high_bits, 0, FIRST),
        (0, high_bits, 65536, OUTSIDE),
        (0, "(i32.extend8_s (local.get 0))", 0xff, OUTSIDE),
        (0, "(i32.extend8_s (local.get 0))", 0x100, FIRST),
        (0, "(i32.extend16_s (local.get 0))", 0x8000, OUTSIDE),
        (1, "(i32.load (local.get 0))", 16, OUTSIDE),
        (0, "(i32.load8_s (local.get 0))", 16, OUTSIDE),
        (0, "(i32.load8_u (local.get 0))", 16, Ok(0)),
        (0, "(i32.load16_s (local.get 0))", 16, OUTSIDE),
        (0, "(i32.load16_u (local.get 0))", 16, OUTSIDE),
        (0, "(i32.wrap_i64 (i64.load32_s (local.get 0)))", 16, OUTSIDE),
        (0, "(select (i32.const -4) (local.get 0) (local.get 0))", 0, FIRST),
        (0, "(select (i32.const -4) (local.get 0) (local.get 0))", 1, OUTSIDE),
    ];
    for (offset, index, param, expected) in cases {
        let text = format!(
            "(module (memory 1)
                (data (i32.const 0) \"\\11\\11\\11\\11\")
                (data (i32.const 16) \"\\ff\\ff\\ff\\ff\")
                (data (i32.const 65532) \"\\22\\22\\22\\22\")
                (func (export \"variable\") (param i32) (result i32)
                    (i32.load offset={offset} {index}))
                (func (export \"constant\") (param i32) (result i32)
                    (local.set 0 (i32.const {param}))
                    (i32.load offset={offset} {index})))"
        );
        let (mut store, instance) = instance(&text);
        for export in ["variable", "constant"] {
            let result = call_i32(&mut store, instance, export, &[*param]);
            assert_eq!(result, *expected, "{export}: {offset} + {index} of {param:#x}");
        }
    }
}

/// What comes before a trap has happened, what comes after has not, though both are stores to one place.
#[test]
fn effects_around_a_trap() {
    let faults = [
        ("(i32.store (local.get 0) (i32.const 2))", MemoryOutOfBounds),
        ("(drop (i32.load (local.get 0)))", MemoryOutOfBounds),
        ("(drop (i32.load offset=0x2000000 (local.get 0)))", MemoryOutOfBounds),
        ("(memory.fill (local.get 0) (i32.const 0) (i32.const 1))", MemoryOutOfBounds),
        ("(drop (table.get (local.get 0)))", Trap::TableOutOfBounds),
        ("(drop (i32.div_u (i32.const 1) (local.get 1)))", Trap::IntegerDivisionByZero),
        (
            "(drop (i32.trunc_f32_s (f32.div (f32.const 0) (f32.const 0))))",
            Trap::BadConversionToInteger,
        ),
        ("(call_indirect (local.get 1))", Trap::IndirectCallToNull),
    ];
    for (fault, expected) in faults {
        let text = format!(
            "(module (memory (export \"memory\") 1) (table 1 funcref)
                (global $global (export \"global\") (mut i32) (i32.const 0))
                (func (export \"run\") (param i32 i32)
                    (i32.store (i32.const 0) (i32.const 1))
                    (global.set $global (i32.const 1))
                    {fault}
                    (i32.store (i32.const 0) (i32.const 3))
                    (i32.store (i32.const 4) (i32.const 3))
                    (global.set $global (i32.const 3))))"
        );
        let (mut store, instance) = instance(&text);
        let result = call_i32(&mut store, instance, "run", &[0xffff_fffe, 0]);
        assert_eq!(result, Err(expected), "{fault}");
        let memory = instance.get_memory(&mut store, "memory").expect("exported");
        assert_eq!(memory.data(&store)[..8], [1, 0, 0, 0, 0, 0, 0, 0], "{fault}");
        let global = instance.get_global(&mut store, "global").expect("exported");
        assert_eq!(global.get(&mut store).i32(), Some(1), "{fault}");
    }
}

/// `memory.fill`, `memory.copy` and `memory.init` with every combination of hostile ranges: all or nothing.
#[test]
fn ranges() {
    const SEGMENT: &[u8; 16] = b"0123456789abcdef";
    let functions = "(data $segment \"0123456789abcdef\")
        (func (export \"fill\") (param i32 i32 i32)
            (memory.fill (local.get 0) (i32.const 0xa5) (local.get 2)))
        (func (export \"copy\") (param i32 i32 i32)
            (memory.copy (local.get 0) (local.get 1) (local.get 2)))
        (func (export \"init\") (param i32 i32 i32)
            (memory.init $segment (local.get 0) (local.get 1) (local.get 2)))";
    let mut probe = Probe::new(OptLevel::Speed, 1, functions);
    let values: [u32; 12] =
        [0, 1, 15, 16, 17, 65520, 65535, 65536, 65537, 0x8000_0000, 0xffff_0000, 0xffff_ffff];
    let pattern = probe.content.clone();
    for (name, source) in [("fill", None), ("copy", Some(&pattern[..])), ("init", Some(SEGMENT))] {
        for (to, from, len) in combinations(&values) {
            let result = call_i32(&mut probe.store, probe.instance, name, &[to, from, len]);
            let what = format!("memory.{name} {to:#x} {from:#x} {len:#x}");
            let (to, from, len) = (to as usize, from as usize, len as usize);
            let mut expected = pattern.clone();
            let inside = to + len <= pattern.len();
            if inside && source.is_none_or(|source| from + len <= source.len()) {
                assert_eq!(result, Ok(0), "{what}");
                match source {
                    Some(source) => {
                        expected[to..to + len].copy_from_slice(&source[from..from + len])
                    }
                    None => expected[to..to + len].fill(0xa5),
                }
            } else {
                assert_eq!(result, Err(MemoryOutOfBounds), "{what}");
            }
            assert!(probe.memory.data(&probe.store) == expected, "{what}");
            probe.memory.write(&mut probe.store, 0, &pattern).expect("it fits");
        }
    }
}

fn combinations(values: &[u32]) -> impl Iterator<Item = (u32, u32, u32)> {
    values.iter().flat_map(move |a| {
        values.iter().flat_map(move |b| values.iter().map(move |c| (*a, *b, *c)))
    })
}

/// A dropped segment is an empty one; active segments are dropped at instantiation.
#[test]
fn dropped_segments() {
    let (mut store, instance) = instance(
        "(module (memory 1) (data $passive \"abcd\") (data $active (i32.const 0) \"abcd\")
            (func (export \"passive\") (param i32 i32 i32)
                (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
            (func (export \"active\") (param i32 i32 i32)
                (memory.init $active (local.get 0) (local.get 1) (local.get 2)))
            (func (export \"drop\") (data.drop $passive) (data.drop $passive)))",
    );
    assert_eq!(call_i32(&mut store, instance, "passive", &[65532, 0, 4]), Ok(0));
    call(&mut store, instance, "drop", &[]).expect("dropping twice is fine");
    for name in ["passive", "active"] {
        let mut init = |params| call_i32(&mut store, instance, name, params);
        assert_eq!(init(&[65536, 0, 0]), Ok(0), "{name}");
        assert_eq!(init(&[0, 0, 1]), Err(MemoryOutOfBounds), "{name}");
        assert_eq!(init(&[0, 1, 0]), Err(MemoryOutOfBounds), "{name}");
        assert_eq!(init(&[65537, 0, 0]), Err(MemoryOutOfBounds), "{name}");
    }
}
