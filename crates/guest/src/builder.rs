//! Finding what the host needs of a guest, among what an instance exports and what its embedder
//! gives.

use crate::guest::Parts;
use crate::heap::Heap;
use crate::stack::Stack;
use crate::view::DEFAULT_TEXT_LIMIT;
use crate::{Address, Guest, GuestError};
use palisade::error::Context;
use palisade::{AsContext, AsContextMut, Extern, Func, Instance, Memory, Result, Table};
use std::fmt;
use std::sync::Mutex;

/// Bytes that one call or [`frame`](Guest::frame) puts on the guest's stack, unless told otherwise.
/// Nobody checks that stack: what does not fit overwrites other data of the guest. The smallest
/// that toolchains give by default is 64 KiB.
pub const DEFAULT_STACK_LIMIT: usize = 4096;

/// Makes a [`Guest`] whose parts are not all where they are expected.
#[derive(Default, Clone)]
pub struct GuestBuilder {
    memory: Option<Memory>,
    table: Option<Table>,
    allocator: Option<(Func, Func)>,
    text_limit: Option<usize>,
    stack_limit: Option<usize>,
}

impl GuestBuilder {
    /// One that expects everything at its usual place.
    pub fn new() -> GuestBuilder {
        GuestBuilder::default()
    }

    /// The guest's memory, for guests that import it and do not export it again.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> GuestBuilder {
        self.memory = Some(memory);
        self
    }

    /// The table that function pointers are indices of, for guests that import it.
    #[must_use]
    pub fn table(mut self, table: Table) -> GuestBuilder {
        self.table = Some(table);
        self
    }

    /// The functions that allocate and free, for guests that call them neither `malloc` and `free`
    /// nor `__new` and `__unpin`.
    ///
    /// The first takes a size, or size and alignment, and returns an address, which is 0 if there
    /// is no room. The second takes an address, address and size, or address, size and alignment,
    /// and returns nothing. All are of the guest's address type.
    #[must_use]
    pub fn allocator(mut self, alloc: Func, free: Func) -> GuestBuilder {
        self.allocator = Some((alloc, free));
        self
    }

    /// Bytes of the longest text that is read from the guest; [`DEFAULT_TEXT_LIMIT`] unless set.
    #[must_use]
    pub fn text_limit(mut self, bytes: usize) -> GuestBuilder {
        self.text_limit = Some(bytes);
        self
    }

    /// Bytes that one call or frame puts on the guest's stack; [`DEFAULT_STACK_LIMIT`] unless set.
    #[must_use]
    pub fn stack_limit(mut self, bytes: usize) -> GuestBuilder {
        self.stack_limit = Some(bytes);
        self
    }

    /// A guest with 32-bit addresses.
    ///
    /// # Errors
    ///
    /// When the instance exports no memory and none is given, it is shared or has 64-bit addresses,
    /// or the given allocator has other types. Whatever else is missing is an error when it is
    /// first needed.
    pub fn build(self, store: impl AsContextMut, instance: Instance) -> Result<Guest<u32>> {
        self.build_of(store, instance)
    }

    /// A guest with 64-bit addresses (memory64).
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); when the memory has 32-bit addresses.
    pub fn build64(self, store: impl AsContextMut, instance: Instance) -> Result<Guest<u64>> {
        self.build_of(store, instance)
    }

    fn build_of<A: Address>(
        self,
        mut store: impl AsContextMut,
        instance: Instance,
    ) -> Result<Guest<A>> {
        let memory = match self.memory {
            Some(memory) => memory,
            None => find_memory(&mut store, &instance)?,
        };
        check_addresses::<A>(&store, memory)?;
        let heap = match self.allocator {
            Some((alloc, free)) => {
                Ok(Heap::custom(&store, alloc, free).context("the given allocator")?)
            }
            None => Heap::find(&mut store, &instance, memory),
        };
        let table = match self.table {
            Some(table) => Ok(table),
            None => find_table(&mut store, &instance),
        };
        Ok(Guest::of(Parts {
            instance,
            memory,
            heap,
            stack: Stack::find(&mut store, &instance),
            table,
            text_limit: self.text_limit.unwrap_or(DEFAULT_TEXT_LIMIT),
            stack_limit: self.stack_limit.unwrap_or(DEFAULT_STACK_LIMIT),
            dropped: Mutex::default(),
            stack_left: Mutex::default(),
            callbacks: Mutex::default(),
        }))
    }
}

impl fmt::Debug for GuestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestBuilder").finish_non_exhaustive()
    }
}

/// The memory that is called `memory`, or the only one.
fn find_memory(mut store: impl AsContextMut, instance: &Instance) -> Result<Memory, GuestError> {
    let of = |item: Extern| match item {
        Extern::Memory(memory) => Some(Ok(memory)),
        Extern::SharedMemory(_) => Some(Err(GuestError::Memory(
            "the guest's memory is shared: other threads may change it at any time, so there are \
             no views of it"
                .into(),
        ))),
        _ => None,
    };
    if let Some(memory) = instance.get_export(&mut store, "memory").and_then(of) {
        return memory;
    }
    let exports: Vec<Extern> = instance.exports(&mut store).map(|e| e.into_extern()).collect();
    let mut memories = exports.into_iter().filter_map(of);
    match (memories.next(), memories.next()) {
        (Some(memory), None) => memory,
        (None, _) => Err(GuestError::Memory(
            "the guest exports no memory; if it imports one, give it to `GuestBuilder::memory`"
                .into(),
        )),
        (Some(_), Some(_)) => Err(GuestError::Memory(
            "the guest exports several memories, none of them as `memory`; give one to \
             `GuestBuilder::memory`"
                .into(),
        )),
    }
}

fn check_addresses<A: Address>(store: impl AsContext, memory: Memory) -> Result<(), GuestError> {
    let is_64 = memory.ty(store).is_64();
    match (A::BITS, is_64) {
        (32, true) => Err(GuestError::Memory(
            "the guest's memory has 64-bit addresses (memory64); use `Guest::new64`".into(),
        )),
        (64, false) => Err(GuestError::Memory(
            "the guest's memory has 32-bit addresses; use `Guest::new`".into(),
        )),
        _ => Ok(()),
    }
}

/// The table called `__indirect_function_table` (LLVM) or `table` (AssemblyScript), or the only
/// one.
fn find_table(mut store: impl AsContextMut, instance: &Instance) -> Result<Table, GuestError> {
    for name in ["__indirect_function_table", "table"] {
        if let Some(table) = instance.get_table(&mut store, name) {
            return Ok(table);
        }
    }
    let mut tables = instance.exports(&mut store).filter_map(|export| export.into_table());
    match (tables.next(), tables.next()) {
        (Some(table), None) => Ok(table),
        (None, _) => Err(GuestError::Table("the guest exports no table".into())),
        (Some(_), Some(_)) => Err(GuestError::Table(
            "the guest exports several tables; give one to `GuestBuilder::table`".into(),
        )),
    }
}
