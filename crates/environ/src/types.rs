//! The types of the WebAssembly language.
//!
//! These are also the types of the public API, which exports them under the same names.
//!
//! Spec: Structure > Types.

use crate::FuncType;
use std::fmt;

/// What a reference may refer to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeapType {
    /// Any function.
    Func,
    /// Functions of one type and its subtypes.
    ConcreteFunc(FuncType),
    /// Nothing; null only, as a function.
    NoFunc,
    /// Any value of the host.
    Extern,
    /// Nothing; null only, as a value of the host.
    NoExtern,
    /// Any exception.
    Exn,
    /// Nothing; null only, as an exception.
    NoExn,
    /// A type of the same recursion group, by its place. Only inside of definitions.
    #[doc(hidden)]
    Rec(u32),
}

impl HeapType {
    /// The most general type of this kind.
    pub fn top(&self) -> HeapType {
        match self {
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc | HeapType::Rec(_) => {
                HeapType::Func
            }
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Exn | HeapType::NoExn => HeapType::Exn,
        }
    }

    /// Whether everything that belongs to this type also belongs to `other`.
    pub fn matches(&self, other: &HeapType) -> bool {
        match (self, other) {
            (HeapType::ConcreteFunc(a), HeapType::ConcreteFunc(b)) => a.matches(b),
            (HeapType::NoFunc | HeapType::NoExtern | HeapType::NoExn, _) => {
                self.top() == other.top()
            }
            _ => self == other || self.top() == *other,
        }
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapType::Func => "func",
            // By number: types may be nested without end.
            HeapType::ConcreteFunc(ty) => return write!(f, "type {}", ty.entry().id()),
            HeapType::NoFunc => "nofunc",
            HeapType::Extern => "extern",
            HeapType::NoExtern => "noextern",
            HeapType::Exn => "exn",
            HeapType::NoExn => "noexn",
            HeapType::Rec(place) => return write!(f, "rec {place}"),
        })
    }
}

/// The type of a reference: what it refers to, and whether it may be null.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefType {
    nullable: bool,
    heap: HeapType,
}

impl RefType {
    /// `funcref`, that is `(ref null func)`.
    pub const FUNCREF: RefType = RefType { nullable: true, heap: HeapType::Func };
    /// `nullfuncref`, that is `(ref null nofunc)`.
    pub const NULLFUNCREF: RefType = RefType { nullable: true, heap: HeapType::NoFunc };
    /// `externref`, that is `(ref null extern)`.
    pub const EXTERNREF: RefType = RefType { nullable: true, heap: HeapType::Extern };
    /// `nullexternref`, that is `(ref null noextern)`.
    pub const NULLEXTERNREF: RefType = RefType { nullable: true, heap: HeapType::NoExtern };
    /// `exnref`, that is `(ref null exn)`.
    pub const EXNREF: RefType = RefType { nullable: true, heap: HeapType::Exn };
    /// `nullexnref`, that is `(ref null noexn)`.
    pub const NULLEXNREF: RefType = RefType { nullable: true, heap: HeapType::NoExn };

    /// The type of references to `heap`.
    pub const fn new(nullable: bool, heap: HeapType) -> RefType {
        RefType { nullable, heap }
    }

    /// Whether null belongs to this type.
    pub const fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// What non-null references of this type refer to.
    pub const fn heap_type(&self) -> &HeapType {
        &self.heap
    }

    /// Whether every value of this type also belongs to `other`.
    pub fn matches(&self, other: &RefType) -> bool {
        self.heap.matches(&other.heap) && (other.nullable || !self.nullable)
    }
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.nullable, &self.heap) {
            (true, HeapType::NoFunc) => f.write_str("nullfuncref"),
            (true, HeapType::NoExtern) => f.write_str("nullexternref"),
            (true, HeapType::NoExn) => f.write_str("nullexnref"),
            (true, HeapType::ConcreteFunc(_) | HeapType::Rec(_)) => {
                write!(f, "(ref null {})", self.heap)
            }
            (true, heap) => write!(f, "{heap}ref"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValType {
    /// 32-bit integer, signed or unsigned as the instruction sees it.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit IEEE 754 number.
    F32,
    /// 64-bit IEEE 754 number.
    F64,
    /// 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

impl ValType {
    /// `funcref`.
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNCREF);
    /// `externref`.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERNREF);
    /// `exnref`.
    pub const EXNREF: ValType = ValType::Ref(RefType::EXNREF);

    /// Whether this is a reference type.
    pub fn is_ref(&self) -> bool {
        matches!(self, ValType::Ref(_))
    }

    /// The reference type, if this is one.
    pub fn as_ref(&self) -> Option<&RefType> {
        match self {
            ValType::Ref(ty) => Some(ty),
            _ => None,
        }
    }

    /// Whether every value of this type also belongs to `other`.
    pub fn matches(&self, other: &ValType) -> bool {
        match (self, other) {
            (ValType::Ref(a), ValType::Ref(b)) => a.matches(b),
            (a, b) => a == b,
        }
    }
}

impl From<RefType> for ValType {
    fn from(ty: RefType) -> ValType {
        ValType::Ref(ty)
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(ty) => ty.fmt(f),
        }
    }
}

/// Parameters and results of a function, as they are written in its definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Parameter types in order.
    pub params: Box<[ValType]>,
    /// Result types in order.
    pub results: Box<[ValType]>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[ValType]| {
            f.write_str("(")?;
            for (i, ty) in types.iter().enumerate() {
                write!(f, "{}{ty}", if i == 0 { "" } else { ", " })?;
            }
            f.write_str(")")
        };
        list(f, &self.params)?;
        f.write_str(" -> ")?;
        list(f, &self.results)
    }
}

/// Whether a global may change.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mutability {
    /// Never changes.
    Const,
    /// May be set.
    Var,
}

/// The type of a global.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    content: ValType,
    mutability: Mutability,
}

impl GlobalType {
    /// A global that holds a `content`.
    pub fn new(content: ValType, mutability: Mutability) -> GlobalType {
        GlobalType { content, mutability }
    }

    /// The type of the value it holds.
    pub fn content(&self) -> &ValType {
        &self.content
    }

    /// Whether it may change.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }
}

impl fmt::Display for GlobalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mutability {
            Mutability::Const => write!(f, "global {}", self.content),
            Mutability::Var => write!(f, "global (mut {})", self.content),
        }
    }
}

/// The type of a table: what it holds, how many elements it has at least and at most, and how wide its indices are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    element: RefType,
    minimum: u64,
    maximum: Option<u64>,
    table64: bool,
}

impl TableType {
    /// A table of `minimum` up to `maximum` elements, with 32-bit indices.
    pub fn new(element: RefType, minimum: u32, maximum: Option<u32>) -> TableType {
        let (minimum, maximum) = (minimum.into(), maximum.map(u64::from));
        TableType { element, minimum, maximum, table64: false }
    }

    /// A table of `minimum` up to `maximum` elements, with 64-bit indices.
    pub fn new64(element: RefType, minimum: u64, maximum: Option<u64>) -> TableType {
        TableType { element, minimum, maximum, table64: true }
    }

    /// Whether indices are 64 bits wide.
    pub fn is_64(&self) -> bool {
        self.table64
    }

    /// The type of its elements.
    pub fn element(&self) -> &RefType {
        &self.element
    }

    /// Elements at creation.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// The number of elements it never exceeds, if there is one.
    pub fn maximum(&self) -> Option<u64> {
        self.maximum
    }

    /// Whether its size can never change, so that its entries never move.
    pub fn is_fixed(&self) -> bool {
        self.maximum == Some(self.minimum)
    }
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = index_type(self.table64);
        write!(f, "table {index}{} {}", Limits(self.minimum, self.maximum), self.element)
    }
}

/// Bytes in a page of linear memory, unless the memory's type says otherwise.
pub const WASM_PAGE_SIZE: u64 = 1 << 16;

const WASM_PAGE_SIZE_LOG2: u8 = WASM_PAGE_SIZE.trailing_zeros() as u8;

/// The type of a linear memory: its size in pages at least and at most, the width of its indices, the size of its pages,
/// and whether several threads may use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    minimum: u64,
    maximum: Option<u64>,
    page_size_log2: u8,
    memory64: bool,
    shared: bool,
}

impl MemoryType {
    /// A 32-bit memory of `minimum` up to `maximum` pages of 64 KiB. Whether such a memory can be is found out when one
    /// is made; [`MemoryType::builder`] tells at once.
    pub fn new(minimum: u32, maximum: Option<u32>) -> MemoryType {
        MemoryType {
            minimum: minimum.into(),
            maximum: maximum.map(u64::from),
            page_size_log2: WASM_PAGE_SIZE_LOG2,
            memory64: false,
            shared: false,
        }
    }

    /// A 64-bit memory of `minimum` up to `maximum` pages of 64 KiB, otherwise as [`MemoryType::new`].
    pub fn new64(minimum: u64, maximum: Option<u64>) -> MemoryType {
        let page_size_log2 = WASM_PAGE_SIZE_LOG2;
        MemoryType { minimum, maximum, page_size_log2, memory64: true, shared: false }
    }

    /// A 32-bit memory of `minimum` up to `maximum` pages of 64 KiB that several threads may use at once, otherwise as
    /// [`MemoryType::new`].
    pub fn shared(minimum: u32, maximum: u32) -> MemoryType {
        MemoryType { shared: true, ..MemoryType::new(minimum, Some(maximum)) }
    }

    /// Begins with a 32-bit memory of no pages, of which more may be said.
    pub fn builder() -> MemoryTypeBuilder {
        MemoryTypeBuilder::new()
    }

    /// Pages at creation.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// The number of pages it never exceeds, if there is one.
    pub fn maximum(&self) -> Option<u64> {
        self.maximum
    }

    /// Whether indices are 64 bits wide.
    pub fn is_64(&self) -> bool {
        self.memory64
    }

    /// Whether several threads may use it at once.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Bytes in a page.
    pub fn page_size(&self) -> u64 {
        1 << self.page_size_log2
    }

    /// The binary logarithm of [`MemoryType::page_size`].
    pub fn page_size_log2(&self) -> u8 {
        self.page_size_log2
    }

    /// The most pages that the declared maximum and the width of its indices allow. Sizes in pages are indices too, so
    /// with pages of one byte it is one page less than indices could name.
    pub fn limit_pages(&self) -> u64 {
        let largest_index = if self.memory64 { u64::MAX } else { u32::MAX.into() };
        let by_index = match self.page_size_log2 {
            0 => largest_index,
            log2 => (largest_index >> log2) + 1,
        };
        self.maximum.map_or(by_index, |max| max.min(by_index))
    }

    /// Bytes at creation; more than any host has if the number has no 64 bits.
    pub fn minimum_bytes(&self) -> u64 {
        self.minimum.saturating_mul(self.page_size())
    }

    /// [`MemoryType::limit_pages`] in bytes, likewise.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_pages().saturating_mul(self.page_size())
    }

    /// Whether there can be a memory of this type; else why not.
    pub fn check(&self) -> Result<(), MemoryTypeError> {
        let fail = |message: String| Err(MemoryTypeError(message));
        let MemoryType { minimum, maximum, page_size_log2, shared, .. } = *self;
        if shared && maximum.is_none() {
            return fail("shared memory must have a maximum size".to_owned());
        }
        if page_size_log2 != 0 && page_size_log2 != WASM_PAGE_SIZE_LOG2 {
            return fail(format!("page size 2^{page_size_log2} is neither 1 nor 65536"));
        }
        let limit = self.limit_pages();
        if minimum > limit {
            return fail(format!("memory of {minimum} pages exceeds its maximum of {limit}"));
        }
        if let Some(maximum) = maximum.filter(|maximum| *maximum > limit) {
            let bits = if self.memory64 { 64 } else { 32 };
            return fail(format!(
                "maximum of {maximum} pages exceeds the {limit} pages that {bits}-bit indices can name"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = index_type(self.memory64);
        write!(f, "memory {index}{}", Limits(self.minimum, self.maximum))?;
        if self.shared {
            f.write_str(" shared")?;
        }
        if self.page_size_log2 != WASM_PAGE_SIZE_LOG2 {
            write!(f, " (pagesize {})", self.page_size())?;
        }
        Ok(())
    }
}

/// The type of a tag: the values that its exceptions carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagType(FuncType);

impl TagType {
    /// Tags of exceptions that carry the parameters of `ty`, which has no results.
    pub fn new(ty: FuncType) -> TagType {
        TagType(ty)
    }

    /// The function type whose parameters are the values.
    pub fn ty(&self) -> &FuncType {
        &self.0
    }
}

impl fmt::Display for TagType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tag {}", self.0)
    }
}

/// Makes a [`MemoryType`] of which more than its limits is to be said.
#[derive(Clone, Debug)]
pub struct MemoryTypeBuilder(MemoryType);

impl Default for MemoryTypeBuilder {
    fn default() -> Self {
        MemoryTypeBuilder(MemoryType::new(0, None))
    }
}

impl MemoryTypeBuilder {
    /// A 32-bit memory of no pages at creation, each 64 KiB, without a maximum.
    pub fn new() -> MemoryTypeBuilder {
        MemoryTypeBuilder::default()
    }

    /// Pages at creation.
    pub fn min(&mut self, minimum: u64) -> &mut Self {
        self.0.minimum = minimum;
        self
    }

    /// The number of pages it never exceeds.
    pub fn max(&mut self, maximum: Option<u64>) -> &mut Self {
        self.0.maximum = maximum;
        self
    }

    /// Whether indices are 64 bits wide.
    pub fn memory64(&mut self, memory64: bool) -> &mut Self {
        self.0.memory64 = memory64;
        self
    }

    /// Whether several threads may use it at once; it needs a maximum then.
    pub fn shared(&mut self, shared: bool) -> &mut Self {
        self.0.shared = shared;
        self
    }

    /// The binary logarithm of the bytes in a page: 16, or 0 for pages of one byte.
    pub fn page_size_log2(&mut self, page_size_log2: u8) -> &mut Self {
        self.0.page_size_log2 = page_size_log2;
        self
    }

    /// The type.
    ///
    /// # Errors
    ///
    /// When there can be no such memory: the page size is another, the minimum exceeds the maximum, one of them what
    /// indices can name, or it is shared and has no maximum.
    pub fn build(&self) -> Result<MemoryType, MemoryTypeError> {
        self.0.check()?;
        Ok(self.0.clone())
    }
}

/// Why there can be no memory of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryTypeError(String);

impl fmt::Display for MemoryTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MemoryTypeError {}

/// The index type as the text format has it, where it is not the usual one.
fn index_type(is_64: bool) -> &'static str {
    if is_64 { "i64 " } else { "" }
}

struct Limits(u64, Option<u64>);

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(max) => write!(f, "{} {max}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_memories() {
        let limit = |memory64, log2, max| {
            let mut builder = MemoryType::builder();
            let ty = builder.memory64(memory64).page_size_log2(log2).max(max).build().unwrap();
            (ty.limit_pages(), ty.limit_bytes())
        };
        assert_eq!(limit(false, 16, None), (1 << 16, 1 << 32));
        assert_eq!(limit(false, 16, Some(3)), (3, 3 << 16));
        assert_eq!(limit(false, 0, None), (u32::MAX.into(), u32::MAX.into()));
        assert_eq!(limit(true, 16, None), (1 << 48, u64::MAX));
        assert_eq!(limit(true, 16, Some((1 << 48) - 1)), ((1 << 48) - 1, u64::MAX << 16));
        assert_eq!(limit(true, 0, None), (u64::MAX, u64::MAX));
    }

    #[test]
    fn impossible_memories() {
        let error = |edit: fn(&mut MemoryTypeBuilder) -> &mut MemoryTypeBuilder| {
            edit(&mut MemoryTypeBuilder::new()).build().unwrap_err().to_string()
        };
        assert_eq!(error(|b| b.min(2).max(Some(1))), "memory of 2 pages exceeds its maximum of 1");
        assert_eq!(error(|b| b.page_size_log2(12)), "page size 2^12 is neither 1 nor 65536");
        assert_eq!(error(|b| b.page_size_log2(200)), "page size 2^200 is neither 1 nor 65536");
        assert_eq!(error(|b| b.shared(true)), "shared memory must have a maximum size");
        assert_eq!(error(|b| b.min(65537)), "memory of 65537 pages exceeds its maximum of 65536");
        assert_eq!(
            error(|b| b.memory64(true).max(Some((1 << 48) + 1))),
            "maximum of 281474976710657 pages exceeds the 281474976710656 pages that 64-bit indices can \
             name"
        );
    }

    #[test]
    fn types_as_text() {
        let bytes = MemoryType::builder().min(1).memory64(true).page_size_log2(0).build().unwrap();
        assert_eq!(bytes.to_string(), "memory i64 1 (pagesize 1)");
        assert_eq!(MemoryType::new64(0, Some(1 << 48)).to_string(), "memory i64 0 281474976710656");
        assert_eq!(MemoryType::new(1, Some(2)).to_string(), "memory 1 2");
        assert_eq!(MemoryType::shared(1, 2).to_string(), "memory 1 2 shared");
        let table = TableType::new64(RefType::FUNCREF, 10, Some(20));
        assert_eq!(table.to_string(), "table i64 10 20 funcref");
    }
}
