//! Structured control.
//!
//! A frame's exit block is made by the first branch to it, so a block that nobody leaves early costs nothing.
//! Blocks are sealed as soon as all branches to them are known: loop headers at the `end` of the loop, exits at the
//! `end` of their frame, all others when their only predecessor is complete.
//!
//! Spec: Execution > Instructions > Control Instructions.

use crate::env::trap_code;
use crate::function::Translator;
use crate::range::{definition, sum_with_constant};
use crate::signature::{NAMESPACE_DATA, POINTER};
use crate::state::{Frame, FrameKind, block_signature, block_with_params};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, ConstantData, DataFlowGraph, ExternalName, GlobalValueData,
    InstBuilder, JumpTableData, MemFlagsData, Opcode, UserExternalName, Value, types,
};
use cranelift_frontend::FunctionBuilder;
use palisade_environ::{Libcall, Trap};
use std::collections::BTreeMap;
use wasmparser::{BlockType, BrTable};

/// A `br_table` with at most so many runs of equal targets, besides the default, becomes compares.
///
/// A jump table costs a clamp, a load and an indirect jump; V8 halves the time of a CSV scanner by doing without.
/// Where compares stop being faster is not measured yet.
const MAX_COMPARED_RUNS: usize = 4;

/// Neighbouring indices of a `br_table` that go to the same place.
struct Run {
    first: u32,
    len: u32,
    depth: u32,
}

/// An index that is a byte from memory plus a constant, as where programs tell characters apart. A table with a place for
/// each byte needs no bounds check, which takes longer when the jump is mispredicted.
struct Character {
    byte: Value,
    signed: bool,
    added: u32,
}

impl Character {
    fn of(dfg: &DataFlowGraph, index: Value) -> Option<Character> {
        let (byte, added) = sum_with_constant(dfg, index).unwrap_or((index, 0));
        let signed = match dfg.insts[definition(dfg, byte)?].opcode() {
            Opcode::Uload8 => false,
            Opcode::Sload8 => true,
            _ => return None,
        };
        Some(Character { byte, signed, added })
    }

    /// Where the byte is in the table.
    fn place(&self, b: &mut FunctionBuilder<'_>) -> Value {
        let low = b.ins().ireduce(types::I8, self.byte);
        b.ins().uextend(POINTER, low)
    }

    /// What `numbers` say for each byte, of which those beyond say the last.
    fn table(&self, numbers: &[u8]) -> Vec<u8> {
        let number = |byte: u8| {
            let byte = if self.signed { byte as i8 as u32 } else { byte.into() };
            let index = byte.wrapping_add(self.added) as usize;
            numbers[index.min(numbers.len() - 1)]
        };
        (0..=u8::MAX).map(number).collect()
    }
}

impl Translator<'_> {
    /// A trap by a call takes a fifth of the time of one by a fault, which goes through the kernel, but more code. Right
    /// behind a call, where compilers put it to say that the callee does not return, it is not expected to be reached.
    pub(super) fn unreachable(&mut self) {
        let block = self.builder.current_block().expect("inside a block");
        let func = &self.builder.func;
        let last = func.layout.last_inst(block);
        let after_call = last.is_some_and(|inst| func.dfg.insts[inst].opcode().is_call());
        // What only traps in the end is not worth space among the code that does not.
        if self.builder.func.layout.entry_block().is_some_and(|entry| entry != block) {
            self.builder.set_cold_block(block);
        }
        if !after_call {
            self.libcall(Libcall::Unreachable, &[]);
        }
        self.builder.ins().trap(trap_code(Trap::UnreachableCodeReached));
        self.state.reachable = false;
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        self.push_frame(FrameKind::Block, ty);
    }

    pub(super) fn loop_(&mut self, ty: BlockType) {
        let (params, _) = block_signature(self.env.module, ty);
        let header = block_with_params(&mut self.builder, params);
        self.jump(header, params.len());
        self.push_frame(FrameKind::Loop { header, params: params.len() }, ty);
        self.enter(header);
        self.enter_iteration();
    }

    pub(super) fn if_(&mut self, ty: BlockType, offset: u64) {
        let condition = self.pop();
        let (params, _) = block_signature(self.env.module, ty);
        let consequent = self.builder.create_block();
        let alternative = self.builder.create_block();
        match self.hint(offset) {
            Some(true) => self.builder.set_cold_block(alternative),
            Some(false) => self.builder.set_cold_block(consequent),
            None => {}
        }
        self.builder.ins().brif(condition, consequent, [], alternative, []);
        self.builder.seal_block(consequent);
        self.builder.seal_block(alternative);
        let params = self.state.top(params.len()).to_vec();
        self.state.branch_values += params.len();
        self.push_frame(FrameKind::If { alternative, params }, ty);
        self.builder.switch_to_block(consequent);
    }

    pub(crate) fn else_(&mut self) {
        if self.state.reachable {
            self.jump_to_frame(0);
        }
        let frame = self.state.frame(0);
        let kind = std::mem::replace(&mut frame.kind, FrameKind::Block);
        let FrameKind::If { alternative, params } = kind else {
            unreachable!("validated: else belongs to an if")
        };
        let height = frame.height;
        self.state.operands.truncate(height);
        self.state.operands.extend(params);
        self.builder.switch_to_block(alternative);
        self.state.reachable = true;
    }

    pub(crate) fn end(&mut self) {
        if let FrameKind::If { .. } = self.state.frame(0).kind {
            // Without an `else`, the alternative passes its operands on.
            self.else_();
        }
        let handlers = match self.state.frame(0) {
            Frame { kind: FrameKind::TryTable, scope, .. } => *scope,
            _ => None,
        };
        let handlers = handlers.filter(|scope| self.has_handlers(*scope));
        if self.state.reachable && (self.state.frame(0).exit.is_some() || handlers.is_some()) {
            self.jump_to_frame(0);
        }
        let frame = self.state.frames.pop().expect("validated: end closes a frame");
        if let FrameKind::Loop { header, .. } = frame.kind {
            self.builder.seal_block(header);
        }
        if let Some(scope) = handlers {
            self.state.operands.truncate(frame.height);
            self.end_try_table(scope);
        }
        if let Some(exit) = frame.exit {
            self.builder.seal_block(exit);
            self.state.operands.truncate(frame.height);
            self.enter_with(exit, frame.results.len());
        }
        if frame.kind.is_function() && self.state.reachable {
            self.builder.ins().return_(self.state.top(frame.results.len()));
            self.state.reachable = false;
        }
    }

    pub(super) fn br(&mut self, depth: u32) {
        if self.state.frame(depth).kind.is_function() {
            return self.return_();
        }
        self.jump_to_frame(depth);
        self.state.reachable = false;
    }

    pub(super) fn br_if(&mut self, depth: u32, offset: u64) {
        let condition = self.pop();
        match self.hint(offset) {
            Some(false) => self.branch_if_cold(condition, depth),
            Some(true) => {
                let next = self.branch_if(condition, depth);
                self.builder.set_cold_block(next);
            }
            None => _ = self.branch_if(condition, depth),
        }
    }

    /// Whether the branch at `offset` of the module is nearly always taken; `None` if nobody says.
    fn hint(&self, offset: u64) -> Option<bool> {
        let hints = self.env.module.branch_hints.get(&self.func)?;
        let defined = self.env.module.defined_func(self.func)?;
        let start = self.env.module.bodies[defined].start as u64;
        let offset = u32::try_from(offset - start).ok()?;
        let place = hints.binary_search_by_key(&offset, |(at, _)| *at).ok()?;
        Some(hints[place].1)
    }

    /// As [`Self::branch_if`], through a block that is out of the way.
    fn branch_if_cold(&mut self, condition: Value, depth: u32) {
        let (target, count) = self.target(depth);
        let (edge, next) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(edge);
        self.builder.ins().brif(condition, edge, [], next, []);
        self.builder.seal_block(edge);
        self.builder.seal_block(next);
        self.builder.switch_to_block(edge);
        self.jump(target, count);
        self.builder.switch_to_block(next);
    }

    /// `br_on_null`: branches without the reference, or goes on with it.
    pub(super) fn br_on_null(&mut self, depth: u32) {
        let reference = self.pop();
        let null = self.builder.ins().icmp_imm_u(IntCC::Equal, reference, 0);
        self.branch_if(null, depth);
        self.push(reference);
    }

    /// `br_on_non_null`: branches with the reference, or goes on without it.
    pub(super) fn br_on_non_null(&mut self, depth: u32) {
        let reference = *self.state.operands.last().expect("validated: an operand");
        self.branch_if(reference, depth);
        self.pop();
    }

    pub(super) fn br_table(&mut self, targets: &BrTable<'_>) {
        let index = self.pop();
        let default = targets.default();
        let mut depths: Vec<u32> =
            targets.targets().map(|depth| depth.expect("validated: br_table")).collect();
        let len = depths.iter().rposition(|depth| *depth != default).map_or(0, |last| last + 1);
        depths.truncate(len);
        match runs(&depths, default) {
            Some(runs) => self.compare_runs(index, &runs, default),
            None => self.jump_table(index, &depths, default),
        }
        self.state.reachable = false;
    }

    pub(super) fn return_(&mut self) {
        let function = self.state.frames.first().expect("a function has a frame");
        let count = function.results.len();
        self.builder.ins().return_(self.state.top(count));
        self.state.reachable = false;
    }

    /// Continues at `depth` if `condition` is not 0, else behind the branch, in a new block.
    fn branch_if(&mut self, condition: Value, depth: u32) -> Block {
        let (target, count) = self.target(depth);
        let args = self.args(count);
        let next = self.builder.create_block();
        self.builder.ins().brif(condition, target, &args, next, []);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        next
    }

    fn compare_runs(&mut self, index: Value, runs: &[Run], default: u32) {
        for run in runs {
            let condition = if run.len == 1 {
                self.builder.ins().icmp_imm_u(IntCC::Equal, index, i64::from(run.first))
            } else {
                let first = self.builder.ins().iconst(types::I32, i64::from(run.first));
                let place = self.builder.ins().isub(index, first);
                let len = i64::from(run.len);
                self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, place, len)
            };
            self.branch_if(condition, run.depth);
        }
        self.br(default);
    }

    /// Jumps through a table; where several entries name a target, one with an entry for each target only.
    ///
    /// Cranelift gives each entry whose target has other entries a block of its own, which does no more than jump on:
    /// more code, another jump, and as many places for the branch predictor to learn as there are entries.
    fn jump_table(&mut self, index: Value, depths: &[u32], default: u32) {
        let mut targets: Vec<u32> =
            depths.iter().copied().filter(|depth| *depth != default).collect();
        targets.sort_unstable();
        targets.dedup();
        if !self.env.is_x86() || targets.len() > 255 || depths.len() < 2 * targets.len() {
            return self.jump_by_entries(index, depths, default);
        }
        // The number that is beyond all entries goes to the default.
        let number = |depth: &u32| targets.binary_search(depth).unwrap_or(targets.len()) as u8;
        let numbers: Vec<u8> = depths.iter().chain([&default]).map(number).collect();
        let index = self.look_up(index, numbers);
        self.jump_by_entries(index, &targets, default);
    }

    /// The byte at `index` of `bytes`, or the last one if it is beyond them.
    fn look_up(&mut self, index: Value, bytes: Vec<u8>) -> Value {
        let b = &mut self.builder;
        let (index, bytes) = match Character::of(&b.func.dfg, index) {
            Some(character) => (character.place(b), character.table(&bytes)),
            None => {
                let last = b.ins().iconst(types::I32, bytes.len() as i64 - 1);
                let index = b.ins().umin(index, last);
                (b.ins().uextend(POINTER, index), bytes)
            }
        };
        let place = b.func.dfg.constants.insert(ConstantData::from(bytes));
        let name = UserExternalName::new(NAMESPACE_DATA, place.as_u32());
        let name = ExternalName::user(b.func.declare_imported_user_function(name));
        let data = GlobalValueData::Symbol { name, offset: 0.into(), colocated: true, tls: false };
        let data = b.create_global_value(data);
        let start = b.ins().symbol_value(POINTER, data);
        let address = b.ins().iadd(start, index);
        b.ins().uload8(types::I32, MemFlagsData::trusted().with_readonly(), address, 0)
    }

    /// Every target that takes operands, or that several entries name, gets a block of its own between table and
    /// target: operands and locals are passed once a target, not once an entry.
    fn jump_by_entries(&mut self, index: Value, depths: &[u32], default: u32) {
        let mut uses: BTreeMap<u32, usize> = BTreeMap::new();
        for depth in depths.iter().chain([&default]) {
            *uses.entry(*depth).or_default() += 1;
        }
        let mut edges = Vec::new();
        let mut calls: BTreeMap<u32, BlockCall> = BTreeMap::new();
        for (depth, uses) in uses {
            let (target, count) = self.target(depth);
            let block = if uses == 1 && count == 0 { target } else { self.builder.create_block() };
            if block != target {
                edges.push((block, target, count));
            }
            let pool = &mut self.builder.func.dfg.value_lists;
            calls.insert(depth, BlockCall::new(block, [], pool));
        }
        let table = depths.iter().map(|depth| calls[depth]).collect::<Vec<_>>();
        let table = JumpTableData::new(calls[&default], &table);
        let table = self.builder.create_jump_table(table);
        self.builder.ins().br_table(index, table);
        for (block, target, count) in edges {
            self.builder.seal_block(block);
            self.builder.switch_to_block(block);
            self.jump(target, count);
        }
    }

    pub(super) fn push_frame(&mut self, kind: FrameKind, ty: BlockType) {
        let (params, results) = block_signature(self.env.module, ty);
        let height = self.state.operands.len() - params.len();
        let scope = self.state.scope();
        self.state.frames.push(Frame { kind, height, results, exit: None, scope });
    }

    /// Makes `header` current; its parameters replace the operands passed to it.
    fn enter(&mut self, header: Block) {
        let count = self.builder.block_params(header).len();
        let height = self.state.operands.len() - count;
        self.state.operands.truncate(height);
        self.enter_with(header, count);
    }

    /// Makes `block` current and pushes the `count` parameters that it was made with.
    fn enter_with(&mut self, block: Block, count: usize) {
        self.builder.switch_to_block(block);
        self.state.operands.extend_from_slice(&self.builder.block_params(block)[..count]);
        self.state.reachable = true;
    }

    /// Where a branch of this depth goes, and how many operands it takes along.
    fn target(&mut self, depth: u32) -> (Block, usize) {
        let frame = self.state.frame(depth);
        if let FrameKind::Loop { header, params } = frame.kind {
            return (header, params);
        }
        let results = frame.results;
        let exit = *frame.exit.get_or_insert_with(|| block_with_params(&mut self.builder, results));
        (exit, results.len())
    }

    pub(super) fn jump_to_frame(&mut self, depth: u32) {
        let (target, count) = self.target(depth);
        self.jump(target, count);
    }

    /// Jumps with the topmost `count` operands.
    fn jump(&mut self, target: Block, count: usize) {
        let args = self.args(count);
        self.builder.ins().jump(target, &args);
    }

    fn args(&mut self, count: usize) -> Vec<BlockArg> {
        self.state.branch_values += count;
        self.state.top(count).iter().map(|value| BlockArg::Value(*value)).collect()
    }
}

/// The runs that do not go to the default, if there are few.
fn runs(depths: &[u32], default: u32) -> Option<Vec<Run>> {
    let mut runs = Vec::new();
    let mut first = 0;
    for group in depths.chunk_by(|a, b| a == b) {
        let len = group.len() as u32;
        if group[0] != default {
            runs.push(Run { first, len, depth: group[0] });
        }
        if runs.len() > MAX_COMPARED_RUNS {
            return None;
        }
        first += len;
    }
    Some(runs)
}
