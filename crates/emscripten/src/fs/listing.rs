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
        let bytes: usize =
            entries.iter().map(|entry| size_of::<Entry>() + entry.name.capacity()).sum();
        let counted = (bytes as u64).saturating_sub(FREE);
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
    use crate::ctx::now;
    use crate::errno::Errno;
    use crate::fs::node::Budget;
    use crate::fs::{Files, flags};
    use crate::stream::{Input, Output};

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
}
