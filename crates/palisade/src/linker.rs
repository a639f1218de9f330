//! Linkers: names that imports are resolved by.

#![forbid(unsafe_code)]

use crate::FuncType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::externs::Extern;
use crate::types::{ExternType, ImportType};
use crate::vm::{HostBody, ImportValue, IntoFunc, StoreOpaque};
use crate::{
    AsContext, AsContextMut, Caller, Engine, Func, Instance, Module, Val, hints, matching,
};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

/// Items by module and name. Instantiates modules with what it knows.
///
/// Functions defined by [`Linker::func_wrap`] and [`Linker::func_new`] belong to no store, so one linker serves any
/// number of stores; items of a store can only be used with that one.
pub struct Linker<T> {
    engine: Engine,
    names: HashMap<Arc<str>, HashMap<Arc<str>, Definition>>,
    allow_shadowing: bool,
    of: PhantomData<fn(T)>,
}

#[derive(Clone)]
enum Definition {
    /// An item of a store.
    Item(Extern),
    /// A host function that becomes an item of each store that needs it.
    Host(Arc<HostBody>),
}

impl<T> Clone for Linker<T> {
    fn clone(&self) -> Self {
        Linker {
            engine: self.engine.clone(),
            names: self.names.clone(),
            allow_shadowing: self.allow_shadowing,
            of: PhantomData,
        }
    }
}

impl<T: 'static> Linker<T> {
    /// A linker that knows nothing.
    pub fn new(engine: &Engine) -> Linker<T> {
        Linker {
            engine: engine.clone(),
            names: HashMap::new(),
            allow_shadowing: false,
            of: PhantomData,
        }
    }

    /// The engine that it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether a name may be defined again, replacing what it meant. Off by default.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Self {
        self.allow_shadowing = allow;
        self
    }

    fn insert(&mut self, module: &str, name: &str, definition: Definition) -> Result<()> {
        let names = match self.names.get_mut(module) {
            Some(names) => names,
            None => self.names.entry(module.into()).or_default(),
        };
        if !self.allow_shadowing && names.contains_key(name) {
            return Err(Error::link(format!("import of `{module}::{name}` defined twice")));
        }
        names.insert(name.into(), definition);
        Ok(())
    }

    /// Defines an item of a store.
    ///
    /// # Errors
    ///
    /// When the name is defined and shadowing is not allowed.
    ///
    /// # Panics
    ///
    /// If `store` does not own the item. Shared memories belong to every store.
    pub fn define(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        name: &str,
        item: impl Into<Extern>,
    ) -> Result<&mut Self> {
        let item = item.into();
        item.check(store.as_context().opaque());
        self.insert(module, name, Definition::Item(item))?;
        Ok(self)
    }

    /// Defines a host function whose type is known at run time only; see [`Func::new`].
    ///
    /// # Errors
    ///
    /// When the type belongs to another engine, or the name is defined and shadowing is not allowed.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self> {
        if !ty.is_of(&self.engine) {
            return Err(Error::usage("the function's type belongs to another engine"));
        }
        let body = HostBody::dynamic(ty, func);
        self.insert(module, name, Definition::Host(Arc::new(body)))?;
        Ok(self)
    }

    /// Defines a host function from a closure over Rust types; see [`Func::wrap`].
    ///
    /// # Errors
    ///
    /// When the name is defined and shadowing is not allowed.
    pub fn func_wrap<Params, Results>(
        &mut self,
        module: &str,
        name: &str,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Result<&mut Self> {
        let body = func.into_body(&self.engine);
        self.insert(module, name, Definition::Host(Arc::new(body)))?;
        Ok(self)
    }

    /// Defines every export of `instance` under `module`.
    ///
    /// # Errors
    ///
    /// When a name is defined and shadowing is not allowed.
    pub fn instance(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        instance: Instance,
    ) -> Result<&mut Self> {
        let exports: Vec<(String, Extern)> = instance
            .exports(store.as_context_mut())
            .map(|export| (export.name().to_owned(), export.into_extern()))
            .collect();
        for (name, item) in exports {
            self.insert(module, &name, Definition::Item(item))?;
        }
        Ok(self)
    }

    /// Instantiates `module` and defines its exports under `name`. A command (a module that exports `_start`) is
    /// instantiated anew by each call of one of its functions; a reactor's `_initialize` is called once, here.
    ///
    /// # Errors
    ///
    /// When the module cannot be instantiated, or a name is defined and shadowing is not allowed.
    pub fn module(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        name: &str,
        module: &Module,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        if matches!(module.get_export("_start"), Some(ExternType::Func(_))) {
            return self.command(name, module);
        }
        let instance = self.instantiate(&mut store, module)?;
        if let Some(init) = instance.get_func(&mut store, "_initialize") {
            init.typed::<(), ()>(&store)
                .and_then(|init| init.call(&mut store, ()))
                .context("calling the reactor initialization function")?;
        }
        self.instance(store, name, instance)
    }

    fn command(&mut self, name: &str, module: &Module) -> Result<&mut Self> {
        let exports: Vec<_> = module.exports().map(|e| (e.name().to_owned(), e.ty())).collect();
        for (export, ty) in exports {
            let ExternType::Func(ty) = ty else {
                if export == "memory" {
                    // A command exports its memory for WASI's sake; nobody else can use an instance that is gone.
                    continue;
                }
                return Err(Error::link(format!(
                    "command export `{export}` is a {}, not a function",
                    ty.kind()
                )));
            };
            let (linker, module, call) = (self.clone(), module.clone(), export.clone());
            let run = move |mut caller: Caller<'_, T>, params: &[Val], results: &mut [Val]| {
                let instance = linker.instantiate(&mut caller, &module)?;
                let func = instance.get_func(&mut caller, &call).expect("the module exports it");
                func.call(&mut caller, params, results)
            };
            self.func_new(name, &export, ty, run)?;
            if export == "_start" {
                self.alias(name, "_start", name, "")?;
            }
        }
        Ok(self)
    }

    /// Lets `as_module`, `as_name` mean what `module`, `name` means.
    ///
    /// # Errors
    ///
    /// When the original is not defined, or the new name is and shadowing is not allowed.
    pub fn alias(
        &mut self,
        module: &str,
        name: &str,
        as_module: &str,
        as_name: &str,
    ) -> Result<&mut Self> {
        let Some(definition) = self.lookup(module, name).cloned() else {
            return Err(Error::link(format!("no definition of `{module}::{name}` to alias")));
        };
        self.insert(as_module, as_name, definition)?;
        Ok(self)
    }

    /// Lets every name of `module` also be found under `as_module`.
    ///
    /// # Errors
    ///
    /// When one of the new names is defined and shadowing is not allowed.
    pub fn alias_module(&mut self, module: &str, as_module: &str) -> Result<()> {
        let names: Vec<_> = self
            .names
            .get(module)
            .map(|names| names.iter().map(|(n, d)| (n.clone(), d.clone())).collect())
            .unwrap_or_default();
        for (name, definition) in names {
            self.insert(as_module, &name, definition)?;
        }
        Ok(())
    }

    fn lookup(&self, module: &str, name: &str) -> Option<&Definition> {
        self.names.get(module)?.get(name)
    }

    /// What a name means in `store`.
    ///
    /// # Panics
    ///
    /// If `store` belongs to another engine and the name is a function of the host.
    pub fn get(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        name: &str,
    ) -> Option<Extern> {
        let store = store.as_context_mut().opaque();
        match self.lookup(module, name)? {
            Definition::Item(item) => Some(item.clone()),
            Definition::Host(body) => {
                let func = store.shared_host_func(body).expect("a store of the linker's engine");
                Some(Func::from_ptr(store, func).into())
            }
        }
    }

    /// What an import means in `store`.
    pub fn get_by_import(
        &self,
        store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Option<Extern> {
        self.get(store, import.module(), import.name())
    }

    /// Defines every import of `module` that is unknown as a function that traps, naming itself, when it is called.
    ///
    /// # Errors
    ///
    /// When an unknown import is not a function.
    pub fn define_unknown_imports_as_traps(&mut self, module: &Module) -> Result<()> {
        for import in module.imports() {
            if self.lookup(import.module(), import.name()).is_some() {
                continue;
            }
            let (of, name) = (import.module().to_owned(), import.name().to_owned());
            let ExternType::Func(ty) = import.ty() else {
                return Err(Error::link(format!(
                    "unknown import `\"{of}\".\"{name}\"` is a {}, not a function",
                    import.ty().kind()
                )));
            };
            let message = format!("unknown import: `{of}::{name}` has not been defined");
            self.func_new(&of, &name, ty, move |_, _, _| Err(Error::msg(message.clone())))?;
        }
        Ok(())
    }

    /// Resolves the imports of `module` and makes an instance in `store`.
    ///
    /// # Errors
    ///
    /// When imports are missing or do not fit (the error lists all of them), and as for [`Instance::new`].
    pub fn instantiate(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance> {
        let definitions = self.resolve(module)?;
        instantiate(store.as_context_mut().opaque(), module, &definitions)
    }

    /// Resolves the imports of `module`, to make instances of it faster.
    ///
    /// # Errors
    ///
    /// When imports are missing.
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>> {
        let definitions = self.resolve(module)?;
        Ok(InstancePre { module: module.clone(), definitions: definitions.into(), of: PhantomData })
    }

    fn resolve(&self, module: &Module) -> Result<Vec<Definition>> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for import in module.imports() {
            match self.lookup(import.module(), import.name()) {
                Some(definition) => found.push(definition.clone()),
                None => missing.push(import),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let known = self
            .names
            .iter()
            .flat_map(|(module, names)| names.keys().map(move |name| (&**module, &**name)));
        Err(Error::from_kind(ErrorKind::Link(hints::missing_imports(&missing, known))))
    }
}

/// A module with its imports resolved, for stores with data of type `T`.
pub struct InstancePre<T> {
    module: Module,
    definitions: Arc<[Definition]>,
    of: PhantomData<fn(T)>,
}

impl<T> Clone for InstancePre<T> {
    fn clone(&self) -> Self {
        InstancePre {
            module: self.module.clone(),
            definitions: self.definitions.clone(),
            of: PhantomData,
        }
    }
}

impl<T: 'static> InstancePre<T> {
    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Whether some import is an item of a store, so that only that store can have instances.
    pub fn needs_its_store(&self) -> bool {
        self.definitions.iter().any(|definition| match definition {
            Definition::Item(item) => !matches!(item, Extern::SharedMemory(_)),
            Definition::Host(_) => false,
        })
    }

    /// Makes an instance in `store`.
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    ///
    /// # Panics
    ///
    /// If an import is an item of another store; see [`Self::needs_its_store`].
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> Result<Instance> {
        instantiate(store.as_context_mut().opaque(), &self.module, &self.definitions)
    }
}

/// Makes an instance from definitions in the order of the module's imports.
fn instantiate(
    store: &mut StoreOpaque,
    module: &Module,
    definitions: &[Definition],
) -> Result<Instance> {
    let mut values = Vec::with_capacity(definitions.len());
    for (place, definition) in definitions.iter().enumerate() {
        values.push(match definition {
            Definition::Item(item) => item.to_import(store),
            Definition::Host(body) => {
                // A host function of exactly the right type, which is the rule, needs no further check.
                let value = ImportValue::Func(store.shared_host_func(body)?);
                if module.inner().import_is_of(place, body.ty()) {
                    values.push(value);
                    continue;
                }
                value
            }
        });
        let value = *values.last().expect("just pushed");
        let import = &module.inner().info().imports[place];
        let expected = module.inner().extern_type(import.item);
        matching::check(store, &expected, value).with_context(|| {
            format!("incompatible import type for `\"{}\".\"{}\"`", import.module, import.name)
        })?;
    }
    Instance::of_values(store, module, &values)
}
