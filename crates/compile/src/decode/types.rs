//! The validator's types as ours.
//!
//! An error names the proposal that introduced what we cannot express.
//!
//! Spec: Binary Format > Types.

use super::unsupported;
use crate::error::CompileError;
use cranelift_entity::PrimaryMap;
use palisade_environ::{
    FuncType, GlobalType, HeapType, MemoryType, Mutability, RefType, Signature, SubType, TableType,
    TypeIndex, ValType,
};
use wasmparser::AbstractHeapType as Abstract;
use wasmparser::{CompositeInnerType, UnpackedIndex};

pub(super) const CUSTOM_DESCRIPTORS: &str = "the custom-descriptors proposal";
pub(super) const GC: &str = "the gc proposal";
const SHARED_EVERYTHING: &str = "the shared-everything-threads proposal";
const STACK_SWITCHING: &str = "the stack-switching proposal";

/// The types that a module has defined so far.
#[derive(Clone, Copy)]
pub(super) struct Types<'a> {
    pub(super) types: &'a PrimaryMap<TypeIndex, FuncType>,
    /// Index of the first type of the recursion group that is being defined.
    pub(super) group_start: usize,
}

impl<'a> Types<'a> {
    /// When no group is being defined.
    pub(super) fn all(types: &'a PrimaryMap<TypeIndex, FuncType>) -> Types<'a> {
        Types { types, group_start: types.len() }
    }

    fn concrete(self, index: u32) -> HeapType {
        match (index as usize).checked_sub(self.group_start) {
            Some(place) => HeapType::Rec(place as u32),
            None => HeapType::ConcreteFunc(self.types[TypeIndex::from_u32(index)].clone()),
        }
    }
}

/// A definition, if it is of a function type.
pub(super) fn sub_type(
    ty: &wasmparser::SubType,
    types: Types<'_>,
    offset: u64,
) -> Result<SubType, CompileError> {
    let composite = &ty.composite_type;
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
    let list = |list: &[wasmparser::ValType]| {
        list.iter().map(|ty| val_type(*ty, types, offset)).collect::<Result<_, _>>()
    };
    let signature = Signature { params: list(func.params())?, results: list(func.results())? };
    let supertype = ty.supertype_idxs.first().map(|index| module_index(index.unpack(), offset));
    let supertype = supertype.transpose()?.map(|index| types.concrete(index));
    Ok(SubType { is_final: ty.is_final, supertype, signature })
}

fn val_type(
    ty: wasmparser::ValType,
    types: Types<'_>,
    offset: u64,
) -> Result<ValType, CompileError> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(ref_type(ty, types, offset)?),
    })
}

pub(super) fn ref_type(
    ty: wasmparser::RefType,
    types: Types<'_>,
    offset: u64,
) -> Result<RefType, CompileError> {
    Ok(RefType::new(ty.is_nullable(), heap_type(ty.heap_type(), types, offset)?))
}

fn heap_type(
    ty: wasmparser::HeapType,
    types: Types<'_>,
    offset: u64,
) -> Result<HeapType, CompileError> {
    Ok(match ty {
        wasmparser::HeapType::Abstract { shared: false, ty } => match ty {
            Abstract::Func => HeapType::Func,
            Abstract::NoFunc => HeapType::NoFunc,
            Abstract::Extern => HeapType::Extern,
            Abstract::NoExtern => HeapType::NoExtern,
            Abstract::Exn => HeapType::Exn,
            Abstract::NoExn => HeapType::NoExn,
            Abstract::Cont | Abstract::NoCont => return Err(unsupported(STACK_SWITCHING, offset)),
            _ => return Err(unsupported(GC, offset)),
        },
        wasmparser::HeapType::Abstract { shared: true, .. } => {
            return Err(unsupported(SHARED_EVERYTHING, offset));
        }
        wasmparser::HeapType::Concrete(index) => types.concrete(module_index(index, offset)?),
        wasmparser::HeapType::Exact(_) => return Err(unsupported(CUSTOM_DESCRIPTORS, offset)),
    })
}

fn module_index(index: UnpackedIndex, offset: u64) -> Result<u32, CompileError> {
    index.as_module_index().ok_or_else(|| unsupported(GC, offset))
}

pub(super) fn table_type(
    ty: &wasmparser::TableType,
    types: Types<'_>,
    offset: u64,
) -> Result<TableType, CompileError> {
    require(!ty.shared, SHARED_EVERYTHING, offset)?;
    let element = ref_type(ty.element_type, types, offset)?;
    if ty.table64 {
        return Ok(TableType::new64(element, ty.initial, ty.maximum));
    }
    Ok(TableType::new(element, limit(ty.initial), ty.maximum.map(limit)))
}

pub(super) fn memory_type(ty: &wasmparser::MemoryType) -> MemoryType {
    let mut builder = MemoryType::builder();
    builder.min(ty.initial).max(ty.maximum).memory64(ty.memory64).shared(ty.shared);
    if let Some(log2) = ty.page_size_log2 {
        builder.page_size_log2(u8::try_from(log2).expect("validated: the page size is 1 or 65536"));
    }
    builder.build().expect("validated: limits of memories")
}

pub(super) fn global_type(
    ty: &wasmparser::GlobalType,
    types: Types<'_>,
    offset: u64,
) -> Result<GlobalType, CompileError> {
    require(!ty.shared, SHARED_EVERYTHING, offset)?;
    let mutability = if ty.mutable { Mutability::Var } else { Mutability::Const };
    Ok(GlobalType::new(val_type(ty.content_type, types, offset)?, mutability))
}

fn limit(limit: u64) -> u32 {
    u32::try_from(limit).expect("validated: limits of 32-bit tables fit in 32 bits")
}

fn require(expressible: bool, proposal: &str, offset: u64) -> Result<(), CompileError> {
    if expressible { Ok(()) } else { Err(unsupported(proposal, offset)) }
}
