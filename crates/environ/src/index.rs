//! Index spaces of a module, one type each, so that indices of different spaces cannot be mixed up.
//!
//! A plain index counts imports first, as the specification does; a `Defined*` index counts only what the module
//! itself defines.
//!
//! Spec: Structure > Modules > Indices.

use cranelift_entity::entity_impl;

macro_rules! indices {
    ($($(#[$doc:meta])* $name:ident $prefix:literal)*) => {$(
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u32);
        entity_impl!($name, $prefix);
    )*};
}

indices! {
    /// A function, imports first.
    FuncIndex "func"
    /// A function that the module defines.
    DefinedFuncIndex "defined_func"
    /// A function whose reference can leave direct calls: exported, in a table, or named by `ref.func`.
    EscapedFuncIndex "escaped_func"
    /// A type of the type section.
    TypeIndex "type"
    /// A table, imports first.
    TableIndex "table"
    /// A table that the module defines.
    DefinedTableIndex "defined_table"
    /// A linear memory, imports first.
    MemoryIndex "memory"
    /// A linear memory that the module defines.
    DefinedMemoryIndex "defined_memory"
    /// A global, imports first.
    GlobalIndex "global"
    /// A global that the module defines.
    DefinedGlobalIndex "defined_global"
    /// A tag, imports first.
    TagIndex "tag"
    /// A tag that the module defines.
    DefinedTagIndex "defined_tag"
    /// An element segment.
    ElemIndex "elem"
    /// A data segment.
    DataIndex "data"
}
