//! Globals.

use super::ValRaw;
use super::store::StoreOpaque;
use palisade_environ::{GlobalType, ValType, VmGlobal};
use std::ptr::NonNull;

/// A global that the store knows: made by the host, or of an instance.
///
/// Invariant: `place` is in a box of this value or in the vmctx of an instance of the same store.
pub(crate) struct GlobalData {
    place: NonNull<VmGlobal>,
    ty: GlobalType,
    /// The storage, for globals that the host has made.
    _owned: Option<Box<VmGlobal>>,
}

impl GlobalData {
    /// Makes a global in `store` and returns its index.
    pub(crate) fn create(store: &mut StoreOpaque, ty: GlobalType, value: ValRaw) -> u32 {
        let mut owned = Box::new(VmGlobal(value.to_bytes()));
        let place = NonNull::from(&mut *owned);
        store.globals.push(GlobalData { place, ty, _owned: Some(owned) });
        store.globals.len() as u32 - 1
    }

    /// Lists the global of an instance at `place`, which must be in that instance's vmctx.
    pub(super) fn of_instance(
        store: &mut StoreOpaque,
        ty: GlobalType,
        place: NonNull<VmGlobal>,
    ) -> u32 {
        store.globals.push(GlobalData { place, ty, _owned: None });
        store.globals.len() as u32 - 1
    }

    /// Its type.
    pub(crate) fn ty(&self) -> &GlobalType {
        &self.ty
    }

    pub(super) fn place(&self) -> *mut VmGlobal {
        self.place.as_ptr()
    }

    /// Its value.
    pub(crate) fn get(&self) -> ValRaw {
        // SAFETY: the place is valid by the invariant; `&self` is borrowed from the store, so no wasm runs.
        ValRaw::from_bytes(unsafe { self.place.read() }.0)
    }

    /// Changes its value, which must be of its type.
    pub(crate) fn set(&self, value: ValRaw) {
        // SAFETY: as in `get`.
        unsafe { self.place.write(VmGlobal(value.to_bytes())) };
    }
}

impl StoreOpaque {
    /// Visits every global of the store: those that the host has made, and those that instances define.
    pub(super) fn for_each_global(&self, mut visit: impl FnMut(&ValType, u64)) {
        for global in &self.globals {
            visit(global.ty.content(), global.get().u64());
        }
        for instance in &self.instances {
            instance.for_each_defined_global(&mut visit);
        }
    }
}
