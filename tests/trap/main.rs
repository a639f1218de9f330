//! Traps: which one, where, and what is left behind.
//!
//! Guests here do what they must not, and hosts fail in the middle of it. Each test names the exact trap, value or
//! payload that must come out, and most use the store again afterwards. `signals` runs this program as a child, because
//! what it shows is how a process dies; it is the only module with unsafe code.

#[forbid(unsafe_code)]
mod backtrace;
#[forbid(unsafe_code)]
mod codes;
#[forbid(unsafe_code)]
mod counters;
#[forbid(unsafe_code)]
mod growth;
#[forbid(unsafe_code)]
mod host;
#[forbid(unsafe_code)]
mod interrupt;
#[forbid(unsafe_code)]
mod memory;
#[forbid(unsafe_code)]
mod nan;
#[forbid(unsafe_code)]
mod operators;
mod signals;
#[forbid(unsafe_code)]
mod stack;
#[forbid(unsafe_code)]
mod sums;
#[forbid(unsafe_code)]
mod table;

use palisade::{Engine, Error, Extern, Func, Instance, Module, Store, Trap, Val, ValType};

/// A store with an instance of a module without imports.
fn instance(text: &str) -> (Store<()>, Instance) {
    let mut store = Store::new(&Engine::default(), ());
    let instance = instantiate(&mut store, text, &[]);
    (store, instance)
}

/// An instance of `text` in `store`.
fn instantiate<T: 'static>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Instance {
    let module = Module::new(store.engine(), text).expect("the module is valid");
    Instance::new(store, &module, imports).expect("the imports fit")
}

/// Calls an export that has at most one result.
fn call<T: 'static>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    params: &[Val],
) -> Result<Option<Val>, Error> {
    let func = instance.get_func(&mut *store, name).expect("it is exported");
    call_func(store, func, params)
}

/// Calls a function that has at most one result.
fn call_func<T: 'static>(
    store: &mut Store<T>,
    func: Func,
    params: &[Val],
) -> Result<Option<Val>, Error> {
    let result = func.ty(&*store).results().next();
    let mut results: Vec<Val> = result.iter().filter_map(Val::default_for_ty).collect();
    func.call(store, params, &mut results)?;
    Ok(results.pop())
}

/// Calls an export from `i32`s to `i32`; the trap if it traps.
fn call_i32<T: 'static>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    params: &[u32],
) -> Result<i32, Trap> {
    let params: Vec<Val> = params.iter().map(|value| Val::I32(*value as i32)).collect();
    match call(store, instance, name, &params) {
        Ok(result) => Ok(result.and_then(|value| value.i32()).unwrap_or(0)),
        Err(error) => Err(trap(&error)),
    }
}

/// The trap that an error is.
fn trap(error: &Error) -> Trap {
    *error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("not a trap: {error:?}"))
}

/// The bits of a number.
fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(bits) => u64::from(*bits),
        Val::F64(bits) => *bits,
        other => panic!("not a number: {other:?}"),
    }
}

/// The number of type `ty` with these bits.
fn number(ty: &ValType, bits: u64) -> Val {
    match ty {
        ValType::I32 => Val::I32(bits as u32 as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits),
        other => panic!("not a number type: {other}"),
    }
}
