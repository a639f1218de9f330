//! Drives Cranelift: settings, one function at a time, many in parallel.

use crate::layout::{Call, CallSite, CompiledFunction, Item, Text, smallest_loop};
use crate::signature::{NAMESPACE_DATA, NAMESPACE_FUNC, NAMESPACE_LIBCALL};
use crate::trampoline::{self, TrampolineKind};
use crate::{CompileError, copies, function, settle};
use cranelift_codegen::Context;
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{Constant, ConstantPool, ExternalName, Function, TrapCode};
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{ExceptionContextLoc, FinalizedMachExceptionHandler};
use cranelift_codegen::{FinalizedMachReloc, FinalizedRelocTarget};
use cranelift_frontend::FunctionBuilderContext;
use palisade_environ::{DefinedFuncIndex, Libcall, ModuleInfo, Signature, Trap};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

/// How much effort goes into faster code.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptLevel {
    /// Compile fast.
    None,
    /// Run fast.
    #[default]
    Speed,
    /// Run fast, and prefer smaller code.
    SpeedAndSize,
}

/// What a [`Compiler`] may be told.
#[derive(Clone, Debug)]
pub struct CompilerOptions {
    /// How much effort goes into faster code.
    pub opt_level: OptLevel,
    /// Every NaN that arithmetic makes is the canonical one.
    pub nan_canonicalization: bool,
    /// Check the intermediate representation; finds bugs of the translator, costs time.
    pub verifier: bool,
    /// Functions are compiled on all of rayon's threads.
    pub parallel: bool,
    /// Relaxed vector instructions have the results of the deterministic profile.
    pub relaxed_simd_deterministic: bool,
    /// Code may use all that this CPU can do, not only what every CPU of its architecture can.
    pub native_cpu: bool,
}

impl Default for CompilerOptions {
    fn default() -> Self {
        CompilerOptions {
            opt_level: OptLevel::Speed,
            nan_canonicalization: false,
            verifier: false,
            parallel: true,
            relaxed_simd_deterministic: false,
            native_cpu: true,
        }
    }
}

/// What was used for a function of more values or instructions is not kept, as that takes megabytes.
const SPARE_SIZE: usize = 1 << 15;

/// Compiles for the machine it runs on.
pub struct Compiler {
    isa: OwnedTargetIsa,
    native: isa::Builder,
    /// The same machine, for code that is not optimised.
    hasty: OnceLock<OwnedTargetIsa>,
    /// For threads that compile a few functions.
    spare: Mutex<Vec<Scratch>>,
    options: CompilerOptions,
}

/// A function or trampoline to compile.
#[derive(Clone, Copy)]
enum Job<'a> {
    Body(DefinedFuncIndex),
    /// A body to be compiled fast.
    Draft(DefinedFuncIndex),
    Libcall(Libcall),
    /// With its place among those that are wanted.
    Trampoline(u32, &'a (TrampolineKind, Signature)),
}

impl Job<'_> {
    fn item(self) -> Item {
        match self {
            Job::Body(index) => Item::Function(index),
            Job::Draft(index) => Item::Draft(index),
            Job::Libcall(libcall) => Item::Libcall(libcall),
            Job::Trampoline(place, _) => Item::Trampoline(place),
        }
    }
}

/// What a worker thread keeps between functions.
struct Scratch {
    context: Context,
    builder: FunctionBuilderContext,
}

impl Scratch {
    fn new() -> Scratch {
        Scratch { context: Context::new(), builder: FunctionBuilderContext::new() }
    }
}

impl Compiler {
    /// A compiler for this machine.
    ///
    /// # Errors
    ///
    /// When Cranelift does not support the machine.
    pub fn new(options: &CompilerOptions) -> Result<Compiler, CompileError> {
        let native = cranelift_native::builder_with_options(options.native_cpu);
        let native = native.map_err(|e| CompileError::Limit(e.into()))?;
        let isa = finish(&native, shared_settings(options))?;
        Ok(Compiler {
            isa,
            native,
            hasty: OnceLock::new(),
            spare: Mutex::default(),
            options: options.clone(),
        })
    }

    /// The target for drafts.
    fn hasty(&self) -> &OwnedTargetIsa {
        self.hasty.get_or_init(|| {
            let options = CompilerOptions { opt_level: OptLevel::None, ..self.options.clone() };
            finish(&self.native, shared_settings(&options)).expect("as the other settings")
        })
    }

    /// Whether code is optimised, so that drafts differ from it.
    pub fn optimises(&self) -> bool {
        self.options.opt_level != OptLevel::None
    }

    /// The target that code is made for; the linker needs it.
    pub fn isa(&self) -> OwnedTargetIsa {
        self.isa.clone()
    }

    /// All that the code of a module depends on besides the module: compilers that say the same make the same.
    pub fn fingerprint(&self) -> String {
        let isa = &self.isa;
        let version = cranelift_codegen::VERSION;
        let isa_flags: Vec<String> = isa.isa_flags().iter().map(ToString::to_string).collect();
        let deterministic = self.options.relaxed_simd_deterministic;
        format!("{version} {} {} {isa_flags:?} {deterministic}", isa.triple(), isa.flags())
    }

    /// Compiles every function that `module` defines, and lays them out. The functions of the text are those in order, then
    /// libcall trampolines.
    ///
    /// # Errors
    ///
    /// As for [`Compiler::compile`]; [`CompileError::Limit`] also if the code is too large.
    pub fn compile_functions(
        &self,
        module: &ModuleInfo,
        bytes: &[u8],
    ) -> Result<Text, CompileError> {
        let all: Vec<DefinedFuncIndex> = module.bodies.keys().collect();
        let mut functions = self.compile(module, bytes, &all)?;
        let called: BTreeSet<Libcall> = functions
            .iter()
            .flat_map(CompiledFunction::callees)
            .filter_map(Item::libcall)
            .collect();
        functions.extend(self.compile_libcalls(&Vec::from_iter(called))?);
        Text::lay_out(&functions, 0, |item| unreachable!("all of a module is here, also {item:?}"))
    }

    /// Compiles functions that `module` defines, in the order in which they are given.
    ///
    /// # Errors
    ///
    /// [`CompileError::Unsupported`] for an instruction that is not built, [`CompileError::Limit`] for a function too
    /// large for the code generator.
    pub fn compile(
        &self,
        module: &ModuleInfo,
        bytes: &[u8],
        functions: &[DefinedFuncIndex],
    ) -> Result<Vec<CompiledFunction>, CompileError> {
        let jobs: Vec<Job<'_>> = functions.iter().copied().map(Job::Body).collect();
        self.run(module, bytes, &jobs)
    }

    /// As [`Compiler::compile`], on the calling thread alone; as `drafts` without optimising, in two thirds of the time.
    ///
    /// # Errors
    ///
    /// As for [`Compiler::compile`].
    pub fn compile_serially(
        &self,
        module: &ModuleInfo,
        bytes: &[u8],
        functions: &[DefinedFuncIndex],
        drafts: bool,
    ) -> Result<Vec<CompiledFunction>, CompileError> {
        let job = if drafts { Job::Draft } else { Job::Body };
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = spare().pop().unwrap_or_else(Scratch::new);
        let compile = |index: &_| self.compile_job(&mut scratch, module, bytes, job(*index));
        let compiled = functions.iter().map(compile).collect();
        let dfg = &scratch.context.func.dfg;
        if dfg.num_values().max(dfg.num_insts()) <= SPARE_SIZE {
            spare().push(scratch);
        }
        compiled
    }

    /// Compiles the trampolines through which a module calls libcalls, on the calling thread alone.
    ///
    /// # Errors
    ///
    /// None that is known: they are small.
    pub fn compile_libcalls(
        &self,
        libcalls: &[Libcall],
    ) -> Result<Vec<CompiledFunction>, CompileError> {
        let mut scratch = Scratch::new();
        let module = ModuleInfo::default();
        let mut compile =
            |libcall: &_| self.compile_job(&mut scratch, &module, &[], Job::Libcall(*libcall));
        libcalls.iter().map(&mut compile).collect()
    }

    /// Compiles trampolines, in the order in which they are given.
    ///
    /// # Errors
    ///
    /// [`CompileError::Limit`] for a signature too large for the code generator.
    pub fn compile_trampolines(
        &self,
        wanted: &[(TrampolineKind, Signature)],
    ) -> Result<Text, CompileError> {
        let jobs: Vec<Job<'_>> =
            (0..).zip(wanted).map(|(place, want)| Job::Trampoline(place, want)).collect();
        let functions = self.run(&ModuleInfo::default(), &[], &jobs)?;
        Text::lay_out(&functions, 0, |item| unreachable!("trampolines call no {item:?}"))
    }

    /// Compiles `jobs` in order. Of several failures the first in order is reported.
    fn run(
        &self,
        module: &ModuleInfo,
        bytes: &[u8],
        jobs: &[Job<'_>],
    ) -> Result<Vec<CompiledFunction>, CompileError> {
        let compile =
            |scratch: &mut Scratch, job: &Job<'_>| self.compile_job(scratch, module, bytes, *job);
        if self.options.parallel && jobs.len() > 1 {
            let results: Vec<_> = jobs.par_iter().map_init(Scratch::new, compile).collect();
            results.into_iter().collect()
        } else {
            let mut scratch = Scratch::new();
            jobs.iter().map(|job| compile(&mut scratch, job)).collect()
        }
    }

    fn compile_job(
        &self,
        scratch: &mut Scratch,
        module: &ModuleInfo,
        bytes: &[u8],
        job: Job<'_>,
    ) -> Result<CompiledFunction, CompileError> {
        scratch.context.clear();
        let isa = match job {
            Job::Draft(_) => self.hasty(),
            _ => &self.isa,
        };
        self.build(scratch, module, bytes, job, isa)?;
        let context = &mut scratch.context;
        let result = context.compile(&**isa, &mut ControlPlane::default());
        let error = result.err().map(|e| e.inner);
        if let Some(error) = error {
            return Err(failure(module, job, error));
        }
        let compiled = context.take_compiled_code().expect("just compiled");
        Ok(collect(job.item(), isa, &context.func, &compiled))
    }

    /// The intermediate code of a function that `module` defines, before it is optimised.
    #[cfg(test)]
    pub(crate) fn clif(
        &self,
        module: &ModuleInfo,
        bytes: &[u8],
        index: DefinedFuncIndex,
    ) -> Result<Function, CompileError> {
        let mut scratch = Scratch::new();
        self.build(&mut scratch, module, bytes, Job::Body(index), &self.isa)?;
        scratch.context.verify_if(&*self.isa).expect("the translator makes valid code");
        Ok(scratch.context.func)
    }

    fn build(
        &self,
        scratch: &mut Scratch,
        module: &ModuleInfo,
        bytes: &[u8],
        job: Job<'_>,
        isa: &OwnedTargetIsa,
    ) -> Result<(), CompileError> {
        let config = isa.frontend_config();
        let func = &mut scratch.context.func;
        match job {
            Job::Body(index) | Job::Draft(index) => {
                let (context, isa) = (&mut scratch.builder, &**isa);
                let deterministic = self.options.relaxed_simd_deterministic;
                let unsettled =
                    function::translate(func, context, module, bytes, isa, deterministic, index)?;
                if isa.flags().opt_level() != settings::OptLevel::None {
                    copies::remove(&mut scratch.context.func);
                    settle::settle(&mut scratch.context, isa, unsettled);
                }
            }
            Job::Libcall(libcall) => {
                trampoline::build_libcall(func, &mut scratch.builder, libcall, config)
            }
            Job::Trampoline(_, (kind, signature)) => {
                trampoline::build(func, &mut scratch.builder, *kind, signature, config);
            }
        }
        Ok(())
    }
}

fn finish(
    native: &isa::Builder,
    settings: settings::Builder,
) -> Result<OwnedTargetIsa, CompileError> {
    let isa = native.finish(settings::Flags::new(settings));
    isa.map_err(|e| CompileError::Limit(e.to_string()))
}

fn shared_settings(options: &CompilerOptions) -> settings::Builder {
    let mut builder = settings::builder();
    let mut set = |name: &str, value: &str| {
        builder.set(name, value).expect("a setting of this Cranelift version");
    };
    let on_off = |on: bool| if on { "true" } else { "false" };
    set(
        "opt_level",
        match options.opt_level {
            OptLevel::None => "none",
            OptLevel::Speed => "speed",
            OptLevel::SpeedAndSize => "speed_and_size",
        },
    );
    set("enable_verifier", on_off(options.verifier));
    set("enable_nan_canonicalization", on_off(options.nan_canonicalization));
    // Backtraces and exceptions walk frames by their frame pointers.
    set("preserve_frame_pointers", "true");
    // Functions of many results return them through memory.
    set("enable_multi_ret_implicit_sret", "true");
    // A frame larger than a page touches each of its pages in order, so that it cannot step over a guard page.
    set("enable_probestack", "true");
    set("probestack_strategy", "inline");
    // The layout wants to know where loops are.
    set("machine_code_cfg_info", "true");
    set("unwind_info", "false");
    builder
}

fn failure(
    module: &ModuleInfo,
    job: Job<'_>,
    error: cranelift_codegen::CodegenError,
) -> CompileError {
    let what = match job {
        Job::Body(index) | Job::Draft(index) => {
            format!("function {}", module.func_index(index).as_u32())
        }
        Job::Libcall(libcall) => format!("the trampoline of {libcall:?}"),
        Job::Trampoline(_, (kind, signature)) => format!("the {kind:?} trampoline of {signature}"),
    };
    use cranelift_codegen::CodegenError;
    match error {
        CodegenError::ImplLimitExceeded | CodegenError::CodeTooLarge => {
            CompileError::Limit(format!("{what} is too large for the code generator"))
        }
        CodegenError::Unsupported(why) => {
            CompileError::Limit(format!("{what} cannot be compiled: {why}"))
        }
        error => panic!("the code generator rejected {what}: {error:?}"),
    }
}

fn collect(
    item: Item,
    isa: &OwnedTargetIsa,
    func: &Function,
    compiled: &cranelift_codegen::CompiledCode,
) -> CompiledFunction {
    let buffer = &compiled.buffer;
    let names = func.params.user_named_funcs();
    let mut code = compiled.code_buffer().to_vec();
    let mut calls = Vec::new();
    for reloc in buffer.relocs() {
        let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = &reloc.target else {
            unreachable!("compiled code refers to functions of its own text only: {reloc:?}")
        };
        let name = &names[*name];
        let callee = match name.namespace {
            NAMESPACE_FUNC => Item::Function(DefinedFuncIndex::from_u32(name.index)),
            NAMESPACE_LIBCALL => Item::Libcall(Libcall::ALL[name.index as usize]),
            NAMESPACE_DATA => {
                append_data(&mut code, reloc, &func.dfg.constants, name.index);
                continue;
            }
            other => unreachable!("no function has namespace {other}"),
        };
        let FinalizedMachReloc { offset, kind, addend, .. } = *reloc;
        calls.push(Call { offset, kind, callee, addend });
    }
    let traps = buffer.traps().iter().map(|trap| (trap.offset, trap_code(trap.code))).collect();
    CompiledFunction {
        item,
        code,
        alignment: buffer.alignment.max(isa.function_alignment().minimum),
        calls,
        traps,
        sources: sources(compiled),
        call_sites: call_sites(compiled),
        entry: isa.function_alignment().preferred,
        loop_head: smallest_loop(
            &compiled.bb_starts,
            &compiled.bb_edges,
            compiled.code_buffer().len() as u32,
        ),
    }
}

/// Puts a constant behind the code, and its distance where the code refers to it.
fn append_data(
    code: &mut Vec<u8>,
    reloc: &FinalizedMachReloc,
    constants: &ConstantPool,
    index: u32,
) {
    // By the second name Cranelift calls the distance to any near symbol.
    let near = matches!(reloc.kind, Reloc::X86PCRel4 | Reloc::X86CallPCRel4);
    assert!(near, "constants are only read by address on x86-64");
    let distance = code.len() as i64 + reloc.addend - i64::from(reloc.offset);
    let distance = i32::try_from(distance).expect("a function is smaller than 2 GiB");
    let field = reloc.offset as usize;
    code[field..field + 4].copy_from_slice(&distance.to_le_bytes());
    code.extend_from_slice(constants.get(Constant::from_u32(index)).as_slice());
}

/// The calls with handlers of guests. (The landing pads of entry trampolines have no tag.)
fn call_sites(compiled: &cranelift_codegen::CompiledCode) -> Vec<(CallSite, Vec<(u32, u32)>)> {
    let sites = compiled.buffer.call_sites().filter_map(|site| {
        let mut vmctx = None;
        let mut handlers = Vec::new();
        for handler in site.exception_handlers {
            match *handler {
                FinalizedMachExceptionHandler::Tag(catch, offset) => {
                    handlers.push((catch.as_u32(), offset));
                }
                FinalizedMachExceptionHandler::Context(ExceptionContextLoc::SPOffset(offset)) => {
                    vmctx = Some(offset);
                }
                // After a call by the tail convention no register has its old value.
                FinalizedMachExceptionHandler::Context(ExceptionContextLoc::GPR(_)) => {
                    unreachable!("the context of a call is on the stack")
                }
                FinalizedMachExceptionHandler::Default(_) => {}
            }
        }
        let site = CallSite {
            return_address: site.ret_addr,
            frame_size: site.frame_offset?,
            vmctx: vmctx?,
            handlers: 0..0,
        };
        Some((site, handlers))
    });
    let mut sites: Vec<_> = sites.collect();
    sites.sort_by_key(|(site, _)| site.return_address);
    sites
}

/// Turns Cranelift's ranges into starts, with an end mark where a range is not followed by another at once.
fn sources(compiled: &cranelift_codegen::CompiledCode) -> Vec<(u32, u32)> {
    let mut sources: Vec<(u32, u32)> = vec![(0, u32::MAX)];
    let mut push = |offset: u32, loc: u32| match sources.last_mut() {
        Some(last) if last.0 == offset => last.1 = loc,
        Some(last) if last.1 == loc => {}
        _ => sources.push((offset, loc)),
    };
    let mut end = 0;
    for range in compiled.buffer.get_srclocs_sorted() {
        if range.start > end {
            push(end, u32::MAX);
        }
        push(range.start, range.loc.bits());
        end = range.end;
    }
    push(end, u32::MAX);
    sources
}

fn trap_code(code: TrapCode) -> u8 {
    match code {
        TrapCode::STACK_OVERFLOW => Trap::StackOverflow.code(),
        TrapCode::HEAP_OUT_OF_BOUNDS => Trap::MemoryOutOfBounds.code(),
        TrapCode::INTEGER_OVERFLOW => Trap::IntegerOverflow.code(),
        TrapCode::INTEGER_DIVISION_BY_ZERO => Trap::IntegerDivisionByZero.code(),
        TrapCode::BAD_CONVERSION_TO_INTEGER => Trap::BadConversionToInteger.code(),
        user => user.as_raw().get(),
    }
}
