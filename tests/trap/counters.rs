//! Accesses whose index is a loop's counter: what is known of counters makes accesses shorter, but they wrap as they did.
//!
//! Loops of all kinds run with and without optimisation, which must make no difference. Most of them would go on for long
//! and are stopped after a few rounds.

use crate::{call, instantiate};
use palisade::{Config, Engine, OptLevel, Store, Trap, Val};

const FIRST: [&str; 6] = ["0", "5", "100", "-24", "0x40000000", "local.get $n"];
const STEPS: [&str; 5] = ["1", "8", "-1", "-2", "0x40000000"];
const ENDS: [&str; 5] = ["0", "24", "-1", "0x7fffffff", "local.get $n"];
const CONDITIONS: [&str; 10] =
    ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"];

/// What the loops are given.
const PARAMS: [i32; 3] = [0, 7, -9];

fn operand(text: &str) -> String {
    if text.starts_with("local") { format!("({text})") } else { format!("(i32.const {text})") }
}

/// All loops: they begin, move, and compare the counter before or after it is moved.
fn loops() -> Vec<String> {
    let mut all = Vec::new();
    for first in FIRST {
        for step in STEPS {
            for condition in CONDITIONS {
                for end in ENDS {
                    for tested in ["$before", "$i"] {
                        let compared =
                            format!("(i32.{condition} (local.get {tested}) {})", operand(end));
                        let again = [
                            format!("(br_if $again {compared})"),
                            format!("(br_if $done {compared}) (br $again)"),
                        ];
                        all.extend(again.iter().flat_map(|again| counting(first, step, again)));
                    }
                }
            }
        }
    }
    all
}

/// Indices of the accesses; the second counter has nothing to do with the condition.
const INDICES: [&str; 3] = [
    "(i32.add (local.get $i) (i32.const 1024))",
    "(i32.add (i32.shl (local.get $i) (i32.const 2)) (i32.const 64))",
    "(i32.add (local.get $other) (i32.const 1024))",
];

/// A loop that adds up what it reads.
fn counting(first: &str, step: &str, again: &str) -> [String; 3] {
    let (first, step) = (operand(first), operand(step));
    INDICES.map(|index| {
        format!(
            "(param $n i32) (result i64)
            (local $i i32) (local $before i32) (local $other i32) (local $rounds i64) (local $sum i64)
            (local.set $i {first})
            (local.set $other (i32.const -512))
            (block $done (loop $again
              (if (i64.eq (local.get $rounds) (i64.const 12)) (then (return (local.get $sum))))
              (local.set $rounds (i64.add (local.get $rounds) (i64.const 1)))
              (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31))
                (i64.load8_u {index})))
              (local.set $before (local.get $i))
              (local.set $other (i32.add (local.get $other) (i32.const 128)))
              (local.set $i (i32.add (local.get $i) {step}))
              {again}))
            (local.get $sum)"
        )
    })
}

#[test]
fn counters_wrap_as_written() {
    let loops = loops();
    let function = |(i, body): (usize, &String)| format!("(func (export \"l{i}\") {body})\n");
    let functions: String = loops.iter().enumerate().map(function).collect();
    let text = format!("(module (memory (export \"memory\") 1) {functions})");
    let results = [OptLevel::None, OptLevel::Speed].map(|level| {
        let engine = Engine::new(Config::new().cranelift_opt_level(level)).expect("an engine");
        let mut store = Store::new(&engine, ());
        let instance = instantiate(&mut store, &text, &[]);
        let memory = instance.get_memory(&mut store, "memory").expect("exported");
        for (address, byte) in memory.data_mut(&mut store).iter_mut().enumerate() {
            *byte = (address * 7 + (address >> 8)) as u8;
        }
        let mut results = Vec::new();
        for i in 0..loops.len() {
            for param in PARAMS {
                let result = call(&mut store, instance, &format!("l{i}"), &[Val::I32(param)]);
                let result = result.map(|value| value.expect("a result").unwrap_i64());
                results.push(result.map_err(|error| error.downcast_ref::<Trap>().copied()));
            }
        }
        results
    });
    let [plain, fast] = results;
    for (place, (plain, fast)) in plain.iter().zip(&fast).enumerate() {
        let (i, param) = (place / PARAMS.len(), PARAMS[place % PARAMS.len()]);
        assert_eq!(plain, fast, "with {param}: {}", loops[i]);
    }
    assert!(fast.iter().any(Result::is_ok) && fast.iter().any(Result::is_err));
}
