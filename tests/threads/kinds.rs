//! Types of memories: what is valid, what matches, what an engine allows.

use crate::{assert_error, engine, shared};
use palisade::{
    Config, Engine, Extern, ExternType, Instance, Memory, MemoryType, Module, SharedMemory, Store,
};

#[test]
fn types() {
    let ty = MemoryType::shared(1, 2);
    assert!(ty.is_shared() && !ty.is_64());
    assert_eq!((ty.minimum(), ty.maximum()), (1, Some(2)));
    assert_eq!(ty.to_string(), "memory 1 2 shared");
    assert!(!MemoryType::new(1, Some(2)).is_shared());
    let built = MemoryType::builder().min(1).max(Some(2)).shared(true).build().unwrap();
    assert_eq!(built, ty);
    let unlimited = MemoryType::builder().shared(true).build();
    assert_eq!(unlimited.unwrap_err().to_string(), "shared memory must have a maximum size");
    let module = Module::new(&engine(), "(module (memory (export \"m\") i64 1 2 shared))").unwrap();
    let Some(ExternType::Memory(ty)) = module.get_export("m") else { panic!("a memory") };
    assert!(ty.is_shared());
    assert_eq!(ty.to_string(), "memory i64 1 2 shared");
}

#[test]
fn invalid_modules() {
    let error = |engine: &Engine, text: &str| {
        let binary = wat::parse_str(text).unwrap();
        Module::new(engine, binary).unwrap_err().to_string()
    };
    let unlimited = error(&engine(), "(module (memory 1 shared))");
    assert!(unlimited.starts_with("shared memory must have maximum size"), "{unlimited}");
    let off = Engine::new(Config::new().wasm_threads(false)).unwrap();
    for text in [
        "(module (memory 1 1 shared))",
        "(module (import \"\" \"\" (memory 1 1 shared)))",
        "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
        "(module (memory 1) (func (drop (memory.atomic.notify (i32.const 0) (i32.const 0)))))",
        "(module (func (atomic.fence)))",
    ] {
        let error = error(&off, text);
        assert!(error.contains("threads"), "{text}: {error}");
        assert!(Module::new(&engine(), text).is_ok(), "{text}");
    }
    assert!(Module::new(&off, "(module (memory 1))").is_ok());
    let made = SharedMemory::new(&off, MemoryType::shared(1, 1));
    assert_error(made, "the engine does not allow the threads proposal");
}

#[test]
fn impossible_memories() {
    let engine = engine();
    let made = |ty| SharedMemory::new(&engine, ty);
    assert_error(
        made(MemoryType::new(1, Some(1))),
        "a shared memory needs a memory type that is shared",
    );
    assert_error(made(MemoryType::shared(2, 1)), "memory of 2 pages exceeds its maximum of 1");
    let made = Memory::new(Store::new(&engine, ()), MemoryType::shared(1, 1));
    assert_error(made, "shared memories are made by `SharedMemory::new`");
}

#[test]
fn matching() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let memory = shared(&engine, 1, 3);
    let plain = Memory::new(&mut store, MemoryType::new(1, Some(3))).unwrap();
    let mut import = |ty: &str, item: Extern| {
        let text = format!("(module (import \"a\" \"b\" {ty}))");
        let module = Module::new(&engine, text).unwrap();
        Instance::new(&mut store, &module, &[item]).map(drop)
    };
    let context = "incompatible import type for `\"a\".\"b\"`: ";
    for ty in ["(memory 0 3 shared)", "(memory 1 3 shared)", "(memory 1 4 shared)"] {
        import(ty, memory.clone().into()).unwrap();
    }
    let refused = [
        ("(memory 1 2 shared)", "expected memory 1 2 shared"),
        ("(memory 2 3 shared)", "expected memory 2 3 shared"),
        ("(memory 1 3)", "expected memory 1 3"),
        ("(memory i64 1 3 shared)", "expected memory i64 1 3 shared"),
    ];
    for (ty, expected) in refused {
        let message = format!("{context}{expected}, found memory 1 3 shared of 1 pages");
        assert_error(import(ty, memory.clone().into()), &message);
    }
    let message = format!("{context}expected memory 1 3 shared, found memory 1 3 of 1 pages");
    assert_error(import("(memory 1 3 shared)", plain.into()), &message);
    assert_error(
        import("(func)", memory.clone().into()),
        &format!("{context}expected a function, found a memory"),
    );
    // What it has now counts.
    memory.grow(1).unwrap();
    import("(memory 2 3 shared)", memory.into()).unwrap();
}
