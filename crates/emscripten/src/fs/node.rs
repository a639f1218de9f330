//! Files and directories that exist in memory only.
//!
//! Invariant: what nodes and their contents take is counted against a [`Budget`] from before they
//! exist until they are gone. The tree is changed only by who holds the lock of `Files`; a
//! node's own locks are for those who have it open.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::mount::Mount;
use super::stat::{Stat, Times, kind};
use crate::errno::Errno;
use crate::stream::lock;

/// How much a guest may keep in memory.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: AtomicU64,
    nodes: AtomicU64,
    next_ino: AtomicU64,
}

impl Budget {
    pub(crate) fn new(bytes: u64, nodes: u64) -> Arc<Budget> {
        let (bytes, nodes) = (AtomicU64::new(bytes), AtomicU64::new(nodes));
        Arc::new(Budget { bytes, nodes, next_ino: AtomicU64::new(1) })
    }

    fn take(from: &AtomicU64, amount: u64) -> Result<(), Errno> {
        from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount))
            .map(|_| ())
            .map_err(|_| Errno::NOSPC)
    }

    /// Bytes that files can still have.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Files and directories that can still be made.
    pub(crate) fn nodes_left(&self) -> u64 {
        self.nodes.load(Ordering::Relaxed)
    }

    pub(crate) fn take_bytes(&self, amount: u64) -> Result<(), Errno> {
        Budget::take(&self.bytes, amount)
    }

    pub(crate) fn return_bytes(&self, amount: u64) {
        self.bytes.fetch_add(amount, Ordering::Relaxed);
    }
}

/// A file, directory, symbolic link or device.
pub(crate) struct Node {
    pub(crate) ino: u64,
    pub(crate) kind: NodeKind,
    pub(crate) meta: Mutex<Meta>,
    /// The directory that has it, and under which name. None if it is the root or was removed. Of a
    /// file with several names it is the last one that it got, if that is still there.
    pub(crate) home: Mutex<(Weak<Node>, Vec<u8>)>,
    budget: Arc<Budget>,
}

pub(crate) enum NodeKind {
    File(Mutex<Vec<u8>>),
    Dir(Mutex<Directory>),
    Link(Vec<u8>),
    Device(Device),
}

/// What a device file leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    Null,
    /// Gives random bytes; takes whatever is written.
    Random,
    /// Reads stdin, writes stdout.
    Terminal,
    /// Writes stderr.
    ErrorTerminal,
}

pub(crate) struct Meta {
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) times: Times,
    /// Entries of directories that lead to it.
    links: u32,
}

/// The entries of a directory, in the order in which they came.
#[derive(Default)]
pub(crate) struct Directory {
    order: BTreeMap<u64, (Vec<u8>, Arc<Node>)>,
    names: HashMap<Vec<u8>, u64>,
    next: u64,
    /// A folder of the host that is seen here.
    pub(crate) mount: Option<Arc<Mount>>,
    /// This is `/proc/self/fd`.
    pub(crate) lists_descriptors: bool,
}

impl Directory {
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Arc<Node>> {
        Some(&self.order[self.names.get(name)?].1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&[u8], &Arc<Node>)> {
        self.order.values().map(|(name, node)| (&name[..], node))
    }

    /// Replaces what has the name, and gives it.
    fn insert(&mut self, name: &[u8], node: Arc<Node>) -> Option<Arc<Node>> {
        let old = self.remove(name);
        self.order.insert(self.next, (name.to_vec(), node));
        self.names.insert(name.to_vec(), self.next);
        self.next += 1;
        old
    }

    fn remove(&mut self, name: &[u8]) -> Option<Arc<Node>> {
        let place = self.names.remove(name)?;
        self.order.remove(&place).map(|(_, node)| node)
    }
}

impl Node {
    /// A node that nothing refers to yet.
    pub(crate) fn new(
        budget: &Arc<Budget>,
        kind: NodeKind,
        mode: u32,
        now: i64,
    ) -> Result<Arc<Node>, Errno> {
        Budget::take(&budget.nodes, 1)?;
        if let NodeKind::Link(target) = &kind
            && let Err(errno) = budget.take_bytes(target.len() as u64)
        {
            budget.nodes.fetch_add(1, Ordering::Relaxed);
            return Err(errno);
        }
        let ino = budget.next_ino.fetch_add(1, Ordering::Relaxed);
        let meta = Mutex::new(Meta { mode: mode & 0o7777, times: Times::all(now), links: 0 });
        let home = Mutex::default();
        Ok(Arc::new(Node { ino, kind, meta, home, budget: budget.clone() }))
    }

    pub(crate) fn file() -> NodeKind {
        NodeKind::File(Mutex::default())
    }

    pub(crate) fn directory() -> NodeKind {
        NodeKind::Dir(Mutex::default())
    }

    pub(crate) fn is_dir(&self) -> bool {
        matches!(self.kind, NodeKind::Dir(_))
    }

    pub(crate) fn dir(&self) -> Result<&Mutex<Directory>, Errno> {
        match &self.kind {
            NodeKind::Dir(directory) => Ok(directory),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// Gives the entry to this directory; what had its name is gone.
    pub(crate) fn link(self: &Arc<Node>, name: &[u8], node: Arc<Node>) -> Result<(), Errno> {
        let directory = self.dir()?;
        let mut meta = lock(&node.meta);
        if meta.links > 0 {
            // What has a second name takes as much as two files do.
            Budget::take(&self.budget.nodes, 1)?;
        }
        meta.links += 1;
        drop(meta);
        *lock(&node.home) = (Arc::downgrade(self), name.to_vec());
        let old = lock(directory).insert(name, node);
        if let Some(old) = old {
            old.lose_link();
        }
        Ok(())
    }

    /// Takes the entry away.
    pub(crate) fn unlink(&self, name: &[u8]) -> Result<Arc<Node>, Errno> {
        let node = lock(self.dir()?).remove(name).ok_or(Errno::NOENT)?;
        node.lose_link();
        Ok(node)
    }

    /// An entry that led to it is gone.
    fn lose_link(&self) {
        *lock(&self.home) = Default::default();
        let mut meta = lock(&self.meta);
        meta.links = meta.links.saturating_sub(1);
        if meta.links > 0 {
            self.budget.nodes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The directory above; the root's is itself.
    pub(crate) fn parent(self: &Arc<Node>) -> Arc<Node> {
        lock(&self.home).0.upgrade().unwrap_or_else(|| self.clone())
    }

    /// How many directories are above.
    pub(crate) fn depth(self: &Arc<Node>) -> usize {
        let mut depth = 0;
        let mut at = self.clone();
        while let Some(parent) = { lock(&at.home).0.upgrade() } {
            depth += 1;
            at = parent;
        }
        depth
    }

    /// How many directories are below each other here, with this one. No more than the depth
    /// that the tree may have, which bounds the recursion.
    pub(crate) fn height(&self) -> usize {
        let NodeKind::Dir(directory) = &self.kind else { return 0 };
        1 + lock(directory).entries().map(|(_, node)| node.height()).max().unwrap_or(0)
    }

    /// Whether any of the permission bits `mask` is set.
    pub(crate) fn allows(&self, mask: u32) -> Result<(), Errno> {
        if lock(&self.meta).mode & mask != 0 { Ok(()) } else { Err(Errno::ACCES) }
    }

    pub(crate) fn stat(&self) -> Stat {
        let (kind, size, rdev) = match &self.kind {
            NodeKind::File(content) => (kind::FILE, lock(content).len() as u64, 0),
            NodeKind::Dir(_) => (kind::DIR, 4096, 0),
            NodeKind::Link(target) => (kind::LINK, target.len() as u64, 0),
            NodeKind::Device(device) => (kind::CHAR, 0, 0x100 * (1 + *device as u32)),
        };
        let meta = lock(&self.meta);
        let mode = kind | meta.mode;
        let nlink = if self.is_dir() { 1 } else { meta.links };
        Stat { dev: 1, ino: self.ino, mode, nlink, rdev, size, times: meta.times }
    }

    /// Sets modification and change time.
    pub(crate) fn touch(&self, now: i64) {
        let mut meta = lock(&self.meta);
        (meta.times.modified, meta.times.changed) = (now, now);
    }

    /// Makes a file `len` bytes long.
    pub(crate) fn resize(&self, content: &mut Vec<u8>, len: u64) -> Result<(), Errno> {
        let old = content.len() as u64;
        if len <= old {
            content.truncate(len as usize);
            content.shrink_to(2 * content.len());
            self.budget.return_bytes(old - len);
            return Ok(());
        }
        self.budget.take_bytes(len - old)?;
        // The budget is less than the address space, so `len` is a size.
        if content.try_reserve((len - old) as usize).is_err() {
            self.budget.return_bytes(len - old);
            return Err(Errno::NOSPC);
        }
        content.resize(len as usize, 0);
        Ok(())
    }

    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let NodeKind::File(content) = &self.kind else { return Err(Errno::INVAL) };
        let content = lock(content);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let count = buffer.len().min(content.len() - start);
        buffer[..count].copy_from_slice(&content[start..start + count]);
        Ok(count)
    }

    pub(crate) fn write_at(&self, offset: u64, bytes: &[u8], now: i64) -> Result<usize, Errno> {
        let NodeKind::File(content) = &self.kind else { return Err(Errno::INVAL) };
        let mut content = lock(content);
        self.write_locked(&mut content, offset, bytes, now)?;
        Ok(bytes.len())
    }

    /// Writes at the end, and says where that is afterwards.
    pub(crate) fn append(&self, bytes: &[u8], now: i64) -> Result<u64, Errno> {
        let NodeKind::File(content) = &self.kind else { return Err(Errno::INVAL) };
        let mut content = lock(content);
        let end = content.len() as u64;
        self.write_locked(&mut content, end, bytes, now)?;
        Ok(content.len() as u64)
    }

    fn write_locked(
        &self,
        content: &mut Vec<u8>,
        offset: u64,
        bytes: &[u8],
        now: i64,
    ) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset.checked_add(bytes.len() as u64).ok_or(Errno::FBIG)?;
        if end > content.len() as u64 {
            self.resize(content, end)?;
        }
        content[offset as usize..end as usize].copy_from_slice(bytes);
        self.touch(now);
        Ok(())
    }

    /// Makes the file `len` bytes long.
    pub(crate) fn truncate(&self, len: u64, now: i64) -> Result<(), Errno> {
        match &self.kind {
            NodeKind::File(content) => self.resize(&mut lock(content), len)?,
            NodeKind::Dir(_) => return Err(Errno::ISDIR),
            _ => return Err(Errno::INVAL),
        }
        self.touch(now);
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        match &self.kind {
            NodeKind::File(content) => self.budget.return_bytes(lock(content).len() as u64),
            NodeKind::Link(target) => self.budget.return_bytes(target.len() as u64),
            NodeKind::Dir(_) | NodeKind::Device(_) => {}
        }
        self.budget.nodes.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Node};
    use crate::errno::Errno;

    #[test]
    fn a_budget_is_kept_and_given_back() {
        let budget = Budget::new(10, 3);
        let file = Node::new(&budget, Node::file(), 0o644, 0).unwrap();
        assert_eq!(file.write_at(2, b"12345678", 0), Ok(8));
        assert_eq!(file.write_at(3, b"12345678", 0), Err(Errno::NOSPC));
        assert_eq!(file.write_at(u64::MAX, b"12", 0), Err(Errno::FBIG));
        file.truncate(1, 0).unwrap();
        assert_eq!(budget.bytes_left(), 9);
        let dir = Node::new(&budget, Node::directory(), 0o755, 0).unwrap();
        dir.link(b"file", file).unwrap();
        let _third = Node::new(&budget, Node::file(), 0o644, 0).unwrap();
        assert_eq!(Node::new(&budget, Node::file(), 0o644, 0).err(), Some(Errno::NOSPC));
        assert!(Node::new(&budget, super::NodeKind::Link(vec![0; 10]), 0o777, 0).is_err());
        drop(dir);
        let link = Node::new(&budget, super::NodeKind::Link(vec![0; 10]), 0o777, 0).unwrap();
        assert!(Node::new(&budget, super::NodeKind::Link(vec![0; 1]), 0o777, 0).is_err());
        drop(link);
        assert_eq!((budget.bytes_left(), budget.nodes_left()), (10, 2));
    }
}
