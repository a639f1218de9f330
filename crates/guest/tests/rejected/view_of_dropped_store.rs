//! The memory is the store's.

use palisade::Store;
use palisade_guest::{AccessError, Guest};

fn read(store: Store<()>, guest: &Guest) -> Result<u8, AccessError> {
    let bytes = guest.view(&store).bytes(0u32, 1)?;
    drop(store);
    Ok(bytes[0])
}

fn main() {}
