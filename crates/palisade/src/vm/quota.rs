//! How many things of a kind may live at the same time.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A limit, and how many of it are taken.
pub(crate) struct Quota {
    kind: &'static str,
    limit: u32,
    taken: AtomicU32,
}

/// One of a quota's, until it is dropped.
pub(crate) struct Permit(Arc<Quota>);

impl Quota {
    pub(crate) fn new(kind: &'static str, limit: u32) -> Arc<Quota> {
        Arc::new(Quota { kind, limit, taken: AtomicU32::new(0) })
    }

    /// One more.
    ///
    /// # Errors
    ///
    /// When as many are taken as may be.
    pub(crate) fn take(self: &Arc<Quota>) -> Result<Permit> {
        let more = |taken| (taken < self.limit).then_some(taken + 1);
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Permit(self.clone())),
            Err(_) => Err(limit_reached(self.kind, self.limit)),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn limit_reached(kind: &str, limit: u32) -> Error {
    Error::resource(format!("maximum concurrent limit of {limit} for {kind} reached"))
}
