//! Functions that are compiled when they are first called, and in the background.
//!
//! All that refers to a function of such an image refers to its stub, which goes on where the function's slot says
//! (`palisade_sys::lazy`): calls from other functions, entries of tables, exports. So a function is compiled, its text
//! added to the image, and then its slot written; code that runs meanwhile, on whatever thread, is not touched.
//!
//! Concurrency. Whoever wants a function compiled has to claim it, by changing its state from `WAITING` to `CLAIMED`; so it
//! is compiled once. Others wait for the claim to end: in `COMPILED`, when the slot holds the address, or in `WAITING`
//! again, when compiling has failed and they find out why themselves. A claim ends also if the compiler panics. Nobody
//! waits while holding a claim or a lock, so there is no deadlock. The slot is written, with release order, after the
//! code is published and its tables can be found; a thread that calls through the stub reads either the old value, and
//! asks, or the new one, and runs code that was complete before. On CPUs whose instruction fetch is not coherent,
//! publication flushes the pipelines of all threads before the slot is written.

use super::activation::{note_exit, raise_error, raise_if_interrupted, raise_panic};
use super::artifact::{Artifact, FunctionRow, Part};
use super::code::{CodeImage, item_of};
use crate::error::{Error, Result};
use crate::module_meta::ModuleMeta;
use palisade_compile::{CompiledFunction, Compiler, Item, Text};
use palisade_environ::{DefinedFuncIndex, EntityIndex, Libcall, ModuleBytes};
use palisade_sys::lazy::{self, Resolved};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// Nobody has compiled the function.
const WAITING: u8 = 0;
/// Somebody is at it.
const CLAIMED: u8 = 1;
/// Its slot holds its address.
const COMPILED: u8 = 2;

/// Address space for code, for each byte of function bodies. It was measured to be up to 5 for large programs; vectors
/// and handlers of exceptions can take more. What is not used costs nothing.
const CODE_PER_BYTE: usize = 64;

/// Address space for code that even the smallest module gets, for the trampolines of libcalls.
const MINIMUM_CODE: usize = 1 << 20;

/// Address space for code that the largest module gets: what calls can span, and the displacements of stubs.
const MAXIMUM_CODE: usize = if cfg!(target_arch = "x86_64") { 1 << 30 } else { 120 << 20 };

/// Stack that is enough for the compiler. Less, and it gets a stack of its own.
const COMPILER_STACK: usize = 1 << 20;

/// The stack that it gets then.
const OWN_STACK: usize = 4 << 20;

/// Bytes of function bodies that the background compiles before it publishes them. A thread that waits for one of these
/// functions waits for all, which should take no longer than a few milliseconds.
const BATCH_BYTES: usize = 4 << 10;

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
    wanted: Mutex<Wanted>,
    /// The image itself, if the background is to begin with the next function that is compiled on demand.
    idle: Mutex<Weak<CodeImage>>,
}

/// What the background compiles next.
#[derive(Default)]
struct Wanted {
    /// Called by what was compiled on demand; the newest first.
    soon: Vec<DefinedFuncIndex>,
    /// Called by what the background has compiled; the oldest first.
    later: VecDeque<DefinedFuncIndex>,
    /// From here on in the order of the module.
    rest: u32,
}

/// An image of the module that `meta` describes, of which nothing is compiled yet.
pub(crate) fn reserve(
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
        wanted: Mutex::default(),
        idle: Mutex::default(),
    };
    let body_bytes: usize = meta.info.bodies.values().map(|body| body.len()).sum();
    let capacity = body_bytes.saturating_mul(CODE_PER_BYTE).clamp(MINIMUM_CODE, MAXIMUM_CODE);
    let capacity = capacity + lazy::stub_bytes(functions) + palisade_sys::page_size();
    let words = lazy::stub_words(functions);
    let image = CodeImage::reserve(compiler, words, capacity, Some(meta), Some(lazy))?;
    let mut stubs = lazy::stubs(functions);
    // What comes from a file is whole pages.
    stubs.resize(stubs.len().next_multiple_of(palisade_sys::page_size()), 0);
    image.add(|_| Ok(Text { bytes: stubs, ..Text::default() }))?;
    // The image does not move, and outlives everything that calls a stub.
    let context = Arc::as_ptr(&image).cast();
    lazy::fill_words(image.words(), image.address(0), resolve, context);
    Ok(image)
}

/// As [`reserve`], of which that is compiled which `artifact` has.
pub(crate) fn restore(
    compiler: &Arc<Compiler>,
    artifact: &Artifact,
    meta: Arc<ModuleMeta>,
    bytes: ModuleBytes,
) -> Result<Arc<CodeImage>> {
    let image = reserve(compiler, meta, bytes)?;
    let lazy = image.lazy().expect("just made so");
    let added = image.add_artifact(artifact, Part::Functions)?;
    lazy.resolve(&image, added);
    for [item, ..] in added {
        if let Some(Item::Function(function)) = item_of(*item) {
            lazy.state(function).store(COMPILED, Ordering::Release);
        }
    }
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

/// Begins to compile all functions of `image` on other threads, as long as somebody else owns it. What is exported comes
/// first. Does nothing on a machine with one CPU, where it would only get in the way.
pub(crate) fn compile_in_background(image: &Arc<CodeImage>) {
    let (Some(lazy), Some(meta)) = (image.lazy(), image.meta()) else { return };
    let info = &meta.info;
    let exported = info.exports.iter().filter_map(|export| match export.item {
        EntityIndex::Func(func) => Some(func),
        _ => None,
    });
    let entered = info.start.into_iter().chain(exported);
    lazy.wanted().later = entered.filter_map(|func| info.defined_func(func)).collect();
    for _ in 1..rayon::current_num_threads() {
        go_on(Arc::downgrade(image));
    }
}

/// As [`compile_in_background`], but not before a function is missed: when much of a module was compiled before, that may
/// be all that is needed, and the background would only be in the way.
pub(crate) fn compile_in_background_if_needed(image: &Arc<CodeImage>) {
    if let Some(lazy) = image.lazy() {
        *lazy.idle() = Arc::downgrade(image);
    }
}

/// One batch at a time, so that other users of the thread pool get their turn.
fn go_on(image: Weak<CodeImage>) {
    rayon::spawn_fifo(move || {
        let Some(strong) = image.upgrade() else { return };
        let lazy = strong.lazy().expect("asked for by such images only");
        if lazy.compile_batch(&strong) {
            drop(strong);
            go_on(image);
        }
    });
}

/// The end of some claims, also by a panic.
struct Claims<'a> {
    lazy: &'a Lazy,
    functions: Vec<DefinedFuncIndex>,
    outcome: u8,
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        for function in &self.functions {
            self.lazy.state(*function).store(self.outcome, Ordering::Release);
        }
        let _guard = self.lazy.claims.lock().unwrap_or_else(PoisonError::into_inner);
        self.lazy.claim_ended.notify_all();
    }
}

impl Lazy {
    fn state(&self, function: DefinedFuncIndex) -> &AtomicU8 {
        &self.states[function.as_u32() as usize]
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Weak<CodeImage>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, function: DefinedFuncIndex) -> Result<(), u8> {
        self.state(function)
            .compare_exchange(WAITING, CLAIMED, Ordering::Acquire, Ordering::Acquire)
            .map(drop)
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
            match self.claim(function) {
                Ok(()) => {
                    let claims = Claims { lazy: self, functions: vec![function], outcome: WAITING };
                    let callees = self.compile_claimed(image, claims)?;
                    let idle = std::mem::take(&mut *self.idle()).upgrade();
                    idle.iter().for_each(compile_in_background);
                    self.wanted().soon.extend(callees.into_iter().rev());
                }
                Err(COMPILED) => return Ok(slot(image, function).load(Ordering::Acquire)),
                Err(_) => {
                    let mut guard = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
                    while self.state(function).load(Ordering::Acquire) == CLAIMED {
                        let waited = self.claim_ended.wait(guard);
                        guard = waited.unwrap_or_else(PoisonError::into_inner);
                    }
                }
            }
        }
    }

    /// Compiles some functions; whether there may be more.
    fn compile_batch(&self, image: &CodeImage) -> bool {
        let bodies = &image.meta().expect("of a module").info.bodies;
        let mut claims = Claims { lazy: self, functions: Vec::new(), outcome: WAITING };
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let Some(function) = self.next_wanted() else { break };
            if self.claim(function).is_ok() {
                bytes += bodies[function].len();
                claims.functions.push(function);
            }
        }
        if claims.functions.is_empty() {
            return false;
        }
        // A failure shows again when the function is called.
        if let Ok(Ok(callees)) =
            catch_unwind(AssertUnwindSafe(|| self.compile_claimed(image, claims)))
        {
            self.wanted().later.extend(callees);
        }
        true
    }

    fn next_wanted(&self) -> Option<DefinedFuncIndex> {
        let mut wanted = self.wanted();
        if let Some(function) = wanted.soon.pop() {
            return Some(function);
        }
        if let Some(function) = wanted.later.pop_front() {
            return Some(function);
        }
        let function = wanted.rest;
        wanted.rest += u32::from((function as usize) < self.states.len());
        ((function as usize) < self.states.len()).then(|| DefinedFuncIndex::from_u32(function))
    }

    /// Compiles functions and publishes them; what they call that nobody has compiled.
    fn compile_claimed(
        &self,
        image: &CodeImage,
        mut claims: Claims<'_>,
    ) -> Result<Vec<DefinedFuncIndex>> {
        let info = &image.meta().expect("of a module").info;
        let mut compiled = self.compiler.compile_serially(info, &self.bytes, &claims.functions)?;
        let text = |start| {
            // Another thread may be about to tell where its trampoline of the same libcall is; then there are two.
            let missing = self.missing_libcalls(&compiled);
            compiled.extend(self.compiler.compile_libcalls(&missing)?);
            Ok(Text::lay_out(&compiled, start, |item| self.offset(image, item))?)
        };
        let added = image.add(text)?;
        self.resolve(image, added);
        claims.outcome = COMPILED;
        let callees = compiled.iter().flat_map(CompiledFunction::callees);
        let functions = callees.filter_map(|item| match item {
            Item::Function(function) => Some(function),
            _ => None,
        });
        let waiting =
            |function: &DefinedFuncIndex| self.state(*function).load(Ordering::Relaxed) == WAITING;
        Ok(functions.filter(waiting).collect())
    }

    /// Lets calls reach functions that were added to the image.
    fn resolve(&self, image: &CodeImage, added: &[FunctionRow]) {
        for [item, start, _] in added {
            match item_of(*item) {
                Some(Item::Function(function)) => {
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
            Item::Trampoline(_) => unreachable!("functions call no trampolines of types"),
        }
    }
}

fn slot(image: &CodeImage, function: DefinedFuncIndex) -> &std::sync::atomic::AtomicUsize {
    lazy::slot(image.words(), function.as_u32() as usize)
}
