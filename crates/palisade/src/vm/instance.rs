//! Instances: a module's code joined with memories, tables, globals and imports.
//!
//! The vmctx is a heap block of its own, far from guest memory, laid out by the module's `VmOffsets`. It is filled
//! before any code runs and does not move while the store lives; what is documented as constant there is not written
//! again.
//!
//! Spec: Execution > Modules > Instantiation.

use super::ValRaw;
use super::exception::TagData;
use super::global::GlobalData;
use super::libcalls;
use super::memory::MemoryData;
use super::quota::{Permit, Quota};
use super::store::{FuncPtr, StoreOpaque};
use super::table::TableData;
use crate::error::Result;
use crate::module::ModuleInner;
use palisade_environ::{
    ConstExpr, ConstOp, DataIndex, DataMode, ElemIndex, ElemItems, ElemMode, EntityIndex,
    FuncIndex, GlobalIndex, MemoryIndex, ModuleInfo, SharedBytes, TableIndex, TagIndex, Trap,
    ValType, VmCtxHeader, VmFuncKind, VmFuncRef, VmFunctionImport, VmGlobal, VmMemoryRef,
    VmTableRef, VmTag,
};
use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

/// The place of an instance in its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InstanceIndex(u32);

impl InstanceIndex {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an import is resolved to: an item of the same store, of a type that the import allows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ImportValue {
    Func(FuncPtr),
    Table(u32),
    Memory(u32),
    Global(u32),
    Tag(u32),
}

/// An instance of a store.
///
/// Invariant: `vmctx` is a block of the module's layout, completely initialised; every pointer in it is to something
/// that the same store owns and does not move.
pub(crate) struct InstanceData {
    vmctx: VmCtx,
    _permit: Option<Permit>,
    index: InstanceIndex,
    module: Arc<ModuleInner>,
    /// Places of memories in the store.
    memories: Vec<u32>,
    /// Places of tables in the store.
    tables: Vec<u32>,
    /// Places of globals in the store: of imported ones from the start, of defined ones once somebody asks.
    globals: Vec<Option<u32>>,
    /// Places of tags in the store.
    tags: Vec<u32>,
    dropped_elems: Vec<bool>,
    dropped_data: Vec<bool>,
}

/// Sets all functions that an instance imports by this name to `value`, a function of a type that the imports allow. No
/// wasm of the store may be running: compiled code takes imports to be constant.
pub(crate) fn rebind_import(
    store: &mut StoreOpaque,
    instance: InstanceIndex,
    (module, name): (&str, &str),
    value: ImportValue,
) {
    assert!(!store.is_active(), "imports are constant for running code");
    let ImportValue::Func(func) = value else { unreachable!("the caller matches kinds") };
    let data = store.instance(instance);
    for import in data
        .info()
        .imports
        .iter()
        .filter(|import| (&*import.module, &*import.name) == (module, name))
    {
        if let EntityIndex::Func(index) = import.item {
            data.write_func_import(store, index, func);
        }
    }
}

/// The block that compiled code reads.
struct VmCtx {
    start: NonNull<u8>,
    layout: Layout,
}

impl VmCtx {
    fn new(size: u32) -> VmCtx {
        let layout = Layout::from_size_align(size as usize, 16).expect("sizes are multiples of 16");
        // SAFETY: a vmctx is never empty; it begins with a header.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| std::alloc::handle_alloc_error(layout));
        VmCtx { start, layout }
    }

    /// The field at `offset`.
    fn at<T>(&self, offset: i32) -> *mut T {
        let offset = offset as usize;
        assert!(offset + size_of::<T>() <= self.layout.size());
        self.start.as_ptr().wrapping_add(offset).cast()
    }

    /// Writes the field at `offset`, one of the layout's for a `T`.
    fn write<T>(&self, offset: i32, value: T) {
        // SAFETY: within the block (asserted), and aligned because `VmOffsets` aligns each array for its elements.
        unsafe { self.at::<T>(offset).write(value) };
    }
}

impl Drop for VmCtx {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and nothing refers to it: its store is being dropped.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// Makes an instance of `module` from `imports`, which are in the order of the module's imports and of types that these
/// allow. Runs everything but the start function.
///
/// # Errors
///
/// When a memory or table cannot be had, or an active segment is out of bounds; in that case what was written before
/// stays, as the specification demands.
pub(crate) fn instantiate(
    store: &mut StoreOpaque,
    module: &Arc<ModuleInner>,
    imports: &[ImportValue],
) -> Result<InstanceIndex> {
    let count = store.instances.len();
    store.check_count("instance", count, |limiter| limiter.instances())?;
    let permit = store.engine().instance_quota().map(Quota::take).transpose()?;
    let info = module.info();
    let index = InstanceIndex(count as u32);
    let mut data = Box::new(InstanceData {
        vmctx: VmCtx::new(info.offsets.size()),
        _permit: permit,
        index,
        module: module.clone(),
        memories: Vec::with_capacity(info.memories.len()),
        tables: Vec::with_capacity(info.tables.len()),
        globals: Vec::with_capacity(info.globals.len()),
        tags: Vec::with_capacity(info.tags.len()),
        dropped_elems: vec![false; info.elems.len()],
        dropped_data: vec![false; info.data.len()],
    });
    data.fill_header(store);
    data.fill_imports(store, imports);
    data.fill_func_refs();
    let pool = store.engine().memory_pool().clone();
    let image = module.memory_image();
    let image_memory = image.as_ref().map(|(memory, _)| *memory);
    for (memory, ty) in info.memories.iter().skip(info.imported_memories) {
        let image = image.as_ref().filter(|(of, _)| *of == memory).map(|(_, image)| image);
        data.memories.push(MemoryData::create(store, &pool, ty, image)?);
    }
    for (memory, place) in data.memories.iter().enumerate() {
        let memory = MemoryIndex::from_u32(memory as u32);
        let owner = store.memories[*place as usize].vm();
        let import = VmMemoryRef { base: owner.base, memory: owner };
        data.vmctx.write(info.offsets.memory(memory), import);
    }
    for ty in info.tags.values().skip(info.imported_tags) {
        data.tags.push(TagData::create(store, ty.clone()));
    }
    for (tag, place) in data.tags.iter().enumerate() {
        let offset = info.offsets.tag(TagIndex::from_u32(tag as u32));
        data.vmctx.write(offset, store.tags[*place as usize].vm());
    }
    data.init_globals(store);
    for (table, ty) in info.tables.iter().skip(info.imported_tables) {
        let defined = info.defined_table(table).expect("not imported");
        let init = info.table_inits[defined].as_ref().map_or(0, |e| data.eval(store, e).u64());
        data.tables.push(TableData::create(store, ty, init, data.vmctx.start.as_ptr())?);
    }
    for (table, place) in data.tables.iter().enumerate() {
        let table = TableIndex::from_u32(table as u32);
        let owner = store.tables[*place as usize].vm();
        let base = store.tables[*place as usize].base();
        data.vmctx.write(info.offsets.table(table), VmTableRef { base, table: owner });
    }
    store.instances.push(data);
    run_segments(store, index.index(), image_memory)?;
    Ok(index)
}

/// Copies the active segments, element segments first.
fn run_segments(
    store: &mut StoreOpaque,
    instance: usize,
    image_memory: Option<MemoryIndex>,
) -> Result<()> {
    let module = store.instances[instance].module.clone();
    for (elem, segment) in &module.info().elems {
        match &segment.mode {
            ElemMode::Passive => continue,
            ElemMode::Declarative => {}
            ElemMode::Active { table, offset } => {
                let is_64 = module.info().tables[*table].is_64();
                let start = store.instances[instance].eval_index(store, offset, is_64);
                let len = segment.items.len() as u64;
                InstanceData::table_init(store, instance, *table, elem, start, 0, len)?;
            }
        }
        store.instances[instance].drop_elem(elem);
    }
    for (data, segment) in &module.info().data {
        let DataMode::Active { memory, offset } = &segment.mode else { continue };
        if image_memory != Some(*memory) {
            let is_64 = module.info().memories[*memory].is_64();
            let start = store.instances[instance].eval_index(store, offset, is_64);
            let place = store.instances[instance].memory(*memory);
            store.memory_write(place, start, &module.bytes()[segment.bytes.clone()])?;
        }
        store.instances[instance].drop_data(data);
    }
    Ok(())
}

impl InstanceData {
    /// The module of the instance whose vmctx this is.
    ///
    /// # Safety
    ///
    /// `vmctx` must be that of a live instance.
    pub(super) unsafe fn module_of(vmctx: *mut VmCtxHeader) -> Arc<ModuleInner> {
        // SAFETY: by the contract the header is initialised; it refers to the box that owns the vmctx.
        unsafe { &*(*vmctx).instance.cast::<InstanceData>() }.module.clone()
    }

    /// The place of the instance whose vmctx this is; `None` for null.
    ///
    /// # Safety
    ///
    /// `vmctx` must be null or that of a live instance.
    #[inline]
    pub(super) unsafe fn index_of(vmctx: *mut VmCtxHeader) -> Option<InstanceIndex> {
        if vmctx.is_null() {
            return None;
        }
        // SAFETY: by the contract the header is initialised; it refers to the box that owns the vmctx.
        Some(unsafe { (*(*vmctx).instance.cast::<InstanceData>()).index })
    }

    fn info(&self) -> &ModuleInfo {
        self.module.info()
    }

    fn fill_header(&mut self, store: &StoreOpaque) {
        let header = VmCtxHeader {
            store: store.ctx().as_ptr().cast(),
            libcalls: libcalls::table(),
            instance: (&raw mut *self).cast(),
            memmove: palisade_sys::memmove(),
            memset: palisade_sys::memset(),
        };
        self.vmctx.write(0, header);
        for (index, ty) in &self.info().types {
            self.vmctx.write(self.info().offsets.signature(index), ty.entry().id());
        }
    }

    fn fill_imports(&mut self, store: &mut StoreOpaque, imports: &[ImportValue]) {
        let module = self.module.clone();
        let info = module.info();
        assert_eq!(imports.len(), info.imports.len(), "one value an import");
        for (import, value) in info.imports.iter().zip(imports) {
            match (import.item, *value) {
                (EntityIndex::Func(index), ImportValue::Func(func)) => {
                    self.write_func_import(store, index, func);
                }
                (EntityIndex::Table(_), ImportValue::Table(table)) => self.tables.push(table),
                (EntityIndex::Memory(_), ImportValue::Memory(memory)) => self.memories.push(memory),
                (EntityIndex::Tag(_), ImportValue::Tag(tag)) => self.tags.push(tag),
                (EntityIndex::Global(index), ImportValue::Global(global)) => {
                    self.globals.push(Some(global));
                    let place = store.globals[global as usize].place();
                    self.vmctx.write(info.offsets.imported_global(index), place);
                }
                _ => unreachable!("the linker matches kinds"),
            }
        }
    }

    fn write_func_import(&self, store: &StoreOpaque, index: FuncIndex, func: FuncPtr) {
        let target = func.get(store);
        let import = VmFunctionImport {
            host_code: func.host_code(store),
            code: target.code,
            vmctx: target.vmctx,
            func_ref: target,
        };
        self.vmctx.write(self.info().offsets.imported_func(index), import);
    }

    fn fill_func_refs(&mut self) {
        let module = self.module.clone();
        let info = module.info();
        for (escaped, func) in &info.escaped_funcs {
            let defined = info.defined_func(*func).expect("only defined functions are listed");
            let ty = info.types[info.funcs[*func]].entry();
            let func_ref = VmFuncRef {
                code: module.code().entry(defined),
                vmctx: self.vmctx.start.as_ptr(),
                signature: ty.id(),
                kind: VmFuncKind::Wasm,
                runtime: std::ptr::from_ref(ty).cast(),
            };
            self.vmctx.write(info.offsets.func_ref(escaped), func_ref);
        }
    }

    /// Evaluates the initial values of globals, in order: later ones may refer to earlier ones.
    fn init_globals(&mut self, store: &mut StoreOpaque) {
        let module = self.module.clone();
        let info = module.info();
        for (global, init) in &info.global_inits {
            self.globals.push(None);
            let value = VmGlobal(self.eval(store, init).to_bytes());
            self.vmctx.write(info.offsets.defined_global(global), value);
        }
    }

    fn eval(&self, store: &StoreOpaque, expr: &ConstExpr) -> ValRaw {
        let mut stack: Vec<ValRaw> = Vec::with_capacity(2);
        for op in &expr.0 {
            let value = match *op {
                ConstOp::I32(value) => ValRaw::from_u64(u64::from(value as u32)),
                ConstOp::I64(value) => ValRaw::from_u64(value as u64),
                ConstOp::F32(bits) => ValRaw::from_u64(bits.into()),
                ConstOp::F64(bits) => ValRaw::from_u64(bits),
                ConstOp::V128(bytes) => ValRaw::from_u128(u128::from_le_bytes(bytes)),
                ConstOp::GlobalGet(index) => self.global_value(store, index),
                ConstOp::RefNull => ValRaw::from_u64(0),
                ConstOp::RefFunc(func) => ValRaw::from_u64(self.func(func).raw()),
                ConstOp::I32Add => {
                    binary(&mut stack, |a, b| (a as u32).wrapping_add(b as u32).into())
                }
                ConstOp::I32Sub => {
                    binary(&mut stack, |a, b| (a as u32).wrapping_sub(b as u32).into())
                }
                ConstOp::I32Mul => {
                    binary(&mut stack, |a, b| (a as u32).wrapping_mul(b as u32).into())
                }
                ConstOp::I64Add => binary(&mut stack, u64::wrapping_add),
                ConstOp::I64Sub => binary(&mut stack, u64::wrapping_sub),
                ConstOp::I64Mul => binary(&mut stack, u64::wrapping_mul),
            };
            stack.push(value);
        }
        stack.pop().expect("validated: an expression has a value")
    }

    /// Evaluates an index of a memory or table.
    fn eval_index(&self, store: &StoreOpaque, expr: &ConstExpr, is_64: bool) -> u64 {
        let value = self.eval(store, expr);
        if is_64 { value.u64() } else { value.u32().into() }
    }

    fn global_value(&self, store: &StoreOpaque, index: GlobalIndex) -> ValRaw {
        match self.info().defined_global(index) {
            None => {
                let place = self.globals[index.as_u32() as usize].expect("imports are listed");
                store.globals[place as usize].get()
            }
            Some(defined) => {
                let place = self.vmctx.at::<VmGlobal>(self.info().offsets.defined_global(defined));
                // SAFETY: the place is within the vmctx and initialised (zero at least).
                ValRaw::from_bytes(unsafe { place.read() }.0)
            }
        }
    }

    pub(super) fn for_each_defined_global(&self, visit: &mut impl FnMut(&ValType, u64)) {
        let info = self.info();
        for (index, ty) in info.globals.iter().skip(info.imported_globals) {
            let defined = info.defined_global(index).expect("not imported");
            let place = self.vmctx.at::<VmGlobal>(info.offsets.defined_global(defined));
            // SAFETY: as above.
            visit(ty.content(), ValRaw::from_bytes(unsafe { place.read() }.0).u64());
        }
    }

    /// The place of a tag in the store.
    pub(crate) fn tag(&self, index: TagIndex) -> u32 {
        self.tags[index.as_u32() as usize]
    }

    /// A tag as compiled code knows it.
    pub(super) fn tag_ptr(&self, index: TagIndex) -> *const VmTag {
        let place = self.vmctx.at::<*const VmTag>(self.info().offsets.tag(index));
        // SAFETY: the place is within the vmctx and was filled when the instance was made.
        unsafe { place.read() }
    }

    /// The module that this is an instance of.
    pub(crate) fn module(&self) -> &Arc<ModuleInner> {
        &self.module
    }

    /// A reference to a function: one that is imported, or one that the module lets escape.
    pub(crate) fn func(&self, index: FuncIndex) -> FuncPtr {
        let info = self.info();
        let func_ref = match info.escaped_index[index].expand() {
            Some(escaped) => self.vmctx.at::<VmFuncRef>(info.offsets.func_ref(escaped)),
            None => {
                let import = self.vmctx.at::<VmFunctionImport>(info.offsets.imported_func(index));
                // SAFETY: the place is within the vmctx and was filled with the imports.
                unsafe { (*import).func_ref.cast_mut() }
            }
        };
        FuncPtr::new(NonNull::new(func_ref).expect("filled when the instance was made"))
    }

    /// The place of a memory in the store.
    pub(crate) fn memory(&self, index: MemoryIndex) -> u32 {
        self.memories[index.as_u32() as usize]
    }

    /// The place of a table in the store.
    pub(crate) fn table(&self, index: TableIndex) -> u32 {
        self.tables[index.as_u32() as usize]
    }

    /// The bytes of a data segment, unless it was dropped.
    pub(super) fn data(&self, index: DataIndex) -> Option<SharedBytes> {
        let dropped = self.dropped_data[index.as_u32() as usize];
        let bytes = || self.info().data[index].bytes.clone();
        (!dropped).then(|| SharedBytes::new(self.module.bytes().clone(), bytes()))
    }

    pub(super) fn drop_data(&mut self, index: DataIndex) {
        self.dropped_data[index.as_u32() as usize] = true;
    }

    pub(super) fn drop_elem(&mut self, index: ElemIndex) {
        self.dropped_elems[index.as_u32() as usize] = true;
    }

    /// Copies `len` elements of a segment into a table.
    pub(super) fn table_init(
        store: &mut StoreOpaque,
        instance: usize,
        table: TableIndex,
        elem: ElemIndex,
        start: u64,
        source: u64,
        len: u64,
    ) -> Result<()> {
        let data = &store.instances[instance];
        let module = data.module.clone();
        let place = data.table(table);
        let items = &module.info().elems[elem].items;
        let dropped = data.dropped_elems[elem.as_u32() as usize];
        let available = if dropped { 0 } else { items.len() as u64 };
        let end = source.checked_add(len).filter(|end| *end <= available);
        let end = end.ok_or(Trap::TableOutOfBounds)?;
        let room = start.checked_add(len).filter(|end| *end <= store.table(place).len());
        room.ok_or(Trap::TableOutOfBounds)?;
        let range = source as usize..end as usize;
        let values: Vec<u64> = match items {
            ElemItems::Funcs(funcs) => {
                funcs[range].iter().map(|func| data.func(*func).raw()).collect()
            }
            ElemItems::Exprs(exprs) => {
                exprs[range].iter().map(|expr| data.eval(store, expr).u64()).collect()
            }
        };
        store.table_mut(place).write(start, len, values.into_iter())?;
        Ok(())
    }
}

impl StoreOpaque {
    /// An instance of this store.
    pub(crate) fn instance(&self, index: InstanceIndex) -> &InstanceData {
        &self.instances[index.index()]
    }

    /// The place in the store of a global of an instance; listed if it was not.
    pub(crate) fn instance_global(&mut self, instance: InstanceIndex, index: GlobalIndex) -> u32 {
        let place = index.as_u32() as usize;
        let data = &self.instances[instance.index()];
        if let Some(global) = data.globals[place] {
            return global;
        }
        let info = data.info();
        let defined = info.defined_global(index).expect("imports are listed");
        let ty = info.globals[index].clone();
        let address = data.vmctx.at::<VmGlobal>(info.offsets.defined_global(defined));
        let address = NonNull::new(address).expect("within the vmctx");
        let global = GlobalData::of_instance(self, ty, address);
        self.instances[instance.index()].globals[place] = Some(global);
        global
    }
}

fn binary(stack: &mut Vec<ValRaw>, f: impl FnOnce(u64, u64) -> u64) -> ValRaw {
    let right = stack.pop().expect("validated: two operands");
    let left = stack.pop().expect("validated: two operands");
    ValRaw::from_u64(f(left.u64(), right.u64()))
}
