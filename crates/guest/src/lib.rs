//! Talking to guests.

#![forbid(unsafe_code)]

mod address;
mod args;
mod assemblyscript;
mod callback;
mod error;
mod export;
mod flat;
mod func;
mod guest;
mod heap;
mod owned;
mod record;
mod results;
mod scope;
mod stack;
mod text;
mod value;
mod values;
mod view;

pub use address::{Address, GuestPtr, PointsTo};
pub use args::{GuestArg, Latin1, Utf16, WithLen};
pub use assemblyscript::{
    AsAbort, AsArray, AsObject, AsStr, AsString, AsVec, AssemblyScript, AssemblyScriptEnv, Level,
    ObjectView,
};
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
