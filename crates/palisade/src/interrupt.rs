//! Stopping guests from other threads.

#![forbid(unsafe_code)]

use crate::vm::Interrupt;
use crate::{AsContextMut, Result, Store, StoreContextMut, Trap};
use std::fmt;

/// Stops the guests of one store; made by [`Store::interrupt_handle`]. It may be used from any thread, also after the store
/// is gone.
#[derive(Clone)]
pub struct InterruptHandle(Interrupt);

impl InterruptHandle {
    /// Stops the wasm that the store runs: the call from the host ends with [`Trap::Interrupt`](crate::Trap::Interrupt). If
    /// none runs, the next call ends so before it begins. The store and its instances can be used further, as after any
    /// trap.
    ///
    /// A loop stops within some microseconds, and so does a guest that waits for a place in a shared memory
    /// (`memory.atomic.wait32`). Host functions, and what else the runtime does for the guest, are not stopped; wasm is when
    /// they have returned. Those that wait can look by [`StoreContextMut::check_interrupt`]. If a host function has called wasm of another store, that is left alone too. Loops
    /// pay nothing for this.
    ///
    /// It sends SIGURG to all threads of the process that have run wasm; system calls on them are restarted, or end early
    /// where the system does not restart them. Threads that run wasm must not block this signal, and who installs another
    /// handler for it must call the one that is there. In a child that was forked from a process that has run wasm, and
    /// has not executed another program, loops are not stopped.
    pub fn interrupt(&self) {
        self.0.request();
    }
}

impl fmt::Debug for InterruptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterruptHandle").finish_non_exhaustive()
    }
}

impl<T: 'static> Store<T> {
    /// What stops this store's guests from another thread.
    ///
    /// ```
    /// use palisade::{Engine, Instance, Module, Store, Trap};
    ///
    /// # fn main() -> palisade::Result<()> {
    /// let engine = Engine::default();
    /// let module = Module::new(&engine, r#"(module (func (export "spin") (loop (br 0))))"#)?;
    /// let mut store = Store::new(&engine, ());
    /// let spin = Instance::new(&mut store, &module, &[])?
    ///     .get_typed_func::<(), ()>(&mut store, "spin")?;
    /// let handle = store.interrupt_handle();
    /// std::thread::spawn(move || handle.interrupt());
    /// let error = spin.call(&mut store, ()).unwrap_err();
    /// assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    /// # Ok(())
    /// # }
    /// ```
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(self.interrupt())
    }

    /// Notices an interrupt; see [`StoreContextMut::check_interrupt`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn check_interrupt(&mut self) -> Result<()> {
        self.as_context_mut().check_interrupt()
    }
}

impl<T: 'static> StoreContextMut<'_, T> {
    /// What stops this store's guests from another thread; see [`Store::interrupt_handle`].
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(self.interrupt())
    }

    /// Notices an interrupt in the host: for functions that wait on behalf of a guest, who look now and then, and give the
    /// error on.
    ///
    /// ```
    /// use palisade::{AsContextMut, Caller, Engine, Func, Result, Store, Trap};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<()> {
    /// let mut store = Store::new(&Engine::default(), ());
    /// let wait = Func::wrap(&mut store, |mut caller: Caller<'_, ()>| -> Result<()> {
    ///     loop {
    ///         std::thread::sleep(Duration::from_millis(1));
    ///         caller.as_context_mut().check_interrupt()?;
    ///     }
    /// });
    /// let handle = store.interrupt_handle();
    /// std::thread::spawn(move || handle.interrupt());
    /// let error = wait.call(&mut store, &[], &mut []).unwrap_err();
    /// assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Trap::Interrupt`] if [`InterruptHandle::interrupt`] was called, and neither wasm nor this function has noticed
    /// since.
    pub fn check_interrupt(&mut self) -> Result<()> {
        match self.as_context_mut().opaque().take_interrupt() {
            true => Err(Trap::Interrupt.into()),
            false => Ok(()),
        }
    }
}
