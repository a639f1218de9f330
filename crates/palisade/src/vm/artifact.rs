//! Compiled modules as bytes: what `Module::serialize` gives, and what the cache keeps.
//!
//! A header, then the module itself (unless whoever loads it has it), its machine code, and the code's tables, as they are
//! in memory: a file is mapped, and nothing of it is read before it is needed but for the checksum. The code is position
//! independent and knows nothing of the engine, so it needs no changes.
//!
//! The checksum finds damage, not malice: who can write an artifact can run any code. It is only for the engines that
//! would make the same code of the same module, which the *identity* in the header stands for.

use super::rows::Rows;
use palisade_sys::{FileMapping, MemoryImage};
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// First bytes of an artifact. Neither a module nor text.
pub(crate) const MAGIC: [u8; 8] = *b"\x7fpalisad";

/// Changes when the layout of artifacts or of what compiled code sees does.
pub(crate) const VERSION: u32 = 3;

/// The module, its code, five tables, initial contents of its memory.
const SECTIONS: usize = 8;

/// Bytes of the header.
const HEADER: usize = 256;

/// What is mapped begins and ends at multiples of this: no page is larger.
const PAGE_ALIGN: usize = 64 << 10;

/// Where other sections begin is a multiple of this.
const ALIGN: usize = 64;

/// Where in the header the checksum of all that follows it is.
const CHECKSUM: Range<usize> = 8..16;

/// Who can use an artifact.
pub(crate) type Identity = [u8; 32];

/// A function: what it is, and where it begins and ends.
pub(super) type FunctionRow = [u32; 3];

/// A part of a code image. Offsets are from the start of the image.
pub(super) struct Section {
    /// Where it begins.
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) functions: Rows<3>,
    /// Instruction, trap code.
    pub(super) traps: Rows<2>,
    /// Instruction, place in the module.
    pub(super) sources: Rows<2>,
    /// Return address, frame size, place of the vmctx, first handler, handler behind the last.
    pub(super) call_sites: Rows<5>,
    /// What is caught, and where it is handled.
    pub(super) handlers: Rows<2>,
}

/// A compiled module that was found.
pub(crate) struct Artifact {
    source: Source,
    /// Whether functions that it does not have are compiled on demand.
    pub(crate) lazy: bool,
    start: u32,
    module: Range<usize>,
    code: Range<usize>,
    tables: [Range<usize>; 5],
    memory: Range<usize>,
}

enum Source {
    Bytes(Vec<u8>),
    File(Arc<FileMapping>),
}

/// Code of an artifact.
pub(super) enum Code<'a> {
    Bytes(&'a [u8]),
    File(&'a FileMapping, Range<usize>),
}

/// Why something is no artifact for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It does not begin as one.
    #[error("this is not a compiled module")]
    Foreign,
    /// It ends too early, or its checksum is wrong.
    #[error("the compiled module is damaged")]
    Damaged,
    /// Another version, machine or configuration has made it.
    #[error(
        "the compiled module was made by another version of Palisade, for another CPU, or by an engine with other settings"
    )]
    Mismatch,
}

impl Artifact {
    /// Looks at what `bytes` hold, and copies what it needs of them.
    pub(crate) fn from_bytes(bytes: &[u8], identity: &Identity) -> Result<Artifact, Refusal> {
        Artifact::new(Source::Bytes(bytes.to_vec()), identity)
    }

    /// Looks at what a file holds, which is mapped as long as the code is used.
    pub(crate) fn from_file(file: FileMapping, identity: &Identity) -> Result<Artifact, Refusal> {
        Artifact::new(Source::File(Arc::new(file)), identity)
    }

    /// As [`Artifact::from_file`], for files of a [`Cache`](crate::Cache).
    pub(crate) fn from_cache(
        file: File,
        identity: &Identity,
    ) -> io::Result<Result<Artifact, Refusal>> {
        // SAFETY: entries of a cache are complete when they get their name, and not changed afterwards, only removed or
        // replaced by others; who has the right to do otherwise is trusted, as with the program's own file.
        let mapping = unsafe { FileMapping::new(file) }?;
        Ok(Artifact::from_file(mapping, identity))
    }

    fn new(source: Source, identity: &Identity) -> Result<Artifact, Refusal> {
        let bytes = source.bytes();
        if !bytes.starts_with(&MAGIC) {
            return Err(Refusal::Foreign);
        }
        if bytes.len() < HEADER {
            return Err(Refusal::Damaged);
        }
        let mut sum = Xxh3::new();
        sum.update(&bytes[CHECKSUM.end..]);
        if sum.digest().to_le_bytes() != bytes[CHECKSUM] {
            return Err(Refusal::Damaged);
        }
        if bytes[16..48] != *identity {
            return Err(Refusal::Mismatch);
        }
        let number = |at: usize| {
            let bytes = bytes[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(bytes)
        };
        let section = |index: usize| {
            let (start, end) = (number(64 + 16 * index), number(72 + 16 * index));
            let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
            bytes.get(range.clone())?;
            Some(range)
        };
        let sections: Option<Vec<_>> = (0..SECTIONS).map(section).collect();
        let [module, code, tables @ .., memory]: [_; SECTIONS] =
            sections.and_then(|s| s.try_into().ok()).ok_or(Refusal::Damaged)?;
        let start = u32::try_from(number(48)).map_err(|_| Refusal::Damaged)?;
        let end = usize::try_from(start).ok().and_then(|start| start.checked_add(code.len()));
        if end.is_none_or(|end| u32::try_from(end).is_err()) {
            return Err(Refusal::Damaged);
        }
        let lazy = number(56) != 0;
        let artifact = Artifact { lazy, start, module, code, tables, memory, source };
        artifact.section().is_some().then_some(artifact).ok_or(Refusal::Damaged)
    }

    /// The module, if it is part of the artifact.
    pub(crate) fn module(&self) -> Option<ModuleSource> {
        if self.module.is_empty() {
            return None;
        }
        Some(match &self.source {
            Source::Bytes(bytes) => ModuleSource::Bytes(bytes[self.module.clone()].to_vec()),
            Source::File(file) => ModuleSource::File(file.clone(), self.module.clone()),
        })
    }

    /// Bytes of machine code.
    pub(crate) fn code_len(&self) -> usize {
        self.code.len()
    }

    /// The initial contents of the module's memory, if they are in a file.
    pub(crate) fn memory_image(&self) -> Option<MemoryImage> {
        match &self.source {
            Source::File(file) if !self.memory.is_empty() => {
                MemoryImage::of_file(file, self.memory.clone())
            }
            Source::File(_) | Source::Bytes(_) => None,
        }
    }

    pub(super) fn code(&self) -> Code<'_> {
        match &self.source {
            Source::Bytes(bytes) => Code::Bytes(&bytes[self.code.clone()]),
            Source::File(file) => Code::File(file, self.code.clone()),
        }
    }

    /// The tables; `None` if these are none.
    pub(super) fn section(&self) -> Option<Section> {
        let [functions, traps, sources, call_sites, handlers] = &self.tables;
        Some(Section {
            start: self.start,
            end: self.start + self.code.len() as u32,
            functions: self.rows(functions)?,
            traps: self.rows(traps)?,
            sources: self.rows(sources)?,
            call_sites: self.rows(call_sites)?,
            handlers: self.rows(handlers)?,
        })
    }

    fn rows<const N: usize>(&self, range: &Range<usize>) -> Option<Rows<N>> {
        match &self.source {
            Source::Bytes(bytes) => Rows::copied(&bytes[range.clone()]),
            Source::File(file) => Rows::mapped(file, range.clone()),
        }
    }
}

impl Source {
    fn bytes(&self) -> &[u8] {
        match self {
            Source::Bytes(bytes) => bytes,
            Source::File(file) => file,
        }
    }
}

/// The module in an artifact.
pub(crate) enum ModuleSource {
    Bytes(Vec<u8>),
    File(Arc<FileMapping>, Range<usize>),
}

impl AsRef<[u8]> for ModuleSource {
    fn as_ref(&self) -> &[u8] {
        match self {
            ModuleSource::Bytes(bytes) => bytes,
            ModuleSource::File(file, range) => &file[range.clone()],
        }
    }
}

/// What an artifact is made of besides code.
pub(crate) struct Contents<'a> {
    pub(crate) identity: &'a Identity,
    /// The module, or nothing if whoever loads the artifact has it.
    pub(crate) module: &'a [u8],
    /// The initial contents of the module's memory, if that is to be mapped.
    pub(crate) memory: &'a [u8],
}

/// Writes an artifact; `code` is that of `section`.
pub(super) fn write(
    to: &mut dyn Write,
    contents: &Contents<'_>,
    lazy: bool,
    code: &[u8],
    section: &Section,
) -> io::Result<()> {
    let parts: [&[u8]; SECTIONS] = [
        contents.module,
        code,
        bytemuck::cast_slice(&section.functions),
        bytemuck::cast_slice(&section.traps),
        bytemuck::cast_slice(&section.sources),
        bytemuck::cast_slice(&section.call_sites),
        bytemuck::cast_slice(&section.handlers),
        contents.memory,
    ];
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[16..48].copy_from_slice(contents.identity);
    header[48..56].copy_from_slice(&u64::from(section.start).to_le_bytes());
    header[56..64].copy_from_slice(&u64::from(lazy).to_le_bytes());
    let mut end = HEADER;
    let mut gaps = Vec::with_capacity(parts.len() + 1);
    for (index, part) in parts.iter().enumerate() {
        let mapped = [1, SECTIONS - 1].contains(&index);
        let start = end.next_multiple_of(if mapped { PAGE_ALIGN } else { ALIGN });
        gaps.push(vec![0; start - end]);
        end = start + part.len();
        let place = 64 + 16 * index;
        header[place..place + 8].copy_from_slice(&(start as u64).to_le_bytes());
        header[place + 8..place + 16].copy_from_slice(&(end as u64).to_le_bytes());
    }
    // The memory is mapped in whole pages, so zeros follow.
    gaps.push(vec![0; end.next_multiple_of(PAGE_ALIGN) - end]);
    let mut pieces: Vec<&[u8]> = Vec::with_capacity(gaps.len() + parts.len());
    for (gap, part) in gaps.iter().zip(parts.iter().chain(&[&[][..]])) {
        pieces.extend([gap, *part]);
    }
    let mut sum = Xxh3::new();
    sum.update(&header[CHECKSUM.end..]);
    pieces.iter().for_each(|piece| sum.update(piece));
    header[CHECKSUM].copy_from_slice(&sum.digest().to_le_bytes());
    to.write_all(&header)?;
    pieces.iter().try_for_each(|piece| to.write_all(piece))
}
