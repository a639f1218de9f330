//! Talking to guests.

#![forbid(unsafe_code)]


mod error;
mod address;
mod value;
mod record;
mod view;
mod values;
mod text;
mod guest;
mod export;
mod heap;
mod stack;
mod owned;
mod scope;
mod func;
mod flat;
mod args;
mod results;
mod callback;
mod assemblyscript;

pub use address::{Address, GuestPtr, PointsTo};
pub use args::{GuestArg, Latin1, Utf16, WithLen};
pub use callback::{Callback, IntoCallback};
pub use error::{AccessError, GuestError};
pub use flat::{Append, One, Push, Two};
pub use func::{Entry, GuestFunc, GuestParams, GuestResults};
pub use guest::{DEFAULT_STACK_LIMIT, Guest, GuestBuilder};
pub use owned::GuestBox;
pub use palisade_guest_derive::GuestRecord;
pub use record::{Field, GuestRecord, RecordLayout};
pub use results::{Freed, GuestResult};
pub use scope::Scope;
pub use text::{Encoding, Extent};
pub use value::{GuestValue, Number};
pub use values::Values;
pub use view::{DEFAULT_TEXT_LIMIT, View, ViewMut};
