//! A call may grow the memory, so no view lives across it.

use palisade::{Result, Store};
use palisade_guest::{Guest, GuestFunc};

fn sum(store: &mut Store<()>, guest: &Guest, grow: &GuestFunc<(i32,), i32>) -> Result<i32> {
    let numbers = guest.view(&*store).slice::<i32>(1024u32, 3)?;
    grow.call(&mut *store, (1,))?;
    Ok(numbers.iter().sum())
}

fn main() {}
