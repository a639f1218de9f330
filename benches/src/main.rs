//! Measures Palisade and wasmtime side by side, in one process and in turns.
//!
//! Every measure runs both contenders alternately for a number of rounds and reports the medians and their ratio:
//! below 1 Palisade is faster. Results of kernels are compared, so that no time is quoted for a wrong answer.

#![forbid(unsafe_code)]

mod module;
mod side;
#[cfg(feature = "wasi")]
mod wasi;

use clap::Parser;
use side::{palisade_side, wasmtime_side};
use std::time::{Duration, Instant};

/// Measures Palisade against wasmtime in one run.
#[derive(Parser)]
struct Options {
    /// Rounds of each measure; medians are reported.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Only measures whose name contains this.
    filter: Option<String>,
}

/// A kernel, by name and text.
const KERNELS: [(&str, &str); 17] = [
    ("fib", include_str!("../kernels/fib.wat")),
    ("sieve", include_str!("../kernels/sieve.wat")),
    ("matmul", include_str!("../kernels/matmul.wat")),
    ("pointer chase", include_str!("../kernels/chase.wat")),
    ("call_indirect", include_str!("../kernels/indirect.wat")),
    ("simd dot i16x8", include_str!("../kernels/dot_i16.wat")),
    ("simd dot f32x4", include_str!("../kernels/dot_f32.wat")),
    ("simd matmul f32x4", include_str!("../kernels/matmul_f32.wat")),
    ("simd matmul relaxed_madd", include_str!("../kernels/matmul_madd.wat")),
    ("simd pixels", include_str!("../kernels/shuffle.wat")),
    ("wide multiplication", include_str!("../kernels/wide.wat")),
    ("call_ref", include_str!("../kernels/call_ref.wat")),
    ("throw and catch", include_str!("../kernels/throw.wat")),
    ("throw over 1,000 frames", include_str!("../kernels/throw_deep.wat")),
    ("small copies and fills", include_str!("../kernels/bulk.wat")),
    ("atomic counter", include_str!("../kernels/atomic.wat")),
    ("spin lock", include_str!("../kernels/spinlock.wat")),
];

/// The module for boundary and instantiation measures.
pub(crate) const BOUNDARY: &str = include_str!("../kernels/boundary.wat");

/// Calls in one sample of a boundary measure.
pub(crate) const CALLS: u32 = 100_000;

/// Instances in one sample of the instantiation measure.
pub(crate) const INSTANCES: u32 = 200;

/// One way to run something; returns a result to compare.
type Work<'a> = Box<dyn FnMut() -> u64 + 'a>;

fn main() {
    let options = Options::parse();
    println!(
        "ratio = palisade / wasmtime 48.0.8; medians of {} interleaved rounds",
        options.rounds
    );
    println!(
        "{:<28} {:>12} {:>12} {:>7} {:>8}",
        "measure", "palisade", "wasmtime", "ratio", "spread"
    );
    let run = |name: &str, per: u32, ours: Work<'_>, theirs: Work<'_>| {
        if options.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str())) {
            measure(name, per, options.rounds, ours, theirs);
        }
    };
    for (name, text) in KERNELS {
        let binary = wat::parse_str(text).expect("kernels are valid");
        run(name, 1, palisade_side::kernel(&binary), wasmtime_side::kernel(&binary));
    }
    let boundary = wat::parse_str(BOUNDARY).expect("valid");
    run(
        "host-to-wasm typed",
        CALLS,
        palisade_side::host_to_wasm(&boundary),
        wasmtime_side::host_to_wasm(&boundary),
    );
    run(
        "host-to-wasm dynamic",
        CALLS,
        palisade_side::host_to_wasm_dynamic(&boundary),
        wasmtime_side::host_to_wasm_dynamic(&boundary),
    );
    run(
        "wasm-to-host typed",
        CALLS,
        palisade_side::wasm_to_host(&boundary),
        wasmtime_side::wasm_to_host(&boundary),
    );
    run(
        "store+instantiate+drop",
        INSTANCES,
        palisade_side::instantiate(&boundary),
        wasmtime_side::instantiate(&boundary),
    );
    let large = module::generate(1 << 20);
    run("Module::new, 1 MB", 1, palisade_side::compile(&large), wasmtime_side::compile(&large));
    #[cfg(feature = "wasi")]
    {
        let files = wasi::Files::new();
        for (name, per, open, call) in wasi::MEASURES {
            run(name, per, wasi::ours(&files, open, call), wasi::theirs(&files, open, call));
        }
    }
}

fn measure(name: &str, per: u32, rounds: usize, mut ours: Work<'_>, mut theirs: Work<'_>) {
    // The first run warms up and checks that both do the same.
    assert_eq!(ours(), theirs(), "{name}: results differ");
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Who goes first changes, so that neither profits from what the other leaves behind.
        if round % 2 == 0 {
            a.push(time(&mut ours));
            b.push(time(&mut theirs));
        } else {
            b.push(time(&mut theirs));
            a.push(time(&mut ours));
        }
    }
    let (ours, theirs) = (median(&mut a), median(&mut b));
    let spread =
        (quartile(&a, 3).as_secs_f64() - quartile(&a, 1).as_secs_f64()) / ours.as_secs_f64();
    println!(
        "{name:<28} {:>12} {:>12} {:>7.3} {:>7.1}%",
        show(ours, per),
        show(theirs, per),
        ours.as_secs_f64() / theirs.as_secs_f64(),
        spread * 100.0
    );
}

fn time(work: &mut Work<'_>) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn quartile(sorted: &[Duration], n: usize) -> Duration {
    sorted[sorted.len() * n / 4]
}

fn show(time: Duration, per: u32) -> String {
    let nanoseconds = time.as_secs_f64() * 1e9 / f64::from(per);
    match nanoseconds {
        0.0..1e3 => format!("{nanoseconds:.2} ns"),
        1e3..1e6 => format!("{:.2} us", nanoseconds / 1e3),
        _ => format!("{:.2} ms", nanoseconds / 1e6),
    }
}
