//! Instances of modules.

#![forbid(unsafe_code)]

use crate::error::{Context, Error, Result};
use crate::externs::{Export, Extern};
use crate::vm::{self, ImportValue, InstanceIndex, StoreId, StoreOpaque, WasmParams, WasmResults};
use crate::{
    AsContext, AsContextMut, Engine, Func, Global, Memory, Module, SharedMemory, StoreContextMut,
    Table, Tag, TypedFunc, matching,
};

/// A module joined with its imports, in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    store: StoreId,
    index: InstanceIndex,
}

impl Instance {
    /// Makes an instance of `module` from `imports`, which are in the order of [`Module::imports`], and runs its start
    /// function.
    ///
    /// # Errors
    ///
    /// When number or types of the imports do not fit, a memory or table cannot be had, an active segment is out of
    /// bounds, or the start function fails. In the last two cases what was written before stays, as the specification
    /// demands.
    pub fn new(
        mut store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Instance> {
        let store = store.as_context_mut().opaque();
        let declared = module.imports();
        if declared.len() != imports.len() {
            return Err(Error::link(format!(
                "expected {} imports, found {}",
                declared.len(),
                imports.len()
            )));
        }
        let mut values = Vec::with_capacity(imports.len());
        for (import, item) in declared.zip(imports) {
            let value = item.to_import(store);
            matching::check(store, &import.ty(), value).with_context(|| {
                format!(
                    "incompatible import type for `\"{}\".\"{}\"`",
                    import.module(),
                    import.name()
                )
            })?;
            values.push(value);
        }
        Instance::of_values(store, module, &values)
    }

    /// As [`Instance::new`], with imports that are known to fit.
    pub(crate) fn of_values(
        store: &mut StoreOpaque,
        module: &Module,
        imports: &[ImportValue],
    ) -> Result<Instance> {
        if !Engine::same(module.engine(), store.engine()) {
            return Err(Error::usage("cross-`Engine` instantiation is not supported"));
        }
        let index = vm::instantiate(store, module.inner(), imports)?;
        if let Some(start) = module.inner().info().start {
            let func = store.instance(index).func(start);
            vm::TypedEntry::<(), ()>::new(store, func)?.call(store, ())?;
        }
        Ok(Instance::from_index(store, index))
    }

    pub(crate) fn from_index(store: &StoreOpaque, index: InstanceIndex) -> Instance {
        Instance { store: store.id(), index }
    }

    fn index(self, store: &StoreOpaque) -> InstanceIndex {
        store.check(self.store);
        self.index
    }

    /// The module that this is an instance of.
    pub fn module(&self, store: impl AsContext) -> Module {
        let store = store.as_context().opaque();
        Module::from_inner(store.instance(self.index(store)).module().clone())
    }

    /// Its exports, in the order of the module.
    pub fn exports<'a, T: 'static>(
        &'a self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> impl ExactSizeIterator<Item = Export<'a>> + 'a {
        let store = store.into().opaque();
        let index = self.index(store);
        let module = store.instance(index).module().clone();
        let exports: Vec<Extern> = module
            .info()
            .exports
            .iter()
            .map(|export| Extern::of_instance(store, index, export.item))
            .collect();
        let store: &'a StoreOpaque = store;
        let names = &store.instance(index).module().info().exports;
        names.iter().zip(exports).map(|(export, item)| Export::new(&export.name, item))
    }

    /// The export of this name.
    pub fn get_export(&self, mut store: impl AsContextMut, name: &str) -> Option<Extern> {
        let store = store.as_context_mut().opaque();
        let index = self.index(store);
        let info = store.instance(index).module().info();
        let item = info.export(name)?.item;
        Some(Extern::of_instance(store, index, item))
    }

    /// The exported function of this name.
    pub fn get_func(&self, store: impl AsContextMut, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// The exported function of this name, with its Rust types.
    ///
    /// # Errors
    ///
    /// When there is none, or its type is another.
    pub fn get_typed_func<Params: WasmParams, Results: WasmResults>(
        &self,
        mut store: impl AsContextMut,
        name: &str,
    ) -> Result<TypedFunc<Params, Results>> {
        let func = self
            .get_func(store.as_context_mut(), name)
            .ok_or_else(|| Error::usage(format!("failed to find function export `{name}`")))?;
        func.typed(store.as_context_mut())
            .with_context(|| format!("failed to convert function `{name}` to given type"))
    }

    /// The exported table of this name.
    pub fn get_table(&self, store: impl AsContextMut, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }

    /// The exported shared memory of this name.
    pub fn get_shared_memory(&self, store: impl AsContextMut, name: &str) -> Option<SharedMemory> {
        self.get_export(store, name)?.into_shared_memory()
    }

    /// The exported memory of this name, if it is not shared.
    pub fn get_memory(&self, store: impl AsContextMut, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// The exported tag of this name.
    pub fn get_tag(&self, store: impl AsContextMut, name: &str) -> Option<Tag> {
        self.get_export(store, name)?.into_tag()
    }

    /// The exported global of this name.
    pub fn get_global(&self, store: impl AsContextMut, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }
}
