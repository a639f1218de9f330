//! What is known of a module before it has an instance, and what it needs for one.

use palisade::{
    AsContextMut, Extern, ExternType, Instance, Linker, Memory, Module, Ref, Result, SharedMemory,
    Table,
};

use crate::ctx::{Emscripten, Linked};
use crate::guest::GuestMemory;
use crate::{ImportMap, Layout};

/// Whether the module imports a function of this name.
pub(crate) fn imports(module: &Module, data: &Emscripten, name: &str) -> bool {
    let map = data.shared.import_map.as_ref();
    module.imports().any(|import| {
        map.map_or(import.name(), |map| map.import(import.module(), import.name())) == name
    })
}

pub(crate) fn note_limits(linked: &mut Linked, ty: &palisade::MemoryType) {
    let bytes = |pages: u64| pages.saturating_mul(ty.page_size());
    linked.memory_max = ty.maximum().map(bytes);
    let declared = linked.memory_max;
    linked.memory_fixed |= declared.is_some_and(|max| max <= bytes(ty.minimum()));
}

/// The memory of an instance that exports one under another name.
pub(crate) fn only_memory(mut store: impl AsContextMut, instance: Instance) -> Option<Extern> {
    let mut memories = instance
        .exports(store.as_context_mut())
        .map(|export| export.into_extern())
        .filter(|item| matches!(item, Extern::Memory(_) | Extern::SharedMemory(_)));
    memories.next()
}

/// The table of an instance that exports one under another name.
pub(crate) fn only_table(mut store: impl AsContextMut, instance: Instance) -> Option<Table> {
    instance.exports(store.as_context_mut()).find_map(|export| export.into_table())
}

/// Makes the memory and the table that the module imports, unless the linker has them.
pub(crate) fn provide<T: 'static>(
    mut store: impl AsContextMut<Data = T>,
    linker: &mut Linker<T>,
    module: &Module,
    linked: &mut Linked,
) -> Result<()> {
    let mut store = store.as_context_mut();
    for import in module.imports() {
        let at = (import.module(), import.name());
        let found = linker.get_by_import(&mut store, &import);
        let item = match (found, import.ty()) {
            (Some(item), ExternType::Memory(_) | ExternType::Table(_)) => item,
            (None, ExternType::Memory(ty)) => {
                let item = match ty.is_shared() {
                    true => Extern::from(SharedMemory::new_in(&mut store, ty)?),
                    false => Extern::from(Memory::new(&mut store, ty)?),
                };
                linker.define(&store, at.0, at.1, item.clone())?;
                item
            }
            (None, ExternType::Table(ty)) => {
                let null = Ref::null(ty.element().heap_type());
                let item = Extern::from(Table::new(&mut store, ty, null)?);
                linker.define(&store, at.0, at.1, item.clone())?;
                item
            }
            _ => continue,
        };
        match item {
            Extern::Memory(memory) => {
                note_limits(linked, &memory.ty(&store));
                linked.memory = Some(GuestMemory::Own(memory));
            }
            Extern::SharedMemory(memory) => {
                note_limits(linked, &memory.ty());
                linked.memory = Some(GuestMemory::Shared(memory));
            }
            Extern::Table(table) => linked.table = Some(table),
            _ => {}
        }
    }
    Ok(())
}

/// How the module's C library lays out structures, by what tells its version.
pub(crate) fn guess_layout(module: &Module, map: Option<&ImportMap>) -> Layout {
    let mut old = false;
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else { continue };
        match map.map_or(import.name(), |map| map.import(import.module(), import.name())) {
            // These took a pointer to the time.
            "_localtime_js" | "_gmtime_js" => {
                return if ty.params().all(|ty| ty == palisade::ValType::I32)
                    && ty.params().len() == 2
                {
                    Layout::Old
                } else {
                    Layout::New
                };
            }
            "_emscripten_memcpy_js" | "_abort_js" | "__syscall_newfstatat" => return Layout::New,
            "__syscall_open"
            | "__clock_gettime"
            | "emscripten_memcpy_big"
            | "strftime"
            | "strftime_l" => old = true,
            _ => {}
        }
    }
    let exports =
        |name: &str| module.get_export(map.map_or(name, |map| map.export(name))).is_some();
    old |= exports("stackSave") && exports("__errno_location");
    if old { Layout::Old } else { Layout::New }
}
