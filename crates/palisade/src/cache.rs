//! Compiled modules kept in files between processes.
//!
//! An entry is an artifact (`vm/artifact.rs`) whose name is a hash of the module, of the settings that shape code and of the
//! program that made it; so a name stands for one content, and what is found under it needs no comparison. Entries are
//! written under another name and renamed when they are complete, so readers and writers of any number of processes
//! need no locks; of two writers the last one wins. An entry that is damaged is removed and made again. That nobody but
//! its owner can write into the folder is for its owner to see to: who can, can run code.

#![forbid(unsafe_code)]

use crate::error::{Context, Result};
use crate::vm::{Artifact, ArtifactContents, CodeImage, Identity, Refusal};
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// What the names of entries end with.
const ENDING: &str = "pal";

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
            fs::remove_file(&entry.path)
                .with_context(|| format!("cannot remove `{}`", entry.path.display()))?;
            removed.entries += 1;
            removed.bytes += entry.bytes;
        }
        Ok(removed)
    }

    fn cannot_read(&self) -> String {
        format!("cannot read the folder `{}`", self.0.directory.display())
    }

    /// The entry of this name, if there is a sound one.
    pub(crate) fn load(&self, key: &Identity) -> Option<Artifact> {
        let path = self.path(key);
        let found = File::open(&path).and_then(|file| {
            // Says that it is in use.
            let _ = file.set_modified(SystemTime::now());
            Artifact::from_cache(file, key)
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

    /// Keeps what is compiled of `code`, and what else belongs to it, under its identity.
    pub(crate) fn store(&self, code: &CodeImage, contents: ArtifactContents<'_>) {
        // Without the entry it is compiled again.
        let _ = self.try_store(code, contents);
        let _ = self.evict();
    }

    fn try_store(&self, code: &CodeImage, contents: ArtifactContents<'_>) -> io::Result<()> {
        let path = self.path(contents.identity);
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.0.directory)?;
        let mut writer = BufWriter::new(file);
        code.save(&mut writer, contents)?;
        writer.flush()?;
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(path)?;
        Ok(())
    }

    fn path(&self, key: &Identity) -> PathBuf {
        let name = blake3::Hash::from_bytes(*key).to_hex();
        self.0.directory.join(format!("{name}.{ENDING}"))
    }

    fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.0.directory)? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                // Another process may have removed it.
                if let Ok(metadata) = path.metadata() {
                    let used = metadata.modified()?;
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

struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}
