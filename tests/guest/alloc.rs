//! Allocators of guests, as they should be and as they should not, and who frees what.

use crate::{Host, assert_error, library};
use palisade::{AsContextMut, Engine, Error, Instance, Module, Result, Store, Trap};
use palisade_guest::{Encoding, Guest, GuestAlloc, GuestBuilder, GuestError, GuestPtr};

/// A bump allocator that counts: `live` is how many blocks are allocated, `freed` the last that was
/// freed.
const COUNTING: &str = r#"(module
    (memory (export "memory") 1 1)
    (global $next (mut i32) (i32.const 1024))
    (global $live (export "live") (mut i32) (i32.const 0))
    (global $freed (export "freed") (mut i32) (i32.const 0))
    (func (export "malloc") (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $next))
        (if (i32.gt_u (local.get $size) (i32.sub (i32.const 65536) (local.get $at)))
            (then (return (i32.const 0))))
        (global.set $next (i32.add (local.get $at)
            (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16))))
        (global.set $live (i32.add (global.get $live) (i32.const 1)))
        (local.get $at))
    (func (export "free") (param i32)
        (global.set $freed (local.get 0))
        (global.set $live (i32.sub (global.get $live) (i32.const 1))))
    (func (export "trap") (param i32) unreachable)
    (func (export "pass") (param i32) (result i32) (local.get 0)))"#;

impl Host {
    fn global(&mut self, name: &str) -> i32 {
        let global = self.guest.instance().get_global(&mut self.store, name).unwrap();
        global.get(&mut self.store).unwrap_i32()
    }
}

#[test]
fn boxes_free_themselves_now_or_later() {
    let mut host = Host::new(COUNTING);
    let first = host.guest.alloc_copy(&mut host.store, &[1u16, 2, 3]).unwrap();
    let (at, len) = (first.ptr(), first.len());
    assert_eq!((at.address(), len, host.global("live")), (1024, 3, 1));
    assert_eq!(host.guest.view(&host.store).slice(at, len).unwrap(), [1, 2, 3]);
    first.free(&mut host.store).unwrap();
    assert_eq!((host.global("live"), host.global("freed")), (0, 1024));

    // Dropped: the guest hears of it when the next is allocated, or when it is told.
    let second = host.guest.alloc::<u64>(&mut host.store, 1).unwrap();
    let place = second.ptr().address() as i32;
    drop(second);
    assert_eq!(host.global("live"), 1);
    host.guest.sweep(&mut host.store).unwrap();
    assert_eq!((host.global("live"), host.global("freed")), (0, place));
    for _ in 0..10 {
        let _ = host.guest.alloc::<u8>(&mut host.store, 1).unwrap();
    }
    assert_eq!(host.global("live"), 1);
    host.guest.sweep(&mut host.store).unwrap();

    // Given away.
    let third = host.guest.alloc::<u8>(&mut host.store, 0).unwrap();
    assert!(third.is_empty());
    let _ = third.into_ptr();
    host.guest.sweep(&mut host.store).unwrap();
    assert_eq!(host.global("live"), 1);
}

#[test]
fn boxes_may_outlive_their_store() {
    let mut host = Host::new(COUNTING);
    let kept = host.guest.alloc::<u8>(&mut host.store, 1).unwrap();
    drop(host);
    drop(kept);
}

#[test]
fn scopes_free_everything_also_on_errors() {
    let mut host = Host::new(COUNTING);
    let (store, guest) = (&mut host.store, &host.guest);
    let trap = guest.func::<GuestPtr<u8>, ()>(&mut *store, "trap").unwrap();
    let value = guest.scope(&mut *store, |scope| {
        let at = scope.copy(&[1u32, 2])?;
        scope.text("abc", Encoding::Utf16)?;
        scope.reserve::<f64>(3)?;
        let room = scope.put(&7u64)?;
        assert_eq!(scope.view().get(room)?, 7);
        Ok(scope.view().slice(at, 2)?.iter().sum::<u32>())
    });
    assert_eq!(value.unwrap(), 3);
    assert_eq!(host.global("live"), 0);

    let (store, guest) = (&mut host.store, &host.guest);
    let error = guest.scope(&mut *store, |scope| {
        let at = scope.text("abc", Encoding::Utf8)?;
        trap.call(scope, at)
    });
    assert_eq!(error.unwrap_err().downcast_ref(), Some(&Trap::UnreachableCodeReached));
    let error: Result<()> = guest.scope(&mut *store, |scope| {
        scope.copy(&[0u8; 100])?;
        // One in the other.
        scope.guest().scope(scope.as_context_mut(), |inner| {
            inner.copy(&[0u8; 100])?;
            Err(Error::msg("no"))
        })
    });
    assert_error(error, "no");
    assert_eq!(host.global("live"), 0);
}

/// No guest is called while the host panics; what the scope had stays allocated.
#[test]
fn panics_leave_the_guest_alone() {
    let mut host = Host::new(COUNTING);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        host.guest.scope(&mut host.store, |scope| -> Result<()> {
            scope.copy(&[1u8])?;
            panic!("oh")
        })
    }));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"oh"));
    assert_eq!((host.global("live"), host.global("freed")), (1, 0));
    host.guest.alloc::<u8>(&mut host.store, 1).unwrap().free(&mut host.store).unwrap();
    assert_eq!(host.global("live"), 1);
}

/// An error of freeing is the result, unless there is one already.
#[test]
fn failures_of_freeing_are_told() {
    let text = r#"(module (memory (export "memory") 1)
        (func (export "malloc") (param i32) (result i32) (i32.const 16))
        (func (export "free") (param i32) unreachable))"#;
    let mut host = Host::new(text);
    let (store, guest) = (&mut host.store, &host.guest);
    let error = guest.scope(&mut *store, |scope| scope.copy(&[1u8])).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
    let message = "freeing what was allocated for the work that is done";
    assert_eq!(error.to_string(), message);
    let error = guest.scope(&mut *store, |scope| -> Result<()> {
        scope.copy(&[1u8])?;
        Err(Error::msg("no"))
    });
    assert_error(error, "no");
    drop(guest.alloc::<u8>(&mut *store, 1).unwrap());
    let error = guest.alloc::<u8>(&mut *store, 1).unwrap_err();
    assert_eq!(error.to_string(), "freeing what the host dropped");
    guest.alloc::<u8>(&mut *store, 1).unwrap().free(&mut *store).unwrap_err();
}

#[test]
fn temporaries_of_calls_are_freed_also_on_errors() {
    let mut host = Host::new(COUNTING);
    let (store, guest) = (&mut host.store, &host.guest);
    let pass = guest.func::<&str, String>(&mut *store, "pass").unwrap();
    assert_eq!(pass.call(&mut *store, "some text").unwrap(), "some text");
    assert_eq!(host.global("live"), 0);

    let (store, guest) = (&mut host.store, &host.guest);
    let trap = guest.func::<&[i32], ()>(&mut *store, "trap").unwrap();
    let error = trap.call(&mut *store, &[1, 2]).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
    assert_eq!(host.global("live"), 0);

    // The text is passed, but what comes back is not one.
    let (store, guest) = (&mut host.store, &host.guest);
    let pass = guest.func::<&[u8], String>(&mut *store, "pass").unwrap();
    assert!(pass.call(&mut *store, &[0xff, 0]).is_err());
    assert_eq!(host.global("live"), 0);
}

#[test]
fn a_full_guest_says_so() {
    let mut host = Host::new(COUNTING);
    for size in [64512, 65536, 1 << 31, u32::MAX as usize] {
        let error = host.guest.alloc::<u8>(&mut host.store, size + 1).unwrap_err();
        let size = size as u64 + 1;
        assert_eq!(error.downcast_ref(), Some(&GuestError::Exhausted { size }));
    }
    // More than there are addresses: the guest is not even asked.
    for len in [u32::MAX as usize, usize::MAX] {
        let error = host.guest.alloc::<u64>(&mut host.store, len).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(GuestError::Exhausted { .. })));
    }
    assert_error(
        host.guest.alloc::<u8>(&mut host.store, 65536),
        "the guest has no memory left for 65536 bytes",
    );
    assert_eq!(host.global("live"), 0);
    let all = host.guest.alloc::<u8>(&mut host.store, 64512).unwrap();
    all.free(&mut host.store).unwrap();
}

/// An allocator that gives whatever the host wants it to give.
fn giving(address: i32) -> Host {
    Host::new(&format!(
        r#"(module (memory (export "memory") 1 1)
            (func (export "malloc") (param i32) (result i32) (i32.const {address}))
            (func (export "free") (param i32)))"#
    ))
}

#[test]
fn hostile_allocators_are_found_out() {
    for (address, reason) in [
        (65536 - 7, "it is not aligned"),
        (65536 - 4, "it is not aligned"),
        (65536, "that is not within its memory"),
        (-8, "that is not within its memory"),
        (-1, "it is not aligned"),
        (65536 - 8, ""),
    ] {
        let mut host = giving(address);
        let result = host.guest.alloc::<u64>(&mut host.store, 1);
        let address = u64::from(address as u32);
        match result {
            Ok(_) => assert_eq!(reason, ""),
            Err(error) => {
                let bad = GuestError::BadAllocation { address, size: 8, reason };
                assert_eq!(error.downcast_ref(), Some(&bad));
            }
        }
    }
    let mut host = giving(-4);
    assert_error(
        host.guest.alloc::<u8>(&mut host.store, 5),
        "the guest's allocator gave address 0xfffffffc for 5 bytes: that is not within its memory",
    );
    let mut host = giving(0);
    let error = host.guest.scope(&mut host.store, |scope| scope.text("x", Encoding::Utf8));
    assert_error(error, "the guest has no memory left for 2 bytes");
}

#[test]
fn allocators_of_other_types_are_named_when_they_are_needed() {
    let mut host = Host::new(
        r#"(module (memory (export "memory") 1)
            (func (export "malloc") (param i64) (result i32) (i32.const 8))
            (func (export "free") (param i32)))"#,
    );
    assert_error(
        host.guest.alloc::<u8>(&mut host.store, 1),
        "the guest has no allocator: the guest's function `malloc` has the type (i64) -> (i32), \
         but is used as (i32) -> (i32); the guest exports no function `__new`",
    );
    let mut host = Host::new(
        r#"(module (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const 8))
            (global (export "free") i32 (i32.const 0)))"#,
    );
    let error = host.guest.alloc::<u8>(&mut host.store, 1).unwrap_err();
    assert!(error.to_string().contains("`free` is a global, not a function"), "{error}");
    let mut host = Host::new(
        r#"(module (memory (export "memory") 1)
            (global (export "__stack_pointer") i32 (i32.const 0))
            (func (export "stackSave") (result i64) (i64.const 8)))"#,
    );
    let error = host.guest.frame(&mut host.store, |frame| frame.put(&1u8)).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("`stackSave` has the type"), "{message}");
    assert!(message.contains("no function `emscripten_stack_get_current`"), "{message}");
    assert!(message.contains("`__stack_pointer` is a global i32"), "{message}");
    assert!(matches!(error.downcast_ref(), Some(GuestError::NoStack(_))));
}

/// Allocators that want to know more; `sizes` is what they heard last.
const SIZED: &str = r#"(module (memory (export "memory") 1 1)
    (global $size (export "size") (mut i32) (i32.const 0))
    (global $align (export "align") (mut i32) (i32.const 0))
    (func (export "alloc") (param i32 i32) (result i32)
        (global.set $size (local.get 0)) (global.set $align (local.get 1)) (i32.const 64))
    (func (export "dealloc") (param i32 i32 i32)
        (global.set $size (i32.add (local.get 1) (i32.const 1000)))
        (global.set $align (i32.add (local.get 2) (i32.const 1000))))
    (func (export "alloc1") (param i32) (result i32) (i32.const 64))
    (func (export "dealloc1") (param i32) (global.set $size (local.get 0)))
    (func (export "dealloc2") (param i32 i32) (global.set $size (local.get 1)))
    (func (export "wrong") (param f32)))"#;

#[test]
fn custom_pairs_are_called_by_their_types() {
    let engine = Engine::default();
    let module = Module::new(&engine, SIZED).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let mut with = |alloc: &str, free: &str| -> Result<Host> {
        let [alloc, free] = [alloc, free].map(|name| instance.get_func(&mut store, name).unwrap());
        let guest = GuestBuilder::new().allocator(alloc, free).build(&mut store, instance)?;
        let other = Store::new(&engine, ());
        Ok(Host { store: std::mem::replace(&mut store, other), guest })
    };
    let mut host = with("alloc", "dealloc").unwrap();
    assert_eq!(host.guest.allocator(), Ok(GuestAlloc::Given));
    let block = host.guest.alloc::<u32>(&mut host.store, 5).unwrap();
    assert_eq!((host.global("size"), host.global("align")), (20, 4));
    block.free(&mut host.store).unwrap();
    assert_eq!((host.global("size"), host.global("align")), (1020, 1004));
    let adopted = host.guest.adopt::<u64>(&host.store, GuestPtr::new(64), 2).unwrap();
    adopted.free(&mut host.store).unwrap();
    assert_eq!((host.global("size"), host.global("align")), (1016, 1008));
    let unknown = host.guest.scope(&mut host.store, |scope| scope.adopt(GuestPtr::<u8>::new(64)));
    assert_error(
        unknown,
        "the guest has no allocator: its freeing function has to be told the size, which the \
         host does not know",
    );

    let mut store = host.store;
    let mut with = |alloc: &str, free: &str| {
        let [alloc, free] = [alloc, free].map(|name| instance.get_func(&mut store, name).unwrap());
        GuestBuilder::new().allocator(alloc, free).build(&mut store, instance)
    };
    let pairs = [with("alloc1", "dealloc1").unwrap(), with("alloc1", "dealloc2").unwrap()];
    assert_error(
        with("wrong", "dealloc"),
        "the given allocator: the guest's function `alloc` has the type (f32) -> (), but is \
         used as (i32) -> (i32)",
    );
    assert!(with("alloc", "wrong").is_err());
    for (guest, size) in pairs.into_iter().zip([64, 12]) {
        let block = guest.alloc::<u32>(&mut store, 3).unwrap();
        block.free(&mut store).unwrap();
        let global = instance.get_global(&mut store, "size").unwrap();
        assert_eq!(global.get(&mut store).unwrap_i32(), size);
    }
}

#[test]
fn pointers_that_cannot_be_are_not_adopted() {
    let mut host = Host::new(COUNTING);
    for (at, len) in [(0, 1), (65530, 7), (65536, 1), (u32::MAX, 1), (8, usize::MAX)] {
        assert!(host.guest.adopt::<u8>(&host.store, GuestPtr::new(at), len).is_err(), "{at}");
    }
    let null = host.guest.scope(&mut host.store, |scope| scope.adopt(GuestPtr::<u8>::NULL));
    assert_error(null, "the guest's pointer is null");
}

#[test]
fn frames_are_on_the_stack_and_gone_afterwards() {
    let mut host = library("strings");
    let top: i32 = host.call("stackSave", ());
    let (store, guest) = (&mut host.store, &host.guest);
    let places = guest.frame(&mut *store, |frame| {
        let first = frame.copy(&[1u64, 2])?;
        let second = frame.put(&3u8)?;
        assert_eq!(frame.view().slice(first, 2)?, [1, 2]);
        Ok((first.address(), second.address()))
    });
    assert_eq!(places.unwrap(), (top as u32 - 16, top as u32 - 32));
    let failed: Result<()> = guest.frame(&mut *store, |frame| {
        frame.reserve::<u8>(1000)?;
        Err(Error::msg("no"))
    });
    assert_error(failed, "no");
    let limit = guest.frame(&mut *store, |frame| {
        frame.reserve::<u8>(4000)?;
        frame.reserve::<u8>(97)
    });
    assert_error(limit, "on the guest's stack: 97 bytes are more than the limit of 4096");
    assert_eq!(host.call::<(), i32>("stackSave", ()), top);
}

/// What is small goes to the stack, what is large to the heap.
#[test]
fn arguments_are_where_there_is_room() {
    let mut host = library("strings");
    let top: i32 = host.call("stackSave", ());
    let (store, guest) = (&mut host.store, &host.guest);
    let place = guest.func::<&str, u32>(&mut *store, "byte_length").unwrap();
    let long = "x".repeat(1 << 20);
    assert_eq!(place.call(&mut *store, &long).unwrap(), 1 << 20);
    assert_eq!(place.call(&mut *store, "abc").unwrap(), 3);
    // The text of 1 MiB was freed.
    let [a, b] = [(); 2].map(|()| guest.alloc::<u8>(&mut *store, 1 << 20).unwrap());
    assert!(a.ptr().address().abs_diff(b.ptr().address()) < 2 << 20);
    assert_eq!(host.call::<(), i32>("stackSave", ()), top);
}

/// A stack pointer that is exported, and one that is wild.
#[test]
fn bare_stack_pointers_are_moved_and_put_back() {
    let text = |top: i32| {
        format!(
            r#"(module (memory (export "memory") 1 1)
                (global $sp (export "__stack_pointer") (mut i32) (i32.const {top}))
                (func (export "sp") (result i32) (global.get $sp)))"#
        )
    };
    let mut host = Host::new(&text(1000));
    let (store, guest) = (&mut host.store, &host.guest);
    let at = guest.frame(&mut *store, |frame| Ok(frame.copy(&[1u8; 20])?.address())).unwrap();
    assert_eq!((at, host.call::<(), i32>("sp", ())), (976, 1000));
    for top in [0, 10, -1, 65536 + 100] {
        let mut host = Host::new(&text(top));
        let result = host.guest.frame(&mut host.store, |frame| frame.copy(&[1u8; 20]));
        assert!(result.is_err(), "{top}");
        assert_eq!(host.call::<(), i32>("sp", ()), top);
    }
}

#[test]
fn memories_that_cannot_be_used_are_named() {
    let build = |text: &str| {
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, text).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Guest::new(&mut store, instance).map(|_| ())
    };
    assert_error(
        build("(module)"),
        "the guest exports no memory; if it imports one, give it to `GuestBuilder::memory`",
    );
    assert_error(
        build(r#"(module (memory (export "memory") 1 1 shared))"#),
        "the guest's memory is shared: other threads may change it at any time, so there are no \
         views of it",
    );
    assert_error(
        build(r#"(module (memory (export "a") 1) (memory (export "b") 1))"#),
        "the guest exports several memories, none of them as `memory`; give one to \
         `GuestBuilder::memory`",
    );
    build(r#"(module (memory (export "a") 1))"#).unwrap();
    build(r#"(module (memory (export "a") 1) (memory (export "memory") 1))"#).unwrap();
}

/// The names that Emscripten has given these functions since.
#[test]
fn newer_names_of_the_stack_are_known() {
    let mut host = Host::new(
        r#"(module (memory (export "memory") 1)
            (global $sp (mut i32) (i32.const 2048))
            (func (export "emscripten_stack_get_current") (result i32) (global.get $sp))
            (func (export "_emscripten_stack_restore") (param i32) (global.set $sp (local.get 0)))
            (func (export "_emscripten_stack_alloc") (param i32) (result i32)
                (global.set $sp (i32.and (i32.sub (global.get $sp) (local.get 0)) (i32.const -16)))
                (global.get $sp))
            (func (export "byte") (param i32) (result i32)
                (i32.add (local.get 0) (i32.load8_u (local.get 0)))))"#,
    );
    let byte = host.guest.func::<&str, i32>(&mut host.store, "byte").unwrap();
    assert_eq!(byte.call(&mut host.store, "a").unwrap(), 2032 + 97);
    assert_eq!(host.call::<(), i32>("emscripten_stack_get_current", ()), 2048);
}

/// Arguments beyond the limit of the stack go to the heap, each by itself.
#[test]
fn the_limit_is_that_of_a_whole_call() {
    let mut host = library("strings");
    let instance = host.guest.instance();
    let guest = GuestBuilder::new().stack_limit(64).build(&mut host.store, instance).unwrap();
    let places = guest.frame(&mut host.store, |frame| {
        frame.reserve::<u8>(32)?;
        frame.reserve::<u8>(17)?;
        frame.reserve::<u8>(1)
    });
    assert_error(places, "on the guest's stack: 1 bytes are more than the limit of 64");
    let place = guest.func::<&str, i32>(&mut host.store, "byte_length").unwrap();
    assert_eq!(place.call(&mut host.store, &"x".repeat(63)).unwrap(), 63);
    assert_eq!(place.call(&mut host.store, &"x".repeat(64)).unwrap(), 64);
}

/// Whoever stops a guest does not expect that it runs again, as its `free` and `stackRestore` could
/// for ever.
#[test]
fn a_guest_that_was_stopped_is_not_called_to_free() {
    let text = |name: &str| {
        format!(
            r#"(module
            (memory (export "memory") 4)
            (global $sp (export "sp") (mut i32) (i32.const 65536))
            (global $calls (export "calls") (mut i32) (i32.const 0))
            (func $count (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
            (func (export "malloc") (param i32) (result i32) (i32.const 131072))
            (func (export "free") (param i32) (call $count))
            (func (export "{name}Save") (result i32) (global.get $sp))
            (func (export "{name}Alloc") (param i32) (result i32)
                (global.set $sp (i32.sub (global.get $sp) (i32.const 1024)))
                (global.get $sp))
            (func (export "{name}Restore") (param i32)
                (call $count)
                (global.set $sp (local.get 0)))
            (func (export "spin") (param i32) (loop $again (br $again)))
            (func (export "pass") (param i32)))"#
        )
    };
    // On the stack, and on the heap.
    for (name, pointer, calls) in [("stack", 65536 - 1024, 1), ("no", 65536, 2)] {
        let mut host = Host::new(&text(name));
        let spin = host.guest.func::<&str, ()>(&mut host.store, "spin").unwrap();
        let handle = host.store.interrupt_handle();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            handle.interrupt();
        });
        let error = spin.call(&mut host.store, "text").unwrap_err();
        stopper.join().unwrap();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
        assert_eq!((host.global("sp"), host.global("calls")), (pointer, 0));
        let pass = host.guest.func::<&str, ()>(&mut host.store, "pass").unwrap();
        pass.call(&mut host.store, "text").unwrap();
        assert_eq!((host.global("sp"), host.global("calls")), (65536, calls));
    }
}
