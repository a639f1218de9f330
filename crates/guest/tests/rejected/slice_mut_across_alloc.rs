//! Allocating calls the guest.

use palisade::{Result, Store};
use palisade_guest::Guest;

fn fill(store: &mut Store<()>, guest: &Guest) -> Result<()> {
    let numbers = guest.view_mut(&mut *store).into_slice::<i32>(1024u32, 3)?;
    let block = guest.alloc::<i32>(&mut *store, 3)?;
    numbers.fill(1);
    block.free(store)
}

fn main() {}
