//! What a module's code and its backtraces share: metadata, names, and source positions on demand.

#![forbid(unsafe_code)]

use crate::backtrace::FrameSymbol;
use addr2line::gimli::{self, EndianArcSlice, LittleEndian};
use palisade_environ::{FuncIndex, ModuleInfo};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

type Reader = EndianArcSlice<LittleEndian>;

/// Metadata of one compiled module.
pub(crate) struct ModuleMeta {
    pub(crate) info: ModuleInfo,
    names: OnceLock<HashMap<FuncIndex, String>>,
    /// Source positions, read when the first backtrace asks; `None` inside where there is no usable DWARF.
    dwarf: OnceLock<Option<Mutex<addr2line::Context<Reader>>>>,
}

impl ModuleMeta {
    pub(crate) fn new(info: ModuleInfo) -> ModuleMeta {
        ModuleMeta { info, names: OnceLock::new(), dwarf: OnceLock::new() }
    }

    /// The name that the name section gives a function.
    pub(crate) fn func_name(&self, index: FuncIndex) -> Option<&str> {
        let names = self.names.get_or_init(|| {
            let section = self.info.custom_section("name");
            section
                .map(|s| palisade_compile::function_names(s.bytes.as_slice(), s.offset))
                .unwrap_or_default()
        });
        names.get(&index).map(String::as_str)
    }

    /// Source positions of the instruction at `offset` of the module, innermost inlined function first.
    pub(crate) fn symbols(&self, offset: usize) -> Vec<FrameSymbol> {
        let context = self.dwarf.get_or_init(|| self.load_dwarf().map(Mutex::new));
        let Some(context) = context else { return Vec::new() };
        let Some(address) = offset.checked_sub(self.info.code_section) else { return Vec::new() };
        let context = context.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut symbols = Vec::new();
        let Ok(mut frames) = context.find_frames(address as u64).skip_all_loads() else {
            return symbols;
        };
        while let Ok(Some(frame)) = frames.next() {
            let name = frame
                .function
                .as_ref()
                .and_then(|function| function.demangle().ok().map(|name| name.into_owned()));
            let location = frame.location.as_ref();
            symbols.push(FrameSymbol::new(
                name,
                location.and_then(|l| l.file).map(str::to_owned),
                location.and_then(|l| l.line),
                location.and_then(|l| l.column),
            ));
        }
        symbols
    }

    fn load_dwarf(&self) -> Option<addr2line::Context<Reader>> {
        self.info.custom_section(".debug_info")?;
        let load = |id: gimli::SectionId| -> Result<Reader, gimli::Error> {
            let section = self.info.custom_section(id.name());
            let bytes = section.map_or(&[][..], |section| section.bytes.as_slice());
            Ok(Reader::new(Arc::from(bytes), LittleEndian))
        };
        let dwarf = gimli::Dwarf::load(load).ok()?;
        addr2line::Context::from_dwarf(dwarf).ok()
    }
}
