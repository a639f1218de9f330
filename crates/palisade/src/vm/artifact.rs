//! Compiled modules as bytes: what `Module::serialize` gives, and what the cache keeps.
//!
//! A header, then the module itself, its machine code, and the code's tables, as they are in memory: a file is mapped, and
//! nothing of it is read before it is needed but for the checksum. The code is position
//! independent and knows nothing of the engine, so it needs no changes.
//!
//! The checksum finds damage, not malice: who can write an artifact can run any code. It is only for the engines that
//! would make the same code of the same module, which the *identity* in the header stands for.

use super::rows::Rows;
use palisade_compile::Text;
use palisade_environ::DataRow;
use palisade_sys::{FileMapping, MemoryImage};
use std::fs::File;
use std::io::{self, Write};
use std::ops::{Deref, Range};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// First bytes of an artifact. Neither a module nor text.
pub(crate) const MAGIC: [u8; 8] = *b"\x7fpalisad";

/// Changes when the layout of artifacts or of what compiled code sees does.
pub(crate) const VERSION: u32 = 9;

/// The module, initial contents of its memory; code and five tables of each part; where in the module the functions and its
/// data are.
const SECTIONS: usize = 4 + 6 * Part::COUNT;

/// The last two of them.
const BODIES: usize = SECTIONS - 2;
const DATA: usize = SECTIONS - 1;

/// Bytes of the header.
const HEADER: usize = 512;

/// What is mapped begins at multiples of this: no page is larger.
const PAGE_ALIGN: usize = 64 << 10;

/// Where other sections begin is a multiple of this.
const ALIGN: usize = 64;

/// Where in the header the checksum of all that follows it is.
const CHECKSUM: Range<usize> = 8..16;

/// Who can use an artifact.
pub(crate) type Identity = [u8; 32];

/// A function: what it is, and where it begins and ends.
pub(super) type FunctionRow = [u32; 3];

/// A part of a code image, in an artifact all of it. Offsets are from the start of the image.
pub(super) struct Section {
    /// Where it ends; it begins behind the one before.
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

/// What has code.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// The module's functions.
    Functions,
    /// The trampolines that [`Contents::trampolines`] names.
    Trampolines,
}

impl Part {
    const COUNT: usize = 2;
}

/// A compiled module that was found.
pub(crate) struct Artifact {
    source: Source,
    /// Whether functions that it does not have are compiled on demand.
    pub(crate) lazy: bool,
    sections: [Range<usize>; SECTIONS],
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
        Artifact::new(Source::Bytes(bytes.to_vec()), identity, false)
    }

    /// Looks at what a file holds, which is mapped as long as the code is used.
    pub(crate) fn from_file(file: FileMapping, identity: &Identity) -> Result<Artifact, Refusal> {
        Artifact::new(Source::File(Arc::new(file)), identity, false)
    }

    /// As [`Artifact::from_file`], for files of a [`Cache`](crate::Cache). One that is `known` not to be damaged is not
    /// read as a whole.
    pub(crate) fn from_cache(
        file: File,
        identity: &Identity,
        known: bool,
    ) -> io::Result<Result<Artifact, Refusal>> {
        // SAFETY: entries of a cache are complete when they get their name, and not changed afterwards, only removed or
        // replaced by others; who has the right to do otherwise is trusted, as with the program's own file.
        let mapping = unsafe { FileMapping::new(file) }?;
        Ok(Artifact::new(Source::File(Arc::new(mapping)), identity, known))
    }

    fn new(source: Source, identity: &Identity, known: bool) -> Result<Artifact, Refusal> {
        let bytes = source.bytes();
        if !bytes.starts_with(&MAGIC) {
            return Err(Refusal::Foreign);
        }
        if bytes.len() < HEADER {
            return Err(Refusal::Damaged);
        }
        if !known {
            let mut sum = Xxh3::new();
            sum.update(&bytes[CHECKSUM.end..]);
            if sum.digest().to_le_bytes() != bytes[CHECKSUM] {
                return Err(Refusal::Damaged);
            }
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
        let sections: [_; SECTIONS] =
            sections.and_then(|s| s.try_into().ok()).ok_or(Refusal::Damaged)?;
        let artifact = Artifact { lazy: number(48) != 0, sections, source };
        let sound = |part| artifact.section(part).is_some();
        let len = artifact.sections[0].len();
        let within = |start: u32, end: u32| start <= end && end as usize <= len;
        let sound = sound(Part::Functions)
            && sound(Part::Trampolines)
            && artifact.bodies().is_some_and(|rows| rows.iter().all(|[a, b]| within(*a, *b)))
            && artifact.data().is_some_and(|rows| rows.iter().all(|[.., a, b]| within(*a, *b)));
        sound.then_some(artifact).ok_or(Refusal::Damaged)
    }

    /// The module.
    pub(crate) fn module(&self) -> ModuleSource {
        match &self.source {
            Source::Bytes(bytes) => ModuleSource::Bytes(bytes[self.sections[0].clone()].to_vec()),
            Source::File(file) => ModuleSource::File(file.clone(), self.sections[0].clone()),
        }
    }

    /// Where in the module the functions' bodies are, from and to; `None` if that is not told.
    pub(crate) fn bodies(&self) -> Option<impl Deref<Target = [[u32; 2]]>> {
        self.rows::<2>(&self.sections[BODIES])
    }

    /// The module's data segments, if they can be told as rows; `None` if these are none.
    pub(crate) fn data(&self) -> Option<impl Deref<Target = [DataRow]>> {
        self.rows::<4>(&self.sections[DATA])
    }

    /// Bytes of a part's machine code.
    pub(super) fn code_len(&self, part: Part) -> usize {
        self.of(part)[0].len()
    }

    /// The sections of a part: code, then tables.
    fn of(&self, part: Part) -> &[Range<usize>] {
        &self.sections[2 + 6 * part as usize..][..6]
    }

    /// The initial contents of the module's memory, if they are in a file.
    pub(crate) fn memory_image(&self) -> Option<MemoryImage> {
        match &self.source {
            Source::File(file) if !self.sections[1].is_empty() => {
                MemoryImage::of_file(file, self.sections[1].clone())
            }
            Source::File(_) | Source::Bytes(_) => None,
        }
    }

    pub(super) fn code(&self, part: Part) -> Code<'_> {
        let range = self.of(part)[0].clone();
        match &self.source {
            Source::Bytes(bytes) => Code::Bytes(&bytes[range]),
            Source::File(file) => Code::File(file, range),
        }
    }

    /// The tables of a part; `None` if these are none.
    pub(super) fn section(&self, part: Part) -> Option<Section> {
        let [code, functions, traps, sources, call_sites, handlers] = self.of(part) else {
            unreachable!("a part has six sections")
        };
        Some(Section {
            end: u32::try_from(code.len()).ok()?,
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

/// What an artifact is made of besides the functions' code.
pub(crate) struct Contents<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) module: &'a [u8],
    /// Where in the module the functions' bodies are, from and to.
    pub(crate) bodies: &'a [[u32; 2]],
    /// The module's data segments, if they can be told as rows; else none.
    pub(crate) data: &'a [DataRow],
    /// The initial contents of the module's memory, if that is to be mapped.
    pub(crate) memory: &'a [u8],
    /// What `trampolines` of `module.rs` lists, in that order.
    pub(crate) trampolines: Text,
}

/// Writes an artifact: the code of each part with its tables.
pub(super) fn write(
    to: &mut dyn Write,
    identity: &Identity,
    lazy: bool,
    [module, memory, bodies, data]: [&[u8]; 4],
    parts: [(&[u8], &Section); Part::COUNT],
) -> io::Result<()> {
    let mut sections = vec![module, memory];
    for (code, tables) in parts {
        sections.extend([
            code,
            bytemuck::cast_slice(&tables.functions),
            bytemuck::cast_slice(&tables.traps),
            bytemuck::cast_slice(&tables.sources),
            bytemuck::cast_slice(&tables.call_sites),
            bytemuck::cast_slice(&tables.handlers),
        ]);
    }
    sections.extend([bodies, data]);
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[16..48].copy_from_slice(identity);
    header[48..56].copy_from_slice(&u64::from(lazy).to_le_bytes());
    let mut end = HEADER;
    let mut gaps = Vec::with_capacity(sections.len() + 1);
    for (index, section) in sections.iter().enumerate() {
        // Memory and code are mapped; what is behind the memory's end on its last page are zeros.
        let mapped = [1, 2, 8].contains(&index);
        let start = end.next_multiple_of(if mapped { PAGE_ALIGN } else { ALIGN });
        gaps.push(vec![0; start - end]);
        end = start + section.len();
        let place = 64 + 16 * index;
        header[place..place + 8].copy_from_slice(&(start as u64).to_le_bytes());
        header[place + 8..place + 16].copy_from_slice(&(end as u64).to_le_bytes());
    }
    let mut pieces: Vec<&[u8]> = Vec::with_capacity(2 * sections.len());
    for (gap, section) in gaps.iter().zip(sections) {
        pieces.extend([gap, section]);
    }
    let mut sum = Xxh3::new();
    sum.update(&header[CHECKSUM.end..]);
    pieces.iter().for_each(|piece| sum.update(piece));
    header[CHECKSUM].copy_from_slice(&sum.digest().to_le_bytes());
    to.write_all(&header)?;
    pieces.iter().try_for_each(|piece| to.write_all(piece))
}
