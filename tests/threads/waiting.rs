//! Waiting and waking: outcomes, timeouts, counts; guests and the host in the same queues.

use crate::{Guest, LONG, assert_trap, engine, shared};
use palisade::{SharedMemory, Trap, WaitResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const WAITING: &str = r#"
    (func (export "wait32") (param i32 i32 i64) (result i32)
        (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wait64") (param i32 i64 i64) (result i32)
        (memory.atomic.wait64 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wait_there") (param i32 i32 i64) (result i32)
        (memory.atomic.wait32 offset=16 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "notify") (param i32 i32) (result i32)
        (memory.atomic.notify (local.get 0) (local.get 1)))
    (func (export "store") (param i32 i64) (i64.atomic.store (local.get 0) (local.get 1)))"#;

fn guest() -> Guest {
    Guest::new(&engine(), WAITING)
}

/// Notifies until `count` threads have been woken by it.
fn wake(memory: &SharedMemory, place: u64, count: u32) {
    let end = Instant::now() + LONG;
    let mut left = count;
    while left > 0 {
        left -= memory.atomic_notify(place, left).unwrap();
        assert!(Instant::now() < end, "nobody waits at {place}");
        std::thread::yield_now();
    }
}

#[test]
fn outcomes() {
    let guest = guest();
    guest.call::<_, ()>("store", (8, 0x1_0000_0002_i64)).unwrap();
    let wait32 = |place, expected, time| {
        guest.call::<(i32, i32, i64), i32>("wait32", (place, expected, time))
    };
    let wait64 = |place, expected, time| {
        guest.call::<(i32, i64, i64), i32>("wait64", (place, expected, time))
    };
    // The value is another; whatever the time.
    assert_eq!(wait32(8, 1, 0).unwrap(), 1);
    assert_eq!(wait32(8, 1, -1).unwrap(), 1);
    assert_eq!(wait32(12, 2, i64::MAX).unwrap(), 1);
    assert_eq!(wait64(8, 2, -1).unwrap(), 1);
    // It is the same, and nobody comes.
    assert_eq!(wait32(8, 2, 0).unwrap(), 2);
    assert_eq!(wait32(12, 1, 1000).unwrap(), 2);
    assert_eq!(wait64(8, 0x1_0000_0002, 1000).unwrap(), 2);
    assert_eq!(guest.call::<(i32, i32), i32>("notify", (8, -1)).unwrap(), 0);
    let memory = &guest.memory;
    let soon = Some(Duration::from_millis(1));
    assert_eq!(memory.atomic_wait32(8, 1, None), Ok(WaitResult::Mismatch));
    assert_eq!(memory.atomic_wait32(8, 2, soon), Ok(WaitResult::TimedOut));
    assert_eq!(memory.atomic_wait64(8, 2, None), Ok(WaitResult::Mismatch));
    assert_eq!(memory.atomic_wait64(8, 0x1_0000_0002, soon), Ok(WaitResult::TimedOut));
}

#[test]
fn timeouts_are_kept() {
    let guest = guest();
    for milliseconds in [1, 30_i64] {
        let start = Instant::now();
        let timeout = milliseconds * 1_000_000;
        assert_eq!(guest.call::<_, i32>("wait32", (0, 0, timeout)).unwrap(), 2);
        assert!(start.elapsed() >= Duration::from_millis(milliseconds as u64));
    }
}

#[test]
fn wrong_places() {
    let guest = guest();
    let memory = &guest.memory;
    for (place, size, trap) in [
        (2, 4, Trap::HeapMisaligned),
        (4, 8, Trap::HeapMisaligned),
        (65536, 4, Trap::MemoryOutOfBounds),
        (65536, 8, Trap::MemoryOutOfBounds),
        (65538, 4, Trap::HeapMisaligned),
    ] {
        if size == 4 {
            assert_trap(guest.call::<_, i32>("wait32", (place, 1, -1_i64)), trap);
            assert_trap(guest.call::<_, i32>("notify", (place, 1)), trap);
            assert_eq!(memory.atomic_wait32(place as u64, 1, None), Err(trap));
            assert_eq!(memory.atomic_notify(place as u64, 1), Err(trap));
        } else {
            assert_trap(guest.call::<_, i32>("wait64", (place, 1_i64, -1_i64)), trap);
            assert_eq!(memory.atomic_wait64(place as u64, 1, None), Err(trap));
        }
    }
    assert_eq!(memory.atomic_wait64(u64::MAX - 7, 0, None), Err(Trap::MemoryOutOfBounds));
    assert_eq!(memory.atomic_notify(u64::MAX - 3, 0), Err(Trap::MemoryOutOfBounds));
}

/// Each waiter is woken by one notification, and each notification counts whom it woke.
#[test]
fn counts() {
    let guest = guest();
    let memory = &guest.memory;
    std::thread::scope(|scope| {
        let at = |place: i32| {
            scope.spawn({
                let guest = &guest;
                move || guest.call::<_, i32>("wait32", (place, 0, -1_i64)).unwrap()
            })
        };
        let waiters: Vec<_> = (0..6).map(|_| at(16)).collect();
        let other = at(20);
        assert_eq!(memory.atomic_notify(16, 0), Ok(0));
        for count in [1, 2, 3] {
            wake(memory, 16, count);
        }
        // All six were counted, so nobody is left.
        assert_eq!(memory.atomic_notify(16, u32::MAX), Ok(0));
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == 0));
        assert!(!other.is_finished(), "woken for another place");
        wake(memory, 20, 1);
        assert_eq!(other.join().unwrap(), 0);
    });
}

/// Waiters of both widths, of guests with an offset, and of the host wait at the same place.
#[test]
fn one_queue_for_all() {
    let guest = guest();
    let memory = guest.memory.clone();
    std::thread::scope(|scope| {
        let guest = &guest;
        let waiters = [
            scope.spawn(|| guest.call::<_, i32>("wait32", (48, 0, -1_i64)).unwrap() == 0),
            scope.spawn(|| guest.call::<_, i32>("wait64", (48, 0_i64, i64::MAX)).unwrap() == 0),
            scope.spawn(|| guest.call::<_, i32>("wait_there", (32, 0, -1_i64)).unwrap() == 0),
            scope.spawn(|| memory.atomic_wait32(48, 0, None) == Ok(WaitResult::Ok)),
            scope.spawn(|| memory.atomic_wait64(48, 0, Some(Duration::MAX)) == Ok(WaitResult::Ok)),
        ];
        let end = Instant::now() + LONG;
        let mut left = waiters.len() as i32;
        while left > 0 {
            left -= guest.call::<_, i32>("notify", (48, left)).unwrap();
            assert!(Instant::now() < end);
        }
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
}

/// The same place of different memories is not the same.
#[test]
fn memories_are_told_apart() {
    let engine = engine();
    let memories = [shared(&engine, 1, 1), shared(&engine, 1, 1)];
    let woken = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            assert_eq!(memories[0].atomic_wait32(0, 0, Some(LONG)), Ok(WaitResult::Ok));
            woken.store(true, Ordering::SeqCst);
        });
        for _ in 0..1000 {
            assert_eq!(memories[1].atomic_notify(0, 1), Ok(0));
        }
        assert!(!woken.load(Ordering::SeqCst));
        wake(&memories[0], 0, 1);
        waiter.join().unwrap();
    });
}

/// Timeouts and notifications at the same moment: nobody is counted who is not woken, and the other way round.
#[test]
fn timeouts_and_notifications_race() {
    let engine = engine();
    let memory = shared(&engine, 1, 1);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let notifier = scope.spawn(|| {
            let mut count = 0;
            while !done.load(Ordering::SeqCst) {
                count += memory.atomic_notify(0, 2).unwrap();
            }
            count + memory.atomic_notify(0, 100).unwrap()
        });
        let waiters: Vec<_> = (0..4)
            .map(|thread| {
                let memory = &memory;
                scope.spawn(move || {
                    let outcome = |round: u64| {
                        let timeout = Duration::from_nanos((round * 37 + thread) % 20_000);
                        memory.atomic_wait32(0, 0, Some(timeout)).unwrap()
                    };
                    (0..2000).filter(|round| outcome(*round) == WaitResult::Ok).count() as u32
                })
            })
            .collect();
        let woken: u32 = waiters.into_iter().map(|waiter| waiter.join().unwrap()).sum();
        done.store(true, Ordering::SeqCst);
        assert_eq!(notifier.join().unwrap(), woken);
    });
}

#[test]
fn unshared_memories() {
    let engine = engine();
    let module = palisade::Module::new(&engine, format!("(module (memory 1) {WAITING})")).unwrap();
    let mut store = palisade::Store::new(&engine, ());
    let instance = palisade::Instance::new(&mut store, &module, &[]).unwrap();
    let wait32 = instance.get_typed_func::<(i32, i32, i64), i32>(&mut store, "wait32").unwrap();
    let wait64 = instance.get_typed_func::<(i32, i64, i64), i32>(&mut store, "wait64").unwrap();
    let notify = instance.get_typed_func::<(i32, i32), i32>(&mut store, "notify").unwrap();
    // Also if the value is another, and after the place has been found right.
    for expected in [0, 1] {
        let trap = Trap::AtomicWaitNonSharedMemory;
        assert_trap(wait32.call(&mut store, (0, expected, 0)), trap);
        assert_trap(wait64.call(&mut store, (8, expected.into(), -1)), trap);
        assert_trap(wait32.call(&mut store, (1, expected, 0)), Trap::HeapMisaligned);
        assert_trap(wait64.call(&mut store, (65536, 0, 0)), Trap::MemoryOutOfBounds);
    }
    assert_eq!(notify.call(&mut store, (0, 5)).unwrap(), 0);
    assert_trap(notify.call(&mut store, (2, 5)), Trap::HeapMisaligned);
}
