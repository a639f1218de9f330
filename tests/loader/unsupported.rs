//! Proposals that are not built are refused by name.

use crate::{assert_says, refusal};
use palisade::error::ErrorKind;
use palisade::{Config, Engine, Module};

/// A module that needs a proposal, and the word that names it.
const PROPOSALS: &[(&str, &str)] = &[
    ("(module (memory 1 2 shared))", "threads"),
    ("(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))", "threads"),
    ("(module (memory i64 1))", "memory64"),
    ("(module (table i64 1 funcref))", "memory64"),
    ("(module (tag))", "exceptions"),
    ("(module (func (throw_ref (unreachable))))", "exceptions"),
    ("(module (type (struct (field i32))))", "gc"),
    ("(module (type (array i8)))", "gc"),
    ("(module (func (drop (ref.i31 (i32.const 1)))))", "gc"),
    ("(module (memory 1) (memory 1))", "multi"),
    ("(module (func $f (return_call $f)))", "tail calls"),
    ("(module (type $t (func)) (func (param (ref $t))))", "function references"),
    ("(module (memory 1 (pagesize 1)))", "custom page sizes"),
    ("(module (func (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)) drop drop))", "wide arithmetic"),
];

#[test]
fn proposals_are_named() {
    for (text, name) in PROPOSALS {
        let error = refusal(&wat::parse_str(text).unwrap());
        let message = error.to_string();
        assert_says(&message.to_lowercase().replace('-', " "), &[&name.to_lowercase()]);
        assert_says(&message, &["at offset 0x"]);
        let refused = matches!(
            error.kind(),
            ErrorKind::Invalid { .. } | ErrorKind::Unsupported { .. }
        );
        assert!(refused, "{message}");
    }
}

#[test]
fn extended_constants_can_be_refused() {
    let text = "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))";
    assert!(Module::new(&Engine::default(), text).is_ok());
    let plain = Engine::new(Config::new().wasm_extended_const(false)).unwrap();
    let error = Module::new(&plain, text).unwrap_err();
    assert_says(&error.to_string(), &["constant expression required", "i32.add", "global section"]);
    assert!(Module::validate(&plain, text.as_bytes()).is_err());
    assert!(Module::new(&plain, "(module (global i32 (i32.const 3)))").is_ok());
}
