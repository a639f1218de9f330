//! Telling what given bytes are: a binary module, the text of one, or something else.

#![forbid(unsafe_code)]

use crate::error::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::path::Path;

const MAGIC: &[u8] = b"\0asm";

/// The binary form of a module given in either form. Errors of text name `file`, if there is one.
///
/// # Errors
///
/// When the bytes are neither: the error says what they look like, or where the text is wrong.
pub(crate) fn binary_of<'a>(bytes: &'a [u8], file: Option<&Path>) -> Result<Cow<'a, [u8]>> {
    if bytes.starts_with(MAGIC) || MAGIC.starts_with(bytes) && !bytes.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    looks_like(bytes)?;
    let text = std::str::from_utf8(bytes).map_err(|e| {
        invalid(e.valid_up_to(), "neither a WebAssembly binary (no \\0asm at its start) nor text")
    })?;
    match wat::parse_str(text) {
        Ok(binary) => Ok(Cow::Owned(binary)),
        Err(mut error) => {
            file.inspect(|path| error.set_path(path));
            Err(invalid(0, error.to_string().trim_end()))
        }
    }
}

/// Refuses bytes that are recognisably something else.
pub(crate) fn looks_like(bytes: &[u8]) -> Result<()> {
    let trimmed = bytes.trim_ascii_start();
    let known: [(&[u8], &str); 8] = [
        (b"\x7fELF", "an ELF file (native code)"),
        (b"MZ", "a Windows executable"),
        (b"\xcf\xfa\xed\xfe", "a Mach-O file (native code)"),
        (b"!<arch>", "an archive of object files"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "gzip-compressed data"),
        (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
        (b"BC\xc0\xde", "LLVM bitcode"),
    ];
    if bytes.is_empty() {
        return Err(invalid(0, "the input is empty, not a WebAssembly module"));
    }
    if let Some((_, what)) = known.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(invalid(0, format!("this looks like {what}, not a WebAssembly module")));
    }
    if trimmed.starts_with(b"{") || trimmed.starts_with(b"[") {
        return Err(invalid(0, "this looks like JSON, not a WebAssembly module"));
    }
    if trimmed.starts_with(b"<") {
        return Err(invalid(0, "this looks like HTML or XML, not a WebAssembly module"));
    }
    if trimmed.starts_with(b"#!") {
        return Err(invalid(0, "this looks like a script, not a WebAssembly module"));
    }
    Ok(())
}

fn invalid(offset: usize, message: impl Into<String>) -> Error {
    Error::from_kind(ErrorKind::Invalid { offset, message: message.into() })
}
