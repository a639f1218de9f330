//! The process does not grow when stores and modules come and go.
//!
//! Numbers of a whole process are only comparable while nothing else happens in it, so each test runs in a process of
//! its own: the test binary starts itself with only that test.

use palisade::{Engine, Instance, Linker, Memory, MemoryType, Module, Store};
use palisade_tests::alone;

/// Mappings of this process, its resident bytes, and its address space.
fn process() -> [usize; 3] {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes = |field: &str| -> usize {
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    [maps, kilobytes("VmRSS:") << 10, kilobytes("VmSize:") << 10]
}

/// Runs `round` until its effects on the process have settled, then 2,000 times more.
fn assert_steady(mut round: impl FnMut(usize)) {
    (0..200).for_each(&mut round);
    let before = process();
    (0..2000).for_each(&mut round);
    let after = process();
    let grown = |place: usize| after[place].saturating_sub(before[place]);
    assert!(grown(0) <= 16, "mappings: {} -> {}", before[0], after[0]);
    assert!(grown(1) <= 8 << 20, "resident bytes: {} -> {}", before[1], after[1]);
    assert!(grown(2) <= 64 << 20, "address space: {} -> {}", before[2], after[2]);
}

#[test]
fn stores_come_and_go() {
    alone("mappings::stores_come_and_go", None, || {
        let engine = Engine::default();
        let text = format!(
            r#"(module (import "" "f" (func $f (param i32)))
                (memory (export "memory") 3 20) (table 10 funcref) (elem (i32.const 0) func $f)
                (data (i32.const 100) "{}")
                (func (export "run") (drop (memory.grow (i32.const 2))) (call $f (i32.const 1))))"#,
            "x".repeat(100_000)
        );
        let module = Module::new(&engine, text).unwrap();
        let mut linker = Linker::new(&engine);
        linker.func_wrap("", "f", |_: i32| {}).unwrap();
        assert_steady(|_| {
            let mut store = Store::new(&engine, [0_u8; 1000]);
            for _ in 0..2 {
                let instance = linker.instantiate(&mut store, &module).unwrap();
                let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
                run.call(&mut store, ()).unwrap();
                let memory = instance.get_memory(&mut store, "memory").unwrap();
                memory.data_mut(&mut store)[200_000] = 1;
            }
        });
    });
}

#[test]
fn memories_come_and_go() {
    alone("mappings::memories_come_and_go", None, || {
        let engine = Engine::default();
        assert_steady(|round| {
            let mut store = Store::new(&engine, ());
            let pages = (round * 7 % 40) as u32;
            let memory = Memory::new(&mut store, MemoryType::new(pages, None)).unwrap();
            memory.grow(&mut store, 1).unwrap();
            memory.data_mut(&mut store).iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        });
    });
}

#[test]
fn modules_come_and_go() {
    alone("mappings::modules_come_and_go", None, || {
        let engine = Engine::default();
        assert_steady(|round| {
            // Every module has a type of its own, so that trampolines come and go too.
            let params = "i32 i64 ".repeat(round % 7);
            let text = format!(
                r#"(module $m{round} (memory 1) (data (i32.const 0) "{round}")
                    (func (export "f") (param {params}) (result i32) (i32.const {round})))"#
            );
            let module = Module::new(&engine, text).unwrap();
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let f = instance.get_func(&mut store, "f").unwrap();
            let params: Vec<_> = f
                .ty(&store)
                .params()
                .map(|ty| palisade::Val::default_for_ty(&ty).unwrap())
                .collect();
            let mut results = [palisade::Val::I32(-1)];
            f.call(&mut store, &params, &mut results).unwrap();
            assert_eq!(results[0].unwrap_i32(), round as i32);
        });
    });
}

#[test]
fn engines_and_traps_come_and_go() {
    alone("mappings::engines_and_traps_come_and_go", None, || {
        let text = r#"(module (memory 1) (table 1 funcref) (data (i32.const 65535) "ab"))"#;
        let trap = r#"(module (func (export "f") unreachable))"#;
        assert_steady(|_| {
            let engine = Engine::default();
            let mut store = Store::new(&engine, ());
            let module = Module::new(&engine, text).unwrap();
            Instance::new(&mut store, &module, &[]).unwrap_err();
            let module = Module::new(&engine, trap).unwrap();
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
            f.call(&mut store, ()).unwrap_err();
            Module::new(&engine, "(module (func (result i32)))").unwrap_err();
        });
    });
}

/// Files that this process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Instances that are made a second time begin with an image of their data, which is a file. It goes with the module, although
/// spare memories have it mapped.
#[test]
fn modules_with_images_come_and_go() {
    alone("mappings::modules_with_images_come_and_go", None, || {
        let engine = Engine::default();
        let mut open = 0;
        assert_steady(|round| {
            let text = format!(
                r#"(module (memory (export "memory") 2) (data (i32.const 5000) "{}")
                    (table {} funcref))"#,
                "x".repeat(70_000),
                round % 4 * 1000
            );
            let module = Module::new(&engine, text).unwrap();
            let limits = palisade::StoreLimitsBuilder::new().table_elements(2000).build();
            for _ in 0..3 {
                let mut store = Store::new(&engine, limits.clone());
                store.limiter(|limits| limits);
                // Some fail when their memory exists already.
                let _ = Instance::new(&mut store, &module, &[]);
            }
            drop(module);
            if round == 5 && open == 0 {
                open = descriptors();
            }
        });
        assert_eq!(descriptors(), open);
    });
}

/// Beyond this many images, data is copied: other descriptors of the process are its own.
#[test]
fn images_leave_descriptors() {
    alone("mappings::images_leave_descriptors", None, || {
        let engine = Engine::default();
        let mut modules = Vec::new();
        for round in 0..700 {
            let text =
                format!(r#"(module (memory (export "memory") 1) (data (i32.const {round}) "x"))"#);
            let module = Module::new(&engine, text).unwrap();
            for _ in 0..2 {
                let mut store = Store::new(&engine, ());
                let instance = Instance::new(&mut store, &module, &[]).unwrap();
                let memory = instance.get_memory(&mut store, "memory").unwrap();
                assert_eq!(memory.data(&store)[round], b'x');
            }
            modules.push(module);
        }
        // The code of each is a file, too.
        assert!(descriptors() <= modules.len() + 1024 / 8 + 20, "{}", descriptors());
    });
}

/// What memories leave behind stays within bounds, however much they held.
#[test]
fn large_memories_leave_little() {
    alone("mappings::large_memories_leave_little", None, || {
        let engine = Engine::default();
        let fill = |pages: u32| {
            let mut store = Store::new(&engine, ());
            for _ in 0..20 {
                let memory = Memory::new(&mut store, MemoryType::new(pages, None)).unwrap();
                memory.data_mut(&mut store).iter_mut().step_by(4096).for_each(|byte| *byte = 1);
            }
        };
        fill(1);
        let before = process()[1];
        fill(500);
        let grown = process()[1].saturating_sub(before);
        assert!(grown <= 40 << 20, "resident bytes: {grown} more");
        // Those that do not use what the ones before them did give it back.
        (0..3).for_each(|_| fill(1));
        let grown = process()[1].saturating_sub(before);
        assert!(grown <= 8 << 20, "resident bytes: {grown} more");
    });
}
