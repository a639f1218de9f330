//! Growth of a shared memory: by whom, how far, and who sees it.

use crate::{Guest, PAGE, assert_error, assert_trap, engine, engines, shared};
use palisade::{MemoryType, SharedMemory, Store, StoreLimits, StoreLimitsBuilder, Trap};

/// Grows, tells; the other waits to be told, and uses what is new by plain and atomic accesses.
fn growing(index: &str) -> String {
    format!(
        r#"
        (func (export "grow") (param $pages {index}) (result i64) (local $old {index})
            (local.set $old (memory.grow (local.get $pages)))
            (i32.atomic.store ({index}.const 0) (i32.const 1))
            (drop (memory.atomic.notify ({index}.const 0) (i32.const 8)))
            (EXTEND (local.get $old)))
        (func (export "use") (param $place {index}) (result i64)
            (local $before {index})
            (local.set $before (memory.size))
            (loop $again
                (if (i32.eqz (i32.atomic.load ({index}.const 0)))
                    (then
                        (if (i32.eq (i32.const 2) (memory.atomic.wait32
                                ({index}.const 0) (i32.const 0) (i64.const 60_000_000_000)))
                            (then (unreachable)))
                        (br $again))))
            (i64.store (local.get $place) (i64.const 30))
            (i64.add
                (i64.add
                    (EXTEND (local.get $before))
                    (i64.mul (EXTEND (memory.size)) (i64.const 1000)))
                (i64.atomic.rmw.add (local.get $place) (i64.const 1))))
        (func (export "touch") (param $place {index}) (result i64) (i64.load (local.get $place)))"#
    )
    .replace("EXTEND", if index == "i32" { "i64.extend_i32_s" } else { "i64.or (i64.const 0)" })
}

#[test]
fn others_see_it() {
    for engine in engines() {
        let guest = Guest::with(&engine, "1 3", shared(&engine, 1, 3), &growing("i32"));
        let (mut store, instance) = guest.instance();
        let touch = instance.get_typed_func::<i32, i64>(&mut store, "touch").unwrap();
        let place = 2 * PAGE as i32 - 8;
        assert_trap(touch.call(&mut store, place), Trap::MemoryOutOfBounds);
        std::thread::scope(|scope| {
            let user = scope.spawn(|| guest.call::<_, i64>("use", place).unwrap());
            // The user has found one page or two.
            assert_eq!(guest.call::<_, i64>("grow", 1).unwrap(), 1);
            assert!([2031, 2032].contains(&user.join().unwrap()));
        });
        // An instance that has existed all the time.
        assert_eq!(touch.call(&mut store, place).unwrap(), 31);
        assert_eq!((guest.memory.size(), guest.memory.data_size()), (2, 2 * PAGE as usize));
    }
}

/// Bounds of 64-bit memories and of those with pages of one byte are compared with the length, which is the same cell for
/// all threads.
#[test]
fn lengths_are_shared() {
    for engine in engines() {
        for (page_size_log2, suffix) in [(16, ""), (0, "(pagesize 1)")] {
            let page = 1_u64 << page_size_log2;
            let (minimum, maximum) = (PAGE / page, 4 * PAGE / page);
            let ty = MemoryType::builder()
                .memory64(true)
                .min(minimum)
                .max(Some(maximum))
                .shared(true)
                .page_size_log2(page_size_log2)
                .build()
                .unwrap();
            let text = format!(
                r#"(module (import "" "memory" (memory i64 {minimum} {maximum} shared {suffix})) {})"#,
                growing("i64")
            );
            let module = palisade::Module::new(&engine, &text).unwrap();
            let guest = Guest { module, memory: SharedMemory::new(&engine, ty).unwrap() };
            let (mut store, instance) = guest.instance();
            let touch = instance.get_typed_func::<i64, i64>(&mut store, "touch").unwrap();
            let place = PAGE as i64 + 8;
            assert_trap(touch.call(&mut store, place), Trap::MemoryOutOfBounds);
            std::thread::scope(|scope| {
                let user = scope.spawn(|| guest.call::<_, i64>("use", place).unwrap());
                let added = (PAGE / page) as i64;
                assert_eq!(guest.call::<_, i64>("grow", added).unwrap(), added);
                let seen = user.join().unwrap();
                let after = 2 * added * 1000 + 30;
                assert!([added, 2 * added].contains(&(seen - after)), "{seen}");
            });
            assert_eq!(touch.call(&mut store, place).unwrap(), 31);
            assert_trap(touch.call(&mut store, 2 * PAGE as i64 - 7), Trap::MemoryOutOfBounds);
            assert_eq!(touch.call(&mut store, 2 * PAGE as i64 - 8).unwrap(), 0);
        }
    }
}

/// Many threads grow at the same time: each page is given to one of them.
#[test]
fn growth_is_atomic() {
    const THREADS: i32 = 8;
    const TIMES: i32 = 100;
    let text = r#"
        (func (export "grow") (param $times i32) (result i64) (local $old i32) (local $sum i64)
            (loop $again
                (local.set $old (memory.grow (i32.const 1)))
                (if (i32.lt_s (local.get $old) (i32.const 0)) (then (unreachable)))
                (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $old))))
                ;; The page is there, and nobody else's.
                (i32.store (i32.mul (local.get $old) (i32.const 65536))
                    (i32.add (i32.const 1) (i32.load (i32.mul (local.get $old) (i32.const 65536)))))
                (if (i32.ne (i32.const 1) (i32.load (i32.mul (local.get $old) (i32.const 65536))))
                    (then (unreachable)))
                (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
            (local.get $sum))
        (func (export "once_more") (result i32) (memory.grow (i32.const 1)))"#;
    let engine = engine();
    let all = (THREADS * TIMES) as u32;
    let guest = Guest::with(&engine, "0 1000", shared(&engine, 0, all), text);
    let sums: Vec<i64> = guest.call_all("grow", [TIMES; THREADS as usize]);
    assert_eq!(sums.iter().sum::<i64>(), i64::from(all) * i64::from(all - 1) / 2);
    assert_eq!(guest.call::<_, i32>("once_more", ()).unwrap(), -1);
    assert_error(guest.memory.grow(1).map(drop), "failed to grow memory by `1`");
    assert_eq!(guest.memory.grow(0).unwrap(), u64::from(all));
}

#[test]
fn by_the_host() {
    let engine = engine();
    let memory = shared(&engine, 1, 4);
    let text = r#"
        (func (export "size") (result i32) (memory.size))
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))"#;
    let guest = Guest::with(&engine, "1 4", memory.clone(), text);
    let (mut store, instance) = guest.instance();
    let size = instance.get_typed_func::<(), i32>(&mut store, "size").unwrap();
    let load = instance.get_typed_func::<i32, i32>(&mut store, "load").unwrap();
    assert_eq!(size.call(&mut store, ()).unwrap(), 1);
    assert_eq!(memory.grow(2).unwrap(), 1);
    assert_eq!(size.call(&mut store, ()).unwrap(), 3);
    assert_eq!(load.call(&mut store, 3 * PAGE as i32 - 4).unwrap(), 0);
    assert_trap(load.call(&mut store, 3 * PAGE as i32 - 3), Trap::MemoryOutOfBounds);
    assert!(memory.grow(2).is_err());
    assert!(memory.grow(u64::MAX).is_err());
    assert_eq!(memory.size(), 3);
}

/// The limiter of the store whose guest grows is asked, no other.
#[test]
fn limiters() {
    let engine = engine();
    let text = r#"(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))"#;
    let guest = Guest::with(&engine, "1 9", shared(&engine, 1, 9), text);
    let limited = |limits: StoreLimits| {
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        let imports = [guest.memory.clone().into()];
        let instance = palisade::Instance::new(&mut store, &guest.module, &imports).unwrap();
        let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
        (store, grow)
    };
    let two_pages = StoreLimitsBuilder::new().memory_size(2 * PAGE as usize);
    let (mut store, grow) = limited(two_pages.clone().build());
    let (mut strict, strict_grow) = limited(two_pages.trap_on_grow_failure(true).build());
    assert_eq!(grow.call(&mut store, 2).unwrap(), -1);
    assert_eq!(grow.call(&mut store, 1).unwrap(), 1);
    assert_eq!(grow.call(&mut store, 1).unwrap(), -1);
    assert!(strict_grow.call(&mut strict, 1).is_err());
    // Without a limiter it goes on, and the limited stores see the new size.
    assert_eq!(guest.call::<_, i32>("grow", 1).unwrap(), 2);
    assert_eq!(grow.call(&mut store, 0).unwrap(), 3);
    assert_eq!(guest.memory.size(), 3);
    // The host can grow it for one of them, or for none.
    assert!(guest.memory.grow_in(&mut store, 1).is_err());
    assert_eq!(guest.memory.grow_in(&mut store, 0).unwrap(), 3);
    let mut free = Store::new(&engine, ());
    assert_eq!(guest.memory.grow_in(&mut free, 1).unwrap(), 3);
    assert_eq!(guest.memory.grow(1).unwrap(), 4);
    assert!(guest.memory.grow_in(&mut free, 5).is_err());
    assert_eq!(guest.memory.size(), 5);

    // Creation asks too, if a guest's.
    let module = palisade::Module::new(&engine, "(module (memory 3 3 shared))").unwrap();
    let made = palisade::Instance::new(&mut store, &module, &[]);
    assert_error(made, "memory minimum size of 3 pages exceeds memory limits");
    // And so does the host's for a guest.
    let made = SharedMemory::new_in(&mut store, MemoryType::shared(3, 3));
    assert_error(made, "memory minimum size of 3 pages exceeds memory limits");
    let made = SharedMemory::new_in(&mut store, MemoryType::shared(2, 3)).unwrap();
    assert_eq!(made.size(), 2);
    assert!(SharedMemory::new_in(&mut store, MemoryType::new(1, Some(1))).is_err());
}
