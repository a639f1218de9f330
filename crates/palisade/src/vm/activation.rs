//! Calls from the host into wasm, and the ways out of them.
//!
//! An [`Activation`] is one such call in progress. It is a record on the Rust stack that whoever calls compiled code
//! completes with its landing pad, and that exit trampolines tell where wasm was left. Activations of a thread form a
//! list, newest first, which backtraces and the fault handler follow.
//!
//! Wasm is left without returning in two ways only: the fault handler redirects a faulting instruction to the landing
//! pad, or an exit trampoline goes there because a Rust function has set `raise`. In both cases only compiled frames are
//! abandoned; no Rust frame is ever skipped.

use super::instance::InstanceData;
use super::native::{FromRaw, IntoAbi, fits_registers};
use super::store::{FuncPtr, StoreCtx, StoreOpaque, activation_of};
use super::trampolines::trampoline;
use super::{CodePlace, ValRaw, WasmParams, WasmResults};
use super::{exception, registry};
use crate::ThrownException;
use crate::backtrace::WasmBacktrace;
use crate::error::{Error, Result};
use crate::module_meta::ModuleMeta;
use palisade_compile::TrampolineKind;
use palisade_environ::{ExitPlace, Trap, VmActivation, VmCtxHeader, VmLanding, VmRaise};
use palisade_sys::enter::{Arguments, Returned};
use palisade_sys::{Fault, Landing};
use std::any::Any;
use std::cell::Cell;
use std::mem::{MaybeUninit, offset_of};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{Ordering, compiler_fence};

/// Stack that host functions can count on when wasm calls them, as far as the thread's stack allows.
const HOST_HEADROOM: usize = 256 << 10;

/// Frames that a backtrace holds at most.
const MAX_FRAMES: usize = 64;

/// One call from the host into wasm. What is not known yet is not initialised: entering is a matter of few stores.
#[repr(C)]
pub(super) struct Activation {
    vm: VmActivation,
    /// The store, derived from the exclusive reference under which wasm was entered.
    store: *mut StoreOpaque,
    /// The next older activation of this thread.
    previous: *mut Activation,
}

thread_local! {
    /// The newest activation of this thread.
    static CURRENT: Cell<*mut Activation> = const { Cell::new(ptr::null_mut()) };
}

/// Why wasm was left for the landing pad. Plain data, because the fault handler writes it.
pub(super) struct Failure {
    /// The fault, unless `raised` tells more.
    trap: Option<Trap>,
    /// What a Rust function has raised.
    raised: Option<Raised>,
    /// The frames, innermost first; `frame_count` of them are valid.
    frames: [FramePlace; MAX_FRAMES],
    frame_count: usize,
}

/// Where a wasm frame is: plain data that a signal handler can record.
#[derive(Clone, Copy)]
struct FramePlace {
    /// An address inside the instruction in progress, or the bits of an [`ExitPlace`].
    pc: usize,
    /// With an [`ExitPlace`], the vmctx of the function.
    vmctx: usize,
}

impl FramePlace {
    const NONE: FramePlace = FramePlace::at(0);

    /// At an address, which what is found on the stack may not be: then at none, but not at an [`ExitPlace`] either.
    const fn at(pc: usize) -> FramePlace {
        FramePlace { pc: pc & (usize::MAX >> 1), vmctx: 0 }
    }

    /// Function and instruction, unless this is no wasm frame.
    ///
    /// # Safety
    ///
    /// The instance that the frame belongs to must be live.
    unsafe fn resolve(self) -> Option<(Arc<ModuleMeta>, CodePlace)> {
        if let Some(place) = ExitPlace::from_bits(self.pc as u64) {
            // SAFETY: by the contract; compiled code has written its own vmctx.
            let module = unsafe { InstanceData::module_of(self.vmctx as *mut VmCtxHeader) };
            let place = CodePlace { func: place.func, offset: Some(place.offset as usize) };
            return Some((module.meta().clone(), place));
        }
        registry::with_image(self.pc, |image| {
            Some((image.meta()?.clone(), image.place_of(self.pc)?))
        })
    }
}

enum Raised {
    Error(Error),
    Panic(Box<dyn Any + Send>),
}

impl Default for Failure {
    fn default() -> Self {
        Failure { trap: None, raised: None, frames: [FramePlace::NONE; MAX_FRAMES], frame_count: 0 }
    }
}

/// Installs the process-wide handlers of faults and interrupts.
pub(crate) fn install_handlers() {
    palisade_sys::install_fault_handler(on_fault);
    palisade_sys::install_interrupt_handler(on_interrupt);
}

/// Calls a wasm function with values of Rust's types.
///
/// # Errors
///
/// When the function traps or a host function that it calls fails.
///
/// # Safety
///
/// `code` and `vmctx` must be those of a wasm function of `store` whose types are `P` and `R`, all of which travel in
/// registers.
#[inline(always)]
pub(crate) unsafe fn call_typed<P: WasmParams, R: WasmResults>(
    store: &mut StoreOpaque,
    code: *const u8,
    vmctx: *mut u8,
    params: P,
) -> Result<R> {
    let params = params.into_abi(store)?;
    // The first activation of a thread has code of its own, in which what is restored afterwards is known. Else each
    // call would wait until the last one's value has gone through memory twice.
    let raw = match CURRENT.get().is_null() {
        // SAFETY: by this function's contract.
        true => unsafe { enter_typed::<P, R>(store, Around::NOTHING, code, vmctx, params)? },
        // SAFETY: likewise.
        false => unsafe { enter_nested::<P, R>(store, code, vmctx, params)? },
    };
    Ok(R::from_raw(raw, store))
}

/// # Safety
///
/// As for [`call_typed`].
#[inline(never)]
unsafe fn enter_nested<P: WasmParams, R: WasmResults>(
    store: &mut StoreOpaque,
    code: *const u8,
    vmctx: *mut u8,
    params: P::Abi,
) -> Result<R::Raw> {
    let around = Around::now(store);
    // SAFETY: by this function's contract.
    unsafe { enter_typed::<P, R>(store, around, code, vmctx, params) }
}

/// # Safety
///
/// As for [`call_typed`].
#[inline(always)]
unsafe fn enter_typed<P: WasmParams, R: WasmResults>(
    store: &mut StoreOpaque,
    around: Around,
    code: *const u8,
    vmctx: *mut u8,
    params: P::Abi,
) -> Result<R::Raw> {
    assert!(P::IN_REGISTERS && R::RETURNED_IN_REGISTERS);
    let mut arguments = Arguments::new();
    P::pass(params, &mut arguments);
    // SAFETY: by this function's contract.
    enter(store, around, |activation| unsafe {
        R::take(&mut call_in_registers(activation, code, vmctx, arguments))
    })
}

/// Calls a wasm function.
///
/// # Safety
///
/// To be called by [`enter`] with its activation. All parameters of the function at `code`, which takes `vmctx`, must be in
/// `arguments`, and its results travel in registers.
#[inline(always)]
unsafe fn call_in_registers(
    activation: *mut VmActivation,
    code: *const u8,
    vmctx: *mut u8,
    arguments: Arguments,
) -> Returned {
    const {
        assert!(size_of::<VmLanding>() == size_of::<Landing>());
        assert!(offset_of!(VmLanding, pc) == offset_of!(Landing, pc));
        assert!(offset_of!(VmLanding, sp) == offset_of!(Landing, sp));
        assert!(offset_of!(VmLanding, fp) == offset_of!(Landing, fp));
    }
    // SAFETY: by this function's contract; landings are the same in both crates, and only compiled frames are abandoned.
    unsafe {
        let landing = (&raw mut (*activation).landing).cast::<Landing>();
        palisade_sys::enter::enter(code, vmctx, landing, arguments)
    }
}

/// Calls `func` with values in slots: parameters in, results out.
///
/// # Errors
///
/// When the function traps or a host function fails.
///
/// # Panics
///
/// If there are fewer slots than parameters or results.
pub(crate) fn call_array(
    store: &mut StoreOpaque,
    func: FuncPtr,
    slots: &mut [ValRaw],
) -> Result<()> {
    let signature = func.ty(store).signature();
    let (params, results) = (&signature.params, &signature.results);
    assert!(slots.len() >= params.len().max(results.len()));
    if func.is_host(store) {
        return super::host_func::call_from_host(store, func, slots);
    }
    let (code, vmctx) = {
        let func = func.get(store);
        (func.code, func.vmctx)
    };
    if !fits_registers(signature) {
        let compiler = store.engine().compiler();
        let entry = trampoline(compiler, func.ty(store), TrampolineKind::Entry)?;
        type Entry = unsafe extern "C" fn(*mut VmActivation, *const u8, *mut u8, *mut ValRaw);
        // SAFETY: this is the type of every entry trampoline.
        let entry = unsafe { std::mem::transmute::<*const u8, Entry>(entry) };
        let (around, slots) = (Around::now(store), slots.as_mut_ptr());
        // SAFETY: the trampoline belongs to the function's type, and there are enough slots (asserted above).
        return enter(store, around, |activation| unsafe { entry(activation, code, vmctx, slots) });
    }
    let mut arguments = Arguments::new();
    for (slot, ty) in slots.iter().zip(params) {
        slot.pass(ty, &mut arguments);
    }
    let around = Around::now(store);
    // SAFETY: these are the function's parameters, and its results travel in registers too (checked above).
    let mut returned = enter(store, around, |activation| unsafe {
        call_in_registers(activation, code, vmctx, arguments)
    })?;
    let signature = func.ty(store).signature();
    for (slot, ty) in slots.iter_mut().zip(&signature.results) {
        *slot = ValRaw::take(ty, &mut returned);
    }
    Ok(())
}

/// What a new activation is within; null where there is nothing.
#[derive(Clone, Copy)]
struct Around {
    /// The innermost activation of the store.
    outer: *mut VmActivation,
    /// The newest of the thread.
    previous: *mut Activation,
}

impl Around {
    /// If no wasm is on the thread's stack. (Nor is there any of the store on another thread's: what lends the store to a
    /// host function stays on its thread.)
    const NOTHING: Around = Around { outer: ptr::null_mut(), previous: ptr::null_mut() };

    fn now(store: &StoreOpaque) -> Around {
        // SAFETY: the context lives as long as the store, and only this thread uses it.
        let outer = unsafe { (*store.ctx().as_ptr()).vm.activation.load(Ordering::Relaxed) };
        Around { outer, previous: CURRENT.get() }
    }
}

/// Runs `call`, which enters wasm, as a new activation within what is `around` now.
#[inline(always)]
fn enter<R>(
    store: &mut StoreOpaque,
    around: Around,
    call: impl FnOnce(*mut VmActivation) -> R,
) -> Result<R> {
    let ctx = store.ctx().as_ptr();
    let here = palisade_sys::frame_address();
    debug_assert_eq!(around.outer.is_null(), !store.is_active());
    if around.outer.is_null() {
        if !store.refs.caught.is_empty() {
            store.forget_caught();
        }
    // SAFETY: the context lives as long as the store, which this function borrows, and only this thread uses it.
    } else if here < unsafe { (*ctx).vm.stack_limit } {
        return Err(Trap::StackOverflow.into());
    }
    let mut activation = MaybeUninit::<Activation>::uninit();
    let pointer = activation.as_mut_ptr();
    // SAFETY: as above; and the fields written are those of a local.
    unsafe {
        if cfg!(debug_assertions) {
            (*pointer).vm.exit_fp = 0;
        }
        (*pointer).store = store;
        (*pointer).previous = around.previous;
        (*ctx).vm.activation.store(pointer.cast(), Ordering::Relaxed);
    }
    CURRENT.set(pointer);
    if around.outer.is_null() {
        // Interrupts that are requested from here on find the store active; earlier ones have changed the place.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as above.
        let (entered, low) = unsafe { (&(*ctx).limited_for.0, (*ctx).limited_for.1) };
        if (entered.load(Ordering::Relaxed) != here || low != palisade_sys::thread_stack_low())
            // SAFETY: as above.
            && let Err(error) = unsafe { limit_stack(ctx, here) }
        {
            CURRENT.set(around.previous);
            // SAFETY: as above.
            unsafe { (*ctx).vm.activation.store(ptr::null_mut(), Ordering::Relaxed) };
            return Err(error);
        }
    }
    let result = call(pointer.cast());
    CURRENT.set(around.previous);
    // Read again, because to keep it over the call would be one store more.
    // SAFETY: the field of the local was written above; the rest as above.
    let ctx = unsafe { StoreOpaque::ctx_of((*pointer).store) };
    // SAFETY: as above.
    let raised = unsafe {
        (*ctx).vm.activation.store(around.outer, Ordering::Relaxed);
        (*ctx).vm.raise.pending
    };
    if raised != 0 {
        return Err(take_failure(ctx));
    }
    Ok(result)
}

/// Sets how far wasm that is entered at `here` may grow the stack of this thread.
///
/// # Safety
///
/// `ctx` must be the context of a live store that only this thread uses.
#[cold]
#[inline(never)]
unsafe fn limit_stack(ctx: *mut StoreCtx, here: usize) -> Result<()> {
    let low = palisade_sys::prepare_thread()
        .map_err(|e| Error::resource(format!("cannot prepare the thread for wasm: {e}")))?
        .low;
    let available = here.saturating_sub(low);
    let headroom = HOST_HEADROOM.min(available / 2);
    // SAFETY: by this function's contract.
    unsafe {
        (*ctx).vm.stack_limit = (low + headroom).max(here.saturating_sub((*ctx).max_wasm_stack));
        (*ctx).limited_for.1 = low;
        (*ctx).limited_for.0.store(here, Ordering::SeqCst);
        // In this order: whoever requests an interrupt makes the place invalid after it has set the flag.
        if take_interrupt(ctx) {
            return Err(Trap::Interrupt.into());
        }
    }
    Ok(())
}

/// Whether an interrupt was requested, which happens now.
///
/// # Safety
///
/// `ctx` must be the context of a live store that only this thread uses.
pub(super) unsafe fn take_interrupt(ctx: *mut StoreCtx) -> bool {
    // SAFETY: by this function's contract.
    unsafe { (*ctx).vm.interrupted.swap(0, Ordering::SeqCst) != 0 }
}

/// As [`raise_error`] if an interrupt was requested; whether it was.
///
/// # Safety
///
/// As for [`raise_error`].
#[inline]
pub(super) unsafe fn raise_if_interrupted(ctx: *mut StoreCtx) -> bool {
    // SAFETY: by this function's contract the context is live.
    if unsafe { (*ctx).vm.interrupted.load(Ordering::Relaxed) } == 0 {
        return false;
    }
    // SAFETY: likewise, and only this thread uses it.
    let taken = unsafe { take_interrupt(ctx) };
    if taken {
        // SAFETY: by this function's contract.
        unsafe { raise_error(ctx, Trap::Interrupt.into()) };
    }
    taken
}

/// The store in whose innermost activation the current Rust function was called by compiled code.
///
/// # Safety
///
/// `ctx` must be the context of such a store.
#[inline]
pub(super) unsafe fn store_of(ctx: *mut StoreCtx) -> *mut StoreOpaque {
    // SAFETY: by this function's contract there is an activation, which is a live local of `enter`.
    unsafe { (*activation_of(ctx)).store }
}

/// Where on the current thread's stack the frames of a store's wasm begin, if there are any: the address of its outermost
/// activation.
pub(super) fn stack_base(ctx: *mut StoreCtx) -> Option<usize> {
    let mut base = None;
    let mut activation = CURRENT.get();
    while !activation.is_null() {
        // SAFETY: the list consists of live locals of `enter`, whose callers lend them their stores.
        unsafe {
            if StoreOpaque::ctx_of((*activation).store) == ctx {
                base = Some(activation.addr());
            }
            activation = (*activation).previous;
        }
    }
    base
}

/// Turns what was recorded into an error, or lets a host function's panic go on.
#[cold]
#[inline(never)]
fn take_failure(ctx: *mut StoreCtx) -> Error {
    // SAFETY: the context is that of the store whose activation has just ended; nobody else uses it.
    let failure = unsafe {
        (*ctx).vm.raise.pending = 0;
        &mut (*ctx).failure
    };
    let frames = failure.frames[..failure.frame_count].to_vec();
    failure.frame_count = 0;
    let error = match (failure.raised.take(), failure.trap.take()) {
        (Some(Raised::Panic(payload)), _) => std::panic::resume_unwind(payload),
        (Some(Raised::Error(error)), _) => error,
        (None, Some(trap)) => trap.into(),
        (None, None) => unreachable!("whoever raises says why"),
    };
    if error.has_backtrace() {
        return error;
    }
    // SAFETY: instances live as long as their stores, and the stores of all activations on this stack are in use.
    let frames: Vec<_> = frames.into_iter().filter_map(|f| unsafe { f.resolve() }).collect();
    if frames.is_empty() { error } else { error.with_backtrace(WasmBacktrace::new(frames)) }
}

/// The wasm frames that are active on this thread while a host function runs.
pub(crate) fn capture_backtrace() -> WasmBacktrace {
    let mut frames = Vec::new();
    let newest = CURRENT.get();
    if !newest.is_null() {
        // SAFETY: the list of this thread's activations consists of live locals of `enter`; a host function runs, so
        // the newest has been left through an exit trampoline.
        unsafe { walk_from_exit(newest, &mut |frame| frames.push(frame)) };
    }
    // SAFETY: the stores of all activations on this stack are in use, and instances live as long as they.
    let frames = frames.into_iter().filter_map(|frame: FramePlace| unsafe { frame.resolve() });
    WasmBacktrace::new(frames.collect())
}

/// Notes for the newest activation of this thread where wasm is left, as exit trampolines do; the context of its store.
///
/// # Safety
///
/// Compiled code must have called the current Rust function, through a frame at `fp` that returns to `pc`.
pub(super) unsafe fn note_exit(pc: usize, fp: usize) -> *mut StoreCtx {
    let newest = CURRENT.get();
    // SAFETY: compiled code runs on this thread, so its newest activation is a live local of `enter`.
    unsafe {
        (*newest).vm.exit_pc = pc;
        (*newest).vm.exit_fp = fp;
        StoreOpaque::ctx_of((*newest).store)
    }
}

/// Makes the exit trampoline through which a Rust function was called leave for the landing pad.
///
/// # Safety
///
/// `ctx` must be the context of a store in whose innermost activation wasm has called the current Rust function.
pub(super) unsafe fn raise_error(ctx: *mut StoreCtx, error: Error) {
    // SAFETY: by this function's contract the store is live, and whoever entered wasm waits.
    let store = unsafe { &mut *store_of(ctx) };
    let ours = error.downcast_ref::<ThrownException>().is_some_and(|thrown| thrown.is_of(store));
    match store.refs.pending.take_if(|_| ours) {
        // SAFETY: by this function's contract.
        Some(exception) => unsafe { exception::throw_handle(ctx, store, exception, Some(error)) },
        // SAFETY: by this function's contract.
        None => unsafe { raise(ctx, Raised::Error(error)) },
    }
}

/// As [`raise_error`], for an exception that no handler of the activation catches.
///
/// # Safety
///
/// As for [`raise_error`].
pub(super) unsafe fn raise_uncaught(ctx: *mut StoreCtx, error: Error) {
    // SAFETY: by this function's contract.
    unsafe { raise(ctx, Raised::Error(error)) }
}

/// As [`raise_error`], for a panic that travels on from the landing pad.
///
/// # Safety
///
/// As for [`raise_error`].
pub(super) unsafe fn raise_panic(ctx: *mut StoreCtx, payload: Box<dyn Any + Send>) {
    // SAFETY: by this function's contract.
    unsafe { raise(ctx, Raised::Panic(payload)) }
}

unsafe fn raise(ctx: *mut StoreCtx, what: Raised) {
    let activation = activation_of(ctx);
    // SAFETY: the context belongs to a live store that only this thread uses.
    let failure = unsafe { &mut (*ctx).failure };
    failure.trap = None;
    failure.raised = Some(what);
    failure.frame_count = 0;
    // SAFETY: by the contract, the activation is live and was left through an exit trampoline.
    unsafe { walk_from_exit(activation, &mut |frame| failure.push(frame)) };
    // SAFETY: as above; the landing was completed before wasm was called.
    unsafe {
        let landing = (*activation).vm.landing;
        (*ctx).vm.raise = VmRaise { landing, payload: [0; 2], pending: 1, after: 1 };
    }
}

impl Failure {
    fn push(&mut self, frame: FramePlace) {
        if self.frame_count < MAX_FRAMES {
            self.frames[self.frame_count] = frame;
            self.frame_count += 1;
        }
    }
}

/// The fault handler's question: is this a trap of wasm? Runs in signal context: touches only this thread's records,
/// the immutable code registry and the guest's stack frames.
fn on_fault(fault: &Fault) -> Option<Landing> {
    let newest = CURRENT.try_with(Cell::get).ok()?;
    if newest.is_null() {
        return None;
    }
    let trap = registry::with_image(fault.pc, |image| image.trap_at(fault.pc))?;
    // SAFETY: compiled code keeps frame pointers, and traps lie behind a function's prologue, so `fp` is the frame of
    // the function that has trapped. Wasm runs, so the newest activation is a live local of `enter` below us on the stack.
    Some(unsafe { leave(newest, trap, fault) })
}

/// The interrupt handler's question: is the wasm that was interrupted to be left? Runs in signal context, as [`on_fault`].
fn on_interrupt(place: &Fault) -> Option<Landing> {
    // In any other code, what is read below may be half written.
    registry::with_image(place.pc, |image| image.place_of(place.pc))?;
    let newest = CURRENT.try_with(Cell::get).ok()?;
    if newest.is_null() {
        return None;
    }
    // SAFETY: wasm runs on this thread, so its newest activation is a live local of `enter` below us on the stack, and
    // its store lives.
    let ctx = unsafe { StoreOpaque::ctx_of((*newest).store) };
    // What a host function has raised comes first, and what it called from may be on the way to it.
    // SAFETY: as above.
    if unsafe { (*ctx).vm.raise.pending } != 0 || !unsafe { take_interrupt(ctx) } {
        return None;
    }
    // SAFETY: as above. What the frame pointer refers to is not known in prologues; `walk` is prepared for that.
    Some(unsafe { leave(newest, Trap::Interrupt, place) })
}

/// Notes why the wasm at `place` is left, and where it goes on.
///
/// # Safety
///
/// `newest` must be this thread's newest activation, in which wasm runs at `place`, whose frame pointer is that of a
/// compiled function's frame, or of whoever entered wasm.
unsafe fn leave(newest: *mut Activation, trap: Trap, place: &Fault) -> Landing {
    // SAFETY: by this function's contract; compiled code does not touch `failure`.
    let failure = unsafe { &mut (*StoreOpaque::ctx_of((*newest).store)).failure };
    failure.trap = Some(trap);
    failure.frame_count = 0;
    // SAFETY: by this function's contract.
    unsafe {
        walk(FramePlace::at(place.pc), place.fp, newest, &mut |frame| failure.push(frame));
    }
    // SAFETY: as above; and the landing was completed before wasm was called.
    let landing = unsafe {
        (*StoreOpaque::ctx_of((*newest).store)).vm.raise.pending = 1;
        (*newest).vm.landing
    };
    Landing { pc: landing.pc, sp: landing.sp, fp: landing.fp }
}

/// Where the wasm frame that was left last is returned to, its frame pointer, and that of whoever entered wasm. A call
/// without trampoline has no return address that matters: then it is the caller's frame.
///
/// # Safety
///
/// As for [`exit_of`]; wasm must have been left.
pub(super) unsafe fn activation_exit(activation: *const Activation) -> (usize, usize, usize) {
    // SAFETY: by this function's contract the activation was left. What was noted is a frame of compiled code that is
    // still on the stack: of the trampoline, or of the function itself. It begins with the caller's frame pointer and
    // return address.
    unsafe {
        let vm = &raw const (*activation).vm;
        let record = (*vm).exit_fp as *const usize;
        let direct = ExitPlace::from_bits((*vm).exit_pc as u64).is_some();
        let return_address = if direct { *record.add(1) } else { (*vm).exit_pc };
        (return_address, *record, (*vm).landing.fp)
    }
}

/// Visits wasm frames from the newest exit of `activation` outwards. See [`walk`].
///
/// # Safety
///
/// `activation` must be live and have been left for a Rust function that is still on the stack.
unsafe fn walk_from_exit(activation: *const Activation, visit: &mut dyn FnMut(FramePlace)) {
    // SAFETY: by this function's contract; what was noted at the exit is a compiled function's frame.
    unsafe {
        let (frame, fp) = exit_of(activation);
        walk(frame, fp, activation, visit);
    }
}

/// The wasm frame that was left last, with its frame pointer.
///
/// # Safety
///
/// `activation` must be live, and wasm left for a Rust function that is still on the stack.
unsafe fn exit_of(activation: *const Activation) -> (FramePlace, usize) {
    // SAFETY: by this function's contract, so that what is written on the way out was written.
    unsafe {
        let exit = &raw const (*activation).vm;
        let (pc, fp) = ((*exit).exit_pc, (*exit).exit_fp);
        debug_assert_ne!(fp, 0, "wasm was not left");
        if ExitPlace::from_bits(pc as u64).is_some() {
            return (FramePlace { pc, vmctx: (*exit).exit_vmctx }, fp);
        }
        // An exit trampoline's frame, which is still on the stack, begins with its wasm caller's frame pointer. The
        // address before the return address lies in the call.
        (FramePlace::at(pc - 1), *(fp as *const usize))
    }
}

/// Visits the frame at `frame` and `fp` and all older wasm frames of this thread, innermost first.
///
/// In a prologue, what `fp` points to may not be a frame yet, but whatever the guest has left there. So each frame must lie
/// between the last and the end of the activation; if one does not, the rest of the activation is left out.
///
/// # Safety
///
/// `fp` must be the frame pointer of a compiled function called from `activation`, or of whoever called that function.
unsafe fn walk(
    mut frame: FramePlace,
    mut fp: usize,
    mut activation: *const Activation,
    visit: &mut dyn FnMut(FramePlace),
) {
    // Bounded, so that even a damaged stack cannot hang the handler.
    let mut left = 10_000;
    loop {
        // SAFETY: activations are live (contract), and the landing was written when wasm was entered.
        let end = unsafe { (*activation).vm.landing.fp };
        while fp < end && fp.is_multiple_of(align_of::<usize>()) && left > 0 {
            visit(frame);
            let record = fp as *const usize;
            // SAFETY: these two words are on the stack of this thread: above a compiled function's frame pointer, and at
            // most at the end, where the words of whoever entered wasm are.
            let (next, pc) = unsafe { (*record, *record.add(1)) };
            frame = FramePlace::at(pc.wrapping_sub(1));
            if next <= fp {
                break;
            }
            fp = next;
            left -= 1;
        }
        // SAFETY: as above.
        activation = unsafe { (*activation).previous };
        if activation.is_null() || left == 0 {
            return;
        }
        // SAFETY: an older activation is waiting for a Rust function, for which wasm was left.
        (frame, fp) = unsafe { exit_of(activation) };
    }
}
