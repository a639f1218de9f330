//! Seeded random exchanges, compared with the same in plain Rust.

use crate::assemblyscript::load;
use crate::{Host, library};
use palisade_guest::{
    AsArray, AsStr, AsString, AsVec, Encoding, Extent, Freed, GuestBox, GuestPtr, GuestRecord,
    GuestValue, Number, View, ViewMut, WithLen,
};
use std::fmt::Debug;

/// Marsaglia's xorshift, from a fixed seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A text of characters of all lengths.
    fn text(&mut self, len: usize) -> String {
        let limits = [0x7f, 0x7ff, 0xd7ff, 0x10_ffff];
        (0..len)
            .map(|_| {
                let limit = limits[self.below(4)];
                let code = 1 + self.below(limit) as u32;
                char::from_u32(code).unwrap_or('ö')
            })
            .collect()
    }

    /// A number with any bits.
    fn number<T: Number>(&mut self) -> T {
        T::load(&self.next().to_le_bytes())
    }
}

const SIZE: usize = 65536;

/// Writes and reads at random places, many of them outside, of a memory and of a model.
fn agree<T: Number + Debug>(random: &mut Random, memory: &mut [u8], model: &mut [u8]) {
    let at = match random.below(4) {
        0 => random.next(),
        1 => (SIZE - random.below(16)) as u64,
        _ => random.below(SIZE) as u64,
    };
    let values: Vec<T> = (0..random.below(9)).map(|_| random.number()).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|value| bytes_of(value)).collect();
    let range = usize::try_from(at).ok().and_then(|at| Some(at..at.checked_add(bytes.len())?));
    let target = range.and_then(|range| model.get_mut(range));
    let fits = target.is_some();
    if let Some(target) = target {
        target.copy_from_slice(&bytes);
    }
    let mut view = ViewMut::new(memory);
    assert_eq!(view.set_all(at, &values).is_ok(), fits);
    let read = view.as_view().values::<T>(at, values.len());
    let read: Option<Vec<u8>> =
        read.ok().map(|all| all.flat_map(|value| bytes_of(&value)).collect());
    assert_eq!(read, fits.then_some(bytes.clone()));
    // Aligned or not decides whether a slice is the same.
    let aligned = at.is_multiple_of(T::SIZE as u64);
    let slice = view.as_view().slice::<T>(at, values.len());
    assert_eq!(slice.is_ok(), fits && aligned);
    if let Ok(slice) = view.slice_mut::<T>(at, values.len()) {
        slice.reverse();
        slice.reverse();
    }
}

fn bytes_of<T: Number>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; T::SIZE];
    value.store(&mut bytes);
    bytes
}

#[test]
fn views_agree_with_a_model() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut host = Host::new(r#"(module (memory (export "memory") 1 1))"#);
    let mut model = vec![0; SIZE];
    for _ in 0..4000 {
        let memory = host.guest.view_mut(&mut host.store).into_bytes();
        match random.below(5) {
            0 => agree::<u8>(&mut random, memory, &mut model),
            1 => agree::<i16>(&mut random, memory, &mut model),
            2 => agree::<f32>(&mut random, memory, &mut model),
            3 => agree::<u64>(&mut random, memory, &mut model),
            _ => agree::<f64>(&mut random, memory, &mut model),
        }
    }
    assert!(host.guest.view(&host.store).bytes(0u32, SIZE).unwrap() == model);
}

#[test]
fn texts_come_back_in_every_encoding() {
    let mut random = Random(42);
    let mut bytes = vec![0xaa; 4096];
    for _ in 0..3000 {
        let len = random.below(40);
        let text = random.text(len);
        let at = random.below(200) as u32;
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Latin1] {
            let mut view = ViewMut::new(&mut bytes);
            let written = view.set_text(at, 1000, &text, encoding);
            let latin = text.chars().all(|character| character <= '\u{ff}');
            assert_eq!(written.is_ok(), latin || encoding != Encoding::Latin1);
            let Ok(written) = written else { continue };
            assert_eq!(written, encoding.len_bytes(&text) + encoding.unit_bytes());
            let view = View::new(&bytes);
            assert_eq!(view.text(at, encoding, Extent::Terminated).unwrap(), text);
            let units = encoding.len_bytes(&text) / encoding.unit_bytes();
            assert_eq!(view.text(at, encoding, Extent::Units(units)).unwrap(), text);
            assert_eq!(view.text_lossy(at, encoding, Extent::Units(units)).unwrap(), text);
        }
    }
}

/// Bytes that mean nothing give text or an error, whatever they are taken for.
#[test]
fn noise_is_text_or_an_error() {
    let mut random = Random(7);
    for _ in 0..3000 {
        let bytes: Vec<u8> = (0..random.below(64)).map(|_| random.next() as u8).collect();
        let view = View::new(&bytes).with_text_limit(random.below(64));
        let at = random.below(70) as u32;
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Latin1] {
            for extent in [Extent::Terminated, Extent::Units(random.below(40))] {
                let strict = view.text(at, encoding, extent);
                let lossy = view.text_lossy(at, encoding, extent);
                match (strict, lossy) {
                    (Ok(strict), Ok(lossy)) => assert_eq!(strict, lossy),
                    (Ok(_), Err(error)) => panic!("{error}"),
                    (Err(_), _) => {}
                }
            }
        }
    }
}

#[test]
fn calls_of_c_give_what_rust_gives() {
    let mut random = Random(1);
    let mut host = library("strings");
    let (store, guest) = (&mut host.store, &host.guest);
    let greet = guest.func::<&str, Freed<String>>(&mut *store, "greet").unwrap();
    let code_points = guest.func::<&str, u32>(&mut *store, "code_points").unwrap();
    for round in 0..500 {
        let len = if round % 50 == 0 { random.below(20_000) } else { random.below(60) };
        let text = random.text(len);
        assert_eq!(greet.call(&mut *store, &text).unwrap().0, format!("你好, {text}!"));
        assert_eq!(code_points.call(&mut *store, &text).unwrap() as usize, text.chars().count());
    }
    let mut host = library("sort");
    let (store, guest) = (&mut host.store, &host.guest);
    let sort = guest.func::<WithLen<&mut [i32]>, u32>(&mut *store, "qSort").unwrap();
    for _ in 0..200 {
        let mut values: Vec<i32> = (0..random.below(3000)).map(|_| random.next() as i32).collect();
        let mut expected = values.clone();
        expected.sort_unstable();
        sort.call(&mut *store, WithLen(&mut values)).unwrap();
        assert_eq!(values, expected);
    }
}

#[test]
fn calls_of_assemblyscript_give_what_rust_gives() {
    let mut random = Random(2);
    let mut host = load("objects");
    let class = host.objects.class_id(&mut host.store, "ArrayU8_ID").unwrap();
    let (store, guest) = (&mut host.store, &host.guest);
    let echo = guest.func::<AsStr, AsString>(&mut *store, "echo").unwrap();
    let sum = guest.func::<AsArray<u8>, u32>(&mut *store, "sumU8").unwrap();
    let bytes = guest.func::<u32, AsVec<u8>>(&mut *store, "bytes").unwrap();
    for _ in 0..500 {
        let len = random.below(200);
        let text = random.text(len);
        assert_eq!(echo.call(&mut *store, AsStr(&text)).unwrap().0, text);
        let values: Vec<u8> = text.bytes().collect();
        let expected = values.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        assert_eq!(sum.call(&mut *store, AsArray { class, values: &values }).unwrap(), expected);
        let read = bytes.call(&mut *store, len as u32).unwrap().0;
        assert!(read.iter().zip(0..).all(|(byte, n)| *byte == (n * 3 % 256) as u8));
    }
}

#[derive(GuestRecord, Debug, Clone, PartialEq)]
struct Mixed {
    a: u8,
    b: u64,
    c: [i16; 3],
    d: GuestPtr<Mixed>,
    e: bool,
}

/// Blocks of a real allocator, allocated and freed in any order, keep what is in them.
#[test]
fn allocations_keep_their_values() {
    let mut random = Random(3);
    let mut host = library("record");
    let (store, guest) = (&mut host.store, &host.guest);
    let mut held: Vec<(GuestBox<Mixed>, Vec<Mixed>)> = Vec::new();
    for _ in 0..2000 {
        match random.below(5) {
            0 if !held.is_empty() => {
                let (block, _) = held.swap_remove(random.below(held.len()));
                block.free(&mut *store).unwrap();
            }
            1 if !held.is_empty() => drop(held.swap_remove(random.below(held.len()))),
            _ => {
                let values: Vec<Mixed> = (0..random.below(20))
                    .map(|_| Mixed {
                        a: random.number(),
                        b: random.number(),
                        c: [random.number(), random.number(), random.number()],
                        d: GuestPtr::new(random.number()),
                        e: random.below(2) == 0,
                    })
                    .collect();
                held.push((guest.alloc_copy(&mut *store, &values).unwrap(), values));
            }
        }
        let view = guest.view(&*store);
        let checked = random.below(held.len().max(1));
        if let Some((block, values)) = held.get(checked) {
            assert!(view.values(block.ptr(), block.len()).unwrap().eq(values.iter().cloned()));
        }
    }
    let view = guest.view(&*store);
    for (block, values) in &held {
        assert!(view.values(block.ptr(), block.len()).unwrap().eq(values.iter().cloned()));
        assert_eq!(block.ptr().address() as usize % Mixed::ALIGN, 0);
    }
}

/// Objects of noise: whatever is read is within the memory, or an error.
#[test]
fn noise_is_no_object_or_one_within_memory() {
    let mut random = Random(11);
    let mut host = load("objects");
    let objects = host.objects.clone();
    let mut read = [0; 3];
    for _ in 0..300 {
        // A part of the guest's static data, where also its table of classes is.
        let mut memory = host.guest.view_mut(&mut host.store).into_bytes();
        let len = memory.len() as u64;
        memory = &mut memory[..8192];
        for _ in 0..40 {
            let at = random.below(memory.len() - 8);
            let value = match random.below(4) {
                0 => random.next() as u32,
                1 => random.below(64) as u32,
                2 => (len - random.below(64) as u64) as u32,
                _ => random.below(8192) as u32,
            };
            value.store(&mut memory[at & !3..]);
        }
        let view = objects.view(&host.store);
        for _ in 0..40 {
            let at = match random.below(8) {
                0 => random.next() as u32,
                1 => (len - random.below(32) as u64) as u32,
                _ => random.below(8192) as u32 & !3,
            };
            let object = GuestPtr::new(at);
            read[0] += usize::from(view.string_lossy(object).is_ok());
            read[1] +=
                view.slice::<u8>(object).iter().count() + view.slice::<f64>(object).iter().count();
            read[2] += view.references(object).iter().count();
            let _ =
                (view.string(object), view.get(object.cast::<Mixed>(), random.below(20) as u32));
        }
    }
    // It is not all errors.
    assert!(read[0] > 0 && read[1] > 0, "{read:?}");
}
