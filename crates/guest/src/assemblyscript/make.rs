//! Objects that the host makes.
//!
//! `__new` may collect garbage, so everything that is made stays pinned until something that is
//! pinned refers to it. The collector visits what pinned objects refer to again before it frees
//! anything, so the host may write references into them without telling it.

use super::layout::{
    ARRAY_BUFFER, ARRAY_BYTES, BUFFER, BYTE_LENGTH, DATA_START, Element, Kind, LENGTH, STRING,
    VIEW_BYTES,
};
use super::{AsObject, ObjectView};
use crate::heap::Block;
use crate::{
    Address, Encoding, Guest, GuestBox, GuestError, GuestPtr, GuestRecord, GuestValue, Scope,
};
use palisade::{AsContextMut, Result};

/// An object that is pinned, to be unpinned by the host.
pub(super) fn owned<T>(guest: &Guest<u32>, at: GuestPtr<T>, size: usize) -> GuestBox<T> {
    let block = Block { address: at.address(), size: size as u32, align: 1 };
    GuestBox::new(guest.clone(), block, 1)
}

/// A string that is pinned as long as the scope lasts.
pub(crate) fn string<C: AsContextMut, A: Address>(
    scope: &mut Scope<'_, C, A>,
    text: &str,
) -> Result<GuestPtr<AsObject, A>> {
    let bytes = Encoding::Utf16.encode(text)?;
    let at = scope.object(bytes.len(), STRING)?;
    scope.view_mut().set_all(at, &bytes)?;
    Ok(at.cast())
}

/// An array that is pinned as long as the scope lasts, and its buffer, which is too, if it has one.
#[expect(clippy::type_complexity, reason = "a pair of pointers")]
pub(crate) fn array<C: AsContextMut, A: Address, T: GuestValue>(
    scope: &mut Scope<'_, C, A>,
    class: u32,
    element: Element,
    values: &[T],
) -> Result<(GuestPtr<AsObject, A>, Option<GuestPtr<AsObject, A>>)> {
    let rtti = scope.rtti()?;
    let kind = match ObjectView::new(scope.view(), Some(rtti)).array_class(class)? {
        Some((kind, Some(found))) if found == element => kind,
        other => return Err(wrong_class(class, element, other.and_then(|(_, element)| element))),
    };
    let size = values.len() * T::SIZE;
    if kind == Kind::Inline {
        let at = scope.object(size, class)?;
        scope.view_mut().set_all(at.cast(), values)?;
        return Ok((at.cast(), None));
    }
    let buffer = scope.object(size, ARRAY_BUFFER)?;
    let header = if kind == Kind::Array { ARRAY_BYTES } else { VIEW_BYTES };
    let at = scope.object(header, class)?;
    let mut view = scope.view_mut();
    view.set_all(buffer.cast(), values)?;
    view.set(at.byte_add(BUFFER.into()), &buffer)?;
    view.set(at.byte_add(DATA_START.into()), &buffer)?;
    // No object is larger than 1 GiB.
    view.set(at.byte_add(BYTE_LENGTH.into()), &(size as u32))?;
    if kind == Kind::Array {
        view.set(at.byte_add(LENGTH.into()), &(values.len() as u32))?;
    }
    Ok((at.cast(), Some(buffer.cast())))
}

/// An object of a class, whose fields are a record, pinned as long as the scope lasts.
pub(super) fn record<C: AsContextMut, A: Address, R: GuestRecord>(
    scope: &mut Scope<'_, C, A>,
    class: u32,
    fields: &R,
) -> Result<GuestPtr<R, A>> {
    let at = scope.object(R::END, class)?;
    fields.store(scope.view_mut().bytes_mut(at, R::END)?);
    Ok(at.cast())
}

fn wrong_class(class: u32, expected: Element, found: Option<Element>) -> palisade::Error {
    let found = match found {
        Some(element) => format!("a class of arrays of {element}"),
        None => "no class of arrays".into(),
    };
    GuestError::WrongClass { class, expected: format!("a class of arrays of {expected}"), found }
        .into()
}
