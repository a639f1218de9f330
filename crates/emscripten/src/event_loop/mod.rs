//! What a program has called later: timers, its main loop, alarms.
//!
//! JavaScript has an event loop that goes on when `main` has returned. Here
//! [`Program::run`](crate::Program::run) is in its place: it calls what is due until nothing is
//! left, or until `main` was the end of the program (`-sEXIT_RUNTIME`) and nothing asks to wait.
//! `emscripten_sleep` also does what becomes due meanwhile.
//!
//! Deliberately absent: an event loop of threads other than the first, frames of a screen, blockers
//! of the main loop.

mod calls;
mod main_loop;
mod queue;

use std::time::{Duration, Instant};

use palisade::{AsContextMut, Caller, Func, Linker, Result, StoreContextMut, Trap, Val, ValType};

pub(crate) use calls::*;
pub(crate) use queue::Queue;

use crate::ctx::{Emscripten, aborted};
use crate::link::Context;
use crate::threads::Unwind;
use main_loop::Turn;
use queue::{Next, Task};

/// The functions that call the guest, and the patterns of their types.
pub(crate) const PATTERNS: &[(&str, &str)] = &[("emscripten_sleep", "i:v")];

/// Defines a function that calls the guest, whose type fits; says whether it is one.
pub(crate) fn define<T: 'static>(
    linker: &mut Linker<T>,
    (module, real): (&str, &str),
    name: &str,
    ctx: impl Context<T>,
) -> Result<bool> {
    if name != "emscripten_sleep" {
        return Ok(false);
    }
    let sleep = move |mut caller: Caller<'_, T>, millis: u32| -> Result<()> {
        sleep(&mut caller.as_context_mut(), ctx, Duration::from_millis(millis.into()))
    };
    linker.func_wrap(module, real, sleep)?;
    Ok(true)
}

/// What an event loop has done, or has to wait for.
pub(crate) enum Step {
    Done,
    WaitUntil(Instant),
    Nothing,
}

/// Does the next thing that is due.
///
/// # Errors
///
/// When the guest traps, or exits.
pub(crate) fn step<T: 'static>(
    store: &mut StoreContextMut<'_, T>,
    ctx: impl Fn(&mut T) -> &mut Emscripten,
) -> Result<Step> {
    let queue = &mut ctx(store.data_mut()).events;
    let task = match queue.next(Instant::now()) {
        Next::Run(task) => task,
        Next::WaitUntil(due) => return Ok(Step::WaitUntil(due)),
        Next::Nothing => return Ok(Step::Nothing),
    };
    queue.busy = true;
    let result = perform(store, &ctx, task);
    ctx(store.data_mut()).events.busy = false;
    match result {
        Err(error) if error.is::<Unwind>() => {}
        result => result?,
    }
    Ok(Step::Done)
}

/// Waits, and does what becomes due.
fn sleep<T: 'static>(
    store: &mut StoreContextMut<'_, T>,
    ctx: impl Context<T>,
    time: Duration,
) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        let now = Instant::now();
        // What is called later does not begin while another such thing waits.
        let step = match ctx(store.data_mut()).events.busy {
            true => Step::Nothing,
            false => step(store, ctx)?,
        };
        if now >= end {
            return Ok(());
        }
        let until = match step {
            Step::Done => continue,
            Step::WaitUntil(due) => due.min(end),
            Step::Nothing => end,
        };
        let pause = until.saturating_duration_since(now);
        match ctx(store.data_mut()).member.as_ref().map(|member| member.crew.clone()) {
            Some(crew) if crew.has_ended() => return Err(Trap::Interrupt.into()),
            Some(crew) => crew.sleep(pause),
            None => std::thread::sleep(pause),
        }
    }
}

fn perform<T: 'static>(
    store: &mut StoreContextMut<'_, T>,
    ctx: &impl Fn(&mut T) -> &mut Emscripten,
    task: Task,
) -> Result<()> {
    let integer = |value: u32| Val::I32(value.cast_signed());
    match task {
        Task::Call { function, argument } => {
            call(store, ctx, function, &[integer(argument)]).map(|_| ())
        }
        Task::Repeat { function, argument, pause } => {
            let began = Instant::now();
            let shared = &ctx(store.data_mut()).shared;
            let millis = shared.began.elapsed().as_secs_f64() * 1000.0;
            let arguments = [Val::F64(millis.to_bits()), integer(argument)];
            if call(store, ctx, function, &arguments)? {
                let left = pause.saturating_sub(began.elapsed());
                let events = &mut ctx(store.data_mut()).events;
                set(events.set_timer(Instant::now(), left, None, task))?;
            }
            Ok(())
        }
        Task::RepeatAtOnce { function, argument } => {
            if call(store, ctx, function, &[integer(argument)])? {
                set(ctx(store.data_mut()).events.set_immediate(task))?;
            }
            Ok(())
        }
        Task::MainLoop { number } => {
            let turn = ctx(store.data_mut()).events.main_loop.turn(number, Instant::now());
            let result = match turn {
                Turn::Over => return Ok(()),
                Turn::Skip => Ok(()),
                Turn::Call(body) => {
                    let argument = body.argument.map(integer);
                    call(store, ctx, body.function, argument.as_slice()).map(|_| ())
                }
            };
            match result {
                Err(error) if error.is::<Unwind>() => {}
                result => result?,
            }
            set(ctx(store.data_mut()).events.continue_main_loop(number))
        }
        Task::Alarm => {
            const SIGALRM: u32 = 14;
            let Some(raise) = ctx(store.data_mut()).linked.raise else { return Ok(()) };
            raise.call(store, SIGALRM).map(|_| ())
        }
        Task::IntervalTimer { which } => {
            let data = ctx(store.data_mut());
            let now = data.shared.began.elapsed().as_secs_f64() * 1000.0;
            let Some(run_out) = data.linked.timer_run_out else { return Ok(()) };
            run_out.call(store, (which, now))
        }
    }
}

/// What comes of too many events.
fn set<R>(result: Result<R, queue::Full>) -> Result<R> {
    result.map_err(|_| aborted("too many timers and events"))
}

/// Calls a function of the table as JavaScript does: arguments that it does not take are left out,
/// and those that are missing are zero. Says whether it gives something else than 0.
fn call<T: 'static>(
    store: &mut StoreContextMut<'_, T>,
    ctx: &impl Fn(&mut T) -> &mut Emscripten,
    function: u32,
    arguments: &[Val],
) -> Result<bool> {
    let table = ctx(store.data_mut()).linked.table;
    let entry = table.and_then(|table| table.get(&mut *store, function.into()));
    let func: Func = match entry {
        None => return Err(Trap::TableOutOfBounds.into()),
        Some(entry) => match entry.as_func() {
            Some(Some(func)) => *func,
            _ => return Err(Trap::IndirectCallToNull.into()),
        },
    };
    let ty = func.ty(&*store);
    let zero = |ty: ValType| match ty {
        ValType::I64 => Val::I64(0),
        ValType::F32 => Val::F32(0),
        ValType::F64 => Val::F64(0),
        _ => Val::I32(0),
    };
    let mut given = arguments.iter();
    let arguments: Vec<Val> = ty
        .params()
        .map(|ty| match (&ty, given.next()) {
            (ValType::I32, Some(value @ Val::I32(_))) => *value,
            (ValType::F64, Some(value @ Val::F64(_))) => *value,
            _ => zero(ty),
        })
        .collect();
    let mut results: Vec<Val> = ty.results().map(zero).collect();
    func.call(&mut *store, &arguments, &mut results)?;
    Ok(matches!(results.first(), Some(Val::I32(value)) if *value != 0))
}
