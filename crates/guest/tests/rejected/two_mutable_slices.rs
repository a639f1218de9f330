//! Two slices that may be the same bytes.

use palisade_guest::{AccessError, ViewMut};

fn swap(view: &mut ViewMut<'_>) -> Result<(), AccessError> {
    let first = view.slice_mut::<u8>(0u32, 8)?;
    let second = view.slice_mut::<u8>(4u32, 8)?;
    first.swap_with_slice(second);
    Ok(())
}

fn main() {}
