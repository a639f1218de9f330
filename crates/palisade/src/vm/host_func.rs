//! Host functions: Rust closures that wasm calls.
//!
//! A [`HostBody`] is a closure with the functions that call it, shared between stores (a linker holds bodies). A
//! [`HostFuncData`] is a body in one store; its address is what an exit trampoline takes as its vmctx. Closures given
//! to `Func::wrap` are called with values in registers, those given to `Func::new` with values in memory.
//!
//! Invariant: a Rust function entered from wasm returns normally, whatever its closure does. Errors and panics are
//! recorded in the store; the trampoline then leaves for the landing pad.

use super::activation::{raise_error, raise_if_interrupted, raise_panic, store_of};
use super::exit::{Registers, exit_native, exit_registers};
use super::instance::{InstanceData, InstanceIndex};
use super::native::{NativeAbi, StoreRef, ValRaw, WasmRet, WasmTy, fits_registers};
use super::store::{FuncPtr, StoreCtx, StoreInner, StoreOpaque};
use super::trampolines::trampoline;
use crate::error::{Error, Result};
use crate::{Caller, Engine, FuncType, StoreContextMut, Val};
use palisade_compile::TrampolineKind;
use palisade_environ::{Signature, VmCtxHeader, VmFuncKind, VmFuncRef, VmHostFunc};
use palisade_sys::enter::{INT_RESULTS, VECTOR_RESULTS};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

/// A closure, and how to call it.
pub struct HostBody {
    ty: FuncType,
    exit: Exit,
    /// What `exit` calls.
    call: *const u8,
    /// Called by the host itself.
    direct: DirectCall,
    closure: Box<dyn Any + Send + Sync>,
}

/// How wasm calls a host function.
#[derive(Clone, Copy)]
enum Exit {
    /// Through [`exit_native`].
    Native,
    /// Through [`exit_registers`].
    Registers,
    /// Through a compiled trampoline, where values do not fit into registers.
    Compiled(TrampolineKind),
}

/// The instance that has called a host function, looked up only if somebody asks.
///
/// Invariant: null, or the vmctx of an instance of the store that the function runs in.
#[derive(Clone, Copy)]
pub(crate) struct CallerPtr(*mut VmCtxHeader);

impl CallerPtr {
    /// The instance; `None` if the host itself has called.
    pub(crate) fn instance(self) -> Option<InstanceIndex> {
        // SAFETY: by the invariant; instances live as long as their store, which is running the function.
        unsafe { InstanceData::index_of(self.0) }
    }
}

/// Calls a closure for the host, without trampolines.
type DirectCall = unsafe fn(*mut HostFuncData, *mut StoreOpaque, &mut [ValRaw]) -> Result<()>;

// SAFETY: the pointers are to functions, and the closure is `Send` and `Sync`.
unsafe impl Send for HostBody {}
// SAFETY: likewise.
unsafe impl Sync for HostBody {}

/// A host function in a store. Its first field is what exit trampolines read.
#[repr(C)]
pub(crate) struct HostFuncData {
    vm: VmHostFunc,
    func_ref: VmFuncRef,
    body: Arc<HostBody>,
}

impl HostBody {
    /// The type of the function.
    pub(crate) fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// The closure, whose type must be `F`.
    ///
    /// # Safety
    ///
    /// The body must have been made with a closure of type `F`.
    #[inline]
    unsafe fn closure<F: 'static>(&self) -> &F {
        let closure: *const (dyn Any + Send + Sync) = &*self.closure;
        // SAFETY: by this function's contract.
        unsafe { &*closure.cast::<F>() }
    }

    /// A body whose closure takes and gives values of run-time types.
    pub(crate) fn dynamic<T, F>(ty: FuncType, closure: F) -> HostBody
    where
        T: 'static,
        F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    {
        let (exit, call) = match fits_registers(ty.signature()) {
            true => (Exit::Registers, call_dynamic_registers::<T, F> as *const u8),
            false => (Exit::Compiled(TrampolineKind::ExitArray), call_dynamic::<T, F> as *const u8),
        };
        let (direct, closure) = (call_dynamic_direct::<T, F>, Box::new(closure));
        HostBody { ty, exit, call, direct, closure }
    }
}

/// Whether functions of this type that are made with Rust types need no compiled exit trampoline.
pub(crate) fn exits_by_stub(signature: &Signature) -> bool {
    signature.results.len() <= 1 && fits_registers(signature)
}

impl HostFuncData {
    pub(super) fn new(store: &mut StoreOpaque, body: Arc<HostBody>) -> Result<Box<HostFuncData>> {
        if !body.ty.is_of(store.engine()) {
            return Err(Error::usage("the function's type belongs to another engine"));
        }
        let code = match body.exit {
            Exit::Native => exit_native as *const u8,
            Exit::Registers => exit_registers as *const u8,
            Exit::Compiled(kind) => trampoline(store.engine().compiler(), body.ty.entry(), kind)?,
        };
        let mut data = Box::new(HostFuncData {
            vm: VmHostFunc { store: store.ctx().as_ptr().cast(), call: body.call },
            func_ref: VmFuncRef {
                code,
                vmctx: std::ptr::null_mut(),
                signature: body.ty.entry().id(),
                kind: match body.exit {
                    Exit::Native | Exit::Compiled(TrampolineKind::ExitNative) => {
                        VmFuncKind::HostNative
                    }
                    Exit::Registers | Exit::Compiled(_) => VmFuncKind::HostArray,
                },
                runtime: std::ptr::from_ref(body.ty.entry()).cast(),
            },
            body,
        });
        data.func_ref.vmctx = (&raw mut *data).cast();
        Ok(data)
    }

    /// What exit trampolines call.
    pub(super) fn call(&self) -> *const u8 {
        self.vm.call
    }

    pub(super) fn func_ptr(&self) -> FuncPtr {
        FuncPtr::new(NonNull::from(&self.func_ref))
    }
}

/// Calls a host function for the host: parameters and results in `slots`.
pub(super) fn call_from_host(
    store: &mut StoreOpaque,
    func: FuncPtr,
    slots: &mut [ValRaw],
) -> Result<()> {
    let data = func.get(store).vmctx.cast::<HostFuncData>();
    // SAFETY: a `VmFuncRef` with `is_host` belongs to a `HostFuncData`, which is its vmctx.
    let direct = unsafe { &*data }.body.direct;
    // SAFETY: `store` owns the function, and there are enough slots (asserted by the caller).
    unsafe { direct(data, store, slots) }
}

/// Runs a closure that wasm has called: catches its panic, records its failure, and ends its root scope.
///
/// # Safety
///
/// `host` must be a function of a store whose data is a `T`, called through an exit trampoline in that store's innermost
/// activation; `caller` must be 0 or the vmctx of the calling instance.
#[inline]
unsafe fn run<T: 'static, R>(
    host: *mut HostFuncData,
    caller: *mut VmCtxHeader,
    nothing: R,
    body: impl FnOnce(Caller<'_, T>) -> Result<R>,
) -> R {
    // SAFETY: by the contract `host` is live; its context belongs to its store.
    let ctx = unsafe { (*host).vm.store.cast::<StoreCtx>() };
    // SAFETY: the store was noted when wasm was entered. Whoever entered it waits, so this is the only reference now.
    let store = unsafe { &mut *store_of(ctx).cast::<StoreInner<T>>() };
    let scope = store.opaque().begin_root_scope();
    let pointer: *mut StoreInner<T> = store;
    let instance = CallerPtr(caller);
    let result = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the pointer is the exclusive reference above, not used meanwhile.
        let store = unsafe { &mut *pointer };
        body(Caller::new(StoreContextMut::new(store), instance))
    }));
    // SAFETY: the closure is done with the store.
    let opaque = unsafe { (*pointer).opaque_mut() };
    opaque.end_root_scope(scope);
    match result {
        Ok(Ok(value)) => {
            // SAFETY: by the contract wasm has called us in this store's innermost activation.
            unsafe { raise_if_interrupted(ctx) };
            value
        }
        Ok(Err(error)) => {
            // SAFETY: likewise.
            unsafe { raise_error(ctx, error) };
            nothing
        }
        Err(payload) => {
            // SAFETY: likewise.
            unsafe { raise_panic(ctx, payload) };
            nothing
        }
    }
}

/// Ends a root scope, also when a panic passes.
struct RootScopeEnd(*mut StoreOpaque, usize);

impl Drop for RootScopeEnd {
    fn drop(&mut self) {
        // SAFETY: `run_direct`, which alone makes this, outlives it and has the store to itself.
        unsafe { (*self.0).end_root_scope(self.1) };
    }
}

/// Runs a closure that the host has called, and ends its root scope.
///
/// # Safety
///
/// `store` must be the store that owns the function, with data of type `T`, and used by nobody else meanwhile.
unsafe fn run_direct<T: 'static>(
    store: *mut StoreOpaque,
    body: impl FnOnce(Caller<'_, T>) -> Result<()>,
) -> Result<()> {
    // SAFETY: by the contract.
    let _end = RootScopeEnd(store, unsafe { (*store).begin_root_scope() });
    // SAFETY: by the contract; the scope's end touches the store only after the closure is done with it.
    let store = unsafe { &mut *store.cast::<StoreInner<T>>() };
    body(Caller::new(StoreContextMut::new(store), CallerPtr(std::ptr::null_mut())))
}

unsafe extern "C" fn call_dynamic<T, F>(
    host: *mut HostFuncData,
    caller: *mut VmCtxHeader,
    slots: *mut ValRaw,
) where
    T: 'static,
    F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
{
    // SAFETY: the exit trampoline passes a live function, made with a closure of this type.
    let body = unsafe { &(*host).body };
    let count = body.ty.params().len().max(body.ty.results().len());
    // SAFETY: the trampoline has room for all parameters and all results.
    let slots = unsafe { std::slice::from_raw_parts_mut(slots, count) };
    // SAFETY: likewise.
    let closure = unsafe { body.closure::<F>() };
    // SAFETY: called through an exit trampoline.
    unsafe { run::<T, ()>(host, caller, (), |c| dynamic_call(c, &body.ty, closure, slots)) }
}

unsafe extern "C" fn call_dynamic_registers<T, F>(
    host: *mut HostFuncData,
    caller: *mut VmCtxHeader,
    registers: *mut Registers,
) where
    T: 'static,
    F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
{
    // SAFETY: the stub passes a live function, made with a closure of this type, and registers that hold its parameters.
    let (body, registers) = unsafe { (&(*host).body, &mut *registers) };
    // SAFETY: likewise.
    let closure = unsafe { body.closure::<F>() };
    let signature = body.ty.signature();
    let count = signature.params.len().max(signature.results.len());
    let mut slots = [ValRaw::ZERO; INT_RESULTS + VECTOR_RESULTS];
    let slots = &mut slots[..count];
    registers.read(&signature.params, slots);
    // SAFETY: called through an exit stub.
    unsafe { run::<T, ()>(host, caller, (), |c| dynamic_call(c, &body.ty, closure, slots)) }
    registers.write(&signature.results, slots);
}

unsafe fn call_dynamic_direct<T, F>(
    host: *mut HostFuncData,
    store: *mut StoreOpaque,
    slots: &mut [ValRaw],
) -> Result<()>
where
    T: 'static,
    F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
{
    // SAFETY: the caller passes a live function, made with a closure of this type.
    let body = unsafe { (*host).body.clone() };
    // SAFETY: likewise.
    let closure = unsafe { body.closure::<F>() };
    // SAFETY: by this function's contract.
    unsafe { run_direct::<T>(store, |c| dynamic_call(c, &body.ty, closure, slots)) }
}

fn dynamic_call<T: 'static>(
    mut caller: Caller<'_, T>,
    ty: &FuncType,
    closure: &impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()>,
    slots: &mut [ValRaw],
) -> Result<()> {
    let store = caller.opaque();
    let signature = ty.signature();
    let (params, results) = (&signature.params, &signature.results);
    // Few functions have more values; a heap block would cost as much as the call.
    let mut few = [Val::I32(0); 8];
    let mut many = Vec::new();
    let values = match params.len() + results.len() {
        count if count <= few.len() => &mut few[..count],
        count => {
            many.resize(count, Val::I32(0));
            &mut many[..]
        }
    };
    let (given, returned) = values.split_at_mut(params.len());
    for ((value, own), slot) in given.iter_mut().zip(params).zip(&*slots) {
        *value = Val::number_from_raw(*slot, own)
            .unwrap_or_else(|| Val::from_raw(store, *slot, &ty.resolve(own)));
    }
    for (value, own) in returned.iter_mut().zip(results) {
        *value = Val::number_from_raw(ValRaw::ZERO, own)
            .unwrap_or_else(|| Val::default_for(&ty.resolve(own)));
    }
    closure(caller.reborrow(), given, returned)?;
    let store = caller.opaque();
    for ((value, own), slot) in returned.iter().zip(results).zip(slots) {
        *slot = match value.number_to_raw(own) {
            Some(raw) => raw,
            None => value.to_raw(store, &ty.resolve(own))?,
        };
    }
    Ok(())
}

/// Closures that can become host functions. `Params` and `Results` are inferred.
///
/// Implemented for closures of up to 16 values, optionally with a [`Caller`] before them.
pub trait IntoFunc<T, Params, Results>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_body(self, engine: &Engine) -> HostBody;
}

macro_rules! into_func {
    ($(($($P:ident $value:ident $place:tt),*);)*) => {$(
        impl<T: 'static, F, $($P: WasmTy,)* R: WasmRet> IntoFunc<T, ($($P,)*), R> for F
        where
            F: Fn($($P),*) -> R + Send + Sync + 'static,
        {
            fn into_body(self, engine: &Engine) -> HostBody {
                let closure = move |_: Caller<'_, T>, $($value: $P),*| self($($value),*);
                IntoFunc::<T, (Caller<'_, T>, $($P,)*), R>::into_body(closure, engine)
            }
        }

        impl<T: 'static, F, $($P: WasmTy,)* R: WasmRet>
            IntoFunc<T, (Caller<'_, T>, $($P,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($P),*) -> R + Send + Sync + 'static,
        {
            fn into_body(self, engine: &Engine) -> HostBody {
                unsafe extern "C" fn direct<T, F, $($P: WasmTy,)* R: WasmRet>(
                    host: *mut HostFuncData,
                    caller: *mut VmCtxHeader,
                    $($value: $P::Abi,)*
                ) -> R::Direct
                where
                    T: 'static,
                    F: Fn(Caller<'_, T>, $($P),*) -> R + Send + Sync + 'static,
                {
                    // SAFETY: called through an exit trampoline with a live function, made with a closure of this
                    // type.
                    unsafe {
                        run::<T, R::Direct>(host, caller, R::NOTHING, |mut c| {
                            let closure = (*host).body.closure::<F>();
                            let result = {
                                let mut _store = StoreRef(c.opaque());
                                $(let $value = $P::from_abi($value, &mut _store);)*
                                closure(c.reborrow(), $($value),*)
                            };
                            result.into_direct(&mut StoreRef(c.opaque()))
                        })
                    }
                }

                unsafe extern "C" fn indirect<T, F, $($P: WasmTy,)* R: WasmRet>(
                    host: *mut HostFuncData,
                    caller: *mut VmCtxHeader,
                    results: *mut ValRaw,
                    $($value: $P::Abi,)*
                )
                where
                    T: 'static,
                    F: Fn(Caller<'_, T>, $($P),*) -> R + Send + Sync + 'static,
                {
                    // SAFETY: as above; the trampoline has a slot for each result.
                    unsafe {
                        run::<T, ()>(host, caller, (), |mut c| {
                            let closure = (*host).body.closure::<F>();
                            let result = {
                                let mut _store = StoreRef(c.opaque());
                                $(let $value = $P::from_abi($value, &mut _store);)*
                                closure(c.reborrow(), $($value),*)
                            };
                            let mut place = 0;
                            result.into_slots(&mut StoreRef(c.opaque()), &mut |slot| {
                                results.add(place).write(slot);
                                place += 1;
                            })
                        })
                    }
                }

                unsafe fn from_host<T, F, $($P: WasmTy,)* R: WasmRet>(
                    host: *mut HostFuncData,
                    store: *mut StoreOpaque,
                    slots: &mut [ValRaw],
                ) -> Result<()>
                where
                    T: 'static,
                    F: Fn(Caller<'_, T>, $($P),*) -> R + Send + Sync + 'static,
                {
                    // SAFETY: the caller passes a live function, made with a closure of this type.
                    let body = unsafe { (*host).body.clone() };
                    // SAFETY: by this function's contract, which is that of `run_direct`.
                    unsafe {
                        run_direct::<T>(store, |mut c| {
                            let closure = body.closure::<F>();
                            let result = {
                                let mut _store = StoreRef(c.opaque());
                                $(let $value = $P::from_abi(
                                    $P::Abi::from_slot(slots[$place]),
                                    &mut _store,
                                );)*
                                closure(c.reborrow(), $($value),*)
                            };
                            let mut place = 0;
                            result.into_slots(&mut StoreRef(c.opaque()), &mut |slot| {
                                slots[place] = slot;
                                place += 1;
                            })
                        })
                    }
                }

                let ty = FuncType::new(engine, [$($P::valtype()),*], R::types());
                HostBody {
                    exit: match exits_by_stub(ty.signature()) {
                        true => Exit::Native,
                        false => Exit::Compiled(TrampolineKind::ExitNative),
                    },
                    ty,
                    call: if R::INDIRECT {
                        indirect::<T, F, $($P,)* R> as *const u8
                    } else {
                        direct::<T, F, $($P,)* R> as *const u8
                    },
                    direct: from_host::<T, F, $($P,)* R>,
                    closure: Box::new(self),
                }
            }
        }
    )*};
}

into_func! {
    ();
    (A a 0);
    (A a 0, B b 1);
    (A a 0, B b 1, C c 2);
    (A a 0, B b 1, C c 2, D d 3);
    (A a 0, B b 1, C c 2, D d 3, E e 4);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7, J j 8);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7, J j 8, K k 9);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7, J j 8, K k 9, L l 10);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7, J j 8, K k 9, L l 10, M m 11);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7, J j 8, K k 9, L l 10, M m 11, N n 12);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7, J j 8, K k 9, L l 10, M m 11, N n 12, O o 13);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7, J j 8, K k 9, L l 10, M m 11, N n 12, O o 13, P p 14);
    (A a 0, B b 1, C c 2, D d 3, E e 4, G g 5, H h 6, I i 7, J j 8, K k 9, L l 10, M m 11, N n 12, O o 13, P p 14, Q q 15);
}
