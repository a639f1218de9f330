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

/// Each switch refuses what it stands for, by name, and nothing else.
#[test]
fn proposals_can_be_switched_off() {
    type Switch = fn(&mut Config, bool) -> &mut Config;
    let cases: [(Switch, &str, &str); 14] = [
        (Config::wasm_multi_value, "(module (func (result i32 i32) unreachable))", "multi-value"),
        (
            Config::wasm_bulk_memory,
            "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))",
            "bulk memory",
        ),
        (Config::wasm_reference_types, "(module (func (param externref)))", "reference types"),
        (Config::wasm_tail_call, "(module (func $f (return_call $f)))", "tail calls"),
        (
            Config::wasm_function_references,
            "(module (type $t (func)) (func (param (ref $t))))",
            "function references",
        ),
        (Config::wasm_exceptions, "(module (func (throw_ref (ref.null exn))))", "exception"),
        (Config::wasm_legacy_exceptions, "(module (func try catch_all end))", "legacy exceptions"),
        (Config::wasm_simd, "(module (func (param v128)))", "simd"),
        (
            Config::wasm_relaxed_simd,
            "(module (func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
            "relaxed simd",
        ),
        (
            Config::wasm_wide_arithmetic,
            "(module (func (drop (drop (i64.mul_wide_s (i64.const 1) (i64.const 2))))))",
            "wide arithmetic",
        ),
        (Config::wasm_multi_memory, "(module (memory 1) (memory 1))", "multiple memories"),
        (Config::wasm_memory64, "(module (memory i64 1))", "memory64"),
        (Config::wasm_custom_page_sizes, "(module (memory 1 (pagesize 1)))", "custom page sizes"),
        (
            Config::wasm_extended_const,
            "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
            "constant expression required",
        ),
    ];
    for (switch, text, name) in cases {
        let mut config = Config::new();
        config.wasm_relaxed_simd(false);
        switch(&mut config, false);
        let error = Module::new(&Engine::new(&config).unwrap(), text).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Invalid { .. }), "{error:?}");
        let message = error.to_string().to_lowercase().replace(['-', '_'], " ");
        assert_says(&message, &[&name.replace('-', " ")]);
        let mut config = Config::new();
        switch(&mut config, true);
        let result = Module::new(&Engine::new(&config).unwrap(), text);
        assert!(result.is_ok(), "{text}: {:?}", result.err());
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
