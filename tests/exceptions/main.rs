//! Exceptions: thrown and caught by guests, by the host and across both, in both forms of the proposal.
//!
//! Guests run with and without optimisation and must do the same. Most tests are a module and a table of calls with the
//! value, exception or trap that each must end with; every call is made twice, as an exception leaves nothing behind.

#![forbid(unsafe_code)]

mod depth;
mod failures;
mod host;
mod instances;
mod legacy;
mod limits;
mod live;
mod memory;
mod payloads;
mod references;
mod try_table;

use palisade::{
    AsContextMut, Config, Engine, Error, ExnRef, ExnRefPre, ExnType, Extern, Func, Instance,
    Module, OptLevel, Result, Rooted, Store, Tag, ThrownException, Trap, Val,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Engines with and without optimisation, which check their intermediate code.
fn engines() -> [Engine; 2] {
    [OptLevel::None, OptLevel::Speed].map(|level| {
        let mut config = Config::new();
        config.cranelift_opt_level(level).cranelift_debug_verifier(true);
        Engine::new(&config).expect("an engine")
    })
}

/// How a call of a guest ends.
#[derive(Debug, Clone, PartialEq)]
enum End {
    /// It returns.
    Value(i32),
    /// It throws an exception that carries these values.
    Thrown(Vec<i32>),
    /// It traps.
    Trapped(Trap),
}

use End::{Thrown, Trapped, Value};

/// Compiles `text`, in which older `try`s may be folded.
fn module(engine: &Engine, text: &str) -> Result<Module> {
    Module::new(engine, unfold_tries(text))
}

/// Writes `(try (do A) (catch $t B) (catch_all C))` as `try A catch $t B catch_all C end`, and
/// `(try (do A) (delegate 0))` as `try A delegate 0`: the parser of text knows only these.
fn unfold_tries(text: &str) -> String {
    let (mut unfolded, mut open) = (String::new(), Vec::new());
    for piece in text.split_inclusive(['(', ')']) {
        // Behind an opening parenthesis a piece begins with the word that tells what was opened.
        let (inner, end) = piece.split_at(piece.len() - usize::from(piece.ends_with(['(', ')'])));
        if unfolded.ends_with('(') {
            let word = inner.split_whitespace().next().unwrap_or("");
            let in_try = open.last().is_some_and(|(word, _)| *word == "try");
            let clause = in_try && ["do", "catch", "catch_all", "delegate"].contains(&word);
            if clause || word == "try" {
                unfolded.pop();
            }
            if word == "delegate" {
                open.last_mut().expect("it is in a try").1 = true;
            }
            open.push((if clause { "clause" } else { word }, false));
            unfolded += if word == "do" { &inner[2..] } else { inner };
        } else {
            unfolded += inner;
        }
        unfolded += match (end, open.last()) {
            (")", Some(("try", false))) => " end ",
            (")", Some(("try" | "clause", _))) => " ",
            _ => end,
        };
        if end == ")" {
            open.pop();
        }
    }
    unfolded
}

/// An instance of `text` in `store`.
#[track_caller]
fn instantiate<T: 'static>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Instance {
    let module = module(store.engine(), text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    Instance::new(store, &module, imports).unwrap_or_else(|e| panic!("{text}: {e:?}"))
}

/// Calls a function; all its results.
fn call(mut store: impl AsContextMut, func: Func, params: &[Val]) -> Result<Vec<Val>> {
    let ty = func.ty(&store);
    let mut results: Vec<Val> = ty.results().map(|_| Val::I32(0)).collect();
    func.call(&mut store, params, &mut results)?;
    Ok(results)
}

/// Calls an export; all its results.
#[track_caller]
fn call_export<T: 'static>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    params: &[Val],
) -> Result<Vec<Val>> {
    let func = instance.get_func(&mut *store, name).unwrap_or_else(|| panic!("{name} is missing"));
    call(store, func, params)
}

/// Calls an export from `i32`s to at most one `i32`.
#[track_caller]
fn run<T: 'static>(store: &mut Store<T>, instance: Instance, name: &str, params: &[i32]) -> End {
    let params: Vec<Val> = params.iter().map(|value| Val::I32(*value)).collect();
    let result = call_export(store, instance, name, &params);
    end(store, result)
}

/// What a result means; takes the pending exception.
#[track_caller]
fn end<T: 'static>(store: &mut Store<T>, result: Result<Vec<Val>>) -> End {
    let error = match result {
        Ok(values) => return Value(values.first().map_or(0, Val::unwrap_i32)),
        Err(error) => error,
    };
    if error.is::<ThrownException>() {
        let exception = store.take_pending_exception().expect("the error stands for it");
        return Thrown(numbers(store, exception));
    }
    assert!(!store.has_pending_exception(), "{error:?}");
    Trapped(trap(&error))
}

/// The values that an exception carries, which must be `i32`s.
fn numbers(store: impl AsContextMut, exception: Rooted<ExnRef>) -> Vec<i32> {
    let fields = exception.fields(store).expect("rooted");
    fields.iter().map(Val::unwrap_i32).collect()
}

/// The trap that an error is.
#[track_caller]
fn trap(error: &Error) -> Trap {
    *error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("not a trap: {error:?}"))
}

/// Calls exports of `text`, a module without imports, on all engines.
#[track_caller]
fn check(text: &str, cases: &[(&str, &[i32], End)]) {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let instance = instantiate(&mut store, text, &[]);
        for (name, params, expected) in cases.iter().chain(cases) {
            let found = run(&mut store, instance, name, params);
            assert_eq!(found, *expected, "{name} {params:?}");
        }
    }
}

/// Makes an exception.
fn exception(mut store: impl AsContextMut, tag: &Tag, fields: &[Val]) -> Rooted<ExnRef> {
    let ty = ExnType::from_tag_type(&tag.ty(&store)).expect("a tag's type");
    let allocator = ExnRefPre::new(&mut store, ty);
    ExnRef::new(&mut store, &allocator, tag, fields).expect("the fields fit")
}

/// Counts how often a [`Counted`] is dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn counted(&self) -> Counted {
        Counted(self.clone())
    }
}

/// Something whose drop is counted.
struct Counted(Drops);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}
