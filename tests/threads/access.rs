//! Atomic accesses of every kind and width.

use crate::{Guest, LOAD64, PAGE, assert_trap, engine, engines};
use palisade::{Engine, Instance, Module, Store, Trap, WasmParams};

const THREADS: i32 = 8;

/// Even, for a total that can be told from that of one more or one less.
const TIMES: i32 = 20_000;

/// An instruction set by width: the type, the infix of narrow instructions with its suffix, and bytes.
const WIDTHS: [(&str, &str, &str, u32); 7] = [
    ("i32", "8", "_u", 1),
    ("i32", "16", "_u", 2),
    ("i32", "", "", 4),
    ("i64", "8", "_u", 1),
    ("i64", "16", "_u", 2),
    ("i64", "32", "_u", 4),
    ("i64", "", "", 8),
];

/// Repeats `body` with a counter `$i` that goes down from `$times` to 1.
fn repeat(body: &str) -> String {
    format!(
        "(local.set $i (local.get $times))
        (loop $again
            {body}
            (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
    )
}

/// Every thread works on all of these places, `$id` tells the threads apart. What it exchanged is summed up.
fn work((ty, narrow, suffix, _): (&str, &str, &str, u32)) -> String {
    let rmw = |op: &str, place: u32, operand: &str| {
        format!("({ty}.atomic.rmw{narrow}.{op}{suffix} offset={place} (i32.const 3) {operand})")
    };
    let load = match narrow {
        "" => format!("{ty}.atomic.load"),
        narrow => format!("{ty}.atomic.load{narrow}_u"),
    };
    // In a column of 8-byte slots; the index 3 and the offset make a multiple of 8 together.
    let body = [
        format!("(drop {})", rmw("add", 5, &format!("({ty}.const 3)"))),
        format!("(drop {})", rmw("sub", 13, &format!("({ty}.const 5)"))),
        // An even number of times the thread's own bit.
        format!("(drop {})", rmw("xor", 21, "(local.get $bit)")),
        format!("(drop {})", rmw("or", 29, "(local.get $bit)")),
        format!(
            "(drop {})",
            rmw("and", 37, &format!("({ty}.xor (local.get $bit) ({ty}.const -1))"))
        ),
        // What was put there by anybody is taken by somebody.
        format!(
            "(local.set $taken ({ty}.add (local.get $taken) {}))",
            rmw("xchg", 45, &format!("({ty}.const 1)"))
        ),
        // An increment by compare-and-exchange.
        format!(
            "(loop $retry
                (local.set $seen ({load} offset=53 (i32.const 3)))
                (br_if $retry ({ty}.ne (local.get $seen) {})))",
            rmw(
                "cmpxchg",
                53,
                &format!("(local.get $seen) ({ty}.add (local.get $seen) ({ty}.const 1))")
            )
        ),
    ];
    let extend = if ty == "i32" { "i64.extend_i32_u" } else { "" };
    format!(
        r#"{LOAD64}
        (func (export "store64") (param i32 i64) (i64.atomic.store (local.get 0) (local.get 1)))
        (func (export "work") (param $id i32) (param $times i32) (result i64)
            (local $i i32) (local $bit {ty}) (local $taken {ty}) (local $seen {ty})
            (local.set $bit ({ty}.shl ({ty}.const 1) {}))
            {}
            ({extend} (local.get $taken)))"#,
        if ty == "i32" { "(local.get $id)" } else { "(i64.extend_i32_u (local.get $id))" },
        repeat(&body.concat())
    )
    .replace("( (local.get $taken))", "(local.get $taken)")
}

#[test]
fn totals_are_exact() {
    let engine = engine();
    for width @ (ty, narrow, _, bytes) in WIDTHS {
        let name = format!("{ty}, {narrow:?}");
        let guest = Guest::new(&engine, &work(width));
        let mask = u64::MAX >> (64 - 8 * bytes);
        // What surrounds a narrow place must stay.
        let background = 0x5a5a_5a5a_5a5a_5a5a & !mask;
        let all_bits = (1 << THREADS) - 1;
        for (slot, first) in [0, 0, 0, 0, all_bits, 0, 0].into_iter().enumerate() {
            let params = (8 + 8 * slot as i32, (background | first) as i64);
            guest.call::<_, ()>("store64", params).unwrap();
        }
        let taken: Vec<i64> = guest.call_all("work", (0..THREADS).map(|id| (id, TIMES)));
        let slot = |slot: i32| {
            let bits = guest.load64(8 + 8 * slot) as u64;
            assert_eq!(bits & !mask, background, "{name}: surroundings of slot {slot}");
            bits & mask
        };
        let count = (THREADS * TIMES) as u64;
        assert_eq!(slot(0), (3 * count) & mask, "{name}: add");
        assert_eq!(slot(1), (5 * count).wrapping_neg() & mask, "{name}: sub");
        assert_eq!(slot(2), 0, "{name}: xor");
        assert_eq!(slot(3), all_bits, "{name}: or");
        assert_eq!(slot(4), 0, "{name}: and");
        // Each exchange put 1 there and took 1 away, but the first took 0.
        assert_eq!(taken.iter().sum::<i64>() as u64 + slot(5), count, "{name}: xchg");
        assert_eq!(slot(6), count & mask, "{name}: cmpxchg");
    }
}

/// Threads that count in neighbouring bytes of a word do not disturb each other.
#[test]
fn neighbours_are_independent() {
    let text = format!(
        r#"{LOAD64} (func (export "work") (param $place i32) (param $times i32) (local $i i32) {})"#,
        repeat("(drop (i32.atomic.rmw8.add_u (local.get $place) (i32.const 1)))")
    );
    let guest = Guest::new(&engine(), &text);
    guest.call_all::<_, ()>("work", (0..8).map(|place| (place, 1000 + place)));
    let expected = std::array::from_fn(|place| ((1000 + place) % 256) as u8);
    assert_eq!(guest.load64(0), i64::from_le_bytes(expected));
}

/// Calls `access` of a module with one page of memory, whose kind varies.
fn access<P: WasmParams>(
    engine: &Engine,
    memory: &str,
    body: &str,
    params: P,
) -> Result<i64, Trap> {
    let text = format!("(module (memory {memory}) (func (export \"access\") {body}))");
    let module = Module::new(engine, &text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let func = instance.get_typed_func::<P, i64>(&mut store, "access").unwrap();
    func.call(&mut store, params).map_err(|error| *error.downcast_ref::<Trap>().unwrap())
}

/// Alignment and bounds of each access, with the type of indices: bodies with `(INDEX)` and `(OFFSET)`.
fn accesses(index: &str) -> Vec<(u64, String)> {
    let mut accesses = Vec::new();
    for (ty, narrow, suffix, bytes) in WIDTHS {
        let value = format!("({ty}.const 1)");
        let result = |code: String| match ty {
            "i32" => format!("(i64.extend_i32_u {code})"),
            _ => code,
        };
        let mut add = |body: String| {
            let body = format!("(param $index {index}) (result i64) {body}");
            accesses.push((u64::from(bytes), body));
        };
        add(result(format!("({ty}.atomic.load{narrow}{suffix} OFFSET (local.get $index))")));
        add(format!("({ty}.atomic.store{narrow} OFFSET (local.get $index) {value}) (i64.const 0)"));
        for op in ["add", "sub", "and", "or", "xor", "xchg"] {
            add(result(format!(
                "({ty}.atomic.rmw{narrow}.{op}{suffix} OFFSET (local.get $index) {value})"
            )));
        }
        add(result(format!(
            "({ty}.atomic.rmw{narrow}.cmpxchg{suffix} OFFSET (local.get $index) {value} {value})"
        )));
    }
    let wait = |ty: &str, bits: u32| {
        format!(
            "(param $index {index}) (result i64) (i64.extend_i32_u
                (memory.atomic.wait{bits} OFFSET (local.get $index) ({ty}.const 1) (i64.const 0)))"
        )
    };
    accesses.push((4, wait("i32", 32)));
    accesses.push((8, wait("i64", 64)));
    accesses.push((
        4,
        format!(
            "(param $index {index}) (result i64)
            (i64.extend_i32_u (memory.atomic.notify OFFSET (local.get $index) (i32.const 1)))"
        ),
    ));
    accesses
}

#[test]
fn alignment_then_bounds() {
    for engine in engines() {
        for (memory, index) in [("1 1 shared", "i32"), ("1 2", "i32"), ("i64 1 9 shared", "i64")] {
            for (bytes, body) in accesses(index) {
                let waits = body.contains("wait");
                let call = |offset: u64, index_value: u64| {
                    let body = body.replace("OFFSET", &format!("offset={offset}"));
                    match index {
                        "i32" => access(&engine, memory, &body, index_value as i32),
                        _ => access(&engine, memory, &body, index_value as i64),
                    }
                };
                let check = |offset, index, expected: Result<(), Trap>| {
                    let expected = match expected {
                        Ok(()) if waits && memory == "1 2" => Err(Trap::AtomicWaitNonSharedMemory),
                        expected => expected,
                    };
                    let actual = call(offset, index).map(drop);
                    assert_eq!(actual, expected, "{memory}: {body}: {offset} + {index}");
                };
                let outside = Err(Trap::MemoryOutOfBounds);
                check(0, 0, Ok(()));
                check(0, PAGE - bytes, Ok(()));
                check(PAGE - 2 * bytes + 1, bytes - 1, Ok(()));
                check(0, PAGE, outside);
                check(PAGE, 0, outside);
                check(1 << 30, 0, outside);
                if bytes > 1 {
                    let misaligned = Err(Trap::HeapMisaligned);
                    check(0, 1, misaligned);
                    check(1, 0, misaligned);
                    check(bytes - 1, bytes, misaligned);
                    // Both wrong: alignment is found first.
                    check(0, PAGE + 1, misaligned);
                    check(3 << 30, bytes - 1, misaligned);
                }
                if index == "i64" {
                    // The sum of these does not fit in 64 bits, but is aligned; and the index is, where a masked one is not.
                    check(bytes, 0_u64.wrapping_sub(bytes), outside);
                    check(bytes - 1, (1 << 40) + 1, outside);
                }
            }
        }
    }
}

/// Constant indices take another path through the translator.
#[test]
fn constant_indices() {
    let load = |index: &str| {
        access(&engine(), "1 1 shared", &format!("(result i64) (i64.atomic.load {index})"), ())
    };
    assert_eq!(load("(i32.const 65528)"), Ok(0));
    assert_eq!(load("offset=4 (i32.const 65524)"), Ok(0));
    assert_eq!(load("(i32.const 65532)"), Err(Trap::HeapMisaligned));
    assert_eq!(load("(i32.const -8)"), Err(Trap::MemoryOutOfBounds));
}

/// Only the low bits of the expected value count.
#[test]
fn expected_values_are_wrapped() {
    let body = "(result i64)
        (drop (i32.atomic.rmw8.cmpxchg_u (i32.const 0) (i32.const 0x100) (i32.const 0x1ff)))
        (drop (i64.atomic.rmw16.cmpxchg_u (i32.const 2) (i64.const 0x10000) (i64.const -1)))
        (i64.atomic.load (i32.const 0))";
    assert_eq!(access(&engine(), "1", body, ()), Ok(0xffff_00ff));
}

/// What is loaded narrow is extended by zeros, whatever the register held.
#[test]
fn narrow_results_are_extended() {
    let body = "(param $ones i64) (result i64)
        (i64.store (i32.const 0) (local.get $ones))
        (i64.store (i32.const 8) (local.get $ones))
        (i64.add (i64.add (i64.add
            (i64.atomic.load8_u (i32.const 0))
            (i64.atomic.rmw16.xchg_u (i32.const 2) (local.get $ones)))
            (i64.atomic.rmw32.or_u (i32.const 4) (local.get $ones)))
            (i64.atomic.rmw8.cmpxchg_u (i32.const 8) (local.get $ones) (i64.const 0)))";
    assert_eq!(access(&engine(), "1", body, -1_i64), Ok(0xff + 0xffff + 0xffff_ffff + 0xff));
}

/// A plain load gets what is there after an atomic access, a fence, or a call of the runtime, not what was there before:
/// the second thread stores between them.
#[test]
fn plain_loads_are_not_forwarded() {
    for engine in engines() {
        for synchronise in [
            "(loop $again (br_if $again (i32.ne (i32.atomic.load (i32.const 8)) (i32.const 2))))",
            "(loop $again
                (atomic.fence)
                (br_if $again (i32.ne (i32.load (i32.const 8)) (i32.const 2))))",
            "(drop (memory.atomic.wait32 (i32.const 8) (i32.const 1) (i64.const 60_000_000_000)))",
            "(loop $again (br_if $again (i32.eq (i32.const 1)
                (i32.atomic.rmw.cmpxchg (i32.const 8) (i32.const 1) (i32.const 1)))))",
            // Nothing orders these loads, but they must end.
            "(drop (i32.load (i32.const 8)))
             (loop $again (br_if $again (i32.eq (i32.load (i32.const 8)) (i32.const 1))))
             (atomic.fence)",
        ] {
            let text = format!(
                r#"(func (export "ask") (result i64) (local $first i64)
                    (i64.store (i32.const 0) (i64.const 100))
                    (local.set $first (i64.load (i32.const 0)))
                    (i32.atomic.store (i32.const 8) (i32.const 1))
                    {synchronise}
                    (i64.add (local.get $first) (i64.load (i32.const 0))))
                (func (export "answer")
                    (loop $again (br_if $again (i32.eqz (i32.atomic.load (i32.const 8)))))
                    (i64.store (i32.const 0) (i64.const 11))
                    (i32.atomic.store (i32.const 8) (i32.const 2))
                    (drop (memory.atomic.notify (i32.const 8) (i32.const 1))))"#
            );
            let guest = Guest::new(&engine, &text);
            std::thread::scope(|scope| {
                scope.spawn(|| guest.call::<_, ()>("answer", ()).unwrap());
                assert_eq!(guest.call::<_, i64>("ask", ()).unwrap(), 111, "{synchronise}");
            });
        }
    }
}

/// Dekker's: of two threads that each announce themselves and then look for the other, one at least sees the other.
///
/// Fails for aarch64 under qemu 7.2 on x86-64, as the same program in Rust with `SeqCst` does: the emulator does not keep
/// an `stlr` before a later `ldar`.
#[test]
fn stores_are_sequentially_consistent() {
    const ROUNDS: i32 = 20_000;
    // Each has a barrier before and after its round.
    let text = r#"
        (func $meet (param $goal i32)
            (drop (i32.atomic.rmw.add (i32.const 64) (i32.const 1)))
            (loop $again
                (br_if $again (i32.lt_u (i32.atomic.load (i32.const 64)) (local.get $goal)))))
        (func (export "run") (param $mine i32) (param $others i32) (param $rounds i32) (result i32)
            (local $goal i32) (local $unseen i32)
            (loop $again
                (call $meet (local.tee $goal (i32.add (local.get $goal) (i32.const 2))))
                (i32.atomic.store (local.get $mine) (i32.const 1))
                (i32.atomic.store (i32.add (local.get $mine) (i32.const 4))
                    (i32.eqz (i32.atomic.load (local.get $others))))
                (call $meet (local.tee $goal (i32.add (local.get $goal) (i32.const 2))))
                (if (i32.and (i32.atomic.load (i32.const 4)) (i32.atomic.load (i32.const 132)))
                    (then (local.set $unseen (i32.add (local.get $unseen) (i32.const 1)))))
                (call $meet (local.tee $goal (i32.add (local.get $goal) (i32.const 2))))
                (i32.atomic.store (local.get $mine) (i32.const 0))
                (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
            (local.get $unseen))"#;
    let guest = Guest::new(&engine(), text);
    let unseen: Vec<i32> = guest.call_all("run", [(0, 128, ROUNDS), (128, 0, ROUNDS)]);
    assert_eq!(unseen, [0, 0]);
}

/// Bulk operations on memory that others are changing: every byte ends as one of those written.
#[test]
fn bulk_operations_race() {
    let text = r#"
        (memory $own 1)
        (data $bytes "\05\05\05\05\05\05\05\05\05\05\05\05\05\05\05\05")
        (func (export "work") (param $id i32) (param $times i32)
            (loop $again
                (memory.fill 0 (i32.add (i32.const 3) (local.get $id)) (local.get $id) (i32.const 1000))
                (memory.copy 0 0 (i32.const 8) (i32.const 3) (i32.const 900))
                (memory.copy 0 0 (i32.const 2) (i32.const 10) (i32.const 900))
                (memory.fill $own (i32.const 0) (local.get $id) (i32.const 100))
                (memory.copy 0 $own (i32.const 7) (i32.const 0) (i32.const 100))
                (memory.copy $own 0 (i32.const 200) (i32.const 7) (i32.const 100))
                (memory.init 0 $bytes (i32.const 500) (i32.const 1) (i32.const 15))
                (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
        (func (export "largest") (result i32) (local $i i32) (local $max i32)
            (loop $again
                (if (i32.gt_u (i32.load8_u (local.get $i)) (local.get $max))
                    (then (local.set $max (i32.load8_u (local.get $i)))))
                (br_if $again (i32.lt_u
                    (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2000))))
            (local.get $max))
        (func (export "outside") (param $kind i32)
            (block $copy (block $fill (block $init
                (br_table $copy $fill $init (local.get $kind)))
                (memory.init 0 $bytes (i32.const 65530) (i32.const 0) (i32.const 16)) (return))
                (memory.fill 0 (i32.const 65530) (i32.const 9) (i32.const 16)) (return))
            (memory.copy 0 $own (i32.const 65530) (i32.const 0) (i32.const 16)))"#;
    let guest = Guest::new(&engine(), text);
    guest.call_all::<_, ()>("work", (1..=4).map(|id| (id, 500)));
    assert_eq!(guest.call::<_, i32>("largest", ()).unwrap(), 5);
    for kind in 0..3 {
        assert_trap(guest.call::<_, ()>("outside", kind), Trap::MemoryOutOfBounds);
    }
}
