//! A field is that of its record.

use palisade_guest::{GuestPtr, GuestRecord};

#[derive(GuestRecord)]
struct Point {
    x: f64,
}

#[derive(GuestRecord)]
struct Line {
    from: Point,
}

fn x(line: GuestPtr<Line>) -> GuestPtr<f64> {
    line.field(Point::FIELDS.x)
}

fn main() {}
