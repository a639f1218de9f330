//! References to exceptions as values: in locals, tables and globals, and on their way to and from the host.

use crate::{Thrown, Trapped, Value, call_export, check, end, engines, exception, instantiate};
use palisade::{Ref, Rooted, Store, Tag, Trap, Val};

/// Makes exceptions, and reads them by throwing them again.
const BOX: &str = "
    (tag $t (export \"tag\") (param i32))
    (global $g (export \"global\") (mut exnref) (ref.null exn))
    (table $tab (export \"table\") 4 exnref)
    (func $make (export \"make\") (param i32) (result exnref)
        (block $h (result exnref)
            (try_table (catch_all_ref $h) (throw $t (local.get 0)))
            (unreachable)))
    (func $open (export \"open\") (param exnref) (result i32)
        (block $h (result i32)
            (try_table (catch $t $h) (throw_ref (local.get 0)))
            (unreachable)))";

#[test]
fn null_traps() {
    let text = "(module
        (func (export \"plain\") (throw_ref (ref.null exn)))
        (func (export \"in a table\")
            (block $h (try_table (catch_all $h) (throw_ref (ref.null exn)))) )
        (func (export \"in a try\")
            (try (do (throw_ref (ref.null exn))) (catch_all)))
        (func (export \"of a local\") (local exnref) (throw_ref (local.get 0))))";
    for name in ["plain", "in a table", "in a try", "of a local"] {
        check(text, &[(name, &[], Trapped(Trap::NullReference))]);
    }
}

#[test]
fn locals_tables_and_globals() {
    let text = format!(
        "(module {BOX}
        (func (export \"locals\") (param i32) (result i32) (local exnref exnref)
            (local.set 1 (call $make (local.get 0)))
            (local.set 2 (call $make (i32.const 5)))
            (i32.sub (call $open (local.get 1)) (call $open (local.get 2))))
        (func (export \"twice\") (param i32) (result i32) (local exnref)
            (local.set 1 (call $make (local.get 0)))
            (i32.add (call $open (local.get 1)) (call $open (local.get 1))))
        (func (export \"global\") (param i32) (result i32)
            (global.set $g (call $make (local.get 0)))
            (drop (call $make (i32.const 1)))
            (call $open (global.get $g)))
        (func (export \"table\") (param i32) (result i32)
            (table.set $tab (i32.const 1) (call $make (local.get 0)))
            (table.fill $tab (i32.const 2) (call $make (i32.const 100)) (i32.const 2))
            (table.copy $tab $tab (i32.const 0) (i32.const 1) (i32.const 3))
            (i32.add (i32.add (call $open (table.get $tab (i32.const 0)))
                    (call $open (table.get $tab (i32.const 1))))
                (call $open (table.get $tab (i32.const 2)))))
        (func (export \"grow\") (param i32) (result i32)
            (call $open (table.get $tab
                (table.grow $tab (call $make (local.get 0)) (i32.const 1)))))
        (func (export \"select\") (param i32 i32) (result i32)
            (call $open (select (result exnref)
                (call $make (i32.const 1)) (call $make (i32.const 2)) (local.get 1))))
        (func (export \"is null\") (param i32) (result i32)
            (i32.add (ref.is_null (call $make (local.get 0))) (ref.is_null (ref.null exn))))
        ;; A handler is given the very exception that was thrown.
        (func (export \"payload\") (param i32) (result i32) (local exnref)
            (local.set 1 (call $make (local.get 0)))
            (block $h (result i32 exnref)
                (try_table (catch_ref $t $h) (throw_ref (local.get 1)))
                (unreachable))
            (call $open) (i32.add))
        (func (export \"non-null\") (param i32) (result i32) (local $e (ref exn))
            (block $h (result (ref exn))
                (try_table (catch_all_ref $h) (throw $t (local.get 0)))
                (unreachable))
            (local.set $e)
            (call $open (local.get $e))))"
    )
    // One export name, two items.
    .replace("(export \"global\") (mut", "(mut")
    .replace("(export \"table\") 4", "4");
    check(
        &text,
        &[
            ("locals", &[12], Value(7)),
            ("twice", &[12], Value(24)),
            ("global", &[13], Value(13)),
            ("table", &[1], Value(201)),
            ("grow", &[14], Value(14)),
            ("select", &[0, 0], Value(2)),
            ("select", &[0, 1], Value(1)),
            ("is null", &[0], Value(1)),
            ("payload", &[15], Value(30)),
            ("non-null", &[16], Value(16)),
        ],
    );
}

/// Exceptions of guests and of the host, passed in all ways that there are.
#[test]
fn to_and_from_the_host() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let guest = instantiate(&mut store, &format!("(module {BOX})"), &[]);
        let tag = guest.get_tag(&mut store, "tag").expect("exported");
        let global = guest.get_global(&mut store, "global").expect("exported");
        let table = guest.get_table(&mut store, "table").expect("exported");
        let made = call_export(&mut store, guest, "make", &[Val::I32(3)]).expect("made")[0];
        let made = made.unwrap_exn_ref().expect("not null");
        assert!(Tag::eq(&made.tag(&mut store).unwrap(), &tag, &store));
        let own = exception(&mut store, &tag, &[Val::I32(4)]);
        assert!(!Rooted::ref_eq(&store, &made, &own).unwrap());
        for (exn, payload) in [(made, 3), (own, 4)] {
            assert_eq!(crate::numbers(&mut store, exn), [payload]);
            let open = |store: &mut Store<()>, value: Val| {
                let result = call_export(store, guest, "open", &[value]);
                end(store, result)
            };
            assert_eq!(open(&mut store, exn.into()), Value(payload));
            assert_eq!(open(&mut store, exn.into()), Value(payload));
            global.set(&mut store, exn.into()).unwrap();
            let value = global.get(&mut store);
            assert_eq!(open(&mut store, value), Value(payload));
            assert!(table.get(&mut store, 3).unwrap().is_null());
            table.set(&mut store, 3, Ref::Exn(Some(exn))).unwrap();
            let found = table.get(&mut store, 3).expect("within the table");
            assert_eq!(open(&mut store, found.into()), Value(payload));
            table.set(&mut store, 3, Ref::Exn(None)).unwrap();
        }
        let null = call_export(&mut store, guest, "open", &[Val::ExnRef(None)]);
        assert_eq!(end(&mut store, null), Trapped(Trap::NullReference));
        let wrong = call_export(&mut store, guest, "open", &[Val::ExternRef(None)]);
        assert_eq!(
            format!("{:#}", wrong.expect_err("another type")),
            "argument 0: type mismatch: expected exnref, found externref"
        );
        let other = instantiate(&mut store, &format!("(module {BOX})"), &[]);
        let result = call_export(&mut store, other, "open", &[own.into()]);
        assert_eq!(end(&mut store, result), Thrown(vec![4]), "its tag is another");
    }
}
