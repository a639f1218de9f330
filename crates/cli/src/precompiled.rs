//! The one call for which this crate needs `unsafe`: running machine code from a file.

#![allow(unsafe_code)]

use palisade::{Engine, Module, Result};
use std::path::Path;

/// Loads what `palisade compile` has written.
pub(crate) fn load(engine: &Engine, file: &Path) -> Result<Module> {
    // SAFETY: that it was written by `palisade compile` and is not overwritten meanwhile is for the user to know who asks
    // to run it, as with any program; the help says so.
    unsafe { Module::deserialize_file(engine, file) }
}
