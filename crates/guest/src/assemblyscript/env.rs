//! What AssemblyScript modules import by themselves, from module `env`: `abort`, `trace`, `seed`,
//! clocks, and the console's functions, whose names have a dot. What else a module declares is its
//! embedder's to define.

use super::ObjectView;
use crate::{GuestPtr, View};
use palisade::{Caller, Error, Linker, Result};
use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Times that `console.time` has begun, at most.
const MAX_TIMERS: usize = 1000;

/// How a guest has ended: by `abort`, a failed `assert`, an index out of range, `throw`. A trap, as
/// far as the guest is concerned; `downcast_ref` finds it in the error of the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "abort: {} at {}:{line}:{column}",
    known(message, "no message"),
    known(file, "unknown file")
)]
pub struct AsAbort {
    /// What the guest says. `None` if it says nothing, or what it gives is no string.
    pub message: Option<String>,
    /// The source file, as the compiler names it. `None` likewise.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

fn known<'a>(text: &'a Option<String>, otherwise: &'a str) -> &'a str {
    text.as_deref().unwrap_or(otherwise)
}

/// Which of the console's functions a guest has called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// `console.log`
    Log,
    /// `console.debug`
    Debug,
    /// `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`, and `console.assert` if it fails
    Error,
}

type Console<T> = Arc<dyn Fn(&mut T, Level, &str) -> Result<()> + Send + Sync>;
type Trace<T> = Arc<dyn Fn(&mut T, &str, &[f64]) -> Result<()> + Send + Sync>;
type Seed<T> = Arc<dyn Fn(&mut T) -> f64 + Send + Sync>;

/// The imports of AssemblyScript modules. `T` is the data of the store.
///
/// Unless told otherwise, the console writes lines to the standard output of the process (warnings
/// and errors to its standard error), `trace` writes there too, and the seed of `Math.random` is
/// random.
///
/// ```
/// use palisade::{Engine, Linker};
/// use palisade_guest::{AssemblyScriptEnv, Level};
///
/// let mut linker: Linker<Vec<String>> = Linker::new(&Engine::default());
/// AssemblyScriptEnv::new()
///     .console(|lines: &mut Vec<String>, level, text| {
///         lines.push(format!("{level:?}: {text}"));
///         Ok(())
///     })
///     .seed(|_| 42.0)
///     .add_to_linker(&mut linker)?;
/// # Ok::<(), palisade::Error>(())
/// ```
pub struct AssemblyScriptEnv<T> {
    console: Console<T>,
    trace: Trace<T>,
    seed: Seed<T>,
}

impl<T: 'static> AssemblyScriptEnv<T> {
    /// With standard streams and a random seed.
    pub fn new() -> Self {
        AssemblyScriptEnv {
            console: Arc::new(|_, level, text| match level {
                Level::Warn | Level::Error => Ok(writeln!(std::io::stderr(), "{text}")?),
                Level::Log | Level::Debug | Level::Info => {
                    Ok(writeln!(std::io::stdout(), "{text}")?)
                }
            }),
            trace: Arc::new(|_, text, values| {
                let mut line = text.to_string();
                for value in values {
                    line.push_str(&format!(" {value}"));
                }
                Ok(writeln!(std::io::stdout(), "{line}")?)
            }),
            seed: Arc::new(|_| {
                // If the system has no random numbers, the guest has the same ones each time.
                (getrandom::u64().unwrap_or_default() >> 11) as f64
            }),
        }
    }

    /// What is called for each text of `console.log` and its kin.
    #[must_use]
    pub fn console(
        mut self,
        write: impl Fn(&mut T, Level, &str) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.console = Arc::new(write);
        self
    }

    /// What is called for each `trace`, with the numbers that the guest gives, at most five.
    #[must_use]
    pub fn trace(
        mut self,
        write: impl Fn(&mut T, &str, &[f64]) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.trace = Arc::new(write);
        self
    }

    /// What gives the seed of `Math.random`.
    #[must_use]
    pub fn seed(mut self, seed: impl Fn(&mut T) -> f64 + Send + Sync + 'static) -> Self {
        self.seed = Arc::new(seed);
        self
    }

    /// Defines the functions in `linker`, in module `env`: `abort`, `trace`, `seed`, all of
    /// `console`, `Date.now` and `performance.now`. They read strings from the memory that the
    /// guest exports as `memory`.
    ///
    /// # Errors
    ///
    /// When one of them is defined already.
    pub fn add_to_linker(&self, linker: &mut Linker<T>) -> Result<()> {
        linker.func_wrap("env", "abort", abort::<T>)?;
        self.add_trace(linker)?;
        let seed = self.seed.clone();
        linker
            .func_wrap("env", "seed", move |mut caller: Caller<'_, T>| seed(caller.data_mut()))?;
        for (name, level) in [
            ("console.log", Level::Log),
            ("console.debug", Level::Debug),
            ("console.info", Level::Info),
            ("console.warn", Level::Warn),
            ("console.error", Level::Error),
        ] {
            let console = self.console.clone();
            linker.func_wrap("env", name, move |mut caller: Caller<'_, T>, text: u32| {
                let text = string(&mut caller, text)?;
                console(caller.data_mut(), level, &text)
            })?;
        }
        self.add_timers(linker)?;
        add_clocks(linker)?;
        let console = self.console.clone();
        linker.func_wrap(
            "env",
            "console.assert",
            move |mut caller: Caller<'_, T>, condition: u32, text: u32| match condition {
                0 => {
                    let text = format!("Assertion failed: {}", string(&mut caller, text)?);
                    console(caller.data_mut(), Level::Error, &text)
                }
                _ => Ok(()),
            },
        )?;
        Ok(())
    }

    /// `console.time` and its kin, with the times that were begun.
    fn add_timers(&self, linker: &mut Linker<T>) -> Result<()> {
        let timers = Arc::new(Mutex::new(HashMap::new()));
        let started = timers.clone();
        linker.func_wrap("env", "console.time", move |mut caller: Caller<'_, T>, label: u32| {
            let label = string(&mut caller, label)?;
            let mut timers = started.lock().unwrap_or_else(PoisonError::into_inner);
            // A guest cannot have the host keep more and more of them.
            if timers.len() < MAX_TIMERS {
                timers.entry(label).or_insert_with(Instant::now);
            }
            Ok(())
        })?;
        for (name, ends) in [("console.timeLog", false), ("console.timeEnd", true)] {
            let (timers, console) = (timers.clone(), self.console.clone());
            linker.func_wrap("env", name, move |mut caller: Caller<'_, T>, label: u32| {
                let label = string(&mut caller, label)?;
                let mut timers = timers.lock().unwrap_or_else(PoisonError::into_inner);
                let begun = if ends { timers.remove(&label) } else { timers.get(&label).copied() };
                drop(timers);
                let Some(begun) = begun else { return Ok(()) };
                let text = format!("{label}: {:.3}ms", begun.elapsed().as_secs_f64() * 1e3);
                console(caller.data_mut(), Level::Log, &text)
            })?;
        }
        Ok(())
    }

    fn add_trace(&self, linker: &mut Linker<T>) -> Result<()> {
        let trace = self.trace.clone();
        linker.func_wrap(
            "env",
            "trace",
            move |mut caller: Caller<'_, T>,
                  text: u32,
                  count: i32,
                  a: f64,
                  b: f64,
                  c: f64,
                  d: f64,
                  e: f64| {
                let text = string(&mut caller, text)?;
                let values = [a, b, c, d, e];
                let count = usize::try_from(count).unwrap_or(0).min(values.len());
                trace(caller.data_mut(), &text, &values[..count])
            },
        )?;
        Ok(())
    }
}

/// `Date.now` and `performance.now`, in milliseconds: since 1970, and since this is called.
fn add_clocks<T: 'static>(linker: &mut Linker<T>) -> Result<()> {
    let milliseconds = |since: Duration| (since.as_secs_f64() * 1e3).floor();
    linker.func_wrap("env", "Date.now", move || -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, milliseconds)
    })?;
    let start = Instant::now();
    linker.func_wrap("env", "performance.now", move || -> f64 {
        start.elapsed().as_secs_f64() * 1e3
    })?;
    Ok(())
}

impl<T: 'static> Default for AssemblyScriptEnv<T> {
    fn default() -> Self {
        AssemblyScriptEnv::new()
    }
}

impl<T> Clone for AssemblyScriptEnv<T> {
    fn clone(&self) -> Self {
        AssemblyScriptEnv {
            console: self.console.clone(),
            trace: self.trace.clone(),
            seed: self.seed.clone(),
        }
    }
}

impl<T> fmt::Debug for AssemblyScriptEnv<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssemblyScriptEnv").finish_non_exhaustive()
    }
}

fn abort<T: 'static>(
    mut caller: Caller<'_, T>,
    message: u32,
    file: u32,
    line: u32,
    column: u32,
) -> Result<()> {
    // A guest that aborts may be in any state; that its strings cannot be read must not hide that
    // it has.
    let mut text = |at| (at != 0).then(|| string(&mut caller, at).ok()).flatten();
    let (message, file) = (text(message), text(file));
    Err(AsAbort { message, file, line, column }.into())
}

/// A string of the calling guest. Null is the text that JavaScript makes of it.
fn string<T: 'static>(caller: &mut Caller<'_, T>, at: u32) -> Result<String> {
    if at == 0 {
        return Ok("null".into());
    }
    let memory = caller
        .get_export("memory")
        .and_then(|item| item.into_memory())
        .ok_or_else(|| Error::msg("the AssemblyScript guest exports no `memory`"))?;
    let view = ObjectView::new(View::new(memory.data(&*caller)), None);
    view.string_lossy(GuestPtr::<()>::new(at))
}
