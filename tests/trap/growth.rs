//! Growth of memories: its limits, and that code which has already looked at a memory sees it.

use crate::{call, call_i32, instance, instantiate, trap};
use palisade::Trap::MemoryOutOfBounds;
use palisade::{
    Caller, Engine, Error, Extern, Func, FuncType, Instance, Memory, MemoryType, ResourceLimiter,
    Store, StoreLimits, StoreLimitsBuilder, Val,
};

const GROWS: &str = "(func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export \"size\") (result i32) (memory.size))
    (func (export \"load\") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export \"store\") (param i32) (i32.store (local.get 0) (i32.const 0x12345678)))";

/// Checks that a memory has exactly `pages`.
fn assert_pages(store: &mut Store<impl Send>, instance: Instance, pages: u32) {
    assert_eq!(call_i32(store, instance, "size", &[]), Ok(pages as i32));
    let end = u64::from(pages) * 65536;
    if pages > 0 {
        let last = (end - 4) as u32;
        assert_eq!(call_i32(store, instance, "store", &[last]), Ok(0));
        assert_eq!(call_i32(store, instance, "load", &[last]), Ok(0x1234_5678));
    }
    if let Ok(beyond) = u32::try_from(end.saturating_sub(3)) {
        assert_eq!(call_i32(store, instance, "load", &[beyond]), Err(MemoryOutOfBounds));
        assert_eq!(call_i32(store, instance, "store", &[beyond]), Err(MemoryOutOfBounds));
    }
}

#[test]
fn up_to_the_maximum() {
    let (mut store, instance) = instance(&format!("(module (memory 1 3) {GROWS})"));
    let steps: [(u32, i32, u32); 12] = [
        (0, 1, 1),
        (3, -1, 1),
        (65535, -1, 1),
        (65536, -1, 1),
        (65537, -1, 1),
        (0x7fff_ffff, -1, 1),
        (0xffff_ffff, -1, 1),
        (1, 1, 2),
        (2, -1, 2),
        (1, 2, 3),
        (1, -1, 3),
        (0, 3, 3),
    ];
    for (delta, result, pages) in steps {
        assert_eq!(call_i32(&mut store, instance, "grow", &[delta]), Ok(result), "{delta:#x}");
        assert_pages(&mut store, instance, pages);
    }
}

#[test]
fn from_nothing() {
    let (mut store, instance) = instance(&format!("(module (memory 0) {GROWS})"));
    assert_pages(&mut store, instance, 0);
    assert_eq!(call_i32(&mut store, instance, "grow", &[65537]), Ok(-1));
    assert_eq!(call_i32(&mut store, instance, "grow", &[0]), Ok(0));
    assert_pages(&mut store, instance, 0);
    assert_eq!(call_i32(&mut store, instance, "grow", &[1]), Ok(0));
    assert_pages(&mut store, instance, 1);
}

/// All that 32 bits can address; only the touched pages are ever used.
#[test]
fn up_to_four_gibibytes() {
    let text = format!("(module (memory (export \"memory\") 1) {GROWS})");
    let (mut store, instance) = instance(&text);
    assert_eq!(call_i32(&mut store, instance, "grow", &[65536]), Ok(-1));
    assert_eq!(call_i32(&mut store, instance, "grow", &[65535]), Ok(1));
    assert_eq!(call_i32(&mut store, instance, "size", &[]), Ok(65536));
    assert_eq!(call_i32(&mut store, instance, "grow", &[1]), Ok(-1));
    assert_eq!(call_i32(&mut store, instance, "grow", &[0]), Ok(65536));
    assert_eq!(call_i32(&mut store, instance, "store", &[0xffff_fffc]), Ok(0));
    assert_eq!(call_i32(&mut store, instance, "load", &[0xffff_fffc]), Ok(0x1234_5678));
    for index in [0xffff_fffd, 0xffff_ffff] {
        assert_eq!(call_i32(&mut store, instance, "load", &[index]), Err(MemoryOutOfBounds));
        assert_eq!(call_i32(&mut store, instance, "store", &[index]), Err(MemoryOutOfBounds));
    }
    let memory = instance.get_memory(&mut store, "memory").expect("exported");
    assert_eq!(memory.data_size(&store), 1 << 32);
    assert_eq!(memory.data(&store)[0xffff_fffc..], [0x78, 0x56, 0x34, 0x12]);
}

#[test]
fn growth_by_the_host() {
    let mut store = Store::new(&Engine::default(), ());
    let memory = Memory::new(&mut store, MemoryType::new(1, Some(3))).expect("a memory");
    let text = format!("(module (import \"\" \"\" (memory 1 4)) {GROWS})");
    let instance = instantiate(&mut store, &text, &[memory.into()]);
    assert_eq!(memory.grow(&mut store, 0).expect("nothing to do"), 1);
    assert_eq!(memory.grow(&mut store, 1).expect("room for it"), 1);
    assert_pages(&mut store, instance, 2);
    for delta in [2, 65536, 1 << 32, 1 << 48, u64::MAX] {
        memory.grow(&mut store, delta).expect_err("beyond the maximum");
        assert_pages(&mut store, instance, 2);
    }
    // The maximum is that of the memory, not of the import.
    assert_eq!(call_i32(&mut store, instance, "grow", &[2]), Ok(-1));
    assert_eq!(call_i32(&mut store, instance, "grow", &[1]), Ok(2));
    assert_eq!(memory.size(&store), 3);
    assert_eq!(memory.data(&store).len(), 3 * 65536);
}

/// Ways for a function to have its memory grown by one page while it runs.
fn growers(store: &mut Store<()>, memory: Memory) -> Vec<(&'static str, Func)> {
    let grow = move |mut caller: Caller<'_, ()>| -> Result<(), Error> {
        memory.grow(&mut caller, 1).map(|_| ())
    };
    let by_export = |mut caller: Caller<'_, ()>| -> Result<(), Error> {
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
            return Err(Error::msg("the caller exports its memory"));
        };
        memory.grow(&mut caller, 1).map(|_| ())
    };
    let ty = FuncType::new(store.engine(), [], []);
    let other = instantiate(
        store,
        "(module (import \"\" \"\" (memory 0)) (func (export \"grow\")
            (drop (memory.grow (i32.const 1)))))",
        &[memory.into()],
    );
    vec![
        ("wrapped", Func::wrap(&mut *store, grow)),
        ("by export", Func::wrap(&mut *store, by_export)),
        ("new", Func::new(&mut *store, ty, move |caller, _, _| grow(caller))),
        ("other instance", other.get_func(&mut *store, "grow").expect("exported")),
    ]
}

/// A function that has used its memory sees what it has become: bytes that were beyond its end before, with bounds
/// checked by a guard region (first) and by comparison (second, where the offset exceeds the guard region).
#[test]
fn growth_during_a_function() {
    for (offset, pages) in [(0, 1), (0x0200_0000, 513)] {
        for (how, grow) in [
            ("call", "(call $import)"),
            ("call in loop", "(loop (call $import))"),
            ("call of reference", "(call_indirect (i32.const 0))"),
            ("instruction", "(drop (memory.grow (i32.const 1)))"),
        ] {
            let text = format!(
                "(module (import \"\" \"memory\" (memory {pages})) (import \"\" \"\" (func $import))
                    (export \"memory\" (memory 0)) (table funcref (elem $import))
                    (func (export \"run\") (param $last i32) (result i32)
                        (local $before i32)
                        (i32.store offset={offset} (local.get $last) (i32.const 7))
                        (local.set $before (memory.size))
                        {grow}
                        (i32.store offset={offset}
                            (i32.add (local.get $last) (i32.const 65536)) (i32.const 35))
                        (i32.add
                            (i32.add
                                (i32.load offset={offset} (local.get $last))
                                (i32.load offset={offset}
                                    (i32.add (local.get $last) (i32.const 65536))))
                            (i32.mul (i32.const 100)
                                (i32.sub (memory.size) (local.get $before)))))
                    (func (export \"check\") (param i32) (result i32)
                        (i32.load offset={offset} (local.get 0))))"
            );
            let mut store = Store::new(&Engine::default(), ());
            let memory = Memory::new(&mut store, MemoryType::new(pages, None)).expect("a memory");
            for (who, import) in growers(&mut store, memory) {
                let what = format!("{how} of {who} with offset {offset:#x}");
                let instance = instantiate(&mut store, &text, &[memory.into(), import.into()]);
                let last = (memory.data_size(&store) - 4 - offset) as u32;
                let beyond = last + 65536;
                let mut check = |index| call_i32(&mut store, instance, "check", &[index]);
                assert_eq!(check(beyond), Err(MemoryOutOfBounds), "{what}");
                let result = call_i32(&mut store, instance, "run", &[last]);
                assert_eq!(result, Ok(7 + 35 + 100), "{what}");
                let mut check = |index| call_i32(&mut store, instance, "check", &[index]);
                assert_eq!(check(beyond), Ok(35), "{what}");
                assert_eq!(check(beyond + 1), Err(MemoryOutOfBounds), "{what}");
            }
        }
    }
}

/// New pages are zero, also where a memory of an earlier store has been.
#[test]
fn new_pages_are_zero() {
    for _ in 0..3 {
        let text = "(module (memory 1) (func (export \"run\") (result i32)
            (local $i i32) (local $sum i32)
            (drop (memory.grow (i32.const 2)))
            (loop $next
                (local.set $sum (i32.or (local.get $sum) (i32.load (local.get $i))))
                (local.set $i (i32.add (local.get $i) (i32.const 4)))
                (br_if $next (i32.lt_u (local.get $i) (i32.const 196608))))
            (memory.fill (i32.const 0) (i32.const 0xff) (i32.const 196608))
            (local.get $sum)))";
        let (mut store, instance) = instance(text);
        assert_eq!(call_i32(&mut store, instance, "run", &[]), Ok(0));
    }
}

/// A store that is limited by `StoreLimits`.
fn limited(builder: StoreLimitsBuilder) -> Store<StoreLimits> {
    let mut store = Store::new(&Engine::default(), builder.build());
    store.limiter(|limits| limits);
    store
}

#[test]
fn until_the_limiter_refuses() {
    let mut store = limited(StoreLimitsBuilder::new().memory_size(5 * 65536));
    let text = format!("(module (memory (export \"memory\") 1) {GROWS})");
    let instance = instantiate(&mut store, &text, &[]);
    let mut results = Vec::new();
    for _ in 0..6 {
        results.push(call_i32(&mut store, instance, "grow", &[1]));
    }
    assert_eq!(results, [Ok(1), Ok(2), Ok(3), Ok(4), Ok(-1), Ok(-1)]);
    assert_pages(&mut store, instance, 5);
    assert_eq!(call_i32(&mut store, instance, "grow", &[0]), Ok(5));
    let memory = instance.get_memory(&mut store, "memory").expect("exported");
    memory.grow(&mut store, 1).expect_err("the host is limited too");
    assert_eq!(memory.size(&store), 5);
}

#[test]
fn limiter_that_traps() {
    let limits = StoreLimitsBuilder::new().memory_size(2 * 65536).trap_on_grow_failure(true);
    let mut store = limited(limits);
    let instance = instantiate(&mut store, &format!("(module (memory 1 4) {GROWS})"), &[]);
    let mut grow = |delta| call(&mut store, instance, "grow", &[Val::I32(delta)]);
    let error = grow(2).expect_err("beyond the limit");
    assert_eq!(error.to_string(), "forcing trap when growing memory to 196608");
    let error = grow(9).expect_err("beyond the maximum");
    assert_eq!(error.to_string(), "memory growth beyond its maximum");
    assert_eq!(grow(1).expect("room for it").and_then(|v| v.i32()), Some(1));
    assert_pages(&mut store, instance, 2);
}

/// A limiter that records what it is asked and answers with an error of its own, or a panic.
#[derive(Default)]
struct Judge {
    asked: Vec<(usize, usize, Option<usize>)>,
    failed: usize,
}

#[derive(Debug, PartialEq)]
struct Refused(usize);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused {}", self.0)
    }
}

impl std::error::Error for Refused {}

impl ResourceLimiter for Judge {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, Error> {
        self.asked.push((current, desired, maximum));
        match desired / 65536 {
            3 => Err(Refused(desired).into()),
            4 => std::panic::resume_unwind(Box::new(Refused(4))),
            pages => Ok(pages < 5),
        }
    }

    fn memory_grow_failed(&mut self, _: Error) -> Result<(), Error> {
        self.failed += 1;
        Ok(())
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        Ok(true)
    }
}

#[test]
fn limiter_of_the_host() {
    let mut store = Store::new(&Engine::default(), Judge::default());
    store.limiter(|judge| judge);
    let instance = instantiate(&mut store, &format!("(module (memory 1 8) {GROWS})"), &[]);
    let mut grow = |delta| call(&mut store, instance, "grow", &[Val::I32(delta)]);
    assert_eq!(grow(4).expect("-1").and_then(|v| v.i32()), Some(-1));
    let error = grow(2).expect_err("the limiter fails");
    assert_eq!(error.downcast_ref(), Some(&Refused(3 * 65536)));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| grow(3)));
    let payload = panic.expect_err("the limiter panics");
    assert_eq!(payload.downcast_ref(), Some(&Refused(4)));
    assert_eq!(grow(8).expect("-1").and_then(|v| v.i32()), Some(-1));
    assert_eq!(grow(1).expect("room for it").and_then(|v| v.i32()), Some(1));
    assert_pages(&mut store, instance, 2);
    let page = 65536;
    let max = Some(8 * page);
    let asked = [(0, 1), (1, 5), (1, 3), (1, 4), (1, 2)].map(|(a, b)| (a * page, b * page, max));
    assert_eq!(store.data().asked, asked);
    assert_eq!(store.data().failed, 1);
}

/// Traps and growth of one memory take turns.
#[test]
fn trap_then_grow_then_access() {
    let (mut store, instance) = instance(&format!("(module (memory 1 100) {GROWS})"));
    for pages in 1..100 {
        let end = pages * 65536;
        let error = call(&mut store, instance, "load", &[Val::I32(end)]).expect_err("outside");
        assert_eq!(trap(&error), MemoryOutOfBounds);
        assert_eq!(call_i32(&mut store, instance, "grow", &[1]), Ok(pages));
        assert_eq!(call_i32(&mut store, instance, "load", &[end as u32]), Ok(0));
    }
}
