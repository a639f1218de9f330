//! A guest's own allocator, called by the host.
//!
//! Three kinds: `malloc` and `free` of C, `__new` with `__pin` and `__unpin` of AssemblyScript, and
//! a pair that the embedder names. Their types are checked when they are found; what they give is
//! checked at each allocation, because a guest may give anything.

use crate::export::{of_func, typed};
use crate::{Address, GuestError};
use palisade::{AsContext, AsContextMut, Func, Instance, Memory, Result, TypedFunc};

/// Id of AssemblyScript's `ArrayBuffer`, the class of bytes without a meaning.
const ARRAY_BUFFER: u32 = 1;

/// Whose functions allocate for the host in a guest. See [`Guest::allocator`](crate::Guest::allocator).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuestAlloc {
    /// `malloc` and `free` of the guest's C library.
    C,
    /// `__new`, `__pin` and `__unpin` of AssemblyScript's runtime. What is allocated is an
    /// `ArrayBuffer`; freed means unpinned.
    AssemblyScript,
    /// Those that [`GuestBuilder::allocator`](crate::GuestBuilder::allocator) was given.
    Given,
}

/// A guest's allocator.
#[derive(Clone, Copy)]
pub(crate) enum Heap<A: Address> {
    /// Two functions, and whose they are.
    Pair { alloc: AllocFn<A>, free: FreeFn<A>, of: GuestAlloc },
    /// AssemblyScript's runtime: an allocation is an object that is pinned.
    Objects(Objects<A>),
}

/// A function that allocates, by its parameters.
#[derive(Clone, Copy)]
pub(crate) enum AllocFn<A: Address> {
    Size(TypedFunc<(A,), (A,)>),
    SizeAlign(TypedFunc<(A, A), (A,)>),
}

/// A function that frees, by its parameters.
#[derive(Clone, Copy)]
pub(crate) enum FreeFn<A: Address> {
    Ptr(TypedFunc<(A,), ()>),
    PtrSize(TypedFunc<(A, A), ()>),
    PtrSizeAlign(TypedFunc<(A, A, A), ()>),
}

/// What AssemblyScript exports with `--exportRuntime`.
#[derive(Clone, Copy)]
pub(crate) struct Objects<A: Address> {
    pub(crate) new: TypedFunc<(A, u32), (A,)>,
    pub(crate) pin: TypedFunc<(A,), (A,)>,
    pub(crate) unpin: TypedFunc<(A,), ()>,
    pub(crate) collect: TypedFunc<(), ()>,
    /// Where the flags of the module's classes are.
    pub(crate) rtti: u32,
}

/// An allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<A> {
    pub(crate) address: A,
    pub(crate) size: A,
    pub(crate) align: A,
}

impl<A: Address> Heap<A> {
    /// What `instance` exports.
    ///
    /// # Errors
    ///
    /// When that is nothing that can be used. The reason is remembered until somebody wants to
    /// allocate.
    pub(crate) fn find(
        mut store: impl AsContextMut,
        instance: &Instance,
        memory: Memory,
    ) -> Result<Heap<A>, GuestError> {
        let c = Heap::find_c(&mut store, instance);
        c.or_else(|c| match Objects::find(&mut store, instance) {
            Ok(objects) => check_version(&store, memory, &objects).map(|()| Heap::Objects(objects)),
            Err(objects) => Err(GuestError::NoAllocator(format!("{c}; {objects}"))),
        })
    }

    fn find_c(mut store: impl AsContextMut, instance: &Instance) -> Result<Heap<A>, GuestError> {
        let alloc = AllocFn::Size(typed(&mut store, instance, "malloc")?);
        let free = FreeFn::Ptr(typed(&mut store, instance, "free")?);
        Ok(Heap::Pair { alloc, free, of: GuestAlloc::C })
    }

    /// A pair that the embedder names.
    ///
    /// # Errors
    ///
    /// When they have none of the types that
    /// [`GuestBuilder::allocator`](crate::GuestBuilder::allocator) lists.
    pub(crate) fn custom(
        store: impl AsContext,
        alloc: Func,
        free: Func,
    ) -> Result<Heap<A>, GuestError> {
        let alloc = match of_func(&store, alloc, "alloc") {
            Ok(alloc) => AllocFn::Size(alloc),
            Err(error) => AllocFn::SizeAlign(alloc.typed(&store).map_err(|_| error)?),
        };
        let free = match of_func(&store, free, "free") {
            Ok(free) => FreeFn::Ptr(free),
            Err(error) => match (free.typed(&store), free.typed(&store)) {
                (Ok(free), _) => FreeFn::PtrSize(free),
                (_, Ok(free)) => FreeFn::PtrSizeAlign(free),
                _ => return Err(error),
            },
        };
        Ok(Heap::Pair { alloc, free, of: GuestAlloc::Given })
    }

    /// Allocates. What it gives is not checked yet.
    pub(crate) fn alloc(&self, mut store: impl AsContextMut, size: A, align: A) -> Result<A> {
        match self {
            Heap::Pair { alloc: AllocFn::Size(alloc), .. } => Ok(alloc.call(store, (size,))?.0),
            Heap::Pair { alloc: AllocFn::SizeAlign(alloc), .. } => {
                Ok(alloc.call(store, (size, align))?.0)
            }
            Heap::Objects(objects) => {
                let (address,) = objects.new.call(&mut store, (size, ARRAY_BUFFER))?;
                objects.pin.call(store, (address,))?;
                Ok(address)
            }
        }
    }

    /// Whose functions these are.
    pub(crate) fn of(&self) -> GuestAlloc {
        match self {
            Heap::Pair { of, .. } => *of,
            Heap::Objects(_) => GuestAlloc::AssemblyScript,
        }
    }

    /// Whether freeing takes more than the address.
    pub(crate) fn frees_by_size(&self) -> bool {
        matches!(self, Heap::Pair { free: FreeFn::PtrSize(_) | FreeFn::PtrSizeAlign(_), .. })
    }

    /// Frees; an object is unpinned.
    pub(crate) fn free(&self, store: impl AsContextMut, block: Block<A>) -> Result<()> {
        let Block { address, size, align } = block;
        match self {
            Heap::Pair { free: FreeFn::Ptr(free), .. } => free.call(store, (address,)),
            Heap::Pair { free: FreeFn::PtrSize(free), .. } => free.call(store, (address, size)),
            Heap::Pair { free: FreeFn::PtrSizeAlign(free), .. } => {
                free.call(store, (address, size, align))
            }
            Heap::Objects(objects) => objects.unpin.call(store, (address,)),
        }
    }
}

impl<A: Address> Objects<A> {
    fn find(mut store: impl AsContextMut, instance: &Instance) -> Result<Objects<A>, GuestError> {
        Ok(Objects {
            new: typed(&mut store, instance, "__new")?,
            pin: typed(&mut store, instance, "__pin")?,
            unpin: typed(&mut store, instance, "__unpin")?,
            collect: typed(&mut store, instance, "__collect")?,
            rtti: rtti(store, instance)?,
        })
    }
}

fn rtti(mut store: impl AsContextMut, instance: &Instance) -> Result<u32, GuestError> {
    let missing = || GuestError::Missing {
        kind: "global of type i32",
        name: "__rtti_base".into(),
        hint: String::new(),
    };
    let global = instance.get_global(&mut store, "__rtti_base").ok_or_else(missing)?;
    global.get(store).i32().map(|base| base as u32).ok_or_else(missing)
}

/// Refuses AssemblyScript before 0.24, whose classes have other numbers: its table of classes
/// begins with `ArrayBuffer`, `String` and one that has no flags, or has two words for a class.
/// In newer ones `Object`, `ArrayBuffer` and `String` are first, and none of them has references.
fn check_version<A: Address>(
    store: impl AsContext,
    memory: Memory,
    objects: &Objects<A>,
) -> Result<(), GuestError> {
    let mut words = [0; 16];
    let read = memory.read(store, objects.rtti as usize, &mut words).is_ok();
    let flags = |class: usize| words[4 * (class + 1)..][..4].iter().any(|byte| *byte != 0);
    if read && flags(0) && flags(1) && flags(2) {
        return Ok(());
    }
    Err(GuestError::NoAllocator(
        "its `__rtti_base` is not that of AssemblyScript 0.24 or newer".into(),
    ))
}

/// Checks that an allocation of `size` bytes can be at `address` of a memory of `memory` bytes.
///
/// # Errors
///
/// When it is null, not aligned, or not all within the memory.
pub(crate) fn check_allocation(
    address: u64,
    size: u64,
    align: u64,
    memory: usize,
) -> Result<(), GuestError> {
    let bad = |reason| Err(GuestError::BadAllocation { address, size, reason });
    if address == 0 {
        return Err(GuestError::Exhausted { size });
    }
    if !address.is_multiple_of(align) {
        return bad("it is not aligned");
    }
    match address.checked_add(size) {
        Some(end) if end <= memory as u64 => Ok(()),
        _ => bad("that is not within its memory"),
    }
}
