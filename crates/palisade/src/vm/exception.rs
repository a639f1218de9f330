//! Throwing and catching.
//!
//! A throw looks for a handler frame by frame, by return address, among the frames of the innermost activation; the
//! trampoline through which the throwing function was called then continues there. Without a handler the activation ends
//! with an error, which goes on as an exception where a host function returns it.
//!
//! Exceptions are freed without a collection where that is possible: an exception that no reference was given out to is
//! spent once a handler has read its values. Handlers of the older proposal may throw an exception again, so theirs are
//! kept until the same handler of the same frame runs again, or its frame is known to be gone.

use super::ValRaw;
use super::activation::{Activation, activation_exit, raise_uncaught};
use super::refs::{Caught, Exception, Handle, RootedRef};
use super::registry;
use super::store::{StoreCtx, StoreOpaque, activation_of};
use crate::error::{Error, Result};
use crate::{FuncType, ThrownException, Val};
use palisade_environ::{Catch, Keep, TagType, VmCtxHeader, VmLanding, VmRaise, VmTag};

/// A tag of a store. Its first field is what instances point to.
#[repr(C)]
pub(crate) struct TagData {
    vm: VmTag,
    ty: TagType,
}

impl TagData {
    /// Makes a tag in `store` and returns its index.
    pub(crate) fn create(store: &mut StoreOpaque, ty: TagType) -> u32 {
        let index = store.tags.len() as u32;
        store.tags.push(Box::new(TagData { vm: VmTag(index.into()), ty }));
        index
    }

    /// Its type.
    pub(crate) fn ty(&self) -> &TagType {
        &self.ty
    }

    /// What instances point to.
    pub(super) fn vm(&self) -> *const VmTag {
        &raw const self.vm
    }
}

/// Where an exception goes on.
struct Target {
    landing: VmLanding,
    keep: Keep,
}

impl StoreOpaque {
    /// Makes an exception for the host.
    ///
    /// # Errors
    ///
    /// When number or types of the values are not those of the tag.
    pub(crate) fn new_exnref(&mut self, tag: u32, values: &[Val]) -> Result<RootedRef> {
        let ty: FuncType = self.tags[tag as usize].ty.ty().clone();
        if values.len() != ty.params().len() {
            let (expected, found) = (ty.params().len(), values.len());
            return Err(Error::usage(format!("expected {expected} values, got {found}")));
        }
        let values = ty.params().zip(values).map(|(ty, value)| value.to_raw(self, &ty));
        let values = values.collect::<Result<_>>()?;
        let handle = self.new_exception(Exception { tag, values, referenced: true })?;
        Ok(self.root(handle))
    }

    /// Tag and values of an exception.
    pub(crate) fn exnref_parts(&self, exception: RootedRef) -> Result<(u32, &[ValRaw])> {
        let exception = self.refs.exception(self.rooted_handle(exception)?);
        Ok((exception.tag, &exception.values))
    }

    /// Makes an exception the one that leaves with the next [`ThrownException`](crate::ThrownException).
    pub(crate) fn set_pending(&mut self, exception: RootedRef) -> Result<()> {
        self.refs.pending = Some(self.rooted_handle(exception)?);
        Ok(())
    }

    /// The exception that has left wasm last, if nobody has taken it.
    pub(crate) fn take_pending(&mut self) -> Option<RootedRef> {
        let handle = self.refs.pending.take()?;
        Some(self.root(handle))
    }

    /// Whether there is such an exception.
    pub(crate) fn has_pending(&self) -> bool {
        self.refs.pending.is_some()
    }

    /// Forgets exceptions whose handlers cannot run any more, as no wasm is on the stack.
    #[cold]
    pub(super) fn forget_caught(&mut self) {
        while let Some(caught) = self.refs.caught.pop() {
            self.refs.let_go(caught.exception);
        }
    }
}

/// Throws a new exception for compiled code.
///
/// # Safety
///
/// `ctx` must be the context of `store`, in whose innermost activation wasm has called the current Rust function; `tag`
/// must point to a tag of the store, and `values` to as many values as it has.
pub(super) unsafe fn throw(
    ctx: *mut StoreCtx,
    store: &mut StoreOpaque,
    tag: *const VmTag,
    values: *const ValRaw,
) -> Result<()> {
    // SAFETY: by the contract.
    let tag = unsafe { (*tag).0 } as u32;
    let count = store.tags[tag as usize].ty.ty().params().len();
    // SAFETY: by the contract.
    let values = unsafe { std::slice::from_raw_parts(values, count) }.into();
    let handle = store.new_exception(Exception { tag, values, referenced: false })?;
    // SAFETY: by the contract.
    unsafe { throw_handle(ctx, store, handle, None) };
    Ok(())
}

/// Throws an exception that exists: continues at its handler once the current Rust function has returned. If there is
/// none, wasm is left with `error`, or a new one.
///
/// # Safety
///
/// As for [`throw`].
pub(super) unsafe fn throw_handle(
    ctx: *mut StoreCtx,
    store: &mut StoreOpaque,
    handle: Handle,
    error: Option<Error>,
) {
    if let Some(spent) = store.refs.spent.take().filter(|spent| *spent != handle) {
        store.refs.release(spent);
    }
    let tag = store.tags[store.refs.exception(handle).tag as usize].vm();
    // SAFETY: by the contract, the activation is live and was left through a trampoline.
    let Some(target) = (unsafe { find_handler(activation_of(ctx), tag) }) else {
        store.refs.pending = Some(handle);
        let error = error.unwrap_or_else(|| Error::new(ThrownException::of(store)));
        // SAFETY: by the contract.
        return unsafe { raise_uncaught(ctx, error) };
    };
    let Target { landing, keep } = target;
    let refs = &mut store.refs;
    let before = |c: &Caught| c.fp == landing.fp && c.handler == landing.pc;
    // One that was thrown again has several handlers, and goes only once.
    let mut gone: Vec<Handle> = Vec::new();
    let mut leaves = |caught: Caught| {
        if caught.exception != handle && !gone.contains(&caught.exception) {
            gone.push(caught.exception);
        }
    };
    while let Some(caught) = refs.caught.pop_if(|caught| caught.fp < landing.fp) {
        leaves(caught);
    }
    if keep == Keep::Handler {
        if let Some(place) = refs.caught.iter().position(before) {
            leaves(refs.caught.remove(place));
        }
        refs.caught.push(Caught { exception: handle, fp: landing.fp, handler: landing.pc });
    }
    for exception in gone {
        refs.let_go(exception);
    }
    match keep {
        // A handler further out may still throw it again.
        Keep::No if refs.is_caught(handle) => {}
        Keep::No => refs.spent = Some(handle),
        Keep::Reference => refs.exception_mut(handle).referenced = true,
        Keep::Handler => {}
    }
    let values = store.refs.exception(handle).values.as_ptr() as u64;
    let payload = [values, store.refs.raw(handle)];
    // SAFETY: the context belongs to a live store that only this thread uses.
    unsafe { (*ctx).vm.raise = VmRaise { landing, payload, pending: 1, after: 0 } };
}

/// The innermost handler of `activation` that catches exceptions of this tag.
///
/// # Safety
///
/// `activation` must be live and have been left for the current Rust function.
unsafe fn find_handler(activation: *const Activation, tag: *const VmTag) -> Option<Target> {
    // SAFETY: by the contract.
    let (mut return_address, mut fp, outermost) = unsafe { activation_exit(activation) };
    while fp != outermost && fp != 0 {
        // SAFETY: `fp` is the frame of a compiled function that is waiting for a call which returns to this address.
        if let Some(target) = unsafe { handler_at(return_address, fp, tag) } {
            return Some(target);
        }
        // SAFETY: a compiled frame begins with the caller's frame pointer and the return address.
        unsafe {
            let record = fp as *const usize;
            return_address = *record.add(1);
            fp = *record;
        }
    }
    None
}

/// The handler for this tag in one frame.
///
/// # Safety
///
/// `fp` must be the frame pointer of a compiled function that waits for a call which returns to `return_address`.
unsafe fn handler_at(return_address: usize, fp: usize, tag: *const VmTag) -> Option<Target> {
    // The address before the return address lies in the call.
    registry::with_image(return_address - 1, |image| {
        let (site, handlers) = image.call_site(return_address)?;
        let sp = fp - site.frame_size as usize;
        // SAFETY: the compiler says that the function's vmctx is there during this call.
        let vmctx = unsafe { *((sp + site.vmctx as usize) as *const *mut VmCtxHeader) };
        let offsets = &image.meta()?.info.offsets;
        handlers.iter().find_map(|[catch, offset]| {
            let Catch { tag: caught, keep } = Catch::from_bits(*catch);
            let matches = caught.is_none_or(|index| {
                // SAFETY: the vmctx is that of an instance of this module, so it has this tag's address there.
                tag == unsafe {
                    *vmctx.cast::<u8>().offset(offsets.tag(index) as isize).cast::<*const VmTag>()
                }
            });
            let landing = VmLanding { pc: image.address(*offset), sp, fp };
            matches.then_some(Target { landing, keep })
        })
    })
}
