//! The public API, used as embedders use it.

#![forbid(unsafe_code)]

mod errors;
mod externref;
mod freed;
mod func;
mod global;
mod limits;
mod linker;
mod mappings;
mod memory;
mod pooling;
mod rebind;
mod reuse;
mod segments;
mod stores;
mod table;
mod threads;
mod typed;

use palisade::{Engine, Extern, Instance, Module, Result, Store};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A store without data in an engine of its own.
fn store() -> Store<()> {
    Store::new(&Engine::default(), ())
}

/// Compiles a module for a store.
#[track_caller]
fn module<T>(store: &Store<T>, text: &str) -> Module {
    Module::new(store.engine(), text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Compiles and instantiates a module.
#[track_caller]
fn instantiate<T>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Result<Instance> {
    let module = module(store, text);
    Instance::new(store, &module, imports)
}

/// As [`instantiate`], of a module that works.
#[track_caller]
fn instance<T>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Instance {
    instantiate(store, text, imports).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Asserts the whole chain of messages of an error.
#[track_caller]
fn assert_error<T: Debug>(result: Result<T>, expected: &str) {
    assert_eq!(format!("{:#}", result.unwrap_err()), expected);
}

/// Counts how often a [`Counted`] is dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Something whose drop is counted.
    fn counted(&self) -> Counted {
        Counted(self.clone())
    }
}

struct Counted(Drops);

impl Counted {
    /// Makes a closure that names this value own it.
    fn touch(&self) {}
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}
