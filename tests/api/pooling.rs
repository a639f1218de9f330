//! The pooling allocator: its limits, and that its places are as new to whoever gets them.

use palisade::{
    Config, Engine, Instance, InstanceAllocationStrategy, Linker, Memory, MemoryType, Module,
    PoolingAllocationConfig, Result, Store, Table, TableType,
};

fn engine(set: impl FnOnce(&mut PoolingAllocationConfig)) -> Engine {
    let mut pooling = PoolingAllocationConfig::new();
    pooling.total_memories(3).total_core_instances(5).total_tables(4);
    set(&mut pooling);
    Engine::new(Config::new().allocation_strategy(pooling)).unwrap()
}

fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, text).unwrap()
}

/// Instances of `module`, each in a store of its own, until one fails; and with what.
fn fill(engine: &Engine, module: &Module) -> (Vec<Store<()>>, String) {
    let mut stores = Vec::new();
    loop {
        let mut store = Store::new(engine, ());
        match Instance::new(&mut store, module, &[]) {
            Ok(_) => stores.push(store),
            Err(error) => return (stores, error.to_string()),
        }
    }
}

#[test]
fn concurrent_limits() {
    let engine = engine(|_| {});
    for (text, kind, limit) in [
        ("(module)", "core instances", 5),
        ("(module (memory 1))", "memories", 3),
        ("(module (table 1 funcref))", "tables", 4),
    ] {
        let module = module(&engine, text);
        for _ in 0..3 {
            let (mut stores, message) = fill(&engine, &module);
            assert_eq!(stores.len(), limit);
            assert_eq!(message, format!("maximum concurrent limit of {limit} for {kind} reached"));
            // One goes, one comes.
            stores.pop();
            stores.extend(fill(&engine, &module).0);
            assert_eq!(stores.len(), limit);
        }
    }
}

/// What a failed instantiation took is given back with its store.
#[test]
fn failures_take_nothing_for_ever() {
    let engine = engine(|pooling| {
        pooling.max_tables_per_module(9);
    });
    let traps = r#"(module (memory 1) (table 1 funcref) (data (i32.const 65535) "xx"))"#;
    let many = "(module (memory 1) (table 1 funcref) (table 1 funcref) (table 1 funcref)
        (table 1 funcref) (table 1 funcref))";
    for text in [traps, many] {
        let module = module(&engine, text);
        for _ in 0..10 {
            let mut store = Store::new(&engine, ());
            Instance::new(&mut store, &module, &[]).unwrap_err();
        }
    }
    assert_eq!(fill(&engine, &module(&engine, "(module (memory 1) (table 1 funcref))")).0.len(), 3);
}

#[test]
fn modules_beyond_the_limits() {
    let engine = engine(|pooling| {
        pooling.max_memory_size(2 << 16).table_elements(10).max_core_instance_size(1000);
    });
    let globals = "(global i64 (i64.const 0))".repeat(100);
    for (items, message) in [
        ("(memory 1) (memory 1)", "defined memories count of 2 exceeds the per-module limit of 1"),
        (
            "(table 1 funcref) (table 1 funcref)",
            "defined tables count of 2 exceeds the per-module limit of 1",
        ),
        ("(memory 3)", "memory minimum size of 196608 bytes exceeds the limit of 131072 bytes"),
        (
            "(table 11 funcref)",
            "table minimum size of 11 elements exceeds the limit of 10 elements",
        ),
        (&*globals, "instance size of 1"),
    ] {
        let error = Module::new(&engine, format!("(module {items})")).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    // What is imported counts where it is defined.
    let text = r#"(module (import "" "m" (memory 1)) (import "" "n" (memory 1)) (memory 2))"#;
    module(&engine, text);
}

#[test]
fn growth_beyond_the_limits() {
    let engine = engine(|pooling| {
        pooling.max_memory_size(2 << 16).table_elements(10);
    });
    let text = r#"(module (memory (export "memory") 1) (table (export "table") 1 funcref)
        (func (export "memory_grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "table_grow") (param i32) (result i32)
            (table.grow (ref.null func) (local.get 0)))
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"#;
    let module = module(&engine, text);
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let mut call = |name, value| -> Result<i32> {
        instance.get_typed_func::<i32, i32>(&mut store, name)?.call(&mut store, value)
    };
    assert_eq!(call("memory_grow", 2).unwrap(), -1);
    assert_eq!(call("memory_grow", 1).unwrap(), 1);
    assert_eq!(call("memory_grow", 1).unwrap(), -1);
    assert_eq!(call("load", (2 << 16) - 4).unwrap(), 0);
    call("load", 2 << 16).unwrap_err();
    call("load", -8).unwrap_err();
    assert_eq!(call("table_grow", 10).unwrap(), -1);
    assert_eq!(call("table_grow", 9).unwrap(), 1);
    assert_eq!(call("table_grow", 1).unwrap(), -1);
}

/// The host's own memories and tables, and shared ones, are not from the pool.
#[test]
fn the_host_is_not_limited() {
    let engine = engine(|pooling| {
        pooling.total_memories(0).total_tables(0).max_memory_size(1 << 16).table_elements(1);
    });
    let mut store = Store::new(&engine, ());
    for _ in 0..10 {
        let memory = Memory::new(&mut store, MemoryType::new(5, None)).unwrap();
        memory.grow(&mut store, 5).unwrap();
        let ty = TableType::new(palisade::RefType::FUNCREF, 100, None);
        Table::new(&mut store, ty, palisade::Ref::Func(None)).unwrap();
    }
    let shared = module(&engine, "(module (memory 2 3 shared))");
    Instance::new(&mut store, &shared, &[]).unwrap();
    let own = module(&engine, "(module (memory 1))");
    Instance::new(&mut store, &own, &[]).unwrap_err();
}

#[test]
fn address_space_is_needed_at_once() {
    let mut pooling = PoolingAllocationConfig::new();
    pooling.max_memory_size(1 << 46).total_memories(100);
    let error = Engine::new(Config::new().allocation_strategy(pooling)).unwrap_err();
    assert!(error.to_string().starts_with("cannot reserve 100 memories for the pool"), "{error}");
}

#[test]
fn memories_of_64_bits_are_as_large_as_their_slots() {
    let engine = engine(|pooling| {
        pooling.max_memory_size(5 << 30);
    });
    let text = r#"(module (memory (export "memory") i64 1)
        (func (export "load") (param i64) (result i32) (i32.load (local.get 0))))"#;
    let module = module(&engine, text);
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    memory.grow(&mut store, (5 << 14) - 1).unwrap();
    memory.grow(&mut store, 1).unwrap_err();
    let load = instance.get_typed_func::<i64, i32>(&mut store, "load").unwrap();
    assert_eq!(load.call(&mut store, (5 << 30) - 4).unwrap(), 0);
    load.call(&mut store, 5 << 30).unwrap_err();
    load.call(&mut store, -4).unwrap_err();
}

/// With few places and several modules every place changes hands, whatever may stay resident or warm.
#[test]
fn places_are_as_new() {
    for (keep, warm) in [(0, 0), (0, 3), (4096, 1), (1 << 20, 2), (64 << 20, 3)] {
        let engine = engine(|pooling| {
            pooling.linear_memory_keep_resident(keep).max_unused_warm_slots(warm);
        });
        let modules = [1, 3, 40].map(|pages| {
            let text = format!(
                r#"(module (memory (export "memory") {pages}) (data (i32.const {}) "data{pages}"))"#,
                pages * 65_536 - 8
            );
            (pages, module(&engine, &text))
        });
        for round in 0..200_usize {
            let mut stores = Vec::new();
            for turn in 0..1 + round % 3 {
                let (pages, module) = &modules[round * 7 / (turn + 1) % 3];
                let mut store = Store::new(&engine, ());
                let instance = Instance::new(&mut store, module, &[]).unwrap();
                let memory = instance.get_memory(&mut store, "memory").unwrap();
                let bytes = memory.data_mut(&mut store);
                let (zeros, data) = bytes.split_at(pages * 65_536 - 8);
                assert!(zeros.iter().all(|byte| *byte == 0), "round {round}");
                assert!(data.starts_with(format!("data{pages}").as_bytes()), "round {round}");
                let step = [1, 5000, 100_000][round % 3];
                bytes.iter_mut().step_by(step).for_each(|byte| *byte = 0xee);
                let old = bytes.len();
                memory.grow(&mut store, round as u64 % 5).unwrap();
                let grown = &mut memory.data_mut(&mut store)[old..];
                assert!(grown.iter().all(|byte| *byte == 0), "round {round}, grown");
                grown.fill(0xdd);
                stores.push(store);
            }
        }
    }
}

#[test]
fn threads_share_the_places() {
    let engine = engine(|pooling| {
        pooling.total_memories(4).total_core_instances(4).max_unused_warm_slots(2);
    });
    let modules = ["(memory 1)", "(memory 2) (data (i32.const 70000) \"x\")", "(memory 1 3)"]
        .map(|items| module(&engine, &format!("(module {items} (export \"memory\" (memory 0)))")));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (engine, modules) = (&engine, &modules);
            scope.spawn(move || {
                for round in 0..300 {
                    let which = (round + thread) % 3;
                    let mut store = Store::new(engine, ());
                    // As many threads as places: there always is one.
                    let instance = Instance::new(&mut store, &modules[which], &[]).unwrap();
                    let memory = instance.get_memory(&mut store, "memory").unwrap();
                    let bytes = memory.data_mut(&mut store);
                    let dirty = bytes.iter().filter(|byte| **byte != 0).count();
                    assert_eq!(dirty, usize::from(which == 1));
                    bytes.fill(1);
                }
            });
        }
    });
}

/// A store has what it needs, whatever else is dropped.
#[test]
fn stores_outlive_handles() {
    let text = r#"(module (memory (export "memory") 1) (data (i32.const 3) "x")
        (func (export "f") (result i32) (i32.load8_u (i32.const 3))))"#;
    let (mut stores, mut pres) = (Vec::new(), Vec::new());
    {
        let engine = engine(|_| {});
        let module = module(&engine, text);
        pres.push(Linker::<()>::new(&engine).instantiate_pre(&module).unwrap());
        for _ in 0..3 {
            let mut store = Store::new(&engine, ());
            let instance = pres[0].instantiate(&mut store).unwrap();
            stores.push((store, instance));
        }
    }
    for (store, instance) in &mut stores {
        let f = instance.get_typed_func::<(), i32>(&mut *store, "f").unwrap();
        assert_eq!(f.call(store, ()).unwrap(), i32::from(b'x'));
    }
    pres.clear();
    stores.remove(1);
    for (store, instance) in &mut stores {
        let memory = instance.get_memory(&mut *store, "memory").unwrap();
        memory.grow(&mut *store, 3).unwrap();
        assert_eq!(memory.data(&store)[3], b'x');
    }
}

#[test]
fn modules_leave_the_places_to_others() {
    let engine = engine(|_| {});
    for round in 0..50 {
        let text = format!(r#"(module (memory 1) (data (i32.const {round}) "x"))"#);
        let module = module(&engine, &text);
        for _ in 0..3 {
            assert_eq!(fill(&engine, &module).0.len(), 3);
        }
    }
}

#[test]
fn strategies_have_names() {
    assert!(matches!(InstanceAllocationStrategy::default(), InstanceAllocationStrategy::OnDemand));
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::pooling());
    let engine = Engine::new(&config).unwrap();
    fill(&engine, &module(&engine, "(module (memory 1))")).0.truncate(999);
}
