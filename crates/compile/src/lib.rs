//! Stub while the translator is written.
#![forbid(unsafe_code)]

mod codegen;
mod decode;
mod error;
mod layout;
mod names;
mod signature;
mod trampoline;
mod function {
    #![allow(missing_docs)]
    use super::*;
    pub(crate) fn translate(_f: &mut cranelift_codegen::ir::Function, _b: &mut cranelift_frontend::FunctionBuilderContext, _m: &palisade_environ::ModuleInfo, _i: &dyn cranelift_codegen::isa::TargetIsa, _x: palisade_environ::DefinedFuncIndex, _body: wasmparser::FunctionBody<'_>) -> Result<(), CompileError> { unimplemented!() }
}
/// Guard.
pub const MEMORY_GUARD_BYTES: u64 = 32 << 20;
pub use codegen::{Compiler, CompilerOptions, OptLevel};
pub use decode::{Features, decode, validate};
pub use error::CompileError;
pub use layout::Text;
pub use names::function_names;
pub use trampoline::{SLOT_SIZE, TrampolineKind};
