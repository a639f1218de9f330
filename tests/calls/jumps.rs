//! `br_table` in the shapes that are compiled differently.

use super::{engines, instantiate, run};
use palisade::Store;

/// Blocks around each `br_table`.
const BLOCKS: u32 = 300;

/// A function that branches by `index`, which may be of its parameter, to one of the blocks around; each adds 1,000 times
/// its depth to what the branch brings along.
fn function(name: &str, index: &str, targets: &[u32], default: u32) -> String {
    let opened = "block (result i32) ".repeat(BLOCKS as usize);
    let entries: String = targets.iter().map(|depth| format!("{depth} ")).collect();
    let closed: String = (0..BLOCKS)
        .map(|depth| format!("end (return (i32.add (i32.const {})))", depth * 1000))
        .collect();
    format!(
        "(func (export \"{name}\") (param i32) (result i32) {opened} \
            (br_table {entries} {default} (i32.and (local.get 0) (i32.const 7)) {index}) \
            {closed} unreachable)"
    )
}

fn spread(len: u32, step: u32, modulus: u32) -> Vec<u32> {
    (0..len).map(|i| i * step % modulus).collect()
}

#[test]
fn every_index_finds_its_target() {
    let shapes: Vec<(Vec<u32>, u32)> = vec![
        (vec![], 3),
        (vec![3; 40], 3),
        (vec![1; 40], 3),
        (vec![0, 1, 2, 3, 4, 5, 6, 7], 8),
        (vec![0, 1, 2, 3, 4, 5, 6, 7], 0),
        (spread(13, 7, 5), 2),
        (spread(13, 7, 5), 9),
        (spread(64, 3, 7), 7),
        (spread(200, 11, 13), 299),
        (spread(1000, 7, 255), 299),
        (spread(1000, 7, 256), 299),
        (spread(1000, 7, 299), 299),
        // The end of the table is like its default.
        ([spread(30, 3, 7), vec![20; 50]].concat(), 20),
    ];
    let functions: String = (0..)
        .zip(&shapes)
        .map(|(i, (targets, default))| {
            function(&format!("f{i}"), "(local.get 0)", targets, *default)
        })
        .collect();
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let instance = instantiate(&mut store, &format!("(module {functions})"), &[]);
        for (i, (targets, default)) in shapes.iter().enumerate() {
            let len = targets.len() as i32;
            let beyond = [len, len + 1, i32::MAX, i32::MIN, -1];
            for index in (0..len).chain(beyond) {
                let target = targets.get(index as u32 as usize).unwrap_or(default);
                let expected = (index & 7).wrapping_add(*target as i32 * 1000);
                let found = run(&mut store, instance, &format!("f{i}"), &[index]);
                assert_eq!(found, Ok(expected), "shape {i}, index {index}");
            }
        }
    }
}

#[test]
fn every_byte_finds_its_target() {
    let targets = spread(200, 11, 13);
    let mut shapes = Vec::new();
    for sign in ["u", "s"] {
        for added in [0, -9, -97, -300, 40, 128, i32::MIN] {
            shapes.push((sign, added));
        }
    }
    let functions: String = (0..)
        .zip(&shapes)
        .map(|(i, (sign, added))| {
            let byte = format!("(i32.load8_{sign} (local.get 0))");
            let index = format!("(i32.add {byte} (i32.const {added}))");
            function(&format!("f{i}"), if *added == 0 { &byte } else { &index }, &targets, 299)
        })
        .collect();
    let bytes: String = (0..=u8::MAX).map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!("(module (memory 1) (data (i32.const 0) \"{bytes}\") {functions})");
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let instance = instantiate(&mut store, &text, &[]);
        for (i, (sign, added)) in shapes.iter().enumerate() {
            for byte in 0..=u8::MAX {
                let value = if *sign == "s" { byte as i8 as i32 } else { byte.into() };
                let index = value.wrapping_add(*added) as u32 as usize;
                let target = *targets.get(index).unwrap_or(&299) as i32;
                let expected = i32::from(byte & 7) + target * 1000;
                let found = run(&mut store, instance, &format!("f{i}"), &[byte.into()]);
                assert_eq!(found, Ok(expected), "load8_{sign} of {byte} and {added}");
            }
        }
    }
}
