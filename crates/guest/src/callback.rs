//! Closures of the host in the guest's table, where the guest calls them by function pointers.
//!
//! A host function lives as long as its store. So that a removed closure is dropped at once all the
//! same, what goes into the table is a small function that looks into a cell for the closure; cell,
//! function and place in the table are used again by the next closure of the same type. Looking
//! takes a lock that nobody waits for, some 20 ns a call.

use crate::args::GuestArg;
use crate::flat::One;
use crate::{Address, Guest, GuestError, Scope};
use palisade::{AsContextMut, Caller, Error, Func, Ref, Result, WasmRet, WasmTy};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// A function of the host in the guest's table. To the guest it is a function pointer, as an
/// argument or in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Callback<A: Address = u32> {
    index: A,
}

impl<A: Address> Callback<A> {
    /// Its index in the table, which is what the guest sees of it.
    pub fn index(self) -> A {
        self.index
    }
}

impl<B: Address> GuestArg for Callback<B> {
    type Raw<A: Address> = One<B>;

    #[inline(always)]
    fn lower<A: Address, C: AsContextMut>(&self, _: &mut Scope<'_, C, A>) -> Result<One<B>> {
        Ok(One(self.index))
    }
}

/// The places of the table that the host has.
#[derive(Default)]
pub(crate) struct Callbacks {
    /// By index; `None` if the embedder has made the function.
    used: HashMap<u64, Option<Shell>>,
    free: Vec<u64>,
    /// Functions without a closure, by the type that one would have.
    shells: HashMap<TypeId, Vec<Shell>>,
}

/// A function that calls what is in a cell.
///
/// The function owns the cell, and the store the function. The guest's handle must not: a closure that
/// has a handle of its guest would keep itself alive.
struct Shell {
    func: Func,
    cell: Weak<dyn Clear>,
}

/// Where a closure is, if it has not been removed; `F` is a trait object.
type Cell<F> = RwLock<Option<Arc<F>>>;

/// A cell of a type that is not known.
trait Clear: Send + Sync {
    fn clear(&self);
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// The type of closures that it is for.
    fn kind(&self) -> TypeId;
}

impl<F: ?Sized + Send + Sync + 'static> Clear for Cell<F> {
    fn clear(&self) {
        // Dropped after the lock: what it owns may use this crate.
        let closure = self.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(closure);
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn kind(&self) -> TypeId {
        TypeId::of::<F>()
    }
}

/// A closure that can be a callback: of parameters and a result that cross the boundary as they
/// are, optionally with a [`Caller`] first; the result may be in a [`palisade::Result`].
///
/// It cannot be implemented elsewhere.
pub trait IntoCallback<T, Params, Results>: Send + Sync + 'static {
    /// As a trait object.
    #[doc(hidden)]
    type Shape: ?Sized + Shape<T>;
    #[doc(hidden)]
    fn into_shape(self) -> Arc<Self::Shape>;
}

/// A closure as a trait object, by its parameters and result.
#[doc(hidden)]
pub trait Shape<T>: Send + Sync + 'static {
    /// A function that calls what is in `cell`.
    fn shell(store: impl AsContextMut<Data = T>, cell: Arc<Cell<Self>>) -> Func;
}

impl<A: Address> Guest<A> {
    /// Places a closure in the guest's table, for the guest to call.
    ///
    /// ```
    /// # use palisade::{Engine, Instance, Module, Store};
    /// # use palisade_guest::{Callback, Guest};
    /// let engine = Engine::default();
    /// let module = Module::new(
    ///     &engine,
    ///     r#"(module
    ///         (memory (export "memory") 1)
    ///         (table (export "table") 1 funcref)
    ///         (func (export "apply") (param $f i32) (param $x i32) (result i32)
    ///             (call_indirect (param i32) (result i32) (local.get $x) (local.get $f))))"#,
    /// )?;
    /// let mut store = Store::new(&engine, ());
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let guest = Guest::new(&mut store, instance)?;
    /// let apply = guest.func::<(Callback, i32), i32>(&mut store, "apply")?;
    ///
    /// let double = guest.add_callback(&mut store, |x: i32| x * 2)?;
    /// assert_eq!(apply.call(&mut store, (double, 21))?, 42);
    /// guest.remove_callback(&mut store, double)?;
    /// # Ok::<(), palisade::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the guest exports no table, it is not one of functions, or it cannot grow.
    pub fn add_callback<T: 'static, Params, Results, F>(
        &self,
        mut store: impl AsContextMut<Data = T>,
        closure: F,
    ) -> Result<Callback<A>>
    where
        F: IntoCallback<T, Params, Results>,
    {
        self.table()?;
        let shape = closure.into_shape();
        let kind = TypeId::of::<F::Shape>();
        let known = self.callbacks().shells.get_mut(&kind).and_then(Vec::pop);
        // A cell is there as long as the store that has to be at hand here.
        let known = known.and_then(|shell| Some((shell.func, shell.cell.upgrade()?)));
        let (func, cell) = match known {
            Some((func, cell)) => {
                let cell = cell.into_any().downcast::<Cell<F::Shape>>();
                (func, cell.expect("a cell of this type"))
            }
            None => {
                let cell = Arc::<Cell<F::Shape>>::default();
                (F::Shape::shell(&mut store, cell.clone()), cell)
            }
        };
        *cell.write().unwrap_or_else(PoisonError::into_inner) = Some(shape);
        let weak: Weak<Cell<F::Shape>> = Arc::downgrade(&cell);
        let shell = Shell { func, cell: weak };
        match self.place(store, func) {
            Ok(index) => {
                self.callbacks().used.insert(index.into(), Some(shell));
                Ok(Callback { index })
            }
            Err(error) => {
                self.put_away(shell);
                Err(error)
            }
        }
    }

    /// As [`add_callback`](Self::add_callback), with a function that the host has already, of any
    /// guest or made by [`Func::wrap`] or [`Func::new`].
    ///
    /// # Errors
    ///
    /// As `add_callback`.
    pub fn add_function(&self, store: impl AsContextMut, func: Func) -> Result<Callback<A>> {
        let index = self.place(store, func)?;
        self.callbacks().used.insert(index.into(), None);
        Ok(Callback { index })
    }

    /// Takes a function out of the guest's table and drops its closure; if it is running, when it
    /// is done. A guest that calls the function pointer later traps, until the place is used again.
    ///
    /// # Errors
    ///
    /// When it is not in the table any more.
    pub fn remove_callback(
        &self,
        mut store: impl AsContextMut,
        callback: Callback<A>,
    ) -> Result<()> {
        let index: u64 = callback.index.into();
        let Some(shell) = self.callbacks().used.remove(&index) else {
            return Err(GuestError::NotACallback { index }.into());
        };
        self.table()?.set(&mut store, index, Ref::Func(None))?;
        self.callbacks().free.push(index);
        if let Some(shell) = shell {
            self.put_away(shell);
        }
        Ok(())
    }

    /// Drops the closure and keeps the rest.
    fn put_away(&self, shell: Shell) {
        let Some(cell) = shell.cell.upgrade() else { return };
        cell.clear();
        self.callbacks().shells.entry(cell.kind()).or_default().push(shell);
    }

    /// Puts a function into a place that is free, or makes one.
    fn place(&self, mut store: impl AsContextMut, func: Func) -> Result<A> {
        let table = self.table()?;
        let of_type = |error: Error| error.context("the guest's table is not one of functions");
        let free = self.callbacks().free.pop();
        if let Some(index) = free {
            table.set(&mut store, index, func.into()).map_err(of_type)?;
            return Ok(A::truncate(index));
        }
        // Function pointer 0 is null.
        if table.size(&store) == 0 {
            self.grow(&mut store, Ref::Func(None))?;
        }
        let index = self.grow(store, func.into())?;
        Ok(A::truncate(index))
    }

    fn grow(&self, mut store: impl AsContextMut, init: Ref) -> Result<u64> {
        let table = self.table()?;
        table.grow(&mut store, 1, init).map_err(|error| {
            let (size, maximum) = (table.size(&store), table.ty(&store).maximum());
            match maximum {
                Some(maximum) if maximum <= size => GuestError::Table(format!(
                    "it has {size} elements, which is its maximum (Emscripten makes tables that \
                     can grow with `-sALLOW_TABLE_GROWTH`)"
                ))
                .into(),
                _ => error.context("growing the guest's table"),
            }
        })
    }
}

/// Keeps the parameters of closures without a [`Caller`] apart from those with one.
#[doc(hidden)]
pub struct WithoutCaller<P>(PhantomData<P>);

macro_rules! callbacks {
    ($($P:ident $value:ident)*) => {
        impl<T: 'static, $($P: WasmTy + 'static,)* R: WasmRet + 'static> Shape<T>
            for dyn Fn(Caller<'_, T>, $($P),*) -> R + Send + Sync
        {
            fn shell(store: impl AsContextMut<Data = T>, cell: Arc<Cell<Self>>) -> Func {
                Func::wrap(store, move |caller: Caller<'_, T>, $($value: $P),*| {
                    let closure = cell.read().unwrap_or_else(PoisonError::into_inner).clone();
                    match closure {
                        Some(closure) => Ok(closure(caller, $($value),*)),
                        None => Err(removed()),
                    }
                })
            }
        }

        impl<T: 'static, F, $($P: WasmTy + 'static,)* R: WasmRet + 'static>
            IntoCallback<T, WithoutCaller<($($P,)*)>, R> for F
        where
            F: Fn($($P),*) -> R + Send + Sync + 'static,
        {
            type Shape = dyn Fn(Caller<'_, T>, $($P),*) -> R + Send + Sync;

            fn into_shape(self) -> Arc<Self::Shape> {
                Arc::new(move |_: Caller<'_, T>, $($value: $P),*| self($($value),*))
            }
        }

        impl<T: 'static, F, $($P: WasmTy + 'static,)* R: WasmRet + 'static>
            IntoCallback<T, (Caller<'_, T>, $($P,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($P),*) -> R + Send + Sync + 'static,
        {
            type Shape = dyn Fn(Caller<'_, T>, $($P),*) -> R + Send + Sync;

            fn into_shape(self) -> Arc<Self::Shape> {
                Arc::new(self)
            }
        }
    };
}

/// A guest can keep a reference to a function that has left the table.
#[cold]
fn removed() -> Error {
    Error::msg("the guest calls a function of the host that was removed from its table")
}

callbacks! {}
callbacks! { P1 a }
callbacks! { P1 a P2 b }
callbacks! { P1 a P2 b P3 c }
callbacks! { P1 a P2 b P3 c P4 d }
callbacks! { P1 a P2 b P3 c P4 d P5 e }
callbacks! { P1 a P2 b P3 c P4 d P5 e P6 f }
callbacks! { P1 a P2 b P3 c P4 d P5 e P6 f P7 g }
callbacks! { P1 a P2 b P3 c P4 d P5 e P6 f P7 g P8 h }
