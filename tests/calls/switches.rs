//! Switches that take away what a guest may use.

use palisade::{Config, Engine, Module};

fn error(config: &Config, text: &str) -> Option<String> {
    let engine = Engine::new(config).expect("an engine");
    Module::new(&engine, text).err().map(|error| error.to_string())
}

/// With the switch off, each of these is refused by an error that says so; with all on, none is.
#[track_caller]
fn assert_needs(off: &Config, cases: &[(&str, &str)]) {
    for (text, message) in cases {
        assert_eq!(error(&Config::new(), text), None, "{text}");
        let error = error(off, text).unwrap_or_else(|| panic!("accepted: {text}"));
        assert!(error.contains(message), "{text}: {error}");
    }
}

const TAIL: &str = "tail calls support is not enabled";

#[test]
fn tail_calls() {
    let mut off = Config::new();
    off.wasm_tail_call(false);
    let plain = "(module (table 1 funcref) (func $f (call $f) (call_indirect (i32.const 0))))";
    assert_eq!(error(&off, plain), None);
    let cases = [
        ("(module (func $f (return_call $f)))", TAIL),
        ("(module (table 1 funcref) (func (return_call_indirect (i32.const 0))))", TAIL),
    ];
    assert_needs(&off, &cases);
}

/// It belongs to both proposals, so either switch takes it away.
#[test]
fn tail_calls_by_reference() {
    let mut off = Config::new();
    off.wasm_tail_call(false);
    let text = "(module (type $t (func)) (func (return_call_ref $t (ref.null $t))))";
    assert_needs(&off, &[(text, TAIL)]);
}

#[test]
fn function_references() {
    const REFERENCES: &str = "function references";
    let mut off = Config::new();
    off.wasm_function_references(false);
    let plain = "(module (table funcref (elem $f)) (global funcref (ref.func $f))
        (func $f (param funcref externref) (drop (ref.is_null (local.get 0)))))";
    assert_eq!(error(&off, plain), None);
    let of_instructions = [
        "(type $t (func)) (func (call_ref $t (ref.null $t)))",
        "(type $t (func)) (func (param (ref $t)))",
        "(type $t (func)) (func (local (ref null $t)))",
        "(func (param (ref func)))",
        "(type $t (func)) (table 1 (ref null $t))",
        "(func (param funcref) (drop (ref.as_non_null (local.get 0))))",
        "(func (param funcref) (block (br_on_null 0 (local.get 0)) (drop)))",
    ];
    for body in of_instructions {
        assert_needs(&off, &[(&format!("(module {body})"), REFERENCES)]);
    }
    let others = [
        ("(module (func $f) (table 1 funcref (ref.func $f)))", "function-references"),
        ("(module (type (sub (func))))", "subtypes"),
        ("(module (rec (type (func)) (type (func))))", "rec group"),
    ];
    assert_needs(&off, &others);
}
