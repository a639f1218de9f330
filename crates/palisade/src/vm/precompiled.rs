//! Modules that were compiled before: the functions that trust what they are given.

use super::artifact::Artifact;
use crate::error::{Context, Result};
use crate::{Engine, Module};
use palisade_sys::FileMapping;
use std::fs::File;
use std::path::Path;

impl Module {
    /// A module from what [`Module::serialize`] or [`Engine::precompile_module`] has given.
    ///
    /// # Errors
    ///
    /// When the bytes are damaged, or were made by another version of Palisade, for another CPU, or by an engine with other
    /// settings.
    ///
    /// # Safety
    ///
    /// The bytes must be what those functions have given: whoever makes up others can run any code with them.
    pub unsafe fn deserialize(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        let artifact = Artifact::from_bytes(bytes.as_ref(), engine.identity())?;
        Module::from_artifact(engine, &artifact)
    }

    /// As [`Module::deserialize`], from a file, which is mapped: parts of it that are not needed are not read.
    ///
    /// # Errors
    ///
    /// Also when the file cannot be read; the error names it.
    ///
    /// # Safety
    ///
    /// As for [`Module::deserialize`]; and the file must not be changed as long as the module or an instance of it exists.
    /// (It may be removed, or another be put in its place.)
    pub unsafe fn deserialize_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        let named = || format!("failed to load compiled module `{}`", file.as_ref().display());
        let opened = File::open(file.as_ref()).with_context(named)?;
        // SAFETY: by the contract the file does not change.
        let mapping = unsafe { FileMapping::new(opened) }.with_context(named)?;
        let artifact = Artifact::from_file(mapping, engine.identity()).with_context(named)?;
        Module::from_artifact(engine, &artifact).with_context(named)
    }
}
