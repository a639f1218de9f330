//! Intermediate code of small functions, compared with what was approved.
//!
//! Each `tests/golden/NAME.wat` has a `NAME.clif` beside it: the code of all its functions as the translator makes it,
//! before Cranelift optimises it, without declarations and places in the module. Run with `PALISADE_BLESS=1` to write those
//! files anew, then read what changed.

use crate::{Compiler, CompilerOptions, Features, decode};
use palisade_environ::ModuleBytes;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

#[track_caller]
fn check(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let approved = folder.join(name).with_extension("clif");
    let actual = clif_of(&folder.join(name).with_extension("wat"));
    if std::env::var_os("PALISADE_BLESS").is_some() {
        std::fs::write(&approved, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&approved).unwrap_or_default();
    if let Some((number, (found, wanted))) =
        (1..).zip(actual.lines().zip(expected.lines())).find(|(_, (a, e))| a != e)
    {
        panic!("{name}.clif:{number}: expected\n    {wanted}\nfound\n    {found}\nin\n{actual}");
    }
    assert_eq!(actual.len(), expected.len(), "one is the beginning of the other:\n{actual}");
}

fn clif_of(module: &Path) -> String {
    let bytes = ModuleBytes::new(wat::parse_file(module).unwrap());
    let info =
        decode(&bytes, Features::default().custom_page_sizes(true), &Arc::default()).unwrap();
    let options = CompilerOptions { verifier: true, ..CompilerOptions::default() };
    let compiler = Compiler::new(&options).unwrap();
    let names = crate::function_names(
        info.custom_section("name").map_or(&[][..], |section| section.bytes.as_slice()),
        0,
    );
    let mut text = String::new();
    for index in info.bodies.keys() {
        let name = names.get(&info.func_index(index)).expect("golden functions have names");
        let func = compiler.clif(&info, &bytes, index).unwrap();
        writeln!(text, ";; {name}").unwrap();
        let code = func.display().to_string();
        let (head, rest) = code.split_once('\n').expect("a function has several lines");
        // Declarations end with an empty line.
        let (_, blocks) = rest.split_once("\n\n").expect("every function has declarations");
        writeln!(text, "{head}").unwrap();
        for line in blocks.lines() {
            let line = line.trim_start();
            // "@01f4   v1 = ..."
            let instruction = line.strip_prefix('@').and_then(|line| line.split_once(' '));
            match instruction {
                Some((_, instruction)) => writeln!(text, "    {}", instruction.trim()).unwrap(),
                None => writeln!(text, "{line}").unwrap(),
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn atomic() {
    check("atomic");
}

#[test]
fn br_table() {
    check("br_table");
}

#[test]
fn branch_hints() {
    check("branch_hints");
}

#[test]
fn calls() {
    check("calls");
}

#[test]
fn exceptions() {
    check("exceptions");
}

#[test]
fn inline() {
    check("inline");
}

#[test]
fn loops() {
    check("loops");
}

#[test]
fn memory32() {
    check("memory32");
}

#[test]
fn memory64() {
    check("memory64");
}

#[test]
fn page_size_1() {
    check("page_size_1");
}

#[test]
fn several_memories() {
    check("several_memories");
}

#[test]
fn sums() {
    check("sums");
}

#[test]
fn table64() {
    check("table64");
}

#[test]
fn unreachable() {
    check("unreachable");
}
