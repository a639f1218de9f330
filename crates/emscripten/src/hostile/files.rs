//! Random changes of a tree of files, after which it must still be a tree, and all that it took
//! must come back.

use std::time::Instant;

use super::{Ground, Random, settings};
use crate::fs::node::Budget;
use crate::fs::open::{At, Open, OpenKind};
use crate::fs::walk::Place;
use crate::fs::{Files, flags};
use crate::stream::{Input, Output};

const NAMES: &[&str] =
    &["a", "b", "c", ".", "..", "a/b", "b/../c", "/tmp", "/tmp/a/", "/", "/data", "/data/d", "a/"];

/// A path of a few names, sometimes by a descriptor.
fn path(random: &mut Random) -> Vec<u8> {
    let mut path = match random.below(12) {
        0 => format!("/proc/self/fd/{}", random.below(12)),
        1 => "/data".into(),
        2..=5 => "/tmp".into(),
        _ => random.pick(NAMES).to_owned(),
    };
    for _ in 0..random.below(5) {
        path = format!("{path}/{}", random.pick(&NAMES[..5]));
    }
    path.into_bytes()
}

fn change(files: &mut Files, random: &mut Random, now: i64) {
    let start = match random.below(3) {
        0 => files.root(),
        1 => files.start(None).unwrap(),
        _ => match files.start(Some(random.below(16) as u32)) {
            Ok(place) => place,
            Err(_) => return,
        },
    };
    let (one, other) = (path(random), path(random));
    let fd = random.below(16) as u32;
    match random.below(16) {
        0..=2 => drop(files.mkdir(&start, &one, 0o777, now)),
        3..=5 => drop(files.rename((&start, &one), (&start, &other), now)),
        6 => drop(files.rmdir(&start, &one, now)),
        7 => drop(files.unlink(&start, &one, now)),
        8 => drop(files.symlink(&other, &start, &one, now)),
        9 | 10 => {
            let how = random.pick(&[
                flags::READ,
                flags::CREATE | flags::WRITE,
                flags::CREATE | flags::EXCLUSIVE | flags::WRITE,
                flags::TRUNCATE | flags::WRITE,
                flags::NO_FOLLOW,
            ]);
            let _ = files.open(&start, &one, how, 0o666, now);
        }
        11 => drop(files.remove(fd)),
        12 => {
            if let Ok(open) = files.get(fd) {
                let _ = open.write(b"some bytes", At::Offset(random.below(300)), now);
                let _ = open.truncate(random.below(200) as i64, now);
                let _ = files.insert(open, 3);
            }
        }
        13 => {
            let found = files.walk(&start, &one, true).and_then(|found| found.existing());
            let _ = found.and_then(|place| files.chdir(place));
        }
        14 => drop(files.truncate(&start, &one, random.below(100) as i64, now)),
        _ => drop(files.pipe(0)),
    }
}

/// Everything that is open, and the working directory, has a path of bounded length or none.
fn check(files: &Files) {
    let place = |open: &Open| match &open.kind {
        OpenKind::Dir(place) => Some(place.clone()),
        OpenKind::File(node) => Some(Place::Memory(node.clone())),
        _ => None,
    };
    let places = files.open_descriptors().filter_map(|fd| place(&files.get(fd).unwrap()));
    for place in places.chain([files.cwd.clone()]) {
        if let Ok(path) = files.path_of(&place) {
            assert!(path.split(|byte| *byte == b'/').count() < 600);
        }
        if let Place::Memory(node) = &place {
            assert!(node.depth() <= 513);
        }
    }
}

#[test]
fn trees_stay_trees_and_give_everything_back() {
    let (time, seed) = settings();
    let ground = Ground::new();
    let end = Instant::now() + time / 2;
    for round in 0.. {
        let mut random = Random((seed ^ round) | 1);
        let budget = Budget::new(300_000, 60);
        let streams = (Input::Empty, Output::Discard, Output::Discard);
        let mut files = Files::new(budget.clone(), streams, 0).unwrap();
        let dir = cap_std::fs::Dir::open_ambient_dir(ground.folder(), cap_std::ambient_authority());
        files.mount(b"/data", dir.unwrap(), round % 3 == 0, 0).unwrap();
        for _ in 0..300 {
            change(&mut files, &mut random, round as i64);
            check(&files);
        }
        drop(files);
        assert_eq!((budget.bytes_left(), budget.nodes_left()), (300_000, 60), "round {round}");
        if round > 5 && Instant::now() > end {
            break;
        }
    }
    ground.check();
}
