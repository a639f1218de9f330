//! Threads that hand things to each other, many times.

use crate::{Guest, LOAD64, engine};

const THREADS: i32 = 8;

/// Semaphores and mutexes, made of the instructions for waiting. A minute without a wake-up is a trap.
const SEMAPHORE: &str = r#"
    (func $post (param $semaphore i32)
        (drop (i32.atomic.rmw.add (local.get $semaphore) (i32.const 1)))
        (drop (memory.atomic.notify (local.get $semaphore) (i32.const 1))))
    (func $wait (param $semaphore i32) (local $count i32)
        (loop $again
            (if (i32.eqz (local.tee $count (i32.atomic.load (local.get $semaphore))))
                (then
                    (if (i32.eq (i32.const 2) (memory.atomic.wait32
                            (local.get $semaphore) (i32.const 0) (i64.const 60_000_000_000)))
                        (then (unreachable)))
                    (br $again)))
            (br_if $again (i32.ne (local.get $count) (i32.atomic.rmw.cmpxchg
                (local.get $semaphore) (local.get $count) (i32.sub (local.get $count) (i32.const 1)))))))
    (func (export "post") (param i32) (call $post (local.get 0)))
"#;

/// Eight threads in a ring pass four tokens on, a million times together. A lost wake-up stops the ring.
#[test]
fn a_million_hand_offs() {
    const ROUNDS: i32 = 1_000_000 / THREADS;
    let text = format!(
        r#"{SEMAPHORE} {LOAD64}
        (func (export "pass") (param $from i32) (param $to i32) (param $rounds i32)
            (loop $again
                (call $wait (local.get $from))
                (call $post (local.get $to))
                (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))"#
    );
    let guest = Guest::new(&engine(), &text);
    let place = |thread: i32| 64 * (thread % THREADS);
    for token in 0..4 {
        guest.call::<_, ()>("post", place(2 * token)).unwrap();
    }
    let params = (0..THREADS).map(|thread| (place(thread), place(thread + 1), ROUNDS));
    guest.call_all::<_, ()>("pass", params);
    let left: Vec<i64> = (0..THREADS).map(|thread| guest.load64(place(thread))).collect();
    assert_eq!(left, [1, 0, 1, 0, 1, 0, 1, 0], "every token is where it began");
}

/// A counter without atomic instructions, protected by a mutex that all threads fight for.
#[test]
fn a_mutex_excludes() {
    const TIMES: i32 = 50_000;
    let text = format!(
        r#"{SEMAPHORE} {LOAD64}
        (func (export "count") (param $times i32)
            (loop $again
                (call $wait (i32.const 64))
                (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
                (call $post (i32.const 64))
                (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))"#
    );
    let guest = Guest::new(&engine(), &text);
    guest.call::<_, ()>("post", 64).unwrap();
    guest.call_all::<_, ()>("count", [TIMES; THREADS as usize]);
    assert_eq!(guest.load64(0), i64::from(THREADS * TIMES));
}

/// Four producers and four consumers on a queue of sixteen places, whose contents are accessed by plain instructions.
#[test]
fn a_bounded_queue() {
    const ITEMS: i32 = 20_000;
    let text = format!(
        r#"{SEMAPHORE}
        (global $free i32 (i32.const 0)) (global $used i32 (i32.const 64)) (global $mutex i32 (i32.const 128))
        ;; The next place to write to and to read from, then the places.
        (global $tail i32 (i32.const 192)) (global $head i32 (i32.const 196)) (global $items i32 (i32.const 256))
        (func $next (param $index i32) (result i32) (local $place i32)
            (local.set $place (i32.load (local.get $index)))
            (i32.store (local.get $index) (i32.and (i32.add (local.get $place) (i32.const 1)) (i32.const 15)))
            (i32.add (global.get $items) (i32.mul (local.get $place) (i32.const 4))))
        (func (export "work") (param $first i32) (param $count i32) (result i64) (local $sum i64)
            (if (local.get $first)
                (then
                    (loop $again
                        (call $wait (global.get $free))
                        (call $wait (global.get $mutex))
                        (i32.store (call $next (global.get $tail)) (local.get $first))
                        (call $post (global.get $mutex))
                        (call $post (global.get $used))
                        (local.set $first (i32.add (local.get $first) (i32.const 1)))
                        (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
                (else
                    (loop $again
                        (call $wait (global.get $used))
                        (call $wait (global.get $mutex))
                        (local.set $sum (i64.add (local.get $sum)
                            (i64.extend_i32_u (i32.load (call $next (global.get $head))))))
                        (call $post (global.get $mutex))
                        (call $post (global.get $free))
                        (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))))
            (local.get $sum))"#
    );
    let guest = Guest::new(&engine(), &text);
    for _ in 0..16 {
        guest.call::<_, ()>("post", 0).unwrap();
    }
    guest.call::<_, ()>("post", 128).unwrap();
    // Producers begin with different numbers; consumers are told 0.
    let params = (0..8).map(|thread| (if thread < 4 { 1 + thread * ITEMS } else { 0 }, ITEMS));
    let sums: Vec<i64> = guest.call_all("work", params);
    let last = i64::from(4 * ITEMS);
    assert_eq!(sums.iter().sum::<i64>(), last * (last + 1) / 2);
}
