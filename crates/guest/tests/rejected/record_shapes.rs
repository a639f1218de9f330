//! What cannot be a record.

use palisade_guest::GuestRecord;

#[derive(GuestRecord)]
struct Generic<T> {
    value: T,
}

#[derive(GuestRecord)]
enum Choice {
    One,
    Two,
}

#[derive(GuestRecord)]
struct Empty {}

#[derive(GuestRecord)]
#[guest(align = 4)]
struct Aligned {
    value: u8,
}

fn main() {}
