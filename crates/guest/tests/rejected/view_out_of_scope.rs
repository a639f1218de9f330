//! What a scope has allocated is freed when it ends.

use palisade::{Result, Store};
use palisade_guest::{Encoding, Guest};

fn text<'a>(store: &'a mut Store<()>, guest: &Guest) -> Result<&'a str> {
    guest.scope(store, |scope| {
        let at = scope.text("abc", Encoding::Utf8)?;
        Ok(scope.view().c_str(at)?)
    })
}

fn main() {}
