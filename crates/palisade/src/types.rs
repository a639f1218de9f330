//! Types of the public API that belong to an engine, and types of imports and exports.

#![forbid(unsafe_code)]

use crate::vm::SignatureEntry;
use crate::{Engine, GlobalType, MemoryType, TableType, ValType};
use palisade_environ::Signature;
use std::fmt;
use std::sync::Arc;

/// The type of a function: its parameters and results.
#[derive(Clone)]
pub struct FuncType(Arc<SignatureEntry>);

impl FuncType {
    /// The type of functions from `params` to `results`.
    pub fn new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let signature = Signature {
            params: params.into_iter().collect(),
            results: results.into_iter().collect(),
        };
        FuncType(engine.signatures().register(&signature))
    }

    pub(crate) fn from_entry(entry: Arc<SignatureEntry>) -> FuncType {
        FuncType(entry)
    }

    pub(crate) fn entry(&self) -> &Arc<SignatureEntry> {
        &self.0
    }

    /// Its parameters in order.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.0.signature().params.iter().copied()
    }

    /// Its results in order.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.0.signature().results.iter().copied()
    }

    /// The parameter at `index`.
    pub fn param(&self, index: usize) -> Option<ValType> {
        self.0.signature().params.get(index).copied()
    }

    /// The result at `index`.
    pub fn result(&self, index: usize) -> Option<ValType> {
        self.0.signature().results.get(index).copied()
    }

    /// Whether functions of this type can stand where `other` is expected.
    pub fn matches(&self, other: &FuncType) -> bool {
        self == other
    }
}

impl PartialEq for FuncType {
    fn eq(&self, other: &FuncType) -> bool {
        self.0.signature() == other.0.signature()
    }
}

impl Eq for FuncType {}

impl std::hash::Hash for FuncType {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.signature().hash(state);
    }
}

impl fmt::Debug for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FuncType({self})")
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.signature().fmt(f)
    }
}

/// The type of an item that can be imported and exported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A global.
    Global(GlobalType),
    /// A table.
    Table(TableType),
    /// A linear memory.
    Memory(MemoryType),
}

macro_rules! accessors {
    ($($variant:ident($ty:ty) $get:ident $unwrap:ident $name:literal;)*) => {$(
        #[doc = concat!("The type, if this is a ", $name, ".")]
        pub fn $get(&self) -> Option<&$ty> {
            match self { ExternType::$variant(ty) => Some(ty), _ => None }
        }

        #[doc = concat!("The type of a ", $name, ".\n\n# Panics\n\nIf this is something else.")]
        pub fn $unwrap(&self) -> &$ty {
            self.$get().expect(concat!("expected a ", $name))
        }
    )*};
}

impl ExternType {
    accessors! {
        Func(FuncType) func unwrap_func "function";
        Global(GlobalType) global unwrap_global "global";
        Table(TableType) table unwrap_table "table";
        Memory(MemoryType) memory unwrap_memory "memory";
    }

    /// What kind of item this is, as a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            ExternType::Func(_) => "function",
            ExternType::Global(_) => "global",
            ExternType::Table(_) => "table",
            ExternType::Memory(_) => "memory",
        }
    }
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Func(ty) => write!(f, "func {ty}"),
            ExternType::Global(ty) => ty.fmt(f),
            ExternType::Table(ty) => ty.fmt(f),
            ExternType::Memory(ty) => ty.fmt(f),
        }
    }
}

impl From<FuncType> for ExternType {
    fn from(ty: FuncType) -> Self {
        ExternType::Func(ty)
    }
}

impl From<GlobalType> for ExternType {
    fn from(ty: GlobalType) -> Self {
        ExternType::Global(ty)
    }
}

impl From<TableType> for ExternType {
    fn from(ty: TableType) -> Self {
        ExternType::Table(ty)
    }
}

impl From<MemoryType> for ExternType {
    fn from(ty: MemoryType) -> Self {
        ExternType::Memory(ty)
    }
}

/// One import of a module.
#[derive(Clone, Debug)]
pub struct ImportType<'module> {
    module: &'module str,
    name: &'module str,
    ty: ExternType,
}

impl<'module> ImportType<'module> {
    pub(crate) fn new(module: &'module str, name: &'module str, ty: ExternType) -> Self {
        ImportType { module, name, ty }
    }

    /// The module that it is expected from.
    pub fn module(&self) -> &'module str {
        self.module
    }

    /// Its name there.
    pub fn name(&self) -> &'module str {
        self.name
    }

    /// Its type.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}

/// One export of a module.
#[derive(Clone, Debug)]
pub struct ExportType<'module> {
    name: &'module str,
    ty: ExternType,
}

impl<'module> ExportType<'module> {
    pub(crate) fn new(name: &'module str, ty: ExternType) -> Self {
        ExportType { name, ty }
    }

    /// Its name.
    pub fn name(&self) -> &'module str {
        self.name
    }

    /// Its type.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}
