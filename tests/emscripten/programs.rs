//! Programs whose output and exit code are known.

use crate::{Outcome, file, run, run_with};

#[track_caller]
fn check(outcome: &Outcome, stdout: &str, code: i32) {
    assert_eq!(outcome.stdout, stdout);
    assert_eq!(*outcome.result.as_ref().unwrap_or_else(|error| panic!("{error:?}")), code);
}

#[test]
fn printf() {
    check(&run("hello_printf", &[]), "hello, world\n42  3.14 str c 0xff\n", 0);
}

#[test]
fn iostream_and_stderr() {
    let outcome = run("hello_iostream", &[]);
    check(&outcome, "hello from cout 7 2.500\n", 0);
    assert_eq!(outcome.stderr, "to stderr\n");
}

#[test]
fn arguments() {
    let expected = "argv[1]=one\nargv[2]=二\nargv[3]=a b\nargc=4 last_is_null=1\n";
    for name in ["args", "args_standalone"] {
        check(&run(name, &["one", "二", "a b"]), expected, 4);
    }
}

#[test]
fn growth_and_its_end() {
    let expected = "start 16384 KiB\nallocated 48 MiB, grew=1\ntoo big -> NULL\n";
    check(&run("grow", &[]), expected, 0);
}

#[test]
fn environment_time_and_files() {
    let expected = "\
HOME=/home/web_user LANG=C.UTF-8
2023-08-16 09:05:07 Wed August 228
> line one
> line two
tell=5 char=o
stat=0 size=18
missing: NULL errno_is_ENOENT=1
remove=0
";
    check(&run("env_time_files", &[]), expected, 0);
}

#[test]
fn setjmp_and_longjmp() {
    let expected = "setjmp -> 0\nsetjmp -> 5\nkept=11\nsetjmp -> 9\ndone\n";
    check(&run("sjlj", &[]), expected, 0);
}

#[test]
fn exceptions_of_both_kinds() {
    let expected = "\
~guard
value 7
~guard
invalid: empty
~guard
int 42
~guard
invalid: stoi: no conversion
rethrown inner
";
    for name in ["exceptions_js", "exceptions_wasm"] {
        check(&run(name, &[]), expected, 0);
    }
}

/// Runs a program and compares with what Node has done.
#[track_caller]
pub(crate) fn as_in_node(name: &str, case: &str, args: &[&str], input: &str, zone: Option<&str>) {
    let outcome = run_with(name, args, input, |builder| match zone {
        Some(zone) => builder.env("TZ", zone),
        None => builder,
    });
    assert_eq!(outcome.text(), file(&format!("expected/{case}.txt")), "{case}");
}

macro_rules! as_in_node {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            as_in_node(stringify!($name), stringify!($name), &[], "", None);
        }
    )*};
}

as_in_node! {
    p_errno
    p_rw
    p_dirs
    p_stat
    p_dup
    p_mmap
    p_sjlj
    p_oom
    p_exc1
    p_exc2
    p_exc3
    p_exc1_wasm
    p_exc2_wasm
    q_stdio
    q_system
    q_strptime
    q_ftw
    q_heap
    q_cpp
    q_limits
    q_text
    q_static
    q_static_wasm
    q_jumps
    q_names
    q_log
}

#[test]
fn q_process() {
    as_in_node("q_process", "q_process", &["-v", "--name=long", "-v", "rest"], "", None);
}

#[test]
fn q_terminate() {
    for case in ["0", "1", "2", "3"] {
        as_in_node("q_terminate", &format!("q_terminate_{case}"), &[case], "", None);
    }
}

#[test]
fn p_format() {
    let input = "first line\nsecond line\nlast without end";
    as_in_node("p_format", "p_format", &[], input, None);
}

#[test]
fn p_stream() {
    as_in_node("p_stream", "p_stream", &[], "the cat the dog\na cat the\n", None);
}

#[test]
fn p_env() {
    as_in_node("p_env", "p_env", &["one", "", "two words", "ünïcode"], "", None);
}

#[test]
fn p_exit() {
    for case in ["0", "1", "2", "5", "6"] {
        as_in_node("p_exit", &format!("p_exit_{case}"), &[case], "", None);
    }
}

#[test]
fn p_time_in_several_zones() {
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"] {
        let case = format!("p_time_{}", zone.replace('/', "_"));
        as_in_node("p_time", &case, &[], "", Some(zone));
    }
}
