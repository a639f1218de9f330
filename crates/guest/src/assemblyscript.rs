//! stub
use crate::heap::Objects;
use crate::*;
use palisade::{AsContextMut, Result};
pub(crate) fn not_its_guest() -> GuestError { GuestError::NoAllocator("not".into()) }
pub(crate) fn new_object<A: Address>(_: &Guest<A>, _: &Objects<A>, _: impl AsContextMut, _: usize, _: u32) -> Result<A> { unimplemented!() }
pub struct AsStr; pub struct AsArray; pub struct AsString; pub struct AssemblyScript;
