//! Reading modules: from a file, or from standard input where the file is called `-`.
//!
//! Text is told from the rest by how it begins; what is neither text nor a module is left to the caller to refuse.

use palisade::Error;
use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

/// The name that stands for standard input.
const STDIN: &str = "-";

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// What to call `path` in messages.
pub(crate) fn display(path: &Path) -> Cow<'_, str> {
    if is_stdin(path) { Cow::Borrowed("<stdin>") } else { path.to_string_lossy() }
}

/// The bytes as they are.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !is_stdin(path) {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes, in the binary format if they are a module in the text format.
pub(crate) fn read_binary(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = read(path)?;
    if !is_text(&bytes) {
        return Ok(bytes);
    }
    match wat::Parser::new().parse_bytes(Some(path), &bytes) {
        Ok(binary) => Ok(binary.into_owned()),
        Err(error) => Err(Error::msg(error.to_string())),
    }
}

/// Whether this begins as a module in the text format does: with a parenthesis or a comment.
fn is_text(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'(' | b';'))
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn text_is_told_by_its_beginning() {
        assert!(is_text(b"\n  (module)"));
        assert!(is_text(b";; a comment\n(module)"));
        assert!(!is_text(b"\0asm\x01\0\0\0"));
        assert!(!is_text(b"\x7fELF"));
        assert!(!is_text(b""));
    }
}
