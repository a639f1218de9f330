//! Folders of the host, and what keeps a guest in them.

use crate::{guest, run_with, set_up};
use palisade_emscripten::EmscriptenBuilder;
use std::fs;
use std::os::unix::fs::symlink;

/// What it prints as a native program.
const HARD_LINKS: &str = "\
link(\"one\", \"two\"): done
one: 2 names, 4 bytes
one: 2 names, 9 bytes
link(\"one\", \"two\"): File exists
link(\"none\", \"three\"): No such file or directory
link(\"folder\", \"three\"): Operation not permitted
link(\"one\", \"folder/in\"): done
link(\"one\", \"none/in\"): No such file or directory
link(\"one\", \"three/\"): No such file or directory
rename(\"one\", \"two\"): done
one: 3 names, 9 bytes
unlink(\"one\"): done
rename(\"two\", \"moved\"): done
moved: 2 names, 9 bytes
folder/in: 2 names, 9 bytes
linkat(AT_FDCWD, \"symbolic\", AT_FDCWD, \"same\", 0): done
same: 2 names, 5 bytes, symbolic
linkat(AT_FDCWD, \"symbolic\", AT_FDCWD, \"followed\", AT_SYMLINK_FOLLOW): done
followed: 3 names, 9 bytes
unlink(\"moved\"): done
unlink(\"folder/in\"): done
rmdir(\"folder\"): done
unlink(\"followed\"): done
0 names, 'text more'
";

#[test]
fn files_have_several_names() {
    let outcome = run_with("q_hardlink", &[], "", |builder| builder);
    assert_eq!(outcome.stdout, HARD_LINKS, "{:?}", outcome.result);
    let dir = tempfile::tempdir().unwrap();
    let outcome = run_with("q_hardlink", &["/data"], "", |builder| {
        builder.mount(dir.path(), "/data", false).unwrap()
    });
    assert_eq!(outcome.stdout, HARD_LINKS, "{:?}", outcome.result);
    fs::write(dir.path().join("one"), "text").unwrap();
    let outcome = run_with("q_hardlink", &["/data"], "", |builder| {
        builder.mount(dir.path(), "/data", true).unwrap()
    });
    let first = outcome.stdout.lines().next();
    assert_eq!(first, Some("link(\"one\", \"two\"): Read-only file system"));
}

#[test]
fn a_folder_and_no_way_out_of_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("in.txt"), "from the host\n").unwrap();
    symlink("/etc/passwd", dir.path().join("evil")).unwrap();
    let outcome = run_with("p_hostdir", &[], "", |builder| {
        builder.mount(dir.path(), "/data", false).unwrap()
    });
    let expected = "\
in: from the host
chdir ok
cwd /data
mkdir ok
rename ok
read 20 from the guest
more
size 20
symlink ok
through link 4
names 6
up 1
link out ok
by link 1
absolute 1
evil 1
rename out 1
across Cross-device link
unlink ok
rmdir full 1
rmdir mount 1
";
    assert_eq!(outcome.stdout, expected, "{:?}", outcome.result);
    assert_eq!(outcome.result.unwrap(), 0);
    assert_eq!(fs::read_to_string(dir.path().join("sub/out.txt")).unwrap(), "from");
}

#[test]
fn a_folder_to_be_read_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("in.txt"), "from the host\n").unwrap();
    let outcome =
        run_with("p_hostdir", &[], "", |builder| builder.mount(dir.path(), "/data", true).unwrap());
    // It fails to write, and does not look whether `fopen` has given it a file.
    assert!(outcome.stdout.starts_with("in: from the host\nchdir ok\ncwd /data\n"));
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
}

#[test]
fn a_folder_in_the_place_of_the_root() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("data/in.txt"), "below the root\n").unwrap();
    let outcome =
        run_with("p_hostdir", &[], "", |builder| builder.mount(dir.path(), "/", false).unwrap());
    assert!(outcome.stdout.starts_with("in: below the root\n"), "{}", outcome.stdout);
    // There is nothing above, so this was no way out.
    assert!(dir.path().join("x").exists());
    // What is in memory stays there.
    let outcome =
        run_with("p_rw", &[], "", |builder| builder.mount(dir.path(), "/", false).unwrap());
    assert_eq!(outcome.text(), crate::file("expected/p_rw.txt"));
    assert!(!dir.path().join("tmp").exists());
}

#[test]
fn programs_of_files_work_in_a_folder_too() {
    for name in ["p_rw", "p_dirs"] {
        let dir = tempfile::tempdir().unwrap();
        let outcome =
            run_with(name, &[], "", |builder| builder.mount(dir.path(), "/tmp", false).unwrap());
        let (found, expected) = (outcome.text(), crate::file(&format!("expected/{name}.txt")));
        // The host lists entries in an order of its own.
        let sorted = |text: &str| {
            let line = |line: &str| {
                let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
                words.sort();
                words.join(" ")
            };
            text.lines().map(line).collect::<Vec<_>>()
        };
        assert_eq!(sorted(&found), sorted(&expected), "{name}");
    }
}

#[test]
fn files_in_memory_are_limited() {
    let outcome = run_with("q_nospace", &[], "", |builder| builder.memory_files(100_000, 100));
    let expected = "\
blocks 24 No space left on device
sparse -1 No space left on device
far 1 -1 No space left on device
files 81 No space left on device
again 1
";
    assert_eq!(outcome.stdout, expected, "{:?}", outcome.result);
    let mut small = EmscriptenBuilder::new();
    let error = set_up(&guest("p_rw"), small.memory_files(0, 3)).unwrap_err();
    assert!(error.to_string().contains("no room for the files"), "{error}");
}
