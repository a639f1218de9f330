//! Binding a module's imports to the functions of the host, by name.
//!
//! The same name has had several types over the years, so each function is made for the type that
//! the module imports it with. What the host does not have is refused with everything that is
//! missing, or becomes a function that fails when it is called.

use palisade::{
    Caller, Error, Extern, ExternType, FuncType, ImportType, Linker, Module, Result, Val,
};

use crate::ctx::{Call, Emscripten};
use crate::detect::{is_dynamic, is_minified, is_threaded};
use crate::guest::{Guest, GuestMemory};
use crate::import_map::{ABORT, ImportMap, RETURN};
use crate::invoke::Invoke;
use crate::signature::{Args, fits};
use crate::{events, exceptions, host, invoke, javascript, mapping, memory, names, threads};

/// Finds the context in the data of a store.
pub(crate) trait Context<T>:
    Fn(&mut T) -> &mut Emscripten + Copy + Send + Sync + 'static
{
}

impl<T, F: Fn(&mut T) -> &mut Emscripten + Copy + Send + Sync + 'static> Context<T> for F {}

/// The guest's memory and the context.
pub(crate) fn enter<'a, T: 'static>(
    caller: &'a mut Caller<'_, T>,
    ctx: impl Context<T>,
) -> Result<(Guest<'a>, &'a mut Emscripten)> {
    let memory = match &ctx(caller.data_mut()).linked.memory {
        Some(memory) => memory.clone(),
        // A start function runs before the program is set up.
        None => match caller.get_export("memory") {
            Some(Extern::Memory(memory)) => GuestMemory::Own(memory),
            Some(Extern::SharedMemory(memory)) => GuestMemory::Shared(memory),
            _ => return Err(Error::msg("the module has no memory that the host knows of")),
        },
    };
    match memory {
        GuestMemory::Own(memory) => {
            let (bytes, data) = memory.data_and_store_mut(caller);
            Ok((Guest::Own(bytes), ctx(data)))
        }
        GuestMemory::Shared(memory) => Ok((Guest::Shared(memory), ctx(caller.data_mut()))),
    }
}

/// Which imports of a module to define, and how.
///
/// ```no_run
/// use palisade::{Engine, Linker, Module};
/// use palisade_emscripten::{Emscripten, Imports};
///
/// let engine = Engine::default();
/// let module = Module::from_file(&engine, "program.wasm")?;
/// let mut linker: Linker<Emscripten> = Linker::new(&engine);
/// Imports::of(&module).stub_missing(true).add_to_linker(&mut linker, |guest| guest)?;
/// # Ok::<(), palisade::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Imports<'a> {
    module: &'a Module,
    map: Option<&'a ImportMap>,
    stub_missing: bool,
    elsewhere: Vec<(&'a str, &'a str)>,
}

impl<'a> Imports<'a> {
    /// All imports of `module`.
    pub fn of(module: &'a Module) -> Imports<'a> {
        Imports { module, map: None, stub_missing: false, elsewhere: Vec::new() }
    }

    /// Says what minified names mean.
    pub fn map(mut self, map: &'a ImportMap) -> Self {
        self.map = Some(map);
        self
    }

    /// Whether functions that the host does not have are no error now, but one that names the
    /// function when the guest calls it. Off by default.
    pub fn stub_missing(mut self, stub: bool) -> Self {
        self.stub_missing = stub;
        self
    }

    /// Leaves an import to the embedder, who defines it in the linker.
    pub fn defined_elsewhere(mut self, module: &'a str, name: &'a str) -> Self {
        self.elsewhere.push((module, name));
        self
    }

    /// Defines the functions that the module imports; a memory or table that it imports is made
    /// with the [`Program`](crate::Program).
    ///
    /// `ctx` finds the context in the data of a store. It is called for every call of the host,
    /// so it should be no more than a field access.
    ///
    /// # Errors
    ///
    /// When the module imports what the host does not have or with types that it does not know;
    /// the message lists all of them and says which are JavaScript. When names are minified and
    /// no map was given. When `linker` has one of the names and does not allow shadowing.
    pub fn add_to_linker<T: 'static>(
        &self,
        linker: &mut Linker<T>,
        ctx: impl Fn(&mut T) -> &mut Emscripten + Copy + Send + Sync + 'static,
    ) -> Result<()> {
        if self.map.is_none() && is_minified(self.module) {
            return Err(javascript::minified(self.module));
        }
        let threaded = is_threaded(self.module, self.map);
        let mut missing = Vec::new();
        for import in self.module.imports() {
            let at = (import.module(), import.name());
            let ExternType::Func(ty) = import.ty() else { continue };
            let name = match self.map {
                Some(map) => map.import(at.0, at.1),
                None => at.1,
            };
            if self.elsewhere.contains(&at) {
                continue;
            }
            if Invoke::new(name, &ty).is_some_and(|invoke| invoke.is_supported()) {
                invoke::define(linker, at, ty)?;
            } else if let Err(why) = self.define(linker, at, name, &ty, ctx)? {
                if self.stub_missing || threaded && PROXIED.contains(&name) {
                    let message = format!("the guest called `{}.{name}`: {why}", at.0);
                    linker.func_new(at.0, at.1, ty, move |_, _, _| {
                        Err(Error::new(MissingFunction(message.clone())))
                    })?;
                } else {
                    missing.push((import, name, why));
                }
            }
        }
        match missing.is_empty() {
            true => Ok(()),
            false if is_dynamic(self.module) => Err(dynamic()),
            false => Err(refusal(self.module, &missing)),
        }
    }

    /// Defines a function that the host has, or says why not.
    fn define<T: 'static>(
        &self,
        linker: &mut Linker<T>,
        at: (&str, &str),
        name: &str,
        ty: &FuncType,
        ctx: impl Context<T>,
    ) -> Result<Result<(), String>> {
        let of_host = matches!(at.0, "env" | "wasi_snapshot_preview1" | "wasi_unstable")
            || self.map.is_some();
        if !of_host {
            return Ok(Err(javascript::origin(self.module, at.0, name)));
        }
        if self.map.is_some_and(|map| map.is_unknown(at.0, at.1)) {
            return Ok(Err(javascript::unknown(self.module, at.1)));
        }
        if self.map.is_some()
            && let Some(constant) = name.strip_prefix(RETURN).and_then(constant)
        {
            define_constant(linker, at, ty, constant)?;
            return Ok(Ok(()));
        }
        if define_typed(linker, at, name, ty, ctx)? {
            return Ok(Ok(()));
        }
        let Some((pattern, body)) = host::find(name) else {
            return Ok(Err(match typed_pattern(name) {
                Some(pattern) => wrong_type(pattern, ty),
                // What a map has was of `env`.
                None if self.map.is_some() => javascript::origin(self.module, "env", name),
                None => javascript::origin(self.module, at.0, name),
            }));
        };
        let any = self.map.is_some() && name == ABORT;
        if !any && !fits(pattern, ty) {
            return Ok(Err(wrong_type(pattern, ty)));
        }
        let call = move |mut caller: Caller<'_, T>, params: &[Val], results: &mut [Val]| {
            let (guest, data) = enter(&mut caller, ctx)?;
            let mut call = Call { ctx: data, guest, args: Args(params.iter()) };
            let value = body.call(&mut call)?;
            match value.store(results) {
                Some(high) => exceptions::set_temp_ret0(&mut caller, ctx, high),
                None => Ok(()),
            }
        };
        linker.func_new(at.0, at.1, ty.clone(), call)?;
        Ok(Ok(()))
    }
}

/// Defines the functions that `module` imports, and refuses what the host does not have: what
/// [`Imports::add_to_linker`] does by default.
///
/// # Errors
///
/// See [`Imports::add_to_linker`].
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    module: &Module,
    ctx: impl Fn(&mut T) -> &mut Emscripten + Copy + Send + Sync + 'static,
) -> Result<()> {
    Imports::of(module).add_to_linker(linker, ctx)
}

/// The guest has called a function that the host does not have.
///
/// `error.downcast_ref::<MissingFunction>()` tells it apart from traps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFunction(pub String);

impl std::fmt::Display for MissingFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MissingFunction {}

/// The number behind `return`, or zero if there is none.
fn constant(text: &str) -> Option<f64> {
    match text.strip_prefix(' ') {
        None => text.is_empty().then_some(0.0),
        Some(number) => number.parse().ok(),
    }
}

/// Defines a function that only gives a number, converted as JavaScript would.
fn define_constant<T: 'static>(
    linker: &mut Linker<T>,
    at: (&str, &str),
    ty: &FuncType,
    constant: f64,
) -> Result<()> {
    linker.func_new(at.0, at.1, ty.clone(), move |_, _, results| {
        for result in results {
            *result = match *result {
                Val::I32(_) => Val::I32(constant as i64 as i32),
                Val::I64(_) => Val::I64(constant as i64),
                Val::F32(_) => Val::F32((constant as f32).to_bits()),
                Val::F64(_) => Val::F64(constant.to_bits()),
                other => other,
            };
        }
        Ok(())
    })?;
    Ok(())
}

fn wrong_type(pattern: &str, ty: &FuncType) -> String {
    format!("the host has it with other types (`{pattern}`) than {ty}")
}

/// The refusal of parts of programs that are linked when they are loaded.
pub(crate) fn dynamic() -> Error {
    Error::msg(
        "the module is built to be linked dynamically (-sMAIN_MODULE or -sSIDE_MODULE), which \
         this host does not do yet",
    )
}

fn refusal(module: &Module, missing: &[(ImportType<'_>, &str, String)]) -> Error {
    let count = missing.len();
    let mut message = match count {
        1 => "the host does not have one import of the module:".to_owned(),
        _ => format!("the host does not have {count} imports of the module:"),
    };
    for (import, name, why) in missing {
        message.push_str(&format!("\n  `{}.{}`", import.module(), import.name()));
        if *name != import.name() {
            message.push_str(&format!(" (`{name}` by the import map)"));
        }
        message.push_str(&format!(": {why}"));
    }
    if let Some(hint) = javascript::hint(module) {
        message.push_str(&format!("\n{hint}"));
    }
    Error::msg(message)
}

/// What the C library of older programs with threads refers to, in case that a thread asks for it.
const PROXIED: [&str; 2] =
    ["emscripten_webgl_create_context", "emscripten_set_canvas_element_size"];

/// The patterns of the functions of [`define_typed`], for messages.
fn typed_pattern(name: &str) -> Option<&'static str> {
    let mut rows = TYPED.iter().chain(threads::PATTERNS).chain(names::PATTERNS);
    let row = rows.find(|(known, _)| *known == name);
    row.map(|(_, pattern)| *pattern)
        .or_else(|| name.starts_with("__cxa_find_matching_catch").then_some("i...:i"))
}

#[rustfmt::skip] // A table: one function, one line.
const TYPED: &[(&str, &str)] = &[
    ("fd_write", "iiii:i"),
    ("setTempRet0", "i:v"),
    ("getTempRet0", ":i"),
    ("emscripten_memcpy_big", "iii:?"),
    ("_emscripten_memcpy_js", "iii:?"),
    ("emscripten_memcpy_js", "iii:?"),
    ("emscripten_resize_heap", "i:i"),
    ("exit", "i:v"),
    ("__syscall_poll", "iii:i"),
    ("__syscall__newselect", "iiiii:i"),
    ("emscripten_force_exit", "i:v"),
    ("emscripten_sleep", "i:v"),
    ("_mmap_js", "iiiijii:i|iiiiiii:i"),
    ("_tzset_js", "iii:v"),
    ("_emscripten_throw_longjmp", ":v"),
    ("emscripten_longjmp", "ii:v"),
    ("__call_sighandler", "ii:v"),
    ("__cxa_allocate_exception", "i:i"),
    ("__cxa_free_exception", "i:?"),
    ("__cxa_throw", "iii:v"),
    ("__cxa_rethrow", ":v"),
    ("__resumeException", "i:v"),
    ("__cxa_begin_catch", "i:i"),
    ("__cxa_end_catch", ":v"),
    ("__cxa_get_exception_ptr", "i:i"),
    ("__cxa_uncaught_exceptions", ":i"),
    ("__cxa_increment_exception_refcount", "i:v"),
    ("__cxa_decrement_exception_refcount", "i:v"),
    ("__cxa_current_primary_exception", ":i"),
    ("__cxa_rethrow_primary_exception", "i:v"),
    ("__cxa_call_unexpected", "i:v"),
];

/// All names and patterns.
#[cfg(test)]
pub(crate) fn typed_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    TYPED.iter().chain(threads::PATTERNS).chain(names::PATTERNS).copied()
}

/// Defines the functions that call the guest, and those that are called often; says whether it
/// has.
fn define_typed<T: 'static>(
    linker: &mut Linker<T>,
    (module, real): (&str, &str),
    name: &str,
    ty: &FuncType,
    ctx: impl Context<T>,
) -> Result<bool> {
    let find = name.strip_prefix("__cxa_find_matching_catch");
    if find.is_some() && ty.params().all(|ty| ty == palisade::ValType::I32) && fits_result(ty) {
        return define_find(linker, (module, real), ty, ctx).map(|()| true);
    }
    match typed_pattern(name) {
        Some(pattern) if fits(pattern, ty) => {}
        _ => return Ok(false),
    }
    let no_result = ty.results().len() == 0;
    macro_rules! define {
        ($(|$caller:ident $(, $arg:ident: $ty:ty)*| -> $result:ty { $body:expr })*) => {{
            $(linker.func_wrap(
                module,
                real,
                move |
                    #[allow(unused_mut, reason = "some only look")] mut $caller: Caller<'_, T>
                    $(, $arg: $ty)*
                | -> Result<$result> { $body },
            )?;)*
        }};
    }
    match name {
        "fd_write" => define! { |caller, fd: u32, iovs: u32, count: u32, result: u32| -> u32 {{
            let (mut guest, data) = enter(&mut caller, ctx)?;
            let written = host::io::fd_write(data, &mut guest, fd, iovs, count, result);
            Ok(written.map_or_else(|errno| u32::from(errno.code()), |()| 0))
        }}},
        "setTempRet0" => define! { |caller, value: u32| -> () {{
            ctx(caller.data_mut()).temp_ret0 = value;
            Ok(())
        }}},
        "getTempRet0" => define! { |caller| -> u32 { Ok(ctx(caller.data_mut()).temp_ret0) }},
        "emscripten_memcpy_big" | "_emscripten_memcpy_js" | "emscripten_memcpy_js" if no_result => {
            define! { |caller, to: u32, from: u32, len: u32| -> () {
                Ok(enter(&mut caller, ctx)?.0.copy_within(to, from, len)?)
            }}
        }
        "emscripten_memcpy_big" | "_emscripten_memcpy_js" | "emscripten_memcpy_js" => {
            define! { |caller, to: u32, from: u32, len: u32| -> u32 {{
                enter(&mut caller, ctx)?.0.copy_within(to, from, len)?;
                Ok(to)
            }}}
        }
        "emscripten_resize_heap" => define! { |caller, requested: u32| -> u32 {
            memory::resize(&mut caller, ctx, requested)
        }},
        "exit" | "emscripten_force_exit" => define! { |caller, code: i32| -> () {
            Err(crate::bound::exit(&mut caller, ctx, code))
        }},
        "emscripten_sleep" => define! { |caller, millis: u32| -> () {
            events::sleep(&mut caller, ctx, millis)
        }},
        "__syscall_poll" => define! { |caller, at: u32, count: u32, timeout: i32| -> i32 {
            host::poll::poll(&mut caller, ctx, (at, count), timeout)
        }},
        "__syscall__newselect" => define! {
            |caller, count: i32, reads: u32, writes: u32, others: u32, time: u32| -> i32 {{
                let call = host::poll::Select(count, [reads, writes, others], time);
                host::poll::select(&mut caller, ctx, &call)
            }}
        },
        "_mmap_js" => mapping::define_mmap(linker, (module, real), ty, ctx)?,
        "_tzset_js" => define! { |caller, timezone: u32, daylight: u32, names: u32| -> () {
            mapping::tzset(&mut caller, ctx, timezone, daylight, names)
        }},
        "_emscripten_throw_longjmp" => define! { |caller| -> () {
            Err(exceptions::throw(&mut caller, ctx, false))
        }},
        "emscripten_longjmp" => define! { |caller, env: u32, value: u32| -> () {
            exceptions::longjmp(&mut caller, ctx, env, value)
        }},
        "__call_sighandler" => define! { |caller, handler: u32, signal: u32| -> () {
            exceptions::call_in_table(&mut caller, ctx, handler, signal)
        }},
        "__cxa_allocate_exception" => define! { |caller, len: u32| -> u32 {
            exceptions::allocate(&mut caller, ctx, len)
        }},
        "__cxa_free_exception" if no_result => define! { |caller, exception: u32| -> () {
            exceptions::free_exception(&mut caller, ctx, exception)
        }},
        "__cxa_free_exception" => define! { |caller, exception: u32| -> u32 {
            exceptions::free_exception(&mut caller, ctx, exception).map(|()| 0)
        }},
        "__cxa_throw" => define! { |caller, exception: u32, ty: u32, destructor: u32| -> () {
            exceptions::throw_exception(&mut caller, ctx, (exception, ty, destructor))
        }},
        "__cxa_rethrow" => define! { |caller| -> () { exceptions::rethrow(&mut caller, ctx) }},
        "__resumeException" => define! { |caller, handle: u32| -> () {
            exceptions::resume(&mut caller, ctx, handle)
        }},
        "__cxa_begin_catch" => define! { |caller, handle: u32| -> u32 {
            exceptions::begin_catch(&mut caller, ctx, handle)
        }},
        "__cxa_end_catch" => define! { |caller| -> () { exceptions::end_catch(&mut caller, ctx) }},
        "__cxa_get_exception_ptr" => define! { |caller, handle: u32| -> u32 {
            exceptions::exception_pointer(&mut caller, ctx, handle)
        }},
        "__cxa_uncaught_exceptions" => define! { |caller| -> u32 {
            Ok(exceptions::uncaught(ctx(caller.data_mut())))
        }},
        "__cxa_increment_exception_refcount" => define! { |caller, exception: u32| -> () {
            exceptions::add_reference(&mut caller, ctx, exception)
        }},
        "__cxa_decrement_exception_refcount" => define! { |caller, exception: u32| -> () {
            exceptions::drop_reference(&mut caller, ctx, exception)
        }},
        "__cxa_current_primary_exception" => define! { |caller| -> u32 {
            exceptions::current_primary(&mut caller, ctx)
        }},
        "__cxa_rethrow_primary_exception" => define! { |caller, exception: u32| -> () {
            exceptions::rethrow_primary(&mut caller, ctx, exception)
        }},
        "__cxa_call_unexpected" => define! { |_caller, _exception: u32| -> () {
            Err(crate::ctx::aborted("an exception left a function that said it throws no such one"))
        }},
        _ if names::define(linker, (module, real), name, ctx)? => {}
        _ => threads::define(linker, (module, real), name, ty, ctx)?,
    }
    Ok(true)
}

fn fits_result(ty: &FuncType) -> bool {
    ty.results().eq([palisade::ValType::I32])
}

/// Takes as many types as the name says.
fn define_find<T: 'static>(
    linker: &mut Linker<T>,
    (module, name): (&str, &str),
    ty: &FuncType,
    ctx: impl Context<T>,
) -> Result<()> {
    macro_rules! define {
        ($($count:literal: $($arg:ident)*;)*) => {
            match ty.params().len() {
                $($count => {
                    linker.func_wrap(
                        module,
                        name,
                        move |mut caller: Caller<'_, T> $(, $arg: u32)*| -> Result<u32> {
                            exceptions::find_matching_catch(&mut caller, ctx, &[$($arg),*])
                        },
                    )?;
                })*
                _ => {
                    linker.func_new(module, name, ty.clone(), move |mut caller, params, results| {
                        let types: Vec<u32> =
                            params.iter().map(|ty| ty.unwrap_i32().cast_unsigned()).collect();
                        let handle = exceptions::find_matching_catch(&mut caller, ctx, &types)?;
                        results[0] = Val::I32(handle.cast_signed());
                        Ok(())
                    })?;
                }
            }
        };
    }
    define! {
        0: ;
        1: a;
        2: a b;
        3: a b c;
    }
    Ok(())
}
