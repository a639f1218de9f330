//! Tables.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::vm::{StoreId, StoreOpaque, TableData};
use crate::{AsContext, AsContextMut, Ref, TableType};

/// A table of a store: references by index.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    store: StoreId,
    index: u32,
}

impl Table {
    /// Makes a table in `store` whose elements are all `init`.
    ///
    /// # Errors
    ///
    /// When `init` is not of the elements' type, or the store's limiter or the system refuses the table.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Ref) -> Result<Table> {
        let store = store.as_context_mut().opaque();
        if ty.maximum().is_some_and(|max| ty.minimum() > max) {
            return Err(Error::resource("table minimum exceeds its maximum"));
        }
        let init = init.to_raw_of(store, ty.element())?;
        let index = TableData::create(store, &ty, init, std::ptr::null())?;
        Ok(Table::from_index(store, index))
    }

    pub(crate) fn from_index(store: &StoreOpaque, index: u32) -> Table {
        Table { store: store.id(), index }
    }

    pub(crate) fn index(self, store: &StoreOpaque) -> u32 {
        store.check(self.store);
        self.index
    }

    /// Its declared type.
    pub fn ty(&self, store: impl AsContext) -> TableType {
        let store = store.as_context().opaque();
        store.table(self.index(store)).ty().clone()
    }

    /// Number of elements.
    pub fn size(&self, store: impl AsContext) -> u64 {
        let store = store.as_context().opaque();
        store.table(self.index(store)).len()
    }

    /// The element at `index`, or `None` beyond the end.
    pub fn get(&self, mut store: impl AsContextMut, index: u64) -> Option<Ref> {
        let store = store.as_context_mut().opaque();
        let table = store.table(self.index(store));
        let element = table.ty().element().clone();
        let raw = table.get(index)?;
        Some(Ref::from_raw(store, raw, &element))
    }

    /// Sets the element at `index`.
    ///
    /// # Errors
    ///
    /// When `index` is beyond the end or the value not of the elements' type.
    pub fn set(&self, store: impl AsContextMut, index: u64, value: Ref) -> Result<()> {
        self.fill(store, index, value, 1)
    }

    /// Adds `delta` elements of value `init` and returns the size before.
    ///
    /// # Errors
    ///
    /// When its maximum, the store's limiter or the system refuses, or `init` is not of the elements' type.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, init: Ref) -> Result<u64> {
        let store = store.as_context_mut().opaque();
        let index = self.index(store);
        let init = init.to_raw_of(store, &store.table(index).ty().element().clone())?;
        TableData::grow(store, index, delta, init)?
            .ok_or_else(|| Error::resource(format!("failed to grow table by `{delta}`")))
    }

    /// Sets `len` elements from `start` on.
    ///
    /// # Errors
    ///
    /// When they are not all within the table, or the value is not of the elements' type.
    pub fn fill(
        &self,
        mut store: impl AsContextMut,
        start: u64,
        value: Ref,
        len: u64,
    ) -> Result<()> {
        let store = store.as_context_mut().opaque();
        let index = self.index(store);
        let value = value.to_raw_of(store, &store.table(index).ty().element().clone())?;
        Ok(store.table_mut(index).fill(start, value, len)?)
    }

    /// Copies `len` elements from one table to another, or within one.
    ///
    /// # Errors
    ///
    /// When the element types differ, or a range is not within its table.
    pub fn copy(
        mut store: impl AsContextMut,
        to: &Table,
        start: u64,
        from: &Table,
        source: u64,
        len: u64,
    ) -> Result<()> {
        let store = store.as_context_mut().opaque();
        let (to, from) = (to.index(store), from.index(store));
        let (target, origin) = (store.table(to).ty().element(), store.table(from).ty().element());
        if !origin.matches(target) {
            return Err(Error::usage(format!("type mismatch: expected {target}, found {origin}")));
        }
        Ok(TableData::copy(store, to, start, from, source, len)?)
    }
}
