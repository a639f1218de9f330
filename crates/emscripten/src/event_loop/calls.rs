//! The functions by which a program has something called later.

use std::time::{Duration, Instant};

use palisade::{Error, Result};

use super::main_loop::Body;
use super::queue::{Queue, Task, delay};
use super::set;
use crate::ctx::{Call, aborted};
use crate::signature::Value;
use crate::threads::Unwind;

/// The events of the first thread, which is the one that waits for them.
fn events<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Queue> {
    match &call.ctx.member {
        Some(member) if member.address.is_some() => Err(Error::msg(
            "the guest sets a timer or a main loop in a thread other than the first one, and only \
             that has an event loop",
        )),
        _ => Ok(&mut call.ctx.events),
    }
}

fn number(id: u32) -> Value {
    Value::I32(id.cast_signed())
}

/// `(function, argument, milliseconds)`
pub(crate) fn async_call(call: &mut Call<'_>) -> Result<Value> {
    let (function, argument) = (call.args.u32(), call.args.u32());
    let after = delay(call.args.i32().into());
    let task = Task::Call { function, argument };
    set(events(call)?.set_timer(Instant::now(), after, None, task))?;
    Ok(Value::None)
}

/// `(function, milliseconds, argument)`, as for all of these.
fn timer(call: &mut Call<'_>) -> (u32, Duration, u32) {
    (call.args.u32(), delay(call.args.f64()), call.args.u32())
}

pub(crate) fn set_timeout(call: &mut Call<'_>) -> Result<Value> {
    let (function, after, argument) = timer(call);
    let task = Task::Call { function, argument };
    set(events(call)?.set_timer(Instant::now(), after, None, task)).map(number)
}

pub(crate) fn set_interval(call: &mut Call<'_>) -> Result<Value> {
    let (function, every, argument) = timer(call);
    let task = Task::Call { function, argument };
    set(events(call)?.set_timer(Instant::now(), every, Some(every), task)).map(number)
}

pub(crate) fn set_timeout_loop(call: &mut Call<'_>) -> Result<Value> {
    let (function, pause, argument) = timer(call);
    let task = Task::Repeat { function, argument, pause };
    set(events(call)?.set_timer(Instant::now(), delay(0.0), None, task)).map(number)
}

pub(crate) fn clear_timer(call: &mut Call<'_>) -> Result<Value> {
    let id = call.args.u32();
    events(call)?.clear_timer(id);
    Ok(Value::None)
}

pub(crate) fn set_immediate(call: &mut Call<'_>) -> Result<Value> {
    let (function, argument) = (call.args.u32(), call.args.u32());
    set(events(call)?.set_immediate(Task::Call { function, argument })).map(number)
}

pub(crate) fn set_immediate_loop(call: &mut Call<'_>) -> Result<Value> {
    let (function, argument) = (call.args.u32(), call.args.u32());
    set(events(call)?.set_immediate(Task::RepeatAtOnce { function, argument })).map(number)
}

pub(crate) fn clear_immediate(call: &mut Call<'_>) -> Result<Value> {
    let id = call.args.u32();
    events(call)?.clear_immediate(id);
    Ok(Value::None)
}

/// `(function, frames a second, whether to leave the caller)`
pub(crate) fn set_main_loop(call: &mut Call<'_>) -> Result<Value> {
    let body = Body { function: call.args.u32(), argument: None };
    begin_main_loop(call, body)
}

/// The same, with an argument behind the function.
pub(crate) fn set_main_loop_arg(call: &mut Call<'_>) -> Result<Value> {
    let body = Body { function: call.args.u32(), argument: Some(call.args.u32()) };
    begin_main_loop(call, body)
}

fn begin_main_loop(call: &mut Call<'_>, body: Body) -> Result<Value> {
    let (fps, leave) = (call.args.i32(), call.args.i32() != 0);
    if !set(events(call)?.begin_main_loop(body, fps))? {
        return Err(aborted(
            "assertion failed: there can be only one main loop at a time, and it has to be \
             cancelled before another one is set",
        ));
    }
    if leave { Err(Error::new(Unwind)) } else { Ok(Value::None) }
}

pub(crate) fn cancel_main_loop(call: &mut Call<'_>) -> Result<Value> {
    events(call)?.main_loop.cancel();
    Ok(Value::None)
}

pub(crate) fn pause_main_loop(call: &mut Call<'_>) -> Result<Value> {
    events(call)?.main_loop.pause();
    Ok(Value::None)
}

pub(crate) fn resume_main_loop(call: &mut Call<'_>) -> Result<Value> {
    set(events(call)?.resume_main_loop())?;
    Ok(Value::None)
}

/// Gives 1 if there is no main loop.
pub(crate) fn set_timing(call: &mut Call<'_>) -> Result<Value> {
    let (mode, value) = (call.args.i32(), call.args.i32());
    Ok(Value::I32((!events(call)?.set_timing(mode, value.into())).into()))
}

pub(crate) fn get_timing(call: &mut Call<'_>) -> Result<Value> {
    let (mode, value) = events(call)?.main_loop.timing();
    for number in [mode, value as i32] {
        let at = call.args.u32();
        if at != 0 {
            call.guest.put_i32(at, number)?;
        }
    }
    Ok(Value::None)
}

/// Has `SIGALRM` raised after so many seconds, or 0 for never; gives how many were left of those of
/// the alarm before.
pub(crate) fn alarm(call: &mut Call<'_>) -> Result<Value> {
    let seconds = call.args.u32();
    let (events, now) = (events(call)?, Instant::now());
    let left = events.clear_task(Task::Alarm).map_or(0, |due| {
        let left = due.saturating_duration_since(now).as_secs_f64().ceil();
        (left as i32).max(1)
    });
    if seconds > 0 {
        let after = Duration::from_secs(seconds.into());
        set(events.set_timer(now, after, None, Task::Alarm))?;
    }
    Ok(Value::I32(left))
}

/// `(which, milliseconds)`: the C library knows the rest of `setitimer`.
pub(crate) fn set_interval_timer(call: &mut Call<'_>) -> Result<Value> {
    let (which, millis) = (call.args.u32(), call.args.f64());
    let (events, task) = (events(call)?, Task::IntervalTimer { which });
    events.clear_task(task);
    if millis != 0.0 {
        set(events.set_timer(Instant::now(), delay(millis), None, task))?;
    }
    Ok(Value::I32(0))
}

/// Whether the program is built so that it can wait; here, any program can.
pub(crate) fn has_asyncify(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(call.ctx.linked.asyncify.into()))
}

/// Leaves `main`, which is not the end of the program.
pub(crate) fn stay(call: &mut Call<'_>) -> Result<Value> {
    call.ctx.events.stays = true;
    Err(Error::new(Unwind))
}
