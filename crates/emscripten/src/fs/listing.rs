//! What a directory had when it was read: kept by whoever has it open.
//!
//! Invariant: beyond a few entries, a listing is counted against the [`Budget`]. Otherwise a guest
//! could have one large directory in the host's memory as often as it has descriptors.

use std::sync::Arc;

use super::Entry;
use super::node::Budget;
use crate::errno::Errno;

/// Bytes that are not counted, so that directories can be read when the budget is spent.
const FREE: u64 = 4096;

/// The most bytes that a listing can have now.
pub(super) fn most(budget: &Budget) -> u64 {
    budget.bytes_left().saturating_add(FREE)
}

/// What an entry takes.
pub(super) fn size(entry: &Entry) -> u64 {
    (size_of::<Entry>() + entry.name.capacity()) as u64
}

/// The entries of a directory.
pub(crate) struct Listing {
    entries: Vec<Entry>,
    counted: u64,
    budget: Arc<Budget>,
}

impl Listing {
    /// # Errors
    ///
    /// `ENOMEM` when the budget does not have as much.
    pub(crate) fn new(budget: &Arc<Budget>, entries: Vec<Entry>) -> Result<Listing, Errno> {
        let counted = entries.iter().map(size).sum::<u64>().saturating_sub(FREE);
        budget.take_bytes(counted).map_err(|_| Errno::NOMEM)?;
        Ok(Listing { entries, counted, budget: budget.clone() })
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.budget.return_bytes(self.counted);
    }
}

#[cfg(test)]
mod tests {
    use super::most;
    use crate::ctx::now;
    use crate::errno::Errno;
    use crate::fs::mount::Mount;
    use crate::fs::node::Budget;
    use crate::fs::{Files, flags};
    use crate::stream::{Input, Output};
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use std::path::Path;
    use std::sync::Weak;

    #[test]
    fn descriptors_of_one_large_directory_do_not_add_up() {
        let budget = Budget::new(100_000, 1000);
        let streams = (Input::Empty, Output::Discard, Output::Discard);
        let mut files = Files::new(budget.clone(), streams, now()).unwrap();
        let root = files.root();
        for i in 0..500 {
            files.mkdir(&root, format!("/tmp/{i:0100}").as_bytes(), 0o777, now()).unwrap();
        }
        let before = budget.bytes_left();
        let mut open = || {
            let fd = files.open(&root, b"/tmp", flags::READ, 0, now()).unwrap();
            files.list(&files.get(fd).unwrap())
        };
        let listing = open().unwrap();
        assert_eq!(listing.entries().len(), 502);
        assert_eq!(open().err(), Some(Errno::NOMEM));
        drop(listing);
        assert_eq!(budget.bytes_left(), before);
        assert!(open().is_ok());
    }

    #[test]
    fn a_large_folder_of_the_host_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..100 {
            std::fs::write(folder.path().join(format!("{i:0200}")), "").unwrap();
        }
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let mount = Mount { dir, read_only: false, dev: 16, node: Weak::new() };
        let budget = Budget::new(10_000, 10);
        assert_eq!(mount.list(Path::new(""), most(&budget)).err(), Some(Errno::NOMEM));
        let budget = Budget::new(100_000, 10);
        assert_eq!(mount.list(Path::new(""), most(&budget)).unwrap().len(), 100);
    }
}
