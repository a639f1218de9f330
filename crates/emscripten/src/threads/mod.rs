//! pthreads: guests that start threads.
//!
//! A thread of a guest is a thread of the host with a store and an instance of its own, over the
//! memory that all of them share. What a thread is told by others, and how all end together, is in
//! `crew.rs`; what the guest calls, in `calls.rs`. Each thread calls the host itself: files and
//! streams belong to all of them, so there is nothing for which it would have to ask the first one,
//! as it has to in JavaScript.

mod body;
pub(crate) mod calls;
mod crew;

use std::sync::Arc;
use std::time::Duration;

use palisade::{Error, Store};

#[cfg(test)]
pub(crate) use body::HOST_STACK_BYTES;
pub(crate) use body::{Events, Spawner};
pub(crate) use calls::{PATTERNS, define};
pub(crate) use crew::{Crew, Message};

use crate::ctx::Call;
use crate::signature::Value;

/// Threads of one program unless the embedder sets another limit, as of a guest of wasi-threads.
const DEFAULT_MAX_THREADS: usize = 1024;

/// How long a program that has ended waits for its threads to notice. Those that do not are in
/// functions of the host, waiting for input, and end when they come back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a program may have threads, and how: for
/// [`Program::with_threads`](crate::Program::with_threads).
///
/// A thread that calls `exit`, traps, aborts or leaves an exception uncaught ends the program: all
/// others are stopped, also those that wait, and the call of the guest that the embedder has made
/// ends in that way. So does the return from `main`. Only threads that are waiting for the host (to
/// read from a stream of the embedder) cannot be stopped before that comes back.
pub struct Threads<T: 'static> {
    max_threads: usize,
    prepare: Option<Box<Prepare<T>>>,
    on_stuck: Option<Box<OnStuck>>,
}

/// Sets up what a thread has of its own.
pub(crate) const TLS_INIT: [&str; 2] = ["emscripten_tls_init", "_emscripten_tls_init"];

type Prepare<T> = dyn Fn(&mut Store<T>) + Send + Sync;
type OnStuck = dyn FnOnce(Error) + Send;

impl<T> Default for Threads<T> {
    fn default() -> Threads<T> {
        Threads { max_threads: DEFAULT_MAX_THREADS, prepare: None, on_stuck: None }
    }
}

impl<T> std::fmt::Debug for Threads<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Threads").field("max_threads", &self.max_threads).finish_non_exhaustive()
    }
}

impl<T: Clone + Send + 'static> Threads<T> {
    /// Up to 1024 threads.
    pub fn new() -> Threads<T> {
        Threads::default()
    }

    /// How many threads there may be at a time besides the one that the program begins with.
    /// `pthread_create` gives `EAGAIN` when there are so many.
    pub fn max_threads(mut self, count: usize) -> Self {
        self.max_threads = count;
        self
    }

    pub(crate) fn limit(&self) -> usize {
        self.max_threads
    }

    /// Has `prepare` called with each new thread's store before anything is in it, for example to
    /// set a limiter: that of the program's store holds for no other store.
    pub fn prepare_store(
        mut self,
        prepare: impl Fn(&mut Store<T>) + Send + Sync + 'static,
    ) -> Self {
        self.prepare = Some(Box::new(prepare));
        self
    }

    /// Has `handler` called, on the thread that has ended the program and with the error by which
    /// it has, if the embedder's call of the guest has not come back a second later: it waits in a
    /// function of the host, such as for input. A runner of programs ends its process here.
    pub fn on_stuck(mut self, handler: impl FnOnce(Error) + Send + 'static) -> Self {
        self.on_stuck = Some(Box::new(handler));
        self
    }
}

/// What a thread is told that is to be started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// Where its `struct pthread` is.
    pub(crate) address: u32,
    /// A function of the table.
    pub(crate) routine: u32,
    pub(crate) arg: u32,
    /// The upper end of its stack, and the size of that in bytes.
    pub(crate) stack: (u32, u32),
}

/// Of one thread's context: to whom it belongs.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) crew: Arc<Crew>,
    /// Which thread it is; none for the first one.
    pub(crate) address: Option<u32>,
    /// Starts a thread; says whether it has.
    pub(crate) spawn: Arc<dyn Fn(Start) -> bool + Send + Sync>,
}

/// The guest has left all its functions, but the thread goes on: JavaScript would go back to its
/// event loop.
#[derive(Debug)]
pub(crate) struct Unwind;

impl std::fmt::Display for Unwind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the guest has left its functions to wait for events")
    }
}

impl std::error::Error for Unwind {}

pub(crate) fn unwind(_: &mut Call<'_>) -> palisade::Result<Value> {
    Err(Error::new(Unwind))
}
