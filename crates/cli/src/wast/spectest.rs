//! The module `spectest`, which the scripts of the specification import from.
//!
//! Its print functions print nothing: a script is judged by its assertions, and thousands of numbers would bury the
//! lines that matter.

use palisade::{
    Engine, Global, GlobalType, Linker, Memory, MemoryType, Mutability, Ref, RefType, Result,
    SharedMemory, Store, Table, TableType, Val, ValType,
};

const NAME: &str = "spectest";

/// A linker that knows `spectest`, and in which a script may define names again.
pub(super) fn linker(engine: &Engine, store: &mut Store<()>) -> Result<Linker<()>> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    define_functions(&mut linker)?;
    define_globals(&mut linker, store)?;

    let table = TableType::new(RefType::FUNCREF, 10, Some(20));
    let table = Table::new(&mut *store, table, Ref::Func(None))?;
    linker.define(&mut *store, NAME, "table", table)?;
    let table = TableType::new64(RefType::FUNCREF, 10, Some(20));
    let table = Table::new(&mut *store, table, Ref::Func(None))?;
    linker.define(&mut *store, NAME, "table64", table)?;
    let memory = Memory::new(&mut *store, MemoryType::new(1, Some(2)))?;
    linker.define(&mut *store, NAME, "memory", memory)?;
    // Engines that do not allow threads have none.
    if let Ok(memory) = SharedMemory::new(engine, MemoryType::shared(1, 2)) {
        linker.define(&mut *store, NAME, "shared_memory", memory)?;
    }
    Ok(linker)
}

fn define_functions(linker: &mut Linker<()>) -> Result<()> {
    linker.func_wrap(NAME, "print", || {})?;
    linker.func_wrap(NAME, "print_i32", |_: i32| {})?;
    linker.func_wrap(NAME, "print_i64", |_: i64| {})?;
    linker.func_wrap(NAME, "print_f32", |_: f32| {})?;
    linker.func_wrap(NAME, "print_f64", |_: f64| {})?;
    linker.func_wrap(NAME, "print_i32_f32", |_: i32, _: f32| {})?;
    linker.func_wrap(NAME, "print_f64_f64", |_: f64, _: f64| {})?;
    Ok(())
}

fn define_globals(linker: &mut Linker<()>, store: &mut Store<()>) -> Result<()> {
    let globals = [
        ("global_i32", ValType::I32, Val::I32(666)),
        ("global_i64", ValType::I64, Val::I64(666)),
        ("global_f32", ValType::F32, Val::from(666.6f32)),
        ("global_f64", ValType::F64, Val::from(666.6f64)),
    ];
    for (name, ty, value) in globals {
        let global = Global::new(&mut *store, GlobalType::new(ty, Mutability::Const), value)?;
        linker.define(&mut *store, NAME, name, global)?;
    }
    Ok(())
}
