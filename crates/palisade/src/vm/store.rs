//! What a store owns.
//!
//! Everything that compiled code or another item can point to is boxed, so that it stays where it is while the store
//! lives: contexts, memories, tables, instances, host functions. Items of the public API are indices or pointers
//! paired with the store's id, which is checked before each use.

use super::activation::{Activation, Failure, take_interrupt};
use super::exception::TagData;
use super::global::GlobalData;
use super::host_func::{HostBody, HostFuncData};
use super::instance::InstanceData;
use super::interrupt::Interrupt;
use super::memory::MemoryData;
use super::refs::RefTable;
use super::table::TableData;
use crate::Engine;
use crate::error::{Error, Result};
use crate::limits::ResourceLimiter;
use palisade_environ::{TypeEntry, VmFuncKind, VmFuncRef, VmRaise, VmStoreContext};
use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::num::NonZeroU64;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Identity of a store in this process; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StoreId(NonZeroU64);

impl StoreId {
    fn new() -> StoreId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        StoreId(NonZeroU64::new(id).expect("fewer than 2^64 stores"))
    }
}

/// The store's block for compiled code, and behind it what the runtime keeps beside it.
///
/// It is an allocation of its own and accessed through raw pointers only, because compiled code and signal handlers
/// write it while Rust code holds the store by `&mut`.
#[repr(C)]
pub(super) struct StoreCtx {
    pub(super) vm: VmStoreContext,
    /// What the stack limit was set for: the address where wasm was entered, and the lowest one of the thread's stack. The
    /// first becomes 0 when an interrupt is requested.
    pub(super) limited_for: (AtomicUsize, usize),
    /// [`Config::max_wasm_stack`](crate::Config::max_wasm_stack), at hand.
    pub(super) max_wasm_stack: usize,
    /// Why wasm was left for the landing pad; meaningful while `vm.raise` is pending.
    pub(super) failure: Failure,
}

/// Owns a context, also on behalf of those who may request interrupts.
pub(crate) struct SharedCtx(UnsafeCell<StoreCtx>);

// SAFETY: what is in a context may be dropped by any thread.
unsafe impl Send for SharedCtx {}
// SAFETY: through a shared reference only the atomic fields are used; the others by the thread that has the store alone.
unsafe impl Sync for SharedCtx {}

impl SharedCtx {
    /// Lets the wasm that runs, or the next call, be interrupted as soon as it notices.
    pub(super) fn request_interrupt(&self) {
        let ctx = self.0.get();
        // In this order: whoever sets the place of entry looks at the flag afterwards.
        // SAFETY: the context is live, and these fields are atomic.
        unsafe {
            (*ctx).vm.interrupted.store(1, Ordering::SeqCst);
            (*ctx).limited_for.0.store(0, Ordering::SeqCst);
        }
    }

    /// Whether a request was not noticed yet.
    pub(super) fn is_interrupted(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.0.get()).vm.interrupted.load(Ordering::SeqCst) != 0 }
    }

    /// Whether wasm of the store runs and has not noticed a request.
    pub(super) fn is_interrupt_pending(&self) -> bool {
        let ctx = self.0.get();
        // SAFETY: as above.
        unsafe {
            (*ctx).vm.interrupted.load(Ordering::SeqCst) != 0
                && !(*ctx).vm.activation.load(Ordering::SeqCst).is_null()
        }
    }
}

type LimiterFn<T> = dyn (Fn(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync;
type LimiterThunk = unsafe fn(*mut StoreOpaque, &mut dyn FnMut(&mut dyn ResourceLimiter));

/// The part of a store that does not depend on its data's type.
#[expect(clippy::vec_box, reason = "native code holds the addresses of what is in the boxes")]
pub(crate) struct StoreOpaque {
    id: StoreId,
    engine: Engine,
    /// In `shared`.
    ctx: NonNull<StoreCtx>,
    shared: Arc<SharedCtx>,
    pub(super) instances: Vec<Box<InstanceData>>,
    pub(super) memories: Vec<Box<MemoryData>>,
    pub(super) tables: Vec<Box<TableData>>,
    pub(super) globals: Vec<GlobalData>,
    pub(super) tags: Vec<Box<TagData>>,
    pub(super) host_funcs: Vec<Box<HostFuncData>>,
    /// Host functions that were made from a shared body, by the body's address.
    shared_host_funcs: HashMap<usize, usize>,
    /// Places in `memories` of those that are shared, by the address of what is shared.
    pub(super) shared_memories: HashMap<usize, u32>,
    pub(super) refs: RefTable,
    limiter: Option<LimiterThunk>,
}

/// A whole store. `repr(C)`, so that a pointer to it is a pointer to its opaque part.
#[repr(C)]
pub(crate) struct StoreInner<T: 'static> {
    opaque: StoreOpaque,
    data: T,
    limiter: Option<Box<LimiterFn<T>>>,
}

/// Owns a [`StoreInner`] at a fixed address.
pub(crate) struct StoreBox<T: 'static>(NonNull<StoreInner<T>>);

// SAFETY: a store is used through `&mut` by one thread at a time, everything that it points to is its own or shared
// behind thread-safe owners, and nothing in it refers to the thread that made it.
unsafe impl<T: Send> Send for StoreBox<T> {}
// SAFETY: through `&` only reads happen: of the data, and of memory that nobody writes while `&` exists.
unsafe impl<T: Sync> Sync for StoreBox<T> {}

impl<T> StoreBox<T> {
    pub(crate) fn new(engine: &Engine, data: T) -> StoreBox<T> {
        let opaque = StoreOpaque::new(engine);
        let inner = Box::new(StoreInner { opaque, data, limiter: None });
        StoreBox(NonNull::from(Box::leak(inner)))
    }

    pub(crate) fn get(&self) -> &StoreInner<T> {
        // SAFETY: the pointer came from a box that lives until `drop`; `&self` admits no writer.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn get_mut(&mut self) -> &mut StoreInner<T> {
        // SAFETY: likewise, and `&mut self` admits no other reference.
        unsafe { self.0.as_mut() }
    }

    pub(crate) fn into_data(self) -> T {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: the pointer came from `Box::leak` and is not used again, since `drop` does not run.
        let inner = unsafe { Box::from_raw(this.0.as_ptr()) };
        inner.data
    }
}

impl<T> Drop for StoreBox<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Box::leak` and is not used again.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T: 'static> StoreInner<T> {
    pub(crate) fn opaque(&self) -> &StoreOpaque {
        &self.opaque
    }

    pub(crate) fn opaque_mut(&mut self) -> &mut StoreOpaque {
        &mut self.opaque
    }

    pub(crate) fn data(&self) -> &T {
        &self.data
    }

    pub(crate) fn data_mut(&mut self) -> &mut T {
        &mut self.data
    }

    /// The data and the bytes of a memory, borrowed apart.
    pub(crate) fn data_and_memory(&mut self, memory: u32) -> (&mut T, &mut [u8]) {
        (&mut self.data, self.opaque.memories[memory as usize].bytes_mut())
    }

    pub(crate) fn set_limiter(&mut self, limiter: Box<LimiterFn<T>>) {
        self.limiter = Some(limiter);
        self.opaque.limiter = Some(call_limiter::<T>);
    }
}

/// Calls `f` with the limiter of a store whose data is a `T`.
///
/// # Safety
///
/// `store` must be the first field of a `StoreInner<T>` that nobody else uses meanwhile.
unsafe fn call_limiter<T: 'static>(
    store: *mut StoreOpaque,
    f: &mut dyn FnMut(&mut dyn ResourceLimiter),
) {
    // SAFETY: by this function's contract; `repr(C)` puts the opaque part first.
    let inner = unsafe { &mut *store.cast::<StoreInner<T>>() };
    if let Some(limiter) = &inner.limiter {
        f(limiter(&mut inner.data));
    }
}

impl StoreOpaque {
    fn new(engine: &Engine) -> StoreOpaque {
        let shared = Arc::new(SharedCtx(UnsafeCell::new(StoreCtx {
            vm: VmStoreContext {
                stack_limit: 0,
                activation: AtomicPtr::default(),
                caller: std::ptr::null_mut(),
                interrupted: AtomicU32::new(0),
                raise_stub: palisade_sys::resume as *const u8,
                raise: VmRaise::default(),
            },
            limited_for: (AtomicUsize::new(0), 0),
            max_wasm_stack: engine.config().max_wasm_stack,
            failure: Failure::default(),
        })));
        StoreOpaque {
            id: StoreId::new(),
            engine: engine.clone(),
            ctx: NonNull::new(shared.0.get()).expect("within the allocation"),
            shared,
            instances: Vec::new(),
            memories: Vec::new(),
            tables: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            host_funcs: Vec::new(),
            shared_host_funcs: HashMap::new(),
            shared_memories: HashMap::new(),
            refs: RefTable::default(),
            limiter: None,
        }
    }

    pub(crate) fn id(&self) -> StoreId {
        self.id
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn interrupt(&self) -> Interrupt {
        Interrupt::new(self.shared.clone())
    }

    /// Whether an interrupt was requested, which counts as noticed now.
    pub(crate) fn take_interrupt(&mut self) -> bool {
        // SAFETY: the context lives as long as the store, and only this thread uses it.
        unsafe { take_interrupt(self.ctx.as_ptr()) }
    }

    /// The context, for those that wait on behalf of the store.
    pub(super) fn shared_ctx(&self) -> Arc<SharedCtx> {
        self.shared.clone()
    }

    #[inline]
    pub(super) fn ctx(&self) -> NonNull<StoreCtx> {
        self.ctx
    }

    /// The context of a store to which there may be a reference.
    ///
    /// # Safety
    ///
    /// The store must be live.
    #[inline]
    pub(super) unsafe fn ctx_of(store: *const StoreOpaque) -> *mut StoreCtx {
        // SAFETY: by this function's contract; nobody changes the field.
        unsafe { (*store).ctx.as_ptr() }
    }

    /// Whether wasm of this store is on the stack of the current thread.
    pub(crate) fn is_active(&self) -> bool {
        // SAFETY: the context lives as long as the store, and only this thread uses it.
        unsafe { !(*self.ctx.as_ptr()).vm.activation.load(Ordering::Relaxed).is_null() }
    }

    /// Asks the limiter, if there is one.
    pub(super) fn limit<R>(&mut self, f: impl FnOnce(&mut dyn ResourceLimiter) -> R) -> Option<R> {
        let thunk = self.limiter?;
        let mut f = Some(f);
        let mut result = None;
        // SAFETY: the thunk was set by the `StoreInner` whose first field this is, and `&mut self` is exclusive.
        unsafe {
            thunk(self, &mut |limiter| {
                if let Some(f) = f.take() {
                    result = Some(f(limiter));
                }
            });
        }
        result
    }

    /// Panics if `id` is another store's: using an item with a store that does not own it is a bug of the embedder.
    #[inline]
    pub(crate) fn check(&self, id: StoreId) {
        if self.id != id {
            wrong_store();
        }
    }

    /// Gives back room in a table of items, with an error where the limiter forbids another one.
    pub(super) fn check_count(
        &mut self,
        kind: &'static str,
        count: usize,
        limit: impl FnOnce(&dyn ResourceLimiter) -> usize,
    ) -> Result<()> {
        let limit = self.limit(|limiter| limit(limiter)).unwrap_or(10_000);
        if count >= limit {
            return Err(Error::resource(format!(
                "resource limit exceeded: {kind} count too high at {}",
                count + 1
            )));
        }
        Ok(())
    }

    /// A host function of this store that is made from `body`; the same one each time.
    pub(crate) fn shared_host_func(&mut self, body: &Arc<HostBody>) -> Result<FuncPtr> {
        let key = Arc::as_ptr(body) as usize;
        if let Some(place) = self.shared_host_funcs.get(&key) {
            return Ok(self.host_funcs[*place].func_ptr());
        }
        let func = self.host_func(body.clone())?;
        self.shared_host_funcs.insert(key, self.host_funcs.len() - 1);
        Ok(func)
    }

    /// A new host function of this store.
    pub(crate) fn host_func(&mut self, body: Arc<HostBody>) -> Result<FuncPtr> {
        let data = HostFuncData::new(self, body)?;
        let func = data.func_ptr();
        self.host_funcs.push(data);
        Ok(func)
    }

    pub(crate) fn memory(&self, index: u32) -> &MemoryData {
        &self.memories[index as usize]
    }

    pub(crate) fn memory_mut(&mut self, index: u32) -> &mut MemoryData {
        &mut self.memories[index as usize]
    }

    pub(crate) fn table(&self, index: u32) -> &TableData {
        &self.tables[index as usize]
    }

    pub(crate) fn table_mut(&mut self, index: u32) -> &mut TableData {
        &mut self.tables[index as usize]
    }

    pub(crate) fn tag(&self, index: u32) -> &TagData {
        &self.tags[index as usize]
    }

    pub(crate) fn global(&self, index: u32) -> &GlobalData {
        &self.globals[index as usize]
    }
}

#[cold]
#[inline(never)]
fn wrong_store() -> ! {
    panic!("object used with the wrong store")
}

/// A reference to a function, valid while its store lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FuncPtr(NonNull<VmFuncRef>);

// SAFETY: what it points to is only read, and only by whoever holds the store.
unsafe impl Send for FuncPtr {}
// SAFETY: likewise.
unsafe impl Sync for FuncPtr {}

impl FuncPtr {
    pub(super) fn new(func_ref: NonNull<VmFuncRef>) -> FuncPtr {
        FuncPtr(func_ref)
    }

    /// From what compiled code calls a funcref.
    ///
    /// # Safety
    ///
    /// `raw` must be 0 or a funcref of a store that outlives the result's use.
    pub(super) unsafe fn from_raw(raw: u64) -> Option<FuncPtr> {
        NonNull::new(raw as usize as *mut VmFuncRef).map(FuncPtr)
    }

    /// As compiled code sees it.
    pub(crate) fn raw(self) -> u64 {
        self.0.as_ptr() as usize as u64
    }

    /// What it refers to. `store` is the one that owns it, which callers have checked by its id.
    #[inline]
    pub(super) fn get(self, _store: &StoreOpaque) -> &VmFuncRef {
        // SAFETY: function references live in boxes of their store and do not move while it lives.
        unsafe { self.0.as_ref() }
    }

    /// Whether the host implements it. `store` is the one that owns it.
    pub(crate) fn is_host(self, store: &StoreOpaque) -> bool {
        self.get(store).kind != VmFuncKind::Wasm
    }

    /// What to call by the native ABI; null unless the host implements the function so.
    pub(super) fn host_code(self, store: &StoreOpaque) -> *const u8 {
        let func = self.get(store);
        if func.kind != VmFuncKind::HostNative {
            return std::ptr::null();
        }
        // SAFETY: the vmctx of a host function is its `HostFuncData`, which lives as long as the store.
        unsafe { &*func.vmctx.cast::<HostFuncData>() }.call()
    }

    /// Its type. `store` is the one that owns it.
    #[inline]
    pub(crate) fn ty(self, store: &StoreOpaque) -> &TypeEntry {
        let entry = self.get(store).runtime.cast::<TypeEntry>();
        // SAFETY: every `VmFuncRef` is made with the entry of a type that its instance or host function holds.
        unsafe { &*entry }
    }
}

/// The activation that a context is in; for walking frames.
#[inline]
pub(super) fn activation_of(ctx: *mut StoreCtx) -> *mut Activation {
    // SAFETY: callers pass the context of a live store on the thread that uses it.
    unsafe { (*ctx).vm.activation.load(Ordering::Relaxed).cast::<Activation>() }
}
