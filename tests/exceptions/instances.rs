//! Exceptions between instances: tags are told apart by identity, not by name or type.

use crate::{End, Thrown, Value, engines, instantiate, run};
use palisade::{Engine, Extern, ExternType, Instance, Module, Store, Tag, TagType};

/// Throws its own tags: `a` and `b`, of one type.
const THROWER: &str = "(module
    (tag $a (export \"a\") (param i32)) (tag $b (export \"b\") (param i32))
    (func (export \"throw a\") (param i32) (throw $a (local.get 0)))
    (func (export \"throw b\") (param i32) (throw $b (local.get 0))))";

/// Imports two tags and a function that throws; `how` tells which clause has caught.
const CATCHER: &str = "(module
    (import \"\" \"a\" (tag $a (param i32)))
    (import \"\" \"b\" (tag $b (param i32)))
    (import \"\" \"throw\" (func $throw (param i32)))
    (tag $own (param i32))
    (func (export \"new\") (param i32) (result i32)
        (block $a (result i32)
            (block $b (result i32)
                (try_table (catch $own $a) (catch $b $b) (catch $a $a)
                    (call $throw (local.get 0)))
                (return (i32.const 0)))
            (return (i32.add (i32.const 2000))))
        (i32.add (i32.const 1000)))
    (func (export \"old\") (param i32) (result i32)
        (try (result i32)
            (do (call $throw (local.get 0)) (i32.const 0))
            (catch $own (unreachable))
            (catch $b (i32.add (i32.const 2000)))
            (catch $a (i32.add (i32.const 1000)))))
    (func (export \"throw again\") (param i32)
        (try (do (call $throw (local.get 0))) (catch $a (throw $b)))))";

fn export(store: &mut Store<()>, instance: Instance, name: &str) -> Extern {
    instance.get_export(store, name).expect("exported")
}

fn catcher(store: &mut Store<()>, imports: [Extern; 3]) -> Instance {
    instantiate(store, CATCHER, &imports)
}

#[track_caller]
fn assert_ends(store: &mut Store<()>, catcher: Instance, expected: &End) {
    for name in ["new", "old"] {
        assert_eq!(run(store, catcher, name, &[5]), *expected, "{name}");
    }
}

#[test]
fn tags_are_told_by_identity() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        // The same module twice: its tags are others each time.
        let [one, two] = [(); 2].map(|()| instantiate(&mut store, THROWER, &[]));
        let mut of = |instance, name| export(&mut store, instance, name);
        let (a, b) = (of(one, "a"), of(one, "b"));
        let throws = [of(one, "throw a"), of(one, "throw b"), of(two, "throw a")];
        let cases = [
            ([a.clone(), b.clone()], [Value(1005), Value(2005), Thrown(vec![5])]),
            ([b.clone(), a.clone()], [Value(2005), Value(1005), Thrown(vec![5])]),
            // One tag under two names: the first clause that names it.
            ([a.clone(), a.clone()], [Value(2005), Thrown(vec![5]), Thrown(vec![5])]),
            ([b.clone(), b.clone()], [Thrown(vec![5]), Value(2005), Thrown(vec![5])]),
        ];
        for ([a, b], ends) in cases {
            for (throw, expected) in throws.clone().into_iter().zip(&ends) {
                let catcher = catcher(&mut store, [a.clone(), b.clone(), throw]);
                assert_ends(&mut store, catcher, expected);
            }
        }
        let tags = [a, b].map(|item| item.into_tag().expect("a tag"));
        let other = two.get_tag(&mut store, "a").expect("exported");
        assert!(Tag::eq(&tags[0], &tags[0], &store));
        assert!(!Tag::eq(&tags[0], &tags[1], &store));
        assert!(!Tag::eq(&tags[0], &other, &store));
    }
}

/// Through many instances, each of which looks at it, to one that knows the tag.
#[test]
fn through_instances_that_do_not_know_the_tag() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let [known, other] = [(); 2].map(|()| instantiate(&mut store, THROWER, &[]));
        let [a, b] = ["a", "b"].map(|name| export(&mut store, known, name));
        let [other_a, other_b] = ["a", "b"].map(|name| export(&mut store, other, name));
        let mut throw = export(&mut store, known, "throw a");
        for _ in 0..10 {
            let between = catcher(&mut store, [other_a.clone(), other_b.clone(), throw]);
            throw = export(&mut store, between, "throw again");
        }
        let outermost = catcher(&mut store, [a.clone(), b.clone(), throw]);
        assert_ends(&mut store, outermost, &Value(1005));
        // Every instance on the way throws another exception in its place.
        let mut throw = export(&mut store, known, "throw a");
        let mut tags = (a.clone(), b.clone());
        for _ in 0..9 {
            let between = catcher(&mut store, [tags.0.clone(), tags.1.clone(), throw]);
            throw = export(&mut store, between, "throw again");
            tags = (tags.1, tags.0);
        }
        let outermost = catcher(&mut store, [a, b, throw]);
        assert_ends(&mut store, outermost, &Value(2005));
    }
}

/// An imported tag that is exported again, and one that the host has made, are what they were.
#[test]
fn tags_passed_on() {
    let text = "(module (import \"\" \"\" (tag $t (param i32)))
        (export \"a\" (tag $t))
        (func (export \"throw\") (param i32) (throw $t (local.get 0))))";
    let mut store = Store::new(&Engine::default(), ());
    let ty = Module::new(store.engine(), THROWER).expect("valid").get_export("a");
    let Some(ExternType::Tag(ty)) = ty else { panic!("it is a tag: {ty:?}") };
    let [tag, unused] = [(); 2].map(|()| Tag::new(&mut store, &ty).expect("a tag"));
    assert_eq!(tag.ty(&store), ty);
    let passes = instantiate(&mut store, text, &[tag.into()]);
    let exported = passes.get_tag(&mut store, "a").expect("exported");
    assert!(Tag::eq(&tag, &exported, &store));
    let throw = export(&mut store, passes, "throw");
    for tag in [tag, exported] {
        let guest = catcher(&mut store, [tag.into(), unused.into(), throw.clone()]);
        assert_ends(&mut store, guest, &Value(1005));
    }
    let guest = catcher(&mut store, [unused.into(), unused.into(), throw]);
    assert_ends(&mut store, guest, &Thrown(vec![5]));
}

#[test]
fn imported_tags_have_one_type() {
    let mut store = Store::new(&Engine::default(), ());
    let tags = ["(param i64)", "", "(param i32 i32)"].map(|params| {
        let text = format!("(module (tag (export \"t\") {params}))");
        let instance = instantiate(&mut store, &text, &[]);
        export(&mut store, instance, "t")
    });
    let module = Module::new(store.engine(), "(module (import \"m\" \"t\" (tag (param i32))))");
    let module = module.expect("valid");
    for tag in tags {
        let found = tag.ty(&store);
        let expected: &TagType = found.unwrap_tag();
        let error = Instance::new(&mut store, &module, &[tag]).expect_err("another type");
        let message =
            format!("expected {}, found {expected}", module.imports().next().unwrap().ty());
        assert!(format!("{error:#}").ends_with(&message), "{error:#} and {message}");
    }
}

/// Tags that are told by indices at both ends of a large module.
#[test]
fn ten_thousand_tags() {
    const TAGS: usize = 10_000;
    let tags: String = (0..TAGS).map(|tag| format!("(tag $t{tag} (export \"{tag}\"))")).collect();
    let text = format!(
        "(module {tags}
            (func (export \"first\") (throw $t0))
            (func (export \"last\") (throw $t9999))
            (func (export \"run\") (param i32) (result i32)
                (block $last
                    (block $first
                        (try_table (catch $t0 $first) (catch $t9999 $last)
                            (if (i32.eqz (local.get 0)) (then (throw $t0)))
                            (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $t9999)))
                            (throw $t5000))
                        (unreachable))
                    (return (i32.const 1)))
                (i32.const 2)))"
    );
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let guest = instantiate(&mut store, &text, &[]);
        for (param, expected) in [(0, Value(1)), (1, Value(2)), (2, Thrown(vec![]))] {
            assert_eq!(run(&mut store, guest, "run", &[param]), expected);
        }
        for (name, tag) in [("first", "0"), ("last", "9999")] {
            let func = guest.get_func(&mut store, name).expect("exported");
            func.call(&mut store, &[], &mut []).expect_err("not caught");
            let thrown = store.take_pending_exception().expect("the error stands for it");
            let (thrown, tag) = (thrown.tag(&mut store).unwrap(), guest.get_tag(&mut store, tag));
            assert!(Tag::eq(&thrown, &tag.expect("exported"), &store));
        }
    }
}
