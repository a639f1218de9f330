//! Tables.
//!
//! A table of functions holds entries with all that a call needs; a table of other references holds handles. Growth
//! may move the entries: compiled code reads base and length anew unless the table's type fixes its size.

use super::quota::{Permit, Quota};
use super::refs::is_handle;
use super::store::{FuncPtr, StoreOpaque};
use crate::error::{Error, Result};
use palisade_environ::{HeapType, TableType, Trap, VmFuncRef, VmTable, VmTableEntry};

/// Elements that a table has at most, whatever its type says; the limit that engines have agreed on for the web.
const MAX_ELEMENTS: u64 = 10_000_000;

const NULL: VmTableEntry = VmTableEntry {
    code: std::ptr::null(),
    vmctx: std::ptr::null_mut(),
    signature: 0,
    own_signature: 0,
    func_ref: std::ptr::null(),
};

/// A table of a store.
///
/// Invariant: `vm` describes the elements of `elements`.
#[repr(C)]
pub(crate) struct TableData {
    vm: VmTable,
    ty: TableType,
    /// The vmctx of the instance that defines it; null if the host made it. Only ever compared.
    owner: *const u8,
    elements: Elements,
    /// Elements that it may have, whatever its type says.
    limit: u64,
    _permit: Option<Permit>,
}

enum Elements {
    Funcs(Vec<VmTableEntry>),
    Handles(Vec<u64>),
}

impl TableData {
    /// Makes a table in `store` whose elements are all `init`, a reference as compiled code sees it. `owner` is the vmctx
    /// of the instance that defines the table, or null.
    pub(crate) fn create(
        store: &mut StoreOpaque,
        ty: &TableType,
        init: u64,
        owner: *const u8,
    ) -> Result<u32> {
        let count = store.tables.len();
        store.check_count("table", count, |limiter| limiter.tables())?;
        let maximum = ty.maximum().map(|max| max as usize);
        let (mut limit, mut permit) = (MAX_ELEMENTS, None);
        if let (false, Some(pooling)) = (owner.is_null(), store.engine().config().pooling()) {
            limit = limit.min(pooling.table_elements as u64);
            permit = store.engine().table_quota().map(Quota::take).transpose()?;
        }
        let minimum = ty.minimum();
        let allowed = store.limit(|limiter| limiter.table_growing(0, minimum as usize, maximum));
        if allowed.transpose()? == Some(false) || minimum > limit {
            return Err(Error::resource(format!(
                "table minimum size of {minimum} elements exceeds table limits"
            )));
        }
        let elements = match ty.element().heap_type().top() {
            HeapType::Func => Elements::Funcs(Vec::new()),
            _ => Elements::Handles(Vec::new()),
        };
        let vm = VmTable { base: std::ptr::null_mut(), len: 0 };
        let mut table =
            Box::new(TableData { vm, ty: ty.clone(), owner, elements, limit, _permit: permit });
        if !table.extend(minimum as usize, init) {
            return Err(Error::resource(format!("no memory for a table of {minimum} elements")));
        }
        store.tables.push(table);
        Ok(count as u32)
    }

    /// Its declared type.
    pub(crate) fn ty(&self) -> &TableType {
        &self.ty
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> u64 {
        self.vm.len as u64
    }

    /// What compiled code reads.
    pub(super) fn vm(&mut self) -> *mut VmTable {
        &raw mut self.vm
    }

    pub(super) fn base(&self) -> *mut u8 {
        self.vm.base
    }

    /// The element at `index`, as compiled code sees a reference.
    pub(crate) fn get(&self, index: u64) -> Option<u64> {
        let index = usize::try_from(index).ok()?;
        match &self.elements {
            Elements::Funcs(entries) => {
                entries.get(index).map(|entry| entry.func_ref as usize as u64)
            }
            Elements::Handles(handles) => handles.get(index).copied(),
        }
    }

    /// Sets `len` elements from `start` to `value`.
    pub(crate) fn fill(&mut self, start: u64, value: u64, len: u64) -> Result<(), Trap> {
        let range = range(start, len, self.vm.len)?;
        match &mut self.elements {
            Elements::Funcs(entries) => entries[range].fill(entry(value, self.owner)),
            Elements::Handles(handles) => handles[range].fill(value),
        }
        Ok(())
    }

    /// Writes `values` from `start` on, of which `len` follow.
    pub(super) fn write(
        &mut self,
        start: u64,
        len: u64,
        values: impl Iterator<Item = u64>,
    ) -> Result<(), Trap> {
        let range = range(start, len, self.vm.len)?;
        match &mut self.elements {
            Elements::Funcs(entries) => {
                let entries = entries[range].iter_mut().zip(values);
                entries.for_each(|(e, value)| *e = entry(value, self.owner));
            }
            Elements::Handles(handles) => {
                handles[range].iter_mut().zip(values).for_each(|(e, value)| *e = value);
            }
        }
        Ok(())
    }

    /// Copies `len` elements between tables of a store, or within one, as if through a buffer.
    pub(crate) fn copy(
        store: &mut StoreOpaque,
        to: u32,
        start: u64,
        from: u32,
        source: u64,
        len: u64,
    ) -> Result<(), Trap> {
        let read = range(source, len, store.tables[from as usize].vm.len)?;
        let written = range(start, len, store.tables[to as usize].vm.len)?;
        if to == from {
            match &mut store.tables[to as usize].elements {
                Elements::Funcs(entries) => entries.copy_within(read, written.start),
                Elements::Handles(handles) => handles.copy_within(read, written.start),
            }
            return Ok(());
        }
        let [table, from] = store
            .tables
            .get_disjoint_mut([to as usize, from as usize])
            .expect("two tables of this store");
        match (&mut table.elements, &from.elements) {
            (Elements::Funcs(to), Elements::Funcs(from)) => {
                let owner = table.owner;
                for (to, from) in to[written].iter_mut().zip(&from[read]) {
                    *to = owned_by(owner, *from);
                }
            }
            (Elements::Handles(to), Elements::Handles(from)) => {
                to[written].copy_from_slice(&from[read]);
            }
            _ => unreachable!("validated: both tables hold references of one kind"),
        }
        Ok(())
    }

    /// Adds `delta` elements of value `init`; the old size, or `None` if that cannot be.
    ///
    /// # Errors
    ///
    /// Only what the store's limiter raises.
    pub(crate) fn grow(
        store: &mut StoreOpaque,
        index: u32,
        delta: u64,
        init: u64,
    ) -> Result<Option<u64>> {
        let table = &store.tables[index as usize];
        let old = table.len();
        let maximum = table.ty.maximum();
        let limit = maximum.unwrap_or(u64::MAX).min(table.limit);
        let Some(new) = old.checked_add(delta).filter(|new| *new <= limit || delta == 0) else {
            let error = Error::resource("table growth beyond its maximum");
            store.limit(|limiter| limiter.table_grow_failed(error)).transpose()?;
            return Ok(None);
        };
        let allowed = store.limit(|limiter| {
            limiter.table_growing(old as usize, new as usize, maximum.map(|max| max as usize))
        });
        if allowed.transpose()? == Some(false) {
            return Ok(None);
        }
        if !store.tables[index as usize].extend(new as usize, init) {
            let error = Error::resource(format!("no memory for a table of {new} elements"));
            store.limit(|limiter| limiter.table_grow_failed(error)).transpose()?;
            return Ok(None);
        }
        Ok(Some(old))
    }

    /// Makes it `len` elements long; whether there was memory for that.
    fn extend(&mut self, len: usize, init: u64) -> bool {
        let added = len - self.vm.len;
        let (base, reserved) = match &mut self.elements {
            Elements::Funcs(entries) => {
                let reserved = entries.try_reserve_exact(added).is_ok();
                if reserved {
                    entries.resize(len, entry(init, self.owner));
                }
                (entries.as_mut_ptr().cast::<u8>(), reserved)
            }
            Elements::Handles(handles) => {
                let reserved = handles.try_reserve_exact(added).is_ok();
                if reserved {
                    handles.resize(len, init);
                }
                (handles.as_mut_ptr().cast::<u8>(), reserved)
            }
        };
        if reserved {
            self.vm = VmTable { base, len };
        }
        reserved
    }

    /// Visits its handles of host values.
    pub(super) fn for_each_handle(&self, visit: &mut dyn FnMut(u64)) {
        if let (Elements::Handles(handles), true) = (&self.elements, is_handle(self.ty.element())) {
            handles.iter().for_each(|handle| visit(*handle));
        }
    }
}

/// The entry for a function reference in a table of `owner`.
fn entry(raw: u64, owner: *const u8) -> VmTableEntry {
    // SAFETY: what tables are given are references of their own store, which lives.
    match unsafe { FuncPtr::from_raw(raw) } {
        None => NULL,
        Some(func) => owned_by(owner, entry_of(func)),
    }
}

fn entry_of(func: FuncPtr) -> VmTableEntry {
    let func_ref = func.raw() as usize as *const VmFuncRef;
    // SAFETY: function references of a store live as long as it does; tables are part of it.
    let target = unsafe { &*func_ref };
    let VmFuncRef { code, vmctx, signature, .. } = *target;
    VmTableEntry { code, vmctx, signature, own_signature: 0, func_ref }
}

/// `entry` as it is in a table of `owner`.
fn owned_by(owner: *const u8, entry: VmTableEntry) -> VmTableEntry {
    let own = entry.vmctx.cast_const() == owner;
    VmTableEntry { own_signature: if own { entry.signature } else { 0 }, ..entry }
}

fn range(start: u64, len: u64, size: usize) -> Result<std::ops::Range<usize>, Trap> {
    let end = start.checked_add(len).filter(|end| *end <= size as u64);
    let end = end.ok_or(Trap::TableOutOfBounds)?;
    Ok(start as usize..end as usize)
}
