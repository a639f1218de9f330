//! The binary format, as far as modules need it that are too large to be written as text.
//!
//! Spec: Binary Format.

/// `i32` as a value type.
pub(crate) const I32: u8 = 0x7f;

/// An unsigned LEB128 number.
pub(crate) fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// `bytes` behind their length.
pub(crate) fn sized(bytes: &[u8]) -> Vec<u8> {
    [&leb(bytes.len()), bytes].concat()
}

/// A section of items.
pub(crate) fn section(id: u8, items: &[Vec<u8>]) -> Vec<u8> {
    let content = [leb(items.len()), items.concat()].concat();
    [vec![id], sized(&content)].concat()
}

/// A module of sections.
pub(crate) fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0", sections.concat().as_slice()].concat()
}

/// A function type with this many `i32` parameters and results.
pub(crate) fn func_type(params: usize, results: usize) -> Vec<u8> {
    [vec![0x60], sized(&vec![I32; params]), sized(&vec![I32; results])].concat()
}

/// A function body with groups of `i32` locals; the final `end` is added.
pub(crate) fn body(local_groups: &[usize], code: &[u8]) -> Vec<u8> {
    let groups: Vec<Vec<u8>> =
        local_groups.iter().map(|count| [leb(*count), vec![I32]].concat()).collect();
    sized(&[leb(groups.len()), groups.concat(), code.to_vec(), vec![0x0b]].concat())
}

/// The export of function 0 as `f`.
pub(crate) fn export_f() -> Vec<u8> {
    section(7, &[b"\x01f\x00\x00".to_vec()])
}

/// A module whose only function has this type and body and is exported as `f`.
pub(crate) fn single(ty: Vec<u8>, body: Vec<u8>) -> Vec<u8> {
    module(&[section(1, &[ty]), section(3, &[leb(0)]), export_f(), section(10, &[body])])
}
