//! A WebAssembly runtime with fast native code.
//!
//! Names and shapes are those of wasmtime's Rust API: most embeddings port by changing the `use` line.
//!
//! # The first ten minutes
//!
//! An [`Engine`] compiles. A [`Module`] is compiled code. A [`Store`] owns running [`Instance`]s together with a value of
//! yours. A [`Linker`] holds what modules may import.
//!
//! ```
//! use palisade::{Caller, Engine, Linker, Module, Result, Store};
//!
//! fn main() -> Result<()> {
//!     let engine = Engine::default();
//!     // Binary modules and their text form are both accepted.
//!     let module = Module::new(
//!         &engine,
//!         r#"(module
//!             (import "host" "log" (func $log (param i32)))
//!             (func (export "twice") (param i32) (result i32)
//!                 (call $log (local.get 0))
//!                 (i32.mul (local.get 0) (i32.const 2))))"#,
//!     )?;
//!
//!     // Host functions are closures over plain Rust types. A `Caller` gives access to the store's data and to the
//!     // exports of the instance that calls.
//!     let mut linker = Linker::new(&engine);
//!     linker.func_wrap("host", "log", |mut caller: Caller<'_, Vec<i32>>, value: i32| {
//!         caller.data_mut().push(value);
//!     })?;
//!
//!     let mut store = Store::new(&engine, Vec::new());
//!     let instance = linker.instantiate(&mut store, &module)?;
//!     let twice = instance.get_typed_func::<i32, i32>(&mut store, "twice")?;
//!     assert_eq!(twice.call(&mut store, 21)?, 42);
//!     assert_eq!(store.data(), &[21]);
//!     Ok(())
//! }
//! ```
//!
//! # Memory
//!
//! [`Memory::data`] and [`Memory::data_mut`] are views of the guest's bytes, without a copy. They borrow the store, so no
//! view outlives growth:
//!
//! ```compile_fail
//! # use palisade::{Engine, Memory, MemoryType, Store};
//! # let mut store = Store::new(&Engine::default(), ());
//! let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
//! let view = memory.data(&store);
//! memory.grow(&mut store, 1).unwrap(); // error: the store is borrowed by `view`
//! println!("{}", view[0]);
//! ```
//!
//! # Traps and errors
//!
//! Everything that fails gives an [`Error`]. A guest's fault is a [`Trap`]; what a host function returns as an error, or
//! panics with, passes through the guest to whoever called it.
//!
//! ```
//! use palisade::{Engine, Instance, Module, Store, Trap, WasmBacktrace};
//!
//! let engine = Engine::default();
//! let module = Module::new(
//!     &engine,
//!     "(module (func (export \"div\") (param i32 i32) (result i32)
//!         (i32.div_u (local.get 0) (local.get 1))))",
//! )?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let div = instance.get_typed_func::<(i32, i32), i32>(&mut store, "div")?;
//! let error = div.call(&mut store, (1, 0)).unwrap_err();
//! assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
//! assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
//! # Ok::<(), palisade::Error>(())
//! ```
//!
//! # What an engine does to the process
//!
//! The first engine installs a handler for SIGSEGV, SIGBUS, SIGILL and SIGFPE. Faults that are not those of compiled
//! code go to whoever had the signal before.

mod backtrace;
mod cache;
mod config;
mod engine;
pub mod error;
mod exception;
mod externref;
mod externs;
mod func;
mod global;
mod hints;
mod input;
mod instance;
mod interrupt;
mod limits;
mod linker;
mod matching;
mod memory;
mod module;
mod module_meta;
mod pooling;
mod shared_memory;
mod store;
mod table;
mod typed;
mod types;
mod value;
mod vm;

pub use backtrace::{FrameInfo, FrameSymbol, WasmBacktrace};
pub use cache::{Cache, CacheConfig, CacheStats};
pub use config::{Compilation, Config, OptLevel};
pub use engine::{Engine, Precompiled};
pub use error::{Error, Result};
pub use exception::{ExnRef, ExnRefPre, ExnType, Tag, ThrownException};
pub use externref::{ExternRef, RootScope, Rooted};
pub use externs::{Export, Extern};
pub use func::Func;
pub use global::Global;
pub use instance::Instance;
pub use interrupt::InterruptHandle;
pub use limits::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};
pub use linker::{InstancePre, Linker};
pub use memory::{Memory, MemoryAccessError};
pub use module::Module;
pub use palisade_environ::{
    FuncType, GlobalType, HeapType, MemoryType, MemoryTypeBuilder, MemoryTypeError, Mutability,
    RefType, TableType, TagType, Trap, ValType,
};
pub use pooling::{InstanceAllocationStrategy, PoolingAllocationConfig};
pub use shared_memory::SharedMemory;
pub use store::{AsContext, AsContextMut, Caller, Store, StoreContext, StoreContextMut};
pub use table::Table;
pub use typed::TypedFunc;
pub use types::{ExportType, ExternType, ImportType};
pub use value::{Ref, V128, Val};
pub use vm::{IntoFunc, WaitResult, WasmParams, WasmResults, WasmRet, WasmTy};
