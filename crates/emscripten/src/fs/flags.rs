//! Flags of `open`, as musl for Emscripten has them (`bits/fcntl.h`).

pub(crate) const ACCESS: u32 = 0o3;
pub(crate) const READ: u32 = 0;
pub(crate) const WRITE: u32 = 1;
pub(crate) const CREATE: u32 = 0o100;
pub(crate) const EXCLUSIVE: u32 = 0o200;
pub(crate) const TRUNCATE: u32 = 0o1000;
pub(crate) const APPEND: u32 = 0o2000;
pub(crate) const NON_BLOCK: u32 = 0o4000;
pub(crate) const DIRECTORY: u32 = 0o200_000;
pub(crate) const NO_FOLLOW: u32 = 0o400_000;
/// Only names the file.
pub(crate) const PATH: u32 = 0o10_000_000;
/// What `fcntl` can change later.
pub(crate) const CHANGEABLE: u32 = APPEND | NON_BLOCK;
