//! What a module tells about itself.

use crate::engine;
use palisade::{Engine, ExternType, Module};

const TEXT: &str = r#"(module $known
    (import "env" "log" (func (param i32 f64) (result i64)))
    (import "env" "" (memory 1 2))
    (import "" "table" (table 3 externref))
    (import "env" "base" (global i32))
    (global (export "g") (mut f32) (f32.const 1))
    (table (export "t") 1 5 funcref)
    (func (export "f") (result i32 i64) (i32.const 1) (i64.const 2))
    (func (export "unit"))
    (export "again" (memory 0))
    (export "log" (func 0)))"#;

fn described(module: &Module) -> (Vec<String>, Vec<String>) {
    let imports = module.imports().map(|i| format!("{:?} {:?} {}", i.module(), i.name(), i.ty()));
    let exports = module.exports().map(|e| format!("{:?} {}", e.name(), e.ty()));
    (imports.collect(), exports.collect())
}

#[test]
fn imports_and_exports_are_in_order() {
    let module = Module::new(&engine(), TEXT).unwrap();
    let (imports, exports) = described(&module);
    assert_eq!(
        imports,
        [
            r#""env" "log" func (i32, f64) -> (i64)"#,
            r#""env" "" memory 1 2"#,
            r#""" "table" table 3 externref"#,
            r#""env" "base" global i32"#,
        ]
    );
    assert_eq!(
        exports,
        [
            r#""g" global (mut f32)"#,
            r#""t" table 1 5 funcref"#,
            r#""f" func () -> (i32, i64)"#,
            r#""unit" func () -> ()"#,
            r#""again" memory 1 2"#,
            r#""log" func (i32, f64) -> (i64)"#,
        ]
    );
    assert_eq!((module.imports().len(), module.exports().len()), (4, 6));
}

#[test]
fn exports_are_found_by_name() {
    let module = Module::new(&engine(), TEXT).unwrap();
    assert!(
        matches!(module.get_export("t"), Some(ExternType::Table(ty)) if ty.maximum() == Some(5))
    );
    assert!(
        matches!(module.get_export("f"), Some(ExternType::Func(ty)) if ty.results().len() == 2)
    );
    assert!(module.get_export("").is_none());
    assert!(module.get_export("F").is_none());
}

#[test]
fn name_engine_and_code_are_known() {
    let engine = engine();
    let module = Module::new(&engine, TEXT).unwrap();
    assert_eq!(module.name(), Some("known"));
    assert_eq!(format!("{module:?}"), r#"Module { name: Some("known"), .. }"#);
    assert!(Engine::same(module.engine(), &engine) && !Engine::same(&Engine::default(), &engine));
    assert!(module.code_size() > 0);
    let empty = Module::new(&engine, "(module)").unwrap();
    assert_eq!((empty.name(), empty.imports().len(), empty.exports().len()), (None, 0, 0));
}

#[test]
fn clones_and_forms_agree() {
    let engine = engine();
    let folder = tempfile::tempdir().unwrap();
    let (text, binary) = (folder.path().join("m.wat"), folder.path().join("m.wasm"));
    std::fs::write(&text, TEXT).unwrap();
    std::fs::write(&binary, wat::parse_str(TEXT).unwrap()).unwrap();
    let module = Module::new(&engine, TEXT).unwrap();
    let expected = described(&module);
    for other in [
        module.clone(),
        Module::from_file(&engine, &text).unwrap(),
        Module::from_file(&engine, &binary).unwrap(),
        Module::from_binary(&engine, &wat::parse_str(TEXT).unwrap()).unwrap(),
    ] {
        assert_eq!(described(&other), expected);
        assert_eq!(other.code_size(), module.code_size());
    }
}

#[test]
fn broken_names_are_no_error() {
    // A name section whose second name is not UTF-8: what stands before it counts.
    let bytes = b"\0asm\x01\0\0\0\0\x0d\x04name\0\x02\x01m\x01\x02\xff\xff";
    let module = Module::new(&engine(), bytes).unwrap();
    assert_eq!(module.name(), Some("m"));
}
