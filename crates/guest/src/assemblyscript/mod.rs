//! Guests written in AssemblyScript: strings, arrays and classes of its managed heap, and what its
//! modules import.
//!
//! Objects are reached by their addresses, and may be collected as soon as the guest runs, unless
//! something the guest has refers to them or they are pinned. What the host makes is pinned;
//! [`AssemblyScript::pin`] pins what it is given. Layouts are those of AssemblyScript 0.24 and
//! newer (its `rt/common.ts` and `shared/typeinfo.ts`). It compiles for 32-bit addresses only.

mod args;
mod env;
mod layout;
mod make;
mod object;

pub use args::{AsArray, AsStr, AsString, AsVec};
pub use env::{AsAbort, AssemblyScriptEnv, Level};
pub(crate) use make::{array, string};
pub use object::{AsObject, ObjectView};

use crate::heap::{Heap, Objects};
use crate::{AccessError, Address, Guest, GuestBox, GuestError, GuestPtr, Number};
use palisade::{AsContextMut, Extern, Result, StoreContext};

/// The managed heap of an AssemblyScript guest that was compiled with `--exportRuntime`.
///
/// ```
/// # use palisade::{Engine, Linker, Module, Store};
/// use palisade_guest::{AsStr, AsString, AssemblyScript, AssemblyScriptEnv, Guest};
///
/// # let wasm = std::fs::read("../../tests/guests/assemblyscript/text.wasm")?;
/// let engine = Engine::default();
/// // export function greet(name: string): string { return "Hello, " + name + "! 你好"; }
/// // export function range(n: i32): Array<i32> { ... }
/// let module = Module::new(&engine, wasm)?;
/// let mut linker = Linker::new(&engine);
/// AssemblyScriptEnv::new().add_to_linker(&mut linker)?;
/// let mut store = Store::new(&engine, ());
/// let instance = linker.instantiate(&mut store, &module)?;
/// let guest = Guest::new(&mut store, instance)?;
///
/// let greet = guest.func::<(AsStr,), AsString>(&mut store, "greet")?;
/// assert_eq!(greet.call(&mut store, (AsStr("Ada"),))?.0, "Hello, Ada! 你好");
///
/// let objects = AssemblyScript::of(&guest)?;
/// let range = guest.func::<(i32,), palisade_guest::GuestPtr<_>>(&mut store, "range")?;
/// let squares = range.call(&mut store, (4,))?;
/// assert_eq!(objects.view(&store).slice::<i32>(squares)?, [0, 1, 4, 9]);
/// # Ok::<(), palisade::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AssemblyScript {
    guest: Guest<u32>,
}

pub(crate) fn not_its_guest() -> GuestError {
    GuestError::NoAllocator("it is not an AssemblyScript guest, but has `malloc` or another".into())
}

impl AssemblyScript {
    /// That of `guest`.
    ///
    /// # Errors
    ///
    /// When the guest does not export AssemblyScript's runtime.
    pub fn of(guest: &Guest<u32>) -> Result<AssemblyScript> {
        match guest.heap()? {
            Heap::Objects(_) => Ok(AssemblyScript { guest: guest.clone() }),
            Heap::Pair { .. } => Err(not_its_guest().into()),
        }
    }

    fn objects(&self) -> Objects<u32> {
        match self.guest.heap() {
            Ok(Heap::Objects(objects)) => *objects,
            _ => unreachable!("looked at when this was made"),
        }
    }

    /// The guest.
    pub fn guest(&self) -> &Guest<u32> {
        &self.guest
    }

    /// Its objects, to be read.
    pub fn view<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> ObjectView<'a> {
        ObjectView::new(self.guest.view(store), Some(self.objects().rtti))
    }

    /// Keeps an object alive until the result is freed or dropped; also one that the guest does not
    /// refer to any more.
    ///
    /// # Errors
    ///
    /// When the address is null or cannot be that of an object. The guest aborts if the object is
    /// pinned already.
    pub fn pin<T>(&self, mut store: impl AsContextMut, at: GuestPtr<T>) -> Result<GuestBox<T>> {
        let (_, size) = self.view(store.as_context()).header(at)?;
        self.objects().pin.call(&mut store, (at.address(),))?;
        Ok(make::owned(&self.guest, at, size))
    }

    /// Undoes a pin that is no [`GuestBox`]'s.
    ///
    /// # Errors
    ///
    /// The guest aborts if the object is not pinned.
    pub fn unpin<T>(&self, store: impl AsContextMut, at: GuestPtr<T>) -> Result<()> {
        self.objects().unpin.call(store, (at.address(),))
    }

    /// Collects what is unreachable, all of it at once.
    ///
    /// # Errors
    ///
    /// When the guest fails.
    pub fn collect(&self, mut store: impl AsContextMut) -> Result<()> {
        self.guest.sweep(&mut store)?;
        self.objects().collect.call(store, ())
    }

    /// A class's id, which the module has to export: `export const Point_ID = idof<Point>();`.
    ///
    /// # Errors
    ///
    /// When there is no such global, or it is not an `i32`.
    pub fn class_id(&self, mut store: impl AsContextMut, name: &str) -> Result<u32> {
        match self.guest.instance().get_export(&mut store, name) {
            Some(Extern::Global(global)) => match global.get(store).i32() {
                Some(id) => Ok(id as u32),
                None => Err(self.no_class(name, "global of another type")),
            },
            Some(other) => Err(self.no_class(name, crate::export::kind(&other))),
            None => Err(GuestError::Missing {
                kind: "global",
                name: name.into(),
                hint: ": a class's id is exported by `export const NAME = idof<CLASS>()`".into(),
            }
            .into()),
        }
    }

    fn no_class(&self, name: &str, found: &'static str) -> palisade::Error {
        GuestError::WrongKind { name: name.into(), kind: "global of type i32", found }.into()
    }

    /// Makes a string.
    ///
    /// # Errors
    ///
    /// When the guest has no room, or fails.
    pub fn new_string(
        &self,
        mut store: impl AsContextMut,
        text: &str,
    ) -> Result<GuestBox<AsObject>> {
        let at = self.guest.scope(&mut store, |scope| {
            let at = string(scope, text)?;
            scope.release();
            Ok(at)
        })?;
        Ok(make::owned(&self.guest, at, 0))
    }

    /// Makes an `Array`, typed array or `StaticArray` of numbers, of this class, or an
    /// `ArrayBuffer` (whose class is 1) of `u8`.
    ///
    /// # Errors
    ///
    /// When the class is none of these or has elements of another type, the guest has no room, or
    /// it fails.
    pub fn new_array<T: Number>(
        &self,
        mut store: impl AsContextMut,
        class: u32,
        values: &[T],
    ) -> Result<GuestBox<AsObject>> {
        self.make_array(&mut store, class, layout::Element::of::<T>(), values)
    }

    /// Makes an `Array` or `StaticArray` of references to objects, which may be null.
    ///
    /// # Errors
    ///
    /// As [`new_array`](Self::new_array). That the objects are of the right class is not checked;
    /// they must be alive.
    pub fn new_references<T>(
        &self,
        mut store: impl AsContextMut,
        class: u32,
        objects: &[GuestPtr<T>],
    ) -> Result<GuestBox<AsObject>> {
        self.make_array(&mut store, class, layout::Element::REFERENCE, objects)
    }

    fn make_array<T: crate::GuestValue>(
        &self,
        mut store: impl AsContextMut,
        class: u32,
        element: layout::Element,
        values: &[T],
    ) -> Result<GuestBox<AsObject>> {
        let (at, buffer) = self.guest.scope(&mut store, |scope| {
            let made = array(scope, class, element, values)?;
            scope.release();
            Ok(made)
        })?;
        // The array refers to its buffer now, which need not be pinned any more. Both are unpinned
        // if that fails.
        let array = make::owned(&self.guest, at, 0);
        if let Some(buffer) = buffer {
            make::owned::<AsObject>(&self.guest, buffer, 0).free(&mut store)?;
        }
        Ok(array)
    }

    /// An object of a class as a record of its fields; see [`ObjectView::get`].
    ///
    /// # Errors
    ///
    /// When the object is of another class or smaller than the record, or the guest has no room or
    /// fails.
    pub fn new_object<R: crate::GuestRecord>(
        &self,
        mut store: impl AsContextMut,
        class: u32,
        fields: &R,
    ) -> Result<GuestBox<R>> {
        let at = self.guest.scope(&mut store, |scope| {
            let at = make::record(scope, class, fields)?;
            scope.release();
            Ok(at)
        })?;
        Ok(make::owned(&self.guest, at, R::END))
    }
}

/// A new object that is not pinned yet, checked to be one.
pub(crate) fn new_object<A: Address>(
    guest: &Guest<A>,
    objects: &Objects<A>,
    mut store: impl AsContextMut,
    size: usize,
    class: u32,
) -> Result<A> {
    if size > layout::MAX_OBJECT_BYTES {
        let (len, limit) = (size as u64, layout::MAX_OBJECT_BYTES as u64);
        return Err(AccessError::TooLong { len, limit }.into());
    }
    let (at,) = objects.new.call(&mut store, (A::truncate(size as u64), class))?;
    let memory = guest.memory().data_size(store.as_context());
    crate::heap::check_allocation(at.into(), size as u64, layout::OBJECT_ALIGN, memory)?;
    Ok(at)
}
