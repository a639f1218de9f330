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

    /// Gives the functions that the instance imports as `module`.`name` another meaning: what it calls by that import from
    /// now on is `func`. With this, modules that need each other can be joined, and what an import means may depend on
    /// the instance. References that were taken of the import before stay what they are.
    ///
    /// # Errors
    ///
    /// When no function is imported by this name, when the type of `func` does not fit, and while WebAssembly of the
    /// store runs.
    ///
    /// # Panics
    ///
    /// If the instance or `func` belongs to another store.
    ///
    /// ```
    /// use palisade::{Engine, Func, Instance, Module, Store};
    ///
    /// let engine = Engine::default();
    /// let mut store = Store::new(&engine, ());
    /// let even = r#"(module (import "odd" "is_odd" (func $is_odd (param i32) (result i32)))
    ///     (func (export "is_even") (param i32) (result i32)
    ///         (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
    ///             (else (call $is_odd (i32.sub (local.get 0) (i32.const 1)))))))"#;
    /// let odd = r#"(module (import "even" "is_even" (func $is_even (param i32) (result i32)))
    ///     (func (export "is_odd") (param i32) (result i32)
    ///         (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
    ///             (else (call $is_even (i32.sub (local.get 0) (i32.const 1)))))))"#;
    ///
    /// let later = Func::wrap(&mut store, |_: i32| -> i32 { 0 });
    /// let even = Instance::new(&mut store, &Module::new(&engine, even)?, &[later.into()])?;
    /// let is_even = even.get_func(&mut store, "is_even").unwrap();
    /// let odd = Instance::new(&mut store, &Module::new(&engine, odd)?, &[is_even.into()])?;
    /// let is_odd = odd.get_func(&mut store, "is_odd").unwrap();
    /// even.rebind_import(&mut store, "odd", "is_odd", is_odd)?;
    /// assert_eq!(is_even.typed::<i32, i32>(&store)?.call(&mut store, 10)?, 1);
    /// # Ok::<(), palisade::Error>(())
    /// ```
    pub fn rebind_import(
        &self,
        mut store: impl AsContextMut,
        module: &str,
        name: &str,
        func: Func,
    ) -> Result<()> {
        let store = store.as_context_mut().opaque();
        let index = self.index(store);
        let value = Extern::from(func).to_import(store);
        let of_instance = Module::from_inner(store.instance(index).module().clone());
        if store.is_active() {
            return Err(Error::usage(format!(
                "the import `\"{module}\".\"{name}\"` cannot be bound again while WebAssembly of its store runs"
            )));
        }
        let imports = of_instance.imports().filter(|import| {
            (import.module(), import.name()) == (module, name) && import.ty().func().is_some()
        });
        let mut found = false;
        for import in imports {
            found = true;
            matching::check(store, &import.ty(), value).with_context(|| {
                format!("incompatible import type for `\"{module}\".\"{name}\"`")
            })?;
        }
        if !found {
            return Err(Error::usage(format!(
                "no function is imported as `\"{module}\".\"{name}\"`"
            )));
        }
        vm::rebind_import(store, index, (module, name), value);
        Ok(())
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
