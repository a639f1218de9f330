//! Records: the layout is that of the guest's compiler, for every type of field.

use crate::{assert_error, library};
use palisade_guest::{AccessError, GuestPtr, GuestRecord, GuestValue, View, ViewMut};

#[derive(GuestRecord, Debug, Clone, PartialEq)]
struct Inner {
    a: i8,
    b: i64,
}

/// `struct all` of `callbacks.c`.
#[derive(GuestRecord, Debug, Clone, PartialEq)]
struct All {
    i8: i8,
    u8: u8,
    i16: i16,
    u16: u16,
    flag: bool,
    i32: i32,
    u32: u32,
    i64: i64,
    u64: u64,
    f32: f32,
    f64: f64,
    inner: Inner,
    two: [Inner; 2],
    name: [u8; 5],
    next: GuestPtr<All>,
}

fn all() -> All {
    All {
        i8: -128,
        u8: 255,
        i16: -2,
        u16: 3,
        flag: true,
        i32: i32::MIN,
        u32: u32::MAX,
        i64: -5,
        u64: 6,
        f32: 0.5,
        f64: -0.25,
        inner: Inner { a: 1, b: 2 },
        two: [Inner { a: 3, b: 4 }, Inner { a: 5, b: 6 }],
        name: *b"abcde",
        next: GuestPtr::NULL,
    }
}

fn plus_one(all: &All) -> All {
    let inner = |inner: &Inner| Inner { a: inner.a.wrapping_add(1), b: inner.b + 1 };
    All {
        i8: all.i8.wrapping_add(1),
        u8: all.u8.wrapping_add(1),
        i16: all.i16 + 1,
        u16: all.u16 + 1,
        flag: !all.flag,
        i32: all.i32 + 1,
        u32: all.u32.wrapping_add(1),
        i64: all.i64 + 1,
        u64: all.u64 + 1,
        f32: all.f32 + 1.0,
        f64: all.f64 + 1.0,
        inner: inner(&all.inner),
        two: [inner(&all.two[0]), inner(&all.two[1])],
        name: all.name.map(|byte| byte + 1),
        next: all.next,
    }
}

#[test]
fn layouts_are_those_of_the_guests_compiler() {
    let mut host = library("callbacks");
    let fields = All::FIELDS;
    let offsets = [
        fields.i8.offset(),
        fields.u8.offset(),
        fields.i16.offset(),
        fields.u16.offset(),
        fields.flag.offset(),
        fields.i32.offset(),
        fields.u32.offset(),
        fields.i64.offset(),
        fields.u64.offset(),
        fields.f32.offset(),
        fields.f64.offset(),
        fields.inner.offset(),
        fields.two.offset(),
        fields.name.offset(),
        fields.next.offset(),
        All::SIZE,
        All::ALIGN,
    ];
    for (field, offset) in offsets.into_iter().enumerate() {
        assert_eq!(host.call::<i32, i32>("layout", field as i32), offset as i32, "field {field}");
    }
}

#[test]
fn every_field_arrives_and_comes_back() {
    let mut host = library("callbacks");
    let (store, guest) = (&mut host.store, &host.guest);
    let change = guest.func::<&mut All, ()>(&mut *store, "change").unwrap();
    let mut record = all();
    change.call(&mut *store, &mut record).unwrap();
    assert_eq!(record, plus_one(&all()));

    let change = guest.func::<GuestPtr<All>, ()>(&mut *store, "change").unwrap();
    let place = guest.alloc_copy(&mut *store, &[all(), all()]).unwrap();
    change.call(&mut *store, place.ptr().element(1)).unwrap();
    let values: Vec<All> = guest.view(&*store).values(place.ptr(), 2).unwrap().collect();
    assert_eq!(values, [all(), plus_one(&all())]);
    place.free(&mut *store).unwrap();
}

#[test]
fn lists_are_followed() {
    let mut host = library("callbacks");
    let (store, guest) = (&mut host.store, &host.guest);
    let make = guest.func::<i32, GuestPtr<All>>(&mut *store, "make_list").unwrap();
    let head = make.call(&mut *store, 100).unwrap();
    let view = guest.view(&*store);
    let (mut at, mut seen) = (head, Vec::new());
    while !at.is_null() {
        seen.push(view.get(at.field(All::FIELDS.i32)).unwrap());
        at = view.get(at.field(All::FIELDS.next)).unwrap();
    }
    assert_eq!(seen, (0..100).rev().collect::<Vec<_>>());
    let free = guest.func::<GuestPtr<All>, ()>(&mut *store, "free_list").unwrap();
    free.call(&mut *store, head).unwrap();
}

#[test]
fn fields_are_reached_in_place() {
    let mut memory = [0xaa; 256];
    let mut view = ViewMut::new(&mut memory);
    let at = GuestPtr::<All>::new(8);
    view.set(at, &all()).unwrap();
    let second = at.field(All::FIELDS.two).first().element(1);
    assert_eq!(view.get(second).unwrap(), Inner { a: 5, b: 6 });
    view.set(second.field(Inner::FIELDS.b), &77).unwrap();
    assert_eq!(view.get(at).unwrap().two[1], Inner { a: 5, b: 77 });
    let name = view.as_view().slice(at.field(All::FIELDS.name).first(), 5).unwrap();
    assert_eq!(name, b"abcde");
    // Padding is the guest's.
    let padding = at.field(All::FIELDS.inner).byte_add::<u8>(1);
    assert_eq!(view.as_view().bytes(padding, 7).unwrap(), [0xaa; 7]);
    assert_eq!(view.get(at.byte_add::<u8>(All::SIZE as u64)).unwrap(), 0xaa);
}

#[test]
fn records_are_checked_as_a_whole() {
    let mut memory = [0; All::SIZE + 8];
    let mut view = ViewMut::new(&mut memory);
    view.set(8u32, &all()).unwrap();
    let outside = AccessError::OutOfBounds {
        address: 9,
        len: All::SIZE as u64,
        memory: All::SIZE as u64 + 8,
    };
    assert_eq!(view.get::<All>(9u32), Err(outside));
    assert_eq!(view.set(9u32, &all()), Err(outside));
    assert!(view.get::<All>(u32::MAX).is_err() && view.get::<All>(u64::MAX).is_err());
    assert_eq!(view.get::<All>(8u32).unwrap(), all());
}

#[derive(GuestRecord, Debug, PartialEq)]
#[guest(packed)]
struct Packed {
    a: u8,
    b: u32,
    c: [u16; 2],
    d: u8,
}

/// Names that what the macro makes might have, and `Self`.
#[derive(GuestRecord, Debug, PartialEq)]
struct Fields {
    bytes: u8,
    r#type: [GuestPtr<Self>; 2],
    layout: GuestPtr<[Self; 3]>,
}

#[test]
fn records_may_be_called_anything() {
    assert_eq!((Fields::SIZE, Fields::FIELDS.r#type.offset()), (16, 4));
    let at = GuestPtr::<Fields>::new(0);
    let next: GuestPtr<Fields> = at.field(Fields::FIELDS.r#type).first().element(1).cast();
    assert_eq!(next.address(), 8);
    let mut memory = [0; 16];
    let value = Fields { bytes: 1, r#type: [at, next], layout: GuestPtr::NULL };
    ViewMut::new(&mut memory).set(at, &value).unwrap();
    assert_eq!(View::new(&memory).get(at).unwrap(), value);
}

#[derive(GuestRecord, Debug, PartialEq)]
struct Tuple(u8, f64, GuestPtr<u8, u64>);

#[test]
fn packed_records_and_tuples() {
    assert_eq!((Packed::SIZE, Packed::ALIGN, Packed::END), (10, 1, 10));
    let mut memory = [0; 40];
    let mut view = ViewMut::new(&mut memory);
    let value = Packed { a: 1, b: 2, c: [3, 4], d: 5 };
    view.set(1u32, &value).unwrap();
    assert_eq!(view.get::<Packed>(1u32).unwrap(), value);
    assert_eq!(memory[..12], [0, 1, 2, 0, 0, 0, 3, 0, 4, 0, 5, 0]);
    assert_eq!((Tuple::SIZE, Tuple::FIELDS.1.offset(), Tuple::FIELDS.2.offset()), (24, 8, 16));
    let mut view = ViewMut::new(&mut memory);
    let value = Tuple(9, 1.5, GuestPtr::new64(1 << 40));
    view.set(0u32, &value).unwrap();
    assert_eq!(view.get::<Tuple>(0u32).unwrap(), value);
}

#[test]
fn any_byte_but_zero_is_true() {
    let view = View::new(&[0, 1, 2, 255]);
    let values: Vec<bool> = view.values(0u32, 4).unwrap().collect();
    assert_eq!(values, [false, true, true, true]);
}

/// The size of an AssemblyScript class does not have the padding that C would put behind its last
/// field.
#[test]
fn the_end_is_that_of_the_last_field() {
    assert_eq!((Tuple::END, All::END), (24, All::FIELDS.next.offset() + 4));
    #[derive(GuestRecord)]
    struct Short {
        _wide: f64,
        _narrow: u8,
    }
    assert_eq!((Short::SIZE, Short::END), (16, 9));
    assert_error(
        View::new(&[0; 15]).get::<Short>(0u32).map(|_| ()),
        "16 bytes at address 0x0 are not within the guest's memory of 15 bytes",
    );
}
