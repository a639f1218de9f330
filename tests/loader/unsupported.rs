//! Proposals that are not built are refused by name.

use crate::assert_says;
use palisade::error::ErrorKind;
use palisade::{Config, Engine, Module};

/// Modules that need a proposal that is not built, and words of the error.
const PROPOSALS: &[(&str, &str)] = &[
    ("(module (type (struct (field i32))))", "the gc proposal"),
    ("(module (type (array i8)))", "the gc proposal"),
    ("(module (global anyref (ref.null any)))", "the gc proposal"),
    ("(module (func (drop (ref.i31 (i32.const 1)))))", "operator RefI31"),
];

#[test]
fn proposals_are_named() {
    for (text, name) in PROPOSALS {
        let error = Module::new(&Engine::default(), text).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
        assert_says(&error.to_string(), &[name, "at offset 0x"]);
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
