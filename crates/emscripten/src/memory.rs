//! Growing the guest's memory when its `malloc` asks for it.

use palisade::{Caller, Result};

use crate::guest::GuestMemory;
use crate::host::memory::{out_of_memory, sizes_to_try};
use crate::link::{Context, enter};

const PAGE: u64 = 65536;

/// Grows the memory to at least `requested` bytes: 1 if it could.
///
/// # Errors
///
/// When it could not, and the program is to be aborted for that.
pub(crate) fn resize<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    requested: u32,
) -> Result<u32> {
    let (guest, data) = enter(caller, ctx)?;
    let size = guest.len() as u64;
    if u64::from(requested) <= size {
        // Another thread has grown it, or the guest asks for nothing.
        return Ok(u32::from(matches!(data.linked.memory, Some(GuestMemory::Shared(_)))));
    }
    let limit = data.linked.memory_max.unwrap_or(u64::MAX).min((1 << 32) - PAGE);
    let memory = data.linked.memory.clone();
    let shared = matches!(memory, Some(GuestMemory::Shared(_)));
    for target in sizes_to_try(size, requested.into(), limit) {
        let pages = (target - size) / PAGE;
        let grown = match &memory {
            Some(GuestMemory::Own(memory)) => memory.grow(&mut *caller, pages),
            Some(GuestMemory::Shared(memory)) => memory.grow_in(&mut *caller, pages),
            None => break,
        };
        if grown.is_ok() {
            return Ok(1);
        }
        // Another thread may have been faster.
        if shared && enter(caller, ctx)?.0.len() as u64 >= requested.into() {
            return Ok(1);
        }
    }
    out_of_memory(ctx(caller.data_mut()), requested)
}
