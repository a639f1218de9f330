//! Telling by its traits which function of Emscripten's library a function is.
//!
//! A row says what a function of a name has and what it has not, and the first row that fits
//! gives the name. What no row fits stays unknown. What only gives a constant is not named: what
//! it does is all there is to know of it.

use super::exports::Exports;
use super::scopes::{Function, Scopes};
use super::tokens::Kind;
use super::traits::{Character, character, number};
use crate::import_map::{ABORT, RETURN};

/// A name, how many parameters it has, and clues, of which every one has to hold.
///
/// A clue is a trait of the function itself; behind `~` one of it and what it uses, behind `~~`
/// of all that comes of that. `!` in front says that there is none. A star stands for any ending,
/// and before it, an underscore for a space. A bar is between clues of which one is enough.
/// `errno-` is a function that gives the negative error number of what was thrown in it, as calls
/// of the system do, and `errno+` one that gives the number, as those of WASI.
type Row = (&'static str, std::ops::RangeInclusive<usize>, &'static str);

#[rustfmt::skip] // A table: one function, one line.
const ROWS: &[Row] = &[
    // Threads.
    ("__pthread_create_js", 4..=4, "~'Current_environment*"),
    ("__emscripten_init_main_thread_js", 1..=1, "true false #1 ~.forEach !return"),
    ("__emscripten_thread_cleanup", 1..=1, "'cleanupThread"),
    ("_emscripten_notify_mailbox_postmessage", 2..=3, "'checkMailbox"),
    ("_emscripten_thread_mailbox_await", 1..=1, "Atomics .store #1"),
    ("emscripten_exit_with_live_runtime", 0..=0, "throw 'unwind"),
    ("_emscripten_receive_on_main_thread_js", 5..=5, ".length #3 ..."),

    // The process.
    ("__assert_fail", 2..=4, "'Assertion*"),
    ("__cxa_rethrow", 0..=0, "'no* .pop"),
    ("__cxa_rethrow", 0..=0, ".pop .push throw"),
    ("__cxa_end_catch", 0..=0, ".pop !throw ~#0"),
    ("__cxa_begin_catch", 1..=1, ".push !throw !~performance !~setTimeout return"),
    ("emscripten_longjmp", 2..=2, "throw 'longjmp"),
    ("emscripten_resize_heap", 1..=1, "~.grow ~#65536 ~.min"),
    ("emscripten_resize_heap", 1..=1, "~'OOM*"),
    ("emscripten_resize_heap", 1..=1, "~'Cannot_enlarge*"),
    ("emscripten_memcpy_js", 3..=3, ".copyWithin"),
    ("getentropy", 2..=2, "~~.getRandomValues"),
    ("getentropy", 2..=2, "~~.randomFillSync"),
    ("getentropy", 2..=2, "~~.randomBytes"),
    ("_setitimer_js", 2..=2, "clearTimeout setTimeout"),
    ("proc_exit", 1..=1, ".onExit new"),
    ("proc_exit", 1..=1, "'onExit new"),
    ("proc_exit", 1..=1, "new true || !throw !.push !for !return"),
    ("exit", 1..=2, "throw 'unwind"),
    ("exit", 1..=2, "~.onExit"),
    ("exit", 1..=2, "~'onExit"),
    ("exit", 1..=1, "~~.onExit"),
    ("exit", 1..=1, "~~'onExit"),

    // Time.
    ("_gmtime_js", 2..=3, ".getUTCSeconds .getUTCFullYear"),
    ("_timegm_js", 1..=1, "~.UTC ~.getUTCDay"),
    ("_mktime_js", 1..=1, "~.getTimezoneOffset ~.getDay"),
    ("_localtime_js", 2..=3, ".getSeconds ~.getTimezoneOffset"),
    ("_tzset_js", 3..=4, "~.getTimezoneOffset ~.max"),
    ("strftime", 4..=5, "'Sunday*"),
    ("strftime_l", 4..=5, "~'Sunday*"),
    ("clock_time_get", 3..=4, "~Date ~#1000000"),
    ("clock_time_get", 3..=4, "~Date ~#1000 ~#28"),
    ("clock_gettime", 2..=2, "~Date ~#28"),
    ("gettimeofday", 1..=2, "Date .now #1000 %"),
    ("time", 1..=1, "Date .now #1000 !%"),
    ("emscripten_get_now", 0..=0, "performance .now"),
    ("emscripten_get_now", 0..=0, ".hrtime"),
    ("emscripten_date_now", 0..=0, "Date .now !performance"),

    ("_emscripten_fs_load_embedded_files", 1..=1, "do while .subarray #4"),

    // Environment.
    ("environ_get", 2..=2, "~'web_user #4"),
    ("environ_get", 2..=2, "~'/home/web_user #4"),
    ("environ_sizes_get", 2..=2, "~'web_user .length"),
    ("environ_sizes_get", 2..=2, "~'/home/web_user .length"),
    ("environ_get", 2..=2, "~'LANG #4"),
    ("environ_sizes_get", 2..=2, "~'LANG .length"),

    // Descriptors, WASI.
    ("fd_fdstat_get", 2..=2, "errno+ #2 #3 #4 #7"),
    ("fd_sync", 1..=1, "errno+ .fsync"),
    ("fd_pread", 5..=6, "errno+ ~~.read !~~.write"),
    ("fd_pwrite", 5..=6, "errno+ ~~.write !~~.read"),
    ("fd_read", 4..=4, "errno+ .read"),
    ("fd_write", 4..=4, "errno+ .write"),
    ("fd_seek", 4..=5, "errno+ .position"),
    ("fd_read", 4..=4, "errno+ ~.read !~.write"),
    ("fd_write", 4..=4, "errno+ ~.write !~.read"),
    ("fd_read", 4..=4, "errno+ ~~.read !~~.write"),
    ("fd_write", 4..=4, "errno+ ~~.write !~~.read"),
    ("fd_close", 1..=1, "errno+ ~~.close"),
    ("fd_write", 4..=4, "!errno+ ~~#10 ~.push ~.length"),

    // Calls of the system, by what is typical of each.
    ("__syscall_getcwd", 2..=2, "errno- #68"),
    ("__syscall_utimensat", 4..=4, "errno- #1073741823"),
    ("__syscall_utimensat", 4..=4, "errno- ~~#1e* #8 #16"),
    ("__syscall_getdents64", 3..=3, "errno- ~.readdir #280"),
    ("__syscall_getdents64", 3..=3, "errno- ~~.readdir #280"),
    ("__syscall_faccessat", 3..=4, "errno- 'r 'w 'x"),
    ("__syscall_access", 2..=2, "errno- 'r 'w 'x"),
    ("__syscall_faccessat", 3..=4, "errno- ~'r ~'w ~'x ~#7"),
    ("__syscall_ioctl", 3..=3, "errno- switch #21523"),
    ("__syscall_fcntl64", 3..=3, "errno- switch #12 #13"),
    ("__syscall_fcntl64", 3..=3, "errno- switch #1 #2 #3"),
    ("__syscall_poll", 3..=3, "errno- #16 #32"),
    ("__syscall_poll", 3..=3, "errno- .poll"),
    ("__syscall__newselect", 5..=5, "errno- #64 #32"),
    ("__syscall_statfs64", 3..=3, "errno- #4096"),
    ("__syscall_pipe", 1..=1, "errno- ~~'pipe*"),
    ("__syscall_unlinkat", 3..=3, "errno- #512 ~~.unlink"),
    ("__syscall_unlinkat", 3..=3, "errno- #512 'Invalid_flags*"),
    ("__syscall_renameat", 4..=4, "errno- ~#75"),
    ("__syscall_rename", 2..=2, "errno- ~#75"),
    ("__syscall_renameat", 4..=4, "errno- ~~.rename"),
    ("__syscall_rename", 2..=2, "errno- ~~.rename"),
    ("__syscall_symlinkat", 3..=3, "errno- ~~.symlink"),
    ("__syscall_symlink", 2..=2, "errno- ~~.symlink"),
    ("__syscall_readlinkat", 4..=4, "errno- ~.readlink"),
    ("__syscall_readlink", 3..=3, "errno- ~.readlink"),
    ("__syscall_rmdir", 1..=1, "errno- ~~.rmdir"),
    ("__syscall_unlink", 1..=1, "errno- ~~.unlink"),
    ("_mmap_js", 6..=8, "errno- .allocated"),
    ("_munmap_js", 6..=6, "errno- #2 &"),
    ("_munmap_js", 5..=7, "errno- #2 ~~.subarray !#2097155"),
    ("_munmap_js", 5..=7, "errno- #2 ~~.slice !#2097155"),
    ("_mmap_js", 6..=8, "errno- #2097155 #43"),
    ("_mmap_js", 7..=8, "errno-"),
    ("__syscall_fstatat64", 4..=4, "errno- #256 ~~.atime"),
    ("__syscall_fstatat64", 4..=4, "errno- #256 ~~.ctime"),
    ("__syscall_openat", 4..=4, "errno- ~#131072"),
    ("__syscall_openat", 4..=4, "errno- ~#64 .fd"),
    ("__syscall_open", 3..=3, "errno- ~#131072"),
    ("__syscall_dup3", 2..=3, "errno- #28 .fd"),
    ("__syscall_dup", 1..=1, "errno- .fd"),
    ("__syscall_mkdirat", 3..=3, "errno- ~#16384"),
    ("__syscall_mkdirat", 3..=3, "errno- ~~#16384 ~~#511"),
    ("__syscall_ftruncate64", 2..=3, "errno- #2097155"),
    ("__syscall_ftruncate64", 2..=3, "errno- ~~size ~~timestamp !~~.decode"),
    ("__syscall_truncate64", 2..=3, "errno- ~~size ~~timestamp ~~.decode"),
    ("__syscall_fstat64", 2..=2, "errno- ~~.atime|~.getTime .fstat|.path|.node"),
    ("__syscall_lstat64", 2..=2, "errno- ~~.atime .lstat|true"),
    ("__syscall_lstat64", 2..=2, "errno- ~.getTime ~true"),
    ("__syscall_stat64", 2..=2, "errno- ~~.atime|~.getTime"),
    ("__syscall_mkdir", 2..=2, "errno- ~#16384"),
    ("__syscall_mkdir", 2..=2, "errno- ~~#16384 ~~#511"),
    ("__syscall_chmod", 2..=2, "errno- ~~#4095 ~~.decode"),
    ("__syscall_fchmod", 2..=2, "errno- ~~#4095 !~~.decode"),
    ("__syscall_fchownat", 4..=5, "errno- #256"),
    ("__syscall_chown32", 1..=3, "errno- ~~timestamp ~~.decode"),
    ("__syscall_fchown32", 1..=3, "errno- ~~timestamp !~~.decode"),
    ("__syscall_chdir", 1..=1, "errno- ~#54 ~'x"),
    ("__syscall_chdir", 1..=1, "errno- ~~#54 ~~'x ~~.decode"),
];

/// What is JavaScript by nature, as the rows of the host's functions. Here a name is that of all
/// functions of a kind.
#[rustfmt::skip] // A table: one kind, one line.
const JAVASCRIPT: &[Row] = &[
    ("emscripten_asm_const_int", 3..=3, "~#105 ~.length"),
    (EMBIND, 2..=13, "~fromWireType|~.fromWireType|~.registeredClass|~.destructorFunction"),
    (EMBIND, 1..=13, "~'Cannot_use*|~'Cannot_register*|~'parameter_*|~'_emval_*"),
    (EMBIND, 1..=13, "~.toWireType|~.toHandle|~.toValue|~.rawConstructor"),
];

/// What functions of embind are called that only the JavaScript's text tells apart.
pub(super) const EMBIND: &str = "_embind_";

/// The longest function, in tokens, that is told by how it is written.
const SHORT: usize = 120;

/// What an import means whose function is `function`.
pub(super) fn name(
    scopes: &Scopes<'_>,
    exports: &Exports<'_>,
    function: &Function<'_>,
) -> Option<String> {
    if let Some(constant) = constant(scopes, function) {
        return Some(constant);
    }
    if let Some(name) = by_shape(scopes, function) {
        return Some(name);
    }
    let mut traits = character(scopes, function);
    if let Some(errno) = errno(scopes, function) {
        traits.own.insert(errno.into());
    }
    if traits.own.contains("try") && traits.own.contains("catch") && is_invoke(scopes, function) {
        return Some(invoke(scopes, exports, function));
    }
    let row = ROWS.iter().chain(JAVASCRIPT).find(|(_, params, clues)| {
        params.contains(&traits.params)
            && (clues.starts_with("errno") || !traits.own.contains("errno-"))
            && clues.split(' ').all(|clue| holds(&traits, clue))
    });
    row.map(|(name, ..)| (*name).to_owned())
}

fn holds(traits: &Character, clue: &str) -> bool {
    if let Some((one, other)) = clue.split_once('|') {
        return holds(traits, one) || holds(traits, other);
    }
    // A mark may be `!` itself, a trait never is.
    if let Some(clue) = clue.strip_prefix('!') {
        return !holds(traits, clue);
    }
    let (all, clue) = if let Some(clue) = clue.strip_prefix("~~") {
        (&traits.deep, clue)
    } else if let Some(clue) = clue.strip_prefix('~') {
        (&traits.near, clue)
    } else {
        (&traits.own, clue)
    };
    match clue.strip_suffix('*') {
        Some(start) => {
            let start = start.replace('_', " ");
            all.iter().any(|one| one.starts_with(&start))
        }
        None => all.contains(clue),
    }
}

/// What a function does that only gives a constant, or does nothing.
fn constant(scopes: &Scopes<'_>, function: &Function<'_>) -> Option<String> {
    let tokens = &scopes.tokens;
    let mut body = function.body.clone();
    if body.end > body.start && tokens.is_mark(body.end - 1, ";") {
        body.end -= 1;
    }
    let mut returns = function.expression;
    loop {
        if body.is_empty() {
            return Some(RETURN.into());
        }
        if !returns && tokens.name(body.start) == Some("return") {
            body.start += 1;
            returns = true;
        }
        match notes(scopes, function, body.start) {
            Some(end) if end == body.end => return Some(RETURN.into()),
            Some(end) if end < body.end => body.start = end + 1,
            _ => break,
        }
    }
    if !returns {
        return None;
    }
    let texts: Vec<&str> = body.clone().map(|at| tokens.text(at)).collect();
    let value = match texts[..] {
        [] | ["void", "0"] => return Some(RETURN.into()),
        ["!", "0"] | ["true"] => "1".into(),
        ["!", "1"] | ["false"] => "0".into(),
        ["-", value] if is_number(scopes, body.end - 1) => format!("-{}", number(value)),
        [value] if is_number(scopes, body.start) => number(value),
        _ => return None,
    };
    Some(format!("{RETURN} {value}"))
}

fn is_number(scopes: &Scopes<'_>, at: usize) -> bool {
    scopes.tokens.get(at).is_some_and(|token| token.kind == Kind::Number)
}

/// The end of an expression that only the JavaScript can see: it gives a constant to a variable
/// (`keepAlive = false`), notes where arguments are (`SYSCALLS.varargs = c`), or converts an
/// argument (`b = bigintToI53Checked(b)`).
fn notes(scopes: &Scopes<'_>, function: &Function<'_>, at: usize) -> Option<usize> {
    let tokens = &scopes.tokens;
    let end = tokens.end_of_expression(at);
    let texts: Vec<&str> = (at..end).map(|at| tokens.text(at)).collect();
    let is_param = |text: &str| function.params.contains(&text);
    let noted = match texts[..] {
        [_, ".", "varargs", "=", value] => is_param(value),
        [name, "=", converted, "(", value, ")"] => {
            is_param(name) && name == value && is_variable(converted)
        }
        [name, "=", "!", "0" | "1"] | [name, "=", "true" | "false"] => !is_param(name),
        [name, "=", _] => !is_param(name) && is_number(scopes, end - 1),
        _ => false,
    };
    noted.then_some(end)
}

/// Functions so short that what they are is how they are written.
fn by_shape<'a>(scopes: &Scopes<'a>, function: &Function<'a>) -> Option<String> {
    let tokens = &scopes.tokens;
    if function.body.len() > SHORT {
        return None;
    }
    let mut texts: Vec<&'a str> = function.body.clone().map(|at| tokens.text(at)).collect();
    if texts.last() == Some(&";") {
        texts.pop();
    }
    let gives = function.expression || texts.first() == Some(&"return");
    if texts.first() == Some(&"return") {
        texts.remove(0);
    }
    let params = &function.params[..];
    match (params, &texts[..]) {
        ([param], [value]) if gives && param == value => Some("llvm_eh_typeid_for".into()),
        // Nothing tells these two apart but what else is done with the variable.
        ([], [value]) if gives && is_variable(value) => {
            let mut places = scopes.places(value).iter().copied();
            places.find_map(|at| {
                if at == 0 {
                    return None;
                }
                let (before, after) = (tokens.text(at - 1), tokens.text(at + 1));
                if matches!(before, "++" | "--") || matches!(after, "++" | "--") {
                    return Some("__cxa_uncaught_exceptions".into());
                }
                // `setTempRet0`
                let set = after == "="
                    && tokens.text(at + 2) == tokens.text(at.saturating_sub(2))
                    && before == "=>";
                let set = set
                    || after == "="
                        && before == "{"
                        && tokens.text(at + 2) == tokens.text(at.saturating_sub(3));
                set.then(|| "getTempRet0".into())
            })
        }
        // `size => malloc(size + 24) + 24`
        ([param], [_, "(", size, "+", one, ")", "+", other]) if gives => {
            (param == size && one == other).then(|| "__cxa_allocate_exception".into())
        }
        ([param], [_, "=", value]) if param == value => Some("setTempRet0".into()),
        ([], ["throw", value]) if is_variable(value) || *value == "Infinity" => {
            Some("_emscripten_throw_longjmp".into())
        }
        ([], ["throw", "1", "/", "0"]) => Some("_emscripten_throw_longjmp".into()),
        // `code => { status = code; quit(code, new ExitStatus(code)) }`, and what calls that.
        (
            [param],
            [_, "=", code, ";" | ",", _, "(", given, ",", "new", _, "(", other, ")", ")"],
        ) if [code, given, other] == [param; 3] => Some("proc_exit".into()),
        ([param] | [param, _], [_, "=", code, ";" | ",", exit, "(", given, ")"])
            if [code, given] == [param; 2] && quits(scopes, function, exit) =>
        {
            Some("exit".into())
        }
        ([param], [.., thrown])
            if texts.contains(&"throw") && is_variable(thrown) && !texts.contains(&"new") =>
        {
            (texts.contains(param) && texts.len() < 20).then(|| "__resumeException".into())
        }
        ([pointer, _, _], [.., thrown])
            if texts.contains(&"throw") && (is_variable(thrown) || thrown == pointer) =>
        {
            let plain = function.body.clone().all(|at| tokens.string(at).is_none());
            (plain && texts.contains(&"new")).then(|| "__cxa_throw".into())
        }
        // `(a, b) => find([a, b])`
        (_, [_, "(", "[", listed @ .., "]", ")"]) if gives => {
            let listed: Vec<&str> = listed.iter().copied().filter(|text| *text != ",").collect();
            (listed == params).then(|| format!("__cxa_find_matching_catch_{}", params.len() + 2))
        }
        // `() => abort("")`, of whatever had parameters that it does not use.
        ([], [called, "(", .., ")"]) if texts.len() <= 4 && is_variable(called) => {
            aborts(scopes, function, called).then(|| ABORT.into())
        }
        _ => None,
    }
}

/// Whether it is the JavaScript's `abort`, that a function calls.
fn aborts<'a>(scopes: &Scopes<'a>, function: &Function<'a>, called: &'a str) -> bool {
    let values = scopes.values(called, function.body.start);
    let Some(called) = values.iter().find_map(|value| scopes.function(*value)) else {
        return false;
    };
    let traits = character(scopes, &called);
    traits.own.iter().any(|one| one.starts_with("'Aborted(") || one.starts_with("'abort("))
}

/// Whether a function makes an object, which it throws or has thrown: the exit status.
fn quits<'a>(scopes: &Scopes<'a>, function: &Function<'a>, called: &'a str) -> bool {
    let values = scopes.values(called, function.body.start);
    let called = values.iter().find_map(|value| scopes.function(*value));
    called.is_some_and(|called| {
        called.params.len() == 1 && called.body.clone().any(|at| scopes.tokens.text(at) == "new")
    })
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '_' | '$'))
        && !matches!(text, "this" | "null" | "undefined" | "true" | "false" | "throw")
}

/// How a function ends that catches an error number: with its negative or with itself.
fn errno(scopes: &Scopes<'_>, function: &Function<'_>) -> Option<&'static str> {
    let tokens = &scopes.tokens;
    let start = function.body.end.saturating_sub(40).max(function.body.start);
    (start..function.body.end).rev().find_map(|at| {
        if tokens.name(at) != Some("return") || at < start {
            return None;
        }
        let property = |at: usize| tokens.name(at).is_some() && tokens.is_mark(at + 1, ".");
        if tokens.is_mark(at + 1, "-") && property(at + 2) {
            Some("errno-")
        } else if property(at + 1) && tokens.is_mark(at + 4, "}")
            || property(at + 1) && tokens.is_mark(at + 4, ";")
        {
            Some("errno+")
        } else {
            None
        }
    })
}

/// Whether it catches what a call throws, and ends by noting that: `setThrew(1, 0)`.
fn is_invoke(scopes: &Scopes<'_>, function: &Function<'_>) -> bool {
    let tokens = &scopes.tokens;
    function.body.clone().any(|at| {
        ["(", "1", ",", "0", ")"].iter().enumerate().all(|(i, text)| tokens.text(at + i) == *text)
    })
}

/// A name that tells how many parameters there are. Types are those of the import, unless a
/// function is called whose name has them.
fn invoke(scopes: &Scopes<'_>, exports: &Exports<'_>, function: &Function<'_>) -> String {
    let tokens = &scopes.tokens;
    let mut at = function.body.clone();
    let open = at.find(|at| tokens.name(*at) == Some("try")).unwrap_or(function.body.end) + 2;
    let gives = tokens.name(open) == Some("return");
    let called = open + usize::from(gives);
    if let Some(name) = tokens.name(called)
        && tokens.is_mark(called + 1, "(")
    {
        let exported = exports.name_of(name).unwrap_or(name);
        if let Some((_, letters)) = exported.split_once("dynCall_") {
            return format!("invoke_{letters}");
        }
    }
    let result = if gives { "i" } else { "v" };
    format!("invoke_{result}{}", "i".repeat(function.params.len().saturating_sub(1)))
}
