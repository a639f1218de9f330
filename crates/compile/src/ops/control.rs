//! Structured control: blocks, branches, returns.
//!
//! Spec: Execution > Instructions > Control Instructions.

use super::Translator;
use crate::signature::clif_type;
use crate::state::{Frame, FrameKind};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, InstBuilder, JumpTableData, TrapCode, Value, types,
};
use palisade_environ::{Trap, TypeIndex, ValType};
use std::collections::HashMap;
use wasmparser::{BlockType, BrTable, Operator};

/// Tables of at most this many entries become comparisons: a jump table costs a clamp, a load and an indirect jump.
const MAX_COMPARED_TARGETS: u32 = 4;

impl Translator<'_, '_> {
    /// An operator in code that cannot be reached: only the nesting of blocks matters.
    pub(super) fn skip(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.state.skipped_blocks += 1;
            }
            Operator::End if self.state.skipped_blocks > 0 => self.state.skipped_blocks -= 1,
            Operator::End => self.end(),
            Operator::Else if self.state.skipped_blocks == 0 => self.else_(),
            _ => {}
        }
    }

    pub(super) fn unreachable(&mut self) {
        self.b.ins().trap(trap_code(Trap::UnreachableCodeReached));
        self.state.reachable = false;
    }

    /// Parameters and results of a block.
    fn block_types(&self, ty: BlockType) -> (Vec<ValType>, Vec<ValType>) {
        match ty {
            BlockType::Empty => (Vec::new(), Vec::new()),
            BlockType::Type(ty) => (Vec::new(), vec![super::value_type(ty)]),
            BlockType::FuncType(index) => {
                let signature = &self.env.module.types[TypeIndex::from_u32(index)];
                (signature.params.to_vec(), signature.results.to_vec())
            }
        }
    }

    fn block_with_params(&mut self, types: &[ValType]) -> Block {
        let block = self.b.create_block();
        for ty in types {
            self.b.append_block_param(block, clif_type(*ty));
        }
        block
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        let (params, results) = self.block_types(ty);
        let next = self.block_with_params(&results);
        self.push_frame(FrameKind::Block, next, params.len(), results.len());
    }

    pub(super) fn loop_(&mut self, ty: BlockType) {
        let (params, results) = self.block_types(ty);
        let next = self.block_with_params(&results);
        let header = self.block_with_params(&params);
        self.push_frame(FrameKind::Loop { header }, next, params.len(), results.len());
        let args = self.state.pop_many(params.len());
        self.jump(header, &args);
        self.b.switch_to_block(header);
        self.state.push_all(self.b.block_params(header));
    }

    pub(super) fn if_(&mut self, ty: BlockType) {
        let condition = self.state.pop();
        let (params, results) = self.block_types(ty);
        let next = self.block_with_params(&results);
        let (then, otherwise) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(condition, then, [], otherwise, []);
        self.b.seal_block(then);
        self.b.seal_block(otherwise);
        self.b.switch_to_block(then);
        let kept = self.state.peek_many(params.len()).into();
        let kind = FrameKind::If { otherwise, params: kept };
        self.push_frame(kind, next, params.len(), results.len());
    }

    fn push_frame(&mut self, kind: FrameKind, next: Block, params: usize, results: usize) {
        let height = self.state.height() - params;
        self.state.push_frame(Frame { kind, next, params, results, height, next_used: false });
    }

    pub(super) fn else_(&mut self) {
        self.leave();
        let frame = self.state.frame_mut();
        let kind = std::mem::replace(&mut frame.kind, FrameKind::Else);
        let FrameKind::If { otherwise, params } = kind else {
            unreachable!("validated: else follows if")
        };
        let height = frame.height;
        self.state.truncate(height);
        self.state.push_all(&params);
        self.b.switch_to_block(otherwise);
        self.state.reachable = true;
    }

    pub(super) fn end(&mut self) {
        self.leave();
        let mut frame = self.state.pop_frame();
        match &frame.kind {
            // Without `else`, the parameters are the results.
            FrameKind::If { otherwise, params } => {
                self.b.switch_to_block(*otherwise);
                self.jump(frame.next, params);
                frame.next_used = true;
            }
            FrameKind::Loop { header } => self.b.seal_block(*header),
            FrameKind::Block | FrameKind::Else => {}
        }
        self.b.seal_block(frame.next);
        self.state.truncate(frame.height);
        self.state.reachable = frame.next_used;
        if frame.next_used {
            self.b.switch_to_block(frame.next);
            self.state.push_all(self.b.block_params(frame.next));
        }
        if frame.next_used && !self.state.has_frames() {
            self.return_values(frame.results);
        }
    }

    /// Goes on behind the innermost frame with its results, if the end of its code can be reached.
    fn leave(&mut self) {
        if !self.state.reachable {
            return;
        }
        let frame = self.state.frame_mut();
        frame.next_used = true;
        let (next, results) = (frame.next, frame.results);
        let args = self.state.peek_many(results).to_vec();
        self.jump(next, &args);
    }

    pub(super) fn br(&mut self, depth: u32) {
        let (target, args) = self.branch(depth);
        self.jump(target, &args);
        self.state.reachable = false;
    }

    pub(super) fn br_if(&mut self, depth: u32) {
        let condition = self.state.pop();
        let (target, args) = self.branch(depth);
        let on = self.b.create_block();
        let args = block_args(&args);
        self.b.ins().brif(condition, target, &args, on, []);
        self.b.seal_block(on);
        self.b.switch_to_block(on);
    }

    /// Target and arguments of a branch.
    fn branch(&mut self, depth: u32) -> (Block, Vec<Value>) {
        let frame = self.state.frame_at(depth);
        if !matches!(frame.kind, FrameKind::Loop { .. }) {
            frame.next_used = true;
        }
        let (target, arity) = (frame.target(), frame.arity());
        (target, self.state.peek_many(arity).to_vec())
    }

    pub(super) fn br_table(&mut self, table: &BrTable<'_>) {
        let index = self.state.pop();
        let depths: Vec<u32> =
            table.targets().map(|depth| depth.expect("validated: a branch table")).collect();
        // Every distinct target has one edge, however often the table names it.
        let mut edges: HashMap<u32, Block> = HashMap::new();
        let mut pending: Vec<(Block, Block, Vec<Value>)> = Vec::new();
        let mut edge = |this: &mut Self, depth: u32| {
            *edges.entry(depth).or_insert_with(|| {
                let (target, args) = this.branch(depth);
                if args.is_empty() {
                    return target;
                }
                let block = this.b.create_block();
                pending.push((block, target, args));
                block
            })
        };
        let targets: Vec<Block> = depths.iter().map(|depth| edge(self, *depth)).collect();
        let default = edge(self, table.default());
        if targets.iter().all(|target| *target == default) {
            self.b.ins().jump(default, []);
        } else if table.len() <= MAX_COMPARED_TARGETS {
            self.compare_targets(index, &targets, default);
        } else {
            let lists = &mut self.b.func.dfg.value_lists;
            let calls: Vec<BlockCall> =
                targets.iter().map(|target| BlockCall::new(*target, [], lists)).collect();
            let default = BlockCall::new(default, [], lists);
            let table = self.b.create_jump_table(JumpTableData::new(default, &calls));
            self.b.ins().br_table(index, table);
        }
        for (block, target, args) in pending {
            self.b.seal_block(block);
            self.b.switch_to_block(block);
            self.jump(target, &args);
        }
        self.state.reachable = false;
    }

    /// A branch table as a chain of comparisons. Entries at the end that go to the default are the default.
    fn compare_targets(&mut self, index: Value, targets: &[Block], default: Block) {
        let last = targets.iter().rposition(|target| *target != default).expect("not all default");
        for (place, target) in targets[..=last].iter().enumerate() {
            let here = self.b.ins().icmp_imm_u(IntCC::Equal, index, place as i64);
            if place == last {
                self.b.ins().brif(here, *target, [], default, []);
                break;
            }
            let next = self.b.create_block();
            self.b.ins().brif(here, *target, [], next, []);
            self.b.seal_block(next);
            self.b.switch_to_block(next);
        }
    }

    pub(super) fn return_(&mut self) {
        let results = self.b.func.signature.returns.len();
        self.return_values(results);
        self.state.reachable = false;
    }

    fn return_values(&mut self, count: usize) {
        let values = self.state.peek_many(count).to_vec();
        self.b.ins().return_(&values);
    }

    fn jump(&mut self, target: Block, args: &[Value]) {
        self.b.ins().jump(target, &block_args(args));
    }

    pub(super) fn select(&mut self) {
        let (left, right, condition) = self.state.pop3();
        let value = self.b.ins().select(condition, left, right);
        self.state.push(value);
    }

    /// What remains when the last operator is behind us.
    pub(crate) fn finish(&mut self) {
        debug_assert!(!self.state.has_frames(), "validated: every block is closed");
    }

    /// Traps with `trap` if `condition` holds; the trap is out of the way.
    pub(super) fn trap_cold(&mut self, condition: Value, trap: Trap) {
        self.b.ins().trapnz(condition, trap_code(trap));
    }
}

pub(super) fn trap_code(trap: Trap) -> TrapCode {
    TrapCode::user(trap.code()).expect("our codes lie below Cranelift's")
}

fn block_args(values: &[Value]) -> Vec<BlockArg> {
    values.iter().copied().map(BlockArg::Value).collect()
}

/// The integer that `bool` is on the operand stack.
pub(super) const BOOL: cranelift_codegen::ir::Type = types::I32;
