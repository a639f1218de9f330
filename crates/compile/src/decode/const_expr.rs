//! Constant expressions.
//!
//! Spec: Validation > Instructions > Expressions > Constant Expressions.

use super::{types, unsupported};
use crate::error::CompileError;
use palisade_environ::{ConstExpr, ConstOp, FuncIndex, GlobalIndex};
use wasmparser::Operator;

/// Reads a constant expression that has been validated.
pub(super) fn const_expr(expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, CompileError> {
    let mut ops = ConstExpr::default().0;
    for op in expr.get_operators_reader().into_iter_with_offsets() {
        let (op, offset) = op.expect("validated: the validator has read the same bytes");
        if let Operator::End = op {
            break;
        }
        ops.push(const_op(&op, offset)?);
    }
    Ok(ConstExpr(ops))
}

fn const_op(op: &Operator<'_>, offset: u64) -> Result<ConstOp, CompileError> {
    Ok(match *op {
        Operator::I32Const { value } => ConstOp::I32(value),
        Operator::I64Const { value } => ConstOp::I64(value),
        Operator::F32Const { value } => ConstOp::F32(value.bits()),
        Operator::F64Const { value } => ConstOp::F64(value.bits()),
        Operator::V128Const { value } => ConstOp::V128(*value.bytes()),
        Operator::GlobalGet { global_index } => {
            ConstOp::GlobalGet(GlobalIndex::from_u32(global_index))
        }
        Operator::RefNull { .. } => ConstOp::RefNull,
        Operator::RefFunc { function_index } => {
            ConstOp::RefFunc(FuncIndex::from_u32(function_index))
        }
        Operator::I32Add => ConstOp::I32Add,
        Operator::I32Sub => ConstOp::I32Sub,
        Operator::I32Mul => ConstOp::I32Mul,
        Operator::I64Add => ConstOp::I64Add,
        Operator::I64Sub => ConstOp::I64Sub,
        Operator::I64Mul => ConstOp::I64Mul,
        // Validated: what remains makes structures, arrays and i31 references.
        _ => return Err(unsupported(types::GC, offset)),
    })
}
