//! What one guest has of the host: the state behind all functions.
//!
//! [`Shared`] is what threads of a guest have in common; the rest belongs to one instance.

use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use palisade::{Error, Func, Table, TypedFunc};

use crate::exceptions::Exceptions;
use crate::fs::Files;
use crate::fs::stat::Layout;
use crate::guest::{Guest, GuestMemory};
use crate::import_map::ImportMap;
use crate::names::Names;
use crate::signature::Args;
use crate::threads::Member;
use crate::timers::Timers;

/// What happens when a guest wants more memory than there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnOom {
    /// It ends with an error that says so, as by Emscripten's `-sABORTING_MALLOC`.
    Abort,
    /// Its allocation gives NULL.
    Null,
}

/// Arguments, environment, streams, files and exceptions of one guest.
///
/// Made by an [`EmscriptenBuilder`](crate::EmscriptenBuilder), kept in the data of a store, which
/// then can have one [`Program`](crate::Program). Clones share all of that.
pub struct Emscripten {
    pub(crate) shared: Arc<Shared>,
    pub(crate) linked: Linked,
    pub(crate) exceptions: Exceptions,
    pub(crate) timers: Timers,
    /// The upper half of a 64-bit result, or the second one of some functions.
    pub(crate) temp_ret0: u32,
    /// To which threads it belongs, if there can be threads.
    pub(crate) member: Option<Member>,
}

impl Clone for Emscripten {
    /// A context of the same arguments, environment, streams and files, for another store: that of
    /// a thread.
    fn clone(&self) -> Emscripten {
        Emscripten::new(self.shared.clone())
    }
}

/// What does not change with the instance.
pub(crate) struct Shared {
    /// Each without its terminating NUL; the first is the program's name.
    pub(crate) args: Vec<Vec<u8>>,
    /// Each `key=value`, without its terminating NUL.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) files: Mutex<Files>,
    pub(crate) on_oom: Option<OnOom>,
    pub(crate) layout: Option<Layout>,
    pub(crate) import_map: Option<ImportMap>,
    /// Names of hosts.
    pub(crate) names: Arc<Mutex<Names>>,
    pub(crate) began: Instant,
    /// Held while the host counts references of an exception, which may be several threads'.
    pub(crate) references: Mutex<()>,
}

/// What the host uses of the instance.
#[derive(Default)]
pub(crate) struct Linked {
    pub(crate) memory: Option<GuestMemory>,
    /// In bytes; none if the memory's type has no maximum.
    pub(crate) memory_max: Option<u64>,
    pub(crate) memory_fixed: bool,
    pub(crate) table: Option<Table>,
    pub(crate) layout: Option<Layout>,
    pub(crate) malloc: Option<TypedFunc<u32, u32>>,
    pub(crate) free: Option<TypedFunc<u32, ()>>,
    pub(crate) memalign: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) stack_save: Option<TypedFunc<(), u32>>,
    pub(crate) can_catch: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) is_pointer_type: Option<TypedFunc<u32, u32>>,
    pub(crate) get_exception_ptr: Option<TypedFunc<u32, u32>>,
    pub(crate) increment_refcount: Option<TypedFunc<u32, ()>>,
    pub(crate) decrement_refcount: Option<TypedFunc<u32, ()>>,
    pub(crate) set_threw: Option<TypedFunc<(u32, u32), ()>>,
    /// Of the versions that keep the temporary result in the guest.
    pub(crate) set_temp_ret0: Option<TypedFunc<u32, ()>>,
    /// Runs what the program has registered for its exit.
    pub(crate) at_exit: Option<TypedFunc<(), ()>>,
    pub(crate) flush: Option<Func>,
    /// Raises a signal.
    pub(crate) raise: Option<Func>,
    /// Tells the C library that an interval timer is due.
    pub(crate) timeout: Option<Func>,
    /// Whether the module can leave its functions and come back to them (-sASYNCIFY).
    pub(crate) asyncify: bool,
}

impl std::fmt::Debug for Emscripten {
    /// Without the contents of arguments and environment, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emscripten").finish_non_exhaustive()
    }
}

/// A store with a context can move to another thread.
const _: () = {
    const fn send<T: Send>() {}
    send::<Emscripten>();
};

impl Emscripten {
    pub(crate) fn new(shared: Arc<Shared>) -> Emscripten {
        Emscripten {
            shared,
            linked: Linked::default(),
            exceptions: Exceptions::default(),
            timers: Timers::default(),
            temp_ret0: 0,
            member: None,
        }
    }

    /// The upper half of the 64-bit result of the last call of an export, where these are in two
    /// halves (built without `-sWASM_BIGINT`).
    pub fn temp_ret0(&self) -> u32 {
        self.temp_ret0
    }

    pub(crate) fn layout(&self) -> Layout {
        self.linked.layout.unwrap_or(Layout::New)
    }

    /// The value of a variable of the guest's environment, as it began with.
    pub(crate) fn variable(&self, name: &str) -> Option<&[u8]> {
        let variables = self.shared.env.iter();
        variables.filter_map(|variable| variable.strip_prefix(name.as_bytes())).find_map(|rest| {
            let (equals, value) = rest.split_first()?;
            (*equals == b'=').then_some(value)
        })
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    }
}

/// One call of a host function that does not call the guest back.
pub(crate) struct Call<'a> {
    pub(crate) ctx: &'a mut Emscripten,
    pub(crate) guest: Guest<'a>,
    pub(crate) args: Args<'a>,
}

/// The program has ended itself: by `abort`, a failed assertion, or because it is out of memory.
///
/// `error.downcast_ref::<Aborted>()` tells it apart from traps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aborted(pub String);

impl std::fmt::Display for Aborted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Aborted {}

/// An error that says why the program is aborted.
pub(crate) fn aborted(why: impl std::fmt::Display) -> Error {
    Error::new(Aborted(why.to_string()))
}
