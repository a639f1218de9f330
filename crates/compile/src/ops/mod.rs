//! The operators of WebAssembly: a table of contents.
//!
//! Each arm of the match is one line; what it does is in the file of its family. Only reachable operators come here.
//! Invariant: an operator pops and pushes exactly what the specification says, in reachable code.
//!
//! Spec: Structure > Instructions.

mod atomic;
mod bulk;
mod call;
mod control;
mod convert;
mod exception;
mod inline;
mod memory;
mod numeric;
mod reference;
mod simd;
mod simd_arith;
mod simd_lane;
mod table;

pub(crate) use call::Callees;
pub(crate) use exception::{Scope, Try, find_tries};
pub(crate) use inline::Inlining;

use crate::error::CompileError;
use crate::function::Translator;
use cranelift_codegen::ir::AtomicRmwOp::{Add, And, Or, Sub, Xchg, Xor};
use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64, I128};
use memory::{Load, Store};
use palisade_environ::{FuncIndex, GlobalIndex, Libcall};
use wasmparser::Operator;

impl Translator<'_> {
    /// Translates a reachable operator, which is at byte `offset` of the module.
    pub(crate) fn operator(&mut self, op: Operator<'_>, offset: u64) -> Result<(), CompileError> {
        match op {
            // Control: control.rs
            Operator::Nop => {}
            Operator::Unreachable => self.unreachable(),
            Operator::Block { blockty } => self.block(blockty),
            Operator::Loop { blockty } => self.loop_(blockty),
            Operator::If { blockty } => self.if_(blockty, offset),
            Operator::Else => self.else_(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => self.br(relative_depth),
            Operator::BrIf { relative_depth } => self.br_if(relative_depth, offset),
            Operator::BrTable { targets } => self.br_table(&targets),
            Operator::BrOnNull { relative_depth } => self.br_on_null(relative_depth),
            Operator::BrOnNonNull { relative_depth } => self.br_on_non_null(relative_depth),
            Operator::Return => self.return_(),

            // Exceptions: exception.rs
            Operator::TryTable { try_table } => self.try_table(&try_table),
            Operator::Throw { tag_index } => self.throw(tag_index),
            Operator::ThrowRef => self.throw_ref(),
            Operator::Try { blockty } => self.try_(blockty, offset),
            Operator::Catch { .. } | Operator::CatchAll => self.catch(),
            Operator::Delegate { .. } => self.end(),
            Operator::Rethrow { relative_depth } => self.rethrow(relative_depth),

            // Calls: call.rs
            Operator::Call { function_index } => self.call(FuncIndex::from_u32(function_index))?,
            Operator::CallIndirect { type_index, table_index } => {
                self.call_indirect(type_index, table_index)
            }
            Operator::CallRef { type_index } => self.call_ref(type_index),
            Operator::ReturnCall { function_index } => {
                self.return_call(FuncIndex::from_u32(function_index))
            }
            Operator::ReturnCallIndirect { type_index, table_index } => {
                self.return_call_indirect(type_index, table_index)
            }
            Operator::ReturnCallRef { type_index } => self.return_call_ref(type_index),

            // Parametric: numeric.rs
            Operator::Drop => _ = self.pop(),
            Operator::Select | Operator::TypedSelect { .. } => self.select(),

            // Variables: function.rs, env.rs
            Operator::LocalGet { local_index } => self.local_get(local_index),
            Operator::LocalSet { local_index } => self.local_set(local_index),
            Operator::LocalTee { local_index } => self.local_tee(local_index),
            Operator::GlobalGet { global_index } => {
                self.global_get(GlobalIndex::from_u32(global_index))
            }
            Operator::GlobalSet { global_index } => {
                self.global_set(GlobalIndex::from_u32(global_index))
            }

            // References: reference.rs
            Operator::RefNull { .. } => self.ref_null(),
            Operator::RefIsNull => self.ref_is_null(),
            Operator::RefAsNonNull => self.ref_as_non_null(),
            Operator::RefFunc { function_index } => {
                self.ref_func(FuncIndex::from_u32(function_index))
            }

            // Tables: table.rs
            Operator::TableGet { table } => self.table_get(table),
            Operator::TableSet { table } => self.table_set(table),
            Operator::TableSize { table } => self.table_size(table),
            Operator::TableGrow { table } => self.table_grow(table),

            // Bulk: bulk.rs
            Operator::TableFill { table } => self.table_fill(table),
            Operator::TableCopy { dst_table, src_table } => self.table_copy(dst_table, src_table),
            Operator::TableInit { elem_index, table } => self.table_init(elem_index, table),
            Operator::ElemDrop { elem_index } => self.elem_drop(elem_index),
            Operator::MemoryFill { mem } => self.memory_fill(mem),
            Operator::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem),
            Operator::MemoryInit { data_index, mem } => self.memory_init(data_index, mem),
            Operator::DataDrop { data_index } => self.data_drop(data_index),

            // Memory: memory.rs
            Operator::MemorySize { mem } => self.memory_size(mem),
            Operator::MemoryGrow { mem } => self.memory_grow(mem),
            Operator::I32Load { memarg } => self.load(Load::Whole(I32), memarg),
            Operator::I64Load { memarg } => self.load(Load::Whole(I64), memarg),
            Operator::F32Load { memarg } => self.load(Load::Whole(F32), memarg),
            Operator::F64Load { memarg } => self.load(Load::Whole(F64), memarg),
            Operator::I32Load8S { memarg } => self.load(Load::Signed8(I32), memarg),
            Operator::I32Load8U { memarg } => self.load(Load::Unsigned8(I32), memarg),
            Operator::I32Load16S { memarg } => self.load(Load::Signed16(I32), memarg),
            Operator::I32Load16U { memarg } => self.load(Load::Unsigned16(I32), memarg),
            Operator::I64Load8S { memarg } => self.load(Load::Signed8(I64), memarg),
            Operator::I64Load8U { memarg } => self.load(Load::Unsigned8(I64), memarg),
            Operator::I64Load16S { memarg } => self.load(Load::Signed16(I64), memarg),
            Operator::I64Load16U { memarg } => self.load(Load::Unsigned16(I64), memarg),
            Operator::I64Load32S { memarg } => self.load(Load::Signed32, memarg),
            Operator::I64Load32U { memarg } => self.load(Load::Unsigned32, memarg),
            Operator::I32Store { memarg } => self.store(Store::Whole(I32), memarg),
            Operator::I64Store { memarg } => self.store(Store::Whole(I64), memarg),
            Operator::F32Store { memarg } => self.store(Store::Whole(F32), memarg),
            Operator::F64Store { memarg } => self.store(Store::Whole(F64), memarg),
            Operator::I32Store8 { memarg } => self.store(Store::Low8, memarg),
            Operator::I32Store16 { memarg } => self.store(Store::Low16, memarg),
            Operator::I64Store8 { memarg } => self.store(Store::Low8, memarg),
            Operator::I64Store16 { memarg } => self.store(Store::Low16, memarg),
            Operator::I64Store32 { memarg } => self.store(Store::Low32, memarg),

            // Atomic: atomic.rs
            Operator::AtomicFence { .. } => self.atomic_fence(),
            Operator::MemoryAtomicNotify { memarg } => self.atomic_notify(memarg),
            Operator::MemoryAtomicWait32 { memarg } => {
                self.atomic_wait(Libcall::MemoryAtomicWait32, memarg)
            }
            Operator::MemoryAtomicWait64 { memarg } => {
                self.atomic_wait(Libcall::MemoryAtomicWait64, memarg)
            }
            Operator::I32AtomicLoad { memarg } => self.atomic_load(I32, I32, memarg),
            Operator::I32AtomicLoad8U { memarg } => self.atomic_load(I32, I8, memarg),
            Operator::I32AtomicLoad16U { memarg } => self.atomic_load(I32, I16, memarg),
            Operator::I64AtomicLoad { memarg } => self.atomic_load(I64, I64, memarg),
            Operator::I64AtomicLoad8U { memarg } => self.atomic_load(I64, I8, memarg),
            Operator::I64AtomicLoad16U { memarg } => self.atomic_load(I64, I16, memarg),
            Operator::I64AtomicLoad32U { memarg } => self.atomic_load(I64, I32, memarg),
            Operator::I32AtomicStore { memarg } => self.atomic_store(I32, memarg),
            Operator::I32AtomicStore8 { memarg } => self.atomic_store(I8, memarg),
            Operator::I32AtomicStore16 { memarg } => self.atomic_store(I16, memarg),
            Operator::I64AtomicStore { memarg } => self.atomic_store(I64, memarg),
            Operator::I64AtomicStore8 { memarg } => self.atomic_store(I8, memarg),
            Operator::I64AtomicStore16 { memarg } => self.atomic_store(I16, memarg),
            Operator::I64AtomicStore32 { memarg } => self.atomic_store(I32, memarg),
            Operator::I32AtomicRmwAdd { memarg } => self.atomic_rmw(Add, I32, I32, memarg),
            Operator::I32AtomicRmw8AddU { memarg } => self.atomic_rmw(Add, I32, I8, memarg),
            Operator::I32AtomicRmw16AddU { memarg } => self.atomic_rmw(Add, I32, I16, memarg),
            Operator::I64AtomicRmwAdd { memarg } => self.atomic_rmw(Add, I64, I64, memarg),
            Operator::I64AtomicRmw8AddU { memarg } => self.atomic_rmw(Add, I64, I8, memarg),
            Operator::I64AtomicRmw16AddU { memarg } => self.atomic_rmw(Add, I64, I16, memarg),
            Operator::I64AtomicRmw32AddU { memarg } => self.atomic_rmw(Add, I64, I32, memarg),
            Operator::I32AtomicRmwSub { memarg } => self.atomic_rmw(Sub, I32, I32, memarg),
            Operator::I32AtomicRmw8SubU { memarg } => self.atomic_rmw(Sub, I32, I8, memarg),
            Operator::I32AtomicRmw16SubU { memarg } => self.atomic_rmw(Sub, I32, I16, memarg),
            Operator::I64AtomicRmwSub { memarg } => self.atomic_rmw(Sub, I64, I64, memarg),
            Operator::I64AtomicRmw8SubU { memarg } => self.atomic_rmw(Sub, I64, I8, memarg),
            Operator::I64AtomicRmw16SubU { memarg } => self.atomic_rmw(Sub, I64, I16, memarg),
            Operator::I64AtomicRmw32SubU { memarg } => self.atomic_rmw(Sub, I64, I32, memarg),
            Operator::I32AtomicRmwAnd { memarg } => self.atomic_rmw(And, I32, I32, memarg),
            Operator::I32AtomicRmw8AndU { memarg } => self.atomic_rmw(And, I32, I8, memarg),
            Operator::I32AtomicRmw16AndU { memarg } => self.atomic_rmw(And, I32, I16, memarg),
            Operator::I64AtomicRmwAnd { memarg } => self.atomic_rmw(And, I64, I64, memarg),
            Operator::I64AtomicRmw8AndU { memarg } => self.atomic_rmw(And, I64, I8, memarg),
            Operator::I64AtomicRmw16AndU { memarg } => self.atomic_rmw(And, I64, I16, memarg),
            Operator::I64AtomicRmw32AndU { memarg } => self.atomic_rmw(And, I64, I32, memarg),
            Operator::I32AtomicRmwOr { memarg } => self.atomic_rmw(Or, I32, I32, memarg),
            Operator::I32AtomicRmw8OrU { memarg } => self.atomic_rmw(Or, I32, I8, memarg),
            Operator::I32AtomicRmw16OrU { memarg } => self.atomic_rmw(Or, I32, I16, memarg),
            Operator::I64AtomicRmwOr { memarg } => self.atomic_rmw(Or, I64, I64, memarg),
            Operator::I64AtomicRmw8OrU { memarg } => self.atomic_rmw(Or, I64, I8, memarg),
            Operator::I64AtomicRmw16OrU { memarg } => self.atomic_rmw(Or, I64, I16, memarg),
            Operator::I64AtomicRmw32OrU { memarg } => self.atomic_rmw(Or, I64, I32, memarg),
            Operator::I32AtomicRmwXor { memarg } => self.atomic_rmw(Xor, I32, I32, memarg),
            Operator::I32AtomicRmw8XorU { memarg } => self.atomic_rmw(Xor, I32, I8, memarg),
            Operator::I32AtomicRmw16XorU { memarg } => self.atomic_rmw(Xor, I32, I16, memarg),
            Operator::I64AtomicRmwXor { memarg } => self.atomic_rmw(Xor, I64, I64, memarg),
            Operator::I64AtomicRmw8XorU { memarg } => self.atomic_rmw(Xor, I64, I8, memarg),
            Operator::I64AtomicRmw16XorU { memarg } => self.atomic_rmw(Xor, I64, I16, memarg),
            Operator::I64AtomicRmw32XorU { memarg } => self.atomic_rmw(Xor, I64, I32, memarg),
            Operator::I32AtomicRmwXchg { memarg } => self.atomic_rmw(Xchg, I32, I32, memarg),
            Operator::I32AtomicRmw8XchgU { memarg } => self.atomic_rmw(Xchg, I32, I8, memarg),
            Operator::I32AtomicRmw16XchgU { memarg } => self.atomic_rmw(Xchg, I32, I16, memarg),
            Operator::I64AtomicRmwXchg { memarg } => self.atomic_rmw(Xchg, I64, I64, memarg),
            Operator::I64AtomicRmw8XchgU { memarg } => self.atomic_rmw(Xchg, I64, I8, memarg),
            Operator::I64AtomicRmw16XchgU { memarg } => self.atomic_rmw(Xchg, I64, I16, memarg),
            Operator::I64AtomicRmw32XchgU { memarg } => self.atomic_rmw(Xchg, I64, I32, memarg),
            Operator::I32AtomicRmwCmpxchg { memarg } => self.atomic_cmpxchg(I32, I32, memarg),
            Operator::I32AtomicRmw8CmpxchgU { memarg } => self.atomic_cmpxchg(I32, I8, memarg),
            Operator::I32AtomicRmw16CmpxchgU { memarg } => self.atomic_cmpxchg(I32, I16, memarg),
            Operator::I64AtomicRmwCmpxchg { memarg } => self.atomic_cmpxchg(I64, I64, memarg),
            Operator::I64AtomicRmw8CmpxchgU { memarg } => self.atomic_cmpxchg(I64, I8, memarg),
            Operator::I64AtomicRmw16CmpxchgU { memarg } => self.atomic_cmpxchg(I64, I16, memarg),
            Operator::I64AtomicRmw32CmpxchgU { memarg } => self.atomic_cmpxchg(I64, I32, memarg),

            // Constants: numeric.rs
            Operator::I32Const { value } => self.i32_const(value),
            Operator::I64Const { value } => self.i64_const(value),
            Operator::F32Const { value } => self.f32_const(value),
            Operator::F64Const { value } => self.f64_const(value),

            // Comparisons: numeric.rs
            Operator::I32Eqz => self.eqz(),
            Operator::I32Eq => self.compare(IntCC::Equal),
            Operator::I32Ne => self.compare(IntCC::NotEqual),
            Operator::I32LtS => self.compare(IntCC::SignedLessThan),
            Operator::I32LtU => self.compare(IntCC::UnsignedLessThan),
            Operator::I32GtS => self.compare(IntCC::SignedGreaterThan),
            Operator::I32GtU => self.compare(IntCC::UnsignedGreaterThan),
            Operator::I32LeS => self.compare(IntCC::SignedLessThanOrEqual),
            Operator::I32LeU => self.compare(IntCC::UnsignedLessThanOrEqual),
            Operator::I32GeS => self.compare(IntCC::SignedGreaterThanOrEqual),
            Operator::I32GeU => self.compare(IntCC::UnsignedGreaterThanOrEqual),
            Operator::I64Eqz => self.eqz(),
            Operator::I64Eq => self.compare(IntCC::Equal),
            Operator::I64Ne => self.compare(IntCC::NotEqual),
            Operator::I64LtS => self.compare(IntCC::SignedLessThan),
            Operator::I64LtU => self.compare(IntCC::UnsignedLessThan),
            Operator::I64GtS => self.compare(IntCC::SignedGreaterThan),
            Operator::I64GtU => self.compare(IntCC::UnsignedGreaterThan),
            Operator::I64LeS => self.compare(IntCC::SignedLessThanOrEqual),
            Operator::I64LeU => self.compare(IntCC::UnsignedLessThanOrEqual),
            Operator::I64GeS => self.compare(IntCC::SignedGreaterThanOrEqual),
            Operator::I64GeU => self.compare(IntCC::UnsignedGreaterThanOrEqual),
            Operator::F32Eq => self.compare_float(FloatCC::Equal),
            Operator::F32Ne => self.compare_float(FloatCC::NotEqual),
            Operator::F32Lt => self.compare_float(FloatCC::LessThan),
            Operator::F32Gt => self.compare_float(FloatCC::GreaterThan),
            Operator::F32Le => self.compare_float(FloatCC::LessThanOrEqual),
            Operator::F32Ge => self.compare_float(FloatCC::GreaterThanOrEqual),
            Operator::F64Eq => self.compare_float(FloatCC::Equal),
            Operator::F64Ne => self.compare_float(FloatCC::NotEqual),
            Operator::F64Lt => self.compare_float(FloatCC::LessThan),
            Operator::F64Gt => self.compare_float(FloatCC::GreaterThan),
            Operator::F64Le => self.compare_float(FloatCC::LessThanOrEqual),
            Operator::F64Ge => self.compare_float(FloatCC::GreaterThanOrEqual),

            // Integer arithmetic: numeric.rs
            Operator::I32Clz => self.unary(|b, x| b.ins().clz(x)),
            Operator::I32Ctz => self.unary(|b, x| b.ins().ctz(x)),
            Operator::I32Popcnt => self.unary(|b, x| b.ins().popcnt(x)),
            Operator::I32Add => self.binary(|b, x, y| b.ins().iadd(x, y)),
            Operator::I32Sub => self.binary(|b, x, y| b.ins().isub(x, y)),
            Operator::I32Mul => self.binary(numeric::multiply),
            Operator::I32DivS => self.binary(|b, x, y| b.ins().sdiv(x, y)),
            Operator::I32DivU => self.binary(|b, x, y| b.ins().udiv(x, y)),
            Operator::I32RemS => self.binary(|b, x, y| b.ins().srem(x, y)),
            Operator::I32RemU => self.binary(|b, x, y| b.ins().urem(x, y)),
            Operator::I32And => self.binary(numeric::and),
            Operator::I32Or => self.binary(|b, x, y| b.ins().bor(x, y)),
            Operator::I32Xor => self.binary(|b, x, y| b.ins().bxor(x, y)),
            Operator::I32Shl => self.binary(|b, x, y| b.ins().ishl(x, y)),
            Operator::I32ShrS => self.binary(|b, x, y| b.ins().sshr(x, y)),
            Operator::I32ShrU => self.binary(|b, x, y| b.ins().ushr(x, y)),
            Operator::I32Rotl => self.binary(|b, x, y| b.ins().rotl(x, y)),
            Operator::I32Rotr => self.binary(|b, x, y| b.ins().rotr(x, y)),
            Operator::I64Clz => self.unary(|b, x| b.ins().clz(x)),
            Operator::I64Ctz => self.unary(|b, x| b.ins().ctz(x)),
            Operator::I64Popcnt => self.unary(|b, x| b.ins().popcnt(x)),
            Operator::I64Add => self.binary(|b, x, y| b.ins().iadd(x, y)),
            Operator::I64Sub => self.binary(|b, x, y| b.ins().isub(x, y)),
            Operator::I64Mul => self.binary(numeric::multiply),
            Operator::I64DivS => self.binary(|b, x, y| b.ins().sdiv(x, y)),
            Operator::I64DivU => self.binary(|b, x, y| b.ins().udiv(x, y)),
            Operator::I64RemS => self.binary(|b, x, y| b.ins().srem(x, y)),
            Operator::I64RemU => self.binary(|b, x, y| b.ins().urem(x, y)),
            Operator::I64And => self.binary(numeric::and),
            Operator::I64Or => self.binary(|b, x, y| b.ins().bor(x, y)),
            Operator::I64Xor => self.binary(|b, x, y| b.ins().bxor(x, y)),
            Operator::I64Shl => self.binary(|b, x, y| b.ins().ishl(x, y)),
            Operator::I64ShrS => self.binary(|b, x, y| b.ins().sshr(x, y)),
            Operator::I64ShrU => self.binary(|b, x, y| b.ins().ushr(x, y)),
            Operator::I64Rotl => self.binary(|b, x, y| b.ins().rotl(x, y)),
            Operator::I64Rotr => self.binary(|b, x, y| b.ins().rotr(x, y)),

            // Wide arithmetic: numeric.rs
            Operator::I64Add128 => self.wide(|b, x, y| b.ins().iadd(x, y)),
            Operator::I64Sub128 => self.wide(|b, x, y| b.ins().isub(x, y)),
            Operator::I64MulWideS => self.multiply_wide(|b, x| b.ins().sextend(I128, x)),
            Operator::I64MulWideU => self.multiply_wide(|b, x| b.ins().uextend(I128, x)),

            // Floating-point arithmetic: numeric.rs
            Operator::F32Abs => self.unary(|b, x| b.ins().fabs(x)),
            Operator::F32Neg => self.unary(|b, x| b.ins().fneg(x)),
            Operator::F32Ceil => self.round(Libcall::F32Ceil, |b, x| b.ins().ceil(x)),
            Operator::F32Floor => self.round(Libcall::F32Floor, |b, x| b.ins().floor(x)),
            Operator::F32Trunc => self.round(Libcall::F32Trunc, |b, x| b.ins().trunc(x)),
            Operator::F32Nearest => self.round(Libcall::F32Nearest, |b, x| b.ins().nearest(x)),
            Operator::F32Sqrt => self.unary(|b, x| b.ins().sqrt(x)),
            Operator::F32Add => self.binary(|b, x, y| b.ins().fadd(x, y)),
            Operator::F32Sub => self.binary(|b, x, y| b.ins().fsub(x, y)),
            Operator::F32Mul => self.binary(|b, x, y| b.ins().fmul(x, y)),
            Operator::F32Div => self.binary(|b, x, y| b.ins().fdiv(x, y)),
            Operator::F32Min => self.binary(|b, x, y| b.ins().fmin(x, y)),
            Operator::F32Max => self.binary(|b, x, y| b.ins().fmax(x, y)),
            Operator::F32Copysign => self.binary(|b, x, y| b.ins().fcopysign(x, y)),
            Operator::F64Abs => self.unary(|b, x| b.ins().fabs(x)),
            Operator::F64Neg => self.unary(|b, x| b.ins().fneg(x)),
            Operator::F64Ceil => self.round(Libcall::F64Ceil, |b, x| b.ins().ceil(x)),
            Operator::F64Floor => self.round(Libcall::F64Floor, |b, x| b.ins().floor(x)),
            Operator::F64Trunc => self.round(Libcall::F64Trunc, |b, x| b.ins().trunc(x)),
            Operator::F64Nearest => self.round(Libcall::F64Nearest, |b, x| b.ins().nearest(x)),
            Operator::F64Sqrt => self.unary(|b, x| b.ins().sqrt(x)),
            Operator::F64Add => self.binary(|b, x, y| b.ins().fadd(x, y)),
            Operator::F64Sub => self.binary(|b, x, y| b.ins().fsub(x, y)),
            Operator::F64Mul => self.binary(|b, x, y| b.ins().fmul(x, y)),
            Operator::F64Div => self.binary(|b, x, y| b.ins().fdiv(x, y)),
            Operator::F64Min => self.binary(|b, x, y| b.ins().fmin(x, y)),
            Operator::F64Max => self.binary(|b, x, y| b.ins().fmax(x, y)),
            Operator::F64Copysign => self.binary(|b, x, y| b.ins().fcopysign(x, y)),

            // Conversions: convert.rs
            Operator::I32WrapI64 => self.unary(|b, x| b.ins().ireduce(I32, x)),
            Operator::I64ExtendI32S => self.unary(|b, x| b.ins().sextend(I64, x)),
            Operator::I64ExtendI32U => self.unary(|b, x| b.ins().uextend(I64, x)),
            Operator::I32Extend8S => self.extend(I8),
            Operator::I32Extend16S => self.extend(I16),
            Operator::I64Extend8S => self.extend(I8),
            Operator::I64Extend16S => self.extend(I16),
            Operator::I64Extend32S => self.extend(I32),
            Operator::I32TruncF32S => self.unary(|b, x| b.ins().fcvt_to_sint(I32, x)),
            Operator::I32TruncF32U => self.unary(|b, x| b.ins().fcvt_to_uint(I32, x)),
            Operator::I32TruncF64S => self.unary(|b, x| b.ins().fcvt_to_sint(I32, x)),
            Operator::I32TruncF64U => self.unary(|b, x| b.ins().fcvt_to_uint(I32, x)),
            Operator::I64TruncF32S => self.unary(|b, x| b.ins().fcvt_to_sint(I64, x)),
            Operator::I64TruncF32U => self.unary(|b, x| b.ins().fcvt_to_uint(I64, x)),
            Operator::I64TruncF64S => self.unary(|b, x| b.ins().fcvt_to_sint(I64, x)),
            Operator::I64TruncF64U => self.unary(|b, x| b.ins().fcvt_to_uint(I64, x)),
            Operator::I32TruncSatF32S => self.unary(|b, x| b.ins().fcvt_to_sint_sat(I32, x)),
            Operator::I32TruncSatF32U => self.unary(|b, x| b.ins().fcvt_to_uint_sat(I32, x)),
            Operator::I32TruncSatF64S => self.unary(|b, x| b.ins().fcvt_to_sint_sat(I32, x)),
            Operator::I32TruncSatF64U => self.unary(|b, x| b.ins().fcvt_to_uint_sat(I32, x)),
            Operator::I64TruncSatF32S => self.unary(|b, x| b.ins().fcvt_to_sint_sat(I64, x)),
            Operator::I64TruncSatF32U => self.unary(|b, x| b.ins().fcvt_to_uint_sat(I64, x)),
            Operator::I64TruncSatF64S => self.unary(|b, x| b.ins().fcvt_to_sint_sat(I64, x)),
            Operator::I64TruncSatF64U => self.unary(|b, x| b.ins().fcvt_to_uint_sat(I64, x)),
            Operator::F32ConvertI32S => self.unary(|b, x| b.ins().fcvt_from_sint(F32, x)),
            Operator::F32ConvertI32U => self.unary(|b, x| b.ins().fcvt_from_uint(F32, x)),
            Operator::F32ConvertI64S => self.unary(|b, x| b.ins().fcvt_from_sint(F32, x)),
            Operator::F32ConvertI64U => self.unary(|b, x| b.ins().fcvt_from_uint(F32, x)),
            Operator::F64ConvertI32S => self.unary(|b, x| b.ins().fcvt_from_sint(F64, x)),
            Operator::F64ConvertI32U => self.unary(|b, x| b.ins().fcvt_from_uint(F64, x)),
            Operator::F64ConvertI64S => self.unary(|b, x| b.ins().fcvt_from_sint(F64, x)),
            Operator::F64ConvertI64U => self.unary(|b, x| b.ins().fcvt_from_uint(F64, x)),
            Operator::F32DemoteF64 => self.unary(|b, x| b.ins().fdemote(F32, x)),
            Operator::F64PromoteF32 => self.unary(|b, x| b.ins().fpromote(F64, x)),
            Operator::I32ReinterpretF32 => self.reinterpret(I32),
            Operator::I64ReinterpretF64 => self.reinterpret(I64),
            Operator::F32ReinterpretI32 => self.reinterpret(F32),
            Operator::F64ReinterpretI64 => self.reinterpret(F64),

            // Vectors: simd.rs
            op => return self.vector_operator(&op, offset),
        }
        Ok(())
    }

    fn global_get(&mut self, global: GlobalIndex) {
        let value = self.env.global_get(&mut self.builder, global);
        self.push(value);
    }

    fn global_set(&mut self, global: GlobalIndex) {
        let value = self.pop();
        self.env.global_set(&mut self.builder, global, value);
    }
}

/// The error for an operator that has no arm. Its name is what `Debug` prints before the operands.
fn unsupported(op: &Operator<'_>, offset: u64) -> CompileError {
    let text = format!("{op:?}");
    let name = text.split_whitespace().next().expect("an operator has a name");
    CompileError::Unsupported { feature: format!("operator {name}"), offset: offset as usize }
}
