//! What runs beneath the public API: stores' contents, instances, memories, tables, code and activations.
//!
//! Together with `palisade-sys` the only place with `unsafe`. What it offers upward is safe to call, whatever the guest
//! and the embedder do.

mod activation;
mod artifact;
mod background;
mod bulk;
mod code;
mod exception;
mod exit;
mod global;
mod host_func;
mod instance;
mod interrupt;
mod lazy;
mod libcalls;
mod memory;
mod memory_pool;
mod native;
mod parking_lot;
mod precompiled;
mod quota;
mod refs;
mod registry;
mod rows;
mod shared_memory;
mod store;
mod table;
mod trampolines;
mod typed_entry;

pub(crate) use activation::{call_array, capture_backtrace, install_handlers};
pub(crate) use artifact::{
    Artifact, Contents as ArtifactContents, Identity, MAGIC as ARTIFACT_MAGIC, Refusal,
    VERSION as ARTIFACT_VERSION,
};
pub(crate) use background::{compile_in_background, compile_in_background_if_needed};
pub(crate) use code::{CodeImage, CodePlace};
pub(crate) use exception::TagData;
pub(crate) use global::GlobalData;
pub(crate) use instance::{ImportValue, InstanceIndex, instantiate, rebind_import};
pub(crate) use interrupt::Interrupt;
pub(crate) use lazy::{begin_lazily, restore as restore_lazily};
pub(crate) use memory::MemoryData;
pub(crate) use memory_pool::{MemoryPool, ModuleImage};
pub(crate) use native::{ValRaw, fits_registers};
pub(crate) use quota::Quota;
pub(crate) use refs::RootedRef;
pub(crate) use shared_memory::SharedMemoryData;
pub(crate) use store::{FuncPtr, StoreBox, StoreId, StoreInner, StoreOpaque};
pub(crate) use table::TableData;
pub(crate) use trampolines::{prepare, prepare_from, text as trampoline_text};
pub(crate) use typed_entry::TypedEntry;

pub use host_func::IntoFunc;
pub(crate) use host_func::{CallerPtr, HostBody, exits_by_stub};
pub use native::{WasmParams, WasmResults, WasmRet, WasmTy};
pub use shared_memory::WaitResult;
