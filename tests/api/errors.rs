//! The error type: causes stay reachable, messages are put in front of them, three ways to print.

use crate::instance;
use palisade::error::{Context, ErrorKind};
use palisade::{Engine, Error, Func, Result, Store, Trap, WasmBacktrace, bail, ensure, format_err};
use std::error::Error as StdError;
use std::fmt;

/// A host's error with a cause of its own.
#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl StdError for Outer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

fn parse(text: &str) -> Result<i32> {
    Ok(text.parse::<i32>().map_err(Outer)?)
}

#[test]
fn question_mark_keeps_the_cause() {
    assert_eq!(parse("12").unwrap(), 12);
    let error = parse("x").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Host(_)));
    assert!(error.is::<Outer>() && !error.is::<Trap>() && !error.is::<std::num::ParseIntError>());
    assert_eq!(error.messages(), ["outer", "invalid digit found in string"]);
    let outer = error.downcast::<Outer>().unwrap();
    assert_eq!(outer.0.to_string(), "invalid digit found in string");
    let error = parse("x").unwrap_err().downcast::<Trap>().unwrap_err();
    assert!(error.is::<Outer>(), "unchanged");
}

#[test]
fn three_ways_to_print() {
    let error = parse("x").context("inner context").with_context(|| "outer context").unwrap_err();
    assert_eq!(format!("{error}"), "outer context");
    assert_eq!(
        format!("{error:#}"),
        "outer context: inner context: outer: invalid digit found in string"
    );
    assert_eq!(
        format!("{error:?}"),
        "outer context\n\nCaused by:\n    0: inner context\n    1: outer\n    \
         2: invalid digit found in string"
    );
    assert!(error.is::<Outer>() && matches!(error.kind(), ErrorKind::Host(_)));
    let plain = Error::msg("only this");
    assert_eq!(format!("{plain} {plain:#} {plain:?}"), "only this only this only this");
    let one = plain.context("before");
    assert_eq!(format!("{one:?}"), "before\n\nCaused by:\n    only this");
}

#[test]
fn macros_and_options() {
    fn check(number: i32) -> Result<i32> {
        ensure!(number != 1, "not {number}");
        if number == 2 {
            bail!("nor {}", number);
        }
        (number != 3).then_some(number).context("none")?;
        (number != 4).then_some(number).with_context(|| format!("{number} is none"))
    }
    let message = |number| check(number).map_err(|error| error.to_string());
    assert_eq!(message(0), Ok(0));
    assert_eq!(message(1), Err("not 1".to_owned()));
    assert_eq!(message(2), Err("nor 2".to_owned()));
    assert_eq!(message(3), Err("none".to_owned()));
    assert_eq!(message(4), Err("4 is none".to_owned()));
    assert_eq!(format_err!("{}-{}", 1, 2).to_string(), "1-2");
    assert_eq!(Error::new(fmt::Error).messages(), [fmt::Error.to_string()]);
    assert!(Error::new(fmt::Error).is::<fmt::Error>());
}

#[test]
fn traps_say_what_happened() {
    for (trap, text) in [
        (Trap::StackOverflow, "call stack exhausted"),
        (Trap::MemoryOutOfBounds, "out of bounds memory access"),
        (Trap::TableOutOfBounds, "undefined element: out of bounds table access"),
        (Trap::IndirectCallToNull, "uninitialized element"),
        (Trap::BadSignature, "indirect call type mismatch"),
        (Trap::IntegerOverflow, "integer overflow"),
        (Trap::IntegerDivisionByZero, "integer divide by zero"),
        (Trap::BadConversionToInteger, "invalid conversion to integer"),
        (Trap::UnreachableCodeReached, "wasm `unreachable` instruction executed"),
    ] {
        assert_eq!(trap.to_string(), format!("wasm trap: {text}"));
        let error = Error::from(trap);
        assert!(matches!(error.kind(), ErrorKind::Trap(same) if *same == trap));
        assert_eq!(error.downcast_ref(), Some(&trap));
        assert_eq!(error.downcast::<Trap>().unwrap(), trap);
    }
    let codes: Vec<Option<Trap>> = Trap::ALL.iter().map(|t| Trap::from_code(t.code())).collect();
    assert!(codes.iter().zip(Trap::ALL).all(|(found, trap)| *found == Some(*trap)));
    assert_eq!(Trap::from_code(0), None);
}

/// A guest whose `f` calls a host function through `g`.
const CALLS: &str = r#"(module $guest (import "" "" (func $host))
    (func $g (call $host)) (func (export "f") (call $g)))"#;

/// The error that a host function's `error` becomes on its way through a guest.
fn through_guest(error: impl Fn() -> Error + Send + Sync + 'static) -> Error {
    let mut store = Store::new(&Engine::default(), ());
    let host = Func::wrap(&mut store, move || Err::<(), Error>(error()));
    let guest = instance(&mut store, CALLS, &[host.into()]);
    let f = guest.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    f.call(&mut store, ()).unwrap_err()
}

#[test]
fn host_errors_pass_through_guests() {
    let error = through_guest(|| parse("x").context("on the way").unwrap_err());
    assert!(error.is::<Outer>() && error.is::<WasmBacktrace>());
    assert_eq!(error.messages(), ["on the way", "outer", "invalid digit found in string"]);
    let names: Vec<_> =
        error.backtrace().unwrap().frames().iter().map(|frame| frame.func_name()).collect();
    assert_eq!(names, [Some("g"), None]);
    let shown = format!("{error:?}");
    let expected = "on the way\n\nCaused by:\n    0: outer\n    1: invalid digit found in string\n    \
                    2: wasm backtrace:\n";
    assert!(shown.starts_with(expected), "{shown}");
    assert!(shown.contains("guest!g"), "{shown}");
    assert_eq!(format!("{error:#}").lines().count(), 1);
    let trace = error.downcast::<WasmBacktrace>().unwrap();
    assert_eq!(trace.frames().len(), 2);
}

#[test]
fn traps_of_host_functions_are_traps() {
    let error = through_guest(|| Trap::IntegerOverflow.into());
    assert!(matches!(error.kind(), ErrorKind::Trap(Trap::IntegerOverflow)));
    assert!(error.is::<WasmBacktrace>());
    assert_eq!(error.to_string(), "wasm trap: integer overflow");
    assert_eq!(error.downcast::<Trap>().unwrap(), Trap::IntegerOverflow);
}
