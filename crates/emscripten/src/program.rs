//! Setting a module up and running it: what Emscripten's JavaScript does around `main`.
//!
//! The order is: memory and table that the module imports; instance; stack limits; constructors;
//! `main` with its arguments on the guest's stack; functions registered by `atexit`; what stdio has
//! buffered. A library (`--no-entry`) is ready after the constructors.

use std::sync::Arc;

use palisade::{
    AsContextMut, Caller, Error, Extern, ExternType, Func, Instance, Linker, Module, Result,
    ThrownException, Trap, Val, WasmParams, WasmResults,
};
use palisade_wasi::I32Exit;

use crate::Layout;
use crate::ctx::{Emscripten, Linked, aborted};
use crate::detect::is_dynamic;
use crate::exceptions::{Style, Thrower};
use crate::guest::{Guest, GuestMemory};
use crate::invoke::{self, Invoke, Needs};
use crate::link::Context;
use crate::prepare::{guess_layout, imports, note_limits, only_memory, provide};
use crate::stream::lock;
use crate::uncaught;

/// A module of Emscripten, set up in a store.
pub struct Program<T: 'static> {
    instance: Instance,
    ctx: Arc<Find<T>>,
}

/// What C's `main` is called, by version and type.
const MAIN: [&str; 4] = ["main", "__main_argc_argv", "__main_void", "__original_main"];

type Find<T> = dyn Fn(&mut T) -> &mut Emscripten + Send + Sync;

impl<T> std::fmt::Debug for Program<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl<T: 'static> Program<T> {
    /// Instantiates `module` with what `linker` defines, makes the memory and table that it imports
    /// if `linker` has none, and runs its constructors. Its store can have no other program.
    ///
    /// # Errors
    ///
    /// When an import is missing, an export that the host needs has another type than it should,
    /// the memory cannot be had, the module is to be linked dynamically, or a constructor fails or
    /// exits ([`I32Exit`]).
    pub fn instantiate(
        mut store: impl AsContextMut<Data = T>,
        linker: &Linker<T>,
        module: &Module,
        ctx: impl Fn(&mut T) -> &mut Emscripten + Copy + Send + Sync + 'static,
    ) -> Result<Program<T>> {
        let mut store = store.as_context_mut();
        if ctx(store.data_mut()).linked.memory.is_some() {
            return Err(Error::msg("the context belongs to another program already"));
        }
        if is_dynamic(module) {
            return Err(Error::msg(
                "the module is built to be linked dynamically (-sMAIN_MODULE or -sSIDE_MODULE), \
                 which this host does not do",
            ));
        }
        let mut linker = linker.clone();
        let thrower = Thrower::new(&mut store)?;
        let mut linked = Linked::default();
        provide(&mut store, &mut linker, module, &mut linked)?;
        {
            let data = ctx(store.data_mut());
            linked.layout =
                data.shared.layout.or(Some(guess_layout(module, data.shared.import_map.as_ref())));
            let mut files = lock(&data.shared.files);
            files.old = linked.layout == Some(Layout::Old);
            // The older file system keeps all permissions that are asked for.
            files.umask = if files.old { 0 } else { 0o022 };
            drop(files);
            data.exceptions.thrower = Some(thrower.clone());
            data.exceptions.style = match imports(module, data, "__cxa_allocate_exception") {
                true => Style::Host,
                false => Style::Guest,
            };
            data.linked = linked;
        }
        let instance = linker.instantiate(&mut store, module)?;
        let program = Program { instance, ctx: Arc::new(ctx) };
        program.bind(&mut store)?;
        program.make_invokes(&mut store, module, ctx, thrower)?;
        match program.start_up(&mut store) {
            Ok(()) => Ok(program),
            Err(error) => Err(program.explain(store, error)),
        }
    }

    /// The instance, whose exports can be called.
    pub fn instance(&self) -> Instance {
        self.instance
    }

    /// The memory, also if the module imports it, or exports it under another name: a
    /// [`Memory`](palisade::Memory) or [`SharedMemory`](palisade::SharedMemory).
    pub fn memory(&self, mut store: impl AsContextMut<Data = T>) -> Option<Extern> {
        let mut store = store.as_context_mut();
        Some(match (self.ctx)(store.data_mut()).linked.memory.clone()? {
            GuestMemory::Own(memory) => memory.into(),
            GuestMemory::Shared(memory) => memory.into(),
        })
    }

    /// Whether there is something to [`run`](Self::run): a `main` or a `_start`.
    pub fn has_entry(&self, store: impl AsContextMut<Data = T>) -> bool {
        self.func(store, &[&MAIN[..], &["_start"]].concat()).is_some()
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
        let result = self.main(&mut store).and_then(|code| {
            self.run_at_exit(&mut store)?;
            Ok(code)
        });
        let shared = (self.ctx)(store.data_mut()).shared.clone();
        lock(&shared.files).flush_streams();
        match result {
            Ok(code) => Ok(code),
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(exit) => Ok(exit.0),
                None => Err(self.explain(store, error)),
            },
        }
    }

    /// Makes clear what an error of a call of the guest is about, for those that call exports
    /// themselves: a throw that nobody caught becomes an
    /// [`UncaughtException`](crate::UncaughtException), and a trap after the guest left its stack
    /// says so.
    pub fn explain(&self, mut store: impl AsContextMut<Data = T>, error: Error) -> Error {
        let mut store = store.as_context_mut();
        if error.is::<ThrownException>() {
            return match uncaught::describe(&mut store, self.instance, &*self.ctx) {
                Some(uncaught) => uncaught,
                None => error,
            };
        }
        let names = [
            ["emscripten_stack_get_current", "stackSave"],
            ["emscripten_stack_get_end", "emscripten_stack_get_end"],
        ];
        if error.downcast_ref::<Trap>().is_some_and(|trap| *trap != Trap::StackOverflow) {
            let values = names.map(|names| {
                let func = self.func(&mut store, &names)?;
                func.typed::<(), u32>(&store).ok()?.call(&mut store, ()).ok()
            });
            if let [Some(pointer), Some(end)] = values
                && pointer < end
            {
                return error.context(format!(
                    "the guest's stack overflowed: its stack pointer is {pointer:#x}, and its \
                     stack ends at {end:#x}"
                ));
            }
        }
        error
    }

    fn export(&self, mut store: impl AsContextMut<Data = T>, name: &str) -> Option<Extern> {
        let mut store = store.as_context_mut();
        let shared = (self.ctx)(store.data_mut()).shared.clone();
        let name = shared.import_map.as_ref().map_or(name, |map| map.export(name));
        self.instance.get_export(store, name)
    }

    /// The function that is exported under one of the names.
    fn func(&self, mut store: impl AsContextMut<Data = T>, names: &[&str]) -> Option<Func> {
        let mut store = store.as_context_mut();
        names.iter().find_map(|name| self.export(&mut store, name)?.into_func())
    }

    /// The function under one of the names, with its types.
    ///
    /// # Errors
    ///
    /// When it has others.
    fn typed<P: WasmParams, R: WasmResults>(
        &self,
        mut store: impl AsContextMut<Data = T>,
        names: &[&str],
    ) -> Result<Option<palisade::TypedFunc<P, R>>> {
        let mut store = store.as_context_mut();
        let Some(func) = self.func(&mut store, names) else { return Ok(None) };
        match func.typed(&store) {
            Ok(func) => Ok(Some(func)),
            Err(error) => {
                Err(error.context(format!("the export `{}` is not Emscripten's", names[0])))
            }
        }
    }

    /// Remembers what the host uses of the instance.
    fn bind(&self, mut store: impl AsContextMut<Data = T>) -> Result<()> {
        let mut store = store.as_context_mut();
        let memory =
            self.export(&mut store, "memory").or_else(|| only_memory(&mut store, self.instance));
        match memory {
            Some(Extern::Memory(memory)) => {
                let ty = memory.ty(&store);
                let linked = &mut (self.ctx)(store.data_mut()).linked;
                note_limits(linked, &ty);
                linked.memory = Some(GuestMemory::Own(memory));
            }
            Some(Extern::SharedMemory(memory)) => {
                let linked = &mut (self.ctx)(store.data_mut()).linked;
                note_limits(linked, &memory.ty());
                linked.memory = Some(GuestMemory::Shared(memory));
            }
            _ => {}
        }
        let table = match self.export(&mut store, "__indirect_function_table") {
            Some(Extern::Table(table)) => Some(table),
            _ => None,
        };
        let malloc = self.typed(&mut store, &["malloc"])?;
        let free = self.typed(&mut store, &["free"])?;
        let memalign = self.typed(&mut store, &["emscripten_builtin_memalign", "memalign"])?;
        let stack_save = self.typed(&mut store, &["stackSave", "emscripten_stack_get_current"])?;
        let can_catch = self.typed(&mut store, &["__cxa_can_catch"])?;
        let is_pointer_type = self.typed(&mut store, &["__cxa_is_pointer_type"])?;
        let increment_refcount = self.typed(&mut store, &["__cxa_increment_exception_refcount"])?;
        let decrement_refcount = self.typed(&mut store, &["__cxa_decrement_exception_refcount"])?;
        let set_threw = self.typed(&mut store, &["setThrew"])?;
        let mut at_exit = Vec::new();
        for name in ["__funcs_on_exit"] {
            if let Some(func) = self.typed::<(), ()>(&mut store, &[name])? {
                at_exit.push(*func.func());
            }
        }
        let flush = match self.typed::<(), ()>(&mut store, &["__stdio_exit"])? {
            Some(func) => Some(*func.func()),
            None => self.typed::<u32, u32>(&mut store, &["fflush"])?.map(|func| *func.func()),
        };
        let linked = &mut (self.ctx)(store.data_mut()).linked;
        linked.table = linked.table.or(table);
        linked.malloc = malloc;
        linked.free = free;
        linked.memalign = memalign;
        linked.stack_save = stack_save;
        linked.can_catch = can_catch;
        linked.is_pointer_type = is_pointer_type;
        linked.increment_refcount = increment_refcount;
        linked.decrement_refcount = decrement_refcount;
        linked.set_threw = set_threw;
        linked.at_exit = at_exit;
        linked.flush = flush;
        Ok(())
    }

    /// Makes what is behind the module's `invoke_*`.
    fn make_invokes(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
        ctx: impl Context<T>,
        thrower: Thrower,
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        let shared = ctx(store.data_mut()).shared.clone();
        let invokes = module.imports().filter_map(|import| {
            let ExternType::Func(ty) = import.ty() else { return None };
            let map = shared.import_map.as_ref();
            let name = map.map_or(import.name(), |map| map.import(import.module(), import.name()));
            Invoke::new(name, &ty).filter(Invoke::is_supported)
        });
        let mut invokes = invokes.peekable();
        if invokes.peek().is_none() {
            return Ok(());
        }
        let table = ctx(store.data_mut()).linked.table;
        let missing = |name: &str| {
            Error::msg(format!(
                "the module imports `invoke_` functions, but does not export `{name}`"
            ))
        };
        let needed = |func: Option<Func>, name: &str| match func {
            Some(func) => Ok(Extern::from(func)),
            None => Err(missing(name)),
        };
        let set_temp = Func::wrap(&mut store, move |mut caller: Caller<'_, T>, value: u32| {
            ctx(caller.data_mut()).temp_ret0 = value;
        });
        let needs = Needs {
            table: table.ok_or_else(|| missing("__indirect_function_table"))?.into(),
            save: needed(
                self.func(&mut store, &["stackSave", "emscripten_stack_get_current"]),
                "stackSave",
            )?,
            restore: needed(
                self.func(&mut store, &["stackRestore", "_emscripten_stack_restore"]),
                "stackRestore",
            )?,
            set_threw: needed(self.func(&mut store, &["setThrew"]), "setThrew")?,
            set_temp: set_temp.into(),
            tag: thrower.0,
        };
        let targets = invoke::make(&mut store, invokes, needs)
            .map_err(|error| error.context("the exports behind `invoke_` are not Emscripten's"))?;
        ctx(store.data_mut()).linked.invokes = targets;
        Ok(())
    }

    /// Prepares the guest's stack and runs constructors.
    fn start_up(&self, mut store: impl AsContextMut<Data = T>) -> Result<()> {
        let mut store = store.as_context_mut();
        if let Some(init) = self.typed::<(), ()>(&mut store, &["emscripten_stack_init"])? {
            init.call(&mut store, ())?;
        }
        if let Some(set) = self.typed::<(u32, u32), ()>(&mut store, &["__set_stack_limits"])? {
            let base = self.typed::<(), u32>(&mut store, &["emscripten_stack_get_base"])?;
            let end = self.typed::<(), u32>(&mut store, &["emscripten_stack_get_end"])?;
            if let (Some(base), Some(end)) = (base, end) {
                let limits = (base.call(&mut store, ())?, end.call(&mut store, ())?);
                set.call(&mut store, limits)?;
            }
        }
        let constructors = match self.func(&mut store, &["_start"]) {
            // It runs them itself.
            Some(_) => None,
            None => self.typed::<(), ()>(&mut store, &["_initialize"])?,
        };
        if let Some(initialize) = constructors {
            return initialize.call(&mut store, ());
        }
        if self.func(&mut store, &["_start"]).is_none()
            && let Some(run) = self.typed::<(), ()>(&mut store, &["__wasm_call_ctors"])?
        {
            run.call(&mut store, ())?;
        }
        Ok(())
    }

    fn main(&self, mut store: impl AsContextMut<Data = T>) -> Result<i32> {
        let mut store = store.as_context_mut();
        let Some(main) = self.func(&mut store, &MAIN) else {
            return match self.typed::<(), ()>(&mut store, &["_start"])? {
                Some(start) => start.call(&mut store, ()).map(|()| 0),
                None => Err(Error::msg(
                    "the module has no `main` and no `_start`: it is a library, whose functions \
                     are called one by one",
                )),
            };
        };
        let ty = main.ty(&store);
        let integers = |count: usize| {
            let is = |ty: palisade::ValType| ty == palisade::ValType::I32;
            ty.params().len() == count && ty.params().all(is) && ty.results().all(is)
        };
        let mut results = vec![Val::I32(0); ty.results().len()];
        if integers(0) {
            main.call(&mut store, &[], &mut results)?;
        } else if integers(2) || integers(3) {
            let (count, at) = self.push_args(&mut store)?;
            let arguments = [Val::I32(count), Val::I32(at.cast_signed()), Val::I32(0)];
            main.call(&mut store, &arguments[..ty.params().len()], &mut results)?;
        } else {
            return Err(Error::msg(format!("the export `main` is not C's: {ty}")));
        }
        Ok(results.first().map_or(0, Val::unwrap_i32))
    }

    /// Writes the arguments to the guest's stack: how many they are, and where their pointers are.
    fn push_args(&self, mut store: impl AsContextMut<Data = T>) -> Result<(i32, u32)> {
        let mut store = store.as_context_mut();
        let names = ["stackAlloc", "_emscripten_stack_alloc"];
        let shared = (self.ctx)(store.data_mut()).shared.clone();
        let Some(alloc) = self.typed::<u32, u32>(&mut store, &names)? else {
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
            self.with_memory(&mut store, |guest| guest.write(at, &[arg, &b"\0"[..]].concat()))??;
            pointers.extend(at.to_le_bytes());
        }
        pointers.extend([0; 4]);
        let at = alloc.call(&mut store, pointers.len() as u32)?;
        self.with_memory(&mut store, |guest| guest.write(at, &pointers))??;
        Ok((shared.args.len() as i32, at))
    }

    fn with_memory<R>(
        &self,
        mut store: impl AsContextMut<Data = T>,
        body: impl FnOnce(&mut Guest<'_>) -> R,
    ) -> Result<R> {
        let mut store = store.as_context_mut();
        match (self.ctx)(store.data_mut()).linked.memory.clone() {
            Some(GuestMemory::Own(memory)) => {
                Ok(body(&mut Guest::Own(memory.data_mut(&mut store))))
            }
            Some(GuestMemory::Shared(memory)) => Ok(body(&mut Guest::Shared(memory))),
            None => Err(Error::msg("the program has no memory")),
        }
    }

    fn run_at_exit(&self, store: impl AsContextMut<Data = T>) -> Result<()> {
        run_at_exit(store, &*self.ctx)
    }
}

/// Runs what the program has registered for its end, and writes what stdio has buffered.
fn run_at_exit<T: 'static>(
    mut store: impl AsContextMut<Data = T>,
    ctx: &(impl Fn(&mut T) -> &mut Emscripten + ?Sized),
) -> Result<()> {
    let mut store = store.as_context_mut();
    // Taken: a program that exits in these functions does not run them again.
    let linked = &mut ctx(store.data_mut()).linked;
    let (at_exit, flush) = (std::mem::take(&mut linked.at_exit), linked.flush);
    for func in at_exit {
        func.call(&mut store, &[], &mut [])?;
    }
    if let Some(flush) = flush {
        let ty = flush.ty(&store);
        let arguments = vec![Val::I32(0); ty.params().len()];
        let mut results = vec![Val::I32(0); ty.results().len()];
        flush.call(&mut store, &arguments, &mut results)?;
    }
    Ok(())
}

/// The error with which the C function `exit` ends the guest's call.
pub(crate) fn exit<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    code: i32,
) -> Error {
    match run_at_exit(caller, &ctx) {
        Ok(()) => Error::new(I32Exit(code)),
        Err(error) => error,
    }
}
