//! Every trap code that a guest can cause by one instruction, with the place of that instruction.
//!
//! Each fault is compiled with and without optimisation, and with operands that the compiler knows and that it does not
//! know: they take different ways through it. Results are never used, so a fault must not be removed with its result.

use crate::operators::{Operators, frame, frames};
use crate::{bits, call, trap};
use palisade::Trap::{
    BadConversionToInteger, BadSignature, IndirectCallToNull, IntegerDivisionByZero,
    IntegerOverflow, MemoryOutOfBounds, TableOutOfBounds, UnreachableCodeReached,
};
use palisade::{Config, Engine, Instance, Module, OptLevel, Store, Trap};

/// An instruction with its immediates, its operands, and what it traps with.
type Fault = (&'static str, &'static [&'static str], Trap);

const NUMERIC: &[Fault] = &[
    ("unreachable", &[], UnreachableCodeReached),
    ("i32.div_s", &["i32.const 1", "i32.const 0"], IntegerDivisionByZero),
    ("i32.div_u", &["i32.const 1", "i32.const 0"], IntegerDivisionByZero),
    ("i32.rem_s", &["i32.const 1", "i32.const 0"], IntegerDivisionByZero),
    ("i32.rem_u", &["i32.const 1", "i32.const 0"], IntegerDivisionByZero),
    ("i64.div_s", &["i64.const 1", "i64.const 0"], IntegerDivisionByZero),
    ("i64.div_u", &["i64.const 1", "i64.const 0"], IntegerDivisionByZero),
    ("i64.rem_s", &["i64.const 1", "i64.const 0"], IntegerDivisionByZero),
    ("i64.rem_u", &["i64.const 1", "i64.const 0"], IntegerDivisionByZero),
    ("i32.div_s", &["i32.const 0x80000000", "i32.const 0"], IntegerDivisionByZero),
    ("i64.div_s", &["i64.const 0x8000000000000000", "i64.const 0"], IntegerDivisionByZero),
    ("i32.div_s", &["i32.const 0x80000000", "i32.const -1"], IntegerOverflow),
    ("i64.div_s", &["i64.const 0x8000000000000000", "i64.const -1"], IntegerOverflow),
    ("i32.trunc_f32_s", &["f32.const nan"], BadConversionToInteger),
    ("i32.trunc_f32_u", &["f32.const nan"], BadConversionToInteger),
    ("i32.trunc_f64_s", &["f64.const nan"], BadConversionToInteger),
    ("i32.trunc_f64_u", &["f64.const nan"], BadConversionToInteger),
    ("i64.trunc_f32_s", &["f32.const nan"], BadConversionToInteger),
    ("i64.trunc_f32_u", &["f32.const nan"], BadConversionToInteger),
    ("i64.trunc_f64_s", &["f64.const nan"], BadConversionToInteger),
    ("i64.trunc_f64_u", &["f64.const nan"], BadConversionToInteger),
    ("i64.trunc_f64_u", &["f64.const -nan:0x4000000000001"], BadConversionToInteger),
    ("i32.trunc_f32_s", &["f32.const 0x1p31"], IntegerOverflow),
    ("i32.trunc_f32_s", &["f32.const -0x1.000002p31"], IntegerOverflow),
    ("i32.trunc_f32_u", &["f32.const 0x1p32"], IntegerOverflow),
    ("i32.trunc_f32_u", &["f32.const -1"], IntegerOverflow),
    ("i32.trunc_f64_s", &["f64.const 2147483648"], IntegerOverflow),
    ("i32.trunc_f64_s", &["f64.const -2147483649"], IntegerOverflow),
    ("i32.trunc_f64_u", &["f64.const 4294967296"], IntegerOverflow),
    ("i32.trunc_f64_u", &["f64.const -1"], IntegerOverflow),
    ("i64.trunc_f32_s", &["f32.const 0x1p63"], IntegerOverflow),
    ("i64.trunc_f32_s", &["f32.const -0x1.000002p63"], IntegerOverflow),
    ("i64.trunc_f32_u", &["f32.const 0x1p64"], IntegerOverflow),
    ("i64.trunc_f32_u", &["f32.const -1"], IntegerOverflow),
    ("i64.trunc_f64_s", &["f64.const 0x1p63"], IntegerOverflow),
    ("i64.trunc_f64_s", &["f64.const -0x1.0000000000001p63"], IntegerOverflow),
    ("i64.trunc_f64_u", &["f64.const 0x1p64"], IntegerOverflow),
    ("i64.trunc_f64_u", &["f64.const -inf"], IntegerOverflow),
    ("i32.trunc_f32_s", &["f32.const inf"], IntegerOverflow),
];

/// The memory has one page, its data segment four bytes; the table has four entries, of which the first is a function
/// of type `$unit`, its element segment one.
const MEMORY_AND_TABLE: &[Fault] = &[
    ("i32.load", &["i32.const 65533"], MemoryOutOfBounds),
    ("f64.load", &["i32.const -1"], MemoryOutOfBounds),
    ("i32.load offset=0x2000000", &["i32.const 0"], MemoryOutOfBounds),
    ("i64.store", &["i32.const 65529", "i64.const 1"], MemoryOutOfBounds),
    ("i64.store8 offset=0xffffffff", &["i32.const 1", "i64.const 1"], MemoryOutOfBounds),
    ("memory.fill", &["i32.const 65536", "i32.const 0", "i32.const 1"], MemoryOutOfBounds),
    ("memory.copy", &["i32.const 0", "i32.const 65535", "i32.const 2"], MemoryOutOfBounds),
    ("memory.init $bytes", &["i32.const 0", "i32.const 4", "i32.const 1"], MemoryOutOfBounds),
    ("table.get $t", &["i32.const 4"], TableOutOfBounds),
    ("table.set $t", &["i32.const -1", "ref.null func"], TableOutOfBounds),
    ("table.fill $t", &["i32.const 3", "ref.null func", "i32.const 2"], TableOutOfBounds),
    ("table.copy", &["i32.const 0", "i32.const 4", "i32.const 1"], TableOutOfBounds),
    ("table.init $e", &["i32.const 4", "i32.const 0", "i32.const 1"], TableOutOfBounds),
    ("call_indirect (type $unit)", &["i32.const 4"], TableOutOfBounds),
    ("call_indirect (type $unit)", &["i32.const 1"], IndirectCallToNull),
    ("call_indirect (type $other)", &["i64.const 1", "i32.const 0"], BadSignature),
];

#[test]
fn numeric() {
    NUMERIC.iter().for_each(check);
}

#[test]
fn memory_and_table() {
    MEMORY_AND_TABLE.iter().for_each(check);
}

/// What lies just inside the range of a conversion or division does not trap.
#[test]
fn just_no_trap() {
    let cases: &[(&str, &[&str], u64)] = &[
        ("i32.rem_s", &["i32.const 0x80000000", "i32.const -1"], 0),
        ("i64.rem_s", &["i64.const 0x8000000000000000", "i64.const -1"], 0),
        ("i32.div_u", &["i32.const 0x80000000", "i32.const -1"], 0),
        ("i32.div_s", &["i32.const 0x80000001", "i32.const -1"], 0x7fff_ffff),
        ("i32.trunc_f32_s", &["f32.const 0x1.fffffep30"], 0x7fff_ff80),
        ("i32.trunc_f32_s", &["f32.const -0x1p31"], 0x8000_0000),
        ("i32.trunc_f32_u", &["f32.const 0x1.fffffep31"], 0xffff_ff00),
        ("i32.trunc_f32_u", &["f32.const -0x1.fffffep-1"], 0),
        ("i32.trunc_f64_s", &["f64.const 2147483647.9"], 0x7fff_ffff),
        ("i32.trunc_f64_s", &["f64.const -2147483648.9"], 0x8000_0000),
        ("i32.trunc_f64_u", &["f64.const 4294967295.9"], 0xffff_ffff),
        ("i32.trunc_f64_u", &["f64.const -0.9"], 0),
        ("i64.trunc_f32_s", &["f32.const -0x1p63"], 1 << 63),
        ("i64.trunc_f32_u", &["f32.const 0x1.fffffep63"], 0xffff_ff00_0000_0000),
        ("i64.trunc_f64_s", &["f64.const -0x1p63"], 1 << 63),
        ("i64.trunc_f64_u", &["f64.const 0x1.fffffffffffffp63"], 0xffff_ffff_ffff_f800),
        ("i64.trunc_f64_u", &["f64.const -0x1.fffffffffffffp-1"], 0),
    ];
    for (instruction, operands, expected) in cases {
        for (engine, known, what) in ways(instruction) {
            let (globals, operands) = operand_texts(operands, known);
            let ty = &instruction[..3];
            let text = format!(
                "(module {globals} (func (export \"run\") (result {ty}) {operands} {instruction}))"
            );
            let mut store = Store::new(&engine, ());
            let module = Module::new(&engine, text).expect("valid");
            let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
            let result = call(&mut store, instance, "run", &[]).expect(&what);
            assert_eq!(bits(&result.expect("one result")), *expected, "{what}");
        }
    }
}

/// Runs the fault three calls deep; checks trap and frames.
fn check((instruction, operands, expected): &Fault) {
    for (engine, known, what) in ways(instruction) {
        let (globals, operands) = operand_texts(operands, known);
        let text = format!(
            "(module $faults
                (type $unit (func)) (type $other (func (param i64)))
                (memory 1) (data $bytes \"abcd\")
                (table $t 4 8 funcref) (elem (table $t) (i32.const 0) func $pad) (elem $e func $pad)
                {globals}
                (func $pad)
                (func $faulty {operands} {instruction} return)
                (func $middle (call $faulty))
                (func $run (export \"run\") (call $middle)))"
        );
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, &text).expect("valid");
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        let error = call(&mut store, instance, "run", &[]).expect_err(&what);
        assert_eq!(trap(&error), *expected, "{what}");
        let operators = Operators::of(&text);
        let mnemonic = instruction.split(' ').next().expect("not empty");
        let expected_frames = [
            frame("faults", 1, "faulty", operators.only(1, mnemonic)),
            frame("faults", 2, "middle", operators.only(2, "call")),
            frame("faults", 3, "run", operators.only(3, "call")),
        ];
        assert_eq!(frames(&error), expected_frames, "{what}");
    }
}

/// Engines to run an instruction on, each with whether operands are known, and with a text for messages.
fn ways(instruction: &str) -> impl Iterator<Item = (Engine, bool, String)> {
    [OptLevel::Speed, OptLevel::None].into_iter().flat_map(move |level| {
        let engine = Engine::new(Config::new().cranelift_opt_level(level)).expect("an engine");
        [true, false].map(|known| {
            let what = format!("{instruction} with {level:?}, operands known: {known}");
            (engine.clone(), known, what)
        })
    })
}

/// Globals to define, and the operands: constants as they are, or loads of mutable globals that hold them.
fn operand_texts(constants: &[&str], known: bool) -> (String, String) {
    let (mut globals, mut operands) = (String::new(), String::new());
    for (place, constant) in constants.iter().enumerate() {
        if known {
            operands += &format!(" {constant}");
        } else {
            let ty = match &constant[..3] {
                "ref" => "funcref",
                number => number,
            };
            globals += &format!(" (global $g{place} (mut {ty}) ({constant}))");
            operands += &format!(" global.get $g{place}");
        }
    }
    (globals, operands)
}
