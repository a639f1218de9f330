//! Where AssemblyScript keeps what: object headers, arrays, and the flags that say what a class is.

use crate::Number;

/// Bytes of an object's header, which lies in front of it.
pub(super) const HEADER_BYTES: u32 = 20;
/// The class's id is so many bytes in front of the object.
pub(super) const CLASS_BEFORE: u32 = 8;
/// Likewise the object's size in bytes.
pub(super) const SIZE_BEFORE: u32 = 4;

/// Alignment of objects.
pub(super) const OBJECT_ALIGN: u64 = 16;
/// No object is larger (`BLOCK_MAXSIZE` of `rt/common.ts`, rounded down).
pub(super) const MAX_OBJECT_BYTES: usize = (1 << 30) - 32;

/// Ids that are the same in all modules.
pub(super) const ARRAY_BUFFER: u32 = 1;
pub(super) const STRING: u32 = 2;

/// Fields of typed arrays and of `Array`, in bytes from the object: the buffer, the first element,
/// the buffer's bytes; `Array` also has the number of elements.
pub(super) const BUFFER: u32 = 0;
pub(super) const DATA_START: u32 = 4;
pub(super) const BYTE_LENGTH: u32 = 8;
pub(super) const LENGTH: u32 = 12;
pub(super) const VIEW_BYTES: usize = 12;
pub(super) const ARRAY_BYTES: usize = 16;

/// What a class is, as `__rtti_base` has it (`TypeinfoFlags` of `shared/typeinfo.ts`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags(pub(super) u32);

impl Flags {
    const TYPED_ARRAY: u32 = 1 << 0;
    const ARRAY: u32 = 1 << 1;
    const STATIC_ARRAY: u32 = 1 << 2;
    const VALUE_ALIGN: u32 = 6;
    const VALUE_SIGNED: u32 = 1 << 11;
    const VALUE_FLOAT: u32 = 1 << 12;
    const VALUE_MANAGED: u32 = 1 << 14;

    /// How the elements are kept, if the class is one of arrays.
    pub(super) fn kind(self) -> Option<Kind> {
        // An `Array` may have both of the first two.
        if self.0 & Flags::ARRAY != 0 {
            Some(Kind::Array)
        } else if self.0 & Flags::TYPED_ARRAY != 0 {
            Some(Kind::Typed)
        } else if self.0 & Flags::STATIC_ARRAY != 0 {
            Some(Kind::Inline)
        } else {
            None
        }
    }

    /// What the elements are, if the class is one of arrays.
    pub(super) fn element(self) -> Element {
        // One bit for each alignment, of which one is set.
        let align = self.0 >> Flags::VALUE_ALIGN & 0b1_1111;
        let float = self.0 & Flags::VALUE_FLOAT != 0;
        Element {
            size: align.is_power_of_two().then_some(align as usize),
            float,
            signed: !float && self.0 & Flags::VALUE_SIGNED != 0,
            reference: self.0 & Flags::VALUE_MANAGED != 0,
        }
    }
}

/// Where elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// In a buffer, from anywhere to anywhere.
    Typed,
    /// In a buffer, from its beginning.
    Array,
    /// In the object itself.
    Inline,
}

/// What the elements of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    size: Option<usize>,
    float: bool,
    /// Of integers.
    signed: bool,
    reference: bool,
}

impl Element {
    /// References to objects. They count as unsigned integers.
    pub(crate) const REFERENCE: Element =
        Element { size: Some(4), float: false, signed: false, reference: true };

    /// Bytes of one, if that is known.
    pub(super) fn size(self) -> Option<usize> {
        self.size
    }

    /// Numbers.
    pub(crate) fn of<T: Number>() -> Element {
        let (float, signed) = (T::FLOAT, T::SIGNED && !T::FLOAT);
        Element { size: Some(T::SIZE), float, signed, reference: false }
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(size) = self.size else { return f.write_str("elements of an unknown type") };
        let letter = match (self.float, self.signed) {
            _ if self.reference => return f.write_str("references"),
            (true, _) => 'f',
            (_, true) => 'i',
            _ => 'u',
        };
        write!(f, "{letter}{}", size * 8)
    }
}
