//! How a guest's `proc_exit` reaches the host.

use std::fmt;

/// The error with which a guest's call ends when it called `proc_exit`; holds the exit code, or
/// 128 and the number of the signal when the guest raised one that ends a process.
///
/// A code of zero is success, but it is an error here all the same: the guest stopped running
/// and its call has no results.
///
/// `error.downcast_ref::<I32Exit>()` tells it apart from traps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct I32Exit(pub i32);

impl fmt::Display for I32Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exited with status {}", self.0)
    }
}

impl std::error::Error for I32Exit {}
