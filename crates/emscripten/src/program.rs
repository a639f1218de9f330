//! Setting a module up and running it: what Emscripten's JavaScript does around `main`.
//!
//! The order is: memory and table that the module imports; instance; stack limits; constructors;
//! `main` with its arguments on the guest's stack; functions registered by `atexit`; what stdio has
//! buffered. A library (`--no-entry`) is ready after the constructors.

use std::sync::Arc;

use palisade::{
    AsContextMut, Error, Extern, Instance, InstancePre, Linker, Module, Result, StoreContextMut,
    Trap,
};
use palisade_wasi::I32Exit;

use crate::Layout;
use crate::bound::{Bound, MAIN, call_main, run_at_exit};
use crate::ctx::{Emscripten, Linked, aborted};
use crate::detect::{is_dynamic, is_threaded};
use crate::events::{LOOK_UP, pause};
use crate::guest::GuestMemory;
use crate::link::{Context, dynamic};
use crate::prepare::provide;
use crate::setup::Plan;
use crate::stream::lock;
use crate::threads::{Crew, Events, PATIENCE, Spawner, TLS_INIT, Threads, Unwind};

/// A module of Emscripten, set up in a store.
///
/// When it is dropped its threads are stopped.
pub struct Program<T: 'static> {
    bound: Bound<T>,
    /// Its threads, if it can have some.
    crew: Option<Arc<Crew>>,
}

/// What runs `main` on a thread of its own (`-sPROXY_TO_PTHREAD`).
const PROXY: [&str; 2] = ["emscripten_proxy_main", "_emscripten_proxy_main"];

impl<T> std::fmt::Debug for Program<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("instance", &self.bound.instance).finish_non_exhaustive()
    }
}

impl<T: 'static> Program<T> {
    /// Instantiates `module` with what `linker` defines, makes the memory and table that it imports
    /// if `linker` has none, and runs its constructors. Its store can have no other program.
    ///
    /// # Errors
    ///
    /// When an import is missing, an export that the host needs has another type than it should,
    /// the memory cannot be had, the module is to be linked dynamically or starts threads (see
    /// [`with_threads`](Self::with_threads)), or a constructor fails or exits ([`I32Exit`]).
    pub fn instantiate(
        mut store: impl AsContextMut<Data = T>,
        linker: &Linker<T>,
        module: &Module,
        ctx: impl Fn(&mut T) -> &mut Emscripten + Copy + Send + Sync + 'static,
    ) -> Result<Program<T>> {
        let mut store = store.as_context_mut();
        let ready = Ready::new(&mut store, linker, module, ctx)?;
        if ready.threaded {
            return Err(Error::msg(
                "the module is built with -pthread: it needs threads, and so \
                 `Program::with_threads`",
            ));
        }
        ready.finish(store, ctx, None)
    }

    /// As [`instantiate`](Self::instantiate), for modules that may start threads (`-pthread`).
    ///
    /// Each thread has a store with a clone of the data that the program's store has now. All
    /// contexts that `ctx` finds there share their files and streams.
    ///
    /// ```no_run
    /// use palisade::{Engine, Linker, Module, Store};
    /// use palisade_emscripten::{EmscriptenBuilder, Program, Threads, add_to_linker};
    ///
    /// let engine = Engine::default();
    /// let module = Module::from_file(&engine, "threads.wasm")?;
    /// let mut linker = Linker::new(&engine);
    /// add_to_linker(&mut linker, &module, |guest| guest)?;
    /// let guest = EmscriptenBuilder::new().arg("threads").inherit_stdio().build()?;
    /// let mut store = Store::new(&engine, guest);
    /// let threads = Threads::new().max_threads(16);
    /// let program = Program::with_threads(&mut store, &linker, &module, |guest| guest, threads)?;
    /// program.run(&mut store)?;
    /// # Ok::<(), palisade::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`instantiate`](Self::instantiate), and when a module that starts threads imports no
    /// shared memory, or imports an item of a store: each thread has another one.
    pub fn with_threads(
        mut store: impl AsContextMut<Data = T>,
        linker: &Linker<T>,
        module: &Module,
        ctx: impl Fn(&mut T) -> &mut Emscripten + Copy + Send + Sync + 'static,
        threads: Threads<T>,
    ) -> Result<Program<T>>
    where
        T: Clone + Send,
    {
        let mut store = store.as_context_mut();
        let ready = Ready::new(&mut store, linker, module, ctx)?;
        if !ready.threaded {
            return ready.finish(store, ctx, None);
        }
        // Without it, threads would share what each has to have of its own.
        let shared = ctx(store.data_mut()).shared.clone();
        let exports = |name: &str| {
            let name = shared.import_map.as_ref().map_or(name, |map| map.export(name));
            module.get_export(name).is_some()
        };
        if shared.import_map.is_some() && !TLS_INIT.into_iter().any(exports) {
            return Err(Error::msg(
                "the module starts threads, but the import map does not say which of its exports \
                 is `_emscripten_tls_init`",
            ));
        }
        let Some(memory @ GuestMemory::Shared(_)) = ready.linked.memory.clone() else {
            return Err(Error::msg(
                "the module starts threads, but imports no shared memory that they would have in \
                 common",
            ));
        };
        if ready.pre.needs_its_store() {
            return Err(Error::msg(
                "a module with threads cannot import items of a store, as each thread has its own",
            ));
        }
        let crew = Arc::new(Crew::new(threads.limit(), store.interrupt_handle()));
        let spawner = Arc::new(Spawner::new(
            threads,
            ready.pre.clone(),
            ready.plan.clone(),
            (store.data().clone(), ctx),
            (crew.clone(), memory),
            &ready.linked,
        ));
        ctx(store.data_mut()).member = Some(spawner.member(None));
        ready.finish(store, ctx, Some(crew))
    }

    /// The instance, whose exports can be called.
    pub fn instance(&self) -> Instance {
        self.bound.instance
    }

    /// The memory, also if the module imports it, or exports it under another name: a
    /// [`Memory`](palisade::Memory) or [`SharedMemory`](palisade::SharedMemory).
    pub fn memory(&self, mut store: impl AsContextMut<Data = T>) -> Option<Extern> {
        let mut store = store.as_context_mut();
        Some(match (self.bound.ctx)(store.data_mut()).linked.memory.clone()? {
            GuestMemory::Own(memory) => memory.into(),
            GuestMemory::Shared(memory) => memory.into(),
        })
    }

    /// Whether there is something to [`run`](Self::run): a `main` or a `_start`.
    pub fn has_entry(&self, store: impl AsContextMut<Data = T>) -> bool {
        self.bound.func(store, &[&MAIN[..], &["_start"]].concat()).is_some()
    }

    /// Runs the program: its `main` with the arguments of the context, or `_start`, and all that
    /// comes at the end of a program. Gives the exit code.
    ///
    /// # Errors
    ///
    /// When the module has no entry point, the program traps, aborts ([`Aborted`](crate::Aborted))
    /// or leaves a C++ exception uncaught ([`UncaughtException`](crate::UncaughtException)).
    pub fn run(&self, mut store: impl AsContextMut<Data = T>) -> Result<i32> {
        let mut store = store.as_context_mut();
        let result = match self.main(&mut store) {
            Ok(code) => self.wait_for_events(&mut store, true).map(|()| code),
            Err(error) if error.is::<Unwind>() => {
                self.wait_for_events(&mut store, false).map(|()| 0)
            }
            Err(error) => Err(error),
        };
        let result = result.and_then(|code| {
            let data = (self.bound.ctx)(store.data_mut());
            if data.timers.never_exits() {
                data.linked.at_exit = None;
            }
            run_at_exit(&mut store, &*self.bound.ctx).map(|()| code)
        });
        let result = self.end(&mut store, result);
        let shared = (self.bound.ctx)(store.data_mut()).shared.clone();
        lock(&shared.files).flush_streams();
        match result {
            Err(error) if error.is::<I32Exit>() => {
                Ok(error.downcast_ref::<I32Exit>().expect("it is one").0)
            }
            result => result,
        }
    }

    /// Makes clear what an error of a call of the guest is about, for those that call exports
    /// themselves: a throw that nobody caught becomes an
    /// [`UncaughtException`](crate::UncaughtException), and a trap after the guest left its stack
    /// says so. If the call was stopped because a thread of the guest has ended the program, the
    /// error is that of the thread ([`I32Exit`] if it called `exit`).
    pub fn explain(&self, mut store: impl AsContextMut<Data = T>, error: Error) -> Error {
        if let (Some(crew), Some(Trap::Interrupt)) = (&self.crew, error.downcast_ref::<Trap>())
            && let Some(error) = crew.take_error()
        {
            return error;
        }
        self.bound.explain(&mut store, error)
    }

    /// How many threads run besides the one that the program began with.
    pub fn running_threads(&self) -> usize {
        self.crew.as_ref().map_or(0, |crew| crew.running())
    }

    /// Stops all threads, and says how the program has ended: by the first of them that ended it.
    fn end(&self, store: &mut StoreContextMut<'_, T>, result: Result<i32>) -> Result<i32> {
        let result = result.map_err(|error| match error.is::<I32Exit>() {
            true => error,
            false => self.explain(&mut *store, error),
        });
        let Some(crew) = &self.crew else { return result };
        let error = crew.end();
        crew.wait(PATIENCE);
        error.map_or(result, Err)
    }

    /// The event loop: calls what the guest has set timers for, and does what threads ask the
    /// first one to do. It ends when there is nothing more to come; if `main` has `returned`, also
    /// when nothing keeps the program alive but threads.
    fn wait_for_events(&self, store: &mut StoreContextMut<'_, T>, returned: bool) -> Result<()> {
        let events = Events::new(&self.bound, &mut *store)?;
        // Such a program exits (-sEXIT_RUNTIME), others go on for whatever is to come.
        let at_exit = &(self.bound.ctx)(store.data_mut()).linked.at_exit;
        let exits = returned && at_exit.is_some();
        loop {
            let timers = events.timers(store.data_mut());
            let goes_on = match exits && !timers.never_exits() {
                true => timers.keep_alive(),
                false => !timers.is_empty(),
            };
            let wait = timers.wait().min(LOOK_UP);
            if returned && !goes_on {
                return Ok(());
            }
            let inbox = self.crew.as_ref().and_then(|crew| crew.wait_for_mail(None, wait));
            if inbox.is_none() {
                if !goes_on || self.crew.as_ref().is_some_and(|crew| crew.is_over(None)) {
                    return Ok(());
                }
                pause((self.bound.ctx)(store.data_mut()), wait);
            }
            events.handle(&mut *store, &inbox.unwrap_or_default())?;
        }
    }

    /// Prepares the guest's stack and runs constructors.
    fn start_up(&self, mut store: impl AsContextMut<Data = T>) -> Result<()> {
        let mut store = store.as_context_mut();
        if let Some(init) = self.bound.typed::<(), ()>(&mut store, &["emscripten_stack_init"])? {
            init.call(&mut store, ())?;
        }
        if let Some(set) =
            self.bound.typed::<(u32, u32), ()>(&mut store, &["__set_stack_limits"])?
        {
            let base = self.bound.typed::<(), u32>(&mut store, &["emscripten_stack_get_base"])?;
            let end = self.bound.typed::<(), u32>(&mut store, &["emscripten_stack_get_end"])?;
            if let (Some(base), Some(end)) = (base, end) {
                let limits = (base.call(&mut store, ())?, end.call(&mut store, ())?);
                set.call(&mut store, limits)?;
            }
        }
        let constructors = match self.bound.func(&mut store, &["_start"]) {
            // It runs them itself.
            Some(_) => None,
            None => self.bound.typed::<(), ()>(&mut store, &["_initialize"])?,
        };
        if let Some(initialize) = constructors {
            return initialize.call(&mut store, ());
        }
        if self.bound.func(&mut store, &["_start"]).is_none()
            && let Some(run) = self.bound.typed::<(), ()>(&mut store, &["__wasm_call_ctors"])?
        {
            run.call(&mut store, ())?;
        }
        Ok(())
    }

    fn main(&self, mut store: impl AsContextMut<Data = T>) -> Result<i32> {
        let mut store = store.as_context_mut();
        let proxy = self.bound.func(&mut store, &PROXY);
        let Some(main) = proxy.or_else(|| self.bound.func(&mut store, &MAIN)) else {
            return match self.bound.typed::<(), ()>(&mut store, &["_start"])? {
                Some(start) => start.call(&mut store, ()).map(|()| 0),
                None => Err(Error::msg(
                    "the module has no `main` and no `_start`: it is a library, whose functions \
                     are called one by one",
                )),
            };
        };
        let takes_arguments = main.ty(&store).params().len() >= 2;
        let (argc, argv) = if takes_arguments { self.push_args(&mut store)? } else { (0, 0) };
        let name = if proxy.is_some() { PROXY[0] } else { MAIN[0] };
        match (call_main(&mut store, (&main, name), argc, argv)?, proxy) {
            (code, None) => Ok(code),
            // The thread that runs `main` now will exit.
            (0, Some(_)) => Err(Error::new(Unwind)),
            (_, Some(_)) => Err(aborted("no thread could be started to run `main`")),
        }
    }

    /// Writes the arguments to the guest's stack: how many they are, and where their pointers are.
    fn push_args(&self, mut store: impl AsContextMut<Data = T>) -> Result<(i32, u32)> {
        let mut store = store.as_context_mut();
        let names = ["stackAlloc", "_emscripten_stack_alloc"];
        let shared = (self.bound.ctx)(store.data_mut()).shared.clone();
        let Some(alloc) = self.bound.typed::<u32, u32>(&mut store, &names)? else {
            if shared.args.len() > 1 {
                return Err(Error::msg(
                    "the module does not export `stackAlloc`: it cannot be given arguments",
                ));
            }
            // A program that never looks at its arguments.
            return Ok((0, 0));
        };
        let mut pointers = Vec::new();
        for arg in &shared.args {
            let len =
                u32::try_from(arg.len() + 1).map_err(|_| aborted("an argument is too long"))?;
            let at = alloc.call(&mut store, len)?;
            self.bound
                .with_memory(&mut store, |guest| guest.write(at, &[arg, &b"\0"[..]].concat()))??;
            pointers.extend(at.to_le_bytes());
        }
        pointers.extend([0; 4]);
        let at = alloc.call(&mut store, pointers.len() as u32)?;
        self.bound.with_memory(&mut store, |guest| guest.write(at, &pointers))??;
        Ok((shared.args.len() as i32, at))
    }
}

impl<T: 'static> Drop for Program<T> {
    fn drop(&mut self) {
        if let Some(crew) = &self.crew {
            crew.end();
            crew.wait(PATIENCE);
        }
    }
}

/// A module that is ready to be instantiated.
struct Ready<T> {
    plan: Arc<Plan>,
    pre: InstancePre<T>,
    linked: Linked,
    threaded: bool,
}

impl<T: 'static> Ready<T> {
    fn new(
        store: &mut StoreContextMut<'_, T>,
        linker: &Linker<T>,
        module: &Module,
        ctx: impl Context<T>,
    ) -> Result<Ready<T>> {
        let data = ctx(store.data_mut());
        if data.linked.memory.is_some() {
            return Err(Error::msg("the context belongs to another program already"));
        }
        if is_dynamic(module) {
            return Err(dynamic());
        }
        let plan = Arc::new(Plan::new(&mut *store, linker, module, ctx)?);
        let data = ctx(store.data_mut());
        let threaded = is_threaded(module, data.shared.import_map.as_ref());
        let mut files = lock(&data.shared.files);
        files.old = plan.layout() == Layout::Old;
        // The older file system keeps all permissions that are asked for.
        files.umask = if files.old { 0 } else { 0o022 };
        drop(files);
        let mut linker = linker.clone();
        let mut linked = Linked::default();
        provide(&mut *store, &mut linker, module, &mut linked)?;
        let pre = linker.instantiate_pre(module)?;
        Ok(Ready { plan, pre, linked, threaded })
    }

    /// Has an instance, and runs its constructors.
    fn finish(
        self,
        mut store: StoreContextMut<'_, T>,
        ctx: impl Context<T>,
        crew: Option<Arc<Crew>>,
    ) -> Result<Program<T>> {
        self.plan.prepare(&mut store, ctx, self.linked)?;
        let instance = self.pre.instantiate(&mut store)?;
        let bound = self.plan.bind(&mut store, ctx, instance)?;
        let program = Program { bound, crew };
        match program.start_up(&mut store) {
            Ok(()) => Ok(program),
            Err(error) => Err(program.explain(store, error)),
        }
    }
}
