//! Looking up what a guest exports, with errors that say what is there instead.

use crate::GuestError;
use palisade::{
    AsContext, AsContextMut, Extern, Func, FuncType, Instance, Result, TypedFunc, ValType,
    WasmParams, WasmResults, WasmTy,
};

/// A tuple of types that cross the boundary as they are.
pub trait TypeList {
    /// Their WebAssembly types.
    fn types() -> Vec<ValType>;
}

/// The exported function `name`, as a function of these Rust types.
///
/// # Errors
///
/// When there is none, or it has another type; the error names the function and both types.
pub(crate) fn typed<P: WasmParams + TypeList, R: WasmResults + TypeList>(
    mut store: impl AsContextMut,
    instance: &Instance,
    name: &str,
) -> Result<TypedFunc<P, R>, GuestError> {
    match instance.get_export(&mut store, name) {
        Some(Extern::Func(func)) => of_func(&store, func, name),
        Some(other) => {
            Err(GuestError::WrongKind { name: name.into(), kind: "function", found: kind(&other) })
        }
        None => {
            let hint = String::new();
            Err(GuestError::Missing { kind: "function", name: name.into(), hint })
        }
    }
}

/// As [`typed`], of a function that the host has.
pub(crate) fn of_func<P: WasmParams + TypeList, R: WasmResults + TypeList>(
    store: impl AsContext,
    func: Func,
    name: &str,
) -> Result<TypedFunc<P, R>, GuestError> {
    func.typed(&store).map_err(|_| {
        let engine = store.as_context();
        let expected =
            FuncType::new(engine.engine(), <P as TypeList>::types(), <R as TypeList>::types());
        GuestError::Signature {
            name: name.into(),
            expected: expected.to_string(),
            found: func.ty(&store).to_string(),
        }
    })
}

/// What kind of item this is, as a word.
pub(crate) fn kind(item: &Extern) -> &'static str {
    match item {
        Extern::Func(_) => "function",
        Extern::Global(_) => "global",
        Extern::Table(_) => "table",
        Extern::Memory(_) => "memory",
        Extern::SharedMemory(_) => "shared memory",
        Extern::Tag(_) => "tag",
        _ => "item of another kind",
    }
}

/// As [`typed`], for names that people write: the error says if the guest has the function under a
/// similar name, one that differs by case or by the underscore that some C compilers put in front.
pub(crate) fn typed_with_hint<P: WasmParams + TypeList, R: WasmResults + TypeList>(
    mut store: impl AsContextMut,
    instance: &Instance,
    name: &str,
) -> Result<TypedFunc<P, R>, GuestError> {
    let (kind, name) = match typed(&mut store, instance, name) {
        Err(GuestError::Missing { kind, name, .. }) => (kind, name),
        other => return other,
    };
    let plain = |name: &str| name.trim_start_matches('_').to_ascii_lowercase();
    let module = instance.module(&store);
    let similar = module
        .exports()
        .find(|export| export.ty().func().is_some() && plain(export.name()) == plain(&name));
    let hint = similar.map(|export| format!(": it exports `{}`", export.name()));
    Err(GuestError::Missing { kind, name, hint: hint.unwrap_or_default() })
}

macro_rules! type_lists {
    ($($T:ident)*) => {
        impl<$($T: WasmTy),*> TypeList for ($($T,)*) {
            fn types() -> Vec<ValType> {
                vec![$($T::valtype()),*]
            }
        }
    };
}

type_lists! {}
type_lists! { A }
type_lists! { A B }
type_lists! { A B C }
type_lists! { A B C D }
type_lists! { A B C D E }
type_lists! { A B C D E F }
type_lists! { A B C D E F G }
type_lists! { A B C D E F G H }
type_lists! { A B C D E F G H I }
type_lists! { A B C D E F G H I J }
type_lists! { A B C D E F G H I J K }
type_lists! { A B C D E F G H I J K L }
type_lists! { A B C D E F G H I J K L M }
type_lists! { A B C D E F G H I J K L M N }
type_lists! { A B C D E F G H I J K L M N O }
type_lists! { A B C D E F G H I J K L M N O P }
