//! `wasi-threads`: guests that start threads.
//!
//! A thread of a guest is a thread of the host with a store and an instance of its own, which has
//! the same imports: the same shared memory, and host functions over a clone of the host's data.
//! Invariant: a number stands for at most one thread at a time, from before its store is made until
//! after that is dropped. Nothing refers to a thread that has ended.
//!
//! The end of the program interrupts the stores of all threads, which stops wasm and its waits for
//! memory, but no function of the host: a thread in one ends when that comes back.
//!
//! <https://github.com/WebAssembly/wasi-threads>

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};
use std::thread;

use palisade::{
    AsContextMut, Caller, Error, ExternType, Instance, InstancePre, InterruptHandle, Linker,
    MemoryType, Module, Result, SharedMemory, Store, Trap, TypedFunc, ValType,
};

use crate::ctx::lock;
use crate::exit::I32Exit;

/// The function that starts a thread: where a guest imports it from, and its name.
const SPAWN: (&str, &str) = ("wasi", "thread-spawn");

/// What a thread calls in its instance.
const ENTRY: &str = "wasi_thread_start";

/// Takes the thread's number, and what it was started with.
type Start = TypedFunc<(i32, i32), ()>;

/// What a guest gets when no thread was started; any negative number will do.
const NOT_STARTED: i32 = -1;

/// Numbers of threads are positive and below 2^29: C libraries keep flags in the upper bits.
const MAX_TID: i32 = (1 << 29) - 1;

/// Threads of one guest unless the embedder sets another limit. With the stacks of an engine as it
/// is by default they reserve 1 GiB of addresses, and systems that bound a service to a few
/// thousand threads leave the host what it needs.
const DEFAULT_MAX_THREADS: usize = 1024;

/// Stack of a thread besides what the engine allows wasm: for host functions, and for the few
/// frames below wasm.
const HOST_STACK_BYTES: usize = 512 << 10;

/// Puts together the [`WasiThreadsCtx`] of a guest.
pub struct WasiThreadsBuilder<T: 'static> {
    max_threads: usize,
    prepare: Option<Box<Prepare<T>>>,
    on_end: Option<Box<OnEnd>>,
}

type Prepare<T> = dyn Fn(&mut Store<T>) + Send + Sync;
type OnEnd = dyn FnOnce(Error) + Send;

impl<T> Default for WasiThreadsBuilder<T> {
    fn default() -> WasiThreadsBuilder<T> {
        WasiThreadsBuilder { max_threads: DEFAULT_MAX_THREADS, prepare: None, on_end: None }
    }
}

impl<T> fmt::Debug for WasiThreadsBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiThreadsBuilder")
            .field("max_threads", &self.max_threads)
            .finish_non_exhaustive()
    }
}

impl<T: Clone + Send + 'static> WasiThreadsBuilder<T> {
    /// A builder for at most 1024 threads.
    pub fn new() -> WasiThreadsBuilder<T> {
        WasiThreadsBuilder::default()
    }

    /// How many threads a guest may have at a time besides the one that it began with. Another one
    /// is not started, which the guest sees.
    pub fn max_threads(&mut self, count: usize) -> &mut Self {
        self.max_threads = count.min(MAX_TID as usize);
        self
    }

    /// Has `prepare` called with each new thread's store before anything is in it, for example to
    /// set a limiter: that of the store of a guest holds for no other store.
    pub fn prepare_store(
        &mut self,
        prepare: impl Fn(&mut Store<T>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.prepare = Some(Box::new(prepare));
        self
    }

    /// Has `handler` called with the error by which a thread ends the program, once, on that
    /// thread, instead of leaving it to [`WasiThreadsCtx::wait`].
    ///
    /// The thread that the guest began with may be waiting for the one that has failed and never
    /// come back, so an embedder that cannot afford this should have a handler. A runner of
    /// programs ends its process here.
    pub fn on_end(&mut self, handler: impl FnOnce(Error) + Send + 'static) -> &mut Self {
        self.on_end = Some(Box::new(handler));
        self
    }

    /// Lets `module` start threads: resolves its imports by `linker`, `wasi::thread-spawn`, and for
    /// each import of a shared memory that `linker` does not know a new one of that type. The
    /// linker stays as it is; the builder is as new afterwards.
    ///
    /// # Errors
    ///
    /// * When an import is unknown, or `linker` knows `wasi::thread-spawn`.
    /// * When the module imports `wasi::thread-spawn`, but no shared memory, has no function
    ///   `wasi_thread_start` to call, or imports an item of a store, with which no other store can
    ///   have instances.
    /// * When the system refuses the memory.
    pub fn build(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        linker: &Linker<T>,
        module: &Module,
    ) -> Result<WasiThreadsCtx<T>> {
        let built = std::mem::take(self);
        let has_threads = module.imports().any(|import| (import.module(), import.name()) == SPAWN);
        if has_threads {
            check(module)?;
        }
        let spawner = Arc::new(Spawner {
            pre: OnceLock::new(),
            prepare: built.prepare,
            group: Arc::new(Group::new(built.max_threads, built.on_end)),
        });
        let mut linker = linker.clone();
        define_spawn(&mut linker, Arc::downgrade(&spawner))?;
        for import in module.imports() {
            let Some(ty) = shared_memory(&import.ty()) else { continue };
            if linker.get_by_import(&mut store, &import).is_none() {
                let memory = SharedMemory::new_in(&mut store, ty)?;
                linker.define(&store, import.module(), import.name(), memory)?;
            }
        }
        let pre = linker.instantiate_pre(module)?;
        if has_threads && pre.needs_its_store() {
            return Err(Error::msg(
                "a module with threads cannot import items of a store, as each thread has its own",
            ));
        }
        assert!(spawner.pre.set(pre).is_ok(), "set here only");
        Ok(WasiThreadsCtx(spawner))
    }
}

/// Whether a module that starts threads has what they need.
fn check(module: &Module) -> Result<()> {
    match module.get_export(ENTRY) {
        Some(ExternType::Func(ty))
            if ty.params().len() == 2
                && ty.params().all(|ty| matches!(ty, ValType::I32))
                && ty.results().len() == 0 => {}
        Some(_) => {
            return Err(Error::msg(format!(
                "the module's export `{ENTRY}` is not a function with two parameters of type i32 \
                 and no result"
            )));
        }
        None => {
            return Err(Error::msg(format!(
                "the module imports `{}::{}`, but exports no function `{ENTRY}` for threads to run",
                SPAWN.0, SPAWN.1
            )));
        }
    }
    if !module.imports().any(|import| shared_memory(&import.ty()).is_some()) {
        return Err(Error::msg(format!(
            "the module imports `{}::{}`, but no shared memory, so its threads would have none in \
             common",
            SPAWN.0, SPAWN.1
        )));
    }
    Ok(())
}

fn shared_memory(ty: &ExternType) -> Option<MemoryType> {
    match ty {
        ExternType::Memory(ty) if ty.is_shared() => Some(ty.clone()),
        _ => None,
    }
}

/// Defines the function that starts threads. It does not own what it needs for that: the linker's
/// functions are part of that.
fn define_spawn<T: Clone + Send + 'static>(
    linker: &mut Linker<T>,
    spawner: Weak<Spawner<T>>,
) -> Result<()> {
    let spawn = move |caller: Caller<'_, T>, arg: i32| -> i32 {
        let tid = spawner.upgrade().and_then(|spawner| spawner.spawn(caller.data().clone(), arg));
        tid.unwrap_or(NOT_STARTED)
    };
    linker.func_wrap(SPAWN.0, SPAWN.1, spawn)?;
    Ok(())
}

/// A guest that can start threads.
///
/// It starts them as long as this lives and none has failed. Each gets a clone of the host's data
/// of the store that it is started from. With a [`WasiCtx`](crate::WasiCtx) in that, all threads
/// share one state of WASI, and none keeps the others waiting.
///
/// A thread that calls `proc_exit` or traps ends the program: all others are stopped, and the call
/// of the guest that the embedder has made, or else the next one, ends with
/// [`Trap::Interrupt`](palisade::Trap::Interrupt). The error by which that thread has ended goes to
/// the handler set by [`on_end`](WasiThreadsBuilder::on_end), or to [`wait`](Self::wait). A panic of
/// a host function is such an error, too.
///
/// When the call of `_start` comes back the program has ended as well, in the words of wasi-threads,
/// and takes its threads along: they are stopped when this is dropped, or by [`stop`](Self::stop). A
/// library may have threads that go on; an embedder sees by [`running`](Self::running) whether there
/// are any. A thread that waits in a function of the host, such as for input, is stopped when that
/// comes back, and has what it uses until then.
///
/// ```
/// use palisade::{Engine, Linker, Module, Store};
/// use palisade_wasi::{WasiCtx, WasiCtxBuilder, WasiThreadsBuilder};
///
/// let engine = Engine::default();
/// let module = Module::new(
///     &engine,
///     r#"(module
///         (import "env" "memory" (memory 1 1 shared))
///         (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
///         (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
///             (i32.atomic.store (i32.const 0) (local.get $arg))
///             (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
///         (func (export "_start")
///             (drop (call $spawn (i32.const 7)))
///             (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))"#,
/// )?;
///
/// let mut linker: Linker<WasiCtx> = Linker::new(&engine);
/// palisade_wasi::add_to_linker(&mut linker, |ctx| ctx)?;
/// let mut store = Store::new(&engine, WasiCtxBuilder::new().build());
/// let threads = WasiThreadsBuilder::new().build(&mut store, &linker, &module)?;
/// let instance = threads.instantiate(&mut store)?;
/// instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ())?;
/// threads.wait()?;
/// # Ok::<(), palisade::Error>(())
/// ```
pub struct WasiThreadsCtx<T: 'static>(Arc<Spawner<T>>);

impl<T: Clone + Send + 'static> WasiThreadsCtx<T> {
    /// Makes the instance that the guest begins with.
    ///
    /// # Errors
    ///
    /// As for [`InstancePre::instantiate`].
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> Result<Instance> {
        lock(&self.0.group.state).first = Some(store.as_context_mut().interrupt_handle());
        self.0.pre().instantiate(store)
    }

    /// How many threads there are besides the one that the guest began with.
    pub fn running(&self) -> usize {
        lock(&self.0.group.state).running.len()
    }

    /// Stops all threads but the one that the guest began with, which can start no others then. They
    /// end soon, not at once; [`wait`](Self::wait) waits for that.
    pub fn stop(&self) {
        self.0.group.stop();
    }

    /// Waits until no thread is [`running`](Self::running), or one has ended the program.
    ///
    /// # Errors
    ///
    /// That by which the first thread ended the program: [`I32Exit`], a trap, or the error of a host
    /// function. It is given once, and not here if there is a handler for it.
    pub fn wait(&self) -> Result<()> {
        self.0.group.wait()
    }
}

impl<T> Drop for WasiThreadsCtx<T> {
    fn drop(&mut self) {
        self.0.group.stop();
    }
}

impl<T> fmt::Debug for WasiThreadsCtx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiThreadsCtx").finish_non_exhaustive()
    }
}

/// What it takes to start a thread.
struct Spawner<T: 'static> {
    /// The module with its imports, one of which refers to this.
    pre: OnceLock<InstancePre<T>>,
    prepare: Option<Box<Prepare<T>>>,
    group: Arc<Group>,
}

impl<T: Clone + Send + 'static> Spawner<T> {
    fn pre(&self) -> &InstancePre<T> {
        self.pre.get().expect("set before anybody can ask")
    }

    /// Starts a thread; gives its number, or none if there is no thread.
    fn spawn(self: Arc<Self>, data: T, arg: i32) -> Option<i32> {
        let running = self.group.admit()?;
        let tid = running.tid;
        let stack = self.pre().module().engine().max_wasm_stack().saturating_add(HOST_STACK_BYTES);
        let (started, has_started) = mpsc::channel();
        thread::Builder::new()
            .name(format!("wasi-{tid}"))
            .stack_size(stack)
            .spawn(move || self.run(&running, data, arg, &started))
            .ok()?;
        has_started.recv().ok()
    }

    /// What a thread does. Says its number once it has an instance.
    ///
    /// It makes that itself, and not the one that starts it: start functions of instances may start
    /// threads, and would nest on one stack.
    fn run(self: Arc<Self>, running: &Running, data: T, arg: i32, started: &Sender<i32>) {
        let guest = move || {
            let instance = self.instantiate(data, running);
            // From here on, whether threads can be started is for others to say.
            drop(self);
            match instance {
                Ok((mut store, entry)) => {
                    // Whoever has started it waits for this, unless its host panics.
                    let _ = started.send(running.tid);
                    entry.call(&mut store, (running.tid, arg))
                }
                // A start function has ended the program.
                Err(error) if error.is::<I32Exit>() || error.is::<Trap>() => Err(error),
                Err(_) => Ok(()),
            }
        };
        let panicked = |_| Err(Error::msg("a host function panicked in a thread of the guest"));
        let result = panic::catch_unwind(AssertUnwindSafe(guest)).unwrap_or_else(panicked);
        if let Err(error) = result {
            running.group.end(error);
        }
    }

    fn instantiate(&self, data: T, running: &Running) -> Result<(Store<T>, Start)> {
        let mut store = Store::new(self.pre().module().engine(), data);
        if let Some(prepare) = &self.prepare {
            prepare(&mut store);
        }
        running.begin(store.interrupt_handle())?;
        let instance = self.pre().instantiate(&mut store)?;
        let entry = instance.get_typed_func(&mut store, ENTRY)?;
        Ok((store, entry))
    }
}

/// The threads of a guest, without the one that it began with.
struct Group {
    max: usize,
    state: Mutex<State>,
    /// One has ended.
    changed: Condvar,
}

struct State {
    /// Those that run, by their numbers, and what stops them if they are in their stores.
    running: HashMap<i32, Option<InterruptHandle>>,
    /// Stops the thread that the guest began with.
    first: Option<InterruptHandle>,
    last_tid: i32,
    /// Whether the program has ended.
    ended: bool,
    /// By what, until somebody asks for it.
    error: Option<Error>,
    on_end: Option<Box<OnEnd>>,
}

impl State {
    /// What stops the threads that run.
    fn handles(&self) -> Vec<InterruptHandle> {
        self.running.values().flatten().cloned().collect()
    }
}

impl Group {
    fn new(max: usize, on_end: Option<Box<OnEnd>>) -> Group {
        let running = HashMap::new();
        let state = State { running, first: None, last_tid: 0, ended: false, error: None, on_end };
        Group { max, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Gives a thread to be started a number, the next after the last one that is free; none when
    /// there may be no more threads.
    fn admit(self: &Arc<Self>) -> Option<Running> {
        let mut state = lock(&self.state);
        if state.ended || state.running.len() >= self.max {
            return None;
        }
        let mut tid = state.last_tid;
        loop {
            tid = tid % MAX_TID + 1;
            if let Entry::Vacant(place) = state.running.entry(tid) {
                place.insert(None);
                break;
            }
        }
        state.last_tid = tid;
        Some(Running { group: self.clone(), tid })
    }

    /// A thread has ended the program. The first one that does says by what.
    fn end(&self, error: Error) {
        let mut state = lock(&self.state);
        if state.ended {
            return;
        }
        state.ended = true;
        let report = match state.on_end.take() {
            Some(on_end) => Some((on_end, error)),
            None => {
                state.error = Some(error);
                None
            }
        };
        let handles = state.handles();
        let first = state.first.clone();
        drop(state);
        self.changed.notify_all();
        // It may do anything, such as to ask how many threads are running, or not come back.
        if let Some((on_end, error)) = report {
            on_end(error);
        }
        handles.iter().chain(&first).for_each(InterruptHandle::interrupt);
    }

    /// The program has ended otherwise.
    fn stop(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        let handles = state.handles();
        drop(state);
        handles.iter().for_each(InterruptHandle::interrupt);
    }

    fn wait(&self) -> Result<()> {
        let mut state = lock(&self.state);
        loop {
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            if state.running.is_empty() {
                return Ok(());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One of the threads that run, or are about to.
struct Running {
    group: Arc<Group>,
    tid: i32,
}

impl Running {
    /// The thread has a store.
    ///
    /// # Errors
    ///
    /// When the program has ended meanwhile.
    fn begin(&self, handle: InterruptHandle) -> Result<()> {
        let mut state = lock(&self.group.state);
        if state.ended {
            return Err(Error::msg("the program has ended"));
        }
        state.running.insert(self.tid, Some(handle));
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.group.state).running.remove(&self.tid);
        self.group.changed.notify_all();
    }
}
