//! A guest: an instance with what the host needs to talk to it, looked up once.

use crate::callback::Callbacks;
use crate::export;
use crate::heap::{Block, Heap, check_allocation};
use crate::stack::Stack;
use crate::{
    Address, GuestAlloc, GuestBox, GuestBuilder, GuestError, GuestFunc, GuestParams, GuestPtr,
    GuestResults, GuestValue, Scope, View, ViewMut,
};
use palisade::error::Context;
use palisade::{
    AsContext, AsContextMut, Func, Instance, Memory, Result, StoreContext, StoreContextMut, Table,
};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

/// An instance that the host exchanges strings, arrays, records and callbacks with.
///
/// It is a handle, cheap to clone, and belongs to the store of its instance as all handles do: each
/// use names the store, and another store panics. `A` is the type of the guest's addresses, `u32`,
/// or `u64` for a guest with a 64-bit memory.
///
/// ```
/// use palisade::{Engine, Instance, Module, Store};
/// use palisade_guest::Guest;
///
/// let engine = Engine::default();
/// let module = Module::new(
///     &engine,
///     r#"(module
///         (memory (export "memory") 1)
///         (global $top (export "__stack_pointer") (mut i32) (i32.const 65536))
///         (func (export "sum") (param $at i32) (param $len i32) (result i32)
///             (local $sum i32)
///             (loop $next (if (local.get $len) (then
///                 (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
///                 (local.set $at (i32.add (local.get $at) (i32.const 4)))
///                 (local.set $len (i32.sub (local.get $len) (i32.const 1)))
///                 (br $next))))
///             (local.get $sum)))"#,
/// )?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
///
/// let guest = Guest::new(&mut store, instance)?;
/// let sum = guest.func::<(&[i32], u32), i32>(&mut store, "sum")?;
/// assert_eq!(sum.call(&mut store, (&[1, 2, 39], 3))?, 42);
/// # Ok::<(), palisade::Error>(())
/// ```
pub struct Guest<A: Address = u32>(Arc<Parts<A>>);

/// What a guest has, as far as it has it: what is missing is an error when it is needed.
pub(crate) struct Parts<A: Address> {
    pub(crate) instance: Instance,
    pub(crate) memory: Memory,
    pub(crate) heap: Result<Heap<A>, GuestError>,
    pub(crate) stack: Result<Stack<A>, GuestError>,
    pub(crate) table: Result<Table, GuestError>,
    pub(crate) text_limit: usize,
    pub(crate) stack_limit: usize,
    /// Allocations whose owner was dropped; freed by the next that is made.
    pub(crate) dropped: Mutex<Vec<Block<A>>>,
    /// What the stack pointer is to be again, if the guest was stopped before it could be.
    pub(crate) stack_left: Mutex<Option<A>>,
    pub(crate) callbacks: Mutex<Callbacks>,
}

impl Guest<u32> {
    /// The guest that `instance` is. What it exports is found by the names that C, Emscripten, WASI
    /// and AssemblyScript toolchains use; [`GuestBuilder`] is for others.
    ///
    /// # Errors
    ///
    /// As [`GuestBuilder::build`].
    pub fn new(store: impl AsContextMut, instance: Instance) -> Result<Guest<u32>> {
        GuestBuilder::new().build(store, instance)
    }
}

impl Guest<u64> {
    /// As [`Guest::new`], of an instance whose memory has 64-bit addresses (memory64).
    ///
    /// # Errors
    ///
    /// As [`GuestBuilder::build64`].
    pub fn new64(store: impl AsContextMut, instance: Instance) -> Result<Guest<u64>> {
        GuestBuilder::new().build64(store, instance)
    }
}

impl<A: Address> Guest<A> {
    pub(crate) fn of(parts: Parts<A>) -> Guest<A> {
        Guest(Arc::new(parts))
    }

    /// The instance.
    pub fn instance(&self) -> Instance {
        self.0.instance
    }

    /// What allocates in it for the host.
    ///
    /// # Errors
    ///
    /// When it has nothing that can be used; the message says what was looked for.
    pub fn allocator(&self) -> Result<GuestAlloc, GuestError> {
        Ok(self.heap()?.of())
    }

    /// Its memory.
    #[inline]
    pub fn memory(&self) -> Memory {
        self.0.memory
    }

    /// Its memory, to be read. The view borrows the store, so that it cannot be used any more after
    /// a call.
    ///
    /// ```compile_fail,E0502
    /// # use palisade::{Result, Store, TypedFunc};
    /// # use palisade_guest::Guest;
    /// # fn f(guest: &Guest, store: &mut Store<()>, func: TypedFunc<(), ()>) -> Result<()> {
    /// let numbers = guest.view(&*store).slice::<i32>(1024u32, 3)?;
    /// func.call(&mut *store, ())?; // error: the memory may grow
    /// println!("{numbers:?}");
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn view<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> View<'a> {
        View::new(self.0.memory.data(store)).with_text_limit(self.0.text_limit)
    }

    /// Its memory, to be changed.
    #[inline]
    pub fn view_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> ViewMut<'a> {
        ViewMut::new(self.0.memory.data_mut(store)).with_text_limit(self.0.text_limit)
    }

    /// Its memory and the host's data, both to be changed.
    pub fn view_and_data_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> (ViewMut<'a>, &'a mut T) {
        let (bytes, data) = self.0.memory.data_and_store_mut(store);
        (ViewMut::new(bytes).with_text_limit(self.0.text_limit), data)
    }

    /// Its exported function `name`, to be called with Rust's types.
    ///
    /// Parameters are a tuple of [`GuestArg`](crate::GuestArg)s, or a single one; results are a
    /// [`GuestResult`](crate::GuestResult) or a tuple. Both pages list the types.
    ///
    /// # Errors
    ///
    /// When there is no such function, or its type is another; the error names the function and
    /// both types.
    pub fn func<P: GuestParams<A>, R: GuestResults<A>>(
        &self,
        store: impl AsContextMut,
        name: &str,
    ) -> Result<GuestFunc<P, R, A>> {
        let entry = export::typed_with_hint(store, &self.0.instance, name)?;
        Ok(GuestFunc::new(self.clone(), entry, name))
    }

    /// As [`func`](Self::func), of any function of this guest's store, for example one from its
    /// table. `name` is for messages.
    ///
    /// # Errors
    ///
    /// When its type is another.
    pub fn bind<P: GuestParams<A>, R: GuestResults<A>>(
        &self,
        store: impl AsContext,
        func: Func,
        name: &str,
    ) -> Result<GuestFunc<P, R, A>> {
        let entry = export::of_func(store, func, name)?;
        Ok(GuestFunc::new(self.clone(), entry, name))
    }

    /// The function that the guest's function pointer `index` stands for.
    ///
    /// # Errors
    ///
    /// When the guest exports no table of functions, or there is no function at that index.
    pub fn table_func(&self, mut store: impl AsContextMut, index: A) -> Result<Func> {
        let table = self.table()?;
        let element = table.get(&mut store, index.into());
        let func = element.and_then(|element| element.as_func()?.copied());
        func.with_context(|| format!("no function is at index {index} of the guest's table"))
    }

    /// Allocates room for `len` values by the guest's allocator. Their bytes are what the allocator
    /// left there.
    ///
    /// # Errors
    ///
    /// When the guest has no allocator, it has no room, it gives what is no allocation, or it
    /// fails.
    pub fn alloc<T: GuestValue>(
        &self,
        mut store: impl AsContextMut,
        len: usize,
    ) -> Result<GuestBox<T, A>> {
        self.sweep(&mut store)?;
        let block = self.alloc_bytes(store, len.checked_mul(T::SIZE), T::ALIGN)?;
        Ok(GuestBox::new(self.clone(), block, len))
    }

    /// Allocates an array and fills it with `values`.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    pub fn alloc_copy<T: GuestValue>(
        &self,
        mut store: impl AsContextMut,
        values: &[T],
    ) -> Result<GuestBox<T, A>> {
        let array = self.alloc(&mut store, values.len())?;
        self.view_mut(&mut store).set_all(array.ptr(), values)?;
        Ok(array)
    }

    /// Takes over what the guest has allocated and handed out: `len` values at `at`, which are
    /// freed with the result. An AssemblyScript object must be one that is pinned; see
    /// [`AssemblyScript::pin`](crate::AssemblyScript::pin).
    ///
    /// # Errors
    ///
    /// When `at` is null or the values are not within the memory.
    pub fn adopt<T: GuestValue>(
        &self,
        store: impl AsContext,
        at: GuestPtr<T, A>,
        len: usize,
    ) -> Result<GuestBox<T, A>> {
        self.heap()?;
        let size = size_of_block::<A>(len.checked_mul(T::SIZE))?;
        let (address, align) = (at.address(), A::truncate(T::ALIGN as u64));
        check_allocation(address.into(), size.into(), 1, self.0.memory.data_size(store))?;
        Ok(GuestBox::new(self.clone(), Block { address, size, align }, len))
    }

    /// Frees what belonged to a [`GuestBox`] that was dropped. Allocations do so by themselves.
    ///
    /// # Errors
    ///
    /// When the guest fails; what has not been freed by then stays on the list.
    pub fn sweep(&self, mut store: impl AsContextMut) -> Result<()> {
        loop {
            // Not held while the guest runs: it may call the host, which may allocate.
            let Some(block) = lock(&self.0.dropped).pop() else { return Ok(()) };
            self.heap()?.free(&mut store, block).context("freeing what the host dropped")?;
        }
    }

    /// Runs `body` with a [`Scope`] whose allocations are made by the guest's allocator, and are
    /// freed when `body` is done, also when it fails.
    ///
    /// If `body` panics, or freeing fails, what is left stays allocated in the guest.
    ///
    /// ```
    /// # use palisade::{Engine, Instance, Module, Store};
    /// # use palisade_guest::{Encoding, Guest};
    /// # fn f(guest: &Guest, mut store: Store<()>) -> palisade::Result<()> {
    /// let greet = guest.func::<(palisade_guest::GuestPtr<u8>,), ()>(&mut store, "greet")?;
    /// guest.scope(&mut store, |scope| {
    ///     let name = scope.text("Ada", Encoding::Utf8)?;
    ///     greet.call(scope, (name,))
    /// })?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `body`; if it succeeds, those of freeing.
    pub fn scope<C: AsContextMut, R>(
        &self,
        store: C,
        body: impl FnOnce(&mut Scope<'_, C, A>) -> Result<R>,
    ) -> Result<R> {
        Scope::on_heap(self, store).run(body)
    }

    /// As [`scope`](Self::scope), with allocations on the guest's stack, all of which take at most
    /// the [limit](GuestBuilder::stack_limit).
    ///
    /// # Errors
    ///
    /// As `scope`.
    pub fn frame<C: AsContextMut, R>(
        &self,
        store: C,
        body: impl FnOnce(&mut Scope<'_, C, A>) -> Result<R>,
    ) -> Result<R> {
        Scope::on_stack(self, store).run(body)
    }

    pub(crate) fn alloc_bytes(
        &self,
        mut store: impl AsContextMut,
        size: Option<usize>,
        align: usize,
    ) -> Result<Block<A>> {
        let size = size_of_block::<A>(size)?;
        let align = A::truncate(align as u64);
        let address = self.heap()?.alloc(&mut store, size, align)?;
        let memory = self.0.memory.data_size(&store);
        check_allocation(address.into(), size.into(), align.into(), memory)?;
        Ok(Block { address, size, align })
    }

    pub(crate) fn heap(&self) -> Result<&Heap<A>, GuestError> {
        self.0.heap.as_ref().map_err(GuestError::clone)
    }

    pub(crate) fn has_heap(&self) -> bool {
        self.0.heap.is_ok()
    }

    /// Whether it has a stack that the host can use, for [`frame`](Self::frame) and for arguments.
    pub fn has_stack(&self) -> bool {
        self.0.stack.is_ok()
    }

    pub(crate) fn stack(&self) -> Result<&Stack<A>, GuestError> {
        self.0.stack.as_ref().map_err(GuestError::clone)
    }

    pub(crate) fn table(&self) -> Result<Table, GuestError> {
        self.0.table.clone()
    }

    pub(crate) fn stack_limit(&self) -> usize {
        self.0.stack_limit
    }

    pub(crate) fn callbacks(&self) -> MutexGuard<'_, Callbacks> {
        lock(&self.0.callbacks)
    }

    /// Leaves a block to the next [`sweep`](Self::sweep).
    pub(crate) fn free_later(&self, block: Block<A>) {
        lock(&self.0.dropped).push(block);
    }

    /// Leaves it to the next scope that has something on the stack to put the pointer back.
    pub(crate) fn leave_stack(&self, pointer: A) {
        *lock(&self.0.stack_left) = Some(pointer);
    }

    pub(crate) fn take_stack_left(&self) -> Option<A> {
        lock(&self.0.stack_left).take()
    }
}

/// Bytes to ask an allocator for: at least one, so that there is an address.
///
/// # Errors
///
/// When they are more than there are addresses.
fn size_of_block<A: Address>(size: Option<usize>) -> Result<A, GuestError> {
    let size = size.map_or(u64::MAX, |size| size.max(1) as u64);
    let fits = size != u64::MAX && A::truncate(size).into() == size;
    if fits { Ok(A::truncate(size)) } else { Err(GuestError::Exhausted { size }) }
}

/// Locks what no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl<A: Address> Clone for Guest<A> {
    fn clone(&self) -> Self {
        Guest(self.0.clone())
    }
}

impl<A: Address> fmt::Debug for Guest<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("instance", &self.0.instance).finish_non_exhaustive()
    }
}
