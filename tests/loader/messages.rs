//! Errors say where: byte, section or function with its name, line of text.

use crate::encode::{body, func_type, leb, module, section, sized};
use crate::{assert_says, refusal};
use palisade::error::ErrorKind;

/// Asserts message and offset of the error that refuses `bytes`.
#[track_caller]
fn check(bytes: &[u8], offset: usize, message: &str) {
    let error = refusal(bytes);
    assert_eq!(error.to_string(), message);
    let ErrorKind::Invalid { offset: found, .. } = error.kind() else {
        panic!("{:?}", error.kind());
    };
    assert_eq!(*found, offset, "{message}");
}

#[test]
fn sections_are_named() {
    check(b"\0asm", 4, "unexpected end-of-file (at offset 0x4, in header)");
    check(
        &module(&[vec![1, 2, 1, 0x11]]),
        11,
        "invalid leading byte (0x11) for type (at offset 0xb, in type section)",
    );
    check(
        &module(&[section(7, &[b"\x01f\x00\x05".to_vec()])]),
        11,
        "unknown function 5: exported function index out of bounds (at offset 0xb, in export section)",
    );
    check(
        &module(&[vec![8, 1, 0]]),
        10,
        "unknown function 0: func index out of bounds (at offset 0xa, in start section)",
    );
}

/// A module with two functions of which the second is wrong, and perhaps names.
fn second_is_wrong(names: &[u8]) -> Vec<u8> {
    module(&[
        section(1, &[func_type(0, 1)]),
        section(3, &[leb(0), leb(0)]),
        section(10, &[body(&[], &[0x41, 0]), body(&[], &[])]),
        names.to_vec(),
    ])
}

#[test]
fn functions_are_named() {
    let wrong = "type mismatch: expected i32 but nothing on stack";
    let unnamed = second_is_wrong(&[]);
    check(&unnamed, 0x1e, &format!("{wrong} (at offset 0x1e, in function 1)"));
    let names = [sized(b"name"), vec![1], sized(b"\x01\x01\x07broken!")].concat();
    let named = second_is_wrong(&[vec![0], sized(&names)].concat());
    check(&named, 0x1e, &format!("{wrong} (at offset 0x1e, in function 1 (broken!))"));
}

/// Text, and the line and column that the error shows.
const TEXTS: &[(&str, &[&str])] = &[
    ("(module\n  (func (result i32)\n    i32.comst 1))", &["unknown operator", ":3:5"]),
    ("(module\n  (func\n    local.get $x))", &["unknown local", "$x", ":3:15"]),
    ("(module\n\n  (memory 1)", &["expected `)`", ":3:13"]),
    ("(module) (module)", &[":1:10"]),
];

#[test]
fn text_shows_its_line() {
    for (text, parts) in TEXTS {
        let error = refusal(text.as_bytes());
        assert_says(&error.to_string(), parts);
        let shown = text.lines().last().unwrap();
        assert_says(&error.to_string(), &[shown]);
        assert!(matches!(error.kind(), ErrorKind::Invalid { .. }));
    }
}
