//! Numbers and values straight in memory, at every edge of it.

use crate::{Host, assert_error};
use palisade_guest::{AccessError, GuestPtr, Number, View, ViewMut};

const PAGE: u64 = 65536;

fn out(address: u64, len: u64) -> AccessError {
    AccessError::OutOfBounds { address, len, memory: PAGE }
}

/// Every address around both ends, with every length around what fits there.
fn check_slices<T: Number + PartialEq + std::fmt::Debug>(host: &mut Host) {
    let size = T::SIZE as u64;
    let align = |address: u64| AccessError::Misaligned { address, align: T::SIZE };
    let ends = [0, 1, size, PAGE - size - 1, PAGE - size, PAGE - 1, PAGE, PAGE + 1];
    let wild = [u64::from(u32::MAX), u64::from(u32::MAX) - size, 1 << 32, u64::MAX, u64::MAX - 7];
    for address in ends.into_iter().chain(wild) {
        for len in [0, 1, 2, PAGE / size, PAGE / size + 1, u64::from(u32::MAX), u64::MAX] {
            let fits = len.checked_mul(size).and_then(|len| address.checked_add(len));
            let expected = match (fits, len.checked_mul(size)) {
                (Some(end), _) if end <= PAGE => match address % size {
                    0 => Ok(()),
                    _ => Err(align(address)),
                },
                (_, len) => Err(out(address, len.unwrap_or(u64::MAX))),
            };
            let view = host.guest.view(&host.store);
            let slice = view.slice::<T>(address, len as usize);
            assert_eq!(slice.map(|slice| assert_eq!(slice.len() as u64, len)), expected);
            let mut view = host.guest.view_mut(&mut host.store);
            let slice = view.slice_mut::<T>(address, len as usize);
            assert_eq!(slice.map(|slice| assert_eq!(slice.len() as u64, len)), expected);
            // What does not need alignment fails only where it is out of bounds.
            let values = view.as_view().values::<T>(address, len as usize);
            let outside = matches!(expected, Err(AccessError::OutOfBounds { .. }));
            assert_eq!(values.map(|values| values.len() as u64).is_err(), outside);
        }
    }
}

#[test]
fn slices_are_checked_at_every_edge() {
    let mut host = Host::new(r#"(module (memory (export "memory") 1 1))"#);
    check_slices::<u8>(&mut host);
    check_slices::<i8>(&mut host);
    check_slices::<u16>(&mut host);
    check_slices::<i16>(&mut host);
    check_slices::<u32>(&mut host);
    check_slices::<i32>(&mut host);
    check_slices::<u64>(&mut host);
    check_slices::<i64>(&mut host);
    check_slices::<f32>(&mut host);
    check_slices::<f64>(&mut host);
}

#[test]
fn slices_are_the_memory_itself() {
    let text = r#"(module (memory (export "memory") 1)
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "store") (param i32 f64) (f64.store (local.get 0) (local.get 1))))"#;
    let mut host = Host::new(text);
    let at = GuestPtr::<i32>::new(4096);
    let slice = host.guest.view_mut(&mut host.store).into_slice(at, 3).unwrap();
    slice.copy_from_slice(&[1, -2, 3]);
    assert_eq!(host.call::<i32, i32>("load", 4100), -2);
    host.call::<(i32, f64), ()>("store", (8, 0.1));
    let view = host.guest.view(&host.store);
    let slice = view.slice::<f64>(8u32, 1).unwrap();
    assert_eq!(slice, [0.1]);
    let base = host.guest.memory().data_ptr(&host.store);
    assert_eq!(slice.as_ptr().addr(), base.addr() + 8);
}

#[test]
fn writes_are_all_or_nothing() {
    let mut host = Host::new(r#"(module (memory (export "memory") 1 1))"#);
    let mut view = host.guest.view_mut(&mut host.store);
    let last = GuestPtr::<u32>::new(PAGE as u32 - 3);
    assert_eq!(view.set(last, &u32::MAX), Err(out(PAGE - 3, 4)));
    assert_eq!(view.set_all(last, &[1u32, 2]), Err(out(PAGE - 3, 8)));
    assert_eq!(
        view.set_text(last.cast(), 4, "", palisade_guest::Encoding::Utf8),
        Err(out(PAGE - 3, 4))
    );
    assert!(view.as_view().bytes(0u32, PAGE as usize).unwrap().iter().all(|byte| *byte == 0));
    view.set(last.byte_add::<u8>(2), &7).unwrap();
    assert_eq!(view.get::<u8>(PAGE as u32 - 1).unwrap(), 7);
}

#[test]
fn unaligned_values_are_read_one_by_one() {
    let mut bytes = [0u8; 64];
    let mut view = ViewMut::new(&mut bytes);
    let at = GuestPtr::<i64>::new(3);
    view.set_all(at, &[1, -2, i64::MAX, i64::MIN]).unwrap();
    let view = View::new(&bytes);
    let values = view.values(at, 4).unwrap();
    assert_eq!(values.clone().collect::<Vec<_>>(), [1, -2, i64::MAX, i64::MIN]);
    assert_eq!(values.clone().rev().collect::<Vec<_>>(), [i64::MIN, i64::MAX, -2, 1]);
    let mut half = values.clone();
    assert_eq!((half.nth(1), half.len(), half.next_back()), (Some(-2), 2, Some(i64::MIN)));
    assert_eq!((half.get(0), half.get(1)), (Some(i64::MAX), None));
    assert_eq!((half.nth(1), half.next(), half.next_back()), (None, None, None));
    assert_eq!(values.clone().nth(usize::MAX), None);
    // Elements without a size are an array, too.
    assert_eq!(view.values::<[u8; 0]>(64u32, usize::MAX).unwrap().len(), usize::MAX);
    assert_eq!(view.get::<[u8; 0]>(64u32), Ok([]));
    assert!(view.get::<[u8; 0]>(65u32).is_err());
}

#[test]
fn pointers_wrap_as_the_guests_do() {
    let last = GuestPtr::<u32>::new(u32::MAX - 3);
    assert_eq!(last.element(1), GuestPtr::NULL);
    assert_eq!(last.element(u64::MAX), GuestPtr::new(u32::MAX - 7));
    assert_eq!(last.byte_add::<u8>(5).address(), 1);
    assert_eq!(GuestPtr::<u32, u64>::new64(u64::MAX - 3).element(1).address(), 0);
    assert_eq!(format!("{last:?}"), "GuestPtr(0xfffffffc)");
    assert!(GuestPtr::<u8>::NULL.is_null() && !last.is_null());
}

#[test]
fn messages_say_where() {
    let view = View::new(&[0; 16]);
    assert_error(
        view.get::<u64>(9u32),
        "8 bytes at address 0x9 are not within the guest's memory of 16 bytes",
    );
}
