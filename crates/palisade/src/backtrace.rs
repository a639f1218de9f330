//! The wasm frames of an error.

#![forbid(unsafe_code)]

use crate::module_meta::ModuleMeta;
use crate::vm::{CodePlace, capture_backtrace};
use crate::{AsContext, Error};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The wasm functions that were active when an error arose, innermost first; at most 64 of them.
///
/// Found in an error by [`Error::downcast_ref`]. Frames of the host between activations of wasm are not shown.
#[derive(Debug, Clone)]
pub struct WasmBacktrace {
    frames: Vec<FrameInfo>,
}

/// One frame of a [`WasmBacktrace`].
#[derive(Clone)]
pub struct FrameInfo {
    meta: Arc<ModuleMeta>,
    place: CodePlace,
    symbols: OnceLock<Vec<FrameSymbol>>,
}

/// A source position, from the DWARF sections of a module.
#[derive(Debug, Clone)]
pub struct FrameSymbol {
    name: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

impl WasmBacktrace {
    pub(crate) fn new(places: Vec<(Arc<ModuleMeta>, CodePlace)>) -> WasmBacktrace {
        let frame = |(meta, place)| FrameInfo { meta, place, symbols: OnceLock::new() };
        WasmBacktrace { frames: places.into_iter().map(frame).collect() }
    }

    /// The frames that are active now; for host functions. Empty outside of wasm.
    pub fn capture(_store: impl AsContext) -> WasmBacktrace {
        capture_backtrace()
    }

    /// The frames, innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.frames
    }
}

impl FrameInfo {
    /// The function's index in its module, imports counted first.
    pub fn func_index(&self) -> u32 {
        self.place.func.as_u32()
    }

    /// The function's name, if the module has a name section that names it.
    pub fn func_name(&self) -> Option<&str> {
        self.meta.func_name(self.place.func)
    }

    /// The module's name, if its name section has one.
    pub fn module_name(&self) -> Option<&str> {
        self.meta.info.name.as_deref()
    }

    /// Byte offset of the instruction in the module, where it is known.
    ///
    /// Where the compiler has made one machine instruction of several (a load and the addition that takes its value, a
    /// branch and the `unreachable` behind it), it may be any of them.
    pub fn module_offset(&self) -> Option<usize> {
        self.place.offset
    }

    /// Byte offset of the instruction in the function's body, where it is known.
    pub fn func_offset(&self) -> Option<usize> {
        let info = &self.meta.info;
        let defined = info.defined_func(self.place.func)?;
        self.place.offset?.checked_sub(info.bodies[defined].start)
    }

    /// Source positions from the module's DWARF, innermost inlined function first; empty without.
    pub fn symbols(&self) -> &[FrameSymbol] {
        self.symbols.get_or_init(|| {
            self.place.offset.map(|offset| self.meta.symbols(offset)).unwrap_or_default()
        })
    }
}

impl FrameSymbol {
    pub(crate) fn new(
        name: Option<String>,
        file: Option<String>,
        line: Option<u32>,
        column: Option<u32>,
    ) -> FrameSymbol {
        FrameSymbol { name, file, line, column }
    }

    /// The function's name in the source.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The source file.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// The column, from 1.
    pub fn column(&self) -> Option<u32> {
        self.column
    }
}

impl fmt::Debug for FrameInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameInfo")
            .field("func_index", &self.func_index())
            .field("func_name", &self.func_name())
            .field("module_offset", &self.module_offset())
            .finish()
    }
}

impl fmt::Display for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wasm backtrace:")?;
        for (i, frame) in self.frames.iter().enumerate() {
            write!(f, "\n{i:>4}: ")?;
            if let Some(offset) = frame.module_offset() {
                write!(f, "{offset:#8x} - ")?;
            }
            let module = frame.module_name().unwrap_or("<unknown>");
            match frame.func_name() {
                Some(name) => write!(f, "{module}!{name}")?,
                None => write!(f, "{module}!<wasm function {}>", frame.func_index())?,
            }
            for symbol in frame.symbols() {
                let Some(file) = symbol.file() else { continue };
                write!(f, "\n                  at {file}")?;
                if let Some(line) = symbol.line() {
                    write!(f, ":{line}")?;
                }
                if let Some(column) = symbol.column() {
                    write!(f, ":{column}")?;
                }
                if let (Some(name), true) = (symbol.name(), frame.symbols().len() > 1) {
                    write!(f, " ({name})")?;
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for WasmBacktrace {}

const _: fn() = || {
    fn thread_safe<T: Send + Sync>() {}
    thread_safe::<Error>();
};
