//! How large values can be, as far as control flow tells: conditions that were tested on the way, and what loops pass on.
//!
//! Made for functions that are translated completely, because a loop's counter is not known before its end.
//! Invariant: as that of `range`. The range of a block parameter holds whenever the block is entered, by induction over the
//! steps of the function: it contains what each edge passes, given that all ranges held before.
//! Questions are answered one by one, with a limit on the steps of all of them together, so that a hostile function costs
//! no more than a multiple of its size.

use crate::range::{DEPTH, Range, constant, definition, is_index, range, sum_with_constant};
use cranelift_codegen::Context;
use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::{
    Block, BlockArg, Function, Inst, InstructionData, Opcode, Value, ValueDef,
};
use cranelift_codegen::isa::TargetIsa;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Steps for each instruction of a function.
const STEPS: usize = 32;

/// Block parameters whose ranges are being found because others depend on them.
const NESTING: usize = 6;

/// Edges to a block beyond which its parameters can be anything, and conditions on a value that are looked at.
const EDGES: usize = 8;

const ZERO: Range = Range { lo: 0, hi: 0 };

/// A condition that holds: the value it belongs to compared with another, or with 0.
#[derive(Clone, Copy)]
struct Fact {
    condition: IntCC,
    other: Option<Value>,
}

/// A way into a block.
struct Edge {
    from: Block,
    /// What it passes for the parameter in question.
    arg: Value,
    /// What holds on it but not everywhere in `from`.
    facts: Vec<(Value, Fact)>,
}

/// Where a value is asked for.
#[derive(Clone, Copy)]
struct Place<'a> {
    block: Block,
    facts: &'a [(Value, Fact)],
}

/// The control flow of a function.
pub(crate) struct Flow<'a> {
    func: &'a Function,
    cfg: &'a ControlFlowGraph,
    dominators: &'a DominatorTree,
    /// What holds where a block is reached that has one way in.
    facts: HashMap<Value, Vec<(Block, Fact)>>,
    /// Ranges of block parameters found so far.
    params: RefCell<HashMap<Value, Range>>,
    /// Those parameters in the order in which they were found.
    found: RefCell<Vec<Value>>,
    nesting: Cell<usize>,
    steps: Cell<usize>,
}

impl<'a> Flow<'a> {
    /// Of the function in `context`, which it frees of blocks that are never reached and parameters that always are the
    /// same: translation leaves many that loops only pass on, behind which no counter could be seen.
    pub(crate) fn new(context: &'a mut Context, isa: &dyn TargetIsa) -> Flow<'a> {
        context.compute_cfg();
        context.compute_domtree();
        context.eliminate_unreachable_code(isa).expect("the translator makes valid code");
        context.remove_constant_phis(isa).expect("the translator makes valid code");
        let (func, cfg, dominators) = (&context.func, &context.cfg, &context.domtree);
        let mut facts: HashMap<Value, Vec<(Block, Fact)>> = HashMap::new();
        for block in func.layout.blocks() {
            let mut ways = cfg.pred_iter(block);
            let (Some(way), None) = (ways.next(), ways.next()) else { continue };
            for (value, fact) in edge_facts(func, way.inst, block) {
                facts.entry(value).or_default().push((block, fact));
            }
        }
        Flow {
            func,
            cfg,
            dominators,
            facts,
            params: RefCell::default(),
            found: RefCell::default(),
            nesting: Cell::new(0),
            steps: Cell::new(STEPS * func.dfg.num_insts()),
        }
    }

    /// The function.
    pub(crate) fn func(&self) -> &'a Function {
        self.func
    }

    /// The range of `value` in `block`, given that by its definition.
    pub(crate) fn narrow(&self, value: Value, range: Range, depth: u32, block: Block) -> Range {
        self.narrow_at(value, range, depth, Place { block, facts: &[] })
    }

    fn range(&self, value: Value, depth: u32, place: Place<'_>) -> Range {
        let known = |value, range, depth| self.narrow_at(value, range, depth, place);
        range(&self.func.dfg, value, depth, &known)
    }

    fn narrow_at(&self, value: Value, range: Range, depth: u32, place: Place<'_>) -> Range {
        let Some(steps) = self.steps.get().checked_sub(1) else { return range };
        self.steps.set(steps);
        let mut range = match self.func.dfg.value_def(value) {
            ValueDef::Param(block, index) => range.meet(self.param(value, block, index)),
            _ => range,
        };
        for fact in self.facts_at(value, place) {
            let other = match (fact.other, depth.checked_sub(1)) {
                (None, _) => ZERO,
                (Some(other), Some(depth)) => self.range(other, depth, place),
                (Some(_), None) => continue,
            };
            range = compared(range, fact.condition, other, self.func.dfg.value_type(value).bits());
        }
        range
    }

    fn facts_at(&self, value: Value, place: Place<'_>) -> Vec<Fact> {
        let everywhere = self.facts.get(&value).into_iter().flatten().take(EDGES);
        let reached = everywhere
            .filter(|(block, _)| self.dominators.block_dominates(*block, place.block))
            .map(|(_, fact)| *fact);
        let on_edge = place.facts.iter().filter(|(of, _)| *of == value).map(|(_, fact)| *fact);
        reached.chain(on_edge).collect()
    }

    /// The range of a block parameter.
    fn param(&self, param: Value, block: Block, index: usize) -> Range {
        if let Some(range) = self.params.borrow().get(&param) {
            return *range;
        }
        let all = Range::all(self.func.dfg.value_type(param));
        if !is_index(self.func.dfg.value_type(param)) || self.nesting.get() == NESTING {
            return all;
        }
        let Some(edges) = self.edges(block, index) else { return all };
        self.nesting.set(self.nesting.get() + 1);
        // Until more is known: anything.
        self.assume(param, all);
        let before = self.found.borrow().len();
        let mut best = self.passed(&edges);
        if let Some(way) = self.only_way_back(block, &edges) {
            let counted = self.counted(param, way);
            let moved = counted.or_else(|| self.moved(param, block, way));
            best = moved.map_or(best, |range| best.meet(range));
        }
        self.params.borrow_mut().insert(param, best);
        if edges.iter().any(|edge| self.is_back(edge, block)) {
            let guesses = self.guesses(param, block, &edges);
            // Found without what is known now, or is about to be.
            self.forget(before);
            for guess in guesses {
                if !guess.contains(best) && self.is_kept(param, guess, &edges) {
                    best = best.meet(guess);
                    break;
                }
            }
        }
        self.params.borrow_mut().insert(param, best);
        self.nesting.set(self.nesting.get() - 1);
        best
    }

    fn is_back(&self, edge: &Edge, block: Block) -> bool {
        self.dominators.block_dominates(block, edge.from)
    }

    fn assume(&self, param: Value, range: Range) {
        self.params.borrow_mut().insert(param, range);
        self.found.borrow_mut().push(param);
    }

    /// Whether all edges pass what is in `guess`, as long as the parameter is. What was found on the way is forgotten if
    /// not, because it may depend on the guess.
    fn is_kept(&self, param: Value, guess: Range, edges: &[Edge]) -> bool {
        let before = self.found.borrow().len();
        let all = self.params.borrow_mut().insert(param, guess);
        if guess.contains(self.passed(edges)) {
            return true;
        }
        self.forget(before);
        self.params.borrow_mut().insert(param, all.expect("in question"));
        false
    }

    /// Forgets what was found after the first `before` ranges.
    fn forget(&self, before: usize) {
        for other in self.found.borrow_mut().drain(before..) {
            self.params.borrow_mut().remove(&other);
        }
    }

    /// What the edges pass, all together.
    fn passed(&self, edges: &[Edge]) -> Range {
        let passed = |edge: &Edge| self.range(edge.arg, DEPTH, edge.place());
        edges.iter().map(passed).reduce(Range::union).expect("a block with parameters has an edge")
    }

    /// The edges to `block` with what they pass for its parameter `index`; `None` if there are too many.
    fn edges(&self, block: Block, index: usize) -> Option<Vec<Edge>> {
        let func = self.func;
        let mut edges = Vec::new();
        for way in self.cfg.pred_iter(block) {
            let branch = &func.dfg.insts[way.inst];
            let calls =
                branch.branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables);
            self.steps.set(self.steps.get().checked_sub(calls.len() + index)?);
            for call in calls.iter().filter(|call| call.block(&func.dfg.value_lists) == block) {
                let arg = call.args(&func.dfg.value_lists).nth(index)?;
                let BlockArg::Value(arg) = arg else { return None };
                let arg = func.dfg.resolve_aliases(arg);
                let facts = edge_facts(func, way.inst, block);
                edges.push(Edge { from: way.block, arg, facts });
                if edges.len() > EDGES {
                    return None;
                }
            }
        }
        (!edges.is_empty()).then_some(edges)
    }

    /// Ranges that the parameter of a loop may well have: from what it begins with to what ends the loop.
    fn guesses(&self, param: Value, block: Block, edges: &[Edge]) -> Vec<Range> {
        let first = edges
            .iter()
            .filter(|edge| !self.is_back(edge, block))
            .map(|edge| self.range(edge.arg, DEPTH, edge.place()))
            .reduce(Range::union);
        let Some(first) = first else { return Vec::new() };
        let mut guesses = Vec::new();
        for edge in edges.iter().filter(|edge| self.is_back(edge, block)) {
            let step = self.step(param, edge);
            for (value, shift) in [(edge.arg, Some(0)), (param, step)] {
                let Some(shift) = shift else { continue };
                for (condition, end) in self.ends(value, edge) {
                    guesses.extend(guesses_between(first, condition, end, shift));
                }
            }
        }
        guesses
    }

    /// The way into a loop and the way back to its start, if there is one of each.
    fn only_way_back<'e>(&self, block: Block, edges: &'e [Edge]) -> Option<[&'e Edge; 2]> {
        match edges {
            [a, b] if self.is_back(b, block) => Some([a, b]),
            [a, b] if self.is_back(a, block) => Some([b, a]),
            _ => None,
        }
    }

    /// The range of what begins somewhere and is moved by a constant as often as another counter of the loop lets it.
    fn moved(&self, param: Value, block: Block, [first, back]: [&Edge; 2]) -> Option<Range> {
        let step = self.step(param, back)?;
        let first = self.range(first.arg, DEPTH, first.place());
        let others = self.func.dfg.block_params(block).iter().enumerate();
        let times = others.filter(|(_, other)| **other != param);
        let times = times.filter_map(|(index, other)| self.times(*other, block, index)).min()?;
        let way = step.checked_mul(times)?;
        let lo = (first.lo as i64).checked_add(way.min(0))?;
        let hi = (first.hi as i64).checked_add(way.max(0))?;
        (lo >= 0 && hi <= u32::MAX.into()).then_some(Range { lo: lo as u64, hi: hi as u64 })
    }

    /// How often a loop can begin anew at most, by what is known of one of its counters.
    fn times(&self, counter: Value, block: Block, index: usize) -> Option<i64> {
        if !is_index(self.func.dfg.value_type(counter)) {
            return None;
        }
        let edges = self.edges(block, index)?;
        let step = self.step(counter, self.only_way_back(block, &edges)?[1])?;
        let range = self.param(counter, block, index);
        let length = (range.hi - range.lo) as i64;
        // It cannot leave its range, so it does not wrap if it cannot jump over all that is outside.
        (step.abs() + length <= u32::MAX.into()).then_some(length / step.abs())
    }

    /// The range of a counter that begins with a constant, is moved by a constant, and is compared with a constant that it
    /// meets exactly, on the only way back: so it never gets beyond. (Where it is moved by more than 1, ranges alone
    /// cannot tell.)
    fn counted(&self, param: Value, [first, back]: [&Edge; 2]) -> Option<Range> {
        let step = self.step(param, back)?;
        let first = self.range(first.arg, DEPTH, first.place()).single()? as i64;
        [(back.arg, step), (param, 0)].into_iter().find_map(|(value, before)| {
            let mut ends = self.ends(value, back);
            let (_, end) = ends.find(|(condition, _)| *condition == IntCC::NotEqual)?;
            let end = end.single()? as i64;
            // Where the moved value is compared, the last one inside of the loop is that before.
            let last = i64::from((end - before) as u32);
            let meets = (last - first) % step == 0 && (last - first) / step >= 0;
            meets.then(|| Range { lo: first.min(last) as u64, hi: first.max(last) as u64 })
        })
    }

    /// What the way back adds to a parameter, if that is all it does.
    fn step(&self, param: Value, back: &Edge) -> Option<i64> {
        let (value, step) = sum_with_constant(&self.func.dfg, back.arg)?;
        let step = i64::from(step as i32);
        (self.func.dfg.resolve_aliases(value) == param && step != 0).then_some(step)
    }

    /// The conditions on `value` that hold on `edge`, with what it is compared with.
    fn ends(&self, value: Value, edge: &Edge) -> impl Iterator<Item = (IntCC, Range)> {
        self.facts_at(value, edge.place()).into_iter().map(|fact| {
            let end = fact.other.map(|end| self.range(end, DEPTH, edge.place()));
            (fact.condition, end.unwrap_or(ZERO))
        })
    }
}

impl Edge {
    fn place(&self) -> Place<'_> {
        Place { block: self.from, facts: &self.facts }
    }
}

/// What holds on the way that `branch` takes to `target`.
fn edge_facts(func: &Function, branch: Inst, target: Block) -> Vec<(Value, Fact)> {
    let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[branch] else {
        return Vec::new();
    };
    let [taken, not_taken] = blocks.map(|call| call.block(&func.dfg.value_lists) == target);
    if taken == not_taken { Vec::new() } else { facts_of(func, arg, taken) }
}

/// What it says of values that `condition` is not 0, or if not `holds`, that it is.
fn facts_of(func: &Function, condition: Value, mut holds: bool) -> Vec<(Value, Fact)> {
    let dfg = &func.dfg;
    let mut condition = dfg.resolve_aliases(condition);
    // Conditions of conditions nest no deeper in what compilers make.
    for _ in 0..DEPTH {
        let Some(inst) = definition(dfg, condition) else { break };
        match dfg.insts[inst] {
            InstructionData::Unary { opcode: Opcode::Uextend, arg } => {
                condition = dfg.resolve_aliases(arg);
            }
            InstructionData::IntCompare { cond, args, .. } => {
                let args = args.map(|arg| dfg.resolve_aliases(arg));
                let tests_condition =
                    constant(dfg, args[1]) == Some(0) && is_condition(func, args[0]);
                match cond {
                    IntCC::Equal if tests_condition => holds = !holds,
                    IntCC::NotEqual if tests_condition => {}
                    _ => {
                        return comparison(
                            func,
                            if holds { cond } else { cond.complement() },
                            args,
                        );
                    }
                }
                condition = args[0];
            }
            _ => break,
        }
    }
    let not_zero = if holds { IntCC::NotEqual } else { IntCC::Equal };
    vec![(condition, Fact { condition: not_zero, other: None })]
}

/// Whether `value` is the result of a comparison.
fn is_condition(func: &Function, value: Value) -> bool {
    let opcode = |value| Some(func.dfg.insts[definition(&func.dfg, value)?].opcode());
    match opcode(value) {
        Some(Opcode::Uextend) => {
            let inst = definition(&func.dfg, value).expect("just found");
            opcode(func.dfg.inst_args(inst)[0]) == Some(Opcode::Icmp)
        }
        opcode => opcode == Some(Opcode::Icmp),
    }
}

/// What a comparison that holds says of each side.
fn comparison(func: &Function, condition: IntCC, [left, right]: [Value; 2]) -> Vec<(Value, Fact)> {
    let is_32 = is_index(func.dfg.value_type(right));
    let minus_one = is_32 && constant(&func.dfg, right).is_some_and(|value| value as i32 == -1);
    if condition == IntCC::SignedGreaterThan && minus_one {
        return vec![(left, Fact { condition: IntCC::SignedGreaterThanOrEqual, other: None })];
    }
    let fact = |condition, other| Fact { condition, other: Some(other) };
    let both = [(left, fact(condition, right)), (right, fact(condition.swap_args(), left))];
    both.into_iter().filter(|(value, _)| constant(&func.dfg, *value).is_none()).collect()
}

/// The range of a value of `bits` in `range` that compares so with one in `other`.
fn compared(range: Range, condition: IntCC, other: Range, bits: u32) -> Range {
    let not_negative = Range { lo: 0, hi: u64::MAX >> (65 - bits) };
    let (range, other) = match condition {
        // Of what may be negative nothing is said.
        IntCC::SignedLessThan | IntCC::SignedLessThanOrEqual => {
            if !not_negative.contains(range) {
                return range;
            }
            (range, other.meet(not_negative))
        }
        IntCC::SignedGreaterThan | IntCC::SignedGreaterThanOrEqual => {
            if !not_negative.contains(other) {
                return range;
            }
            (range.meet(not_negative), other)
        }
        _ => (range, other),
    };
    let least = |lo| range.meet(Range { lo, hi: u64::MAX });
    let most = |hi| range.meet(Range { lo: 0, hi });
    match condition.unsigned() {
        IntCC::Equal => range.meet(other),
        IntCC::NotEqual => match other.single() {
            Some(end) if end == range.lo => least(end.saturating_add(1)),
            Some(end) if end == range.hi => most(end.saturating_sub(1)),
            _ => range,
        },
        IntCC::UnsignedLessThan => most(other.hi.saturating_sub(1)),
        IntCC::UnsignedLessThanOrEqual => most(other.hi),
        IntCC::UnsignedGreaterThan => least(other.lo.saturating_add(1)),
        _ => least(other.lo),
    }
}

/// What a 32-bit counter may go through that begins in `first`, if the loop goes on while the counter less `shift` compares
/// so with what is in `end`.
fn guesses_between(first: Range, condition: IntCC, end: Range, shift: i64) -> Vec<Range> {
    let signed = condition != condition.unsigned();
    let largest = if signed { i32::MAX as i64 } else { u32::MAX.into() };
    let (lowest, highest) = (end.lo as i64 + shift, (end.hi as i64).min(largest) + shift);
    let up = |hi: i64| Range { lo: first.lo, hi: first.hi.max(hi.clamp(0, largest) as u64) };
    let down = |lo: i64| Range { lo: first.lo.min(lo.clamp(0, largest) as u64), hi: first.hi };
    match condition.unsigned() {
        IntCC::Equal => vec![],
        IntCC::NotEqual => vec![up(highest - 1), down(lowest + 1)],
        IntCC::UnsignedLessThan => vec![up(highest - 1)],
        IntCC::UnsignedLessThanOrEqual => vec![up(highest)],
        IntCC::UnsignedGreaterThan => vec![down(lowest + 1)],
        _ => vec![down(lowest)],
    }
}
