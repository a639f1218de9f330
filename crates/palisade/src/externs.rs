//! Items that can be imported and exported.

#![forbid(unsafe_code)]

use crate::types::ExternType;
use crate::vm::{ImportValue, InstanceIndex, StoreOpaque};
use crate::{AsContext, Func, Global, Memory, SharedMemory, Table, Tag};
use palisade_environ::EntityIndex;

/// An item that can be imported and exported.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
    /// A linear memory.
    Memory(Memory),
    /// A linear memory that several threads may use.
    SharedMemory(SharedMemory),
    /// A tag.
    Tag(Tag),
}

/// An export of an instance.
#[derive(Debug, Clone)]
pub struct Export<'instance> {
    name: &'instance str,
    definition: Extern,
}

impl<'instance> Export<'instance> {
    pub(crate) fn new(name: &'instance str, definition: Extern) -> Self {
        Export { name, definition }
    }

    /// Its name.
    pub fn name(&self) -> &'instance str {
        self.name
    }

    /// The item.
    pub fn into_extern(self) -> Extern {
        self.definition
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        self.definition.into_func()
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        self.definition.into_shared_memory()
    }

    /// The memory, if it is one that is not shared.
    pub fn into_memory(self) -> Option<Memory> {
        self.definition.into_memory()
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        self.definition.into_table()
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        self.definition.into_global()
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        self.definition.into_tag()
    }

    /// The item's type.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.definition.ty(store)
    }
}

macro_rules! kinds {
    ($($variant:ident $get:ident $name:literal;)*) => {
        impl Extern {$(
            #[doc = concat!("The ", $name, ", if it is one.")]
            pub fn $get(self) -> Option<$variant> {
                match self { Extern::$variant(item) => Some(item), _ => None }
            }
        )*}
        $(
            impl From<$variant> for Extern {
                fn from(item: $variant) -> Extern { Extern::$variant(item) }
            }
        )*
    };
}

kinds! {
    Func into_func "function";
    Global into_global "global";
    Table into_table "table";
    Memory into_memory "memory";
    SharedMemory into_shared_memory "shared memory";
    Tag into_tag "tag";
}

impl Extern {
    /// Its type. A memory's or table's minimum is its current size, as import matching sees it.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        match self {
            Extern::Func(item) => item.ty(store).into(),
            Extern::Global(item) => item.ty(store).into(),
            Extern::Table(item) => item.ty(store).into(),
            Extern::Memory(item) => item.ty(store).into(),
            Extern::SharedMemory(item) => item.ty().into(),
            Extern::Tag(item) => item.ty(store).into(),
        }
    }

    pub(crate) fn of_instance(
        store: &mut StoreOpaque,
        instance: InstanceIndex,
        item: EntityIndex,
    ) -> Extern {
        match item {
            EntityIndex::Func(index) => {
                let func = store.instance(instance).func(index);
                Func::from_ptr(store, func).into()
            }
            EntityIndex::Table(index) => {
                Table::from_index(store, store.instance(instance).table(index)).into()
            }
            EntityIndex::Memory(index) => {
                let index = store.instance(instance).memory(index);
                match store.memory(index).shared() {
                    Some(shared) => SharedMemory::from_data(shared.clone()).into(),
                    None => Memory::from_index(store, index).into(),
                }
            }
            EntityIndex::Global(index) => {
                let global = store.instance_global(instance, index);
                Global::from_index(store, global).into()
            }
            EntityIndex::Tag(index) => {
                Tag::from_index(store, store.instance(instance).tag(index)).into()
            }
        }
    }

    /// As instances import it, after a check that `store` owns it. A shared memory belongs to every store that uses it.
    pub(crate) fn to_import(&self, store: &mut StoreOpaque) -> ImportValue {
        match self {
            Extern::SharedMemory(item) => {
                ImportValue::Memory(store.use_shared_memory(item.data_of()))
            }
            item => item.owned_by(store),
        }
    }

    /// Panics unless `store` may use it.
    pub(crate) fn check(&self, store: &StoreOpaque) {
        if !matches!(self, Extern::SharedMemory(_)) {
            self.owned_by(store);
        }
    }

    fn owned_by(&self, store: &StoreOpaque) -> ImportValue {
        match self {
            Extern::Func(item) => ImportValue::Func(item.ptr(store)),
            Extern::Global(item) => ImportValue::Global(item.index(store)),
            Extern::Table(item) => ImportValue::Table(item.index(store)),
            Extern::Memory(item) => ImportValue::Memory(item.index(store)),
            Extern::Tag(item) => ImportValue::Tag(item.index(store)),
            Extern::SharedMemory(_) => unreachable!("no store owns a shared memory"),
        }
    }
}
