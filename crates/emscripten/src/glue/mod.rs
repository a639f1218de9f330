//! Reading what minified names mean from the JavaScript that emcc has made.
//!
//! That JavaScript is not run. It is searched for the object with the imports and for the places
//! where exports are taken. emcc's own minifier leaves the names of its functions as they are.
//! Where another one has renamed them too (Closure, terser, bundlers), the functions themselves
//! tell what they are: see `rules`. What cannot be told is left open, never guessed.

mod exports;
mod rules;
mod scopes;
mod tokens;
mod traits;

use std::collections::HashSet;

use palisade::{Error, Result};

use crate::ImportMap;
use crate::detect::is_known;
use crate::import_map::{ABORT, RETURN};
use exports::{Exports, by_use, real_name};
use scopes::{Entry, Scopes};

/// Names of exports and imports are not longer, when they are minified.
const SHORT: usize = 3;

/// Finds the names in the JavaScript that emcc has made with a module.
///
/// The imports are an object literal such as `{"b":_fd_write,"a":_emscripten_memcpy_big}`, which
/// the JavaScript gives to the module under the name that follows (`var info={"a":asmLibraryArg}`).
/// The exports are assignments such as `Module["_main"]=...["e"]`.
///
/// Where the JavaScript's own functions are renamed too, as by `--closure 1` or a bundler, each is
/// recognised by what it does. Those that are not, such as functions of the program's own
/// JavaScript, are in the map without a meaning ([`ImportMap::unknown`]).
///
/// # Errors
///
/// When the text has no such object, or one whose names are not minified.
pub fn map_of_javascript(text: &str) -> Result<ImportMap> {
    let scopes = Scopes::new(text);
    let exports = Exports::new(&scopes);
    let mut map = ImportMap::new();
    let (open, imports) = imports(&scopes, &exports)?;
    for (minified, name) in imports {
        match name {
            Some(name) => map.add_import("a", minified, &name),
            None => map.add_unknown("a", minified),
        };
    }
    for (name, minified) in exports.beside(&scopes, open).names(&scopes) {
        map.add_export(&name, &minified);
    }
    Ok(map)
}

fn unknown(what: &str) -> Error {
    Error::msg(format!(
        "this is not JavaScript of a known version of emcc with minified names: {what}"
    ))
}

type Imports<'a> = Vec<(&'a str, Option<String>)>;

/// The imports by their minified names, and where their object is: that of which most is known.
fn imports<'a>(scopes: &Scopes<'a>, exports: &Exports<'a>) -> Result<(usize, Imports<'a>)> {
    let mut best: Option<(usize, usize, Imports<'a>)> = None;
    let tokens = &scopes.tokens;
    let mut whole = (0..tokens.len()).any(|at| tokens.text(at) == "wasi_snapshot_preview1");
    for open in objects(scopes) {
        let Some(entries) = scopes.object(open).filter(|entries| !entries.is_empty()) else {
            continue;
        };
        if entries.iter().any(|entry| entry.key.len() > SHORT) {
            whole |= entries.iter().any(|entry| entry.key.contains("abort"));
            continue;
        }
        let exports = exports.beside(scopes, open);
        let mut names: Imports<'a> =
            entries.iter().map(|entry| (entry.key, import(scopes, &exports, entry))).collect();
        drop_doubles(&mut names);
        let known =
            |name: &Option<String>| name.as_ref().is_some_and(|name| !name.starts_with(RETURN));
        let count = names.iter().filter(|(_, name)| known(name)).count();
        if count > 0 && best.as_ref().is_none_or(|(most, ..)| count > *most) {
            best = Some((count, open, names));
        }
    }
    best.map(|(_, open, names)| (open, names)).ok_or_else(|| match whole {
        true => unknown("its imports are not minified, so no map is needed"),
        false => unknown("it has no object with imports"),
    })
}

/// The braces of objects that may have the imports.
fn objects(scopes: &Scopes<'_>) -> Vec<usize> {
    let tokens = &scopes.tokens;
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for at in 1..tokens.len() {
        // `{a: imports}`, and what emcc names so.
        let key = at >= 2 && tokens.is_mark(at, ":") && matches!(tokens.text(at - 1), "a" | "env");
        let opens = key && matches!(tokens.text(at - 2), "{" | ",");
        let named = tokens.is_mark(at, "=")
            && matches!(tokens.text(at - 1), "asmLibraryArg" | "wasmImports" | "asmLibraryArgs");
        if opens || named {
            found.extend(scopes.object_at(at + 1).filter(|open| seen.insert(*open)));
        }
    }
    found
}

/// What an import means.
fn import(scopes: &Scopes<'_>, exports: &Exports<'_>, entry: &Entry<'_>) -> Option<String> {
    let named = (!entry.method).then(|| scopes.tokens.name(entry.value)).flatten();
    let named = named.filter(|name| !is_keyword(name));
    let telling = named.filter(|name| name.len() > SHORT).map(real_name);
    if let Some(name) = telling.as_deref().filter(|name| is_known(name)) {
        return Some(name.to_owned());
    }
    let found = match scopes.property(entry) {
        Some(function) => rules::name(scopes, exports, &function),
        None => by_use(scopes, named?, None).map(str::to_owned),
    };
    // A name that is not known tells what is missing, at least.
    found.or(telling)
}

fn is_keyword(name: &str) -> bool {
    matches!(name, "function" | "async" | "class" | "this" | "null" | "void")
}

/// Forgets names that more than one import has: at least one of them is wrong.
fn drop_doubles(names: &mut Imports<'_>) {
    let all: Vec<String> = names.iter().filter_map(|(_, name)| name.clone()).collect();
    for (_, name) in names {
        let double = |name: &String| all.iter().filter(|other| *other == name).count() > 1;
        let may = |name: &String| {
            name.starts_with(RETURN)
                || name == ABORT
                || name == rules::EMBIND
                || name.starts_with("invoke_")
        };
        *name = name.take().filter(|name| may(name) || !double(name));
    }
}

#[cfg(test)]
mod tests {
    use super::map_of_javascript;

    #[test]
    fn newer_versions_have_another_form() {
        let text = "function initRuntime(){runtimeInitialized=true;wasmExports[\"c\"]()}\
            function assignWasmExports(wasmExports){Module[\"_main\"]=_main=wasmExports[\"d\"];\
            __emscripten_stack_alloc=wasmExports[\"e\"]}wasmMemory=wasmExports[\"b\"];\
            var wasmImports={a:_fd_write,f:__abort_js};";
        let map = map_of_javascript(text).unwrap();
        assert_eq!((map.import("a", "a"), map.import("a", "f")), ("fd_write", "_abort_js"));
        let names = ["main", "_emscripten_stack_alloc", "memory", "__wasm_call_ctors"];
        assert_eq!(names.map(|name| map.export(name)), ["d", "e", "b", "c"]);
    }
}
