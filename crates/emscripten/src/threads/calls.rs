//! What guests call to have threads and to tell them something.
//!
//! Addresses of threads are the guest's own, and what is behind them is its business: the host
//! reads no more of a `struct pthread` than where the new thread's stack is.

use palisade::{Caller, Error, Func, FuncType, Linker, Result, TypedFunc, WasmParams, WasmResults};

use super::body::init;
use super::{Message, Start, TLS_INIT};
use crate::bound::{call_main, exit, not_ours};
use crate::ctx::Call;
use crate::errno::{Errno, Fault};
use crate::guest::Guest;
use crate::link::{Context, enter};
use crate::signature::Value;

/// Offsets in a `struct pthread`. Where newer versions have its stack, older ones have what is 0
/// when a thread is started.
const SELF: u32 = 0;
const STACK_NEW: u32 = 52;
const STACK_OLD: u32 = 44;

/// The signal by which threads are cancelled, and the first number that is no signal.
const SIGCANCEL: u32 = 33;
const SIGNALS: u32 = 65;

/// What older versions compile a default of 2 MiB into their JavaScript for.
const DEFAULT_STACK: i32 = 2 << 20;

/// The functions of [`define`], and the patterns of their types.
#[rustfmt::skip] // A table: one function, one line.
pub(crate) const PATTERNS: &[(&str, &str)] = &[
    ("__pthread_create_js", "iiii:i"),
    ("__emscripten_init_main_thread_js", "i:v"),
    ("_emscripten_init_main_thread_js", "i:v"),
    ("__emscripten_thread_cleanup", "i:v"),
    ("_emscripten_thread_cleanup", "i:v"),
    ("__call_main", "ii:?"),
];

/// Defines one of these functions, whose type fits its pattern.
pub(crate) fn define<T: 'static>(
    linker: &mut Linker<T>,
    (module, real): (&str, &str),
    name: &str,
    ty: &FuncType,
    ctx: impl Context<T>,
) -> Result<()> {
    match name {
        "__pthread_create_js" => {
            let create = move |mut caller: Caller<'_, T>,
                               address: u32,
                               _attributes: u32,
                               routine: u32,
                               arg: u32|
                  -> Result<u32> {
                free_ended(&mut caller, ctx)?;
                Ok(create(&mut caller, ctx, address, routine, arg)?
                    .map_or_else(|errno| errno.code().into(), |()| 0))
            };
            linker.func_wrap(module, real, create)?;
        }
        "__call_main" => {
            let call = move |mut caller: Caller<'_, T>, argc: u32, argv: u32| -> Result<u32> {
                Err(main(&mut caller, ctx, argc, argv))
            };
            match ty.results().len() {
                0 => linker.func_wrap(
                    module,
                    real,
                    move |caller: Caller<'_, T>, a: u32, b: u32| call(caller, a, b).map(drop),
                )?,
                _ => linker.func_wrap(module, real, call)?,
            };
        }
        "__emscripten_thread_cleanup" | "_emscripten_thread_cleanup" => {
            let clean_up = move |mut caller: Caller<'_, T>, address: u32| -> Result<()> {
                let (mut guest, data) = enter(&mut caller, ctx)?;
                let known = data
                    .member
                    .as_ref()
                    .is_some_and(|member| member.crew.clean_up(address, member.address));
                if known {
                    // Others see that there is no such thread any more, also before its end.
                    guest.put_u32(address.saturating_add(SELF), 0)?;
                }
                free_ended(&mut caller, ctx)
            };
            linker.func_wrap(module, real, clean_up)?;
        }
        _ => {
            let init_main = move |mut caller: Caller<'_, T>, address: u32| -> Result<()> {
                if let Some(member) = &ctx(caller.data_mut()).member {
                    member.crew.set_main_address(address);
                }
                if let Some(func) = export(&mut caller, ctx, &["_emscripten_thread_init"]) {
                    init(&mut caller, &func, address, true)?;
                }
                for name in TLS_INIT {
                    if let Some(func) = typed::<_, (), u32>(&mut caller, ctx, name)? {
                        func.call(&mut caller, ())?;
                        break;
                    }
                }
                Ok(())
            };
            linker.func_wrap(module, real, init_main)?;
        }
    }
    Ok(())
}

fn export<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    names: &[&str],
) -> Option<Func> {
    let shared = ctx(caller.data_mut()).shared.clone();
    let map = shared.import_map.as_ref();
    names
        .iter()
        .find_map(|name| caller.get_export(map.map_or(name, |map| map.export(name)))?.into_func())
}

/// The exported function with its types.
///
/// # Errors
///
/// When it has others.
fn typed<T: 'static, P: WasmParams, R: WasmResults>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    name: &str,
) -> Result<Option<TypedFunc<P, R>>> {
    let func = export(caller, ctx, &[name]).map(|func| func.typed(&*caller));
    func.transpose().map_err(|error| not_ours(error, name))
}

fn create<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    address: u32,
    routine: u32,
    arg: u32,
) -> Result<Result<(), Errno>> {
    let (guest, data) = enter(caller, ctx)?;
    let Ok(stack) = stack(&guest, address) else { return Ok(Err(Errno::INVAL)) };
    let Some(member) = data.member.clone() else { return Ok(Err(Errno::AGAIN)) };
    match (member.spawn)(Start { address, routine, arg, stack }) {
        true => Ok(Ok(())),
        false => Ok(Err(Errno::AGAIN)),
    }
}

/// The upper end of a new thread's stack, and its size.
fn stack(guest: &Guest<'_>, address: u32) -> Result<(u32, u32), Fault> {
    let at = |offset: u32| guest.u32(address.checked_add(offset).ok_or(Fault)?);
    let offset = if at(STACK_NEW)? == 0 { STACK_OLD } else { STACK_NEW };
    Ok((at(offset)?, at(offset + 4)?))
}

/// Has the guest free what threads have used that have ended: here and not by themselves, because
/// they would free the stack on which they do that.
fn free_ended<T: 'static>(caller: &mut Caller<'_, T>, ctx: impl Context<T>) -> Result<()> {
    let Some(member) = ctx(caller.data_mut()).member.clone() else { return Ok(()) };
    let ended = member.crew.take_freed();
    if ended.is_empty() {
        return Ok(());
    }
    let Some(free) = typed::<_, u32, ()>(caller, ctx, "_emscripten_thread_free_data")? else {
        return Ok(());
    };
    ended.into_iter().try_for_each(|address| free.call(&mut *caller, address))
}

/// Runs `main` on a thread that is not the first one, and exits.
fn main<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    argc: u32,
    argv: u32,
) -> Error {
    let names = crate::bound::MAIN;
    let Some(func) = export(caller, ctx, &names) else {
        return Error::msg("the module has no `main` to be called on a thread");
    };
    match call_main(&mut *caller, (&func, names[0]), argc.cast_signed(), argv) {
        Ok(code) => exit(caller, ctx, code),
        Err(error) => error,
    }
}

pub(crate) fn default_stack(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(DEFAULT_STACK))
}

/// Tells a thread something; 1 if there is this thread.
fn post(call: &Call<'_>, address: u32, message: Message) -> Result<Value> {
    let told = match &call.ctx.member {
        Some(member) => member.crew.post(address, message),
        None => false,
    };
    Ok(Value::I32(told.into()))
}

/// `(target, main)`.
pub(crate) fn notify_calls(call: &mut Call<'_>) -> Result<Value> {
    let target = call.args.u32();
    post(call, target, Message::Calls)
}

/// `(target, current, main, queue)`.
pub(crate) fn notify_queue(call: &mut Call<'_>) -> Result<Value> {
    let (target, _, _) = (call.args.u32(), call.args.u32(), call.args.u32());
    let queue = call.args.u32();
    post(call, target, Message::Queue(queue))
}

/// `(target, current)`, with the main thread as a third in some versions.
pub(crate) fn notify_mail(call: &mut Call<'_>) -> Result<Value> {
    let target = call.args.u32();
    post(call, target, Message::Mail)
}

/// A C function asks for JavaScript on the first thread: there is none.
pub(crate) fn javascript(_: &mut Call<'_>) -> Result<Value> {
    Err(Error::msg("the guest asks the main thread to call JavaScript, and there is none"))
}

/// `pthread_kill(thread, signal)`: other signals than that of `pthread_cancel` kill the thread.
pub(crate) fn kill(call: &mut Call<'_>) -> Result<Value> {
    let (address, signal) = (call.args.u32(), call.args.u32());
    let code = |errno: Errno| Ok(Value::I32(errno.code().into()));
    if signal >= SIGNALS {
        return code(Errno::INVAL);
    }
    let Some(member) = &call.ctx.member else { return code(Errno::SRCH) };
    if member.crew.is_main(address) {
        return if signal == 0 { Ok(Value::I32(0)) } else { code(Errno::SRCH) };
    }
    if address == 0 || call.guest.u32(address.saturating_add(SELF)) != Ok(address) {
        return code(Errno::SRCH);
    }
    match signal {
        0 => {}
        // It also sees the flag that the caller has set, wherever its C library looks for that.
        SIGCANCEL => drop(member.crew.post(address, Message::Cancel)),
        _ => member.crew.kill(address),
    }
    Ok(Value::I32(0))
}

/// How many threads make sense.
pub(crate) fn cores(call: &mut Call<'_>) -> Result<Value> {
    let count = match call.ctx.member {
        Some(_) => std::thread::available_parallelism().map_or(1, usize::from),
        None => 1,
    };
    Ok(Value::I32(i32::try_from(count).unwrap_or(i32::MAX)))
}
