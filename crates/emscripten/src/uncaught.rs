//! What to say of a C++ exception that nobody caught: its type, and what its `what()` says.
//!
//! Layouts are those of the Itanium C++ ABI: a `type_info` is a vtable and a name, that of a class
//! with bases goes on with them, and an object of a class with virtual functions begins with its
//! vtable, in which `what` is the third function of `std::exception`.

use std::fmt;

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};
use palisade::{Error, Extern, Instance, Memory, SharedMemory, StoreContextMut, Table, Tag, Val};

use crate::ctx::Emscripten;
use crate::guest::{Guest, GuestMemory};

/// A C++ exception or `longjmp` that nobody in the guest has caught.
///
/// `error.downcast_ref::<UncaughtException>()` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncaughtException {
    /// The name of its type as in C++, if that could be found out.
    pub type_name: Option<String>,
    /// What its `what()` gives, if it is a `std::exception`.
    pub what: Option<String>,
}

impl fmt::Display for UncaughtException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.type_name {
            Some(name) => write!(f, "uncaught C++ exception of type {name}")?,
            None => f.write_str("uncaught C++ exception")?,
        }
        match &self.what {
            Some(what) => write!(f, ": {what}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UncaughtException {}

/// Base classes that are looked at, one after the other.
const MAX_BASES: u32 = 64;
/// Bytes of a name or message.
const MAX_TEXT: usize = 4096;
/// Parts within parts of a mangled name. The time to read one can double with each, so this is less
/// than what `cpp_demangle` allows by default.
const MAX_NESTING: u32 = 64;

/// The error for the exception that is pending in the store; `None` if it is not C++'s.
pub(crate) fn describe<T: 'static>(
    store: &mut StoreContextMut<'_, T>,
    instance: Instance,
    ctx: &(impl Fn(&mut T) -> &mut Emscripten + ?Sized),
) -> Option<Error> {
    let pending = store.take_pending_exception()?;
    let (tag, fields) = (pending.tag(&mut *store).ok()?, pending.fields(&mut *store).ok()?);
    let [Val::I32(value)] = fields[..] else {
        let _ = store.throw::<()>(pending);
        return None;
    };
    let data = ctx(store.data_mut());
    let own = data.exceptions.thrower.as_ref().map(|thrower| thrower.0);
    let memory = data.linked.memory.clone();
    let table = data.linked.table;
    let ours = own.is_some_and(|own| Tag::eq(&own, &tag, &*store));
    if ours && value == 0 {
        return Some(Error::msg("longjmp to where nothing waits for it"));
    }
    let thrown = with_memory(store, memory.clone(), |guest, store| match ours {
        true => ctx(store).exceptions.last_thrown(guest),
        false => of_wasm(guest, value.cast_unsigned()),
    });
    let Some((object, ty)) = thrown.flatten() else {
        let unknown = UncaughtException { type_name: None, what: None };
        return Some(Error::new(unknown));
    };
    let names = with_memory(store, memory.clone(), |guest, _| {
        (type_name(guest, ty), is_std_exception(guest, ty))
    });
    let (type_name, is_exception) = names?;
    let table =
        table.or_else(|| match instance.get_export(&mut *store, "__indirect_function_table") {
            Some(Extern::Table(table)) => Some(table),
            _ => None,
        });
    let what = is_exception.then(|| what(store, memory, table, object)).flatten();
    Some(Error::new(UncaughtException { type_name, what }))
}

/// The exception that WebAssembly's own exceptions carry: a pointer to what the unwinder knows of
/// it, with libc++abi's header in front of it and the object behind it.
fn of_wasm(guest: &Guest<'_>, unwind: u32) -> Option<(u32, u32)> {
    const HEADER: u32 = 48;
    const UNWIND: u32 = 32;
    let ty = guest.u32(unwind.checked_sub(HEADER)?).ok()?;
    Some((unwind.checked_add(UNWIND)?, ty))
}

fn with_memory<T: 'static, R>(
    store: &mut StoreContextMut<'_, T>,
    memory: Option<GuestMemory>,
    body: impl FnOnce(&mut Guest<'_>, &mut T) -> R,
) -> Option<R> {
    match memory? {
        GuestMemory::Own(memory) => {
            let memory: Memory = memory;
            let (bytes, data) = memory.data_and_store_mut(store);
            Some(body(&mut Guest::Own(bytes), data))
        }
        GuestMemory::Shared(memory) => {
            let memory: SharedMemory = memory;
            Some(body(&mut Guest::Shared(memory), store.data_mut()))
        }
    }
}

fn mangled_name(guest: &Guest<'_>, ty: u32) -> Option<String> {
    let name = guest.c_bytes(guest.u32(ty.checked_add(4)?).ok()?, MAX_TEXT).ok()??;
    let name = String::from_utf8(name).ok()?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())).then_some(name)
}

fn type_name(guest: &Guest<'_>, ty: u32) -> Option<String> {
    let mangled = mangled_name(guest, ty)?;
    Some(demangle(&mangled).unwrap_or(mangled))
}

/// A type's name as in C++. A short name can stand for one of any length, by referring to its own
/// parts again and again: longer ones than [`MAX_TEXT`] are not given.
fn demangle(mangled: &str) -> Option<String> {
    struct Limited(String);
    impl fmt::Write for Limited {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if self.0.len() + text.len() > MAX_TEXT {
                return Err(fmt::Error);
            }
            self.0.push_str(text);
            Ok(())
        }
    }
    // Names of types are mangled as parts of symbols.
    let symbol = format!("_ZTS{mangled}");
    let options = ParseOptions::default().recursion_limit(MAX_NESTING);
    let symbol = Symbol::new_with_options(&symbol, &options).ok()?;
    let mut text = Limited(String::new());
    symbol.structured_demangle(&mut text, &DemangleOptions::default()).ok()?;
    text.0.strip_prefix("typeinfo name for ").map(str::to_owned)
}

/// Whether a type is `std::exception` or has it as its first base, directly or not.
fn is_std_exception(guest: &Guest<'_>, ty: u32) -> bool {
    let mut at = ty;
    for _ in 0..MAX_BASES {
        match mangled_name(guest, at) {
            Some(name) if name == "St9exception" => return true,
            Some(_) => {}
            None => return false,
        }
        let Some(base) = at.checked_add(8).and_then(|at| guest.u32(at).ok()) else { return false };
        // With several bases there are flags and a count first, both small.
        at = match base {
            0..=3 => match at.checked_add(16).and_then(|at| guest.u32(at).ok()) {
                Some(first) => first,
                None => return false,
            },
            base => base,
        };
    }
    false
}

/// Calls `what()`.
fn what<T: 'static>(
    store: &mut StoreContextMut<'_, T>,
    memory: Option<GuestMemory>,
    table: Option<Table>,
    object: u32,
) -> Option<String> {
    let index = with_memory(store, memory.clone(), |guest, _| {
        let vtable = guest.u32(object).ok()?;
        guest.u32(vtable.checked_add(8)?).ok()
    })??;
    let entry = table?.get(&mut *store, index.into())?;
    let func = **entry.as_func()?.as_ref()?;
    let Ok(text) = func.typed::<u32, u32>(&*store).ok()?.call(&mut *store, object) else {
        // Nobody will ask what it has thrown.
        store.take_pending_exception();
        return None;
    };
    with_memory(store, memory, |guest, _| guest.text(text, MAX_TEXT))
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn names_of_types_are_those_of_cpp() {
        for (mangled, name) in [
            ("i", "int"),
            ("St13runtime_error", "std::runtime_error"),
            (
                "St3mapINSt3__112basic_stringIcNS0_11char_traitsIcEENS0_9allocatorIcEEEESt6vectorI\
                 N5boost16exception_detail10clone_implINS9_19error_info_injectorISt11logic_error\
                 EEEESaISD_EEE",
                "std::map<std::__1::basic_string<char, std::__1::char_traits<char>, \
                 std::__1::allocator<char> >, std::vector<boost::exception_detail::clone_impl<\
                 boost::exception_detail::error_info_injector<std::logic_error> >, \
                 std::allocator<boost::exception_detail::error_info_injector<std::logic_error> > \
                 > >",
            ),
        ] {
            assert_eq!(demangle(mangled).as_deref(), Some(name));
        }
    }

    /// A pair of two of the pair before, forty times, would be terabytes.
    #[test]
    fn names_that_grow_are_not_written_out() {
        let mut mangled = String::from("1TI1A1PIS0_S0_E");
        for place in 2..42 {
            let digit = char::from_digit(place % 36, 36).unwrap().to_ascii_uppercase();
            let place = if place < 36 { digit.to_string() } else { format!("1{digit}") };
            mangled += &format!("S1_IS{place}_S{place}_E");
            let name = demangle(&format!("{mangled}E"));
            assert!(name.is_none_or(|name| name.len() <= super::MAX_TEXT));
        }
        assert_eq!(demangle(&format!("{mangled}E")), None);
    }
}
