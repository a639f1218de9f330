//! Modules at and beyond the limits that engines have agreed on: they run, or an error says why not.

use crate::encode::{I32, body, export_f, func_type, leb, module, section, single, sized};
use crate::{assert_says, refusal};
use palisade::error::ErrorKind;
use palisade::{Engine, Func, Instance, Linker, Module, Result, Store, Val};

/// Compiles a module and instantiates it without imports.
fn start(bytes: &[u8]) -> Result<(Store<()>, Instance)> {
    let engine = Engine::default();
    let module = Module::new(&engine, bytes)?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    Ok((store, instance))
}

/// What the export `f` of a module gives for `param`.
#[track_caller]
fn call_f(bytes: &[u8], param: i32) -> i32 {
    let (mut store, instance) = start(bytes).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
    f.call(&mut store, param).unwrap()
}

/// A module whose `f` is `code` repeated `count` times, then its parameter, then `count` times `end`.
fn nested(open: &[u8], count: usize) -> Vec<u8> {
    let code = [open.repeat(count), vec![0x0b; count], vec![0x20, 0]].concat();
    single(func_type(1, 1), body(&[], &code))
}

#[test]
fn many_functions() {
    const COUNT: usize = 100_000;
    // Each function gives its own number; the exported first one calls the last.
    let number = |n: usize| [vec![0x41], sleb(n as i64)].concat();
    let call_last = [vec![0x10], leb(COUNT - 1)].concat();
    let bodies: Vec<_> = (0..COUNT)
        .map(|n| body(&[], &if n == 0 { call_last.clone() } else { number(n) }))
        .collect();
    let bytes = module(&[
        section(1, &[func_type(0, 1)]),
        section(3, &vec![leb(0); COUNT]),
        export_f(),
        section(10, &bodies),
    ]);
    let (mut store, instance) = start(&bytes).unwrap();
    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap(), COUNT as i32 - 1);
}

/// A signed LEB128 number.
fn sleb(mut number: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if (number == 0 && low & 0x40 == 0) || (number == -1 && low & 0x40 != 0) {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A function with these groups of locals, of which it uses the last, number `last`, to pass its parameter on.
fn with_locals(groups: &[usize], last: usize) -> Vec<u8> {
    let last = leb(last);
    let code = [&[0x20, 0, 0x21], &last[..], &[0x20], &last[..]].concat();
    single(func_type(1, 1), body(groups, &code))
}

/// The most locals that a function may have beside a parameter, which counts as one.
const LOCALS: usize = 49_999;

#[test]
fn many_locals() {
    assert_eq!(call_f(&with_locals(&[LOCALS], LOCALS), 42), 42);
}

#[test]
fn many_groups_of_locals() {
    assert_eq!(call_f(&with_locals(&[1; LOCALS], LOCALS), 42), 42);
}

#[test]
fn too_many_locals() {
    for groups in [&[50_001][..], &[1; 50_001], &[u32::MAX as usize, u32::MAX as usize]] {
        let error = refusal(&with_locals(groups, 1));
        assert_says(&error.to_string(), &["too many locals", "in function 0"]);
    }
}

#[test]
fn deep_nesting() {
    const DEPTH: usize = 10_000;
    // block; loop; i32.const 1, if; local.get 0, if.
    for open in [&[0x02, 0x40][..], &[0x03, 0x40], &[0x41, 1, 0x04, 0x40], &[0x20, 0, 0x04, 0x40]] {
        assert_eq!(call_f(&nested(open, DEPTH), 7), 7, "{open:?}");
    }
}

#[test]
fn deep_branches_leave_all_blocks() {
    const DEPTH: usize = 10_000;
    // Branches out of the outermost block, past code that would trap.
    let code = [
        [0x02, 0x40].repeat(DEPTH),
        vec![0x0c],
        leb(DEPTH - 1),
        [0x0b, 0x00].repeat(DEPTH - 1),
        vec![0x0b, 0x20, 0],
    ]
    .concat();
    assert_eq!(call_f(&single(func_type(1, 1), body(&[], &code)), 7), 7);
}

/// A function that gives 2 for odd and 1 for even parameters below `targets`, and 1 for others.
fn wide_br_table(targets: usize) -> Vec<u8> {
    let code = [
        &[0x02, 0x40, 0x02, 0x40, 0x20, 0, 0x0e][..],
        &leb(targets),
        &[0, 1].repeat(targets / 2),
        &[0, 0x0b, 0x41, 1, 0x0f, 0x0b, 0x41, 2],
    ]
    .concat();
    single(func_type(1, 1), body(&[], &code))
}

#[test]
fn wide_br_tables() {
    let (mut store, instance) = start(&wide_br_table(100_000)).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
    for (index, expected) in [(0, 1), (1, 2), (99_998, 1), (99_999, 2), (100_001, 1), (-1, 1)] {
        assert_eq!(f.call(&mut store, index).unwrap(), expected, "{index}");
    }
    // A function of 7,654,321 bytes is the limit.
    let error = refusal(&wide_br_table(7_700_000));
    assert_says(&error.to_string(), &["body size count exceeds limit of 7654321", "code section"]);
}

/// A function that returns its parameters.
fn echo(count: usize) -> Vec<u8> {
    let code: Vec<u8> = (0..count).flat_map(|n| [vec![0x20], leb(n)].concat()).collect();
    single(func_type(count, count), body(&[], &code))
}

#[test]
fn many_params_and_results() {
    let (mut store, instance) = start(&echo(1000)).unwrap();
    let f = instance.get_func(&mut store, "f").unwrap();
    check_echo(&mut store, f);
    let ty = f.ty(&store);
    let host = Func::new(&mut store, ty, |_, params, results| {
        results.copy_from_slice(params);
        Ok(())
    });
    check_echo(&mut store, host);
    let error = refusal(&echo(1001));
    assert_says(&error.to_string(), &["function params size is out of bounds", "type section"]);
}

fn check_echo(store: &mut Store<()>, f: Func) {
    let params: Vec<Val> = (0..1000).map(Val::I32).collect();
    let mut results = vec![Val::I32(-1); 1000];
    f.call(store, &params, &mut results).unwrap();
    assert!(results.iter().zip(0..).all(|(result, n)| result.unwrap_i32() == n));
}

#[test]
fn branches_with_many_values() {
    // A block of 1000 results, left by `count` conditional branches that all pass 1000 values.
    let hostile = |count: usize| {
        let code = [
            [0x20, 0].repeat(1000),
            vec![0x02, 0],
            [0x20, 0, 0x0d, 0].repeat(count),
            vec![0x0b],
            vec![0x1a; 999],
        ]
        .concat();
        module(&[
            section(1, &[func_type(1000, 1000), func_type(1, 1)]),
            section(3, &[leb(1)]),
            export_f(),
            section(10, &[body(&[], &code)]),
        ])
    };
    assert_eq!(call_f(&hostile(100), 7), 7);
    let engine = Engine::default();
    let bytes = hostile(20_000);
    Module::validate(&engine, &bytes).unwrap();
    let error = Module::new(&engine, &bytes).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Resource(_)), "{error:?}");
    assert_says(&error.to_string(), &["too large"]);
}

#[test]
fn many_params_and_results_between_guests_and_host() {
    // Imports a function of 1000 parameters and results and passes everything on.
    let pass: Vec<u8> = (0..1000).flat_map(|n| [vec![0x20], leb(n)].concat()).collect();
    let bytes = module(&[
        section(1, &[func_type(1000, 1000)]),
        section(2, &[b"\x01m\x01f\x00\x00".to_vec()]),
        section(3, &[leb(0)]),
        section(7, &[b"\x01f\x00\x01".to_vec()]),
        section(10, &[body(&[], &[pass, vec![0x10, 0]].concat())]),
    ]);
    let engine = Engine::default();
    let module = Module::new(&engine, bytes).unwrap();
    let mut store = Store::new(&engine, ());
    let ty = module.imports().next().unwrap().ty().unwrap_func().clone();
    let host = Func::new(&mut store, ty, |_, params, results| {
        results.copy_from_slice(params);
        Ok(())
    });
    let instance = Instance::new(&mut store, &module, &[host.into()]).unwrap();
    let f = instance.get_func(&mut store, "f").unwrap();
    check_echo(&mut store, f);
}

#[test]
fn many_missing_imports() {
    const COUNT: usize = 100_000;
    let import = |n: usize| {
        let name = format!("import{n}");
        [sized(b"m"), sized(name.as_bytes()), vec![0, 0]].concat()
    };
    let imports: Vec<_> = (0..COUNT).map(import).collect();
    let bytes = module(&[section(1, &[func_type(0, 0)]), section(2, &imports)]);
    let engine = Engine::default();
    let module = Module::new(&engine, bytes).unwrap();
    let linker = Linker::new(&engine);
    let error = linker.instantiate(Store::new(&engine, ()), &module).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1 + COUNT);
    assert!(error.starts_with("100000 unknown imports:\n  `\"m\".\"import0\"`: func () -> ()"));
    assert!(error.ends_with("`\"m\".\"import99999\"`: func () -> () has not been defined"));
}

#[test]
fn large_segments() {
    const COUNT: usize = 1_000_000;
    let text = format!(
        r#"(module (memory (export "memory") 16) (data (i32.const 48576) "{}")
            (func (export "f") (param i32) (result i32) (i32.load8_u (local.get 0))))"#,
        "x".repeat(COUNT)
    );
    let bytes = wat::parse_str(text).unwrap();
    for (address, byte) in [(48_575, 0), (48_576, b'x'), (1_048_575, b'x')] {
        assert_eq!(call_f(&bytes, address), byte.into(), "{address}");
    }
    // A table of as many functions, filled by one segment; `f` calls the one that it is told.
    let functions = [vec![0, 0x41, 0, 0x0b], leb(COUNT), vec![0; COUNT]].concat();
    let bytes = module(&[
        section(1, &[func_type(1, 1)]),
        section(3, &[leb(0), leb(0)]),
        section(4, &[[vec![0x70, 0], leb(COUNT)].concat()]),
        section(7, &[b"\x01f\x00\x01".to_vec()]),
        section(9, &[functions]),
        section(10, &[body(&[], &[0x41, 5]), body(&[], &[0x41, 0, 0x20, 0, 0x11, 0, 0])]),
    ]);
    assert_eq!(call_f(&bytes, COUNT as i32 - 1), 5);
}

#[test]
fn many_segments() {
    // Active segments of one byte each, at the places of their numbers; 100,000 is the limit.
    let segments = |count: usize| {
        let one = |n: usize| [vec![0, 0x41], sleb(n as i64), vec![0x0b, 1, n as u8]].concat();
        let code = body(&[], &[0x20, 0, 0x2d, 0, 0]);
        module(&[
            section(1, &[func_type(1, 1)]),
            section(3, &[leb(0)]),
            section(5, &[vec![0, 2]]),
            export_f(),
            section(10, &[code]),
            section(11, &(0..count).map(one).collect::<Vec<_>>()),
        ])
    };
    assert_eq!(call_f(&segments(100_000), 99_999), 99_999 & 0xff);
    let error = refusal(&segments(100_001));
    assert_says(&error.to_string(), &["data segments count exceeds limit of 100000"]);
}

/// A module that exports function 0 under `name`.
fn exported_as(name: &[u8]) -> Vec<u8> {
    let export = [sized(name), vec![0, 0]].concat();
    module(&[
        section(1, &[[vec![0x60, 0], sized(&[I32])].concat()]),
        section(3, &[leb(0)]),
        section(7, &[export]),
        section(10, &[body(&[], &[0x41, 9])]),
    ])
}

#[test]
fn strange_names() {
    let long = "n".repeat(100_000);
    for name in ["", "\0", "a\nb\t\u{1b}[31m\"", "\u{202e}\u{feff}", "日本語", long.as_str()] {
        let (mut store, instance) = start(&exported_as(name.as_bytes())).unwrap();
        let f = instance.get_typed_func::<(), i32>(&mut store, name).unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap(), 9);
    }
    let too_long = "n".repeat(100_001);
    for (name, message) in [
        (&b"\xff\xfe"[..], "malformed UTF-8 encoding"),
        (b"\xed\xa0\x80", "malformed UTF-8 encoding"),
        (too_long.as_bytes(), "string size out of bounds"),
    ] {
        assert_says(&refusal(&exported_as(name)).to_string(), &[message, "export section"]);
    }
}
