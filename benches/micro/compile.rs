//! Compilation of small programs with one thread.

use divan::Bencher;
use divan::counter::BytesCount;
use palisade::{Config, Engine, Module};

/// Of the corpus, by size.
const PROGRAMS: [(&str, &[u8]); 3] = [
    ("fib", include_bytes!("../corpus/fib.wasm")),
    ("raytrace", include_bytes!("../corpus/raytrace.wasm")),
    ("json", include_bytes!("../corpus/json.wasm")),
];

#[divan::bench(args = PROGRAMS.map(|(name, _)| name))]
fn compile(bencher: Bencher<'_, '_>, name: &str) {
    let (_, bytes) = PROGRAMS.into_iter().find(|(one, _)| *one == name).expect("one of them");
    let mut config = Config::new();
    config.parallel_compilation(false);
    let engine = Engine::new(&config).expect("a valid configuration");
    let bencher = bencher.counter(BytesCount::of_slice(bytes));
    bencher.bench_local(|| Module::new(&engine, bytes).expect("valid"));
}
