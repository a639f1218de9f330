//! Records: C's structs, computed at compile time from what `derive(GuestRecord)` says of the
//! fields.

use crate::value::GuestValue;
use std::fmt;
use std::marker::PhantomData;

/// A struct that a guest has in its memory.
///
/// The derive macro of the same name implements it, and [`GuestValue`], with the layout that C
/// gives the same fields: in order, each at the next multiple of its alignment, and the whole
/// padded to the largest of these. That is also the layout of Rust's `#[repr(C)]` and of
/// AssemblyScript's classes. With `#[guest(packed)]` there is no padding.
///
/// Every field is a [`GuestValue`]: numbers, `bool`, arrays, other records, and pointers to
/// anything as [`GuestPtr`].
///
/// ```
/// use palisade_guest::{GuestPtr, GuestRecord, GuestValue, View, ViewMut};
///
/// #[derive(GuestRecord, Debug, PartialEq)]
/// struct Node {
///     id: u8,
///     place: Place,
///     name: [u8; 3],
///     next: GuestPtr<Node>,
/// }
///
/// #[derive(GuestRecord, Debug, PartialEq)]
/// struct Place {
///     x: f32,
///     y: f32,
/// }
///
/// assert_eq!((Node::SIZE, Node::ALIGN), (20, 4));
/// let node = GuestPtr::<Node>::new(16);
/// let mut memory = [0; 64];
/// let mut view = ViewMut::new(&mut memory);
/// let value = Node { id: 7, place: Place { x: 1.5, y: 0.0 }, name: *b"abc", next: node };
/// view.set(node, &value)?;
/// view.set(node.field(Node::FIELDS.place).field(Place::FIELDS.y), &-2.0)?;
/// assert_eq!(view.get(node)?.place, Place { x: 1.5, y: -2.0 });
/// assert_eq!(view.get(node.field(Node::FIELDS.next))?, node);
/// # Ok::<(), palisade_guest::AccessError>(())
/// ```
///
/// [`GuestPtr`]: crate::GuestPtr
pub trait GuestRecord: GuestValue {
    /// A struct with a [`Field`] for each field, under the same name.
    type Fields;

    /// Where the fields are.
    const FIELDS: Self::Fields;

    /// Bytes up to the end of the last field; [`GuestValue::SIZE`] without the padding behind it.
    const END: usize;
}

/// One field of the record `R`, of type `T`. See [`GuestPtr::field`](crate::GuestPtr::field).
pub struct Field<R, T> {
    offset: usize,
    of: PhantomData<fn(R) -> T>,
}

impl<R, T> Field<R, T> {
    /// For the derive macro.
    #[doc(hidden)]
    pub const fn new(offset: usize) -> Self {
        Field { offset, of: PhantomData }
    }

    /// Bytes of the record before it.
    pub const fn offset(self) -> usize {
        self.offset
    }
}

impl<R, T> Clone for Field<R, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, T> Copy for Field<R, T> {}

impl<R, T> fmt::Debug for Field<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({:#x})", self.offset)
    }
}

/// Where a record of `N` fields has them. For the derive macro.
#[doc(hidden)]
#[derive(Debug)]
pub struct RecordLayout<const N: usize> {
    /// Where each field begins.
    pub offsets: [usize; N],
    /// Where the last ends.
    pub end: usize,
    /// The same, padded.
    pub size: usize,
    /// The largest alignment of a field; 1 if packed.
    pub align: usize,
}

impl<const N: usize> RecordLayout<N> {
    /// Of fields whose sizes and alignments these are. What overflows is an error of compilation.
    pub const fn of(fields: [(usize, usize); N], packed: bool) -> Self {
        let mut layout = RecordLayout { offsets: [0; N], end: 0, size: 0, align: 1 };
        let mut place = 0;
        while place < N {
            let (size, align) = fields[place];
            if !packed {
                layout.end = layout.end.next_multiple_of(align);
                if align > layout.align {
                    layout.align = align;
                }
            }
            layout.offsets[place] = layout.end;
            layout.end += size;
            place += 1;
        }
        layout.size = layout.end.next_multiple_of(layout.align);
        layout
    }
}
