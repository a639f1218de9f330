//! Exceptions, in both forms of the proposal: `try_table`, and the older `try` with `catch`, `delegate` and `rethrow`.
//!
//! Where handlers are in scope, calls are `try_call`s whose exception tables list them, innermost first. A handler is a
//! block that gets the address of the exception's values and the reference to the exception. The runtime finds the
//! handler by the return address of each frame; code that does not throw pays nothing but that calls end blocks.
//! Invariant: the scope of a frame is what an exception that arises directly in it can reach in this function.
//!
//! Spec: Execution > Instructions > Control Instructions; the older form: the exception-handling proposal, legacy text.

use crate::env::trap_code;
use crate::function::Translator;
use crate::signature::{POINTER, clif_type};
use crate::state::{FrameKind, ScopeId};
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, ExceptionTable, ExceptionTableData, ExceptionTableItem,
    ExceptionTag, InstBuilder, SigRef, Value,
};
use palisade_environ::{Catch, Keep, Libcall, TagIndex, Trap};
use std::collections::{HashMap, HashSet};
use wasmparser::{BlockType, Operator, OperatorsReader, TryTable};

/// Bytes between the values of an exception.
const VALUE_SIZE: i32 = 16;

/// The handlers of one `try` or `try_table`.
pub(crate) struct Scope {
    clauses: Vec<Clause>,
    /// The scope that exceptions reach which no clause catches.
    outer: Option<ScopeId>,
}

/// One catch clause.
struct Clause {
    catch: Catch,
    /// Where it begins; made by the first call that may get there.
    handler: Option<Block>,
    /// For `try_table`, the branch that it makes.
    depth: u32,
}

/// What has to be known of an older `try` before its body is translated: its clauses, which exceptions are thrown again,
/// and to whom exceptions are delegated.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Try {
    clauses: Vec<Catch>,
    /// The label that `delegate` names, counted from outside of the `try`.
    delegate: Option<u32>,
}

impl Translator<'_> {
    pub(super) fn try_table(&mut self, table: &TryTable) {
        let clauses = table.catches.iter().map(|catch| {
            let (tag, depth, keep) = match *catch {
                wasmparser::Catch::One { tag, label } => (Some(tag), label, Keep::No),
                wasmparser::Catch::OneRef { tag, label } => (Some(tag), label, Keep::Reference),
                wasmparser::Catch::All { label } => (None, label, Keep::No),
                wasmparser::Catch::AllRef { label } => (None, label, Keep::Reference),
            };
            Clause { catch: Catch { tag: tag.map(TagIndex::from_u32), keep }, handler: None, depth }
        });
        let scope = self.new_scope(clauses.collect());
        self.push_frame(FrameKind::TryTable, table.ty);
        self.state.frame(0).scope = Some(scope);
    }

    /// At the `end` of a `try_table`, after its frame is gone: each handler that can be reached branches to its label.
    pub(super) fn end_try_table(&mut self, scope: ScopeId) {
        let clauses = std::mem::take(&mut self.state.scopes[scope].clauses);
        for clause in clauses {
            let Some(handler) = clause.handler else { continue };
            let height = self.state.operands.len();
            self.enter_handler(handler, clause.catch);
            self.br(clause.depth);
            self.state.operands.truncate(height);
        }
    }

    /// Whether one of the handlers of a `try_table` can be reached.
    pub(super) fn has_handlers(&self, scope: ScopeId) -> bool {
        self.state.scopes[scope].clauses.iter().any(|clause| clause.handler.is_some())
    }

    pub(super) fn try_(&mut self, ty: BlockType, offset: u64) {
        let known = self.tries.get(&offset).expect("found when the function's first try was met");
        if let Some(depth) = known.delegate {
            let scope = self.state.frame(depth).scope;
            self.push_frame(FrameKind::Block, ty);
            self.state.frame(0).scope = scope;
            return;
        }
        let clause = |catch: &Catch| Clause { catch: *catch, handler: None, depth: 0 };
        let clauses = known.clauses.iter().map(clause).collect();
        let scope = self.new_scope(clauses);
        self.push_frame(FrameKind::Try { scope, next: 0 }, ty);
        self.state.frame(0).scope = Some(scope);
    }

    /// `catch` and `catch_all`: the body or the clause before is complete.
    pub(crate) fn catch(&mut self) {
        if self.state.reachable {
            self.jump_to_frame(0);
        }
        let frame = self.state.frame(0);
        let height = frame.height;
        let (scope, place) = match frame.kind {
            FrameKind::Try { scope, ref mut next }
            | FrameKind::Catch { scope, ref mut next, .. } => {
                *next += 1;
                (scope, *next - 1)
            }
            _ => unreachable!("validated: catch belongs to a try"),
        };
        self.state.operands.truncate(height);
        let Clause { catch, handler, .. } = self.state.scopes[scope].clauses[place];
        let outer = self.state.scopes[scope].outer;
        let exception = handler.map(|handler| self.enter_handler(handler, catch));
        let frame = self.state.frame(0);
        frame.kind = FrameKind::Catch { scope, next: place + 1, exception };
        frame.scope = outer;
        self.state.reachable = exception.is_some();
    }

    pub(super) fn rethrow(&mut self, depth: u32) {
        let FrameKind::Catch { exception: Some(exception), .. } = self.state.frame(depth).kind
        else {
            unreachable!(
                "validated: rethrow names a catch around it, which is reachable like itself"
            )
        };
        self.throw_libcall(Libcall::ThrowRef, &[exception]);
    }

    pub(super) fn throw(&mut self, tag: u32) {
        let ty = self.env.module.tags[TagIndex::from_u32(tag)].ty().clone();
        let count = ty.signature().params.len();
        let slot = self.scratch(count as u32 * VALUE_SIZE as u32);
        for place in (0..count).rev() {
            let value = self.pop();
            self.builder.ins().stack_store(POINTER, value, slot, place as i32 * VALUE_SIZE);
        }
        let values = self.builder.ins().stack_addr(POINTER, slot, 0);
        let tag = self.index_arg(tag);
        self.throw_libcall(Libcall::Throw, &[tag, values]);
    }

    pub(super) fn throw_ref(&mut self) {
        let exception = self.pop();
        self.builder.ins().trapz(exception, trap_code(Trap::NullReference));
        self.throw_libcall(Libcall::ThrowRef, &[exception]);
    }

    fn throw_libcall(&mut self, libcall: Libcall, args: &[Value]) {
        self.libcall_in_scope(libcall, args);
        self.builder.ins().trap(trap_code(Trap::UnreachableCodeReached));
        self.state.reachable = false;
    }

    /// Makes `handler` current and pushes the operands of its clause; returns the reference to the exception.
    fn enter_handler(&mut self, handler: Block, catch: Catch) -> Value {
        self.builder.seal_block(handler);
        self.builder.switch_to_block(handler);
        let [values, exception] = *self.builder.block_params(handler) else {
            unreachable!("a handler has two parameters")
        };
        if let Some(tag) = catch.tag {
            let ty = self.env.module.tags[tag].ty().clone();
            for (place, ty) in ty.signature().params.iter().enumerate() {
                let offset = place as i32 * VALUE_SIZE;
                let value =
                    self.env.exception_value(&mut self.builder, clif_type(ty), values, offset);
                self.push(value);
            }
        }
        if catch.keep == Keep::Reference {
            self.push(exception);
        }
        self.state.reachable = true;
        exception
    }

    fn new_scope(&mut self, clauses: Vec<Clause>) -> ScopeId {
        let outer = self.state.scope();
        self.state.scopes.push(Scope { clauses, outer });
        self.state.scopes.len() - 1
    }

    /// The exception table of a call that returns to `normal`, if there are handlers that it can reach.
    pub(super) fn exception_table(
        &mut self,
        signature: SigRef,
        normal: Block,
        results: usize,
    ) -> Option<ExceptionTable> {
        let mut items = vec![ExceptionTableItem::Context(self.env.vmctx())];
        let mut seen = HashSet::new();
        let mut scope = self.state.scope();
        'scopes: while let Some(id) = scope {
            scope = self.state.scopes[id].outer;
            for place in 0..self.state.scopes[id].clauses.len() {
                let clause = &self.state.scopes[id].clauses[place];
                let catch = clause.catch;
                if !seen.insert(catch.tag) {
                    continue;
                }
                let handler = clause.handler.unwrap_or_else(|| {
                    let handler = self.builder.create_block();
                    self.builder.set_cold_block(handler);
                    self.builder.append_block_param(handler, POINTER);
                    self.builder.append_block_param(handler, POINTER);
                    handler
                });
                self.state.scopes[id].clauses[place].handler = Some(handler);
                let args = [BlockArg::TryCallExn(0), BlockArg::TryCallExn(1)];
                let pool = &mut self.builder.func.dfg.value_lists;
                let target = BlockCall::new(handler, args, pool);
                let tag = ExceptionTag::with_number(catch.to_bits()).expect("fits in 27 bits");
                items.push(ExceptionTableItem::Tag(tag, target));
                if catch.tag.is_none() {
                    break 'scopes;
                }
            }
        }
        if items.len() == 1 {
            return None;
        }
        self.state.branch_values += items.len();
        let dfg = &mut self.builder.func.dfg;
        let returned = (0..results as u32).map(BlockArg::TryCallRet);
        let returned = BlockCall::new(normal, returned, &mut dfg.value_lists);
        Some(dfg.exception_tables.push(ExceptionTableData::new(signature, returned, items)))
    }
}

/// Finds the older `try`s of a function, by their offsets.
///
/// They are needed ahead of time: a call in the body of a `try` must know the clauses that come after it.
pub(crate) fn find_tries(mut reader: OperatorsReader<'_>) -> HashMap<u64, Try> {
    let mut tries: HashMap<u64, Try> = HashMap::new();
    // For each open frame, the function's own first, the try that it is and the clause that it is in.
    let mut frames: Vec<Option<(u64, Option<usize>)>> = vec![None];
    while !reader.eof() {
        let (op, offset) = reader.read_with_offset().expect("validated: operator");
        match op {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => frames.push(None),
            Operator::Try { .. } => {
                tries.insert(offset, Try::default());
                frames.push(Some((offset, None)));
            }
            Operator::Catch { tag_index } => add_clause(&mut tries, &mut frames, Some(tag_index)),
            Operator::CatchAll => add_clause(&mut tries, &mut frames, None),
            Operator::Rethrow { relative_depth } => {
                let place = frames.len() - 1 - relative_depth as usize;
                if let Some((of, Some(clause))) = frames[place] {
                    let of = tries.get_mut(&of).expect("an open try is known");
                    of.clauses[clause].keep = Keep::Handler;
                }
            }
            Operator::Delegate { relative_depth } => {
                if let Some(Some((of, _))) = frames.pop() {
                    tries.get_mut(&of).expect("an open try is known").delegate =
                        Some(relative_depth);
                }
            }
            Operator::End => _ = frames.pop(),
            _ => {}
        }
    }
    tries
}

fn add_clause(
    tries: &mut HashMap<u64, Try>,
    frames: &mut [Option<(u64, Option<usize>)>],
    tag: Option<u32>,
) {
    let Some(Some((of, clause))) = frames.last_mut() else {
        unreachable!("validated: catch belongs to a try")
    };
    let known = tries.get_mut(of).expect("an open try is known");
    *clause = Some(known.clauses.len());
    known.clauses.push(Catch { tag: tag.map(TagIndex::from_u32), keep: Keep::No });
}
