//! Setting up instances: that of the program, and those of its threads.

use std::sync::Arc;

use palisade::{AsContextMut, Caller, Error, Extern, ExternType, Func, Instance, Module, Result};

use crate::Layout;
use crate::bound::Bound;
use crate::ctx::{Emscripten, Linked};
use crate::exceptions::{Style, Thrower};
use crate::invoke::{self, Invoke, Invokes, Needs};
use crate::link::Context;
use crate::prepare::{guess_layout, imports};

/// What the instances of all threads have in common.
pub(crate) struct Plan {
    layout: Layout,
    style: Style,
    /// What is behind the module's `invoke_*`, and how many these are.
    invokes: Option<Invokes>,
}

impl Plan {
    pub(crate) fn new(module: &Module, data: &Emscripten) -> Result<Plan> {
        let map = data.shared.import_map.as_ref();
        let invokes = module.imports().filter_map(|import| {
            let ExternType::Func(ty) = import.ty() else { return None };
            let name = map.map_or(import.name(), |map| map.import(import.module(), import.name()));
            let invoke = Invoke::new(name, &ty).filter(Invoke::is_supported)?;
            Some(invoke.through(name, module, map))
        });
        Ok(Plan {
            layout: data.shared.layout.unwrap_or_else(|| guess_layout(module, map)),
            style: match imports(module, data, "__cxa_allocate_exception") {
                true => Style::Host,
                false => Style::Guest,
            },
            invokes: invoke::compile(module.engine(), invokes)?,
        })
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// Prepares a store's context for an instance.
    pub(crate) fn prepare<T: 'static>(
        &self,
        mut store: impl AsContextMut<Data = T>,
        ctx: impl Context<T>,
        linked: Linked,
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        let thrower = Thrower::new(&mut store)?;
        let data = ctx(store.data_mut());
        data.exceptions.thrower = Some(thrower);
        data.exceptions.style = self.style;
        data.linked = linked;
        data.linked.layout = Some(self.layout);
        Ok(())
    }

    /// Finds what the host uses of an instance, and makes what is behind its `invoke_*`.
    pub(crate) fn bind<T: 'static>(
        &self,
        mut store: impl AsContextMut<Data = T>,
        ctx: impl Context<T>,
        instance: Instance,
    ) -> Result<Bound<T>> {
        let mut store = store.as_context_mut();
        let bound = Bound { instance, ctx: Arc::new(ctx) };
        bound.bind(&mut store)?;
        if let Some(invokes) = &self.invokes {
            make_invokes(&bound, &mut store, invokes, ctx)?;
        }
        Ok(bound)
    }
}

/// Makes what is behind the `invoke_*` of an instance.
fn make_invokes<T: 'static>(
    bound: &Bound<T>,
    mut store: impl AsContextMut<Data = T>,
    invokes: &Invokes,
    ctx: impl Context<T>,
) -> Result<()> {
    let mut store = store.as_context_mut();
    let data = ctx(store.data_mut());
    let (table, thrower) = (data.linked.table, data.exceptions.thrower.clone());
    let missing = |name: &str| {
        Error::msg(format!("the module imports `invoke_` functions, but does not export `{name}`"))
    };
    let needed = |func: Option<Func>, name: &str| match func {
        Some(func) => Ok(Extern::from(func)),
        None => Err(missing(name)),
    };
    let set_temp = Func::wrap(&mut store, move |mut caller: Caller<'_, T>, value: u32| {
        crate::exceptions::set_temp_ret0(&mut caller, ctx, value)
    });
    let instance = bound.instance;
    let through = invokes.through.iter().filter_map(|name| instance.get_export(&mut store, name));
    let through = through.collect();
    let needs = Needs {
        table: table.ok_or_else(|| missing("__indirect_function_table"))?.into(),
        save: needed(
            bound.func(&mut store, &["stackSave", "emscripten_stack_get_current"]),
            "stackSave",
        )?,
        restore: needed(
            bound.func(&mut store, &["stackRestore", "_emscripten_stack_restore"]),
            "stackRestore",
        )?,
        set_threw: needed(bound.func(&mut store, &["setThrew"]), "setThrew")?,
        set_temp: set_temp.into(),
        tag: thrower.expect("set before there is an instance").0,
        through,
    };
    let targets = invoke::make(&mut store, invokes, needs)
        .map_err(|error| error.context("the exports behind `invoke_` are not Emscripten's"))?;
    ctx(store.data_mut()).linked.invokes = targets;
    Ok(())
}
