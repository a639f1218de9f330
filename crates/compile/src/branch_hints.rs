//! Branch hints: what a toolchain knows of branches that are hardly ever, or nearly always, taken.
//!
//! A broken section is not an error: what can be read before the first mistake counts.
//!
//! Spec: Code Metadata > Branch Hints (the branch-hinting proposal).

use palisade_environ::{BranchHints, FuncIndex};
use wasmparser::{BinaryReader, BranchHintSectionReader};

/// The hints in a section whose contents are `section` and begin at `offset` in the module.
pub(crate) fn branch_hints(section: &[u8], offset: usize) -> BranchHints {
    let reader = BinaryReader::new(section, offset as u64);
    let Ok(functions) = BranchHintSectionReader::new(reader) else { return BranchHints::new() };
    let functions = functions.into_iter().map_while(Result::ok);
    // No function has the last index, which `FuncIndex` reserves.
    functions
        .filter(|function| function.func != u32::MAX)
        .map(|function| {
            let hints = function.hints.into_iter().map_while(Result::ok);
            let mut hints: Vec<_> = hints.map(|hint| (hint.func_offset, hint.taken)).collect();
            hints.sort_unstable();
            (FuncIndex::from_u32(function.func), hints.into())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_before_a_mistake_count() {
        // Function 1: offset 5 is not taken, offset 2 is; function 2 has a hint of two bytes.
        let section = b"\x02\x01\x02\x05\x01\x00\x02\x01\x01\x02\x01\x05\x02\x00";
        let hints = branch_hints(section, 0);
        assert_eq!(hints.len(), 1);
        assert_eq!(*hints[&FuncIndex::from_u32(1)], [(2, true), (5, false)]);
        assert!(branch_hints(b"\xff", 0).is_empty());
    }
}
