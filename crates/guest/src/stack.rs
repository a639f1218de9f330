//! A guest's own stack, on which the host puts what lives for one call.
//!
//! Emscripten exports three functions for that, whose names have changed; other toolchains can
//! export the stack pointer itself (wasm-ld's `--export=__stack_pointer`). The stack grows down and
//! is not checked by either.

use crate::export::typed;
use crate::{Address, GuestError};
use palisade::{AsContextMut, Extern, Global, Instance, Mutability, Result, TypedFunc, Val};

/// The alignment that C guarantees of a stack pointer.
const STACK_ALIGN: u64 = 16;

/// The functions that save, allocate and restore; by Emscripten's older names and its newer ones
/// (since 3.1.6x).
const NAMES: [[&str; 3]; 2] = [
    ["stackSave", "stackAlloc", "stackRestore"],
    ["emscripten_stack_get_current", "_emscripten_stack_alloc", "_emscripten_stack_restore"],
];

/// How the stack pointer is read and moved.
#[derive(Clone, Copy)]
pub(crate) enum Stack<A: Address> {
    Functions {
        save: TypedFunc<(), (A,)>,
        alloc: TypedFunc<(A,), (A,)>,
        restore: TypedFunc<(A,), ()>,
    },
    Pointer(Global),
}

impl<A: Address> Stack<A> {
    /// What `instance` exports.
    ///
    /// # Errors
    ///
    /// When that is nothing that can be used. The reason is remembered until somebody wants the
    /// stack.
    pub(crate) fn find(
        mut store: impl AsContextMut,
        instance: &Instance,
    ) -> Result<Stack<A>, GuestError> {
        let mut reasons = Vec::new();
        for names in NAMES {
            match Stack::functions(&mut store, instance, names) {
                Ok(stack) => return Ok(stack),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        if let Some(Extern::Global(global)) = instance.get_export(&mut store, "__stack_pointer") {
            let ty = global.ty(&store);
            if *ty.content() == A::valtype() && ty.mutability() == Mutability::Var {
                return Ok(Stack::Pointer(global));
            }
            reasons.push(format!("its global `__stack_pointer` is a {ty}"));
        }
        Err(GuestError::NoStack(reasons.join("; ")))
    }

    fn functions(
        mut store: impl AsContextMut,
        instance: &Instance,
        [save, alloc, restore]: [&str; 3],
    ) -> Result<Stack<A>, GuestError> {
        Ok(Stack::Functions {
            save: typed(&mut store, instance, save)?,
            alloc: typed(&mut store, instance, alloc)?,
            restore: typed(&mut store, instance, restore)?,
        })
    }

    /// The stack pointer.
    pub(crate) fn save(&self, store: impl AsContextMut) -> Result<A> {
        match self {
            Stack::Functions { save, .. } => Ok(save.call(store, ())?.0),
            Stack::Pointer(global) => Ok(match global.get(store) {
                Val::I32(pointer) => A::truncate(u64::from(pointer as u32)),
                Val::I64(pointer) => A::truncate(pointer as u64),
                _ => unreachable!("its type was checked"),
            }),
        }
    }

    /// Allocates, aligned to 16 bytes. What it gives is not checked yet.
    pub(crate) fn alloc(&self, mut store: impl AsContextMut, size: A) -> Result<A> {
        match self {
            Stack::Functions { alloc, .. } => Ok(alloc.call(store, (size,))?.0),
            Stack::Pointer(_) => {
                let top: u64 = self.save(&mut store)?.into();
                let Some(bottom) = top.checked_sub(size.into()) else {
                    return Err(GuestError::Exhausted { size: size.into() }.into());
                };
                let bottom = A::truncate(bottom & !(STACK_ALIGN - 1));
                self.restore(store, bottom)?;
                Ok(bottom)
            }
        }
    }

    /// Sets the stack pointer.
    pub(crate) fn restore(&self, store: impl AsContextMut, pointer: A) -> Result<()> {
        match self {
            Stack::Functions { restore, .. } => restore.call(store, (pointer,)),
            Stack::Pointer(global) => {
                let pointer: u64 = pointer.into();
                let value = match A::BITS {
                    32 => Val::I32(pointer as i32),
                    _ => Val::I64(pointer as i64),
                };
                global.set(store, value)
            }
        }
    }
}
