//! Whether an item may stand for an import, and how to say that it may not.
//!
//! Spec: Execution > Modules > Import Matching.

#![forbid(unsafe_code)]

use crate::Mutability;
use crate::error::{Error, Result};
use crate::types::ExternType;
use crate::vm::{ImportValue, StoreOpaque};

/// The current type of an item: of memories and tables, the minimum is what they have now.
pub(crate) fn type_of(store: &StoreOpaque, item: ImportValue) -> ExternType {
    match item {
        ImportValue::Func(func) => func.ty(store).func_type().into(),
        ImportValue::Global(index) => store.global(index).ty().clone().into(),
        ImportValue::Table(index) => store.table(index).ty().clone().into(),
        ImportValue::Memory(index) => store.memory(index).ty().clone().into(),
        ImportValue::Tag(index) => store.tag(index).ty().clone().into(),
    }
}

/// Checks `item` against the type that an import declares; the error says what differs.
pub(crate) fn check(store: &StoreOpaque, expected: &ExternType, item: ImportValue) -> Result<()> {
    let (matches, found) = match (expected, item) {
        (ExternType::Func(expected), ImportValue::Func(func)) => {
            let found = func.ty(store).func_type();
            (found.matches(expected), format!("func {found}"))
        }
        (ExternType::Global(expected), ImportValue::Global(index)) => {
            let found = store.global(index).ty();
            let same = found.mutability() == expected.mutability();
            let content = match expected.mutability() {
                Mutability::Const => found.content().matches(expected.content()),
                Mutability::Var => found.content() == expected.content(),
            };
            (same && content, found.to_string())
        }
        (ExternType::Table(expected), ImportValue::Table(index)) => {
            let table = store.table(index);
            let found = table.ty();
            let sized =
                limits((table.len(), found.maximum()), (expected.minimum(), expected.maximum()));
            (
                sized && found.element() == expected.element() && found.is_64() == expected.is_64(),
                format!("{found} of {} elements", table.len()),
            )
        }
        (ExternType::Memory(expected), ImportValue::Memory(index)) => {
            let memory = store.memory(index);
            let found = memory.ty();
            let sized =
                limits((memory.pages(), found.maximum()), (expected.minimum(), expected.maximum()));
            let same_kind = found.is_64() == expected.is_64()
                && found.is_shared() == expected.is_shared()
                && found.page_size() == expected.page_size();
            (sized && same_kind, format!("{found} of {} pages", memory.pages()))
        }
        (ExternType::Tag(expected), ImportValue::Tag(index)) => {
            let found = store.tag(index).ty();
            (found == expected, found.to_string())
        }
        (_, item) => {
            let found = type_of(store, item);
            let (expected, found) = (expected.kind(), found.kind());
            return Err(Error::link(format!("expected a {expected}, found a {found}")));
        }
    };
    if matches {
        return Ok(());
    }
    Err(Error::link(format!("expected {expected}, found {found}")))
}

/// Whether limits that are at least as strict: `(current, maximum)` against `(minimum, maximum)`.
fn limits(found: (u64, Option<u64>), expected: (u64, Option<u64>)) -> bool {
    let maximum = match (found.1, expected.1) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(found), Some(expected)) => found <= expected,
    };
    found.0 >= expected.0 && maximum
}
