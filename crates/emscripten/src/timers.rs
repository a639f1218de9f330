//! What the guest asks to be called later: timers, a main loop, an alarm.
//!
//! In JavaScript these are the event loop's. Here they run when `main` has returned (`events.rs`),
//! or while the guest sleeps. Each thread has its own.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use palisade::{Error, Result};

use crate::ctx::{Call, Emscripten};
use crate::signature::Value;
use crate::threads;

/// Timers of one thread at a time: more than programs have use for.
const MAX: usize = 1 << 16;

/// Between two frames of a display, which there is not.
const FRAME: Duration = Duration::from_nanos(16_666_667);

/// A timer takes as long at least, as in JavaScript.
const SHORTEST: Duration = Duration::from_millis(1);

/// Ten years: no program waits longer.
const LONGEST: Duration = Duration::from_secs(315_360_000);

/// Modes of `emscripten_set_main_loop_timing`.
const BY_TIME: i32 = 0;
const BY_FRAME: i32 = 1;

const SIGALRM: u32 = 14;

/// The place of `alarm` among the timers of signals, behind the three of the C library.
const ALARM: usize = 3;

/// What is called when its time has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    pub(crate) target: Target,
    pub(crate) again: Again,
    /// Whether the program goes on for it when `main` has returned.
    keeps_alive: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A function of the table, with its argument.
    Func(u32, u32),
    /// The same, with the time before the argument.
    Timed(u32, u32),
    /// The guest's handler of a signal.
    Raise(u32),
    /// The C library's interval timer of this number.
    Interval(u32),
}

/// Whether a timer is set once more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Again {
    No,
    /// Before its function is called.
    Always(Duration),
    /// Behind its function, if that says so.
    Asked(Duration),
    /// Behind its function, if there is a main loop then that goes on.
    MainLoop,
}

/// The timers of one thread.
#[derive(Default)]
pub(crate) struct Timers {
    /// By time; of those for the same time the older one comes first.
    pending: BTreeMap<(Instant, u32), Timer>,
    times: HashMap<u32, Instant>,
    last: u32,
    main_loop: Option<MainLoop>,
    /// The timers of the C library's, and last that of `alarm`.
    alarms: [Option<u32>; 4],
    /// How often the guest has said that it is to be kept alive.
    kept_alive: u32,
}

struct MainLoop {
    target: Target,
    mode: i32,
    value: i32,
    /// Its timer, unless it is paused or runs.
    pending: Option<u32>,
    paused: bool,
}

impl MainLoop {
    fn period(&self) -> Duration {
        let value = u32::try_from(self.value).unwrap_or(0);
        match self.mode {
            BY_TIME => Duration::from_millis(value.into()),
            BY_FRAME => FRAME.saturating_mul(value.max(1)).min(LONGEST),
            _ => Duration::ZERO,
        }
    }
}

impl Timers {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How long it takes until the next one is due; very long if there is none.
    pub(crate) fn wait(&self) -> Duration {
        let next = self.pending.keys().next();
        next.map_or(Duration::MAX, |(time, _)| time.saturating_duration_since(Instant::now()))
    }

    /// Whether the guest has said that it goes on when nothing is left to do: it does not exit.
    pub(crate) fn never_exits(&self) -> bool {
        self.kept_alive > 0
    }

    /// Whether the program goes on for one of them.
    pub(crate) fn keep_alive(&self) -> bool {
        self.pending.values().any(|timer| timer.keeps_alive)
    }

    /// The numbers of those that are due.
    pub(crate) fn due(&self, now: Instant) -> Vec<u32> {
        let due = self.pending.keys().take_while(|(time, _)| *time <= now);
        due.map(|(_, id)| *id).collect()
    }

    /// Takes a timer, to call its function, unless it was cleared.
    pub(crate) fn begin(&mut self, id: u32, now: Instant) -> Option<Timer> {
        let timer = self.clear(id)?;
        if let Again::Always(period) = timer.again {
            self.insert(id, timer, now + period);
        }
        if let (Again::MainLoop, Some(main_loop)) = (timer.again, &mut self.main_loop) {
            main_loop.pending = None;
        }
        Some(timer)
    }

    /// Behind the function of a timer that was due at `began`: sets it again if it has to be.
    pub(crate) fn end(&mut self, timer: Timer, began: Instant, asked: bool) -> Result<()> {
        match timer.again {
            Again::Asked(period) if asked => self.set(timer, began + period).map(drop),
            Again::MainLoop => self.go_on(began),
            _ => Ok(()),
        }
    }

    /// Sets the timer of the main loop, if there is one that waits for that.
    fn go_on(&mut self, began: Instant) -> Result<()> {
        let Some(main_loop) = &self.main_loop else { return Ok(()) };
        if main_loop.paused || main_loop.pending.is_some() {
            return Ok(());
        }
        let timer = Timer { target: main_loop.target, again: Again::MainLoop, keeps_alive: true };
        let id = self.set(timer, began + main_loop.period())?;
        self.main_loop.as_mut().expect("it is there").pending = Some(id);
        Ok(())
    }

    fn stop_main_loop(&mut self) -> Option<&mut MainLoop> {
        let pending = self.main_loop.as_mut()?.pending.take();
        if let Some(id) = pending {
            self.clear(id);
        }
        self.main_loop.as_mut()
    }

    fn set(&mut self, timer: Timer, time: Instant) -> Result<u32> {
        if self.pending.len() >= MAX {
            return Err(Error::msg(format!("the guest has set more than {MAX} timers")));
        }
        loop {
            self.last = self.last.wrapping_add(1).max(1);
            if !self.times.contains_key(&self.last) {
                break;
            }
        }
        self.insert(self.last, timer, time);
        Ok(self.last)
    }

    fn insert(&mut self, id: u32, timer: Timer, time: Instant) {
        self.times.insert(id, time);
        self.pending.insert((time, id), timer);
    }

    fn clear(&mut self, id: u32) -> Option<Timer> {
        let time = self.times.remove(&id)?;
        self.pending.remove(&(time, id))
    }

    /// Sets or clears the timer of a signal; what was left of the last one.
    fn set_alarm(
        &mut self,
        slot: usize,
        target: Target,
        after: Option<Duration>,
    ) -> Result<Duration> {
        let now = Instant::now();
        let last = self.alarms[slot].take();
        let time = last.and_then(|id| self.times.get(&id).copied());
        last.and_then(|id| self.clear(id));
        if let Some(after) = after {
            let timer = Timer { target, again: Again::No, keeps_alive: false };
            self.alarms[slot] = Some(self.set(timer, now + after)?);
        }
        Ok(time.map_or(Duration::ZERO, |time| time.saturating_duration_since(now)))
    }
}

fn duration(millis: f64) -> Duration {
    let least = if millis > 0.0 { LONGEST } else { SHORTEST };
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(least).clamp(SHORTEST, LONGEST)
}

/// Sets a timer, and gives its number.
fn set(ctx: &mut Emscripten, target: Target, again: Again, after: Duration) -> Result<Value> {
    let timer = Timer { target, again, keeps_alive: true };
    let id = ctx.timers.set(timer, Instant::now() + after)?;
    Ok(Value::I32(id.cast_signed()))
}

/// `(function, argument, milliseconds)`: with a negative time, before the next frame.
pub(crate) fn async_call(call: &mut Call<'_>) -> Result<Value> {
    let (func, arg, millis) = (call.args.u32(), call.args.u32(), call.args.i32());
    let after = if millis < 0 { FRAME } else { duration(millis.into()) };
    set(call.ctx, Target::Func(func, arg), Again::No, after)
}

/// `(function, milliseconds, argument)`
pub(crate) fn set_timeout(call: &mut Call<'_>) -> Result<Value> {
    let (func, after, arg) = (call.args.u32(), duration(call.args.f64()), call.args.u32());
    set(call.ctx, Target::Func(func, arg), Again::No, after)
}

/// As [`set_timeout`].
pub(crate) fn set_interval(call: &mut Call<'_>) -> Result<Value> {
    let (func, period, arg) = (call.args.u32(), duration(call.args.f64()), call.args.u32());
    set(call.ctx, Target::Func(func, arg), Again::Always(period), period)
}

/// As [`set_timeout`]; the function says whether it is called again.
pub(crate) fn set_timeout_loop(call: &mut Call<'_>) -> Result<Value> {
    let (func, period, arg) = (call.args.u32(), duration(call.args.f64()), call.args.u32());
    set(call.ctx, Target::Timed(func, arg), Again::Asked(period), SHORTEST)
}

/// `(function, argument)`
pub(crate) fn set_immediate(call: &mut Call<'_>) -> Result<Value> {
    let (func, arg) = (call.args.u32(), call.args.u32());
    set(call.ctx, Target::Func(func, arg), Again::No, Duration::ZERO)
}

pub(crate) fn set_immediate_loop(call: &mut Call<'_>) -> Result<Value> {
    let (func, arg) = (call.args.u32(), call.args.u32());
    set(call.ctx, Target::Func(func, arg), Again::Asked(Duration::ZERO), Duration::ZERO)
}

/// `(function, argument)`: the function takes the time, and its result means nothing.
pub(crate) fn request_frame(call: &mut Call<'_>) -> Result<Value> {
    let (func, arg) = (call.args.u32(), call.args.u32());
    set(call.ctx, Target::Timed(func, arg), Again::No, FRAME)
}

pub(crate) fn request_frames(call: &mut Call<'_>) -> Result<Value> {
    let (func, arg) = (call.args.u32(), call.args.u32());
    set(call.ctx, Target::Timed(func, arg), Again::Asked(FRAME), FRAME)
}

/// `(number)`
pub(crate) fn clear(call: &mut Call<'_>) -> Result<Value> {
    let id = call.args.u32();
    call.ctx.timers.clear(id);
    Ok(Value::None)
}

/// Begins a main loop, in place of the one that there is; `(frames a second, whether the caller
/// is left for it)`.
fn main_loop(call: &mut Call<'_>, func: u32, arg: u32) -> Result<Value> {
    let (rate, leaves) = (call.args.i32(), call.args.i32() != 0);
    let timers = &mut call.ctx.timers;
    timers.stop_main_loop();
    let (mode, value) = if rate > 0 { (BY_TIME, 1000 / rate) } else { (BY_FRAME, 1) };
    let target = Target::Func(func, arg);
    let main_loop = MainLoop { target, mode, value, pending: None, paused: false };
    let first = Instant::now().checked_sub(main_loop.period());
    timers.main_loop = Some(main_loop);
    timers.go_on(first.unwrap_or_else(Instant::now))?;
    match leaves {
        true => threads::unwind(call),
        false => Ok(Value::None),
    }
}

pub(crate) fn set_main_loop(call: &mut Call<'_>) -> Result<Value> {
    let func = call.args.u32();
    main_loop(call, func, 0)
}

pub(crate) fn set_main_loop_arg(call: &mut Call<'_>) -> Result<Value> {
    let (func, arg) = (call.args.u32(), call.args.u32());
    main_loop(call, func, arg)
}

pub(crate) fn cancel_main_loop(call: &mut Call<'_>) -> Result<Value> {
    call.ctx.timers.stop_main_loop();
    call.ctx.timers.main_loop = None;
    Ok(Value::None)
}

pub(crate) fn pause_main_loop(call: &mut Call<'_>) -> Result<Value> {
    if let Some(main_loop) = call.ctx.timers.stop_main_loop() {
        main_loop.paused = true;
    }
    Ok(Value::None)
}

pub(crate) fn resume_main_loop(call: &mut Call<'_>) -> Result<Value> {
    if let Some(main_loop) = &mut call.ctx.timers.main_loop {
        main_loop.paused = false;
    }
    call.ctx.timers.go_on(Instant::now())?;
    Ok(Value::None)
}

/// `(mode, value)`; 1 if there is no main loop.
pub(crate) fn set_timing(call: &mut Call<'_>) -> Result<Value> {
    let (mode, value) = (call.args.i32(), call.args.i32());
    let Some(main_loop) = &mut call.ctx.timers.main_loop else { return Ok(Value::I32(1)) };
    (main_loop.mode, main_loop.value) = (mode, value);
    Ok(Value::I32(0))
}

/// `(where to store the mode, where the value)`; both can be null.
pub(crate) fn timing(call: &mut Call<'_>) -> Result<Value> {
    let main_loop = call.ctx.timers.main_loop.as_ref();
    let timing = main_loop.map_or((0, 0), |main_loop| (main_loop.mode, main_loop.value));
    for value in [timing.0, timing.1] {
        match call.args.u32() {
            0 => {}
            at => call.guest.put_u32(at, value.cast_unsigned())?,
        }
    }
    Ok(Value::None)
}

/// `(seconds)`: what was left of the last alarm, in seconds.
pub(crate) fn alarm(call: &mut Call<'_>) -> Result<Value> {
    let seconds = call.args.u32();
    let after = (seconds > 0).then(|| Duration::from_secs(seconds.into()).min(LONGEST));
    let left = call.ctx.timers.set_alarm(ALARM, Target::Raise(SIGALRM), after)?;
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Ok(Value::I32(i32::try_from(seconds).unwrap_or(i32::MAX)))
}

/// `(which, milliseconds)`: 0 clears it.
pub(crate) fn set_interval_timer(call: &mut Call<'_>) -> Result<Value> {
    let (which, millis) = (call.args.u32(), call.args.f64());
    let slot = which as usize;
    if slot >= ALARM {
        return Ok(Value::I32(-1));
    }
    let after = (millis > 0.0).then(|| duration(millis));
    call.ctx.timers.set_alarm(slot, Target::Interval(which), after)?;
    Ok(Value::I32(0))
}

pub(crate) fn push_alive(call: &mut Call<'_>) -> Result<Value> {
    let timers = &mut call.ctx.timers;
    timers.kept_alive = timers.kept_alive.saturating_add(1);
    Ok(Value::None)
}

/// Leaves `main` for good.
pub(crate) fn stay_alive(call: &mut Call<'_>) -> Result<Value> {
    push_alive(call)?;
    threads::unwind(call)
}

pub(crate) fn pop_alive(call: &mut Call<'_>) -> Result<Value> {
    let timers = &mut call.ctx.timers;
    timers.kept_alive = timers.kept_alive.saturating_sub(1);
    Ok(Value::None)
}

pub(crate) fn is_kept_alive(call: &mut Call<'_>) -> Result<Value> {
    let timers = &call.ctx.timers;
    Ok(Value::I32((timers.kept_alive > 0 || timers.keep_alive()).into()))
}

pub(crate) fn clear_alive(call: &mut Call<'_>) -> Result<Value> {
    call.ctx.timers.kept_alive = 0;
    Ok(Value::None)
}
