//! Libraries in C and C++ that Emscripten made: all that `cwrap` and the views of its JavaScript
//! do.

use crate::{emscripten, library, wasm};
use palisade::{Engine, Memory, MemoryType, Module, Store};
use palisade_guest::{Encoding, Freed, GuestAlloc, GuestBuilder, GuestPtr, GuestRecord};

#[test]
fn add_global() {
    let mut host = library("add_global");
    let (store, guest) = (&mut host.store, &host.guest);
    let add = guest.func::<(i32, i32), i32>(&mut *store, "add").unwrap();
    assert_eq!(add.call(&mut *store, (1, 2)).unwrap(), 126);
    guest.func::<i32, ()>(&mut *store, "set_counter").unwrap().call(&mut *store, -3).unwrap();
    assert_eq!(add.call(&mut *store, (1, 2)).unwrap(), 0);

    let address =
        |name| guest.func::<(), GuestPtr<i32>>(&mut *store, name).unwrap().call(&mut *store, ());
    let [counter, bss] = ["counter_addr", "bss_addr"].map(address).map(Result::unwrap);
    assert_eq!((counter, bss), (GuestPtr::new(1024), GuestPtr::new(1040)));
    assert_eq!(guest.view(&*store).slice(bss, 64).unwrap()[..2], [-3, 0]);
    assert_eq!(guest.view(&*store).get(counter).unwrap(), -3);

    guest.view_mut(&mut *store).set(counter, &1000).unwrap();
    assert_eq!(add.call(&mut *store, (1, 2)).unwrap(), 1003);
    assert_eq!(host.call::<(), i32>("stackSave", ()), 5244192);
}

#[test]
fn sort() {
    let mut host = library("sort");
    let (store, guest) = (&mut host.store, &host.guest);
    let create = guest.func::<i32, GuestPtr<i32>>(&mut *store, "createIntArray").unwrap();
    let array = create.call(&mut *store, 6).unwrap();
    let write = guest.func::<(GuestPtr<i32>, i32, i32), ()>(&mut *store, "writeToArray").unwrap();
    for (index, value) in [5, -1, 9].into_iter().enumerate() {
        write.call(&mut *store, (array, index as i32, value)).unwrap();
    }
    // The other half without the guest's help.
    let mut view = guest.view_mut(&mut *store);
    view.slice_mut(array.element(3), 3).unwrap().copy_from_slice(&[0, 3, 3]);
    let sort = guest.func::<(GuestPtr<i32>, i32), GuestPtr<i32>>(&mut *store, "qSort").unwrap();
    assert_eq!(sort.call(&mut *store, (array, 6)).unwrap(), array);
    assert_eq!(guest.view(&*store).slice(array, 6).unwrap(), [-1, 0, 3, 3, 5, 9]);
    let destroy = guest.func::<GuestPtr<i32>, ()>(&mut *store, "destroyIntArray").unwrap();
    destroy.call(&mut *store, array).unwrap();
    assert_eq!(create.call(&mut *store, 6).unwrap(), array);

    // The same in one step: a slice of the host's, sorted by the guest.
    let mut values = [5, -1, 9, 0, 3, 3];
    let sort = guest.func::<(&mut [i32], i32), GuestPtr<i32>>(&mut *store, "qSort").unwrap();
    sort.call(&mut *store, (&mut values, 6)).unwrap();
    assert_eq!(values, [-1, 0, 3, 3, 5, 9]);
}

#[test]
fn strings() {
    let mut host = library("strings");
    let top: i32 = host.call("stackSave", ());
    let (store, guest) = (&mut host.store, &host.guest);

    assert_eq!((guest.allocator(), guest.has_stack()), (Ok(GuestAlloc::C), true));
    let text = "héllo 世界 🎉";
    assert_eq!(Encoding::Utf8.len_bytes(text), 18);
    let byte_length = guest.func::<(&str,), i32>(&mut *store, "byte_length").unwrap();
    assert_eq!(byte_length.call(&mut *store, (text,)).unwrap(), 18);
    let code_points = guest.func::<(GuestPtr<u8>,), i32>(&mut *store, "code_points").unwrap();
    let (points, aligned) = guest
        .frame(&mut *store, |frame| {
            let text = frame.text(text, Encoding::Utf8)?;
            Ok((code_points.call(&mut *frame, (text,))?, text.address() % 16 == 0))
        })
        .unwrap();
    assert_eq!((points, aligned), (10, true));
    assert_eq!(host.call::<(), i32>("stackSave", ()), top);

    let (store, guest) = (&mut host.store, &host.guest);
    let greet = guest.func::<&str, Freed<String>>(&mut *store, "greet").unwrap();
    assert_eq!(greet.call(&mut *store, "小明").unwrap().0, "你好, 小明!");
    // What it returned has been freed, so that it gets the same place again.
    let greet = guest.func::<&str, GuestPtr<u8>>(&mut *store, "greet").unwrap();
    let first = greet.call(&mut *store, "小明").unwrap();
    guest.adopt(&*store, first, 1).unwrap().free(&mut *store).unwrap();
    assert_eq!(greet.call(&mut *store, "小明").unwrap(), first);

    let upper = guest.func::<GuestPtr<u8>, ()>(&mut *store, "upper").unwrap();
    let changed = guest.scope(&mut *store, |scope| {
        let text = scope.text("abc é", Encoding::Utf8)?;
        upper.call(&mut *scope, text)?;
        Ok(scope.view().c_str(text)?.to_owned())
    });
    assert_eq!(changed.unwrap(), "ABC é");
}

#[test]
fn record() {
    #[derive(GuestRecord, Debug, PartialEq)]
    struct Record {
        id: i32,
        x: f32,
        y: f32,
    }

    let mut host = library("record");
    let (store, guest) = (&mut host.store, &host.guest);
    let create =
        guest.func::<(i32, f32, f32), GuestPtr<Record>>(&mut *store, "createRecord").unwrap();
    let record = create.call(&mut *store, (7, 1.5, -2.0)).unwrap();
    assert_eq!(record.address() % 8, 0);
    let view = guest.view(&*store);
    assert_eq!(view.get(record).unwrap(), Record { id: 7, x: 1.5, y: -2.0 });
    assert_eq!(view.get(record.field(Record::FIELDS.y)).unwrap(), -2.0);
    let norm2 = guest.func::<GuestPtr<Record>, f32>(&mut *store, "norm2").unwrap();
    assert_eq!(norm2.call(&mut *store, record).unwrap(), 6.25);
    let delete = guest.func::<GuestPtr<Record>, ()>(&mut *store, "deleteRecord").unwrap();
    delete.call(&mut *store, record).unwrap();
    assert_eq!(create.call(&mut *store, (1, 2.0, 3.0)).unwrap(), record);

    let norm2 = guest.func::<&Record, f32>(&mut *store, "norm2").unwrap();
    assert_eq!(norm2.call(&mut *store, &Record { id: 0, x: 3.0, y: 4.0 }).unwrap(), 25.0);

    let mut count = 0;
    while !create.call(&mut *store, (count, 0.0, 0.0)).unwrap().is_null() {
        count += 1;
    }
    assert!(count > 500_000, "{count}");
}

#[test]
fn impmem() {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm("emscripten-lib/impmem.wasm")).unwrap();
    let mut store = Store::new(&engine, 0);
    let memory = Memory::new(&mut store, MemoryType::new(256, Some(256))).unwrap();
    let mut linker = emscripten(&engine);
    linker.define(&store, "env", "memory", memory).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    assert!(instance.get_memory(&mut store, "memory").is_none());
    let guest = GuestBuilder::new().memory(memory).build(&mut store, instance).unwrap();
    guest.func::<(), ()>(&mut store, "__wasm_call_ctors").unwrap().call(&mut store, ()).unwrap();

    let data = guest.func::<(), GuestPtr<u32>>(&mut store, "getData").unwrap();
    let data = data.call(&mut store, ()).unwrap();
    let before = guest.view(&store).slice(data, 10).unwrap();
    assert_eq!(before, [1, 2, 3, 0, 0, 0, 0, 0, 0, 0]);
    let mut view = guest.view_mut(&mut store);
    for (index, value) in (0..).zip(view.slice_mut(data, 10).unwrap()) {
        *value = index;
    }
    let sum = guest.func::<(GuestPtr<u32>, i32), i32>(&mut store, "sum").unwrap();
    assert_eq!(sum.call(&mut store, (data, 10)).unwrap(), 45);
}

#[test]
fn i64_legacy_and_bigint() {
    let mut host = library("i64_legacy");
    let (store, guest) = (&mut host.store, &host.guest);
    let big = guest.func::<(), u32>(&mut *store, "big").unwrap();
    assert_eq!(big.call(&mut *store, ()).unwrap(), 0x5566_7788);
    assert_eq!(*store.data(), 0x1122_3344);
    let mul = guest.func::<(i32, i32, i32, i32), i32>(&mut *store, "mul64").unwrap();
    assert_eq!(mul.call(&mut *store, (-1, -1, 3, 0)).unwrap(), -3);
    assert_eq!(*store.data(), -1);

    let mut host = library("i64_bigint");
    let (store, guest) = (&mut host.store, &host.guest);
    let big = guest.func::<(), i64>(&mut *store, "big").unwrap();
    assert_eq!(big.call(&mut *store, ()).unwrap(), 0x1122_3344_5566_7788);
    let mul = guest.func::<(i64, i64), i64>(&mut *store, "mul64").unwrap();
    assert_eq!(mul.call(&mut *store, (-1, 3)).unwrap(), -3);
}
