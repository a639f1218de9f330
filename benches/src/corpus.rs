//! The programs that are run, what is built in of them, and what they compute.
//!
//! Sources of the programs are in `benches/corpus/src`; `tools/build-corpus.sh` builds them. Those of the kernels are in
//! `benches/kernels`.

use std::path::PathBuf;

/// A program or kernel.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// Its character, in a few words.
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    /// What `run` is given; none if it takes nothing. Chosen for a run of 20 to 60 ms.
    pub(crate) n: Option<i32>,
    /// What `run` gives. For programs it is what native code computes.
    pub(crate) expected: i64,
    /// Binary or text.
    module: &'static [u8],
}

/// Where a workload comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// C or C++: one export `run(n)`, no imports.
    Program,
    /// Text, for what compilers of C do not emit: one export `run()`.
    Kernel,
}

impl Kind {
    /// The section of reports that it is in.
    pub(crate) fn section(self) -> &'static str {
        match self {
            Kind::Program => "steady state",
            Kind::Kernel => "kernels",
        }
    }
}

impl Workload {
    /// The binary module.
    pub(crate) fn binary(&self) -> Vec<u8> {
        wat::parse_bytes(self.module).expect("workloads are valid").into_owned()
    }

    /// Where the module is in the source tree.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let stem = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
        let file = |extension| PathBuf::from(format!("{stem}/{}.{extension}", self.name));
        ["wasm", "wat"].into_iter().map(file).find(|path| path.exists())
    }

    /// The C or C++ that it was made of.
    pub(crate) fn source(&self) -> Option<PathBuf> {
        let stem = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/src");
        let file = |extension| PathBuf::from(format!("{stem}/{}.{extension}", self.name));
        ["c", "cpp"].into_iter().map(file).find(|path| path.exists())
    }
}

macro_rules! program {
    ($name:literal, $n:literal, $expected:literal, $about:literal) => {
        Workload {
            name: $name,
            about: $about,
            kind: Kind::Program,
            n: Some($n),
            expected: $expected,
            module: include_bytes!(concat!("../corpus/", $name, ".wasm")),
        }
    };
}

macro_rules! kernel {
    ($name:literal, $expected:literal, $about:literal) => {
        Workload {
            name: $name,
            about: $about,
            kind: Kind::Kernel,
            n: None,
            expected: $expected,
            module: include_bytes!(concat!("../kernels/", $name, ".wat")),
        }
    };
}

/// All of them.
pub(crate) const WORKLOADS: &[Workload] = &[
    program!("fib", 34, 5702887, "calls and nothing else"),
    program!("ackermann", 300, -4876049623188719950, "deep recursion"),
    program!("sieve", 60, 7140123660456254678, "strided byte stores"),
    program!("matmul_f64", 35, 4342271172407058333, "the textbook loop over doubles"),
    program!("matmul_f32x4", 45, 8092860253986628591, "128-bit vectors of floats"),
    program!("nbody", 250_000, -5620337191054914467, "divisions and square roots"),
    program!("mandelbrot", 700, -3367068150764538992, "a dependent chain of double arithmetic"),
    program!("spectral_norm", 300, 4608417403547327977, "conversions and divisions"),
    program!("fannkuch", 9, -3044652880838109822, "short unpredictable loops"),
    program!("fft", 250, -455327232078527353, "doubles at strides that double"),
    program!("sha256", 450, -3790640095126158947, "32-bit rotations"),
    program!("keccak", 20_000, -4168445809183382812, "64-bit logic, more values than registers"),
    program!("chacha20", 900, 4647284238665604222, "sixteen live 32-bit words"),
    program!("blake_simd", 700, -3435367046784157788, "128-bit rotations and shuffles"),
    program!("crc32", 450, 262327223, "loads that depend on loads"),
    program!("bigint", 50_000, -1691429879240543449, "carries in 64-bit arithmetic"),
    program!("base64", 1_500, 9134132662648315186, "table lookups of bytes"),
    program!("ctype", 90, 162232442101406776, "calls of tiny functions"),
    program!("strings", 170, 8225014606624948615, "text searched byte by byte"),
    program!("memmove", 200_000, -365963551602564156, "bulk memory instructions of many sizes"),
    program!("hash_map", 1_000_000, 4758952460208624747, "scattered loads"),
    program!("heapsort", 30, 3502829169544755786, "unpredictable branches"),
    program!("quicksort", 24, -3412249840854790325, "calls through the table"),
    program!("list_chase", 2_000, -549182750264766123, "one dependent load after the other"),
    program!("binary_trees", 1_500, 276560254163102827, "the allocator of the C library"),
    program!("dijkstra", 180, -6959725293166339237, "a heap of records"),
    program!("interpreter", 20_000, -3256602648281185765, "br_table in a loop"),
    program!("json", 280, -149242616900073339, "parsing, small allocations"),
    program!("tokens", 450, 2469709379470983050, "a state machine over characters"),
    program!("regex", 450, -6322170316760489530, "threads over a text, in step"),
    program!("edit_distance", 110, 5235441029141677055, "minima of neighbours"),
    program!("lz", 90, 2857054982342465839, "hash chains and overlapping copies"),
    program!("life", 700, -6442044294004065710, "neighbouring bytes"),
    program!("blur", 250, 5127974824669908716, "filters over bytes"),
    program!("queens", 13, 73712, "recursion on bit sets"),
    program!("raytrace", 500, -8272447140298653314, "doubles in small structures"),
    program!("virtual", 700, -7752273375372356862, "C++ virtual calls, new and delete"),
    kernel!("indirect", 1186196077, "call_indirect in a loop"),
    kernel!("call_ref", 825842211112441099, "calls of typed references"),
    kernel!("throw", 39999900000, "exceptions caught in the caller"),
    kernel!("throw_deep", 1400, "exceptions over 1,000 frames"),
    kernel!("bulk", 4919131752989213764, "small copies and fills"),
    kernel!("atomic", 500001000000, "an atomic counter"),
    kernel!("spinlock", 125000250000, "compare and exchange without a rival"),
    kernel!("wide", 5508014540110911641, "wide arithmetic"),
    kernel!("dot_i16", 8178958336, "i32x4.dot_i16x8_s"),
    kernel!("dot_f32", 53248, "vectors of floats"),
    kernel!("matmul_madd", 9600, "relaxed multiply-add"),
    kernel!("shuffle", 1694859378898354800, "pixels: shuffles and saturation"),
];
