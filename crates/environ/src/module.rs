//! What is known of a module besides its code.
//!
//! Made by the decoder from a validated module; read by the runtime when it instantiates, links and explains.

use crate::*;
use cranelift_entity::packed_option::PackedOption;
use cranelift_entity::{PrimaryMap, SecondaryMap};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// The metadata of one module. Index spaces hold imports first.
#[derive(Debug, Default)]
pub struct ModuleInfo {
    /// Types of functions, one entry for each type index.
    pub types: PrimaryMap<TypeIndex, FuncType>,
    /// Imports in the order of the module.
    pub imports: Vec<Import>,
    /// Exports in the order of the module.
    pub exports: Vec<Export>,
    /// Places of exports in `exports` by name.
    pub export_names: HashMap<String, usize>,
    /// The type of each function.
    pub funcs: PrimaryMap<FuncIndex, TypeIndex>,
    /// How many of `funcs` are imported.
    pub imported_funcs: usize,
    /// Functions that can be referred to, and their place among these.
    pub escaped_funcs: PrimaryMap<EscapedFuncIndex, FuncIndex>,
    /// Inverse of `escaped_funcs`.
    pub escaped_index: SecondaryMap<FuncIndex, PackedOption<EscapedFuncIndex>>,
    /// The type of each table.
    pub tables: PrimaryMap<TableIndex, TableType>,
    /// How many of `tables` are imported.
    pub imported_tables: usize,
    /// Initial value of the elements of each table that the module defines; `None` is null.
    pub table_inits: PrimaryMap<DefinedTableIndex, Option<ConstExpr>>,
    /// The type of each memory.
    pub memories: PrimaryMap<MemoryIndex, MemoryType>,
    /// How many of `memories` are imported.
    pub imported_memories: usize,
    /// The type of each global.
    pub globals: PrimaryMap<GlobalIndex, GlobalType>,
    /// How many of `globals` are imported.
    pub imported_globals: usize,
    /// Initial value of each global that the module defines.
    pub global_inits: PrimaryMap<DefinedGlobalIndex, ConstExpr>,
    /// The type of each tag.
    pub tags: PrimaryMap<TagIndex, TagType>,
    /// How many of `tags` are imported.
    pub imported_tags: usize,
    /// Element segments.
    pub elems: PrimaryMap<ElemIndex, ElemSegment>,
    /// Data segments.
    pub data: PrimaryMap<DataIndex, DataSegment>,
    /// Called when an instance is made.
    pub start: Option<FuncIndex>,
    /// Byte range of each function body that the module defines, in the module.
    pub bodies: PrimaryMap<DefinedFuncIndex, Range<usize>>,
    /// What toolchains know of branches.
    pub branch_hints: BranchHints,
    /// Where the contents of the code section begin in the module; DWARF counts addresses from here.
    pub code_section: usize,
    /// Custom sections in the order of the module.
    pub custom_sections: Vec<CustomSection>,
    /// The module's own name, from its name section.
    pub name: Option<String>,
    /// Layout of the vmctx of its instances.
    pub offsets: VmOffsets,
}

impl ModuleInfo {
    /// The place of a function among those that the module defines, or `None` if it is imported.
    pub fn defined_func(&self, index: FuncIndex) -> Option<DefinedFuncIndex> {
        index.as_u32().checked_sub(self.imported_funcs as u32).map(DefinedFuncIndex::from_u32)
    }

    /// The index of a function that the module defines.
    pub fn func_index(&self, index: DefinedFuncIndex) -> FuncIndex {
        FuncIndex::from_u32(self.imported_funcs as u32 + index.as_u32())
    }

    /// The place of a table among those that the module defines, or `None` if it is imported.
    pub fn defined_table(&self, index: TableIndex) -> Option<DefinedTableIndex> {
        index.as_u32().checked_sub(self.imported_tables as u32).map(DefinedTableIndex::from_u32)
    }

    /// The place of a memory among those that the module defines, or `None` if it is imported.
    pub fn defined_memory(&self, index: MemoryIndex) -> Option<DefinedMemoryIndex> {
        index.as_u32().checked_sub(self.imported_memories as u32).map(DefinedMemoryIndex::from_u32)
    }

    /// The place of a global among those that the module defines, or `None` if it is imported.
    pub fn defined_global(&self, index: GlobalIndex) -> Option<DefinedGlobalIndex> {
        index.as_u32().checked_sub(self.imported_globals as u32).map(DefinedGlobalIndex::from_u32)
    }

    /// The place of a tag among those that the module defines, or `None` if it is imported.
    pub fn defined_tag(&self, index: TagIndex) -> Option<DefinedTagIndex> {
        index.as_u32().checked_sub(self.imported_tags as u32).map(DefinedTagIndex::from_u32)
    }

    /// The signature of a function.
    pub fn signature(&self, index: FuncIndex) -> &Signature {
        self.types[self.funcs[index]].signature()
    }

    /// The export of this name. Of few, comparing finds it faster than hashing would (the runtime of WASI looks for the
    /// memory in each call).
    pub fn export(&self, name: &str) -> Option<&Export> {
        if self.exports.len() <= 8 {
            return self.exports.iter().find(|export| export.name == name);
        }
        Some(&self.exports[*self.export_names.get(name)?])
    }

    /// The contents of the first custom section of this name.
    pub fn custom_section(&self, name: &str) -> Option<&CustomSection> {
        self.custom_sections.iter().find(|section| section.name == name)
    }
}

/// For a function, byte offsets of branches in its body, and whether they are nearly always taken; sorted. Those that are
/// not are hardly ever taken.
pub type BranchHints = HashMap<FuncIndex, Box<[(u32, bool)]>>;

/// One import.
#[derive(Debug, Clone)]
pub struct Import {
    /// Name of the module it is expected from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// What it is, as an index into the space that it enters.
    pub item: EntityIndex,
}

/// One export.
#[derive(Debug, Clone)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is.
    pub item: EntityIndex,
}

/// An item of one of the five index spaces that can be imported and exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityIndex {
    /// A function.
    Func(FuncIndex),
    /// A table.
    Table(TableIndex),
    /// A linear memory.
    Memory(MemoryIndex),
    /// A global.
    Global(GlobalIndex),
    /// A tag.
    Tag(TagIndex),
}

/// A constant expression, as a program for a small stack machine. Validated, so it never fails. Most are one constant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConstExpr(pub SmallVec<[ConstOp; 1]>);

/// One instruction of a [`ConstExpr`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConstOp {
    /// Pushes an integer.
    I32(i32),
    /// Pushes an integer.
    I64(i64),
    /// Pushes a number, given by its bits.
    F32(u32),
    /// Pushes a number, given by its bits.
    F64(u64),
    /// Pushes a vector, given by its bytes.
    V128([u8; 16]),
    /// Pushes the value of a global.
    GlobalGet(GlobalIndex),
    /// Pushes a null reference.
    RefNull,
    /// Pushes a reference to a function.
    RefFunc(FuncIndex),
    /// Wrapping 32-bit addition of the two topmost values.
    I32Add,
    /// Wrapping 32-bit subtraction.
    I32Sub,
    /// Wrapping 32-bit multiplication.
    I32Mul,
    /// Wrapping 64-bit addition.
    I64Add,
    /// Wrapping 64-bit subtraction.
    I64Sub,
    /// Wrapping 64-bit multiplication.
    I64Mul,
}

/// An element segment.
#[derive(Debug)]
pub struct ElemSegment {
    /// The type of its elements.
    pub ty: RefType,
    /// When and where it is copied.
    pub mode: ElemMode,
    /// Its elements.
    pub items: ElemItems,
}

/// When and where an element segment is copied.
#[derive(Debug)]
pub enum ElemMode {
    /// By `table.init`.
    Passive,
    /// Into a table when an instance is made.
    Active {
        /// The table.
        table: TableIndex,
        /// First element to write.
        offset: ConstExpr,
    },
    /// Never; only declares functions for `ref.func`.
    Declarative,
}

/// The elements of a segment.
#[derive(Debug)]
pub enum ElemItems {
    /// References to functions.
    Funcs(Box<[FuncIndex]>),
    /// Values of expressions.
    Exprs(Box<[ConstExpr]>),
}

impl ElemItems {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            ElemItems::Funcs(funcs) => funcs.len(),
            ElemItems::Exprs(exprs) => exprs.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A data segment.
#[derive(Debug)]
pub struct DataSegment {
    /// When and where it is copied.
    pub mode: DataMode,
    /// Where in the module its bytes are.
    pub bytes: Range<usize>,
}

/// A data segment whose place is a constant of 32 bits: its memory, or [`u32::MAX`] if it is passive, the place there,
/// and where in the module its bytes begin and end.
pub type DataRow = [u32; 4];

/// No memory.
const PASSIVE: u32 = u32::MAX;

impl DataSegment {
    /// The segment as four numbers, if it can be told so.
    pub fn to_row(&self) -> Option<DataRow> {
        let (memory, place) = match &self.mode {
            DataMode::Passive => (PASSIVE, 0),
            DataMode::Active { memory, offset } => match *offset.0 {
                [ConstOp::I32(place)] => (memory.as_u32(), place as u32),
                _ => return None,
            },
        };
        let [start, end] = [self.bytes.start, self.bytes.end].map(u32::try_from);
        Some([memory, place, start.ok()?, end.ok()?])
    }

    /// The segment that [`DataSegment::to_row`] has told.
    pub fn from_row([memory, place, start, end]: DataRow) -> DataSegment {
        let offset = || ConstExpr(SmallVec::from_buf([ConstOp::I32(place as i32)]));
        let mode = match memory {
            PASSIVE => DataMode::Passive,
            _ => DataMode::Active { memory: MemoryIndex::from_u32(memory), offset: offset() },
        };
        DataSegment { mode, bytes: start as usize..end as usize }
    }
}

/// When and where a data segment is copied.
#[derive(Debug)]
pub enum DataMode {
    /// By `memory.init`.
    Passive,
    /// Into a memory when an instance is made.
    Active {
        /// The memory.
        memory: MemoryIndex,
        /// First byte to write.
        offset: ConstExpr,
    },
}

/// A custom section.
#[derive(Debug, Clone)]
pub struct CustomSection {
    /// Its name.
    pub name: String,
    /// Its contents after the name.
    pub bytes: SharedBytes,
    /// Where the contents begin in the module.
    pub offset: usize,
}

/// A module in the binary format. Clones are the same bytes.
#[derive(Clone)]
pub struct ModuleBytes(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl ModuleBytes {
    /// What `bytes` refers to, which must always be the same.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> ModuleBytes {
        ModuleBytes(Arc::new(bytes))
    }
}

impl Deref for ModuleBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl std::fmt::Debug for ModuleBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ModuleBytes({} bytes)", self.len())
    }
}

/// A range of bytes of a module.
#[derive(Debug, Clone)]
pub struct SharedBytes {
    bytes: ModuleBytes,
    range: Range<usize>,
}

impl SharedBytes {
    /// The bytes `range` of `bytes`.
    ///
    /// # Panics
    ///
    /// If `range` is not within `bytes`.
    pub fn new(bytes: ModuleBytes, range: Range<usize>) -> SharedBytes {
        assert!(range.start <= range.end && range.end <= bytes.len());
        SharedBytes { bytes, range }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}
