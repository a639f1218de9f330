//! What guests hold references to besides functions: values of the host, and exceptions.
//!
//! To compiled code such a reference is a handle, 0 for null, into the store's table. The host itself holds *roots*, which
//! belong to a scope: those made while a host function runs end with it, others with their `RootScope` or the store.
//!
//! A collection keeps what roots, tables, globals and the store itself refer to, what kept exceptions carry, and, while
//! wasm of the store is on the stack, whatever looks like a handle there: compiled frames have no stack maps. The upper
//! half of a handle is a random number of the store, so hardly anything looks like one by chance.

use super::ValRaw;
use super::activation::stack_base;
use super::store::{StoreId, StoreOpaque};
use crate::error::{Error, Result};
use palisade_environ::{HeapType, RefType, ValType};
use std::any::Any;
use std::hash::{BuildHasher, RandomState};

type HostValue = Box<dyn Any + Send + Sync>;

/// What handles refer to, and the roots that hold it.
pub(crate) struct RefTable {
    /// Handles name places here; the first is 1.
    values: Vec<Option<Referent>>,
    free: Vec<u32>,
    roots: Vec<Root>,
    /// Counts scopes that have ended, so that their roots are not taken for later ones.
    generation: u64,
    /// A collection is tried when this many values are held.
    threshold: usize,
    /// The upper half of all handles; not 0.
    magic: u32,
    /// An exception that was caught for good; gone when the next one is thrown.
    pub(super) spent: Option<Handle>,
    /// Exceptions that handlers may still throw again.
    pub(super) caught: Vec<Caught>,
    /// An exception that has left wasm and that nobody has taken yet.
    pub(super) pending: Option<Handle>,
}

enum Referent {
    Host(HostValue),
    Exception(Exception),
}

/// A thrown exception.
pub(super) struct Exception {
    /// Its tag's place in the store.
    pub(super) tag: u32,
    /// What it carries. Handlers read it where it is.
    pub(super) values: Box<[ValRaw]>,
    /// Whether there may be references to it: guests or the host have got one.
    pub(super) referenced: bool,
}

/// An exception whose handler is running, or was left without notice.
pub(super) struct Caught {
    pub(super) exception: Handle,
    /// Frame pointer of the function that has the handler.
    pub(super) fp: usize,
    /// The handler's address.
    pub(super) handler: usize,
}

/// A place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle(u32);

struct Root {
    handle: Handle,
    generation: u64,
}

/// Values held before the first collection is tried.
const FIRST_THRESHOLD: usize = 1024;

impl Default for RefTable {
    fn default() -> Self {
        RefTable {
            values: vec![None],
            free: Vec::new(),
            roots: Vec::new(),
            generation: 0,
            threshold: FIRST_THRESHOLD,
            magic: RandomState::new().hash_one(0) as u32 | 1,
            spent: None,
            caught: Vec::new(),
            pending: None,
        }
    }
}

impl RefTable {
    fn held(&self) -> usize {
        self.values.len() - 1 - self.free.len()
    }

    /// As compiled code sees a handle.
    pub(super) fn raw(&self, handle: Handle) -> u64 {
        u64::from(self.magic) << 32 | u64::from(handle.0)
    }

    /// What compiled code calls `raw`; `None` for null and for what is no handle.
    pub(super) fn handle(&self, raw: u64) -> Option<Handle> {
        let place = raw as u32;
        let ours = (raw >> 32) as u32 == self.magic;
        let live = self.values.get(place as usize).is_some_and(Option::is_some);
        (ours && live).then_some(Handle(place))
    }

    pub(super) fn exception(&self, handle: Handle) -> &Exception {
        match &self.values[handle.0 as usize] {
            Some(Referent::Exception(exception)) => exception,
            _ => unreachable!("types keep values of the host and exceptions apart"),
        }
    }

    pub(super) fn exception_mut(&mut self, handle: Handle) -> &mut Exception {
        match &mut self.values[handle.0 as usize] {
            Some(Referent::Exception(exception)) => exception,
            _ => unreachable!("types keep values of the host and exceptions apart"),
        }
    }

    /// Whether a handler that has caught the exception may throw it again.
    pub(super) fn is_caught(&self, handle: Handle) -> bool {
        self.caught.iter().any(|caught| caught.exception == handle)
    }

    /// Frees an exception that was taken from [`Self::caught`], unless it is there once more.
    pub(super) fn let_go(&mut self, handle: Handle) {
        if !self.is_caught(handle) {
            self.release(handle);
        }
    }

    /// Frees an exception that nobody can name any more.
    pub(super) fn release(&mut self, handle: Handle) {
        if !self.exception(handle).referenced {
            self.values[handle.0 as usize] = None;
            self.free.push(handle.0);
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
    /// Holds a value of the host and roots it.
    pub(crate) fn new_externref(&mut self, value: HostValue) -> Result<RootedRef> {
        let handle = self.new_handle(Referent::Host(value))?;
        Ok(self.root(handle))
    }

    /// Holds an exception.
    pub(super) fn new_exception(&mut self, exception: Exception) -> Result<Handle> {
        self.new_handle(Referent::Exception(exception))
    }

    fn new_handle(&mut self, referent: Referent) -> Result<Handle> {
        if self.refs.held() >= self.refs.threshold {
            self.collect(Some(&referent));
        }
        let place = match self.refs.free.pop() {
            Some(place) => place,
            None => {
                self.refs.values.push(None);
                u32::try_from(self.refs.values.len() - 1)
                    .map_err(|_| Error::resource("too many values and exceptions in a store"))?
            }
        };
        self.refs.values[place as usize] = Some(referent);
        Ok(Handle(place))
    }

    /// Roots what compiled code calls `raw`; `None` is null.
    pub(crate) fn root_raw(&mut self, raw: u64) -> Option<RootedRef> {
        let handle = self.refs.handle(raw)?;
        Some(self.root(handle))
    }

    pub(super) fn root(&mut self, handle: Handle) -> RootedRef {
        if let Some(Referent::Exception(exception)) = &mut self.refs.values[handle.0 as usize] {
            exception.referenced = true;
        }
        let generation = self.refs.generation;
        self.refs.roots.push(Root { handle, generation });
        let place = (self.refs.roots.len() - 1) as u32;
        RootedRef { store: self.id(), place, generation }
    }

    pub(super) fn rooted_handle(&self, rooted: RootedRef) -> Result<Handle> {
        self.check(rooted.store);
        let root = self.refs.roots.get(rooted.place as usize);
        match root.filter(|root| root.generation == rooted.generation) {
            Some(root) => Ok(root.handle),
            None => Err(Error::usage("a reference is used after the scope that rooted it")),
        }
    }

    /// As compiled code sees it.
    pub(crate) fn rooted_raw(&self, rooted: RootedRef) -> Result<u64> {
        Ok(self.refs.raw(self.rooted_handle(rooted)?))
    }

    /// The host value.
    pub(crate) fn externref_value(&self, rooted: RootedRef) -> Result<&(dyn Any + Send + Sync)> {
        let handle = self.rooted_handle(rooted)?;
        match &self.refs.values[handle.0 as usize] {
            Some(Referent::Host(value)) => Ok(&**value),
            _ => unreachable!("a rooted value is kept"),
        }
    }

    /// The host value, to be changed.
    pub(crate) fn externref_value_mut(
        &mut self,
        rooted: RootedRef,
    ) -> Result<&mut (dyn Any + Send + Sync)> {
        let handle = self.rooted_handle(rooted)?;
        match &mut self.refs.values[handle.0 as usize] {
            Some(Referent::Host(value)) => Ok(&mut **value),
            _ => unreachable!("a rooted value is kept"),
        }
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

    /// Drops what nothing refers to any more.
    pub(crate) fn collect_refs(&mut self) {
        self.collect(None);
    }

    /// As [`Self::collect_refs`], and keeps what `coming` carries, which is not in the table yet.
    fn collect(&mut self, coming: Option<&Referent>) {
        // Nobody can name these, so they go with the rest.
        self.refs.spent = None;
        if !self.is_active() {
            self.refs.caught.clear();
        }
        let mut live = vec![false; self.refs.values.len()];
        let mut found = Vec::new();
        let refs = &self.refs;
        let mut mark = |raw: u64| {
            if let Some(handle) = refs.handle(raw)
                && !std::mem::replace(&mut live[handle.0 as usize], true)
            {
                found.push(handle);
            }
        };
        refs.roots.iter().for_each(|root| mark(refs.raw(root.handle)));
        let caught = refs.caught.iter().map(|caught| &caught.exception);
        caught.chain(&refs.pending).for_each(|handle| mark(refs.raw(*handle)));
        self.tables.iter().for_each(|table| table.for_each_handle(&mut mark));
        self.for_each_global(|ty, raw| {
            if matches!(ty, ValType::Ref(ty) if is_handle(ty)) {
                mark(raw);
            }
        });
        if let Some(base) = stack_base(self.ctx().as_ptr()) {
            palisade_sys::for_each_stack_word(base, &mut mark);
        }
        if let Some(Referent::Exception(coming)) = coming {
            coming.values.iter().for_each(|value| mark(value.u64()));
        }
        while let Some(handle) = found.pop() {
            if let Some(Referent::Exception(exception)) = &refs.values[handle.0 as usize] {
                for value in &exception.values {
                    if let Some(inner) = refs.handle(value.u64())
                        && !std::mem::replace(&mut live[inner.0 as usize], true)
                    {
                        found.push(inner);
                    }
                }
            }
        }
        for (place, value) in self.refs.values.iter_mut().enumerate().skip(1) {
            if value.is_some() && !live[place] {
                *value = None;
                self.refs.free.push(place as u32);
            }
        }
        self.refs.threshold = FIRST_THRESHOLD.max(self.refs.held() * 2);
    }
}

/// Whether references of this type are handles.
pub(super) fn is_handle(ty: &RefType) -> bool {
    ty.heap_type().top() != HeapType::Func
}
