//! Functions that are compiled when they are first called, and in the background.
//!
//! All that refers to a function of such an image refers to its stub, which goes on where the function's slot says
//! (`palisade_sys::lazy`): calls from other functions, entries of tables, exports. So a function is compiled, its text
//! added to the image, and then its slot written; code that runs meanwhile, on whatever thread, is not touched.
//!
//! While the program waits, and others can do better later, a function is compiled in a hurry: as a *draft*, which the
//! background (`background.rs`) replaces. Functions with loops are not, as a program might stay in a draft for long. Since these take most of
//! the time, the background looks for them ahead of the program, among what it may call next. All calls of a draft go
//! through its stub, its own included, so that they reach what replaces it.
//!
//! Concurrency. Whoever wants a function compiled has to claim it, by changing its state from `WAITING` to `CLAIMED`, or
//! from `DRAFT` to `REVISED`; so it is compiled once, or twice. Others wait for a claim of the first kind to end: in
//! `COMPILED` or `DRAFT`, when the slot holds the address, or in `WAITING` again, when compiling has failed and they find
//! out why themselves. While it is revised a draft is used. A claim ends also if the compiler panics. Nobody waits
//! while holding a claim or a lock, nor uses rayon, so there is no deadlock. The slot is written, with release order, after the
//! code is published and its tables can be found; a thread that calls through the stub reads either the old value, and
//! asks, or the new one, and runs code that was complete before. On CPUs whose instruction fetch is not coherent,
//! publication flushes the pipelines of all threads before the slot is written.

use super::activation::{note_exit, raise_error, raise_if_interrupted, raise_panic};
use super::artifact::{Artifact, FunctionRow, Part};
use super::background::{Background, replaces_drafts};
use super::code::{CodeImage, item_of};
use crate::error::{Error, Result};
use crate::module_meta::ModuleMeta;
use palisade_compile::{CompiledFunction, Compiler, Item, Survey, Text};
use palisade_environ::{DefinedFuncIndex, Libcall, ModuleBytes};
use palisade_sys::lazy::{self, Resolved};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Nobody has compiled the function.
pub(super) const WAITING: u8 = 0;
/// Somebody is at it.
const CLAIMED: u8 = 1;
/// Its slot holds its address, and that of no draft any more.
const COMPILED: u8 = 2;
/// Its slot holds the address of a draft.
pub(super) const DRAFT: u8 = 3;
/// The same, and somebody is about to replace it.
const REVISED: u8 = 4;

/// Address space for code, for each byte of function bodies. It was measured to be up to 5 for large programs; vectors
/// and handlers of exceptions can take more. What is not used costs nothing.
const CODE_PER_BYTE: usize = 64;

/// Address space for code that even the smallest module gets, for the trampolines of libcalls.
const MINIMUM_CODE: usize = 1 << 20;

/// Address space for code that the largest module gets, stubs included: what calls can span, and displacements.
const MAXIMUM_CODE: usize = if cfg!(target_arch = "x86_64") { 1 << 30 } else { 120 << 20 };

/// Stack that is enough for the compiler. Less, and it gets a stack of its own.
const COMPILER_STACK: usize = 1 << 20;

/// The stack that it gets then.
const OWN_STACK: usize = 4 << 20;

/// What an image knows of functions that may not be compiled yet.
pub(super) struct Lazy {
    compiler: Arc<Compiler>,
    /// The module.
    bytes: ModuleBytes,
    states: Box<[AtomicU8]>,
    /// Where the trampolines of libcalls are; 0 where there is none yet.
    libcalls: [AtomicU32; Libcall::ALL.len()],
    /// Held when the end of a claim is announced, and to wait for that.
    claims: Mutex<()>,
    claim_ended: Condvar,
    pub(super) background: Background,
}

/// An image of the module that `meta` describes, of which nothing is compiled yet.
pub(crate) fn begin_lazily(
    compiler: &Arc<Compiler>,
    meta: Arc<ModuleMeta>,
    bytes: ModuleBytes,
) -> Result<Arc<CodeImage>> {
    let functions = meta.info.bodies.len();
    let image = reserve(compiler, meta, bytes)?;
    let stubs = lazy::stubs(functions);
    image.add(|_| Ok(Text { bytes: stubs, ..Text::default() }))?;
    Ok(image)
}

/// As [`begin_lazily`], without the stubs.
fn reserve(
    compiler: &Arc<Compiler>,
    meta: Arc<ModuleMeta>,
    bytes: ModuleBytes,
) -> Result<Arc<CodeImage>> {
    let functions = meta.info.bodies.len();
    let lazy = Lazy {
        compiler: compiler.clone(),
        bytes,
        states: (0..functions).map(|_| AtomicU8::new(WAITING)).collect(),
        libcalls: [const { AtomicU32::new(0) }; Libcall::ALL.len()],
        claims: Mutex::new(()),
        claim_ended: Condvar::new(),
        background: Background::new(functions),
    };
    let body_bytes: usize = meta.info.bodies.values().map(|body| body.len()).sum();
    let stubs = lazy::stub_bytes(functions) + palisade_sys::page_size();
    let capacity = body_bytes.saturating_mul(CODE_PER_BYTE);
    let capacity = capacity.clamp(MINIMUM_CODE, MAXIMUM_CODE - stubs) + stubs;
    let words = lazy::stub_words(functions);
    let image = CodeImage::reserve(compiler, words, capacity, Some(meta), Some(lazy))?;
    // The image does not move, and outlives everything that calls a stub.
    let context = Arc::as_ptr(&image).cast();
    lazy::fill_words(image.words(), image.address(0), resolve, context);
    Ok(image)
}

/// As [`begin_lazily`], of which that is compiled which `artifact` has; of drafts only if the image is to have a background.
pub(crate) fn restore(
    compiler: &Arc<Compiler>,
    artifact: &Artifact,
    meta: Arc<ModuleMeta>,
    bytes: ModuleBytes,
    background: bool,
) -> Result<Arc<CodeImage>> {
    let drafts = background && replaces_drafts();
    let image = reserve(compiler, meta, bytes)?;
    let lazy = image.lazy().expect("just made so");
    let added = image.add_artifact(artifact, Part::Functions)?;
    let usable = |row: &&FunctionRow| drafts || !matches!(item_of(row[0]), Some(Item::Draft(_)));
    lazy.resolve(&image, added.iter().filter(usable));
    // What replaces a draft comes after it.
    for [item, ..] in added.iter().filter(usable) {
        if let Some((function, state)) = state_of(*item) {
            lazy.state(function).store(state, Ordering::Release);
        }
    }
    lazy.background.drafted(lazy.drafts());
    Ok(image)
}

/// What a stub asks for: the address of a function, which is compiled now if need be.
///
/// # Safety
///
/// Called by stubs of the image `image` only, for compiled code, so there is an activation, and the image is in use; `frame`
/// must be a frame whose caller is compiled code.
unsafe extern "C" fn resolve(image: *const u8, function: u32, frame: usize) -> Resolved {
    // SAFETY: by the contract. As exit trampolines do, this says where wasm is left: errors have backtraces.
    let ctx = unsafe { note_exit(*(frame as *const usize).add(1), frame) };
    // SAFETY: by the contract.
    let image = unsafe { &*image.cast::<CodeImage>() };
    let function = DefinedFuncIndex::from_u32(function);
    let result = catch_unwind(AssertUnwindSafe(|| on_demand(image, function)));
    // SAFETY: the context is that of the store in whose innermost activation the stub was called.
    unsafe {
        match result {
            Ok(Ok(address)) if !raise_if_interrupted(ctx) => {
                return Resolved { code: address as *const u8, raise: std::ptr::null_mut() };
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => raise_error(ctx, error),
            Err(payload) => raise_panic(ctx, payload),
        }
        Resolved { code: std::ptr::null(), raise: (&raw mut (*ctx).vm.raise).cast() }
    }
}

/// The address of a function, which is compiled if it was not.
fn on_demand(image: &CodeImage, function: DefinedFuncIndex) -> Result<usize> {
    let lazy = image.lazy().expect("stubs belong to such images");
    let low = palisade_sys::prepare_thread().map_or(usize::MAX, |stack| stack.low);
    if palisade_sys::frame_address().saturating_sub(low) >= COMPILER_STACK {
        return lazy.compile(image, function);
    }
    let cannot = |error| Error::resource(format!("cannot start a thread to compile: {error}"));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("palisade-compile".into());
        let thread = thread.stack_size(OWN_STACK);
        let compile =
            thread.spawn_scoped(scope, || lazy.compile(image, function)).map_err(cannot)?;
        compile.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    })
}

/// The end of some claims, also by a panic.
pub(super) struct Claims<'a> {
    lazy: &'a Lazy,
    functions: Vec<DefinedFuncIndex>,
    /// The states of these functions then: the old ones, unless there is better.
    outcomes: Vec<u8>,
}

impl<'a> Claims<'a> {
    pub(super) fn none(lazy: &'a Lazy) -> Claims<'a> {
        Claims { lazy, functions: Vec::new(), outcomes: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    pub(super) fn join(&mut self, mut other: Claims<'a>) {
        self.functions.append(&mut other.functions);
        self.outcomes.append(&mut other.outcomes);
    }

    /// The functions, and the states that they had before.
    pub(super) fn functions(&self) -> Vec<(DefinedFuncIndex, u8)> {
        self.functions.iter().copied().zip(self.outcomes.iter().copied()).collect()
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        if self.is_empty() {
            return;
        }
        for (function, outcome) in self.functions.iter().zip(&self.outcomes) {
            self.lazy.state(*function).store(*outcome, Ordering::Release);
        }
        let _guard = self.lazy.claims.lock().unwrap_or_else(PoisonError::into_inner);
        self.lazy.claim_ended.notify_all();
    }
}

impl Lazy {
    fn state(&self, function: DefinedFuncIndex) -> &AtomicU8 {
        &self.states[function.as_u32() as usize]
    }

    pub(super) fn is_waiting(&self, function: DefinedFuncIndex) -> bool {
        self.state(function).load(Ordering::Relaxed) == WAITING
    }

    /// Functions of which there is no better than a draft.
    fn drafts(&self) -> impl Iterator<Item = DefinedFuncIndex> + '_ {
        let functions = (0..).map(DefinedFuncIndex::from_u32).zip(&self.states);
        let draft = |state: &AtomicU8| matches!(state.load(Ordering::Relaxed), DRAFT | REVISED);
        functions.filter(move |(_, state)| draft(state)).map(|(function, _)| function)
    }

    /// Whether the background has something to replace.
    pub(super) fn has_drafts(&self) -> bool {
        self.drafts().next().is_some()
    }

    pub(super) fn survey(&self, image: &CodeImage, function: DefinedFuncIndex) -> Survey {
        let info = &image.meta().expect("of a module").info;
        palisade_compile::survey(info, &self.bytes, function)
    }

    /// Claims a function that is in state `from`.
    pub(super) fn claim(&self, function: DefinedFuncIndex, from: u8) -> Option<Claims<'_>> {
        let to = if from == DRAFT { REVISED } else { CLAIMED };
        let claimed =
            self.state(function).compare_exchange(from, to, Ordering::Acquire, Ordering::Acquire);
        claimed.ok()?;
        Some(Claims { lazy: self, functions: vec![function], outcomes: vec![from] })
    }

    /// Where to call a function: its own address once it has one, else its stub.
    pub(super) fn entry(&self, image: &CodeImage, function: DefinedFuncIndex) -> *const u8 {
        let place = function.as_u32() as usize;
        match self.state(function).load(Ordering::Acquire) {
            COMPILED => slot(image, function).load(Ordering::Acquire) as *const u8,
            _ => image.address(lazy::stub_offset(place) as u32) as *const u8,
        }
    }

    /// Compiles a function, or waits until somebody else has; its address.
    fn compile(&self, image: &CodeImage, function: DefinedFuncIndex) -> Result<usize> {
        loop {
            if let Some(claims) = self.claim(function, WAITING) {
                let background = &self.background;
                background.missed(&image.meta().expect("of a module").info);
                let draft = background.is_active()
                    && background.look(self, image, function, 0)
                    && self.compiler.optimises();
                self.compile_claimed(image, claims, draft)?;
                if draft {
                    background.drafted([function]);
                }
            }
            match self.state(function).load(Ordering::Acquire) {
                COMPILED | DRAFT | REVISED => {
                    return Ok(slot(image, function).load(Ordering::Acquire));
                }
                WAITING => {}
                _ => {
                    let mut guard = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
                    while self.state(function).load(Ordering::Acquire) == CLAIMED {
                        let waited = self.claim_ended.wait(guard);
                        guard = waited.unwrap_or_else(PoisonError::into_inner);
                    }
                }
            }
        }
    }

    /// Compiles functions, or drafts of them, and publishes them.
    pub(super) fn compile_claimed(
        &self,
        image: &CodeImage,
        mut claims: Claims<'_>,
        draft: bool,
    ) -> Result<Vec<CompiledFunction>> {
        let info = &image.meta().expect("of a module").info;
        let mut compiled =
            self.compiler.compile_serially(info, &self.bytes, &claims.functions, draft)?;
        let text = |start| {
            // Another thread may be about to tell where its trampoline of the same libcall is; then there are two.
            let missing = self.missing_libcalls(&compiled);
            compiled.extend(self.compiler.compile_libcalls(&missing)?);
            Ok(Text::lay_out(&compiled, start, |item| self.offset(image, item))?)
        };
        let added = image.add(text)?;
        self.resolve(image, added);
        claims.outcomes.fill(if draft { DRAFT } else { COMPILED });
        Ok(compiled)
    }

    /// Lets calls reach functions that were added to the image.
    fn resolve<'a>(&self, image: &CodeImage, added: impl IntoIterator<Item = &'a FunctionRow>) {
        for [item, start, _] in added {
            match item_of(*item) {
                Some(Item::Function(function) | Item::Draft(function)) => {
                    slot(image, function).store(image.address(*start), Ordering::Release);
                }
                Some(Item::Libcall(libcall)) => {
                    self.libcalls[libcall.index()].store(*start, Ordering::Release);
                }
                Some(Item::Trampoline(_)) | None => unreachable!("a module has none of its own"),
            }
        }
    }

    fn missing_libcalls(&self, functions: &[CompiledFunction]) -> Vec<Libcall> {
        let mut missing = Vec::new();
        for item in functions.iter().flat_map(CompiledFunction::callees) {
            let Item::Libcall(libcall) = item else { continue };
            let known = self.libcalls[libcall.index()].load(Ordering::Acquire) != 0;
            if !known && !missing.contains(&libcall) {
                missing.push(libcall);
            }
        }
        missing
    }

    /// Where to call something that is not in the text that is being added.
    fn offset(&self, image: &CodeImage, item: Item) -> u32 {
        match item {
            Item::Function(function) => {
                (self.entry(image, function) as usize - image.address(0)) as u32
            }
            Item::Libcall(libcall) => self.libcalls[libcall.index()].load(Ordering::Acquire),
            Item::Draft(_) | Item::Trampoline(_) => unreachable!("functions call no {item:?}"),
        }
    }
}

/// The function that has a number, and its state with that code.
fn state_of(number: u32) -> Option<(DefinedFuncIndex, u8)> {
    match item_of(number)? {
        Item::Function(function) => Some((function, COMPILED)),
        Item::Draft(function) => Some((function, DRAFT)),
        Item::Libcall(_) | Item::Trampoline(_) => None,
    }
}

fn slot(image: &CodeImage, function: DefinedFuncIndex) -> &std::sync::atomic::AtomicUsize {
    lazy::slot(image.words(), function.as_u32() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Compilation, Config, Engine, Instance, Module, Store};
    use std::time::{Duration, Instant};

    const TEXT: &str = r#"(module
        (func $down (export "down") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
                (else (call $loop))))
        (func $loop (result i32) (loop) (i32.const 1))
        (func (export "uncalled") (result i32) (call $down (i32.const 1))))"#;

    fn engine(mode: Compilation) -> Engine {
        Engine::new(Config::new().compilation(mode)).expect("a configuration that works")
    }

    fn states(lazy: &Lazy) -> Vec<u8> {
        lazy.states.iter().map(|state| state.load(Ordering::Relaxed)).collect()
    }

    fn check(module: &Module) {
        let mut store = Store::new(module.engine(), ());
        let instance = Instance::new(&mut store, module, &[]).expect("no imports");
        let down = instance.get_typed_func::<i32, i32>(&mut store, "down").expect("exported");
        assert_eq!(down.call(&mut store, 100).expect("no trap"), 101);
    }

    /// As with threads in the background, which wait.
    #[test]
    fn drafts_are_replaced() {
        let module = Module::new(&engine(Compilation::Lazy), TEXT).expect("valid");
        let image = module.inner().code();
        let lazy = image.lazy().expect("so it was configured");
        lazy.background.pretend();
        check(&module);
        assert_eq!(states(lazy), [DRAFT, COMPILED, WAITING], "no draft of a loop");
        let function = DefinedFuncIndex::from_u32(0);
        let stub = image.address(lazy::stub_offset(0) as u32);
        assert_eq!(lazy.entry(image, function) as usize, stub, "it can still change");
        let draft = slot(image, function).load(Ordering::Relaxed);
        assert_ne!(draft, stub);
        check(&module);

        let saved = module.serialize().expect("it can be");
        for mode in [Compilation::Lazy, Compilation::LazyWithBackground] {
            // SAFETY: as it was serialized.
            let restored = unsafe { Module::deserialize(&engine(mode), &saved) };
            let restored = restored.expect("made by an engine like this");
            let image = restored.inner().code();
            let lazy = image.lazy().expect("as it was");
            let background = mode == Compilation::LazyWithBackground && replaces_drafts();
            let down = if background { DRAFT } else { WAITING };
            assert_eq!(states(lazy), [down, COMPILED, WAITING]);
            check(&restored);
            if !background {
                assert_eq!(states(lazy), [COMPILED, COMPILED, WAITING], "nobody would replace it");
            } else {
                while lazy.state(function).load(Ordering::Acquire) != COMPILED {
                    std::thread::yield_now();
                }
                check(&restored);
            }
        }

        while lazy.background.work(lazy, image) {}
        assert_eq!(states(lazy), [COMPILED, COMPILED, WAITING], "nobody has asked for the last");
        assert_ne!(slot(image, function).load(Ordering::Relaxed), draft);
        assert_ne!(lazy.entry(image, function) as usize, stub);
        check(&module);
    }

    #[test]
    fn the_background_looks_ahead_for_loops() {
        let calls = |next: u32| format!("(func call {next})");
        let text = format!(
            "(module {} {} {} {} (func (loop)) (func (loop call 0)) (func (loop)))",
            calls(1),
            calls(2),
            "(func call 4 call 3)",
            "(func call 5 call 6)",
        );
        let module = Module::new(&engine(Compilation::Lazy), text).expect("valid");
        let image = module.inner().code();
        let lazy = image.lazy().expect("so it was configured");
        lazy.background.pretend();
        assert!(lazy.background.look(lazy, image, DefinedFuncIndex::from_u32(0), 0));
        while lazy.background.work(lazy, image) {}
        let far = [WAITING; 2];
        assert_eq!(states(lazy)[..5], [WAITING, WAITING, WAITING, WAITING, COMPILED]);
        assert_eq!(states(lazy)[5..], far, "four calls away");
    }

    /// Also when the background has nothing else to do any more.
    #[test]
    fn no_draft_stays() {
        for _ in 0..200 {
            let module = Module::new(&engine(Compilation::LazyWithBackground), TEXT);
            let module = module.expect("valid");
            check(&module);
            let image = module.inner().code();
            let begin = Instant::now();
            while image.has_drafts() {
                assert!(begin.elapsed() < Duration::from_secs(60), "nobody replaces it");
                std::thread::yield_now();
            }
        }
    }

    /// It is an error of its own calls alone.
    #[test]
    fn what_cannot_be_compiled_stops_nothing_else() {
        let values = "i32 ".repeat(1000);
        let text = format!(
            "(module (func) (func (param i32) {} block (param {values}) (result {values}) {} end {}) (func))",
            "local.get 0 ".repeat(1000),
            "local.get 0 br_if 0 ".repeat(20_000),
            "drop ".repeat(1000),
        );
        let module = Module::new(&engine(Compilation::Lazy), text).expect("valid");
        let image = module.inner().code();
        let lazy = image.lazy().expect("so it was configured");
        lazy.background.pretend();
        // In one batch with what comes before.
        lazy.background.drafted([0, 1, 2].map(DefinedFuncIndex::from_u32));
        while lazy.background.work(lazy, image) {}
        assert_eq!(states(lazy), [COMPILED, WAITING, COMPILED]);
    }
}
