//! Lays out the text of a module: compiled functions become one blob of position-independent code.
//!
//! Calls between the functions of a blob are patched here, so what leaves has no relocations at all: the host is
//! reached through the vmctx only. A function with loops is placed so that its smallest innermost loop begins a
//! 64-byte line, because identical bytes were measured to run up to 1.7 times slower at other offsets.
//!
//! Refuses: a text in which a call is out of reach (128 MiB on aarch64); veneers are not built.

use crate::CompileError;
use cranelift_codegen::binemit::Reloc;

/// Bytes of an instruction cache line.
const LINE: u32 = 64;

/// One function's machine code and what the runtime must know of it.
#[derive(Debug, Default)]
pub(crate) struct CompiledFunction {
    pub(crate) code: Vec<u8>,
    /// What constants inside of the code demand of its start.
    pub(crate) alignment: u32,
    /// How a function without loops is best aligned: short functions in one line are mispredicted.
    pub(crate) entry: u32,
    pub(crate) calls: Vec<Call>,
    pub(crate) traps: Vec<(u32, u8)>,
    pub(crate) sources: Vec<(u32, u32)>,
    pub(crate) call_sites: Vec<(CallSite, Vec<(u32, u32)>)>,
    /// Start of the smallest loop, if there is one.
    pub(crate) loop_head: Option<u32>,
}

/// A call to another function of the same text, to be patched.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) offset: u32,
    pub(crate) kind: Reloc,
    pub(crate) callee: Callee,
    pub(crate) addend: i64,
}

/// What a call within a text refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callee {
    /// A function, by its place in the text.
    Function(u32),
    /// The trampoline of a libcall, by [`palisade_environ::Libcall::index`].
    Libcall(u32),
}

/// Position-independent machine code with the tables that explain it. Offsets are bytes from the start of `bytes`.
#[derive(Debug, Default)]
pub struct Text {
    /// The code.
    pub bytes: Vec<u8>,
    /// Range of each function, in the order in which they were given.
    pub functions: Vec<std::ops::Range<u32>>,
    /// Trap codes of instructions that can trap, sorted by offset.
    pub traps: Vec<(u32, u8)>,
    /// Where a run of instructions begins that comes from one wasm instruction, and that instruction's byte offset in
    /// the module (`u32::MAX` if there is none); sorted by offset.
    pub sources: Vec<(u32, u32)>,
    /// Calls that have handlers for exceptions, sorted by return address.
    pub call_sites: Vec<CallSite>,
    /// The handlers: what they catch (bits of a [`Catch`](palisade_environ::Catch)), and where they begin.
    pub handlers: Vec<(u32, u32)>,
}

/// A call that has handlers for exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSite {
    /// The return address.
    pub return_address: u32,
    /// Bytes from the stack pointer during the call up to the frame pointer.
    pub frame_size: u32,
    /// Bytes from the stack pointer up to where the function's vmctx is.
    pub vmctx: u32,
    /// Its handlers in [`Text::handlers`], in the order in which they are tried.
    pub handlers: std::ops::Range<u32>,
}

impl Text {
    /// Lays out `functions`; `libcalls` maps libcall indices to places in `functions`.
    pub(crate) fn lay_out(
        functions: Vec<CompiledFunction>,
        libcalls: &[Option<u32>],
    ) -> Result<Text, CompileError> {
        let total: usize = functions.iter().map(|f| f.code.len() + LINE as usize).sum();
        if u32::try_from(total).is_err() {
            return Err(CompileError::Limit("the module's machine code exceeds 4 GiB".into()));
        }
        let mut text = Text { bytes: Vec::with_capacity(total), ..Text::default() };
        for function in &functions {
            text.append(function);
        }
        for (place, function) in functions.iter().enumerate() {
            let start = text.functions[place].start;
            for call in &function.calls {
                let target = match call.callee {
                    Callee::Function(place) => place,
                    Callee::Libcall(libcall) => libcalls[libcall as usize]
                        .expect("a trampoline was compiled for each libcall that is called"),
                };
                let target = text.functions[target as usize].start;
                patch(&mut text.bytes, start + call.offset, target, call)?;
            }
        }
        Ok(text)
    }

    fn append(&mut self, function: &CompiledFunction) {
        let start = place(self.bytes.len() as u32, function);
        self.bytes.resize(start as usize, 0);
        self.bytes.extend_from_slice(&function.code);
        self.functions.push(start..self.bytes.len() as u32);
        self.traps.extend(function.traps.iter().map(|(offset, code)| (start + offset, *code)));
        self.sources.extend(function.sources.iter().map(|(offset, loc)| (start + offset, *loc)));
        for (site, handlers) in &function.call_sites {
            let first = self.handlers.len() as u32;
            self.handlers.extend(handlers.iter().map(|(catch, offset)| (*catch, start + offset)));
            self.call_sites.push(CallSite {
                return_address: start + site.return_address,
                handlers: first..self.handlers.len() as u32,
                ..site.clone()
            });
        }
    }
}

/// The first start at or after `end` at which the function is aligned and its loop head nearest to a line's start.
fn place(end: u32, function: &CompiledFunction) -> u32 {
    let align = function.alignment.max(1);
    let Some(head) = function.loop_head else {
        return end.next_multiple_of(align.max(function.entry));
    };
    let first = end.next_multiple_of(align);
    if align >= LINE {
        return first;
    }
    (first..first + LINE)
        .step_by(align as usize)
        .min_by_key(|start| ((start + head) % LINE, *start))
        .expect("at least one candidate")
}

fn patch(text: &mut [u8], at: u32, target: u32, call: &Call) -> Result<(), CompileError> {
    let distance = i64::from(target) - i64::from(at) + call.addend;
    let too_far = || CompileError::Limit("a call in the module's machine code is too far".into());
    let bytes = &mut text[at as usize..at as usize + 4];
    let word = match call.kind {
        Reloc::X86CallPCRel4 | Reloc::X86PCRel4 => {
            i32::try_from(distance).map_err(|_| too_far())? as u32
        }
        Reloc::Arm64Call => {
            let words = distance >> 2;
            if !(-(1 << 25)..1 << 25).contains(&words) {
                return Err(too_far());
            }
            let old = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            (old & 0xfc00_0000) | (words as u32 & 0x03ff_ffff)
        }
        other => unreachable!("compiled code has only near calls, not {other:?}"),
    };
    bytes.copy_from_slice(&word.to_le_bytes());
    Ok(())
}

/// The start of the smallest loop, given the starts of basic blocks in order and the edges between them. A back edge
/// goes to the same or a lower offset; the loop reaches from there to the end of the edge's origin.
pub(crate) fn smallest_loop(starts: &[u32], edges: &[(u32, u32)], len: u32) -> Option<u32> {
    let end = |from: u32| {
        let after = starts.partition_point(|start| *start <= from);
        starts.get(after).copied().unwrap_or(len)
    };
    // Blocks that came out empty start where their successor does; their edges are no loops.
    let empty = |at: u32| {
        let first = starts.partition_point(|start| *start < at);
        starts.get(first + 1) == Some(&at)
    };
    edges
        .iter()
        .filter(|(from, to)| to < from || to == from && !empty(*from))
        .min_by_key(|(from, to)| (end(*from) - to, *to))
        .map(|(_, to)| *to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_loop_is_found() {
        // 0 -> 10 -> 20 -> 10, 20 -> 30 -> 0: the inner loop is 10..30.
        let edges = [(0, 10), (10, 20), (20, 10), (20, 30), (30, 0)];
        assert_eq!(smallest_loop(&[0, 10, 20, 30], &edges, 40), Some(10));
        // A block that branches to itself is a loop, an empty block is not.
        assert_eq!(smallest_loop(&[0, 10, 30], &[(0, 10), (10, 10), (10, 30)], 40), Some(10));
        assert_eq!(smallest_loop(&[0, 10, 10], &[(0, 10), (10, 10)], 40), None);
    }

    #[test]
    fn loops_begin_lines() {
        let function = CompiledFunction {
            alignment: 1,
            entry: 32,
            loop_head: Some(0x41),
            ..Default::default()
        };
        assert_eq!((place(0x3d, &function) + 0x41) % LINE, 0);
        let aligned = CompiledFunction {
            alignment: 16,
            entry: 32,
            loop_head: Some(0x41),
            ..Default::default()
        };
        assert_eq!(place(0x3d, &aligned) % 16, 0);
        let straight = CompiledFunction { alignment: 1, entry: 32, ..Default::default() };
        assert_eq!(place(0x3d, &straight), 0x40);
    }
}
