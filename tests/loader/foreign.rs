//! Files that are not modules: the error says what they are.

use crate::{assert_says, engine, refusal};
use palisade::Module;
use palisade::error::ErrorKind;
use std::io;

/// Contents, and what the error says of them.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"", "the input is empty, not a WebAssembly module"),
    (b"{\"dependencies\": {}}", "this looks like JSON, not a WebAssembly module"),
    (b"\n [1, 2]", "this looks like JSON, not a WebAssembly module"),
    (b"<!DOCTYPE html>", "this looks like HTML or XML, not a WebAssembly module"),
    (b"#!/bin/sh\n", "this looks like a script, not a WebAssembly module"),
    (b"\x7fELF\x02\x01\x01", "this looks like an ELF file (native code), not a WebAssembly module"),
    (b"MZ\x90\0", "this looks like a Windows executable, not a WebAssembly module"),
    (b"\xcf\xfa\xed\xfe", "this looks like a Mach-O file (native code), not a WebAssembly module"),
    (b"!<arch>\n", "this looks like an archive of object files, not a WebAssembly module"),
    (b"PK\x03\x04", "this looks like a ZIP archive, not a WebAssembly module"),
    (b"\x1f\x8b\x08\0", "this looks like gzip-compressed data, not a WebAssembly module"),
    (b"\x28\xb5\x2f\xfd", "this looks like zstd-compressed data, not a WebAssembly module"),
    (b"BC\xc0\xde", "this looks like LLVM bitcode, not a WebAssembly module"),
    (b"\x89PNG\r\n\x1a\n", "neither a WebAssembly binary (no \\0asm at its start) nor text"),
    (b"plain \xff text", "neither a WebAssembly binary (no \\0asm at its start) nor text"),
];

#[test]
fn bytes_are_recognised() {
    for (bytes, message) in FOREIGN {
        let error = refusal(bytes);
        assert_eq!(error.to_string(), *message);
        assert!(matches!(error.kind(), ErrorKind::Invalid { .. }), "{message}");
    }
}

#[test]
fn offset_is_where_text_ends() {
    let error = refusal(b"(module) \xff");
    assert!(matches!(error.kind(), ErrorKind::Invalid { offset: 9, .. }), "{:?}", error.kind());
}

#[test]
fn files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guest.wasm");
    for (bytes, message) in FOREIGN {
        std::fs::write(&file, bytes).unwrap();
        let error = Module::from_file(&engine(), &file).unwrap_err();
        let named = format!("failed to load module `{}`", file.display());
        assert_eq!(error.messages(), [named.as_str(), message]);
        assert!(matches!(error.kind(), ErrorKind::Invalid { .. }), "{message}");
    }
}

#[test]
fn directory_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Module::from_file(&engine(), folder.path()).unwrap_err();
    assert_eq!(
        error.messages(),
        [
            format!("failed to load module `{}`", folder.path().display()).as_str(),
            "this is a directory, not a WebAssembly module",
        ]
    );
    assert!(matches!(error.kind(), ErrorKind::Invalid { .. }));
}

#[test]
fn missing_file_keeps_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("absent.wasm");
    let error = Module::from_file(&engine(), &file).unwrap_err();
    assert_eq!(error.to_string(), format!("failed to load module `{}`", file.display()));
    let cause = error.downcast_ref::<io::Error>().expect("the system's error is the cause");
    assert_eq!(cause.kind(), io::ErrorKind::NotFound);
    assert!(matches!(error.kind(), ErrorKind::Host(_)));
}

#[test]
fn component_is_unsupported() {
    let error = refusal(b"\0asm\x0d\0\x01\0");
    assert_eq!(error.to_string(), "the component model is not supported (at offset 0x0)");
    assert!(matches!(
        error.kind(),
        ErrorKind::Unsupported { feature, offset: 0 } if feature == "the component model"
    ));
}

#[test]
fn plain_text_is_read_as_a_module() {
    let error = refusal(b"hello, world\n");
    assert_says(&error.to_string(), &["expected `(`", "1:1"]);
    assert!(matches!(error.kind(), ErrorKind::Invalid { .. }));
}

#[test]
fn binary_only_refuses_text() {
    let engine = engine();
    assert!(Module::new(&engine, "(module)").is_ok());
    let error = Module::from_binary(&engine, b"(module)").unwrap_err();
    assert_says(&error.to_string(), &["magic header not detected"]);
    assert!(matches!(error.kind(), ErrorKind::Invalid { offset: 0, .. }));
}
