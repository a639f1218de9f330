//! What a thread of the guest does, from its start to its end.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};
use std::thread;

use palisade::{AsContextMut, Error, Func, InstancePre, Result, Store, TypedFunc, Val};

use super::crew::{Crew, Inbox, Running};
use super::{Member, OnStuck, PATIENCE, Prepare, Start, TLS_INIT, Threads, Unwind};
use crate::bound::{Bound, Find, not_ours};
use crate::ctx::Linked;
use crate::events::{call_loosely, go_on, in_table, run_due, takes};
use crate::guest::GuestMemory;
use crate::link::Context;
use crate::setup::Plan;
use crate::stream::lock;
use crate::timers::Timers;

/// Stack of a thread besides what the engine allows wasm: for host functions, and for the few
/// frames below wasm.
pub(crate) const HOST_STACK_BYTES: usize = 512 << 10;

/// What `pthread_join` gives of a thread that was cancelled.
const CANCELLED: u32 = u32::MAX;

/// What it takes to start a thread.
pub(crate) struct Spawner<T: 'static, C> {
    pub(crate) pre: InstancePre<T>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) ctx: C,
    pub(crate) crew: Arc<Crew>,
    /// Data of the host that the stores of threads get clones of.
    data: Mutex<T>,
    memory: GuestMemory,
    memory_max: Option<u64>,
    memory_fixed: bool,
    prepare: Option<Box<Prepare<T>>>,
    on_stuck: Mutex<Option<Box<OnStuck>>>,
}

impl<T: Clone + Send + 'static, C: Context<T>> Spawner<T, C> {
    pub(crate) fn new(
        threads: Threads<T>,
        pre: InstancePre<T>,
        plan: Arc<Plan>,
        (data, ctx): (T, C),
        (crew, memory): (Arc<Crew>, GuestMemory),
        linked: &Linked,
    ) -> Spawner<T, C> {
        Spawner {
            pre,
            plan,
            ctx,
            crew,
            data: Mutex::new(data),
            memory,
            memory_max: linked.memory_max,
            memory_fixed: linked.memory_fixed,
            prepare: threads.prepare,
            on_stuck: Mutex::new(threads.on_stuck),
        }
    }

    /// What the context of each thread, also the first, holds of this.
    pub(crate) fn member(self: &Arc<Self>, address: Option<u32>) -> Member {
        let spawner = self.clone();
        Member {
            crew: self.crew.clone(),
            address,
            spawn: Arc::new(move |start| spawner.clone().spawn(start)),
        }
    }

    /// Starts a thread, which makes its instance itself: that takes a while, and start functions
    /// of instances would nest on one stack.
    fn spawn(self: Arc<Self>, start: Start) -> bool {
        let Some(running) = self.crew.admit(start.address) else { return false };
        let stack = self.pre.module().engine().max_wasm_stack().saturating_add(HOST_STACK_BYTES);
        let builder = thread::Builder::new().name("pthread".into()).stack_size(stack);
        builder.spawn(move || self.run(&running, start)).is_ok()
    }

    fn run(self: Arc<Self>, running: &Running, start: Start) {
        let panicked = |_| Err(Error::msg("a host function panicked in a thread of the guest"));
        let result = panic::catch_unwind(AssertUnwindSafe(|| self.guest(running, start)));
        let Err(error) = result.unwrap_or_else(panicked) else { return };
        if running.is_stopped() {
            return;
        }
        self.crew.end_by(error);
        let handler = lock(&self.on_stuck).take();
        if let Some(handler) = handler
            && let Some(error) = self.crew.unasked_error(PATIENCE)
        {
            handler(error);
        }
    }

    /// Has a store, an instance in it, and what the guest does; all is dropped at the end.
    fn guest(self: &Arc<Self>, running: &Running, start: Start) -> Result<()> {
        let mut data = lock(&self.data).clone();
        (self.ctx)(&mut data).member = Some(self.member(Some(running.address)));
        let mut store = Store::new(self.pre.module().engine(), data);
        if let Some(prepare) = &self.prepare {
            prepare(&mut store);
        }
        if !running.begin(store.interrupt_handle()) {
            return Ok(());
        }
        let linked = Linked {
            memory: Some(self.memory.clone()),
            memory_max: self.memory_max,
            memory_fixed: self.memory_fixed,
            ..Linked::default()
        };
        self.plan.prepare(&mut store, self.ctx, linked)?;
        let instance = self.pre.instantiate(&mut store)?;
        let bound = self.plan.bind(&mut store, self.ctx, instance)?;
        match Body::new(&bound, &mut store).and_then(|body| body.run(&mut store, running, start)) {
            // It explains itself by calling the guest, which is over for this one.
            Err(error) if !running.is_stopped() => Err(bound.explain(&mut store, error)),
            result => {
                running.leave();
                result
            }
        }
    }
}

/// `_emscripten_thread_init`: the thread, whether it is the browser's main thread and the
/// program's, whether it can block; then, in newer versions, the default size of stacks, and last
/// whether it is profiled.
pub(super) fn init<T: 'static>(
    store: impl AsContextMut<Data = T>,
    func: &Func,
    address: u32,
    is_main: bool,
) -> Result<()> {
    let ty = func.ty(&store);
    let is_main = u32::from(is_main);
    let default_stack = if ty.params().len() > 5 && is_main == 1 { 64 << 10 } else { 0 };
    let numbers = [address, is_main, is_main, 1, default_stack, 0];
    let numbers = numbers.map(|number| Val::I32(number.cast_signed()));
    if !takes(&ty, &numbers) {
        return Err(not_ours(Error::msg(format!("it is {ty}")), "_emscripten_thread_init"));
    }
    call_loosely(store, func, &numbers).map(drop)
}

/// The exports of the thread's instance that it takes.
struct Body<T: 'static> {
    init: Option<Func>,
    tls_init: Option<TypedFunc<(), u32>>,
    set_limits: Option<TypedFunc<(u32, u32), ()>>,
    check_limits: Option<TypedFunc<(u32, u32), ()>>,
    restore: Option<TypedFunc<u32, ()>>,
    exit: Option<TypedFunc<u32, ()>>,
    current: Option<TypedFunc<(), u32>>,
    events: Events<T>,
}

impl<T: 'static> Body<T> {
    fn new(bound: &Bound<T>, store: &mut Store<T>) -> Result<Body<T>> {
        Ok(Body {
            init: bound.func(&mut *store, &["_emscripten_thread_init"]),
            tls_init: bound.typed(&mut *store, &TLS_INIT)?,
            set_limits: bound.typed(
                &mut *store,
                &["emscripten_stack_set_limits", "_emscripten_stack_set_limits"],
            )?,
            check_limits: bound.typed(&mut *store, &["__set_stack_limits"])?,
            restore: bound.typed(&mut *store, &["stackRestore", "_emscripten_stack_restore"])?,
            exit: bound.typed(&mut *store, &["_emscripten_thread_exit"])?,
            current: bound.typed(&mut *store, &["pthread_self"])?,
            events: Events::new(bound, &mut *store)?,
        })
    }

    fn run(&self, store: &mut Store<T>, running: &Running, start: Start) -> Result<()> {
        let result = match self.main(store, start) {
            Ok(result) => Some(result),
            Err(error) if error.is::<Unwind>() => None,
            Err(error) => return Err(error),
        };
        // Without a result it has either called `pthread_exit`, or goes on when it is told
        // something.
        while match result {
            Some(_) => self.events.timers(store.data_mut()).keep_alive(),
            None => self.is_alive(store)?,
        } {
            let limit = self.events.timers(store.data_mut()).wait();
            let Some(inbox) = running.crew.wait_for_mail(Some(running.address), limit) else {
                return Ok(());
            };
            if inbox.cancel {
                return self.end(store, CANCELLED);
            }
            self.events.handle(&mut *store, &inbox)?;
        }
        result.map_or(Ok(()), |result| self.end(store, result))
    }

    /// Sets the thread up and calls its start routine, whose result it gives.
    fn main(&self, store: &mut Store<T>, start: Start) -> Result<u32> {
        if let Some(func) = &self.init {
            init(&mut *store, func, start.address, false)?;
        }
        let (top, size) = start.stack;
        let limits = (top, top.saturating_sub(size));
        for set in [&self.set_limits, &self.check_limits].into_iter().flatten() {
            set.call(&mut *store, limits)?;
        }
        if let Some(restore) = &self.restore {
            restore.call(&mut *store, top)?;
        }
        if let Some(tls_init) = &self.tls_init {
            tls_init.call(&mut *store, ())?;
        }
        let routine = in_table(&mut *store, self.events.table, start.routine)?;
        call_loosely(&mut *store, &routine, &[Val::I32(start.arg.cast_signed())])
    }

    fn end(&self, store: &mut Store<T>, result: u32) -> Result<()> {
        let Some(exit) = &self.exit else { return Ok(()) };
        match exit.call(&mut *store, result) {
            Err(error) if error.is::<Unwind>() => Ok(()),
            result => result,
        }
    }

    /// A thread that has exited does not know itself any more.
    fn is_alive(&self, store: &mut Store<T>) -> Result<bool> {
        match &self.current {
            Some(current) => Ok(current.call(&mut *store, ())? != 0),
            None => Ok(false),
        }
    }
}

/// What the guest has for what it is told.
pub(crate) struct Events<T: 'static> {
    ctx: Arc<Find<T>>,
    table: Option<palisade::Table>,
    calls: Option<TypedFunc<(), ()>>,
    mail: Option<TypedFunc<(), ()>>,
    queue: Option<TypedFunc<u32, ()>>,
}

impl<T: 'static> Events<T> {
    pub(crate) fn new(
        bound: &Bound<T>,
        mut store: impl AsContextMut<Data = T>,
    ) -> Result<Events<T>> {
        let mut store = store.as_context_mut();
        Ok(Events {
            ctx: bound.ctx.clone(),
            table: (bound.ctx)(store.data_mut()).linked.table,
            calls: bound.typed(&mut store, &["emscripten_current_thread_process_queued_calls"])?,
            mail: bound.typed(&mut store, &["_emscripten_check_mailbox"])?,
            queue: bound.typed(
                &mut store,
                &["_emscripten_proxy_execute_queue", "emscripten_proxy_execute_queue"],
            )?,
        })
    }

    /// The timers of the store's thread.
    pub(crate) fn timers<'a>(&self, data: &'a mut T) -> &'a Timers {
        &(self.ctx)(data).timers
    }

    /// Calls what is due, and lets the guest do what it was told to.
    pub(crate) fn handle(
        &self,
        mut store: impl AsContextMut<Data = T>,
        inbox: &Inbox,
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        run_due(&mut store, &*self.ctx)?;
        if let (true, Some(calls)) = (inbox.calls, &self.calls) {
            go_on(calls.call(&mut store, ()))?;
        }
        if let (true, Some(mail)) = (inbox.mail, &self.mail) {
            go_on(mail.call(&mut store, ()))?;
        }
        if let Some(execute) = &self.queue {
            for queue in &inbox.queues {
                go_on(execute.call(&mut store, *queue))?;
            }
        }
        Ok(())
    }
}
