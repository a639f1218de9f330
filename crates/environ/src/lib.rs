//! What compiled code and the runtime agree on.
//!
//! Types of the WebAssembly language, the metadata of a decoded module, the layout of the blocks that compiled code
//! reads (`vmctx`), the trap codes and the runtime functions that compiled code may call.
//! Nothing here compiles or runs anything.

#![forbid(unsafe_code)]

mod exception;
mod index;
mod libcall;
mod module;
mod registry;
mod trap;
mod types;
mod vmctx;

pub use exception::*;
pub use index::*;
pub use libcall::*;
pub use module::*;
pub use registry::*;
pub use trap::*;
pub use types::*;
pub use vmctx::*;
