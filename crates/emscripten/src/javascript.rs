//! What is JavaScript by nature, and how that is told.

use palisade::{Error, Module};

/// Names, by how they begin, and what they are.
const KINDS: &[(&str, &str)] = &[
    ("emscripten_asm_const", "EM_ASM: JavaScript in the program"),
    ("emscripten_run_script", "runs JavaScript"),
    ("emscripten_async_run_script", "runs JavaScript"),
    ("_embind_", "embind: classes and functions for JavaScript"),
    ("_emval_", "emval: JavaScript values"),
    ("emscripten_gl", "WebGL, by JavaScript"),
    ("emscripten_webgl", "WebGL, by JavaScript"),
    ("emscripten_webgpu", "WebGPU, by JavaScript"),
    ("gl", "OpenGL, by JavaScript"),
    ("egl", "OpenGL, by JavaScript"),
    ("wgpu", "WebGPU, by JavaScript"),
    ("SDL_", "SDL, by JavaScript"),
    ("emscripten_fetch", "fetch, by JavaScript"),
    ("emscripten_start_fetch", "fetch, by JavaScript"),
    ("emscripten_async_wget", "fetch, by JavaScript"),
    ("emscripten_websocket", "WebSockets, by JavaScript"),
    ("emscripten_idb", "IndexedDB, by JavaScript"),
    ("_emscripten_push_main_loop_blocker", "the browser's event loop"),
    ("_emscripten_push_uncounted_main_loop_blocker", "the browser's event loop"),
    ("emscripten_fiber_", "fibers, by asyncify"),
    ("emscripten_scan_registers", "asyncify: the program's own stack"),
    ("emscripten_lazy_load_code", "asyncify: code that is loaded later"),
    ("emscripten_wget", "fetch, by JavaScript"),
    ("emscripten_set_", "HTML5 events, by JavaScript"),
    ("emscripten_get_element", "HTML5, by JavaScript"),
];

/// Whether a name of module `env` is JavaScript by nature.
pub(crate) fn is_javascript(name: &str) -> bool {
    let kind = KINDS.iter().find(|(start, _)| name.starts_with(start));
    // `gl` and `egl` are followed by a capital.
    kind.is_some_and(|(start, _)| match *start {
        "gl" | "egl" | "wgpu" => {
            name[start.len()..].starts_with(|letter: char| letter.is_ascii_uppercase())
        }
        _ => true,
    })
}

/// What an import is that the host does not have.
pub(crate) fn origin(module: &Module, from: &str, name: &str) -> String {
    if from == "gojs" || from == "go" {
        return "Go's interface to JavaScript".into();
    }
    if from.starts_with("__wbindgen") || from == "wbg" || from.ends_with("_bg.js") {
        return "wasm-bindgen's interface to JavaScript".into();
    }
    if module.get_export(&format!("__em_js__{name}")).is_some() {
        return "EM_JS: a JavaScript function of the program".into();
    }
    if from == "env" && is_javascript(name) {
        let kind = KINDS.iter().find(|(start, _)| name.starts_with(start));
        return kind.map_or("JavaScript", |(_, what)| what).into();
    }
    if from == "env" && name.trim_start_matches('_').starts_with("emscripten_") {
        return "a function of Emscripten's JavaScript that this host does not have".into();
    }
    if from == "env" {
        return "not known to this host; perhaps a JavaScript function of the program \
                (EM_JS, --js-library)"
            .into();
    }
    "not known to this host".into()
}

/// What is known of an import that a map says nothing about.
pub(crate) fn unknown(module: &Module, minified: &str) -> String {
    let registers = module.get_export(&format!("__em_js__{minified}")).is_some();
    match registers {
        true => "EM_JS: a JavaScript function of the program".into(),
        false => {
            let nature = "perhaps JavaScript by nature (embind, EM_ASM, EM_JS)";
            format!("the map does not know what it means; {nature}")
        }
    }
}

/// What to do about it.
pub(crate) fn hint(module: &Module) -> Option<String> {
    let any = |test: &dyn Fn(&str, &str) -> bool| {
        module.imports().any(|import| test(import.module(), import.name()))
    };
    if any(&|from, _| from == "gojs" || from == "go") {
        return Some(
            "hint: Go's GOOS=js programs need JavaScript; GOOS=wasip1 programs do not".into(),
        );
    }
    if any(&|from, _| from.starts_with("__wbindgen") || from == "wbg") {
        return Some("hint: wasm-bindgen's programs need the JavaScript that it makes".into());
    }
    Some(
        "hint: what is JavaScript cannot run here; a program that does not call it can run if \
         missing functions become traps (`--stub-missing`, `Imports::stub_missing`)"
            .into(),
    )
}

/// The refusal of minified names.
pub(crate) fn minified(module: &Module) -> Error {
    let count = module.imports().len();
    Error::msg(format!(
        "the names of the module's {count} imports are minified (`a.a` ...), as by emcc -O3: only \
         the JavaScript that was made with the module knows what they mean\n\
         hint: build with -O2 or -g, or as WebAssembly alone (`emcc -o program.wasm`), or take the \
         names from that JavaScript: \
         `palisade emscripten map program.js > map.json`, then `--import-map map.json`"
    ))
}
