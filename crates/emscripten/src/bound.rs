//! An instance and what the host uses of it: its exports by their real names.

use std::sync::Arc;

use palisade::{
    AsContextMut, Caller, Error, Extern, Func, Instance, Result, ThrownException, Trap, Val,
    ValType, WasmParams, WasmResults,
};
use palisade_wasi::I32Exit;

use crate::ctx::Emscripten;
use crate::guest::{Guest, GuestMemory};
use crate::link::Context;
use crate::prepare::{note_limits, only_memory, only_table};
use crate::uncaught;

/// What C's `main` is called, by version and type.
pub(crate) const MAIN: [&str; 4] = ["main", "__main_argc_argv", "__main_void", "__original_main"];

/// An instance of a module of Emscripten: that of the program, or of one of its threads.
pub(crate) struct Bound<T: 'static> {
    pub(crate) instance: Instance,
    pub(crate) ctx: Arc<Find<T>>,
}

pub(crate) type Find<T> = dyn Fn(&mut T) -> &mut Emscripten + Send + Sync;

impl<T: 'static> Bound<T> {
    /// Makes clear what an error of a call of the guest is about, for those that call exports
    /// themselves: a throw that nobody caught becomes an
    /// [`UncaughtException`](crate::UncaughtException), and a trap after the guest left its stack
    /// says so.
    pub(crate) fn explain(&self, mut store: impl AsContextMut<Data = T>, error: Error) -> Error {
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
        // Whoever has stopped the guest does not expect that it runs again.
        let leaves_stack = |trap: &Trap| !matches!(trap, Trap::StackOverflow | Trap::Interrupt);
        if error.downcast_ref::<Trap>().is_some_and(leaves_stack) {
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

    pub(crate) fn export(
        &self,
        mut store: impl AsContextMut<Data = T>,
        name: &str,
    ) -> Option<Extern> {
        let mut store = store.as_context_mut();
        let shared = (self.ctx)(store.data_mut()).shared.clone();
        let name = shared.import_map.as_ref().map_or(name, |map| map.export(name));
        self.instance.get_export(store, name)
    }

    /// The function that is exported under one of the names.
    pub(crate) fn func(
        &self,
        mut store: impl AsContextMut<Data = T>,
        names: &[&str],
    ) -> Option<Func> {
        let mut store = store.as_context_mut();
        names.iter().find_map(|name| self.export(&mut store, name)?.into_func())
    }

    /// The function under one of the names, with its types.
    ///
    /// # Errors
    ///
    /// When it has others.
    pub(crate) fn typed<P: WasmParams, R: WasmResults>(
        &self,
        mut store: impl AsContextMut<Data = T>,
        names: &[&str],
    ) -> Result<Option<palisade::TypedFunc<P, R>>> {
        let mut store = store.as_context_mut();
        for name in names {
            if let Some(func) = self.func(&mut store, &[name]) {
                return func.typed(&store).map(Some).map_err(|error| not_ours(error, name));
            }
        }
        Ok(None)
    }

    /// Remembers what the host uses of the instance.
    pub(crate) fn bind(&self, mut store: impl AsContextMut<Data = T>) -> Result<()> {
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
            _ => only_table(&mut store, self.instance),
        };
        if let Some(table) = table {
            let element = table.ty(&store).element().to_string();
            if element != "funcref" {
                return Err(not_ours(
                    Error::msg(format!("its elements are {element}")),
                    "__indirect_function_table",
                ));
            }
        }
        // Used where it has no name any more.
        self.typed::<u32, ()>(&mut store, &["stackRestore", "_emscripten_stack_restore"])?;
        let malloc = self.typed(&mut store, &["malloc"])?;
        let free = self.typed(&mut store, &["free"])?;
        let memalign = self.typed(&mut store, &["emscripten_builtin_memalign", "memalign"])?;
        let stack_save = self.typed(&mut store, &["stackSave", "emscripten_stack_get_current"])?;
        let can_catch = self.typed(&mut store, &["__cxa_can_catch"])?;
        let is_pointer_type = self.typed(&mut store, &["__cxa_is_pointer_type"])?;
        let increment_refcount = self.typed(&mut store, &["__cxa_increment_exception_refcount"])?;
        let decrement_refcount = self.typed(&mut store, &["__cxa_decrement_exception_refcount"])?;
        let set_threw = self.typed(&mut store, &["setThrew"])?;
        let get_exception_ptr = self.typed(&mut store, &["__cxa_get_exception_ptr"])?;
        let set_temp_ret0 = self.typed(&mut store, &["_emscripten_tempret_set", "setTempRet0"])?;
        let at_exit = self.typed(&mut store, &["__funcs_on_exit"])?;
        let flush = match self.typed::<(), ()>(&mut store, &["__stdio_exit"])? {
            Some(func) => Some(*func.func()),
            None => self.typed::<u32, u32>(&mut store, &["fflush"])?.map(|func| *func.func()),
        };
        let raise = self.func(&mut store, &["raise"]);
        let timeout = self.func(&mut store, &["_emscripten_timeout"]);
        let asyncify = self.func(&mut store, &["asyncify_start_unwind"]).is_some();
        let linked = &mut (self.ctx)(store.data_mut()).linked;
        (linked.raise, linked.timeout, linked.asyncify) = (raise, timeout, asyncify);
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
        linked.set_temp_ret0 = set_temp_ret0;
        linked.get_exception_ptr = get_exception_ptr;
        linked.at_exit = at_exit;
        linked.flush = flush;
        Ok(())
    }

    pub(crate) fn with_memory<R>(
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
}

/// The error for an export of another type than Emscripten's.
pub(crate) fn not_ours(error: Error, name: &str) -> Error {
    error.context(format!("the export `{name}` is not Emscripten's"))
}

/// Calls `main`, or what is exported as `name` to run it, which may leave out arguments, and may take an environment: there is none.
pub(crate) fn call_main<T: 'static>(
    mut store: impl AsContextMut<Data = T>,
    (main, name): (&Func, &str),
    argc: i32,
    argv: u32,
) -> Result<i32> {
    let ty = main.ty(&store);
    let is = |ty: ValType| ty == ValType::I32;
    if !matches!(ty.params().len(), 0 | 2 | 3) || !ty.params().all(is) || !ty.results().all(is) {
        return Err(Error::msg(format!("the export `{name}` is not C's: {ty}")));
    }
    let arguments = [Val::I32(argc), Val::I32(argv.cast_signed()), Val::I32(0)];
    let mut results = vec![Val::I32(0); ty.results().len()];
    main.call(&mut store, &arguments[..ty.params().len()], &mut results)?;
    Ok(results.first().map_or(0, Val::unwrap_i32))
}

/// Runs what the program has registered for its end, and writes what stdio has buffered.
pub(crate) fn run_at_exit<T: 'static>(
    mut store: impl AsContextMut<Data = T>,
    ctx: &(impl Fn(&mut T) -> &mut Emscripten + ?Sized),
) -> Result<()> {
    let mut store = store.as_context_mut();
    // Taken: a program that exits in these functions does not run them again.
    let linked = &mut ctx(store.data_mut()).linked;
    let (at_exit, flush) = (linked.at_exit.take(), linked.flush);
    if let Some(func) = at_exit {
        func.call(&mut store, ())?;
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
