//! `br_table` in the shapes that are compiled differently.

use super::{engines, instantiate, run};
use palisade::Store;

/// Blocks around each `br_table`.
const BLOCKS: u32 = 300;

/// A function that branches by its parameter to one of the blocks around; each adds 1,000 times its depth to what the
/// branch brings along.
fn function(name: &str, targets: &[u32], default: u32) -> String {
    let opened = "block (result i32) ".repeat(BLOCKS as usize);
    let entries: String = targets.iter().map(|depth| format!("{depth} ")).collect();
    let closed: String = (0..BLOCKS)
        .map(|depth| format!("end (return (i32.add (i32.const {})))", depth * 1000))
        .collect();
    format!(
        "(func (export \"{name}\") (param i32) (result i32) {opened} \
            (br_table {entries} {default} (i32.and (local.get 0) (i32.const 7)) (local.get 0)) \
            {closed} unreachable)"
    )
}

#[test]
fn every_index_finds_its_target() {
    let spread = |len: u32, step: u32, modulus: u32| -> Vec<u32> {
        (0..len).map(|i| i * step % modulus).collect()
    };
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
        .map(|(i, (targets, default))| function(&format!("f{i}"), targets, *default))
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
