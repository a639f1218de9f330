//! Objects of an AssemblyScript guest, to be read. Nothing of an object is believed: its class must
//! be the one that is asked for, and every range that it names must be within the memory.

use super::layout::{
    ARRAY_BUFFER, BYTE_LENGTH, CLASS_BEFORE, DATA_START, Element, Flags, HEADER_BYTES, Kind,
    LENGTH, SIZE_BEFORE, STRING,
};
use crate::{
    AccessError, Encoding, Extent, GuestError, GuestPtr, GuestRecord, GuestValue, Number, Values,
    View,
};
use palisade::Result;

/// Any object of an AssemblyScript guest, as in `GuestPtr<AsObject>`.
#[derive(Debug)]
pub enum AsObject {}

/// A guest's memory, to read AssemblyScript's objects in. See
/// [`AssemblyScript::view`](super::AssemblyScript::view).
#[derive(Debug, Clone, Copy)]
pub struct ObjectView<'a> {
    view: View<'a>,
    /// Where the flags of the classes are.
    rtti: Option<u32>,
}

impl<'a> ObjectView<'a> {
    pub(crate) fn new(view: View<'a>, rtti: Option<u32>) -> Self {
        ObjectView { view, rtti }
    }

    /// The memory.
    pub fn view(&self) -> View<'a> {
        self.view
    }

    /// The id of an object's class, and its size in bytes.
    ///
    /// # Errors
    ///
    /// When the address is null or cannot be that of an object.
    pub fn header<T>(&self, at: GuestPtr<T>) -> Result<(u32, usize), AccessError> {
        if at.is_null() {
            return Err(AccessError::Null);
        }
        let address = at.address();
        if address < HEADER_BYTES {
            // There would have to be a header in front of the memory.
            return Err(AccessError::OutOfBounds {
                address: u64::from(address),
                len: u64::MAX,
                memory: self.view.size() as u64,
            });
        }
        let class = self.view.get::<u32>(address - CLASS_BEFORE)?;
        let size = self.view.get::<u32>(address - SIZE_BEFORE)? as usize;
        self.view.bytes(address, size)?;
        Ok((class, size))
    }

    /// A string.
    ///
    /// # Errors
    ///
    /// When the object is no string, longer than the limit, or has half a character (a surrogate
    /// without the other).
    pub fn string<T>(&self, at: GuestPtr<T>) -> Result<String> {
        let units = self.string_units(at)?;
        Ok(self.view.text(at.address(), Encoding::Utf16, units)?.into_owned())
    }

    /// A string, with U+FFFD in place of half characters, which are legal in AssemblyScript.
    ///
    /// # Errors
    ///
    /// When the object is no string, or longer than the limit.
    pub fn string_lossy<T>(&self, at: GuestPtr<T>) -> Result<String> {
        let units = self.string_units(at)?;
        Ok(self.view.text_lossy(at.address(), Encoding::Utf16, units)?.into_owned())
    }

    fn string_units<T>(&self, at: GuestPtr<T>) -> Result<Extent> {
        let (class, size) = self.header(at)?;
        if class != STRING {
            return Err(self.wrong(at, "a string".into(), class));
        }
        Ok(Extent::Units(size / 2))
    }

    /// The elements of an `Array`, a typed array, a `StaticArray`, or (as `u8`) an `ArrayBuffer`,
    /// where they are.
    ///
    /// # Errors
    ///
    /// When the object is none of these, or its elements are of another type.
    pub fn slice<T: Number>(&self, at: GuestPtr<AsObject>) -> Result<&'a [T]> {
        let (first, len) = self.elements_of(at, Element::of::<T>())?;
        Ok(self.view.slice(first, len)?)
    }

    /// Where the elements of such an object are, and how many there are: to change them, by
    /// [`ViewMut::slice_mut`](crate::ViewMut::slice_mut).
    ///
    /// # Errors
    ///
    /// As [`slice`](Self::slice).
    pub fn elements<T: Number>(&self, at: GuestPtr<AsObject>) -> Result<(GuestPtr<T>, usize)> {
        let (first, len) = self.elements_of(at, Element::of::<T>())?;
        self.view.slice::<T>(first, len)?;
        Ok((GuestPtr::new(first), len))
    }

    /// The elements of an array of objects: strings, arrays, classes. They may be null.
    ///
    /// # Errors
    ///
    /// When the object is no such array.
    pub fn references(&self, at: GuestPtr<AsObject>) -> Result<Values<'a, GuestPtr<AsObject>>> {
        let (first, len) = self.elements_of(at, Element::REFERENCE)?;
        Ok(self.view.values(first, len)?)
    }

    fn elements_of(&self, at: GuestPtr<AsObject>, element: Element) -> Result<(u32, usize)> {
        let (class, size) = self.header(at)?;
        let (kind, found) = self.array_class(class)?.unwrap_or((Kind::Inline, None));
        if found != Some(element) {
            return Err(self.wrong(at, format!("an array of {element}"), class));
        }
        let each = element.bytes();
        let address = at.address();
        let (first, len_bytes) = match kind {
            Kind::Inline => (address, size),
            Kind::Typed => {
                (self.field(at, size, DATA_START)?, self.field(at, size, BYTE_LENGTH)? as usize)
            }
            Kind::Array => {
                let (capacity, len) =
                    (self.field(at, size, BYTE_LENGTH)?, self.field(at, size, LENGTH)?);
                let len_bytes = len as u64 * each as u64;
                if len_bytes > u64::from(capacity) {
                    return Err(self.wrong(at, "an array that fits its buffer".into(), class));
                }
                (self.field(at, size, DATA_START)?, len_bytes as usize)
            }
        };
        Ok((first, len_bytes / each))
    }

    /// A field of an array's object, which has to be large enough to have it.
    fn field(&self, at: GuestPtr<AsObject>, size: usize, offset: u32) -> Result<u32> {
        if size < offset as usize + 4 {
            let (needed, room) = (offset as usize + 4, size);
            return Err(AccessError::NoRoom { needed, room }.into());
        }
        Ok(self.view.get(at.byte_add::<u32>(offset.into()))?)
    }

    /// An object of a class, whose fields the record lists in the order of the class. Fields of the
    /// classes that it extends come first.
    ///
    /// ```
    /// use palisade_guest::{AsObject, GuestPtr, GuestRecord};
    ///
    /// // class Point { x: f64; y: f64; next: Point | null; }
    /// #[derive(GuestRecord)]
    /// struct Point {
    ///     x: f64,
    ///     y: f64,
    ///     next: GuestPtr<Point>,
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the object is of another class, or smaller than the record.
    pub fn get<R: GuestRecord>(&self, at: GuestPtr<R>, class: u32) -> Result<R> {
        let (found, size) = self.header(at)?;
        if found != class {
            return Err(self.wrong(at, format!("of class {class}"), found));
        }
        if size < R::END {
            return Err(AccessError::NoRoom { needed: R::END, room: size }.into());
        }
        Ok(R::load(self.view.bytes(at.address(), size)?))
    }

    /// How arrays of a class keep their elements, and what these are; `None` if it is not one of
    /// arrays.
    ///
    /// # Errors
    ///
    /// When the module does not say what its classes are, or has no such class.
    pub(super) fn array_class(&self, class: u32) -> Result<Option<(Kind, Option<Element>)>> {
        if class == ARRAY_BUFFER {
            return Ok(Some((Kind::Inline, Some(Element::of::<u8>()))));
        }
        let Some(rtti) = self.rtti else {
            return Err(GuestError::Missing {
                kind: "global",
                name: "__rtti_base".into(),
                hint: ": compile with `--exportRuntime`".into(),
            }
            .into());
        };
        let count = self.view.get::<u32>(rtti)?;
        if class >= count {
            return Ok(None);
        }
        let at = GuestPtr::<u32>::new(rtti).element(1 + u64::from(class));
        let flags = Flags(self.view.get(at)?);
        Ok(flags.kind().map(|kind| (kind, Some(flags.element()))))
    }

    #[cold]
    fn wrong<T>(&self, at: GuestPtr<T>, expected: String, class: u32) -> palisade::Error {
        let found = match (class, self.array_class(class)) {
            (ARRAY_BUFFER, _) => "an ArrayBuffer".to_string(),
            (STRING, _) => "a string".to_string(),
            (_, Ok(Some((_, Some(element))))) => format!("an array of {element} (class {class})"),
            _ => format!("of class {class}"),
        };
        GuestError::WrongObject { address: at.address().into(), expected, found }.into()
    }
}

impl Element {
    /// Bytes of one; of those that were asked for, so never 0.
    pub(super) fn bytes(self) -> usize {
        self.size().unwrap_or(1)
    }
}

/// A pointer to an object is the object's address and nothing else.
const _: () = assert!(<GuestPtr<AsObject> as GuestValue>::SIZE == 4);
