//! The threads of one program: which there are, what they are told, and how all of them end.
//!
//! A thread is known by the address of its `struct pthread`, which the guest chooses: two that are
//! in the guest never have the same one. It stays known until it has left the guest and the guest
//! has cleaned up after it, as by `pthread_join`. Invariant: whoever is counted as running has a
//! store, or is about to make one or has just dropped it; so when none is, nothing of the program
//! is used any more.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use palisade::{Error, InterruptHandle};

use crate::stream::lock;

/// Threads that have ended and that the guest has not cleaned up after: as many as processes can
/// have on large systems.
const MAX_ENDED: usize = 1 << 16;

/// Queues that a thread is to look at. A guest has one, or a few of its own.
const MAX_QUEUES: usize = 1024;

/// How long a thread has that is about to go, such as one that has been joined. It needs some
/// instructions, but may not be running at the moment.
const LEAVING: Duration = Duration::from_millis(100);

/// The threads of a program. The one that it begins with belongs to it too, but is not counted.
pub(crate) struct Crew {
    max: usize,
    state: Mutex<State>,
    /// Something has ended, or was told something.
    changed: Condvar,
}

struct State {
    threads: HashMap<u32, Thread>,
    running: usize,
    last_id: u64,
    main: InterruptHandle,
    /// The address of the first thread's `struct pthread`, once it has said it.
    main_address: u32,
    main_inbox: Inbox,
    /// Threads that are done with their stacks, which can be freed.
    to_free: Vec<u32>,
    end: End,
}

/// How far the end of the program has come.
enum End {
    NotYet,
    /// By a thread, with the error that says how.
    By(Error),
    /// And somebody has been told, or it was the first thread.
    Known,
}

struct Thread {
    /// Addresses are used again; this is not.
    id: u64,
    runs: bool,
    /// It has left the guest for good, though it may still be dropping its store.
    left: bool,
    /// There once it has a store.
    handle: Option<InterruptHandle>,
    inbox: Inbox,
    /// The guest has cleaned up after it while it was still running.
    cleaned_up: bool,
    /// By `pthread_kill`.
    killed: bool,
}

impl Thread {
    fn inbox(&mut self) -> &mut Inbox {
        &mut self.inbox
    }
}

/// What a thread is to do when it has nothing else to do.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Inbox {
    /// Call what is in its queue of calls.
    pub(crate) calls: bool,
    /// Look into its mailbox.
    pub(crate) mail: bool,
    pub(crate) cancel: bool,
    /// Do its tasks in these queues.
    pub(crate) queues: Vec<u32>,
}

/// One thing to tell a thread.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Message {
    Calls,
    Mail,
    Cancel,
    Queue(u32),
}

impl Inbox {
    fn is_empty(&self) -> bool {
        *self == Inbox::default()
    }

    fn put(&mut self, message: Message) -> bool {
        match message {
            Message::Calls => self.calls = true,
            Message::Mail => self.mail = true,
            Message::Cancel => self.cancel = true,
            Message::Queue(queue) if self.queues.contains(&queue) => {}
            Message::Queue(_) if self.queues.len() >= MAX_QUEUES => return false,
            Message::Queue(queue) => self.queues.push(queue),
        }
        true
    }
}

impl Crew {
    pub(crate) fn new(max: usize, main: InterruptHandle) -> Crew {
        let state = State {
            threads: HashMap::new(),
            running: 0,
            last_id: 0,
            main,
            main_address: 0,
            main_inbox: Inbox::default(),
            to_free: Vec::new(),
            end: End::NotYet,
        };
        Crew { max, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Counts a thread that is to be started; none if there may be no more. If one is about to go
    /// whose place it could have, that is waited for.
    pub(crate) fn admit(self: &Arc<Self>, address: u32) -> Option<Running> {
        self.wait_until(LEAVING, |state| {
            state.has_ended() || state.running < self.max || !state.is_one_leaving()
        });
        let mut state = lock(&self.state);
        let runs = state.threads.get(&address).is_some_and(|thread| thread.runs);
        let ended = state.threads.len().saturating_sub(state.running);
        if state.has_ended() || runs || state.running >= self.max || ended >= MAX_ENDED {
            return None;
        }
        state.running += 1;
        state.last_id += 1;
        let id = state.last_id;
        let thread = Thread {
            id,
            runs: true,
            left: false,
            handle: None,
            inbox: Inbox::default(),
            cleaned_up: false,
            killed: false,
        };
        state.threads.insert(address, thread);
        Some(Running { crew: self.clone(), address, id })
    }

    /// How many threads run besides the one that the program began with.
    pub(crate) fn running(&self) -> usize {
        lock(&self.state).running
    }

    pub(crate) fn set_main_address(&self, address: u32) {
        lock(&self.state).main_address = address;
    }

    pub(crate) fn is_main(&self, address: u32) -> bool {
        lock(&self.state).main_address == address
    }

    /// Tells a thread something, if there is this thread.
    pub(crate) fn post(&self, address: u32, message: Message) -> bool {
        let mut state = lock(&self.state);
        let inbox = match state.threads.contains_key(&address) {
            true => state.threads.get_mut(&address).filter(|thread| thread.runs).map(Thread::inbox),
            false if state.main_address == address => Some(&mut state.main_inbox),
            false => None,
        };
        let put = inbox.is_some_and(|inbox| inbox.put(message));
        drop(state);
        self.changed.notify_all();
        put
    }

    /// Waits until the thread (`None`: the first one) is told something. Nothing will come any
    /// more when the program has ended, the thread is killed, or the first thread is alone.
    pub(crate) fn wait_for_mail(&self, address: Option<u32>) -> Option<Inbox> {
        let mut state = lock(&self.state);
        loop {
            if state.has_ended() {
                return None;
            }
            let alone = address.is_none() && state.running == 0;
            let inbox = match address {
                None => &mut state.main_inbox,
                Some(address) => {
                    let thread = state.threads.get_mut(&address).filter(|thread| !thread.killed);
                    &mut thread?.inbox
                }
            };
            if !inbox.is_empty() {
                return Some(std::mem::take(inbox));
            }
            if alone {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The same for the first thread when it has something else to do at `deadline`: then there is
    /// nothing, also if it is alone.
    pub(crate) fn wait_for_mail_until(&self, deadline: Instant) -> Option<Inbox> {
        let limit = deadline.saturating_duration_since(Instant::now());
        self.wait_until(limit, |state| state.has_ended() || !state.main_inbox.is_empty());
        let inbox = std::mem::take(&mut lock(&self.state).main_inbox);
        (!inbox.is_empty()).then_some(inbox)
    }

    /// The guest is done with a thread; `own` is the address of the one that says so. What it has
    /// of memory can be freed at once if it has left the guest, and else later: it may be running
    /// on the stack that is to be freed. Says whether there is such a thread.
    ///
    /// Who has joined a thread knows that it will have left in a moment, and is about to need the
    /// memory: that is waited for.
    pub(crate) fn clean_up(&self, address: u32, own: Option<u32>) -> bool {
        let in_guest = |state: &State| {
            state.threads.get(&address).is_some_and(|thread| thread.runs && !thread.left)
        };
        if own != Some(address) {
            self.wait_until(LEAVING, |state| state.has_ended() || !in_guest(state));
        }
        let mut state = lock(&self.state);
        match state.threads.get_mut(&address) {
            Some(thread) if thread.runs && !thread.left => {
                thread.cleaned_up = true;
                true
            }
            Some(_) => {
                state.threads.remove(&address);
                state.to_free.push(address);
                true
            }
            None => false,
        }
    }

    /// Threads whose memory can be freed now, by whoever has asked.
    pub(crate) fn take_freed(&self) -> Vec<u32> {
        std::mem::take(&mut lock(&self.state).to_free)
    }

    /// Stops a thread wherever it is; it does not end the program.
    pub(crate) fn kill(&self, address: u32) {
        let mut state = lock(&self.state);
        let Some(thread) = state.threads.get_mut(&address).filter(|thread| thread.runs) else {
            return;
        };
        thread.killed = true;
        thread.cleaned_up = true;
        let handle = thread.handle.clone();
        drop(state);
        self.changed.notify_all();
        if let Some(handle) = handle {
            handle.interrupt();
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.state).has_ended()
    }

    /// A thread ends the program with an error, also that of an exit, and all others are stopped:
    /// those that wait for input as soon as they have it.
    pub(crate) fn end_by(&self, error: Error) {
        if let Some((mut handles, main)) = self.begin_end(End::By(error)) {
            handles.push(main);
            handles.iter().for_each(InterruptHandle::interrupt);
        }
    }

    /// The first thread ends the program. If another one has done that before, gives its error, if
    /// nobody has got that yet.
    pub(crate) fn end(&self) -> Option<Error> {
        if let Some((handles, _)) = self.begin_end(End::Known) {
            handles.iter().for_each(InterruptHandle::interrupt);
            return None;
        }
        self.take_error()
    }

    /// The error by which a thread has ended the program, once.
    pub(crate) fn take_error(&self) -> Option<Error> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut state.end, End::Known) {
            End::By(error) => {
                drop(state);
                self.changed.notify_all();
                Some(error)
            }
            End::NotYet => {
                state.end = End::NotYet;
                None
            }
            End::Known => None,
        }
    }

    /// The error by which a thread has ended the program, if nobody asks for it before `limit`.
    pub(crate) fn unasked_error(&self, limit: Duration) -> Option<Error> {
        self.wait_until(limit, |state| !matches!(state.end, End::By(_)));
        self.take_error()
    }

    /// Waits until no thread runs, at most for `limit`.
    pub(crate) fn wait(&self, limit: Duration) {
        self.wait_until(limit, |state| state.running == 0);
    }

    /// Lets the time pass, but not after the end of the program.
    pub(crate) fn sleep(&self, time: Duration) {
        self.wait_until(time, State::has_ended);
    }

    fn begin_end(&self, end: End) -> Option<(Vec<InterruptHandle>, InterruptHandle)> {
        let mut state = lock(&self.state);
        if state.has_ended() {
            return None;
        }
        state.end = end;
        let running = state.threads.values().filter(|thread| thread.runs);
        let handles = running.filter_map(|thread| thread.handle.clone()).collect();
        let main = state.main.clone();
        drop(state);
        self.changed.notify_all();
        Some((handles, main))
    }

    fn wait_until(&self, limit: Duration, is_so: impl Fn(&State) -> bool) {
        let deadline = Instant::now().checked_add(limit);
        let mut state = lock(&self.state);
        while !is_so(&state) {
            let left = deadline.map_or(limit, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn is_one_leaving(&self) -> bool {
        let stays = |thread: &&Thread| thread.runs && !thread.left && !thread.cleaned_up;
        self.threads.values().filter(stays).count() < self.running
    }

    fn has_ended(&self) -> bool {
        !matches!(self.end, End::NotYet)
    }
}

/// A thread that runs, or is about to.
pub(crate) struct Running {
    pub(crate) crew: Arc<Crew>,
    pub(crate) address: u32,
    id: u64,
}

impl Running {
    /// The thread has a store; says whether it may go on.
    pub(crate) fn begin(&self, handle: InterruptHandle) -> bool {
        let mut state = lock(&self.crew.state);
        let ended = state.has_ended();
        match state.threads.get_mut(&self.address) {
            Some(thread) if thread.id == self.id => {
                thread.handle = Some(handle);
                !ended && !thread.killed
            }
            _ => false,
        }
    }

    /// The thread will not run the guest any more.
    pub(crate) fn leave(&self) {
        let mut state = lock(&self.crew.state);
        let thread = state.threads.get_mut(&self.address);
        if let Some(thread) = thread.filter(|thread| thread.id == self.id) {
            thread.left = true;
        }
        drop(state);
        self.crew.changed.notify_all();
    }

    /// Whether it is to stop whatever it does: killed, or the program has ended.
    pub(crate) fn is_stopped(&self) -> bool {
        let state = lock(&self.crew.state);
        state.has_ended()
            || state
                .threads
                .get(&self.address)
                .is_none_or(|thread| thread.id != self.id || thread.killed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = lock(&self.crew.state);
        state.running -= 1;
        let thread = state.threads.get_mut(&self.address).filter(|thread| thread.id == self.id);
        if let Some(thread) = thread {
            thread.runs = false;
            thread.handle = None;
            if thread.cleaned_up {
                state.threads.remove(&self.address);
                state.to_free.push(self.address);
            }
        }
        drop(state);
        self.crew.changed.notify_all();
    }
}
