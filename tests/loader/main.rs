//! What happens to bytes that are given to the runtime as a module: good, broken, foreign and very large ones.

#![forbid(unsafe_code)]

mod big;
mod broken;
mod encode;
mod foreign;
mod messages;
mod metadata;
mod unsupported;

use palisade::{Config, Engine, Error, Module};

/// An engine whose compiler does not start threads: these modules are small, and the tests run side by side.
fn engine() -> Engine {
    Engine::new(Config::new().parallel_compilation(false)).unwrap()
}

/// The error that refuses `bytes`, the same from compiling and from mere validation.
#[track_caller]
fn refusal(bytes: &[u8]) -> Error {
    let engine = engine();
    let error = Module::new(&engine, bytes).expect_err("the module is refused");
    let validated = Module::validate(&engine, bytes).expect_err("the module is not valid");
    assert_eq!(format!("{error:?}"), format!("{validated:?}"));
    error
}

/// Asserts that `message` contains each of `parts`.
#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no {part:?} in {message:?}");
    }
}
