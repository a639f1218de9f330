//! Small functions in place of calls to them.
//!
//! Only functions without control flow that cannot trap are taken, and call none but such: no backtrace can show that
//! their frames are missing, and an exception or the host never meets them.
//! What they cost is bounded by the size of the function that calls them, so a hostile module gains nothing.
//!
//! Spec: Execution > Instructions > Control Instructions (call).

use crate::error::CompileError;
use crate::function::{Translator, function_body};
use crate::signature::clif_type;
use crate::state::{Locals, machine_types, zero};
use palisade_environ::FuncIndex;
use wasmparser::{FunctionBody, Operator};

/// A function of more bytes, locals included, is called: a call costs some ten instructions, so it would gain little.
const MAX_BYTES: usize = 40;

/// Calls within calls that are inlined.
const MAX_DEPTH: u32 = 2;

/// Locals besides the parameters that a function may have.
const MAX_LOCALS: u32 = 8;

/// What small functions may still cost the function under translation.
pub(crate) struct Inlining<'a> {
    /// The module.
    bytes: &'a [u8],
    /// Bytes that may still be inlined.
    budget: usize,
    /// Whether the operators are those of a callee; then all calls are inlined.
    within: bool,
}

impl<'a> Inlining<'a> {
    /// For a function whose body has `len` bytes.
    pub(crate) fn new(bytes: &'a [u8], len: usize) -> Inlining<'a> {
        Inlining { bytes, budget: 2 * len + 10 * MAX_BYTES, within: false }
    }
}

impl<'a> Translator<'a> {
    /// Translates the body of `func` in place of a call, if it is small enough; whether it was.
    pub(super) fn inline(&mut self, func: FuncIndex) -> Result<bool, CompileError> {
        if !self.inlining.within {
            match self.inlining_cost(func, MAX_DEPTH) {
                Some(cost) if cost <= self.inlining.budget => self.inlining.budget -= cost,
                _ => return Ok(false),
            }
        }
        let body = self.small_body(func).expect("it has a cost");
        let params = self.env.module.signature(func).params.len();
        let mut values = self.state.operands.split_off(self.state.operands.len() - params);
        for group in body.get_locals_reader().expect("validated: locals") {
            let (count, ty) = group.expect("validated: locals");
            for _ in 0..count {
                values.push(zero(&mut self.builder, clif_type(&machine_types(ty)[0])));
            }
        }
        let locals = std::mem::replace(&mut self.state.locals, Locals::Values(values));
        let within = std::mem::replace(&mut self.inlining.within, true);
        let operators = body.get_operators_reader().expect("validated: operators");
        for op in operators.into_iter_with_offsets() {
            match op.expect("validated: operator") {
                (Operator::End, _) => break,
                (op, offset) => self.operator(op, offset)?,
            }
        }
        self.inlining.within = within;
        self.state.locals = locals;
        Ok(true)
    }

    /// Bytes that inlining `func` adds, calls in it included up to `depth`; `None` if it must be called.
    fn inlining_cost(&self, func: FuncIndex, depth: u32) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        let body = self.small_body(func)?;
        let mut locals = 0;
        for group in body.get_locals_reader().expect("validated: locals") {
            locals += group.expect("validated: locals").0;
        }
        if locals > MAX_LOCALS {
            return None;
        }
        let mut cost = body.as_bytes().len();
        let operators = body.get_operators_reader().expect("validated: operators");
        for op in operators.into_iter_with_offsets() {
            let (op, offset) = op.expect("validated: operator");
            if let Operator::Call { function_index } = op {
                cost += self.inlining_cost(FuncIndex::from_u32(function_index), depth)?;
            } else if !is_plain(&self.inlining.bytes[offset as usize..]) {
                return None;
            }
        }
        Some(cost)
    }

    /// The body of a function that the module defines, if it is small.
    fn small_body(&self, func: FuncIndex) -> Option<FunctionBody<'a>> {
        let module = self.env.module;
        let defined = module.defined_func(func)?;
        let small = module.bodies[defined].len() <= MAX_BYTES;
        small.then(|| function_body(module, self.inlining.bytes, defined))
    }
}

/// Whether the operator at the start of `code` goes on with the next one, whatever its operands are. By opcode, because
/// opcodes are in the order of the specification's index of instructions, and most of it is what is meant.
fn is_plain(code: &[u8]) -> bool {
    match code[0] {
        // nop, end, drop, select, locals and globals, constants
        0x01 | 0x0b | 0x1a | 0x1b | 0x20..=0x24 | 0x41..=0x44 => true,
        // Integer division, and truncation of numbers that may be out of range
        0x6d..=0x70 | 0x7f..=0x82 | 0xa8..=0xab | 0xae..=0xb1 => false,
        // The other numeric instructions, up to sign extension
        0x45..=0xc4 => true,
        // Saturating truncation
        0xfc => code[1] < 8,
        _ => false,
    }
}
