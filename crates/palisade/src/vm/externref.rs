//! Values of the host that guests hold references to.
//!
//! An externref is a handle, 0 for null, into the store's table of host values. The host itself holds *roots*, which
//! belong to a scope: those made while a host function runs end with it, others with their `RootScope` or the store.
//! A collection keeps what roots, tables and globals refer to. It runs only while no wasm of the store is on a stack,
//! so that no reference hides in a frame; compiled frames have no stack maps yet.

use super::store::{StoreId, StoreOpaque};
use crate::error::{Error, Result};
use palisade_environ::{HeapType, RefType, ValType};
use std::any::Any;

type HostValue = Box<dyn Any + Send + Sync>;

/// Host values and the roots that hold them.
pub(crate) struct RefTable {
    /// Handle `n` is entry `n - 1`.
    values: Vec<Option<HostValue>>,
    free: Vec<u32>,
    roots: Vec<Root>,
    /// Counts scopes that have ended, so that their roots are not taken for later ones.
    generation: u64,
    /// A collection is tried when this many values are held.
    threshold: usize,
}

struct Root {
    handle: u32,
    generation: u64,
}

/// Values held before the first collection is tried.
const FIRST_THRESHOLD: usize = 1024;

impl Default for RefTable {
    fn default() -> Self {
        RefTable {
            values: Vec::new(),
            free: Vec::new(),
            roots: Vec::new(),
            generation: 0,
            threshold: FIRST_THRESHOLD,
        }
    }
}

/// A root, as the public API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RootedRef {
    store: StoreId,
    place: u32,
    generation: u64,
}

impl StoreOpaque {
    /// Holds `value` and roots it.
    pub(crate) fn new_externref(&mut self, value: HostValue) -> Result<RootedRef> {
        if self.refs.values.len() - self.refs.free.len() >= self.refs.threshold {
            self.collect_externrefs();
        }
        let handle = match self.refs.free.pop() {
            Some(handle) => handle,
            None => {
                self.refs.values.push(None);
                u32::try_from(self.refs.values.len())
                    .map_err(|_| Error::resource("too many host values in a store"))?
            }
        };
        self.refs.values[handle as usize - 1] = Some(value);
        Ok(self.root(handle))
    }

    /// Roots what compiled code calls `raw`; `None` is null.
    pub(crate) fn root_externref(&mut self, raw: u64) -> Option<RootedRef> {
        let handle = u32::try_from(raw).expect("externrefs are 32-bit handles");
        (handle != 0).then(|| self.root(handle))
    }

    fn root(&mut self, handle: u32) -> RootedRef {
        let generation = self.refs.generation;
        self.refs.roots.push(Root { handle, generation });
        let place = (self.refs.roots.len() - 1) as u32;
        RootedRef { store: self.id(), place, generation }
    }

    /// As compiled code sees it.
    pub(crate) fn externref_raw(&self, rooted: RootedRef) -> Result<u64> {
        self.check(rooted.store);
        let root = self.refs.roots.get(rooted.place as usize);
        match root.filter(|root| root.generation == rooted.generation) {
            Some(root) => Ok(u64::from(root.handle)),
            None => Err(Error::usage("a reference is used after the scope that rooted it")),
        }
    }

    /// The host value.
    pub(crate) fn externref_value(&self, rooted: RootedRef) -> Result<&(dyn Any + Send + Sync)> {
        let handle = self.externref_raw(rooted)?;
        let value = self.refs.values[handle as usize - 1].as_ref();
        Ok(&**value.expect("a rooted value is kept"))
    }

    /// The host value, to be changed.
    pub(crate) fn externref_value_mut(
        &mut self,
        rooted: RootedRef,
    ) -> Result<&mut (dyn Any + Send + Sync)> {
        let handle = self.externref_raw(rooted)?;
        let value = self.refs.values[handle as usize - 1].as_mut();
        Ok(&mut **value.expect("a rooted value is kept"))
    }

    /// Begins a scope of roots; [`Self::end_root_scope`] takes the result.
    #[inline]
    pub(crate) fn begin_root_scope(&self) -> usize {
        self.refs.roots.len()
    }

    /// Ends the scope that began with `depth`: its roots no longer hold anything.
    #[inline]
    pub(crate) fn end_root_scope(&mut self, depth: usize) {
        if self.refs.roots.len() > depth {
            self.refs.roots.truncate(depth);
            self.refs.generation += 1;
        }
    }

    /// Drops the host values that nothing refers to any more. Does nothing while wasm of this store is active.
    pub(crate) fn collect_externrefs(&mut self) {
        if self.is_active() {
            return;
        }
        let mut live = vec![false; self.refs.values.len()];
        let mut mark = |raw: u64| {
            if let Some(place) = (raw as usize).checked_sub(1) {
                live[place] = true;
            }
        };
        self.refs.roots.iter().for_each(|root| mark(root.handle.into()));
        self.tables.iter().for_each(|table| table.for_each_externref(&mut mark));
        self.for_each_global(|ty, raw| {
            if matches!(ty, ValType::Ref(ty) if ty.heap_type().top() == HeapType::Extern) {
                mark(raw);
            }
        });
        for (place, value) in self.refs.values.iter_mut().enumerate() {
            if value.is_some() && !live[place] {
                *value = None;
                self.refs.free.push(place as u32 + 1);
            }
        }
        let held = self.refs.values.len() - self.refs.free.len();
        self.refs.threshold = FIRST_THRESHOLD.max(held * 2);
    }
}

/// Whether references of this type are handles of host values.
pub(super) fn is_externref(ty: &RefType) -> bool {
    ty.heap_type().top() == HeapType::Extern
}
