//! A field that no guest has a layout for.

use palisade_guest::GuestRecord;

#[derive(GuestRecord)]
struct Named {
    id: i32,
    name: String,
}

fn main() {}
