//! What an engine may be told.

#![forbid(unsafe_code)]

use crate::{Cache, InstanceAllocationStrategy, PoolingAllocationConfig};
pub use palisade_compile::OptLevel;
use palisade_compile::{CompilerOptions, Features};

/// When the functions of a module are compiled. Wasmtime has only the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compilation {
    /// All of them when the module is made. Calls inside of a module are direct, and nothing is left to do later.
    #[default]
    Eager,
    /// Each when it is first called. A module is validated when it is made, so it is there a hundred times sooner; the
    /// first call of each function takes longer, and calls between functions cost a jump more.
    Lazy,
    /// As [`Compilation::Lazy`], and those that were not called yet on other threads meanwhile, what is likely to be
    /// called soon first. A function without loops that is called before that is not optimised at first. For programs that
    /// run once.
    LazyWithBackground,
}

/// Settings of an [`Engine`](crate::Engine), with the names that they have in wasmtime.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) compiler: CompilerOptions,
    pub(crate) compilation: Compilation,
    pub(crate) cache: Option<Cache>,
    pub(crate) features: Features,
    pub(crate) max_wasm_stack: usize,
    pub(crate) memory_reservation: u64,
    pub(crate) allocation_strategy: InstanceAllocationStrategy,
}

impl Default for Config {
    fn default() -> Self {
        Config::new()
    }
}

impl Config {
    /// The defaults: fast code, all proposals that are built and standard.
    pub fn new() -> Config {
        Config {
            compiler: CompilerOptions::default(),
            compilation: Compilation::default(),
            cache: None,
            features: Features::default(),
            max_wasm_stack: 512 << 10,
            memory_reservation: 1 << 40,
            allocation_strategy: InstanceAllocationStrategy::OnDemand,
        }
    }

    /// How much effort goes into faster code. Default: [`OptLevel::Speed`].
    pub fn cranelift_opt_level(&mut self, level: OptLevel) -> &mut Self {
        self.compiler.opt_level = level;
        self
    }

    /// Whether every NaN that arithmetic makes is the canonical one, so that results do not depend on the CPU. Off by
    /// default, as the specification allows any NaN.
    pub fn cranelift_nan_canonicalization(&mut self, enable: bool) -> &mut Self {
        self.compiler.nan_canonicalization = enable;
        self
    }

    /// Whether the compiler checks its intermediate code. Finds bugs of Palisade; costs time. Off by default.
    pub fn cranelift_debug_verifier(&mut self, enable: bool) -> &mut Self {
        self.compiler.verifier = enable;
        self
    }

    /// Whether code uses all that this CPU can do. On by default; off, it is the code that every CPU of the architecture
    /// can run, slower, above all with vectors. Wasmtime has no such setting.
    pub fn native_cpu(&mut self, enable: bool) -> &mut Self {
        self.compiler.native_cpu = enable;
        self
    }

    /// When functions are compiled. Default: [`Compilation::Eager`].
    pub fn compilation(&mut self, when: Compilation) -> &mut Self {
        self.compilation = when;
        self
    }

    /// Where compiled modules are kept for the next time, also of other processes. Default: nowhere.
    ///
    /// With functions compiled on demand, those that are compiled by then are kept when the module drops.
    pub fn cache(&mut self, cache: Option<Cache>) -> &mut Self {
        self.cache = cache;
        self
    }

    /// Whether functions are compiled on all threads of rayon's pool. On by default.
    pub fn parallel_compilation(&mut self, enable: bool) -> &mut Self {
        self.compiler.parallel = enable;
        self
    }

    /// Bytes of stack that wasm may use in one call from the host, nested host functions included. Default: 512 KiB.
    ///
    /// Less is available on a thread whose stack is smaller: some of it is kept for host functions.
    pub fn max_wasm_stack(&mut self, bytes: usize) -> &mut Self {
        self.max_wasm_stack = bytes;
        self
    }

    /// Functions with several results, and blocks with parameters. On by default.
    pub fn wasm_multi_value(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.multi_value(enable);
        self
    }

    /// Operations on ranges of memories and tables. On by default.
    pub fn wasm_bulk_memory(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.bulk_memory(enable);
        self
    }

    /// References as values, and several tables. On by default; without it there are no typed function references and no
    /// `exnref` either.
    pub fn wasm_reference_types(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.reference_types(enable);
        self
    }

    /// Calls that take the place of their caller (`return_call` and its kin). On by default.
    pub fn wasm_tail_call(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.tail_call(enable);
        self
    }

    /// References to functions of one type, and types that refer to each other. On by default.
    pub fn wasm_function_references(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.function_references(enable);
        self
    }

    /// Exceptions: tags, `throw`, `try_table`. On by default.
    pub fn wasm_exceptions(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.exceptions(enable);
        self
    }

    /// Exceptions as older toolchains emit them: `try`, `catch`, `rethrow`, `delegate`. On by default.
    pub fn wasm_legacy_exceptions(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.legacy_exceptions(enable);
        self
    }

    /// Arithmetic in the initial values of globals and segment offsets. On by default.
    pub fn wasm_extended_const(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.extended_const(enable);
        self
    }

    /// Vectors of 128 bits: the type `v128` and its instructions. On by default.
    ///
    /// An engine cannot be made with this off and [`Config::wasm_relaxed_simd`] on.
    pub fn wasm_simd(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.simd(enable);
        self
    }

    /// Vector instructions that may have other results on other CPUs for some operands. On by default; see also
    /// [`Config::relaxed_simd_deterministic`].
    pub fn wasm_relaxed_simd(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.relaxed_simd(enable);
        self
    }

    /// Whether relaxed vector instructions have the results of the specification's deterministic profile, the same on
    /// all CPUs. Off by default: they do what the CPU does fastest.
    pub fn relaxed_simd_deterministic(&mut self, enable: bool) -> &mut Self {
        self.compiler.relaxed_simd_deterministic = enable;
        self
    }

    /// Addition, subtraction and multiplication with 128-bit results. Off by default.
    pub fn wasm_wide_arithmetic(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.wide_arithmetic(enable);
        self
    }

    /// More than one memory in a module. On by default.
    pub fn wasm_multi_memory(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.multi_memory(enable);
        self
    }

    /// Memories and tables with 64-bit indices. On by default.
    pub fn wasm_memory64(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.memory64(enable);
        self
    }

    /// Memories that several threads share, atomic accesses, waiting and waking. On by default.
    pub fn wasm_threads(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.threads(enable);
        self
    }

    /// Memories with pages of one byte instead of 64 KiB. Off by default: the proposal is not finished.
    pub fn wasm_custom_page_sizes(&mut self, enable: bool) -> &mut Self {
        self.features = self.features.custom_page_sizes(enable);
        self
    }

    /// Bytes of address space to reserve for a 64-bit memory that may become larger than this; it cannot grow beyond
    /// what was reserved. Default: 1 TiB. Less is reserved where the address space has no room for it. 32-bit memories,
    /// and 64-bit ones with a smaller maximum, always get all that they can use.
    pub fn memory_reservation(&mut self, bytes: u64) -> &mut Self {
        self.memory_reservation = bytes;
        self
    }

    /// How instances get their memories and tables. Default: [`InstanceAllocationStrategy::OnDemand`], which uses
    /// reservations of memories that are gone again, too: up to 128 in the process, with up to 32 MiB resident in all.
    pub fn allocation_strategy(
        &mut self,
        strategy: impl Into<InstanceAllocationStrategy>,
    ) -> &mut Self {
        self.allocation_strategy = strategy.into();
        self
    }

    /// The limits of pooling, if that is on.
    pub(crate) fn pooling(&self) -> Option<&PoolingAllocationConfig> {
        match &self.allocation_strategy {
            InstanceAllocationStrategy::OnDemand => None,
            InstanceAllocationStrategy::Pooling(pooling) => Some(pooling),
        }
    }
}
