//! Exceptions as the host sees them: tags, exceptions, throwing and catching.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::vm::{StoreId, StoreOpaque, TagData};
use crate::{
    AsContext, AsContextMut, Engine, FuncType, Rooted, Store, StoreContextMut, TagType, Val,
    ValType,
};
use std::fmt;

/// A tag of a store: what tells exceptions of one kind from others.
#[derive(Debug, Clone, Copy)]
pub struct Tag {
    store: StoreId,
    index: u32,
}

impl Tag {
    /// Makes a tag in `store`. It differs from all other tags, also from those of the same type.
    ///
    /// # Errors
    ///
    /// When the type belongs to another engine, or its function type has results.
    pub fn new(mut store: impl AsContextMut, ty: &TagType) -> Result<Tag> {
        let store = store.as_context_mut().opaque();
        if !ty.ty().is_of(store.engine()) {
            return Err(Error::usage("the tag's type belongs to another engine"));
        }
        if ty.ty().results().len() > 0 {
            return Err(Error::usage("the function type of a tag has no results"));
        }
        let index = TagData::create(store, ty.clone());
        Ok(Tag::from_index(store, index))
    }

    pub(crate) fn from_index(store: &StoreOpaque, index: u32) -> Tag {
        Tag { store: store.id(), index }
    }

    pub(crate) fn index(self, store: &StoreOpaque) -> u32 {
        store.check(self.store);
        self.index
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> TagType {
        let store = store.as_context().opaque();
        store.tag(self.index(store)).ty().clone()
    }

    /// Whether `a` and `b` are the same tag.
    pub fn eq(a: &Tag, b: &Tag, store: impl AsContext) -> bool {
        let store = store.as_context().opaque();
        a.index(store) == b.index(store)
    }
}

/// The type of the values that an exception carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExnType(TagType);

impl ExnType {
    /// The type of exceptions that carry values of these types.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn new(engine: &Engine, fields: impl IntoIterator<Item = ValType>) -> Result<ExnType> {
        ExnType::from_tag_type(&TagType::new(FuncType::new(engine, fields, [])))
    }

    /// The type of exceptions with tags of this type.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn from_tag_type(ty: &TagType) -> Result<ExnType> {
        Ok(ExnType(ty.clone()))
    }

    /// The type of tags of such exceptions.
    pub fn tag_type(&self) -> TagType {
        self.0.clone()
    }

    /// The types of the values.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.0.ty().params()
    }
}

/// What exceptions of one type are made with; there for code written for wasmtime.
#[derive(Debug, Clone)]
pub struct ExnRefPre(ExnType);

impl ExnRefPre {
    /// Prepares to make exceptions of this type.
    pub fn new(_store: impl AsContextMut, ty: ExnType) -> ExnRefPre {
        ExnRefPre(ty)
    }
}

/// An exception; named through [`Rooted`].
#[derive(Debug)]
pub struct ExnRef(());

impl ExnRef {
    /// Makes an exception. [`Store::throw`] throws it.
    ///
    /// # Errors
    ///
    /// When the tag is not of the type that `allocator` was made for, number or types of the values are not those of the
    /// tag, or the store holds too many exceptions (2^32).
    pub fn new(
        mut store: impl AsContextMut,
        allocator: &ExnRefPre,
        tag: &Tag,
        fields: &[Val],
    ) -> Result<Rooted<ExnRef>> {
        let store = store.as_context_mut().opaque();
        let tag = tag.index(store);
        if *store.tag(tag).ty() != allocator.0.0 {
            return Err(Error::usage("the tag has another type than the exception"));
        }
        Ok(Rooted::from_inner(store.new_exnref(tag, fields)?))
    }
}

impl Rooted<ExnRef> {
    /// Its tag.
    ///
    /// # Errors
    ///
    /// When the reference is used after its scope.
    pub fn tag(&self, mut store: impl AsContextMut) -> Result<Tag> {
        let store = store.as_context_mut().opaque();
        let tag = store.exnref_parts(self.inner())?.0;
        Ok(Tag::from_index(store, tag))
    }

    /// Its type.
    ///
    /// # Errors
    ///
    /// When the reference is used after its scope.
    pub fn ty(&self, store: impl AsContext) -> Result<ExnType> {
        let store = store.as_context().opaque();
        ExnType::from_tag_type(store.tag(store.exnref_parts(self.inner())?.0).ty())
    }

    /// The value at `index` of those that it carries.
    ///
    /// # Errors
    ///
    /// When there are no so many, or the reference is used after its scope.
    pub fn field(&self, store: impl AsContextMut, index: usize) -> Result<Val> {
        let mut fields = self.fields(store)?.into_iter();
        fields.nth(index).ok_or_else(|| Error::usage(format!("the exception has no value {index}")))
    }

    /// The values that it carries.
    ///
    /// # Errors
    ///
    /// When the reference is used after its scope.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>> {
        let store = store.as_context_mut().opaque();
        let (tag, values) = store.exnref_parts(self.inner())?;
        let values = values.to_vec();
        let ty = store.tag(tag).ty().ty().clone();
        let fields = ty.params().zip(values).map(|(ty, raw)| Val::from_raw(store, raw, &ty));
        Ok(fields.collect())
    }
}

/// An exception has left wasm, or is to be thrown by a host function. The exception itself is in the store:
/// [`Store::take_pending_exception`] gives it.
///
/// A host function that returns this as its error, its own or that of a call, throws the exception into the wasm that has
/// called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrownException {
    store: StoreId,
}

impl ThrownException {
    pub(crate) fn of(store: &StoreOpaque) -> ThrownException {
        ThrownException { store: store.id() }
    }

    /// Whether the exception is one of this store.
    pub(crate) fn is_of(&self, store: &StoreOpaque) -> bool {
        self.store == store.id()
    }
}

impl fmt::Display for ThrownException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("uncaught wasm exception")
    }
}

impl std::error::Error for ThrownException {}

impl<T: 'static> StoreContextMut<'_, T> {
    /// See [`Store::throw`].
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If the reference is used after its scope.
    pub fn throw<R>(
        &mut self,
        exception: Rooted<ExnRef>,
    ) -> std::result::Result<R, ThrownException> {
        let store = self.as_context_mut().opaque();
        store.set_pending(exception.inner()).expect("the exception is rooted");
        Err(ThrownException::of(store))
    }

    /// See [`Store::take_pending_exception`].
    pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
        self.as_context_mut().opaque().take_pending().map(Rooted::from_inner)
    }

    /// See [`Store::has_pending_exception`].
    pub fn has_pending_exception(&mut self) -> bool {
        self.as_context_mut().opaque().has_pending()
    }
}

impl<T: 'static> Store<T> {
    /// Makes `exception` the one that the returned error stands for: a host function that returns the error throws the
    /// exception into the wasm that has called it.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If the reference is used after its scope.
    pub fn throw<R>(
        &mut self,
        exception: Rooted<ExnRef>,
    ) -> std::result::Result<R, ThrownException> {
        self.as_context_mut().throw(exception)
    }

    /// The exception that a [`ThrownException`] stands for. Taken, it is not thrown on.
    pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
        self.as_context_mut().take_pending_exception()
    }

    /// Whether there is such an exception.
    pub fn has_pending_exception(&mut self) -> bool {
        self.as_context_mut().has_pending_exception()
    }
}
