//! Stopping wasm from outside.
//!
//! A request sets a flag in the store's context and sends a signal to all threads that may run wasm. The handler leaves for
//! the landing pad if it has interrupted a wasm function, and the thread's newest activation is of a store with the flag.
//! Host functions, runtime functions and the compiler look at the flag when they are done, and so does compiled code behind
//! calls of C's routines. Who waits for a place in a shared memory is woken. What else a signal can find is the way into wasm or out of it: there nothing happens, and a
//! thread of ours repeats the signal, less and less often, until the flag was seen or the store is idle. An idle store's
//! next call sees the flag before it enters wasm. Otherwise compiled code pays nothing.
//!
//! Wasm can be left at any instruction: what compiled code writes to memory of the runtime is sound after each store. (An
//! entry of a function table is null while it is written.)

use super::parking_lot;
use super::store::SharedCtx;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Until the first repetition of a signal, and between two at most.
const FIRST_PAUSE: Duration = Duration::from_micros(200);
const LAST_PAUSE: Duration = Duration::from_millis(1);

/// A store whose wasm can be stopped.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<SharedCtx>);

impl Interrupt {
    pub(super) fn new(ctx: Arc<SharedCtx>) -> Interrupt {
        Interrupt(ctx)
    }

    /// Stops the wasm that runs, or else the next call.
    pub(crate) fn request(&self) {
        self.0.request_interrupt();
        parking_lot::interrupt(Arc::as_ptr(&self.0) as usize);
        palisade_sys::interrupt_threads();
        static WATCHER: Mutex<Option<Sender<Arc<SharedCtx>>>> = Mutex::new(None);
        let mut watcher = WATCHER.lock().unwrap_or_else(PoisonError::into_inner);
        if watcher.is_none() {
            let (sender, receiver) = channel();
            let thread = thread::Builder::new().name("palisade-interrupt".into());
            // Where no thread can be started now, perhaps one can for the next request.
            *watcher = thread.spawn(move || watch(&receiver)).ok().map(|_| sender);
        }
        if let Some(watcher) = &*watcher {
            let _ = watcher.send(self.0.clone());
        }
    }
}

/// Repeats signals as long as a store runs that has not noticed.
fn watch(requests: &Receiver<Arc<SharedCtx>>) {
    let mut waiting: Vec<Arc<SharedCtx>> = Vec::new();
    let mut pause = FIRST_PAUSE;
    loop {
        if waiting.is_empty() {
            let Ok(request) = requests.recv() else { return };
            waiting.push(request);
            pause = FIRST_PAUSE;
        }
        match requests.recv_timeout(pause) {
            Ok(request) => {
                waiting.push(request);
                pause = FIRST_PAUSE;
                continue;
            }
            Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(LAST_PAUSE),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        waiting.retain(|ctx| ctx.is_interrupt_pending());
        if !waiting.is_empty() {
            palisade_sys::interrupt_threads();
        }
    }
}
