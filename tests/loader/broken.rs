//! Damaged modules: every truncation, and seeded random bytes.
//!
//! The judge is the validator itself, with the features that the engine has: what it accepts must compile, and nothing
//! may panic.

use crate::engine;
use palisade::error::ErrorKind;
use palisade::{Engine, Linker, Module, Store, StoreLimits, StoreLimitsBuilder};
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasmparser::{Validator, WasmFeatures};

/// A module with every kind of section. It has no start function when asked so: damage may turn a block into a loop.
fn everything(start: bool) -> Vec<u8> {
    let start = if start { "(start $start)" } else { "" };
    let text = format!(
        r#"(module $everything
            (@custom "palisade.test" "some bytes")
            (@producers (language "wat" "1") (processed-by "loader suite" "0"))
            (type $binary (func (param i32 i32) (result i32)))
            (import "host" "log" (func $log (param i32)))
            (import "host" "now" (func $now (result i64)))
            (table $table (export "table") 4 8 funcref)
            (table $refs (export "refs") 2 externref)
            (memory $memory (export "memory") 1 4)
            (global $count (export "count") (mut i32) (i32.const 0))
            (global $base i32 (i32.add (i32.const 8) (i32.const 8)))
            (global $pi f64 (f64.const 3.14))
            (export "add" (func $add))
            {start}
            (elem (i32.const 0) func $add $sub)
            (elem $passive func $pick $add)
            (elem declare func $start)
            (func $start (global.set $count (i32.const 7)))
            (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
            (func $sub (type $binary) (i32.sub (local.get 0) (local.get 1)))
            (func $pick (export "pick") (param $which i32) (result i32)
                (block $c (block $b (block $a
                    (br_table $a $b $c (local.get $which)))
                    (return (i32.const 10)))
                    (return (i32.const 20)))
                (i32.const 30))
            (func (export "indirect") (param i32) (result i32)
                (call_indirect (type $binary) (i32.const 7) (i32.const 3) (local.get 0)))
            (func (export "bulk") (param i32)
                (memory.init $bytes (local.get 0) (i32.const 0) (i32.const 4))
                (data.drop $bytes)
                (memory.fill (i32.const 64) (i32.const 255) (i32.const 9))
                (memory.copy (i32.const 80) (i32.const 64) (i32.const 9))
                (table.init $passive (i32.const 2) (i32.const 0) (i32.const 2))
                (elem.drop $passive)
                (call $log (i32.load offset=4 (local.get 0))))
            (func (export "floats") (param f64) (result f32)
                (local $f f32)
                (local.set $f (f32.demote_f64 (f64.mul (local.get 0) (global.get $pi))))
                (if (result f32) (f32.gt (local.get $f) (f32.const 1))
                    (then (f32.sqrt (local.get $f)))
                    (else (f32.convert_i64_s (call $now)))))
            (func (export "ref") (param externref) (result funcref)
                (table.set $refs (i32.const 1) (local.get 0))
                (ref.func $start))
            (data (i32.const 16) "hello")
            (data (offset (i32.sub (i32.const 9) (i32.const 1))) "")
            (data $bytes "passive")
        )"#
    );
    wat::parse_str(text).unwrap()
}

fn is_valid(bytes: &[u8], features: WasmFeatures) -> bool {
    Validator::new_with_features(features).validate_all(bytes).is_ok()
}

/// Compiles `bytes`; the judge's opinion must be the same: what compiles or needs something that is not built is valid
/// with every proposal, and what is called invalid is so at least with those of WebAssembly 2.0.
fn compile(engine: &Engine, bytes: &[u8], what: &str) -> Option<Module> {
    let result = catch_unwind(AssertUnwindSafe(|| Module::new(engine, bytes)));
    let result = result.unwrap_or_else(|_| panic!("{what}: compiling panics"));
    let known = WasmFeatures::WASM2;
    match &result {
        Err(error) if matches!(error.kind(), ErrorKind::Invalid { .. }) => {
            assert!(!is_valid(bytes, known), "{what}: {error:?}");
        }
        result => assert!(is_valid(bytes, WasmFeatures::all()), "{what}: {result:?}"),
    }
    result.ok()
}

#[test]
fn every_truncation_is_refused_unless_valid() {
    let (engine, bytes) = (engine(), everything(true));
    Module::new(&engine, &bytes).unwrap();
    let accepted: Vec<usize> = (0..bytes.len())
        .filter(|len| compile(&engine, &bytes[..*len], &format!("{len} bytes")).is_some())
        .collect();
    assert_eq!(accepted, valid_cuts(&bytes));
}

/// Where a cut leaves a module: at the ends of sections before functions are declared or after all parts are there.
fn valid_cuts(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![8];
    let mut position = 8;
    let (mut declared, mut defined) = (false, false);
    while position < bytes.len() {
        let id = bytes[position];
        let (size, used) = read_leb(&bytes[position + 1..]);
        position += 1 + used + size;
        declared |= id == 3;
        defined |= id == 11;
        if !declared || defined {
            ends.push(position);
        }
    }
    assert!(declared && defined && position == bytes.len());
    ends.pop();
    ends
}

fn read_leb(bytes: &[u8]) -> (usize, usize) {
    let used = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value = bytes[..used].iter().rev().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
    (value, used)
}

/// Marsaglia's xorshift64 (2003): the same bytes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn random_damage_is_refused_or_runs() {
    const THREADS: usize = 2;
    const CASES: usize = 10_000;
    let bytes = everything(false);
    let counts: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let work = |thread| {
            let bytes = &bytes;
            move || damage(bytes, (thread..CASES).step_by(THREADS))
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let compiled: usize = counts.iter().map(|(compiled, _)| compiled).sum();
    let instantiated: usize = counts.iter().map(|(_, instantiated)| instantiated).sum();
    // The seed is fixed, so these are facts; as bounds they survive a change of the module above.
    assert!(compiled > 1000 && compiled < 9000, "{compiled} compiled");
    assert!(instantiated > 500, "{instantiated} instantiated");
}

/// Runs cases; how many modules compiled, and how many of these could be instantiated.
fn damage(bytes: &[u8], cases: impl Iterator<Item = usize>) -> (usize, usize) {
    let engine = engine();
    let (mut compiled, mut instantiated) = (0, 0);
    for case in cases {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (case as u64 + 1));
        let mut damaged = bytes.to_vec();
        for _ in 0..=random.below(4) {
            let place = random.below(damaged.len());
            damaged[place] ^= 1 + random.below(255) as u8;
        }
        let what = format!("case {case}");
        let Some(module) = compile(&engine, &damaged, &what) else { continue };
        compiled += 1;
        let result = catch_unwind(AssertUnwindSafe(|| instantiate(&engine, &module)));
        instantiated +=
            usize::from(result.unwrap_or_else(|_| panic!("{what}: instantiation panics")));
    }
    (compiled, instantiated)
}

fn instantiate(engine: &Engine, module: &Module) -> bool {
    let limits = StoreLimitsBuilder::new().memory_size(1 << 20).table_elements(10_000).build();
    let mut store = Store::new(engine, limits);
    store.limiter(|limits: &mut StoreLimits| limits);
    let mut linker = Linker::new(engine);
    linker.define_unknown_imports_as_traps(module).is_ok()
        && linker.instantiate(&mut store, module).is_ok()
}
