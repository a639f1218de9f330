//! Recognising modules that Emscripten has made.

use palisade::{ExternType, Module};

use crate::{ImportMap, host, javascript};

/// Whether a module is one that needs this host: it imports functions that only Emscripten's
/// programs import, or has the start-up functions of one.
///
/// A module built with `-sSTANDALONE_WASM` that imports nothing but WASI is none: WASI is enough
/// for it.
pub fn is_emscripten(module: &Module) -> bool {
    if is_minified(module) {
        return true;
    }
    let exports = |name: &str| matches!(module.get_export(name), Some(ExternType::Func(_)));
    let command = exports("_start") || exports("_initialize");
    if module.imports().any(|import| import.module() == "env" && is_known(import.name())) {
        return true;
    }
    // Its C library's constructors are the host's to call, and the host can use its stack.
    let stack = ["stackSave", "stackAlloc", "_emscripten_stack_restore", "__errno_location"];
    exports("__wasm_call_ctors") && !command && stack.into_iter().any(exports)
}

/// Whether a function of this name is one that Emscripten's programs import.
pub(crate) fn is_known(name: &str) -> bool {
    host::find(name).is_some()
        || name.starts_with("invoke_")
        || name.starts_with("__cxa_")
        || name.starts_with("emscripten_")
        || name.starts_with("_emscripten_")
        || name.starts_with("__syscall_")
        || javascript::is_javascript(name)
        || matches!(name, "setTempRet0" | "getTempRet0" | "_mmap_js" | "__pthread_create_js")
}

/// Whether names of imports are minified, as by Emscripten's `-O3`: only the JavaScript that was
/// made with the module knows what they mean.
pub fn is_minified(module: &Module) -> bool {
    let mut count = 0;
    for import in module.imports() {
        if import.module() != "a" || import.name().len() > 3 {
            return false;
        }
        count += 1;
    }
    count > 0
}

/// Whether it starts threads.
pub(crate) fn is_threaded(module: &Module, map: Option<&ImportMap>) -> bool {
    module.imports().any(|import| {
        let name = map.map_or(import.name(), |map| map.import(import.module(), import.name()));
        matches!(
            name,
            "__pthread_create_js"
                | "__emscripten_init_main_thread_js"
                | "_emscripten_init_main_thread_js"
        )
    })
}

/// Whether it is a part of a program that is linked when it is loaded.
pub(crate) fn is_dynamic(module: &Module) -> bool {
    module.imports().any(|import| {
        matches!(import.module(), "GOT.mem" | "GOT.func")
            || import.module() == "env"
                && matches!(import.name(), "__memory_base" | "__table_base" | "__stack_pointer")
    })
}
