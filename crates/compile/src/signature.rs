//! How WebAssembly's types and signatures look to the machine.
//!
//! Compiled functions use the `tail` convention and take one hidden parameter, their vmctx. References are pointers:
//! a funcref points to a `VmFuncRef`, an externref is a handle that only the runtime interprets.

use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, Signature as ClifSignature, Type, types};
use cranelift_codegen::isa::CallConv;
use palisade_environ::{Libcall, LibcallType, Signature, ValType};

/// The type of pointers; only 64-bit hosts are supported.
pub(crate) const POINTER: Type = types::I64;

/// Namespace of [`cranelift_codegen::ir::UserExternalName`] for functions that the module defines, by `DefinedFuncIndex`.
pub(crate) const NAMESPACE_FUNC: u32 = 0;
/// Namespace for the module's libcall trampolines, by [`Libcall::index`].
pub(crate) const NAMESPACE_LIBCALL: u32 = 1;
/// Namespace for constants that the code of a function reads by address, by their place in the function's constant pool.
pub(crate) const NAMESPACE_DATA: u32 = 2;

/// The machine type of a WebAssembly value.
pub(crate) fn clif_type(ty: &ValType) -> Type {
    match ty {
        ValType::I32 => types::I32,
        ValType::I64 | ValType::Ref(_) => types::I64,
        ValType::F32 => types::F32,
        ValType::F64 => types::F64,
        ValType::V128 => types::I8X16,
    }
}

/// The machine signature of a compiled function: its vmctx, then its parameters.
pub(crate) fn wasm_signature(signature: &Signature) -> ClifSignature {
    let mut clif = ClifSignature::new(CallConv::Tail);
    clif.params.push(AbiParam::special(POINTER, ArgumentPurpose::VMContext));
    clif.params.extend(signature.params.iter().map(|ty| AbiParam::new(clif_type(ty))));
    clif.returns.extend(signature.results.iter().map(|ty| AbiParam::new(clif_type(ty))));
    clif
}

/// The signature of a libcall: by `convention`, its vmctx, then its parameters.
pub(crate) fn libcall_signature(libcall: Libcall, convention: CallConv) -> ClifSignature {
    let machine_type = |ty: LibcallType| match ty {
        LibcallType::I32 => types::I32,
        LibcallType::I64 => types::I64,
        LibcallType::F32 => types::F32,
        LibcallType::F64 => types::F64,
    };
    let mut clif = ClifSignature::new(convention);
    clif.params.push(AbiParam::new(POINTER));
    clif.params.extend(libcall.params().iter().map(|ty| AbiParam::new(machine_type(*ty))));
    clif.returns.extend(libcall.result().map(|ty| AbiParam::new(machine_type(ty))));
    clif
}
