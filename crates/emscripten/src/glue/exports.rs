//! Real and minified names of exports, by how JavaScript takes them.

use std::collections::HashMap;
use std::ops::Range;

use super::scopes::Scopes;

/// An assignment of an export: the names that get it, and the export's own.
#[derive(Clone)]
struct Taken<'a> {
    /// Variables, and where what they get begins.
    targets: Vec<(&'a str, usize)>,
    /// Of the targets, those that are properties: these keep their names.
    properties: Vec<&'a str>,
    minified: &'a str,
    /// How the object with the exports is called there.
    object: &'a str,
    block: Option<usize>,
    at: usize,
}

/// What a text takes of a module's exports.
pub(super) struct Exports<'a> {
    taken: Vec<Taken<'a>>,
    /// The tokens of the module's part of the text.
    part: Range<usize>,
}

impl<'a> Exports<'a> {
    /// All that a text has.
    pub(super) fn new(scopes: &Scopes<'a>) -> Exports<'a> {
        Exports { taken: assignments(scopes), part: 0..scopes.tokens.len() }
    }

    /// Those of the module that gets the imports whose object is at `open`: a text can have
    /// several, each in a function of its own.
    pub(super) fn beside(&self, scopes: &Scopes<'a>, open: usize) -> Exports<'a> {
        let mut block = scopes.block(open);
        while let Some(brace) = block {
            let end = scopes.tokens.partner(brace).unwrap_or(usize::MAX);
            let inside = |one: &&Taken<'a>| (brace..end).contains(&one.at);
            let taken = self.taken.iter().filter(inside).cloned().collect();
            let taken = of_one_object(scopes, taken);
            if !taken.is_empty() {
                return Exports { taken, part: brace..end.min(scopes.tokens.len()) };
            }
            block = scopes.block(brace);
        }
        Exports { taken: of_one_object(scopes, self.taken.clone()), part: self.part.clone() }
    }

    /// The property with a telling name that a variable with an export is, too.
    pub(super) fn name_of(&self, variable: &str) -> Option<&'a str> {
        let is = |one: &&Taken<'a>| one.targets.iter().any(|(target, _)| *target == variable);
        let one = self.taken.iter().find(is)?;
        one.properties.first().copied()
    }

    /// The export that each thread calls for its variables: `inits.push(exports.n)`.
    fn thread_locals(&self, scopes: &Scopes<'a>) -> Option<&'a str> {
        let tokens = &scopes.tokens;
        let object = self.taken.first()?.object;
        self.part.clone().find_map(|at| {
            let key = tokens.name(at + 4)?;
            let pushed = tokens.name(at) == Some("push")
                && tokens.is_mark(at + 1, "(")
                && tokens.name(at + 2) == Some(object)
                && tokens.is_mark(at + 3, ".")
                && tokens.is_mark(at + 5, ")");
            (pushed && key.len() <= super::SHORT).then_some(key)
        })
    }

    /// Real and minified names.
    pub(super) fn names(&self, scopes: &Scopes<'_>) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut add = |name: String, minified: &str| {
            if !found.iter().any(|(known, _)| *known == name) {
                found.push((name, minified.to_owned()));
            }
        };
        for one in &self.taken {
            let variables = one.targets.iter().map(|(target, _)| target);
            for target in one.properties.iter().chain(variables) {
                let name = real_name(target);
                if name.len() > 3 {
                    add(name, one.minified);
                }
            }
        }
        for one in &self.taken {
            for target in &one.targets {
                if let Some(name) = by_use(scopes, target.0, Some(target.1)) {
                    add(name.into(), one.minified);
                }
            }
        }
        if let Some(minified) = self.thread_locals(scopes) {
            found.push(("_emscripten_tls_init".into(), minified.into()));
        }
        let memory = found.iter().find(|(name, _)| name == "memory");
        let next = memory.and_then(|(_, minified)| successor(minified));
        let next = next.filter(|next| !self.taken.iter().any(|one| one.minified == *next));
        // Constructors are exported next to the memory.
        let calls = constructors(scopes, &self.taken, &self.part);
        let minified = match next {
            Some(next) if calls.is_empty() || calls.contains(&&next[..]) => Some(next),
            _ => calls.first().map(|minified| (*minified).to_owned()),
        };
        if let Some(minified) = minified
            && !found.iter().any(|(name, _)| name == "__wasm_call_ctors")
        {
            found.push(("__wasm_call_ctors".into(), minified));
        }
        found
    }
}

/// The name in C of what the JavaScript names so: it has an underscore less.
pub(super) fn real_name(target: &str) -> String {
    match target {
        "wasmMemory" => "memory".into(),
        "wasmTable" => "__indirect_function_table".into(),
        name => name.strip_prefix('_').unwrap_or(name).into(),
    }
}

/// All assignments of what looks as an export: `Module["_main"] = main = exports["d"]`, also
/// in a function that puts itself in its own place (`(main = Module._main = asm.d).apply`).
fn assignments<'a>(scopes: &Scopes<'a>) -> Vec<Taken<'a>> {
    let tokens = &scopes.tokens;
    let mut all: Vec<Taken<'a>> = Vec::new();
    for at in 1..tokens.len() {
        if !tokens.is_mark(at, "=") || tokens.name(at + 1).is_none() {
            continue;
        }
        // The value: names up to a short last one.
        let mut end = at + 1;
        let (mut object, mut last) = (tokens.text(at + 1), None);
        loop {
            if tokens.is_mark(end + 1, ".") && tokens.name(end + 2).is_some() {
                object = last.unwrap_or(object);
                last = tokens.name(end + 2);
                end += 2;
            } else if tokens.is_mark(end + 1, "[")
                && tokens.string(end + 2).is_some()
                && tokens.is_mark(end + 3, "]")
            {
                object = last.unwrap_or(object);
                last = tokens.string(end + 2);
                end += 3;
            } else {
                break;
            }
        }
        let Some(minified) = last.filter(|name| name.len() <= 3) else { continue };
        if !matches!(tokens.text(end + 1), "," | ";" | ")" | "}" | "") {
            continue;
        }
        let (targets, properties) = targets(scopes, at);
        if !targets.is_empty() || !properties.is_empty() {
            let block = scopes.block(at);
            all.push(Taken { targets, properties, minified, object, block, at });
        }
    }
    all
}

/// Of assignments, those of exports.
fn of_one_object<'a>(scopes: &Scopes<'a>, mut all: Vec<Taken<'a>>) -> Vec<Taken<'a>> {
    // Exports are those of the object that names with an underscore are taken from.
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for one in &all {
        let variables = one.targets.iter().map(|(target, _)| target);
        let mut names = one.properties.iter().chain(variables);
        if names.any(|name| name.starts_with('_') && name.len() > super::SHORT) {
            *counts.entry(one.object).or_default() += 1;
        }
    }
    let Some((object, _)) = counts.into_iter().max_by_key(|(object, count)| (*count, *object))
    else {
        return Vec::new();
    };
    // Next to them it may have another name: `taken = exports`.
    let other = holders(scopes);
    let blocks: Vec<Option<usize>> =
        all.iter().filter(|one| one.object == object).map(|one| one.block).collect();
    all.retain(|one| {
        one.object == object || other.contains(&one.object) && blocks.contains(&one.block)
    });
    all
}

/// The targets of the assignments that end at `at`, an equals sign: variables with where what
/// they get begins, and properties.
fn targets<'a>(scopes: &Scopes<'a>, mut at: usize) -> (Vec<(&'a str, usize)>, Vec<&'a str>) {
    let tokens = &scopes.tokens;
    let (mut variables, mut properties) = (Vec::new(), Vec::new());
    while tokens.is_mark(at, "=") && at > 0 {
        let end = at - 1;
        let start = if tokens.is_mark(end, "]") && end >= 3 {
            let Some(name) = tokens.string(end - 1) else { break };
            properties.push(name);
            end - 3
        } else if let Some(name) = tokens.name(end) {
            if end >= 2 && tokens.is_mark(end - 1, ".") {
                properties.push(name);
                end - 2
            } else {
                variables.push((name, at + 1));
                end
            }
        } else {
            break;
        };
        if start == 0 {
            break;
        }
        at = start - 1;
    }
    (variables, properties)
}

/// What a variable without a telling name is, by what is done with it; if given, with the one
/// that gets its value at `value`, and not with others of its name.
pub(super) fn by_use<'a>(
    scopes: &Scopes<'a>,
    variable: &'a str,
    value: Option<usize>,
) -> Option<&'static str> {
    let tokens = &scopes.tokens;
    let same = |at: usize| value.is_none_or(|value| scopes.values(variable, at).contains(&value));
    scopes.places(variable).iter().copied().filter(|at| *at > 0).find_map(|at| {
        if !same(at) {
            return None;
        }
        let next: [&str; 6] = std::array::from_fn(|i| tokens.text(at + 1 + i));
        match next {
            [".", "buffer", ..] => Some("memory"),
            [".", "get", "(", ..] => Some("__indirect_function_table"),
            ["(", "65536", ..] => Some("emscripten_builtin_memalign"),
            ["(", "1", ",", "0", ")", ..] => Some("setThrew"),
            ["(", "0", ")", ",", "0", _] if tokens.text(at - 1) == "return" => {
                Some("_emscripten_tempret_set")
            }
            ["(", _, ",", _, ",", _] if ends_with_sixteen(scopes, at + 1) => {
                Some("__cxa_can_catch")
            }
            ["(", "4", "*", "(", ..] => Some("_emscripten_stack_alloc"),
            ["(", _, ",", "!", "0" | "1", ","] if arguments(scopes, at + 1) == 6 => {
                Some("_emscripten_thread_init")
            }
            _ => in_wrapper(scopes, at)
                .or_else(|| in_invoke(scopes, at))
                .or_else(|| in_catch(scopes, at)),
        }
    })
}

/// How many arguments there are in the parentheses at `open`.
fn arguments(scopes: &Scopes<'_>, open: usize) -> usize {
    let Some(close) = scopes.tokens.partner(open) else { return 0 };
    let (mut at, mut count) = (open + 1, 0);
    while at < close {
        count += 1;
        at = scopes.tokens.end_of_expression(at) + 1;
    }
    count
}

/// Whether the last argument is of the form `info.ptr + 16`.
fn ends_with_sixteen(scopes: &Scopes<'_>, open: usize) -> bool {
    let tokens = &scopes.tokens;
    tokens.partner(open).is_some_and(|close| {
        close - open < 16 && tokens.is_mark(close - 2, "+") && tokens.text(close - 1) == "16"
    })
}

/// `caught.push(info); variable(pointer)`, `info = caught.pop(); variable(info.pointer)`
fn in_catch(scopes: &Scopes<'_>, at: usize) -> Option<&'static str> {
    let tokens = &scopes.tokens;
    let before = at.checked_sub(2)?;
    // `variable(pointer); return other(pointer)`
    if tokens.name(at - 1) == Some("return") && before > 4 {
        let call = before - 4;
        let same = tokens.is_mark(before - 1, ")")
            && tokens.is_mark(before - 3, "(")
            && tokens.is_mark(at + 1, "(")
            && tokens.text(before - 2) == tokens.text(at + 2);
        let counts = in_catch(scopes, call) == Some("__cxa_increment_exception_refcount");
        return (same && counts).then_some("__cxa_get_exception_ptr");
    }
    let follows = matches!(tokens.text(at - 1), "," | ";") && tokens.is_mark(before, ")");
    if !follows || !tokens.is_mark(at + 1, "(") {
        return None;
    }
    let open = tokens.partner(before)?;
    let given = tokens.partner(at + 1)? - at;
    match tokens.name(open.checked_sub(1)?)? {
        "push" if given == 3 && before - open == 2 => Some("__cxa_increment_exception_refcount"),
        "pop" if given == 5 && before - open == 1 => Some("__cxa_decrement_exception_refcount"),
        _ => None,
    }
}

/// `Module.stackSave = () => variable()`
fn in_wrapper(scopes: &Scopes<'_>, at: usize) -> Option<&'static str> {
    let tokens = &scopes.tokens;
    let arrow = at.checked_sub(1).filter(|at| tokens.is_mark(*at, "=>"))?;
    let equals = if tokens.is_mark(arrow - 1, ")") {
        tokens.partner(arrow - 1)?.checked_sub(1)?
    } else {
        arrow.checked_sub(2)?
    };
    let (_, properties) = targets(scopes, equals);
    match properties.first().copied()? {
        "stackSave" => Some("emscripten_stack_get_current"),
        "stackRestore" => Some("_emscripten_stack_restore"),
        "stackAlloc" => Some("_emscripten_stack_alloc"),
        _ => None,
    }
}

/// `var sp = variable(); try {...} catch (e) { variable(sp); ...`
fn in_invoke(scopes: &Scopes<'_>, at: usize) -> Option<&'static str> {
    let tokens = &scopes.tokens;
    let text = |at: usize| tokens.text(at);
    let called = text(at + 1) == "(" && text(at + 2) == ")" && text(at + 3) == ";";
    if called && text(at + 4) == "try" && tokens.is_mark(at.checked_sub(1)?, "=") {
        return Some("emscripten_stack_get_current");
    }
    // The function behind `catch (e) {`.
    if tokens.is_mark(at + 1, "(")
        && tokens.is_mark(at + 3, ")")
        && tokens.is_mark(at.checked_sub(1)?, "{")
        && at >= 5
        && tokens.name(at - 5) == Some("catch")
    {
        return Some("_emscripten_stack_restore");
    }
    None
}

/// What exports are assigned to: `exports = instance.exports`.
fn holders<'a>(scopes: &Scopes<'a>) -> Vec<&'a str> {
    let tokens = &scopes.tokens;
    let mut holders = Vec::new();
    for at in 3..tokens.len() {
        if tokens.text(at) != "exports" || !tokens.is_mark(at - 1, ".") {
            continue;
        }
        // `result.instance.exports`
        let mut start = at - 2;
        while start > 2 && tokens.is_mark(start - 1, ".") {
            start -= 2;
        }
        let (variables, properties) = targets(scopes, start.saturating_sub(1));
        holders.extend(variables.into_iter().map(|(name, _)| name).chain(properties));
    }
    holders
}

/// The export that is called, or given to be called, without a name of its own:
/// `exports.d()` or `onInit(exports.d)`.
fn constructors<'a>(scopes: &Scopes<'a>, taken: &[Taken<'a>], part: &Range<usize>) -> Vec<&'a str> {
    let tokens = &scopes.tokens;
    let minified: Vec<&str> = taken.iter().map(|one| one.minified).collect();
    let mut holders = holders(scopes);
    holders.extend(taken.iter().map(|one| one.object));
    holders.sort_unstable();
    holders.dedup();
    let calls = part.clone().filter_map(|at| {
        let holder = tokens.name(at).or_else(|| tokens.string(at))?;
        if holders.binary_search(&holder).is_err() {
            return None;
        }
        // `Module["asm"]["d"]`
        let at = at + usize::from(tokens.string(at).is_some());
        let (key, next) = if tokens.is_mark(at + 1, ".") {
            (tokens.name(at + 2)?, at + 3)
        } else if tokens.is_mark(at + 1, "[") && tokens.is_mark(at + 3, "]") {
            (tokens.string(at + 2)?, at + 4)
        } else {
            return None;
        };
        let called = tokens.is_mark(next, "(") && tokens.is_mark(next + 1, ")");
        let given = tokens.is_mark(next, ")") && {
            let open = tokens.partner(next)?;
            next - open <= 8 && open > 0 && tokens.name(open - 1).is_some_and(|name| name != "push")
        };
        let fits = key.len() <= super::SHORT && !minified.contains(&key);
        (fits && (called || given)).then_some(key)
    });
    calls.collect()
}

/// The name that emcc's minifier gives behind another: its first letter counts fastest.
fn successor(minified: &str) -> Option<String> {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$0123456789";
    let mut letters: Vec<char> = minified.chars().collect();
    for (i, letter) in letters.iter_mut().enumerate() {
        let at = LETTERS.find(*letter)?;
        // Digits are no first letters.
        let end = if i == 0 { LETTERS.len() - 10 } else { LETTERS.len() };
        if at + 1 < end {
            *letter = LETTERS[at + 1..].chars().next()?;
            return Some(letters.into_iter().collect());
        }
        *letter = 'a';
    }
    letters.push('a');
    Some(letters.into_iter().collect())
}
