//! Types of memories and tables, and engines that do not allow them.

use crate::{assert_error, config, store};
use palisade::{
    Config, Engine, ExternType, Memory, MemoryType, MemoryTypeBuilder, Module, Result, TableType,
};

#[test]
fn modules_tell_their_types() {
    let text = r#"(module
        (import "" "a" (memory i64 1 0x1000000000000))
        (import "" "b" (memory 5 (pagesize 1)))
        (import "" "c" (table i64 0 0xffffffffffffffff externref))
        (memory (export "d") i64 7 9 (pagesize 1))
        (memory (export "e") 1 2 (pagesize 65536)))"#;
    let module = Module::new(&Engine::new(&config()).unwrap(), text).unwrap();
    let imports: Vec<_> = module.imports().map(|import| import.ty().to_string()).collect();
    assert_eq!(
        imports,
        [
            "memory i64 1 281474976710656",
            "memory 5 (pagesize 1)",
            "table i64 0 18446744073709551615 externref"
        ]
    );
    let exports: Vec<_> = module.exports().map(|export| export.ty().to_string()).collect();
    assert_eq!(exports, ["memory i64 7 9 (pagesize 1)", "memory 1 2"]);
    let Some(ExternType::Memory(ty)) = module.get_export("d") else { panic!("a memory") };
    assert_eq!((ty.is_64(), ty.minimum(), ty.maximum()), (true, 7, Some(9)));
    assert_eq!((ty.page_size(), ty.page_size_log2(), ty.is_shared()), (1, 0, false));
    let built = MemoryTypeBuilder::new()
        .memory64(true)
        .min(7)
        .max(Some(9))
        .page_size_log2(0)
        .build()
        .unwrap();
    assert_eq!(ty, built);
    assert!(!TableType::new(palisade::RefType::FUNCREF, 1, None).is_64());
}

#[test]
fn the_builder_is_strict() {
    fn build(minimum: u64, log2: u8) -> Result<MemoryType> {
        Ok(MemoryType::builder().min(minimum).page_size_log2(log2).build()?)
    }
    assert_eq!(build(3, 16).unwrap(), MemoryType::new(3, None));
    assert_error(build(1, 8), "page size 2^8 is neither 1 nor 65536");
    assert_error(build(65537, 16), "memory of 65537 pages exceeds its maximum of 65536");
    assert_error(build(1 << 32, 0), "memory of 4294967296 pages exceeds its maximum of 4294967295");
    let mut builder = MemoryType::builder();
    let wide = builder.memory64(true).min(1 << 32).max(Some(1 << 48)).build().unwrap();
    assert_eq!(wide, MemoryType::new64(1 << 32, Some(1 << 48)));
}

#[test]
fn hosts_make_memories_of_all_types() {
    let mut store = store();
    for (is_64, log2) in [(false, 0), (false, 16), (true, 0), (true, 16)] {
        let mut builder = MemoryType::builder();
        let ty = builder.memory64(is_64).page_size_log2(log2).min(2).max(Some(5)).build().unwrap();
        let memory = Memory::new(&mut store, ty.clone()).unwrap();
        assert_eq!(memory.ty(&store), ty);
        assert_eq!(memory.page_size(&store), 1 << log2);
        assert_eq!((memory.size(&store), memory.data_size(&store)), (2, 2 << log2));
        assert_eq!(memory.grow(&mut store, 3).unwrap(), 2);
        assert_eq!(memory.data(&store).len(), 5 << log2);
        assert_error(memory.grow(&mut store, 1), "failed to grow memory by `1`");
        memory.write(&mut store, (5 << log2) - 1, b"x").unwrap();
        memory.write(&mut store, 5 << log2, b"x").unwrap_err();
        memory.read(&store, usize::MAX, &mut [0]).unwrap_err();
    }
}

/// What is off is refused by name, and nothing else is.
#[test]
fn proposals_can_be_refused() {
    let several = "(module (memory 1) (memory 1))";
    let (wide, table) = ("(module (memory i64 1))", "(module (table i64 1 funcref))");
    let bytes = "(module (memory 1 (pagesize 1)))";
    let all = [several, wide, table, bytes];
    let check = |config: &mut Config, refused: &[&str], name: &str| {
        let engine = Engine::new(config).unwrap();
        for text in all {
            match Module::new(&engine, text) {
                Ok(_) => assert!(!refused.contains(&text), "{text}"),
                Err(error) => {
                    assert!(refused.contains(&text), "{text}: {error:?}");
                    let message = error.to_string().replace('-', " ");
                    assert!(message.contains(name), "{message}");
                }
            }
        }
    };
    check(&mut Config::new(), &[bytes], "custom page sizes");
    check(&mut config(), &[], "");
    check(config().wasm_multi_memory(false), &[several], "multi");
    check(config().wasm_memory64(false), &[wide, table], "memory64");
}
