//! C++ exceptions and `longjmp` of programs built without WebAssembly exceptions.
//!
//! Such a program calls what may throw through `invoke_*` (see `invoke.rs`), and the rest of the
//! protocol is here: `__cxa_throw` and its kin. A throw is a WebAssembly exception with a tag
//! that only the host has, so that nothing but the functions behind `invoke_*` can catch it.
//!
//! Two generations differ in where they keep what: in the older one the host allocates
//! exceptions, with 16 bytes in front of them, and a *catch info* of 8 bytes for each catch (the
//! exception and the pointer adjusted to the caught type); in the newer one the guest allocates,
//! with 24 bytes in front, which have room for the adjusted pointer. What the guest is given to
//! stand for a caught exception is called a *handle* here: the catch info, or the exception.

use std::sync::Arc;

use palisade::{
    AsContextMut, Caller, Error, ExnRef, ExnRefPre, ExnType, FuncType, Result, Tag, TagType, Val,
    ValType,
};

use crate::ctx::{Emscripten, aborted};
use crate::errno::Fault;
use crate::events::in_table;
use crate::guest::Guest;
use crate::link::{Context, enter};
use crate::stream::lock;

/// Offsets in what stands in front of an exception.
const REFCOUNT: u32 = 0;
const TYPE: u32 = 4;
const DESTRUCTOR: u32 = 8;
const CAUGHT: u32 = 12;
const RETHROWN: u32 = 13;
const ADJUSTED: u32 = 16;

/// Exceptions that are being handled at the same time: more is a guest that never ends handling.
const MAX_CAUGHT: usize = 1 << 16;

/// What the host knows of exceptions in flight.
#[derive(Default)]
pub(crate) struct Exceptions {
    /// The exception that was thrown last and is not done with.
    last: u32,
    uncaught: i32,
    /// Handles of the exceptions that are being handled.
    caught: Vec<u32>,
    pub(crate) style: Style,
    /// What throws are made of.
    pub(crate) thrower: Option<Thrower>,
}

/// Who allocates exceptions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// The host.
    Host,
    /// The guest.
    #[default]
    Guest,
}

impl Style {
    /// Bytes in front of an exception.
    fn header(self) -> u32 {
        match self {
            Style::Host => 16,
            Style::Guest => 24,
        }
    }
}

/// The tag of guest throws. Clones have the same.
#[derive(Clone)]
pub(crate) struct Thrower(pub(crate) Tag, Arc<ExnRefPre>);

impl Thrower {
    pub(crate) fn new(mut store: impl AsContextMut) -> Result<Thrower> {
        let engine = store.as_context().engine().clone();
        // 1 if it is a C++ exception, 0 if a `longjmp`.
        let ty = TagType::new(FuncType::new(&engine, [ValType::I32], []));
        let tag = Tag::new(&mut store, &ty)?;
        let allocator = ExnRefPre::new(&mut store, ExnType::from_tag_type(&ty)?);
        Ok(Thrower(tag, Arc::new(allocator)))
    }
}

/// The error with which a host function throws.
pub(crate) fn throw<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    is_exception: bool,
) -> Error {
    let thrower = ctx(caller.data_mut()).exceptions.thrower.clone();
    let Some(Thrower(tag, allocator)) = thrower else {
        return Error::msg("the program throws before it was set up");
    };
    let exception = ExnRef::new(&mut *caller, &allocator, &tag, &[Val::I32(is_exception.into())]);
    match exception {
        Ok(exception) => match caller.as_context_mut().throw::<()>(exception) {
            Ok(()) => unreachable!("a throw is an error"),
            Err(thrown) => thrown.into(),
        },
        Err(error) => error,
    }
}

/// The older `longjmp`: notes where to go, if nothing is thrown already, and throws.
pub(crate) fn longjmp<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    env: u32,
    value: u32,
) -> Result<()> {
    let set_threw = ctx(caller.data_mut()).linked.set_threw.ok_or_else(|| missing("setThrew"))?;
    let value = if value == 0 { 1 } else { value };
    set_threw.call(&mut *caller, (env, value))?;
    Err(throw(caller, ctx, false))
}

impl Exceptions {
    /// Of an exception: where its header begins.
    fn header(&self, exception: u32) -> Result<u32, Fault> {
        exception.checked_sub(self.style.header()).ok_or(Fault)
    }

    /// The exception that a handle stands for.
    fn base(&self, guest: &Guest<'_>, handle: u32) -> Result<u32, Fault> {
        match self.style {
            Style::Host => guest.u32(handle),
            Style::Guest => Ok(handle),
        }
    }

    /// Where the adjusted pointer of a handle is.
    fn adjusted_at(&self, handle: u32) -> Result<u32, Fault> {
        match self.style {
            Style::Host => handle.checked_add(4).ok_or(Fault),
            Style::Guest => Ok(self.header(handle)? + ADJUSTED),
        }
    }

    fn push(&mut self, handle: u32) -> Result<()> {
        if self.caught.len() >= MAX_CAUGHT {
            return Err(aborted("too many exceptions are being handled"));
        }
        self.caught.push(handle);
        Ok(())
    }

    /// The last exception that was thrown and not caught by the guest, with its type.
    pub(crate) fn last_thrown(&self, guest: &Guest<'_>) -> Option<(u32, u32)> {
        let header = self.header(self.last).ok()?;
        Some((self.last, guest.u32(header + TYPE).ok()?))
    }
}

fn missing(name: &str) -> Error {
    Error::msg(format!("exceptions need the module to export `{name}`"))
}

fn malloc<T: 'static>(caller: &mut Caller<'_, T>, ctx: impl Context<T>, len: u32) -> Result<u32> {
    let malloc = ctx(caller.data_mut()).linked.malloc.ok_or_else(|| missing("malloc"))?;
    match malloc.call(&mut *caller, len)? {
        0 => Err(aborted("out of memory: no room for an exception")),
        address => Ok(address),
    }
}

fn free<T: 'static>(caller: &mut Caller<'_, T>, ctx: impl Context<T>, at: u32) -> Result<()> {
    let free = ctx(caller.data_mut()).linked.free.ok_or_else(|| missing("free"))?;
    free.call(&mut *caller, at)
}

pub(crate) fn allocate<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    len: u32,
) -> Result<u32> {
    let header = ctx(caller.data_mut()).exceptions.style.header();
    let len = len.checked_add(header).ok_or(Fault)?;
    malloc(caller, ctx, len)?.checked_add(header).ok_or_else(|| Fault.into())
}

pub(crate) fn free_exception<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    exception: u32,
) -> Result<()> {
    let at = ctx(caller.data_mut()).exceptions.header(exception)?;
    free(caller, ctx, at)
}

pub(crate) fn throw_exception<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    (exception, ty, destructor): (u32, u32, u32),
) -> Result<()> {
    let (mut guest, data) = enter(caller, ctx)?;
    let exceptions = &mut data.exceptions;
    let header = exceptions.header(exception)?;
    guest.put_u32(header + TYPE, ty)?;
    guest.put_u32(header + DESTRUCTOR, destructor)?;
    guest.put_u32(header + REFCOUNT, 0)?;
    guest.put_u16(header + CAUGHT, 0)?;
    exceptions.last = exception;
    exceptions.uncaught = exceptions.uncaught.saturating_add(1);
    Err(throw(caller, ctx, true))
}

pub(crate) fn rethrow<T: 'static>(caller: &mut Caller<'_, T>, ctx: impl Context<T>) -> Result<()> {
    let (mut guest, data) = enter(caller, ctx)?;
    let exceptions = &mut data.exceptions;
    let Some(handle) = exceptions.caught.pop() else {
        return Err(aborted("no exception to throw"));
    };
    let exception = exceptions.base(&guest, handle)?;
    let header = exceptions.header(exception)?;
    exceptions.last = exception;
    let mut done_with = None;
    if guest.u8(header + RETHROWN)? == 0 {
        // Its handler ends after this, and takes it off again.
        exceptions.caught.push(handle);
        guest.put_u8(header + RETHROWN, 1)?;
        guest.put_u8(header + CAUGHT, 0)?;
        exceptions.uncaught = exceptions.uncaught.saturating_add(1);
    } else if exceptions.style == Style::Host {
        done_with = Some(handle);
    }
    if let Some(handle) = done_with {
        free(caller, ctx, handle)?;
    }
    Err(throw(caller, ctx, true))
}

pub(crate) fn resume<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    handle: u32,
) -> Result<()> {
    let (guest, data) = enter(caller, ctx)?;
    let exceptions = &mut data.exceptions;
    let exception = exceptions.base(&guest, handle)?;
    if exceptions.last == 0 {
        exceptions.last = exception;
    }
    if exceptions.style == Style::Host {
        free(caller, ctx, handle)?;
    }
    Err(throw(caller, ctx, true))
}

/// The pointer that a handler gets.
pub(crate) fn exception_pointer<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    handle: u32,
) -> Result<u32> {
    let (guest, data) = enter(caller, ctx)?;
    let exception = data.exceptions.base(&guest, handle)?;
    let adjusted = guest.u32(data.exceptions.adjusted_at(handle)?)?;
    let ty = guest.u32(data.exceptions.header(exception)? + TYPE)?;
    let is_pointer = match (data.linked.is_pointer_type, data.linked.get_exception_ptr) {
        (Some(func), _) => func,
        // Newer versions have all of this in the guest.
        (None, Some(func)) => return func.call(caller, handle),
        (None, None) => return Err(missing("__cxa_is_pointer_type")),
    };
    if is_pointer.call(&mut *caller, ty)? != 0 {
        return Ok(enter(caller, ctx)?.0.u32(exception)?);
    }
    Ok(if adjusted == 0 { exception } else { adjusted })
}

pub(crate) fn begin_catch<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    handle: u32,
) -> Result<u32> {
    let (mut guest, data) = enter(caller, ctx)?;
    let exceptions = &mut data.exceptions;
    let exception = exceptions.base(&guest, handle)?;
    let header = exceptions.header(exception)?;
    if guest.u8(header + CAUGHT)? == 0 {
        guest.put_u8(header + CAUGHT, 1)?;
        exceptions.uncaught = exceptions.uncaught.saturating_sub(1);
    }
    guest.put_u8(header + RETHROWN, 0)?;
    exceptions.push(handle)?;
    add_reference(caller, ctx, exception)?;
    exception_pointer(caller, ctx, handle)
}

pub(crate) fn end_catch<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
) -> Result<()> {
    set_threw(caller, ctx)?;
    let (guest, data) = enter(caller, ctx)?;
    let Some(handle) = data.exceptions.caught.pop() else {
        return Err(aborted("a handler ends that has not begun"));
    };
    let exception = data.exceptions.base(&guest, handle)?;
    let style = data.exceptions.style;
    drop_reference(caller, ctx, exception)?;
    if style == Style::Host {
        free(caller, ctx, handle)?;
    }
    ctx(caller.data_mut()).exceptions.last = 0;
    Ok(())
}

/// Says that nothing was thrown.
fn set_threw<T: 'static>(caller: &mut Caller<'_, T>, ctx: impl Context<T>) -> Result<()> {
    match ctx(caller.data_mut()).linked.set_threw {
        Some(set_threw) => set_threw.call(&mut *caller, (0, 0)),
        None => Ok(()),
    }
}

pub(crate) fn add_reference<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    exception: u32,
) -> Result<()> {
    if exception == 0 {
        return Ok(());
    }
    if let Some(own) = ctx(caller.data_mut()).linked.increment_refcount {
        return own.call(&mut *caller, exception);
    }
    let (mut guest, data) = enter(caller, ctx)?;
    let _counting = lock(&data.shared.references);
    let at = data.exceptions.header(exception)? + REFCOUNT;
    let count = guest.u32(at)?;
    guest.put_u32(at, count.wrapping_add(1))?;
    Ok(())
}

/// Destroys the exception with its last reference, unless it is being thrown again.
pub(crate) fn drop_reference<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    exception: u32,
) -> Result<()> {
    if exception == 0 {
        return Ok(());
    }
    if let Some(own) = ctx(caller.data_mut()).linked.decrement_refcount {
        return own.call(&mut *caller, exception);
    }
    let (mut guest, data) = enter(caller, ctx)?;
    let header = data.exceptions.header(exception)?;
    let count = {
        let _counting = lock(&data.shared.references);
        let count = guest.u32(header + REFCOUNT)?;
        guest.put_u32(header + REFCOUNT, count.wrapping_sub(1))?;
        count
    };
    if count != 1 || guest.u8(header + RETHROWN)? != 0 {
        return Ok(());
    }
    let destructor = guest.u32(header + DESTRUCTOR)?;
    if destructor != 0 {
        call_in_table(caller, ctx, destructor, exception)?;
    }
    free_exception(caller, ctx, exception)
}

/// Calls a destructor or another function of one argument; some destructors return the pointer
/// that they take.
pub(crate) fn call_in_table<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    index: u32,
    argument: u32,
) -> Result<()> {
    let table = ctx(caller.data_mut()).linked.table;
    let func = in_table(&mut *caller, table, index)?;
    let results = func.ty(&*caller).results().len();
    let mut results = vec![Val::I32(0); results];
    func.call(&mut *caller, &[Val::I32(argument.cast_signed())], &mut results)
}

/// The handle of the exception in flight; the temporary result becomes the first of `types` that
/// catches it, or its own type.
pub(crate) fn find_matching_catch<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    types: &[u32],
) -> Result<u32> {
    let exceptions = &ctx(caller.data_mut()).exceptions;
    let (thrown, style) = (exceptions.last, exceptions.style);
    if thrown == 0 {
        set_temp_ret0(caller, ctx, 0)?;
        return Ok(0);
    }
    let handle = match style {
        Style::Host => {
            let handle = malloc(caller, ctx, 8)?;
            enter(caller, ctx)?.0.put_u32(handle, thrown)?;
            handle
        }
        Style::Guest => thrown,
    };
    let (mut guest, data) = enter(caller, ctx)?;
    let adjusted_at = data.exceptions.adjusted_at(handle)?;
    guest.put_u32(adjusted_at, thrown)?;
    let thrown_type = guest.u32(data.exceptions.header(thrown)? + TYPE)?;
    let mut caught = thrown_type;
    for ty in types {
        if thrown_type == 0 || *ty == 0 || *ty == thrown_type {
            break;
        }
        let data = ctx(caller.data_mut());
        let can_catch = data.linked.can_catch.ok_or_else(|| missing("__cxa_can_catch"))?;
        if can_catch.call(&mut *caller, (*ty, thrown_type, adjusted_at))? != 0 {
            caught = *ty;
            break;
        }
    }
    set_temp_ret0(caller, ctx, caught)?;
    Ok(handle)
}

/// Sets the temporary result: the guest keeps it in newer versions.
pub(crate) fn set_temp_ret0<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    value: u32,
) -> Result<()> {
    let data = ctx(caller.data_mut());
    data.temp_ret0 = value;
    match data.linked.set_temp_ret0 {
        Some(func) => func.call(caller, value),
        None => Ok(()),
    }
}

pub(crate) fn uncaught(ctx: &Emscripten) -> u32 {
    ctx.exceptions.uncaught.cast_unsigned()
}

/// The exception that is being handled, with one more reference; 0 if there is none.
pub(crate) fn current_primary<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
) -> Result<u32> {
    let (guest, data) = enter(caller, ctx)?;
    let Some(handle) = data.exceptions.caught.last() else { return Ok(0) };
    let exception = data.exceptions.base(&guest, *handle)?;
    add_reference(caller, ctx, exception)?;
    Ok(exception)
}

pub(crate) fn rethrow_primary<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    exception: u32,
) -> Result<()> {
    if exception == 0 {
        return Ok(());
    }
    let handle = match ctx(caller.data_mut()).exceptions.style {
        Style::Host => {
            let handle = malloc(caller, ctx, 8)?;
            enter(caller, ctx)?.0.put_u64(handle, exception.into())?;
            handle
        }
        Style::Guest => exception,
    };
    let (mut guest, data) = enter(caller, ctx)?;
    let header = data.exceptions.header(exception)?;
    data.exceptions.push(handle)?;
    guest.put_u8(header + RETHROWN, 1)?;
    rethrow(caller, ctx)
}
