//! Messages that help with imports nobody provides.

#![forbid(unsafe_code)]

use crate::types::ImportType;

/// Says which imports are missing, what they should be, and what may have been meant.
pub(crate) fn missing_imports<'a>(
    missing: &[ImportType<'_>],
    known: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> String {
    let count = missing.len();
    let mut message = match count {
        1 => "unknown import".to_owned(),
        _ => format!("{count} unknown imports"),
    };
    message.push(':');
    for import in missing {
        let (module, name) = (import.module(), import.name());
        message.push_str(&format!(
            "\n  `\"{module}\".\"{name}\"`: {} has not been defined",
            import.ty()
        ));
        if let Some((module, name)) = similar(module, name, known.clone()) {
            message.push_str(&format!(" (did you mean `\"{module}\".\"{name}\"`?)"));
        }
    }
    if let Some(hint) = origin(missing) {
        message.push_str(&format!("\nhint: {hint}"));
    }
    message
}

/// A known name that differs in one letter, or in the module only.
fn similar<'a>(
    module: &str,
    name: &str,
    mut known: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Option<(&'a str, &'a str)> {
    let near = known.clone().find(|(m, n)| *m == module && one_edit(n, name));
    let elsewhere = known.clone().find(|(_, n)| *n == name);
    near.or(elsewhere).or_else(|| known.find(|(m, n)| *n == name && one_edit(m, module)))
}

/// Whether one letter inserted, removed, replaced, or swapped with its neighbour turns `a` into `b`.
fn one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let prefix = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[prefix..], &b[prefix..]);
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
    match (a, b) {
        ([], [_]) | ([_], []) | ([_], [_]) => true,
        ([x, y], [v, w]) => x == w && y == v,
        _ => false,
    }
}

/// Where a module with such imports comes from, and what provides them.
fn origin(missing: &[ImportType<'_>]) -> Option<&'static str> {
    let any = |of: &str, test: &dyn Fn(&str) -> bool| {
        missing.iter().any(|import| import.module() == of && test(import.name()))
    };
    let emscripten = |name: &str| {
        name.starts_with("emscripten_")
            || name.starts_with("_emscripten_")
            || name.starts_with("__syscall_")
            || name.starts_with("invoke_")
            || name.starts_with("__cxa_")
            || matches!(name, "sbrk" | "__assert_fail" | "abort" | "setTempRet0" | "getTempRet0")
    };
    let got = missing.iter().any(|import| matches!(import.module(), "GOT.mem" | "GOT.func"));
    if got || any("env", &|name| matches!(name, "__memory_base" | "__table_base")) {
        return Some(
            "this is a shared library (`-shared`, -sSIDE_MODULE), to be linked with its program when that is loaded; \
             dynamic linking is not supported yet",
        );
    }
    if any("env", &emscripten) {
        return Some(
            "this looks like an Emscripten module; its imports come from `palisade_emscripten::add_to_linker`",
        );
    }
    if any("a", &|name| name.len() <= 2) {
        return Some(
            "these names are minified by Emscripten's -O3; only the JavaScript that was generated with the module \
             knows what they mean",
        );
    }
    if any("wasi_snapshot_preview1", &|_| true) || any("wasi_unstable", &|_| true) {
        return Some("WASI functions come from `palisade_wasi::add_to_linker`");
    }
    if any("wasi", &|name| name == "thread-spawn") {
        return Some(
            "this module starts threads, which `palisade_wasi::WasiThreadsBuilder` lets it do, and `--wasi threads` \
             on the command line",
        );
    }
    if any("gojs", &|_| true) || any("go", &|_| true) {
        return Some("this module was built for Go's js/wasm interface, which needs JavaScript");
    }
    if missing.iter().any(|import| import.module().starts_with("__wbindgen")) {
        return Some(
            "this module was built with wasm-bindgen, which needs its generated JavaScript",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::one_edit;

    #[test]
    fn one_edit_is_one_letter() {
        for (a, b) in [("sbrk", "sbrkk"), ("print", "prin"), ("log", "lag"), ("write", "wriet")] {
            assert!(one_edit(a, b), "{a} {b}");
        }
        for (a, b) in [("sbrk", "sbrk"), ("print", "prn2"), ("log", "dig"), ("a", "abc")] {
            assert!(!one_edit(a, b), "{a} {b}");
        }
    }
}
