//! Reading what minified names mean from the JavaScript that emcc has made.
//!
//! That JavaScript is not run: it is searched for the two forms in which emcc writes the names
//! down. Where neither is found, that is said.

use palisade::{Error, Result};

use crate::ImportMap;

/// Finds the names in the JavaScript that emcc has made with a module.
///
/// The imports are an object literal such as `{"b":_fd_write,"a":_emscripten_memcpy_big}`, which
/// the JavaScript gives to the module under the name that follows (`var info={"a":asmLibraryArg}`).
/// The exports are assignments such as `Module["_main"]=...["e"]`.
///
/// # Errors
///
/// When the text has no such object, as after a minifier that has renamed the JavaScript's own
/// functions too (`--closure 1`).
pub fn map_of_javascript(text: &str) -> Result<ImportMap> {
    let mut map = ImportMap::new();
    for (minified, name) in imports(text)? {
        map.add_import("a", &minified, &name);
    }
    for (name, minified) in exports(text) {
        map.add_export(&name, &minified);
    }
    Ok(map)
}

fn unknown(what: &str) -> Error {
    Error::msg(format!(
        "this is not JavaScript of a known version of emcc with minified names: {what}"
    ))
}

/// The entries of the object with the imports: minified and real names.
fn imports(text: &str) -> Result<Vec<(String, String)>> {
    let names = ["asmLibraryArg", "wasmImports", "asmLibraryArgs"];
    let start = names.iter().find_map(|name| {
        ["=", " = "].iter().find_map(|equals| {
            let at = text.find(&format!("{name}{equals}{{"))?;
            Some(at + name.len() + equals.len() + 1)
        })
    });
    let start = start.ok_or_else(|| unknown("it has no object with imports"))?;
    let end = text[start..].find('}').ok_or_else(|| unknown("the object does not end"))? + start;
    let mut found = Vec::new();
    for entry in text[start..end].split(',') {
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let Some((minified, function)) = entry.split_once(':') else {
            return Err(unknown("an import has no name of its own"));
        };
        let minified = minified.trim().trim_matches(['"', '\'']);
        let function = function.trim();
        if !is_identifier(function) || !is_identifier(minified) {
            return Err(unknown("an import is not the name of a function"));
        }
        found.push((minified.to_owned(), real_name(function)));
    }
    if found.iter().all(|(minified, _)| minified.len() > 3) {
        return Err(unknown("its names are not minified"));
    }
    if found.iter().all(|(_, name)| name.len() <= 2) {
        return Err(unknown("its own functions are renamed too"));
    }
    Ok(found)
}

/// The import that a function of the JavaScript is for: C's functions have one underscore more.
fn real_name(function: &str) -> String {
    match function {
        "wasmMemory" => "memory".into(),
        "wasmTable" => "__indirect_function_table".into(),
        name => name.strip_prefix('_').unwrap_or(name).into(),
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$')
}

/// Real and minified names of exports.
fn exports(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    // What is taken of the exports: `Module["asm"]["e"]`, `wasmExports["e"]`, `asm["e"]`, in an
    // assignment or the body of a function that is assigned.
    for object in ["Module[\"asm\"][\"", "wasmExports[\"", "asm[\"", "Module['asm']['"] {
        let mut from = 0;
        while let Some(at) = text[from..].find(object) {
            let name_at = from + at + object.len();
            from = name_at;
            let Some(end) = text[name_at..].find(['"', '\'']) else { break };
            let minified = &text[name_at..name_at + end];
            let called = text[name_at + end..].get(2..).is_some_and(|rest| rest.starts_with("()"));
            let name = match assigned(&text[..name_at - object.len()]) {
                Some(name) => name,
                // Newer versions call one function without naming it.
                None if called => "__wasm_call_ctors".into(),
                None => continue,
            };
            let known = found.iter().any(|(known, _)| *known == name);
            if is_identifier(minified) && !known {
                found.push((name, minified.to_owned()));
            }
        }
    }
    found
}

/// The name that is assigned to at the end of `text`, which the export follows.
fn assigned(text: &str) -> Option<String> {
    // The statement that it ends, as `return(_main=Module["_main"]=`.
    let from = text.len().saturating_sub(200);
    let tail = text.get(from..).or_else(|| text.get(from + 1..))?;
    let tail = tail.rsplit([';', '{', '}', '(', ',']).next()?;
    let (target, _) = tail.split_once('=')?;
    let target = target.trim();
    let target = target.strip_prefix("var ").unwrap_or(target).trim();
    let target = match target.split_once("[\"") {
        Some((_, name)) => name.strip_suffix("\"]")?,
        None => target,
    };
    if !is_identifier(target) {
        return None;
    }
    match target {
        "wasmMemory" => Some("memory".into()),
        "wasmTable" => Some("__indirect_function_table".into()),
        // What the JavaScript names without an underscore has none in C.
        name => Some(name.strip_prefix('_').unwrap_or(name).into()),
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
