//! Texts in and out, in every encoding, well-formed and not, and as long as a hostile guest likes.

use crate::{Host, assert_error};
use palisade::{Engine, Instance, Module, Store};
use palisade_guest::{
    AccessError, Encoding, Extent, GuestBuilder, GuestPtr, Latin1, Utf16, View, ViewMut, WithLen,
};

const MEMORY: &str = r#"(module (memory (export "memory") 1 1))"#;
const END: u32 = 65536;

#[test]
fn utf8_is_read_where_it_is() {
    let mut bytes = [b'x'; 32];
    bytes[4..14].copy_from_slice("né🎉\0\0\0".as_bytes());
    let view = View::new(&bytes);
    assert_eq!(view.c_str(4u32), Ok("né🎉"));
    assert_eq!(view.str(4u32, 3), Ok("né"));
    assert_eq!(view.str(4u32, 9), Ok("né🎉\0\0"));
    assert_eq!(view.str(32u32, 0), Ok(""));
    assert_eq!(view.c_str(11u32), Ok(""));
    let malformed = |address| Err(AccessError::Malformed { address, encoding: "UTF-8" });
    assert_eq!(view.str(4u32, 2), malformed(5));
    assert_eq!(view.str(4u32, 5), malformed(7));
    assert_eq!(view.c_str(6u32), malformed(6));
    assert_eq!(view.text_lossy(4u32, Encoding::Utf8, Extent::Units(2)).unwrap(), "n\u{fffd}");
    let same = view.text(4u32, Encoding::Utf8, Extent::Terminated).unwrap();
    assert!(matches!(same, std::borrow::Cow::Borrowed("né🎉")));
}

#[test]
fn utf16_and_latin1_are_decoded() {
    let mut bytes = vec![0xff; 40];
    let units: Vec<u8> = "aé🎉".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes[3..11].copy_from_slice(&units);
    bytes[11..13].fill(0);
    let view = View::new(&bytes);
    let utf16 = |at: u32, extent| view.text(at, Encoding::Utf16, extent);
    assert_eq!(utf16(3, Extent::Terminated).unwrap(), "aé🎉");
    assert_eq!(utf16(3, Extent::Units(2)).unwrap(), "aé");
    // Half a character.
    let malformed = |address| AccessError::Malformed { address, encoding: "UTF-16" };
    assert_eq!(utf16(3, Extent::Units(3)), Err(malformed(7)));
    assert_eq!(utf16(9, Extent::Terminated), Err(malformed(9)));
    let lossy = view.text_lossy(3u32, Encoding::Utf16, Extent::Units(3)).unwrap();
    assert_eq!(lossy, "aé\u{fffd}");
    // The zero bytes of a terminator are those of one unit.
    assert!(matches!(utf16(4, Extent::Terminated), Err(AccessError::Unterminated { .. })));

    let view = View::new(b"caf\xe9 \xa3\0");
    assert_eq!(view.text(0u32, Encoding::Latin1, Extent::Terminated).unwrap(), "café £");
    assert_eq!(view.text(3u32, Encoding::Latin1, Extent::Units(4)).unwrap(), "é £\0");
}

#[test]
fn lengths_are_exact() {
    for text in ["", "abc", "né", "日本", "🎉🎉", "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}"]
    {
        assert_eq!(Encoding::Utf8.len_bytes(text), text.len());
        assert_eq!(Encoding::Utf16.len_bytes(text), text.encode_utf16().count() * 2);
    }
    assert_eq!(Encoding::Latin1.len_bytes("né"), 2);
}

#[test]
fn texts_are_written_with_their_terminator_or_not_at_all() {
    let mut bytes = [b'x'; 16];
    let mut view = ViewMut::new(&mut bytes);
    assert_eq!(view.set_text(1u32, 4, "né", Encoding::Utf8), Ok(4));
    assert_eq!(view.as_view().bytes(0u32, 6).unwrap(), b"xn\xc3\xa9\0x");
    let room = |needed, room| Err(AccessError::NoRoom { needed, room });
    assert_eq!(view.set_text(8u32, 3, "né", Encoding::Utf8), room(4, 3));
    assert_eq!(view.set_text(8u32, 0, "", Encoding::Utf8), room(1, 0));
    assert_eq!(view.set_text(8u32, 5, "né", Encoding::Utf16), room(6, 5));
    let nul = Err(AccessError::InteriorNul { offset: 1 });
    assert_eq!(view.set_text(8u32, 8, "a\0b", Encoding::Utf16), nul);
    let wrong = AccessError::Unencodable { character: '日', encoding: "Latin-1" };
    assert_eq!(view.set_text(8u32, 8, "é日", Encoding::Latin1), Err(wrong));
    assert_eq!(view.as_view().bytes(8u32, 8).unwrap(), b"xxxxxxxx");
    assert_eq!(view.set_text(8u32, 8, "né", Encoding::Utf16), Ok(6));
    assert_eq!(view.as_view().bytes(8u32, 8).unwrap(), b"n\0\xe9\0\0\0xx");
    assert_eq!(view.set_text(0u32, 8, "né", Encoding::Latin1), Ok(3));
}

#[test]
fn truncation_keeps_characters_whole() {
    let text = "né🎉";
    for (encoding, whole) in
        [(Encoding::Utf8, [1, 3, 7]), (Encoding::Utf16, [2, 4, 8]), (Encoding::Latin1, [1, 2, 3])]
    {
        for room in encoding.unit_bytes()..12 {
            let mut bytes = [0xff; 12];
            let mut view = ViewMut::new(&mut bytes);
            if encoding == Encoding::Latin1 && room > 3 {
                assert!(view.set_text_truncated(0u32, room, text, encoding).is_err());
                continue;
            }
            let written = view.set_text_truncated(0u32, room, text, encoding).unwrap();
            let unit = encoding.unit_bytes();
            let fits = whole.iter().filter(|len| **len + unit <= room).max().unwrap_or(&0);
            assert_eq!(written, fits + unit);
            let back = view.as_view().text(0u32, encoding, Extent::Terminated).unwrap();
            assert!(text.starts_with(&*back) && encoding.len_bytes(&back) == *fits);
            assert!(bytes[written..].iter().all(|byte| *byte == 0xff));
        }
    }
}

#[test]
fn a_guest_without_a_terminator_ends_in_an_error() {
    let mut host = Host::new(MEMORY);
    host.guest.view_mut(&mut host.store).into_bytes().fill(b'x');
    let view = host.guest.view(&host.store);
    for (at, searched) in [(0, END as usize), (END - 1, 1), (END, 0)] {
        let unterminated = AccessError::Unterminated { address: at.into(), searched };
        assert_eq!(view.c_str(at), Err(unterminated));
    }
    let unterminated = AccessError::Unterminated { address: 100, searched: 11 };
    assert_eq!(view.with_text_limit(10).c_str(100u32), Err(unterminated));
    assert!(matches!(view.c_str(END + 1), Err(AccessError::OutOfBounds { .. })));
    assert!(matches!(view.c_str(u32::MAX), Err(AccessError::OutOfBounds { .. })));
    assert!(matches!(view.c_str(u64::MAX), Err(AccessError::OutOfBounds { .. })));
    let text = |extent| view.text(0u32, Encoding::Utf16, extent);
    assert!(matches!(text(Extent::Terminated), Err(AccessError::Unterminated { .. })));
    for units in [END as usize / 2 + 1, u32::MAX as usize, usize::MAX] {
        assert!(matches!(text(Extent::Units(units)), Err(AccessError::OutOfBounds { .. })));
    }
    assert!(matches!(view.str(0u32, usize::MAX), Err(AccessError::OutOfBounds { .. })));
}

#[test]
fn limits_are_exact() {
    let view = View::new(b"abcdef\0").with_text_limit(5);
    assert_eq!(view.str(0u32, 5), Ok("abcde"));
    assert_eq!(view.str(0u32, 6), Err(AccessError::TooLong { len: 6, limit: 5 }));
    assert_eq!(view.c_str(1u32), Ok("bcdef"));
    let unterminated = AccessError::Unterminated { address: 0, searched: 6 };
    assert_eq!(view.c_str(0u32), Err(unterminated));
    let units = view.text(0u32, Encoding::Utf16, Extent::Units(3));
    assert_eq!(units, Err(AccessError::TooLong { len: 6, limit: 5 }));

    let engine = Engine::default();
    let module = Module::new(&engine, MEMORY).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let guest = GuestBuilder::new().text_limit(3).build(&mut store, instance).unwrap();
    guest.view_mut(&mut store).into_bytes()[..5].copy_from_slice(b"abcd\0");
    assert_eq!(guest.view(&store).c_str(1u32), Ok("bcd"));
    assert_error(guest.view(&store).str(0u32, 4), "4 bytes are more than the limit of 3");
}

/// Tells what it was given: the first 64-bit word at the pointer, and the length.
const TEXTS: &str = r#"(module
    (memory (export "memory") 2)
    (global (export "__stack_pointer") (mut i32) (i32.const 65536))
    (func (export "word") (param i32) (result i64) (i64.load (local.get 0)))
    (func (export "len") (param i32 i32) (result i32) (local.get 1))
    (func (export "pass") (param i32) (result i32) (local.get 0))
    (func (export "null") (result i32) (i32.const 0))
    (func (export "wild") (result i32) (i32.const -2)))"#;

#[test]
fn texts_are_arguments() {
    let mut host = Host::new(TEXTS);
    let (store, guest) = (&mut host.store, &host.guest);
    let word = guest.func::<&str, u64>(&mut *store, "word").unwrap();
    assert_eq!(word.call(&mut *store, "né").unwrap() as u32, u32::from_le_bytes(*b"n\xc3\xa9\0"));
    let word = guest.func::<Utf16, u64>(&mut *store, "word").unwrap();
    let expected = u64::from_le_bytes(*b"n\0\xe9\0\0\0\0\0") << 16;
    assert_eq!(word.call(&mut *store, Utf16("né")).unwrap() << 16, expected);
    let word = guest.func::<Latin1, u64>(&mut *store, "word").unwrap();
    assert_eq!(word.call(&mut *store, Latin1("né")).unwrap() << 40, 0xe96e << 40);
    let len = guest.func::<WithLen<&str>, i32>(&mut *store, "len").unwrap();
    assert_eq!(len.call(&mut *store, WithLen("né\0🎉")).unwrap(), 8);
    let len = guest.func::<WithLen<Utf16>, i32>(&mut *store, "len").unwrap();
    assert_eq!(len.call(&mut *store, WithLen(Utf16("né🎉"))).unwrap(), 4);
    let pass = guest.func::<Option<&str>, Option<String>>(&mut *store, "pass").unwrap();
    assert_eq!(pass.call(&mut *store, Some("")).unwrap().as_deref(), Some(""));
    assert_eq!(pass.call(&mut *store, None).unwrap(), None);
}

#[test]
fn texts_that_cannot_be_passed_are_errors() {
    let mut host = Host::new(TEXTS);
    let (store, guest) = (&mut host.store, &host.guest);
    let pass = guest.func::<(i64, &str), i32>(&mut *store, "pass");
    assert!(pass.is_err());
    let pass = guest.func::<(&str,), GuestPtr<u8>>(&mut *store, "pass").unwrap();
    assert_error(
        pass.call(&mut *store, ("a\0b",)),
        "in a call of the guest's `pass`: argument 0: the text has a NUL at byte 1, where the \
         guest would see its end",
    );
    let pass = guest.func::<(Latin1,), i32>(&mut *store, "pass").unwrap();
    assert_error(
        pass.call(&mut *store, (Latin1("日"),)),
        "in a call of the guest's `pass`: argument 0: Latin-1 has no '日'",
    );
    let null = guest.func::<(), String>(&mut *store, "null").unwrap();
    assert_error(
        null.call(&mut *store, ()),
        "in a call of the guest's `null`: the guest's pointer is null",
    );
    let wild = guest.func::<(), String>(&mut *store, "wild").unwrap();
    assert_error(
        wild.call(&mut *store, ()),
        "in a call of the guest's `wild`: 0 bytes at address 0xfffffffe are not within the \
         guest's memory of 131072 bytes",
    );
    // Longer than the stack's share, and there is no allocator.
    let long = "x".repeat(5000);
    let pass = guest.func::<&str, i32>(&mut *store, "pass").unwrap();
    assert_error(
        pass.call(&mut *store, &long),
        "in a call of the guest's `pass`: on the guest's stack: 5001 bytes are more than the \
         limit of 4096",
    );
}
