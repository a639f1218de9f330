//! The validator's types as ours.
//!
//! An error names the proposal that introduced what we cannot express.
//!
//! Spec: Binary Format > Types.

use super::unsupported;
use crate::error::CompileError;
use palisade_environ::{
    GlobalType, HeapType, MemoryType, Mutability, RefType, Signature, TableType, ValType,
};
use wasmparser::AbstractHeapType as Abstract;
use wasmparser::CompositeInnerType;

pub(super) const CUSTOM_DESCRIPTORS: &str = "the custom-descriptors proposal";
pub(super) const EXCEPTIONS: &str = "the exception-handling proposal";
pub(super) const GC: &str = "the gc proposal";
const FUNCTION_REFERENCES: &str = "the function-references proposal";
const SHARED_EVERYTHING: &str = "the shared-everything-threads proposal";
const STACK_SWITCHING: &str = "the stack-switching proposal";
const THREADS: &str = "the threads proposal";

/// The signature of a type that is a plain function type.
pub(super) fn signature(ty: &wasmparser::SubType, offset: u64) -> Result<Signature, CompileError> {
    let composite = &ty.composite_type;
    require(ty.is_final && ty.supertype_idxs.is_empty(), GC, offset)?;
    require(!composite.shared, SHARED_EVERYTHING, offset)?;
    let described = composite.descriptor_idx.is_some() || composite.describes_idx.is_some();
    require(!described, CUSTOM_DESCRIPTORS, offset)?;
    let func = match &composite.inner {
        CompositeInnerType::Func(func) => func,
        CompositeInnerType::Array(_) | CompositeInnerType::Struct(_) => {
            return Err(unsupported(GC, offset));
        }
        CompositeInnerType::Cont(_) => return Err(unsupported(STACK_SWITCHING, offset)),
    };
    let list = |types: &[wasmparser::ValType]| {
        types.iter().map(|ty| val_type(*ty, offset)).collect::<Result<_, _>>()
    };
    Ok(Signature { params: list(func.params())?, results: list(func.results())? })
}

fn val_type(ty: wasmparser::ValType, offset: u64) -> Result<ValType, CompileError> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(ref_type(ty, offset)?),
    })
}

pub(super) fn ref_type(ty: wasmparser::RefType, offset: u64) -> Result<RefType, CompileError> {
    let heap = match ty.heap_type() {
        wasmparser::HeapType::Abstract { shared: false, ty } => match ty {
            Abstract::Func => HeapType::Func,
            Abstract::Extern => HeapType::Extern,
            Abstract::Exn | Abstract::NoExn => return Err(unsupported(EXCEPTIONS, offset)),
            Abstract::Cont | Abstract::NoCont => return Err(unsupported(STACK_SWITCHING, offset)),
            _ => return Err(unsupported(GC, offset)),
        },
        wasmparser::HeapType::Abstract { shared: true, .. } => {
            return Err(unsupported(SHARED_EVERYTHING, offset));
        }
        wasmparser::HeapType::Concrete(_) => return Err(unsupported(FUNCTION_REFERENCES, offset)),
        wasmparser::HeapType::Exact(_) => return Err(unsupported(CUSTOM_DESCRIPTORS, offset)),
    };
    Ok(RefType::new(ty.is_nullable(), heap))
}

pub(super) fn table_type(
    ty: &wasmparser::TableType,
    offset: u64,
) -> Result<TableType, CompileError> {
    require(!ty.shared, SHARED_EVERYTHING, offset)?;
    let element = ref_type(ty.element_type, offset)?;
    if ty.table64 {
        return Ok(TableType::new64(element, ty.initial, ty.maximum));
    }
    Ok(TableType::new(element, limit(ty.initial), ty.maximum.map(limit)))
}

pub(super) fn memory_type(
    ty: &wasmparser::MemoryType,
    offset: u64,
) -> Result<MemoryType, CompileError> {
    require(!ty.shared, THREADS, offset)?;
    let mut builder = MemoryType::builder();
    builder.min(ty.initial).max(ty.maximum).memory64(ty.memory64);
    if let Some(log2) = ty.page_size_log2 {
        builder.page_size_log2(u8::try_from(log2).expect("validated: the page size is 1 or 65536"));
    }
    Ok(builder.build().expect("validated: limits of memories"))
}

pub(super) fn global_type(
    ty: &wasmparser::GlobalType,
    offset: u64,
) -> Result<GlobalType, CompileError> {
    require(!ty.shared, SHARED_EVERYTHING, offset)?;
    let mutability = if ty.mutable { Mutability::Var } else { Mutability::Const };
    Ok(GlobalType::new(val_type(ty.content_type, offset)?, mutability))
}

fn limit(limit: u64) -> u32 {
    u32::try_from(limit).expect("validated: limits of 32-bit tables fit in 32 bits")
}

fn require(expressible: bool, proposal: &str, offset: u64) -> Result<(), CompileError> {
    if expressible { Ok(()) } else { Err(unsupported(proposal, offset)) }
}
