//! Runtime functions that compiled code calls.
//!
//! Each is called through a trampoline that has noted the wasm frame, with the vmctx of the calling instance. A failure
//! is recorded and raised; what is returned then is ignored.

use super::activation::{raise_error, raise_if_interrupted, store_of};
use super::instance::InstanceData;
use super::memory::MemoryData;
use super::store::{StoreCtx, StoreOpaque};
use super::table::TableData;
use super::{ValRaw, exception};
use crate::error::{Error, Result};
use palisade_environ::{
    DataIndex, ElemIndex, Libcall, MemoryIndex, TableIndex, TagIndex, Trap, TypeEntry, VmCtxHeader,
    VmFuncRef,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// The table of pointers that vmctxs refer to.
pub(super) fn table() -> *const *const u8 {
    struct Table([*const u8; Libcall::ALL.len()]);
    // SAFETY: the pointers are to functions.
    unsafe impl Sync for Table {}
    static TABLE: std::sync::LazyLock<Table> = std::sync::LazyLock::new(|| {
        let mut table = [std::ptr::null(); Libcall::ALL.len()];
        for libcall in Libcall::ALL {
            table[libcall.index()] = address(*libcall);
        }
        Table(table)
    });
    // SAFETY: `Table` may be sent between threads as it may be shared.
    unsafe impl Send for Table {}
    TABLE.0.as_ptr()
}

fn address(libcall: Libcall) -> *const u8 {
    match libcall {
        Libcall::MemoryGrow => memory_grow as *const u8,
        Libcall::MemoryInit => memory_init as *const u8,
        Libcall::MemoryAtomicWait32 => memory_atomic_wait32 as *const u8,
        Libcall::MemoryAtomicWait64 => memory_atomic_wait64 as *const u8,
        Libcall::MemoryAtomicNotify => memory_atomic_notify as *const u8,
        Libcall::DataDrop => data_drop as *const u8,
        Libcall::TableGrow => table_grow as *const u8,
        Libcall::TableFill => table_fill as *const u8,
        Libcall::TableCopy => table_copy as *const u8,
        Libcall::TableInit => table_init as *const u8,
        Libcall::ElemDrop => elem_drop as *const u8,
        Libcall::IsSubtype => is_subtype as *const u8,
        Libcall::Throw => throw as *const u8,
        Libcall::ThrowRef => throw_ref as *const u8,
        Libcall::Unreachable => unreachable as *const u8,
        Libcall::Interrupted => interrupted as *const u8,
        Libcall::F32Ceil => f32_ceil as *const u8,
        Libcall::F32Floor => f32_floor as *const u8,
        Libcall::F32Trunc => f32_trunc as *const u8,
        Libcall::F32Nearest => f32_nearest as *const u8,
        Libcall::F64Ceil => f64_ceil as *const u8,
        Libcall::F64Floor => f64_floor as *const u8,
        Libcall::F64Trunc => f64_trunc as *const u8,
        Libcall::F64Nearest => f64_nearest as *const u8,
    }
}

/// Runs `body` with the store and the calling instance's place in it; raises what it fails with, or an interrupt that was
/// requested.
///
/// # Safety
///
/// `vmctx` must be that of a live instance whose code has called a libcall in its store's innermost activation.
unsafe fn run<R>(
    vmctx: *mut VmCtxHeader,
    nothing: R,
    body: impl FnOnce(&mut StoreOpaque, usize) -> Result<R>,
) -> R {
    // SAFETY: by the contract the header is valid, and so is the store's context.
    let ctx = unsafe { (*vmctx).store.cast::<StoreCtx>() };
    // SAFETY: the store was noted when wasm was entered; whoever entered it waits.
    let store = unsafe { &mut *store_of(ctx) };
    // SAFETY: by the contract.
    let instance = unsafe { InstanceData::index_of(vmctx) }.expect("wasm has an instance");
    match catch_unwind(AssertUnwindSafe(|| body(store, instance.index()))) {
        Ok(Ok(value)) => {
            // SAFETY: by the contract.
            unsafe { raise_if_interrupted(ctx) };
            value
        }
        Ok(Err(error)) => {
            // SAFETY: by the contract.
            unsafe { raise_error(ctx, error) };
            nothing
        }
        Err(payload) => {
            // SAFETY: by the contract.
            unsafe { super::activation::raise_panic(ctx, payload) };
            nothing
        }
    }
}

/// Defines a libcall whose body may fail.
macro_rules! libcall {
    ($(fn $name:ident($store:ident, $instance:ident $(, $param:ident: $ty:ty)*) $(-> $result:ty)? $body:block)*) => {$(
        unsafe extern "C" fn $name(vmctx: *mut VmCtxHeader $(, $param: $ty)*) $(-> $result)? {
            // SAFETY: compiled code passes its own vmctx and calls through a libcall trampoline.
            unsafe { run(vmctx, Default::default(), |$store, $instance| $body) }
        }
    )*};
}

libcall! {
    fn memory_grow(store, instance, memory: u32, pages: u64) -> i64 {
        let memory = store.instances[instance].memory(MemoryIndex::from_u32(memory));
        Ok(MemoryData::grow(store, memory, pages)?.map_or(-1, |old| old as i64))
    }

    fn unreachable(_store, _instance) {
        Err(Trap::UnreachableCodeReached.into())
    }

    fn interrupted(_store, _instance) {
        Ok(())
    }

    fn memory_init(store, instance, memory: u32, data: u32, start: u64, source: u32, len: u32) {
        let memory = store.instances[instance].memory(MemoryIndex::from_u32(memory));
        let data = store.instances[instance].data(DataIndex::from_u32(data));
        let data = data.as_ref().map_or(&[][..], |data| data.as_slice());
        let read = range(source.into(), len.into(), data)?;
        Ok(store.memory_write(memory, start, &data[read])?)
    }

    fn memory_atomic_wait32(store, instance, memory: u32, index: u64, offset: u64, expected: u32, timeout: i64) -> u32 {
        let memory = store.instances[instance].memory(MemoryIndex::from_u32(memory));
        let waiting = store.shared_ctx();
        let result =
            store.memory(memory).wait32([index, offset], expected, duration(timeout), &waiting)?;
        Ok(result as u32)
    }

    fn memory_atomic_wait64(store, instance, memory: u32, index: u64, offset: u64, expected: u64, timeout: i64) -> u32 {
        let memory = store.instances[instance].memory(MemoryIndex::from_u32(memory));
        let waiting = store.shared_ctx();
        let result =
            store.memory(memory).wait64([index, offset], expected, duration(timeout), &waiting)?;
        Ok(result as u32)
    }

    fn memory_atomic_notify(store, instance, memory: u32, index: u64, offset: u64, count: u32) -> u32 {
        let memory = store.instances[instance].memory(MemoryIndex::from_u32(memory));
        Ok(store.memory(memory).notify([index, offset], count)?)
    }

    fn data_drop(store, instance, data: u32) {
        store.instances[instance].drop_data(DataIndex::from_u32(data));
        Ok(())
    }

    fn table_grow(store, instance, table: u32, init: u64, delta: u64) -> i64 {
        let table = store.instances[instance].table(TableIndex::from_u32(table));
        Ok(TableData::grow(store, table, delta, init)?.map_or(-1, |old| old as i64))
    }

    fn table_fill(store, instance, table: u32, start: u64, value: u64, len: u64) {
        let table = store.instances[instance].table(TableIndex::from_u32(table));
        Ok(store.table_mut(table).fill(start, value, len)?)
    }

    fn table_copy(store, instance, to: u32, from: u32, start: u64, source: u64, len: u64) {
        let to = store.instances[instance].table(TableIndex::from_u32(to));
        let from = store.instances[instance].table(TableIndex::from_u32(from));
        Ok(TableData::copy(store, to, start, from, source, len)?)
    }

    fn table_init(store, instance, table: u32, elem: u32, start: u64, source: u32, len: u32) {
        let elem = ElemIndex::from_u32(elem);
        let table = TableIndex::from_u32(table);
        InstanceData::table_init(store, instance, table, elem, start, source.into(), len.into())
    }

    fn elem_drop(store, instance, elem: u32) {
        store.instances[instance].drop_elem(ElemIndex::from_u32(elem));
        Ok(())
    }
}

unsafe extern "C" fn throw(vmctx: *mut VmCtxHeader, tag: u32, values: *const ValRaw) {
    // SAFETY: compiled code passes its own vmctx, a tag of its module and values of that tag's types.
    unsafe {
        run(vmctx, (), |store, instance| {
            let tag = store.instances[instance].tag_ptr(TagIndex::from_u32(tag));
            exception::throw((*vmctx).store.cast::<StoreCtx>(), store, tag, values)
        });
    }
}

unsafe extern "C" fn throw_ref(vmctx: *mut VmCtxHeader, exception: u64) {
    // SAFETY: compiled code passes its own vmctx, and a reference that is not null.
    unsafe {
        run(vmctx, (), |store, _| {
            let handle = store.refs.handle(exception).expect("compiled code has a reference");
            exception::throw_handle((*vmctx).store.cast::<StoreCtx>(), store, handle, None);
            Ok(())
        });
    }
}

unsafe extern "C" fn is_subtype(_: *mut VmCtxHeader, func: u64, expected: u32) -> u32 {
    // SAFETY: compiled code passes a reference of the store that runs, and the store holds the types of its functions.
    let ty = unsafe {
        let func = func as usize as *const VmFuncRef;
        &*(*func).runtime.cast::<TypeEntry>()
    };
    ty.is_subtype_of(expected).into()
}

/// How long a guest wants to wait at most: negative numbers of nanoseconds mean for ever.
fn duration(timeout: i64) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_nanos)
}

fn range(start: u64, len: u64, bytes: &[u8]) -> Result<std::ops::Range<usize>> {
    let end = start.checked_add(len).filter(|end| *end <= bytes.len() as u64);
    let end = end.ok_or_else(|| Error::from(Trap::MemoryOutOfBounds))?;
    Ok(start as usize..end as usize)
}

/// Defines a rounding libcall, which cannot fail.
macro_rules! rounding {
    ($($name:ident($ty:ty) = $method:ident;)*) => {$(
        extern "C" fn $name(_: *mut VmCtxHeader, value: $ty) -> $ty { value.$method() }
    )*};
}

rounding! {
    f32_ceil(f32) = ceil;
    f32_floor(f32) = floor;
    f32_trunc(f32) = trunc;
    f32_nearest(f32) = round_ties_even;
    f64_ceil(f64) = ceil;
    f64_floor(f64) = floor;
    f64_trunc(f64) = trunc;
    f64_nearest(f64) = round_ties_even;
}
