//! What Emscripten has made, as users run it.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn guest(name: &str) -> String {
    format!("{}/../../tests/guests/emscripten/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs `palisade` with these words; a word `@NAME` is a file beside the guest programs.
fn palisade_with(words: &[&str], input: &str) -> Output {
    let words: Vec<String> =
        words.iter().map(|word| word.strip_prefix('@').map_or((*word).to_owned(), guest)).collect();
    let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(&words)
        .env("XDG_CACHE_HOME", std::env::temp_dir().join("palisade-emscripten-tests"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // It need not read it.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

#[track_caller]
fn check(words: &[&str], stdout: &str, stderr: &str, code: i32) {
    let output = palisade_with(words, "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let found_err = text(&output.stderr);
    assert_eq!(
        (text(&output.stdout), output.status.code()),
        (stdout.into(), Some(code)),
        "{found_err}"
    );
    match stderr {
        "" => assert_eq!(found_err, ""),
        part => assert!(found_err.contains(part), "{found_err}"),
    }
}

#[test]
fn programs_are_recognised_and_run() {
    check(&["run", "@hello_printf.wasm"], "hello, world\n42  3.14 str c 0xff\n", "", 0);
    check(&["@hello_iostream.wasm"], "hello from cout 7 2.500\n", "to stderr\n", 0);
    let args = "argv[1]=one\nargv[2]=二\nargv[3]=a b\nargc=4 last_is_null=1\n";
    for host in ["auto", "emscripten"] {
        check(&["run", "--host", host, "@args.wasm", "one", "二", "a b"], args, "", 4);
    }
    check(&["run", "@args_standalone.wasm", "one", "二", "a b"], args, "", 4);
    check(&["run", "@p_exit.wasm", "5"], "mainsecond registered\nfirst registered\n", "", 255);
}

#[test]
fn standard_input_is_read() {
    let output = palisade_with(&["run", "@p_stream.wasm"], "the cat the dog\na cat the\n");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("a=1 cat=2 dog=1 the=3"), "{text}");
}

#[test]
fn memory_that_runs_out() {
    let message = "requested 16781312 bytes, and its memory can have at most 16777216 bytes";
    check(&["run", "@nogrow.wasm"], "before\n", message, 134);
    check(&["run", "--on-oom", "abort", "@nogrow.wasm"], "before\n", message, 134);
    let null = "before\nNULL after 10 MiB\n";
    check(&["run", "--on-oom", "null", "@nogrow_null.wasm"], null, "", 2);
}

#[test]
fn ends_that_are_failures() {
    let uncaught = "of type std::runtime_error: disk is on fire";
    check(&["run", "@p_uncaught.wasm"], "begin\n", uncaught, 134);
    check(&["run", "@p_uncaught.wasm", "5"], "begin\n", "aborted", 134);
    check(&["run", "@p_recurse.wasm"], "start\n", "call stack exhausted", 134);
}

#[test]
fn folders_and_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("in.txt"), "given\n").expect("a file");
    let dir = format!("{}::/data", folder.path().display());
    let output = palisade_with(&["run", "--dir", &dir, "@p_hostdir.wasm"], "");
    assert!(output.stdout.starts_with(b"in: given\nchdir ok\ncwd /data\n"));
    assert_eq!(std::fs::read(folder.path().join("sub/out.txt")).expect("made"), b"from");
    let output =
        palisade_with(&["run", "--env", "GREETING=hej", "--env", "PATH=/p", "@p_env.wasm"], "");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("\nPATH=/p\n") && text.contains("\nGREETING=hej\n"), "{text}");
}

#[test]
fn what_is_javascript_is_refused_or_waits() {
    let refused = "`env.emscripten_asm_const_int`: EM_ASM: JavaScript in the program";
    check(&["run", "@needs_js.wasm"], "", refused, 1);
    let called = "the guest called `env.emscripten_asm_const_int`: EM_ASM";
    check(&["run", "--stub-missing", "@needs_js.wasm"], "before\n", called, 134);
}

#[test]
fn minified_names_need_a_map() {
    // Also where the JavaScript lies beside it: nobody has said that it is the right one.
    check(&["run", "@hello_minified.wasm"], "", "2 imports are minified", 1);
    let output = palisade_with(&["emscripten", "map", "@hello_minified.js"], "");
    assert!(output.status.success());
    let folder = tempfile::tempdir().expect("a folder");
    let map = folder.path().join("map.json");
    std::fs::write(&map, &output.stdout).expect("a file");
    let map = map.to_str().expect("UTF-8");
    let text = "hello, world\n42  3.14 str c 0xff\n";
    check(&["run", "--import-map", map, "@hello_minified.wasm"], text, "", 0);
    check(&["emscripten", "map", "@src/args.c"], "", "not JavaScript of a known version", 1);
}

#[test]
fn options_of_the_other_host_are_wrong_usage() {
    check(&["run", "--wasi", "threads", "@hello_printf.wasm"], "", "--wasi is for modules", 2);
    check(&["run", "--stub-missing", "@args_standalone.wasm"], "", "--stub-missing is for", 2);
    check(&["run", "--host", "wasi", "@hello_printf.wasm"], "", "emscripten_memcpy_big", 1);
    check(&["run", "--host", "none", "@args_standalone.wasm"], "", "proc_exit", 1);
}

#[test]
fn functions_of_libraries_are_called() {
    check(&["run", "@../emscripten-lib/i64_bigint.wasm"], "", "", 0);
    let words = ["run", "--invoke", "main", "@p_uncaught.wasm", "0", "0"];
    check(&words, "begin\n", "uncaught C++ exception of type std::runtime_error", 134);
    check(
        &["run", "--invoke", "mul64", "@../emscripten-lib/i64_bigint.wasm", "-1", "3"],
        "-3\n",
        "",
        0,
    );
}

#[test]
fn programs_have_threads() {
    check(&["run", "@threads.wasm"], "total=4000 sum=100\n", "", 0);
    check(&["run", "@t_end.wasm", "exit"], "ending by exit\natexit ran\n", "", 7);
    let ending = "ending by trap\n";
    check(&["run", "@t_end.wasm", "trap"], ending, "failed to run", 134);
    check(&["run", "@t_end.wasm", "trap"], ending, "`unreachable` instruction", 134);
    let what = "uncaught C++ exception of type std::runtime_error: nobody catches this";
    check(&["run", "@t_end.wasm", "throw"], "ending by throw\n", what, 134);
}

/// The pipe to its input stays open and empty, so the thread that reads it never comes back.
#[test]
fn threads_end_a_program_that_waits_for_input() {
    for args in [&["run", "@t_input.wasm"][..], &["run", "@t_input.wasm", "poll"]] {
        let words = args.iter().map(|word| word.strip_prefix('@').map_or((*word).into(), guest));
        let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args(words)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let input = child.stdin.take();
        assert_eq!(child.wait().expect("it ends").code(), Some(9));
        drop(input);
    }
}

#[test]
fn one_input_is_waited_for_once() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(["run".to_owned(), guest("q_poll.wasm")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let input = child.stdin.take();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0 ready after a second\n");
    drop(input);
}
