//! The name section: what the source called things.
//!
//! Names are for people. A broken name section is not an error: what can be read before the first mistake counts.
//!
//! Spec: Appendix > Custom Sections > Name Section.

use palisade_environ::FuncIndex;
use std::collections::HashMap;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// The functions' names in a name section, whose contents are `section` and begin at `offset` in the module.
pub fn function_names(section: &[u8], offset: usize) -> HashMap<FuncIndex, String> {
    let maps = subsections(section, offset).filter_map(|name| match name {
        Name::Function(map) => Some(map),
        _ => None,
    });
    // No function has the last index, which `FuncIndex` reserves.
    maps.flat_map(|map| map.names.map_while(Result::ok))
        .filter(|naming| naming.index != u32::MAX)
        .map(|naming| (FuncIndex::from_u32(naming.index), naming.name.to_owned()))
        .collect()
}

/// The module's own name in a name section.
pub(crate) fn module_name(section: &[u8], offset: usize) -> Option<String> {
    subsections(section, offset).find_map(|name| match name {
        Name::Module { name, .. } => Some(name.to_owned()),
        _ => None,
    })
}

/// The readable subsections. Goes around the reader's own check that they are in order.
fn subsections(section: &[u8], offset: usize) -> impl Iterator<Item = Name<'_>> {
    NameSectionReader::new(BinaryReader::new(section, offset as u64)).sections.map_while(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_before_a_mistake_count() {
        // Module name "m"; functions 3 "a", 1 "b", and one with a name that is not UTF-8.
        let section = b"\0\x02\x01m\x01\x0a\x03\x03\x01a\x01\x01b\x04\x01\xff";
        let names = function_names(section, 0);
        assert_eq!(names.len(), 2);
        assert_eq!(names[&FuncIndex::from_u32(3)], "a");
        assert_eq!(names[&FuncIndex::from_u32(1)], "b");
        assert_eq!(module_name(section, 0).as_deref(), Some("m"));
    }

    #[test]
    fn reserved_index_is_skipped() {
        assert!(function_names(b"\x01\x08\x01\xff\xff\xff\xff\x0f\x01a", 0).is_empty());
    }
}
