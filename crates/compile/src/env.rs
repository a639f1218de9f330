//! What compiled code knows of its instance: every load from the vmctx and the blocks it points to.
//!
//! Invariant: a load is marked `readonly` only if the layout in `environ` calls the field constant. Other code must not
//! know an offset into a vmctx, nor form a flag for such a load.

use crate::bounds::Unsettled;
use crate::signature::{POINTER, clif_type};
use cranelift_codegen::ir::{
    AliasRegion, AliasRegionData, Block, GlobalValueData, InstBuilder, MemFlagsData, TrapCode,
    Type, Value, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_codegen::settings;
use cranelift_frontend::FunctionBuilder;
use palisade_environ::{
    DefinedGlobalIndex, ExitPlace, FuncIndex, GlobalIndex, MemoryIndex, ModuleInfo, Mutability,
    TableIndex, Trap, TypeIndex, offsets,
};
use std::cell::{OnceCell, RefCell};

/// So many of a module's own globals are told apart by alias analysis; the others share a region.
///
/// The analysis keeps its state for every region at every block, so regions are not free. Programs of the C family have
/// their stack pointer as the first global and few others that change.
const GLOBAL_REGIONS: u32 = 8;

/// Ids of alias regions; those of single globals follow. They are the same in all functions of a module.
#[derive(Clone, Copy)]
enum Region {
    Memory,
    Table,
    Runtime,
    Globals,
}

/// The instance, seen from a function under translation.
pub(crate) struct Env<'a> {
    pub(crate) module: &'a ModuleInfo,
    isa: &'a dyn TargetIsa,
    vmctx: Value,
    memory: AliasRegion,
    table: AliasRegion,
    runtime: AliasRegion,
    globals: AliasRegion,
    rounds: OnceCell<bool>,
    /// Whether relaxed instructions have the results of the deterministic profile.
    deterministic: bool,
    /// Indices to look at again when the function is complete.
    pub(crate) unsettled: RefCell<Vec<Unsettled>>,
}

/// The compiled form of a trap.
pub(crate) fn trap_code(trap: Trap) -> TrapCode {
    TrapCode::unwrap_user(trap.code())
}

impl<'a> Env<'a> {
    /// The environment of a function that begins with the block `entry`.
    pub(crate) fn new(
        builder: &mut FunctionBuilder<'_>,
        module: &'a ModuleInfo,
        isa: &'a dyn TargetIsa,
        deterministic: bool,
        entry: Block,
    ) -> Env<'a> {
        let mut region = |region: Region, name| alias_region(builder, region as u32, name);
        let memory = region(Region::Memory, "memory");
        let table = region(Region::Table, "table");
        let runtime = region(Region::Runtime, "runtime");
        let globals = region(Region::Globals, "globals");
        let vmctx = builder.block_params(entry)[0];
        Env {
            module,
            isa,
            vmctx,
            memory,
            table,
            runtime,
            globals,
            rounds: OnceCell::new(),
            deterministic,
            unsettled: RefCell::default(),
        }
    }

    /// Lets the prologue check the stack pointer against the store's limit.
    pub(crate) fn declare_stack_limit(&self, builder: &mut FunctionBuilder<'_>) {
        let constant = builder.func.dfg.mem_flags.insert(constant()).expect("few flags");
        let variable = builder.func.dfg.mem_flags.insert(self.runtime_flags()).expect("few flags");
        let vmctx = builder.create_global_value(GlobalValueData::VMContext);
        let store = builder.create_global_value(GlobalValueData::Load {
            base: vmctx,
            offset: offsets::VMCTX_STORE.into(),
            global_type: POINTER,
            flags: constant,
        });
        let limit = builder.create_global_value(GlobalValueData::Load {
            base: store,
            offset: offsets::STORE_STACK_LIMIT.into(),
            global_type: POINTER,
            flags: variable,
        });
        builder.func.stack_limit = Some(limit);
    }

    /// The function's own vmctx.
    pub(crate) fn vmctx(&self) -> Value {
        self.vmctx
    }

    /// Whether the CPU has an instruction that rounds to an integral number.
    pub(crate) fn can_round(&self) -> bool {
        *self.rounds.get_or_init(|| {
            let sse41 = self.isa.isa_flags().into_iter().find(|flag| flag.name == "has_sse41");
            sse41.is_none_or(|flag| flag.as_bool() == Some(true))
        })
    }

    /// The CPU, where relaxed instructions may do as it does; `None` in the deterministic profile.
    pub(crate) fn relaxed_to(&self) -> Option<&dyn TargetIsa> {
        (!self.deterministic).then_some(self.isa)
    }

    /// Whether the CPU is one of the x86 family.
    pub(crate) fn is_x86(&self) -> bool {
        self.isa.name() == "x64"
    }

    /// Whether the CPU has an instruction that permutes bytes. Without it, CLIF's would be calls that nobody answers.
    pub(crate) fn can_permute(&self) -> bool {
        !self.is_x86() || self.isa.has_x86_pshufb_lowering()
    }

    /// Whether one instruction multiplies signed by unsigned bytes and adds up each four of them.
    pub(crate) fn has_dot_product(&self) -> bool {
        let has = |names: &[&str]| {
            let flags = self.isa.isa_flags();
            let on =
                |flag: &settings::Value| names.contains(&flag.name) && flag.as_bool() == Some(true);
            flags.iter().filter(|flag| on(flag)).count() == names.len()
        };
        has(&["has_avx", "has_avx_vnni"]) || has(&["has_avx512vl", "has_avx512vnni"])
    }

    /// Whether an atomic store is best done as an exchange: on x86-64 that is one locked instruction, where Cranelift's
    /// atomic store is followed by the slower `mfence` (the benchmark `spin lock` takes 0.25 of the time).
    pub(crate) fn stores_by_exchange(&self) -> bool {
        self.is_x86()
    }

    /// Flags of accesses to linear memory. All memories share one region: two imports may be the same memory.
    ///
    /// That is sound for shared memories, which other threads write: Cranelift's alias analysis takes every atomic
    /// instruction, `fence` and every call, such as that of a runtime function which waits, for one that may have
    /// written all regions. So a plain load takes its value from an earlier plain access only if no point at which this
    /// thread could have synchronised with another lies between; without such a point the proposal's memory model lets
    /// both see the same, as if they had happened at once. Atomic loads take no value from other accesses, since the
    /// analysis tells accesses apart by their kind. Nothing but loads of constants is moved.
    pub(crate) fn memory_flags(&self) -> MemFlagsData {
        little_endian(self.memory, Trap::MemoryOutOfBounds)
    }

    /// Flags of accesses to table entries.
    pub(crate) fn table_flags(&self) -> MemFlagsData {
        little_endian(self.table, Trap::TableOutOfBounds).with_aligned()
    }

    /// Address of the first byte of a memory.
    pub(crate) fn memory_base(&self, b: &mut FunctionBuilder<'_>, memory: MemoryIndex) -> Value {
        let place = self.module.offsets.memory(memory);
        b.ins().load(POINTER, constant(), self.vmctx, place + offsets::MEMORY_REF_BASE)
    }

    /// Accessible bytes of a memory, as 64 bits.
    pub(crate) fn memory_len(&self, b: &mut FunctionBuilder<'_>, memory: MemoryIndex) -> Value {
        let ty = &self.module.memories[memory];
        if ty.maximum() == Some(ty.minimum()) {
            return b.ins().iconst(POINTER, ty.minimum_bytes() as i64);
        }
        let place = self.module.offsets.memory(memory);
        let place = place + offsets::MEMORY_REF_MEMORY;
        let memory = b.ins().load(POINTER, constant(), self.vmctx, place);
        b.ins().load(POINTER, self.runtime_flags(), memory, offsets::MEMORY_LEN)
    }

    /// As [`Self::memory_len`], but in one order with what all threads do to a shared memory, as `memory.size` must be.
    /// Bounds checks need less: what a thread has not synchronised with may not have happened yet.
    pub(crate) fn memory_size(&self, b: &mut FunctionBuilder<'_>, memory: MemoryIndex) -> Value {
        let ty = &self.module.memories[memory];
        if !ty.is_shared() || ty.maximum() == Some(ty.minimum()) {
            return self.memory_len(b, memory);
        }
        let place = self.module.offsets.memory(memory) + offsets::MEMORY_REF_MEMORY;
        let memory = b.ins().load(POINTER, constant(), self.vmctx, place);
        let len = b.ins().iadd_imm_s(memory, i64::from(offsets::MEMORY_LEN));
        b.ins().atomic_load(POINTER, self.runtime_flags(), len)
    }

    /// Address of the first entry of a table.
    pub(crate) fn table_base(&self, b: &mut FunctionBuilder<'_>, table: TableIndex) -> Value {
        let place = self.module.offsets.table(table);
        if self.module.tables[table].is_fixed() {
            return b.ins().load(POINTER, constant(), self.vmctx, place + offsets::TABLE_REF_BASE);
        }
        let table = b.ins().load(POINTER, constant(), self.vmctx, place + offsets::TABLE_REF_TABLE);
        b.ins().load(POINTER, self.runtime_flags(), table, offsets::TABLE_BASE)
    }

    /// Number of entries of a table, as 64 bits.
    pub(crate) fn table_len(&self, b: &mut FunctionBuilder<'_>, table: TableIndex) -> Value {
        let ty = &self.module.tables[table];
        if ty.is_fixed() {
            return b.ins().iconst(types::I64, ty.minimum() as i64);
        }
        let place = self.module.offsets.table(table);
        let table = b.ins().load(POINTER, constant(), self.vmctx, place + offsets::TABLE_REF_TABLE);
        b.ins().load(types::I64, self.runtime_flags(), table, offsets::TABLE_LEN)
    }

    /// The value of a global.
    pub(crate) fn global_get(&self, b: &mut FunctionBuilder<'_>, global: GlobalIndex) -> Value {
        let ty = &self.module.globals[global];
        let (address, offset, mut flags) = self.global(b, global);
        if ty.mutability() == Mutability::Const {
            // Written before any code of the instance runs.
            flags = constant();
        }
        b.ins().load(clif_type(ty.content()), flags, address, offset)
    }

    /// Gives a global a new value.
    pub(crate) fn global_set(
        &self,
        b: &mut FunctionBuilder<'_>,
        global: GlobalIndex,
        value: Value,
    ) {
        let (address, offset, flags) = self.global(b, global);
        b.ins().store(flags, value, address, offset);
    }

    /// Address, offset and access flags of a mutable global.
    fn global(
        &self,
        b: &mut FunctionBuilder<'_>,
        global: GlobalIndex,
    ) -> (Value, i32, MemFlagsData) {
        match self.module.defined_global(global) {
            Some(defined) => {
                let region = self.global_region(b, defined);
                let flags = MemFlagsData::trusted().with_alias_region(Some(region));
                (self.vmctx, self.module.offsets.defined_global(defined), flags)
            }
            // Two imports may be the same global, but no import is one that this instance defines: the shared region
            // holds imports and the remaining globals of the instance.
            None => {
                let place = self.module.offsets.imported_global(global);
                let address = b.ins().load(POINTER, constant(), self.vmctx, place);
                (address, 0, MemFlagsData::trusted().with_alias_region(Some(self.globals)))
            }
        }
    }

    fn global_region(
        &self,
        b: &mut FunctionBuilder<'_>,
        global: DefinedGlobalIndex,
    ) -> AliasRegion {
        if global.as_u32() < GLOBAL_REGIONS {
            alias_region(b, Region::Globals as u32 + 1 + global.as_u32(), "global")
        } else {
            self.globals
        }
    }

    /// The engine-wide id of a function type.
    pub(crate) fn signature_id(&self, b: &mut FunctionBuilder<'_>, ty: TypeIndex) -> Value {
        b.ins().load(types::I32, constant(), self.vmctx, self.module.offsets.signature(ty))
    }

    /// Code address and vmctx of an imported function.
    pub(crate) fn imported_func(
        &self,
        b: &mut FunctionBuilder<'_>,
        func: FuncIndex,
    ) -> (Value, Value) {
        let place = self.module.offsets.imported_func(func);
        let code = b.ins().load(POINTER, constant(), self.vmctx, place + offsets::IMPORT_CODE);
        let vmctx = b.ins().load(POINTER, constant(), self.vmctx, place + offsets::IMPORT_VMCTX);
        (code, vmctx)
    }

    /// What to call by the native ABI for an imported function; null unless the host implements it so.
    pub(crate) fn imported_host_code(&self, b: &mut FunctionBuilder<'_>, func: FuncIndex) -> Value {
        let place = self.module.offsets.imported_func(func);
        b.ins().load(POINTER, constant(), self.vmctx, place + offsets::IMPORT_HOST_CODE)
    }

    fn store(&self, b: &mut FunctionBuilder<'_>) -> Value {
        b.ins().load(POINTER, constant(), self.vmctx, offsets::VMCTX_STORE)
    }

    /// Notes in the activation that wasm is left from `place` of this function.
    pub(crate) fn note_exit(&self, b: &mut FunctionBuilder<'_>, place: ExitPlace) {
        let store = self.store(b);
        let flags = self.runtime_flags();
        let activation = b.ins().load(POINTER, flags, store, offsets::STORE_ACTIVATION);
        let place = b.ins().iconst(POINTER, place.to_bits() as i64);
        b.ins().store(flags, place, activation, offsets::ACTIVATION_EXIT_PC);
        let fp = b.ins().get_frame_pointer(POINTER);
        b.ins().store(flags, fp, activation, offsets::ACTIVATION_EXIT_FP);
        b.ins().store(flags, self.vmctx, activation, offsets::ACTIVATION_EXIT_VMCTX);
    }

    /// Whether a host function has raised, as an integer.
    pub(crate) fn raised(&self, b: &mut FunctionBuilder<'_>) -> Value {
        let store = self.store(b);
        b.ins().load(types::I32, self.runtime_flags(), store, offsets::STORE_RAISE_PENDING)
    }

    /// The stub that leaves, and what it takes.
    pub(crate) fn raise_stub(&self, b: &mut FunctionBuilder<'_>) -> (Value, Value) {
        let store = self.store(b);
        let flags = self.runtime_flags();
        let stub = b.ins().load(POINTER, flags, store, offsets::STORE_RAISE_STUB);
        (stub, b.ins().iadd_imm_s(store, i64::from(offsets::STORE_RAISE)))
    }

    /// The address of C's `memmove`.
    pub(crate) fn memmove(&self, b: &mut FunctionBuilder<'_>) -> Value {
        b.ins().load(POINTER, constant(), self.vmctx, offsets::VMCTX_MEMMOVE)
    }

    /// The address of C's `memset`.
    pub(crate) fn memset(&self, b: &mut FunctionBuilder<'_>) -> Value {
        b.ins().load(POINTER, constant(), self.vmctx, offsets::VMCTX_MEMSET)
    }

    /// Whether an interrupt was requested: not 0 then.
    pub(crate) fn interrupted(&self, b: &mut FunctionBuilder<'_>) -> Value {
        let store = self.store(b);
        b.ins().load(types::I32, self.runtime_flags(), store, offsets::STORE_INTERRUPTED)
    }

    /// The convention of the platform's C compiler.
    pub(crate) fn host_convention(&self) -> CallConv {
        self.isa.default_call_conv()
    }

    /// The reference to a function.
    pub(crate) fn func_ref(&self, b: &mut FunctionBuilder<'_>, func: FuncIndex) -> Value {
        if self.module.defined_func(func).is_none() {
            let place = self.module.offsets.imported_func(func) + offsets::IMPORT_FUNC_REF;
            return b.ins().load(POINTER, constant(), self.vmctx, place);
        }
        let escaped = self.module.escaped_index[func].expect("the decoder lets it escape");
        b.ins().iadd_imm_s(self.vmctx, i64::from(self.module.offsets.func_ref(escaped)))
    }

    /// Code address, vmctx and signature id behind a reference that is not null.
    pub(crate) fn func_ref_parts(&self, b: &mut FunctionBuilder<'_>, func: Value) -> [Value; 3] {
        // Constant, but not there to be loaded early: the reference may be null elsewhere.
        let flags = MemFlagsData::trusted().with_readonly();
        [
            b.ins().load(POINTER, flags, func, offsets::FUNC_REF_CODE),
            b.ins().load(POINTER, flags, func, offsets::FUNC_REF_VMCTX),
            b.ins().load(types::I32, flags, func, offsets::FUNC_REF_SIGNATURE),
        ]
    }

    /// Code address and vmctx behind a reference. The access traps if it is null, which is address 0.
    pub(crate) fn callable(&self, b: &mut FunctionBuilder<'_>, func: Value) -> (Value, Value) {
        let null = Some(trap_code(Trap::NullReference));
        let checked = MemFlagsData::new().with_aligned().with_readonly().with_trap_code(null);
        let code = b.ins().load(POINTER, checked, func, offsets::FUNC_REF_CODE);
        let known = MemFlagsData::trusted().with_readonly();
        (code, b.ins().load(POINTER, known, func, offsets::FUNC_REF_VMCTX))
    }

    /// A value that an exception carries.
    pub(crate) fn exception_value(
        &self,
        b: &mut FunctionBuilder<'_>,
        ty: Type,
        values: Value,
        offset: i32,
    ) -> Value {
        // Written before the handler was entered, and no more.
        b.ins().load(ty, MemFlagsData::trusted(), values, offset)
    }

    /// Tells the store who is calling; a host function may ask.
    pub(crate) fn note_caller(&self, b: &mut FunctionBuilder<'_>) {
        let store = b.ins().load(POINTER, constant(), self.vmctx, offsets::VMCTX_STORE);
        b.ins().store(self.runtime_flags(), self.vmctx, store, offsets::STORE_CALLER);
    }

    /// Flags of accesses to what the runtime may change while wasm does not run.
    fn runtime_flags(&self) -> MemFlagsData {
        MemFlagsData::trusted().with_alias_region(Some(self.runtime))
    }
}

/// Flags of loads of what never changes while wasm of the store runs.
fn constant() -> MemFlagsData {
    MemFlagsData::trusted().with_readonly().with_can_move()
}

fn little_endian(region: AliasRegion, trap: Trap) -> MemFlagsData {
    MemFlagsData::new()
        .with_endianness(cranelift_codegen::ir::Endianness::Little)
        .with_trap_code(Some(trap_code(trap)))
        .with_alias_region(Some(region))
}

fn alias_region(builder: &mut FunctionBuilder<'_>, id: u32, name: &'static str) -> AliasRegion {
    let data = AliasRegionData { user_id: id, description: name.into() };
    builder.func.dfg.alias_regions.insert(data)
}
