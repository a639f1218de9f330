//! From operators to Cranelift's intermediate representation.
//!
//! The match below is a table of contents: one line for each operator, bodies in the family files. Code that cannot be
//! reached is handled once, before it.

mod bulk;
mod call;
mod control;
mod convert;
mod memory;
mod numeric;
mod reference;
mod table;

use crate::CompileError;
use crate::env::Env;
use crate::state::State;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, types};
use cranelift_frontend::{FunctionBuilder, Variable};
use palisade_environ::{Libcall, RefType, ValType};
use wasmparser::Operator;

/// A function in progress.
pub(crate) struct Translator<'a, 'f> {
    pub(crate) b: FunctionBuilder<'f>,
    pub(crate) env: Env<'a>,
    pub(crate) state: State,
    pub(crate) locals: Vec<Variable>,
}

impl Translator<'_, '_> {
    /// Translates the operator at byte `offset` of the module.
    pub(crate) fn operator(
        &mut self,
        operator: &Operator<'_>,
        offset: usize,
    ) -> Result<(), CompileError> {
        use types::{F32, F64, I8, I16, I32, I64};
        if !self.state.reachable {
            self.skip(operator);
            return Ok(());
        }
        match operator {
            // Control: control.rs
            Operator::Unreachable => self.unreachable(),
            Operator::Nop => {}
            Operator::Block { blockty } => self.block(*blockty),
            Operator::Loop { blockty } => self.loop_(*blockty),
            Operator::If { blockty } => self.if_(*blockty),
            Operator::Else => self.else_(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => self.br(*relative_depth),
            Operator::BrIf { relative_depth } => self.br_if(*relative_depth),
            Operator::BrTable { targets } => self.br_table(targets),
            Operator::Return => self.return_(),
            Operator::Drop => {
                self.state.pop();
            }
            Operator::Select | Operator::TypedSelect { .. } => self.select(),

            // Calls: call.rs
            Operator::Call { function_index } => self.call(*function_index),
            Operator::CallIndirect { type_index, table_index } => {
                self.call_indirect(*type_index, *table_index);
            }

            // References and variables: reference.rs
            Operator::RefNull { .. } => self.ref_null(),
            Operator::RefIsNull => self.ref_is_null(),
            Operator::RefFunc { function_index } => self.ref_func(*function_index),
            Operator::LocalGet { local_index } => self.local_get(*local_index),
            Operator::LocalSet { local_index } => self.local_set(*local_index),
            Operator::LocalTee { local_index } => self.local_tee(*local_index),
            Operator::GlobalGet { global_index } => self.global_get(*global_index),
            Operator::GlobalSet { global_index } => self.global_set(*global_index),

            // Tables: table.rs, bulk.rs
            Operator::TableGet { table } => self.table_get(*table),
            Operator::TableSet { table } => self.table_set(*table),
            Operator::TableSize { table } => self.table_size(*table),
            Operator::TableGrow { table } => self.table_grow(*table),
            Operator::TableFill { table } => self.table_fill(*table),
            Operator::TableCopy { dst_table, src_table } => self.table_copy(*dst_table, *src_table),
            Operator::TableInit { elem_index, table } => self.table_init(*table, *elem_index),
            Operator::ElemDrop { elem_index } => self.elem_drop(*elem_index),

            // Memories: memory.rs, bulk.rs
            Operator::I32Load { memarg } => self.load(memarg, I32),
            Operator::I64Load { memarg } => self.load(memarg, I64),
            Operator::F32Load { memarg } => self.load(memarg, F32),
            Operator::F64Load { memarg } => self.load(memarg, F64),
            Operator::I32Load8S { memarg } => {
                self.load_extend(memarg, 1, |b, f, p, o| b.ins().sload8(I32, f, p, o));
            }
            Operator::I32Load8U { memarg } => {
                self.load_extend(memarg, 1, |b, f, p, o| b.ins().uload8(I32, f, p, o));
            }
            Operator::I32Load16S { memarg } => {
                self.load_extend(memarg, 2, |b, f, p, o| b.ins().sload16(I32, f, p, o));
            }
            Operator::I32Load16U { memarg } => {
                self.load_extend(memarg, 2, |b, f, p, o| b.ins().uload16(I32, f, p, o));
            }
            Operator::I64Load8S { memarg } => {
                self.load_extend(memarg, 1, |b, f, p, o| b.ins().sload8(I64, f, p, o));
            }
            Operator::I64Load8U { memarg } => {
                self.load_extend(memarg, 1, |b, f, p, o| b.ins().uload8(I64, f, p, o));
            }
            Operator::I64Load16S { memarg } => {
                self.load_extend(memarg, 2, |b, f, p, o| b.ins().sload16(I64, f, p, o));
            }
            Operator::I64Load16U { memarg } => {
                self.load_extend(memarg, 2, |b, f, p, o| b.ins().uload16(I64, f, p, o));
            }
            Operator::I64Load32S { memarg } => {
                self.load_extend(memarg, 4, |b, f, p, o| b.ins().sload32(f, p, o));
            }
            Operator::I64Load32U { memarg } => {
                self.load_extend(memarg, 4, |b, f, p, o| b.ins().uload32(f, p, o));
            }
            Operator::I32Store { memarg }
            | Operator::I64Store { memarg }
            | Operator::F32Store { memarg }
            | Operator::F64Store { memarg } => self.store(memarg),
            Operator::I32Store8 { memarg } | Operator::I64Store8 { memarg } => {
                self.store_narrow(memarg, 1, |b, f, v, p, o| {
                    b.ins().istore8(f, v, p, o);
                });
            }
            Operator::I32Store16 { memarg } | Operator::I64Store16 { memarg } => {
                self.store_narrow(memarg, 2, |b, f, v, p, o| {
                    b.ins().istore16(f, v, p, o);
                });
            }
            Operator::I64Store32 { memarg } => {
                self.store_narrow(memarg, 4, |b, f, v, p, o| {
                    b.ins().istore32(f, v, p, o);
                });
            }
            Operator::MemorySize { mem } => self.memory_size(*mem),
            Operator::MemoryGrow { mem } => self.memory_grow(*mem),
            Operator::MemoryCopy { dst_mem, src_mem } => self.memory_copy(*dst_mem, *src_mem),
            Operator::MemoryFill { mem } => self.memory_fill(*mem),
            Operator::MemoryInit { data_index, mem } => self.memory_init(*mem, *data_index),
            Operator::DataDrop { data_index } => self.data_drop(*data_index),

            // Constants
            Operator::I32Const { value } => {
                let value = self.b.ins().iconst(I32, i64::from(*value as u32));
                self.state.push(value);
            }
            Operator::I64Const { value } => {
                let value = self.b.ins().iconst(I64, *value);
                self.state.push(value);
            }
            Operator::F32Const { value } => {
                let bits = cranelift_codegen::ir::immediates::Ieee32::with_bits(value.bits());
                let value = self.b.ins().f32const(bits);
                self.state.push(value);
            }
            Operator::F64Const { value } => {
                let bits = cranelift_codegen::ir::immediates::Ieee64::with_bits(value.bits());
                let value = self.b.ins().f64const(bits);
                self.state.push(value);
            }

            // Comparisons: numeric.rs
            Operator::I32Eqz | Operator::I64Eqz => self.is_zero(),
            Operator::I32Eq | Operator::I64Eq => self.compare(IntCC::Equal),
            Operator::I32Ne | Operator::I64Ne => self.compare(IntCC::NotEqual),
            Operator::I32LtS | Operator::I64LtS => self.compare(IntCC::SignedLessThan),
            Operator::I32LtU | Operator::I64LtU => self.compare(IntCC::UnsignedLessThan),
            Operator::I32GtS | Operator::I64GtS => self.compare(IntCC::SignedGreaterThan),
            Operator::I32GtU | Operator::I64GtU => self.compare(IntCC::UnsignedGreaterThan),
            Operator::I32LeS | Operator::I64LeS => self.compare(IntCC::SignedLessThanOrEqual),
            Operator::I32LeU | Operator::I64LeU => self.compare(IntCC::UnsignedLessThanOrEqual),
            Operator::I32GeS | Operator::I64GeS => self.compare(IntCC::SignedGreaterThanOrEqual),
            Operator::I32GeU | Operator::I64GeU => self.compare(IntCC::UnsignedGreaterThanOrEqual),
            Operator::F32Eq | Operator::F64Eq => self.compare_floats(FloatCC::Equal),
            Operator::F32Ne | Operator::F64Ne => self.compare_floats(FloatCC::NotEqual),
            Operator::F32Lt | Operator::F64Lt => self.compare_floats(FloatCC::LessThan),
            Operator::F32Gt | Operator::F64Gt => self.compare_floats(FloatCC::GreaterThan),
            Operator::F32Le | Operator::F64Le => self.compare_floats(FloatCC::LessThanOrEqual),
            Operator::F32Ge | Operator::F64Ge => self.compare_floats(FloatCC::GreaterThanOrEqual),

            // Integer arithmetic: numeric.rs
            Operator::I32Clz | Operator::I64Clz => self.unary(|b, x| b.ins().clz(x)),
            Operator::I32Ctz | Operator::I64Ctz => self.unary(|b, x| b.ins().ctz(x)),
            Operator::I32Popcnt | Operator::I64Popcnt => self.unary(|b, x| b.ins().popcnt(x)),
            Operator::I32Add | Operator::I64Add => self.binary(|b, x, y| b.ins().iadd(x, y)),
            Operator::I32Sub | Operator::I64Sub => self.binary(|b, x, y| b.ins().isub(x, y)),
            Operator::I32Mul | Operator::I64Mul => self.multiply(),
            Operator::I32DivS | Operator::I64DivS => self.binary(|b, x, y| b.ins().sdiv(x, y)),
            Operator::I32DivU | Operator::I64DivU => self.binary(|b, x, y| b.ins().udiv(x, y)),
            Operator::I32RemS | Operator::I64RemS => self.binary(|b, x, y| b.ins().srem(x, y)),
            Operator::I32RemU | Operator::I64RemU => self.binary(|b, x, y| b.ins().urem(x, y)),
            Operator::I32And | Operator::I64And => self.binary(|b, x, y| b.ins().band(x, y)),
            Operator::I32Or | Operator::I64Or => self.binary(|b, x, y| b.ins().bor(x, y)),
            Operator::I32Xor | Operator::I64Xor => self.binary(|b, x, y| b.ins().bxor(x, y)),
            Operator::I32Shl | Operator::I64Shl => self.binary(|b, x, y| b.ins().ishl(x, y)),
            Operator::I32ShrS | Operator::I64ShrS => self.binary(|b, x, y| b.ins().sshr(x, y)),
            Operator::I32ShrU | Operator::I64ShrU => self.binary(|b, x, y| b.ins().ushr(x, y)),
            Operator::I32Rotl | Operator::I64Rotl => self.binary(|b, x, y| b.ins().rotl(x, y)),
            Operator::I32Rotr | Operator::I64Rotr => self.binary(|b, x, y| b.ins().rotr(x, y)),

            // Floating-point arithmetic: numeric.rs
            Operator::F32Abs | Operator::F64Abs => self.unary(|b, x| b.ins().fabs(x)),
            Operator::F32Neg | Operator::F64Neg => self.unary(|b, x| b.ins().fneg(x)),
            Operator::F32Sqrt | Operator::F64Sqrt => self.unary(|b, x| b.ins().sqrt(x)),
            Operator::F32Ceil => self.round(Libcall::F32Ceil, |b, x| b.ins().ceil(x)),
            Operator::F32Floor => self.round(Libcall::F32Floor, |b, x| b.ins().floor(x)),
            Operator::F32Trunc => self.round(Libcall::F32Trunc, |b, x| b.ins().trunc(x)),
            Operator::F32Nearest => self.round(Libcall::F32Nearest, |b, x| b.ins().nearest(x)),
            Operator::F64Ceil => self.round(Libcall::F64Ceil, |b, x| b.ins().ceil(x)),
            Operator::F64Floor => self.round(Libcall::F64Floor, |b, x| b.ins().floor(x)),
            Operator::F64Trunc => self.round(Libcall::F64Trunc, |b, x| b.ins().trunc(x)),
            Operator::F64Nearest => self.round(Libcall::F64Nearest, |b, x| b.ins().nearest(x)),
            Operator::F32Add | Operator::F64Add => self.binary(|b, x, y| b.ins().fadd(x, y)),
            Operator::F32Sub | Operator::F64Sub => self.binary(|b, x, y| b.ins().fsub(x, y)),
            Operator::F32Mul | Operator::F64Mul => self.binary(|b, x, y| b.ins().fmul(x, y)),
            Operator::F32Div | Operator::F64Div => self.binary(|b, x, y| b.ins().fdiv(x, y)),
            Operator::F32Min | Operator::F64Min => self.binary(|b, x, y| b.ins().fmin(x, y)),
            Operator::F32Max | Operator::F64Max => self.binary(|b, x, y| b.ins().fmax(x, y)),
            Operator::F32Copysign | Operator::F64Copysign => {
                self.binary(|b, x, y| b.ins().fcopysign(x, y));
            }

            // Conversions: convert.rs
            Operator::I32WrapI64 => self.wrap(),
            Operator::I64ExtendI32S => self.unary(|b, x| b.ins().sextend(I64, x)),
            Operator::I64ExtendI32U => self.unary(|b, x| b.ins().uextend(I64, x)),
            Operator::I32Extend8S => self.extend_low(I8, I32),
            Operator::I32Extend16S => self.extend_low(I16, I32),
            Operator::I64Extend8S => self.extend_low(I8, I64),
            Operator::I64Extend16S => self.extend_low(I16, I64),
            Operator::I64Extend32S => self.extend_low(I32, I64),
            Operator::I32TruncF32S | Operator::I32TruncF64S => self.truncate_signed(I32),
            Operator::I32TruncF32U | Operator::I32TruncF64U => self.truncate_unsigned(I32),
            Operator::I64TruncF32S | Operator::I64TruncF64S => self.truncate_signed(I64),
            Operator::I64TruncF32U | Operator::I64TruncF64U => self.truncate_unsigned(I64),
            Operator::I32TruncSatF32S | Operator::I32TruncSatF64S => self.saturate_signed(I32),
            Operator::I32TruncSatF32U | Operator::I32TruncSatF64U => self.saturate_unsigned(I32),
            Operator::I64TruncSatF32S | Operator::I64TruncSatF64S => self.saturate_signed(I64),
            Operator::I64TruncSatF32U | Operator::I64TruncSatF64U => self.saturate_unsigned(I64),
            Operator::F32ConvertI32S | Operator::F32ConvertI64S => self.convert_signed(F32),
            Operator::F32ConvertI32U | Operator::F32ConvertI64U => self.convert_unsigned(F32),
            Operator::F64ConvertI32S | Operator::F64ConvertI64S => self.convert_signed(F64),
            Operator::F64ConvertI32U | Operator::F64ConvertI64U => self.convert_unsigned(F64),
            Operator::F32DemoteF64 => self.unary(|b, x| b.ins().fdemote(F32, x)),
            Operator::F64PromoteF32 => self.unary(|b, x| b.ins().fpromote(F64, x)),
            Operator::I32ReinterpretF32 => self.reinterpret(I32),
            Operator::I64ReinterpretF64 => self.reinterpret(I64),
            Operator::F32ReinterpretI32 => self.reinterpret(F32),
            Operator::F64ReinterpretI64 => self.reinterpret(F64),

            operator => return Err(unsupported(operator, offset)),
        }
        Ok(())
    }
}

fn unsupported(operator: &Operator<'_>, offset: usize) -> CompileError {
    let name = format!("{operator:?}");
    let name = name.split([' ', '{', '(']).next().unwrap_or_default();
    CompileError::Unsupported { feature: format!("the instruction {name}"), offset }
}

/// The type of a block's single result.
fn value_type(ty: wasmparser::ValType) -> ValType {
    match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        // Only the machine type matters here, which all references share.
        wasmparser::ValType::Ref(_) => ValType::Ref(RefType::FUNCREF),
    }
}
