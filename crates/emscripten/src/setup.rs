//! Setting up instances: that of the program, and those of its threads.

use std::sync::Arc;

use palisade::{AsContextMut, Caller, Error, Extern, Func, Instance, Linker, Module, Result};

use crate::Layout;
use crate::bound::Bound;
use crate::ctx::Linked;
use crate::exceptions::{Style, Thrower};
use crate::invoke::{Invokes, Needs};
use crate::link::Context;
use crate::prepare::{guess_layout, imports};

/// What the instances of all threads have in common.
pub(crate) struct Plan {
    layout: Layout,
    style: Style,
    invokes: Option<Invokes>,
}

impl Plan {
    pub(crate) fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        linker: &Linker<T>,
        module: &Module,
        ctx: impl Context<T>,
    ) -> Result<Plan> {
        let mut store = store.as_context_mut();
        let data = ctx(store.data_mut());
        let shared = data.shared.clone();
        let map = shared.import_map.as_ref();
        Ok(Plan {
            layout: shared.layout.unwrap_or_else(|| guess_layout(module, map)),
            style: match imports(module, data, "__cxa_allocate_exception") {
                true => Style::Host,
                false => Style::Guest,
            },
            invokes: Invokes::new(&mut store, linker, module, map)?,
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

    /// Finds what the host uses of an instance, and binds its `invoke_*`.
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
            bind_invokes(&bound, &mut store, invokes, ctx)?;
        }
        Ok(bound)
    }
}

fn bind_invokes<T: 'static>(
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
    invokes
        .bind(&mut store, bound.instance, needs)
        .map_err(|error| error.context("the exports behind `invoke_` are not Emscripten's"))
}
