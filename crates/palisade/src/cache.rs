//! Compiled modules kept in files between processes.
//!
//! An entry is an artifact (`vm/artifact.rs`) whose name is a hash of the module, of the settings that shape code and of the
//! program that made it; so a name stands for one content, and what is found under it needs no comparison. Entries are
//! written under another name and renamed when they are complete, so readers and writers of any number of processes
//! need no locks; of two writers the last one wins. An entry that is damaged is removed and made again. That nobody but
//! its owner can write into the folder is for its owner to see to: who can, can run code.
//!
//! What costs time in proportion to a module's size is not done twice. Beside an entry a note says which state of its file
//! was found sound since the system was started, so that the checksum is computed again only when the file has changed. A
//! note for a file that a module was loaded from says which entry belongs to that state of the file, so that it need not
//! be read. A *state* is what the system tells of a file: where it is, how long, and when it was changed last. The time of
//! the last change of state cannot be set by programs, but has limited resolution; so there is no note of files that were
//! changed just now. (A program that writes to a file through a shared mapping can hide that for a while; then the module
//! is found that the file held before.)

#![forbid(unsafe_code)]

use crate::error::{Context, Result};
use crate::vm::{Artifact, ArtifactContents, CodeImage, Identity, Refusal};
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// What the names of entries end with.
const ENDING: &str = "pal";

/// What the name of a note ends with that says in which state an entry was found sound, if that can be said. Its time of
/// modification is when the entry was used last.
const SOUND: &str = "sound";

/// What the name of a note ends with that names the entry of a file in some state.
const SOURCE: &str = "source";

/// A file that was changed a shorter time ago could be changed again without a difference in its state.
const SETTLED: Duration = Duration::from_secs(1);

/// What the names of files begin with that are being written.
const UNFINISHED: &str = ".unfinished-";

/// A file that is being written for longer than this was left behind.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Settings of a [`Cache`].
#[derive(Debug, Clone, Default)]
pub struct CacheConfig {
    directory: Option<PathBuf>,
    size_limit: Option<u64>,
}

impl CacheConfig {
    /// The defaults: the folder `palisade` among the user's caches (`$XDG_CACHE_HOME`, or `~/.cache`), and at most 1 GiB.
    pub fn new() -> CacheConfig {
        CacheConfig::default()
    }

    /// Where entries are kept. Made when the cache is, if it does not exist.
    pub fn with_directory(&mut self, directory: impl Into<PathBuf>) -> &mut Self {
        self.directory = Some(directory.into());
        self
    }

    /// Bytes that all entries may take. When a new one exceeds it, those that were not used for longest go.
    pub fn with_files_total_size_soft_limit(&mut self, bytes: u64) -> &mut Self {
        self.size_limit = Some(bytes);
        self
    }
}

/// A folder of compiled modules, for [`Config::cache`](crate::Config::cache). Clones are the same cache; so are those of
/// several processes with one folder.
///
/// What cannot be read or written is compiled instead; that is no error.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    size_limit: u64,
    hits: AtomicUsize,
    misses: AtomicUsize,
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Number of entries.
    pub entries: usize,
    /// Bytes that they take.
    pub bytes: u64,
}

impl Cache {
    /// A cache with these settings.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, or none was given and the user has none for caches.
    pub fn new(config: CacheConfig) -> Result<Cache> {
        let directory = match config.directory {
            Some(directory) => directory,
            None => {
                use etcetera::BaseStrategy;
                let user = etcetera::base_strategy::Xdg::new();
                user.context("the user has no folder for caches")?.cache_dir().join("palisade")
            }
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.with_context(|| format!("cannot make the folder `{}`", directory.display()))?;
        let size_limit = config.size_limit.unwrap_or(1 << 30);
        let (hits, misses) = Default::default();
        Ok(Cache(Arc::new(Inner { directory, size_limit, hits, misses })))
    }

    /// Where entries are kept.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// How many modules were found by this process.
    pub fn cache_hits(&self) -> usize {
        self.0.hits.load(Ordering::Relaxed)
    }

    /// How many were not.
    pub fn cache_misses(&self) -> usize {
        self.0.misses.load(Ordering::Relaxed)
    }

    /// What the folder holds now.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn stats(&self) -> Result<CacheStats> {
        let entries = self.entries().with_context(|| self.cannot_read())?;
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        Ok(CacheStats { entries: entries.len(), bytes })
    }

    /// Removes all entries; how many, and how large they were. Other files in the folder stay.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read, or an entry not be removed.
    pub fn clean(&self) -> Result<CacheStats> {
        let mut removed = CacheStats::default();
        for entry in self.entries().with_context(|| self.cannot_read())? {
            match fs::remove_file(&entry.path) {
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                result => {
                    result.with_context(|| format!("cannot remove `{}`", entry.path.display()))?
                }
            }
            removed.entries += 1;
            removed.bytes += entry.bytes;
        }
        self.remove_stale_notes().with_context(|| self.cannot_read())?;
        Ok(removed)
    }

    fn cannot_read(&self) -> String {
        format!("cannot read the folder `{}`", self.0.directory.display())
    }

    /// The entry of this name, if there is a sound one.
    pub(crate) fn load(&self, key: &Identity) -> Option<Artifact> {
        let path = self.path(key, ENDING);
        let found = File::open(&path).and_then(|file| {
            let (state, note) = (FileState::of(&file.metadata()?), self.path(key, SOUND));
            // What was written before the system stopped need not have reached the disk.
            let boot = fs::read("/proc/sys/kernel/random/boot_id").ok();
            let state = state.zip(boot).map(|(state, boot)| [&state.0[..], &boot].concat());
            let known =
                state.as_ref().is_some_and(|state| fs::read(&note).is_ok_and(|n| n == *state));
            let artifact = Artifact::from_cache(file, key, known)?;
            // Without the note it is checked again.
            let _ = match (known, &state) {
                (true, _) => {
                    let note = File::options().write(true).open(note);
                    note.and_then(|note| note.set_modified(SystemTime::now()))
                }
                (false, Some(state)) if artifact.is_ok() => fs::write(note, state),
                (false, _) if artifact.is_ok() => fs::write(note, []),
                (false, _) => Ok(()),
            };
            Ok(artifact)
        });
        let counter = if matches!(found, Ok(Ok(_))) { &self.0.hits } else { &self.0.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        match found {
            Ok(Ok(artifact)) => Some(artifact),
            Ok(Err(Refusal::Foreign | Refusal::Damaged | Refusal::Mismatch)) => {
                let _ = fs::remove_file(path);
                None
            }
            Err(_) => None,
        }
    }

    /// The entry that was noted for `source`.
    pub(crate) fn noted(&self, source: &Identity) -> Option<Identity> {
        fs::read(self.path(source, SOURCE)).ok()?.try_into().ok()
    }

    /// Notes that the entry `key` belongs to `source`, which stands for a file in some state.
    pub(crate) fn note(&self, source: &Identity, key: &Identity) {
        // Without the note the file is read.
        let _ = fs::write(self.path(source, SOURCE), key);
    }

    /// Keeps what is compiled of `code`, and what else belongs to it, under its identity.
    pub(crate) fn store(&self, code: &CodeImage, contents: ArtifactContents<'_>) {
        // Without the entry it is compiled again.
        let _ = self.try_store(code, contents);
        let _ = self.evict();
    }

    fn try_store(&self, code: &CodeImage, contents: ArtifactContents<'_>) -> io::Result<()> {
        let path = self.path(contents.identity, ENDING);
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.0.directory)?;
        let mut writer = BufWriter::new(file);
        code.save(&mut writer, contents)?;
        writer.flush()?;
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(path)?;
        Ok(())
    }

    fn path(&self, key: &Identity, ending: &str) -> PathBuf {
        let name = blake3::Hash::from_bytes(*key).to_hex();
        self.0.directory.join(format!("{name}.{ending}"))
    }

    /// Removes notes of entries that do not exist any more.
    fn remove_stale_notes(&self) -> io::Result<()> {
        for file in fs::read_dir(&self.0.directory)? {
            let path = file?.path();
            let entry = match path.extension().and_then(|ending| ending.to_str()) {
                Some(SOUND) => Some(path.with_extension(ENDING)),
                Some(SOURCE) => fs::read(&path)
                    .ok()
                    .and_then(|key| Some(self.path(&key.try_into().ok()?, ENDING))),
                _ => continue,
            };
            if !entry.is_some_and(|entry| entry.exists()) {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.0.directory)? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                // Another process may have removed it.
                if let Ok(metadata) = path.metadata() {
                    let noted = path.with_extension(SOUND).metadata();
                    let used = noted.as_ref().unwrap_or(&metadata).modified()?;
                    entries.push(Entry { used, bytes: metadata.len(), path });
                }
            }
        }
        Ok(entries)
    }

    /// Removes what is too much, and files that were never finished.
    fn evict(&self) -> io::Result<()> {
        let mut entries = self.entries()?;
        let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        if bytes > self.0.size_limit {
            entries.sort_by_key(|entry| entry.used);
            // Some more, so that not every new entry has to remove one.
            let target = self.0.size_limit / 4 * 3;
            for entry in entries {
                if bytes <= target {
                    break;
                }
                let _ = fs::remove_file(entry.path);
                bytes -= entry.bytes;
            }
        }
        self.remove_stale_notes()?;
        for file in fs::read_dir(&self.0.directory)? {
            let file = file?;
            let unfinished = file.file_name().to_string_lossy().starts_with(UNFINISHED);
            let age = || file.metadata().ok()?.modified().ok()?.elapsed().ok();
            if unfinished && age().is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(file.path());
            }
        }
        Ok(())
    }
}

/// The state of a file: as long as it is the same, so are the file's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileState([u8; 56]);

impl FileState {
    /// `None` if the file was changed so recently that it could be changed again and its state be the same, and for what
    /// is no file.
    pub(crate) fn of(metadata: &Metadata) -> Option<FileState> {
        let changed = Duration::new(metadata.ctime().try_into().ok()?, 0);
        let age = SystemTime::UNIX_EPOCH.elapsed().ok()?.checked_sub(changed)?;
        // One second for what was left out of the time. Some file systems know no times.
        let untold = changed.is_zero();
        if !metadata.is_file() || untold || age < SETTLED + Duration::from_secs(1) {
            return None;
        }
        let state = [
            metadata.dev(),
            metadata.ino(),
            metadata.size(),
            metadata.mtime() as u64,
            metadata.mtime_nsec() as u64,
            metadata.ctime() as u64,
            metadata.ctime_nsec() as u64,
        ];
        Some(FileState(bytemuck::cast(state)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}
