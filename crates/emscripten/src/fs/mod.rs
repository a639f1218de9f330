//! The files of a guest: one table of descriptors, and one tree that begins in memory and leads to
//! folders of the host where they are mounted.
//!
//! Invariant: no call does more than one guest's share of work: names, paths, links, depth,
//! descriptors and bytes in memory are limited.

pub(crate) mod flags;
pub(crate) mod listing;
pub(crate) mod mount;
pub(crate) mod node;
pub(crate) mod open;
pub(crate) mod pipe;
pub(crate) mod stat;
mod tree;
pub(crate) mod walk;

use std::sync::Arc;

use cap_std::fs::Dir;

use crate::errno::Errno;
use crate::stream::{Input, Output, lock};
use mount::{Mount, Opened};
use node::{Budget, Device, Node, NodeKind};
use open::{Open, OpenKind};
use pipe::{Pipe, PipeEnd};
use walk::Place;

/// Descriptors of one guest, as Emscripten's `MAX_OPEN_FDS`.
pub(crate) const MAX_DESCRIPTORS: usize = 4096;
/// Directories below each other.
const MAX_DEPTH: usize = 512;

/// One entry of a directory.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) ino: u64,
    /// What it is: the type bits of a mode.
    pub(crate) mode: u32,
}

/// The descriptors and the tree.
pub(crate) struct Files {
    descriptors: Vec<Option<Arc<Open>>>,
    /// How many there can be, at most [`MAX_DESCRIPTORS`].
    pub(crate) max_descriptors: usize,
    pub(crate) root: Arc<Node>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) cwd: Place,
    pub(crate) umask: u32,
    stdin: Arc<Input>,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    mounts: u32,
    /// As in Emscripten 3.1.6, `open` says `ENOENT` of every path that cannot be followed.
    pub(crate) old: bool,
}

impl Files {
    /// What every program finds: directories and devices as Emscripten makes them.
    pub(crate) fn new(
        budget: Arc<Budget>,
        streams: (Input, Output, Output),
        now: i64,
    ) -> Result<Files, Errno> {
        let root = Node::new(&budget, Node::directory(), 0o777, now)?;
        let streams = (Arc::new(streams.0), Arc::new(streams.1), Arc::new(streams.2));
        let (stdin, stdout, stderr) = streams;
        let make = |at: &Arc<Node>, name: &str, kind: NodeKind, mode: u32| {
            let node = Node::new(&budget, kind, mode, now)?;
            at.link(name.as_bytes(), node.clone())?;
            Ok::<_, Errno>(node)
        };
        make(&root, "tmp", Node::directory(), 0o777)?;
        let home = make(&root, "home", Node::directory(), 0o777)?;
        make(&home, "web_user", Node::directory(), 0o777)?;
        let dev = make(&root, "dev", Node::directory(), 0o777)?;
        let mut devices = Vec::new();
        for (name, device) in [
            ("null", Device::Null),
            ("tty", Device::Terminal),
            ("tty1", Device::ErrorTerminal),
            ("random", Device::Random),
            ("urandom", Device::Random),
        ] {
            devices.push(make(&dev, name, NodeKind::Device(device), 0o666)?);
        }
        let shm = make(&dev, "shm", Node::directory(), 0o777)?;
        make(&shm, "tmp", Node::directory(), 0o777)?;
        let proc = make(&root, "proc", Node::directory(), 0o777)?;
        let own = make(&proc, "self", Node::directory(), 0o777)?;
        let fd = make(&own, "fd", Node::directory(), 0o777)?;
        lock(fd.dir()?).lists_descriptors = true;
        for (name, target) in [("stdin", "tty"), ("stdout", "tty"), ("stderr", "tty1")] {
            make(&dev, name, NodeKind::Link(format!("/dev/{target}").into()), 0o777)?;
        }

        let open = |kind, path: &str, flags, device: usize| {
            Some(Open::of_device(kind, path.into(), flags, Some(devices[device].clone())))
        };
        let descriptors = vec![
            open(OpenKind::Input(stdin.clone()), "/dev/stdin", flags::READ, 1),
            open(OpenKind::Output(stdout.clone()), "/dev/stdout", flags::WRITE, 1),
            open(OpenKind::Output(stderr.clone()), "/dev/stderr", flags::WRITE, 2),
        ];
        let cwd = Place::Memory(root.clone());
        Ok(Files {
            descriptors,
            max_descriptors: MAX_DESCRIPTORS,
            root,
            budget,
            cwd,
            umask: 0,
            stdin,
            stdout,
            stderr,
            mounts: 0,
            old: false,
        })
    }

    pub(crate) fn root(&self) -> Place {
        Place::of(&self.root)
    }

    /// Lets a folder of the host be seen at `path`, whose directories are made if they are
    /// missing.
    pub(crate) fn mount(
        &mut self,
        path: &[u8],
        dir: Dir,
        read_only: bool,
        now: i64,
    ) -> Result<(), Errno> {
        let mut at = self.root.clone();
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            if name == b"." || name == b".." {
                return Err(Errno::INVAL);
            }
            let next = lock(at.dir()?).get(name).cloned();
            at = match next {
                Some(node) => node,
                None => {
                    let node = Node::new(&self.budget, Node::directory(), 0o777, now)?;
                    at.link(name, node.clone())?;
                    node
                }
            };
        }
        if at.depth() > MAX_DEPTH {
            return Err(Errno::NAMETOOLONG);
        }
        if Arc::ptr_eq(&at, &self.root) {
            // The folder may have a home of its own; what programs need is kept.
            let _ = at.unlink(b"home");
        }
        self.mounts += 1;
        let (dev, node) = (15 + self.mounts, Arc::downgrade(&at));
        lock(at.dir()?).mount = Some(Arc::new(Mount { dir, read_only, dev, node }));
        if Arc::ptr_eq(&at, &self.root) {
            self.cwd = self.root();
        }
        Ok(())
    }

    /// The open file of a descriptor, for one call.
    pub(crate) fn get(&self, fd: u32) -> Result<Arc<Open>, Errno> {
        let open = self.descriptors.get(fd as usize).and_then(Option::as_ref);
        open.cloned().ok_or(Errno::BADF)
    }

    /// Numbers that are in use.
    pub(crate) fn open_descriptors(&self) -> impl Iterator<Item = u32> {
        let numbers = self.descriptors.iter().zip(0_u32..);
        numbers.filter(|(open, _)| open.is_some()).map(|(_, number)| number)
    }

    /// Gives it the lowest free number that is not below `lowest`.
    pub(crate) fn insert(&mut self, open: Arc<Open>, lowest: u32) -> Result<u32, Errno> {
        let lowest = lowest as usize;
        if lowest > 0 && lowest >= self.max_descriptors {
            return Err(Errno::INVAL);
        }
        let free = (lowest..self.max_descriptors)
            .find(|fd| self.descriptors.get(*fd).is_none_or(Option::is_none))
            .ok_or(Errno::MFILE)?;
        self.place(open, free);
        Ok(free as u32)
    }

    fn place(&mut self, open: Arc<Open>, fd: usize) -> Option<Arc<Open>> {
        if self.descriptors.len() <= fd {
            self.descriptors.resize_with(fd + 1, || None);
        }
        self.descriptors[fd].replace(open)
    }

    /// Gives it the number `fd`; what had that is closed.
    pub(crate) fn replace(&mut self, open: Arc<Open>, fd: u32) -> Result<(), Errno> {
        let fd = Some(fd as usize).filter(|fd| *fd < self.max_descriptors).ok_or(Errno::BADF)?;
        self.place(open, fd);
        Ok(())
    }

    /// Frees a number. Dropping what is given closes it, unless another number or call has it.
    pub(crate) fn remove(&mut self, fd: u32) -> Result<Arc<Open>, Errno> {
        let slot = self.descriptors.get_mut(fd as usize);
        slot.and_then(Option::take).ok_or(Errno::BADF)
    }

    /// A pipe: the numbers of the end to read and the end to write.
    pub(crate) fn pipe(&mut self, flags: u32) -> Result<(u32, u32), Errno> {
        let pipe = Pipe::new(&self.budget)?;
        let end = |writes: bool| {
            let access = if writes { flags::WRITE } else { flags::READ };
            let kind = OpenKind::Pipe(PipeEnd::new(&pipe, writes));
            Open::new(kind, b"pipe".to_vec(), access | flags & flags::NON_BLOCK)
        };
        let read = self.insert(end(false), 0)?;
        match self.insert(end(true), 0) {
            Ok(write) => Ok((read, write)),
            Err(errno) => {
                self.remove(read)?;
                Err(errno)
            }
        }
    }

    /// Where relative paths begin for a descriptor; `None` means the working directory.
    pub(crate) fn start(&self, dir: Option<u32>) -> Result<Place, Errno> {
        match dir {
            None => Ok(self.cwd.clone()),
            Some(fd) => match &self.get(fd)?.kind {
                OpenKind::Dir(place) => Ok(place.clone()),
                _ => Err(Errno::NOTDIR),
            },
        }
    }

    /// Opens a path and gives it a number.
    pub(crate) fn open(
        &mut self,
        start: &Place,
        path: &[u8],
        flags: u32,
        mode: u32,
        now: i64,
    ) -> Result<u32, Errno> {
        if flags & flags::ACCESS == flags::ACCESS {
            return Err(Errno::INVAL);
        }
        let exclusive = flags & flags::CREATE != 0 && flags & flags::EXCLUSIVE != 0;
        let follow = flags & flags::NO_FOLLOW == 0 && !exclusive;
        let found = match self.walk(start, path, follow) {
            Err(errno @ (Errno::NOTDIR | Errno::LOOP | Errno::ACCES)) => {
                let hides = self.old && flags & flags::CREATE == 0;
                return Err(if hides { Errno::NOENT } else { errno });
            }
            found => found?,
        };
        let creates = found.target.is_none();
        if creates && flags & flags::CREATE == 0 {
            return Err(Errno::NOENT);
        }
        if creates && (found.slash || flags & flags::DIRECTORY != 0) {
            return Err(if found.slash { Errno::ISDIR } else { Errno::INVAL });
        }
        let slash = found.slash;
        let device = match &found.target {
            Some(Place::Memory(node)) if matches!(node.kind, NodeKind::Device(_)) => {
                Some(node.clone())
            }
            _ => None,
        };
        let kind = match found.target {
            Some(_) if exclusive => return Err(Errno::EXIST),
            Some(Place::Memory(node)) => self.open_node(node, flags, now)?,
            Some(Place::Host(mount, path)) => open_host(mount, path, flags, 0)?,
            None => match found.dir {
                Place::Host(mount, path) => {
                    let path = path.join(name(&found.name));
                    open_host(mount, path, flags, mode & !self.umask)?
                }
                Place::Memory(dir) => {
                    dir.allows(0o222)?;
                    self.check_linked(&dir)?;
                    let mode = mode & !self.umask;
                    let node = Node::new(&self.budget, Node::file(), mode, now)?;
                    dir.link(&found.name, node.clone())?;
                    dir.touch(now);
                    OpenKind::File(node)
                }
            },
        };
        if slash && !matches!(kind, OpenKind::Dir(_)) {
            return Err(Errno::NOTDIR);
        }
        let path = self.opened_path(start, path, &kind);
        self.insert(Open::of_device(kind, path, flags, device), 0)
    }

    /// The path of what was opened, for `/proc/self/fd`; empty if it has none, or one that is too
    /// long to be kept for every descriptor.
    fn opened_path(&self, start: &Place, path: &[u8], kind: &OpenKind) -> Vec<u8> {
        let place = match kind {
            OpenKind::Dir(place) => self.path_of(place),
            OpenKind::File(node) => self.path_of(&Place::Memory(node.clone())),
            _ if path.starts_with(b"/") => return path.to_vec(),
            _ => self.path_of(start).map(|dir| [&dir, &b"/"[..], path].concat()),
        };
        place.ok().filter(|path| path.len() < walk::MAX_PATH).unwrap_or_default()
    }

    fn open_node(&self, node: Arc<Node>, flags: u32, now: i64) -> Result<OpenKind, Errno> {
        let access = flags & flags::ACCESS;
        if flags & flags::DIRECTORY != 0 && !node.is_dir() {
            return Err(Errno::NOTDIR);
        }
        if access != flags::WRITE {
            node.allows(0o444)?;
        }
        if access != flags::READ {
            if node.is_dir() {
                return Err(Errno::ISDIR);
            }
            node.allows(0o222)?;
        }
        Ok(match &node.kind {
            NodeKind::Dir(_) if flags & (flags::CREATE | flags::TRUNCATE) != 0 => {
                return Err(Errno::ISDIR);
            }
            NodeKind::Dir(_) => OpenKind::Dir(Place::Memory(node)),
            NodeKind::File(_) => {
                if flags & flags::TRUNCATE != 0 {
                    node.allows(0o222)?;
                    node.truncate(0, now)?;
                }
                OpenKind::File(node)
            }
            NodeKind::Link(_) => return Err(Errno::LOOP),
            NodeKind::Device(Device::Null) => OpenKind::Null,
            NodeKind::Device(Device::Random) => OpenKind::Random,
            NodeKind::Device(Device::Terminal) => {
                OpenKind::Terminal(self.stdin.clone(), self.stdout.clone())
            }
            NodeKind::Device(Device::ErrorTerminal) => {
                OpenKind::Terminal(self.stdin.clone(), self.stderr.clone())
            }
        })
    }

    /// Nothing is made in a directory that was removed.
    fn check_linked(&self, dir: &Arc<Node>) -> Result<(), Errno> {
        let linked = Arc::ptr_eq(dir, &self.root) || lock(&dir.home).0.upgrade().is_some();
        if linked { Ok(()) } else { Err(Errno::NOENT) }
    }

    /// Writes what embedders buffer of the guest's output.
    pub(crate) fn flush_streams(&self) {
        // Nobody is left to tell.
        let _ = self.stdout.flush();
        let _ = self.stderr.flush();
    }
}

fn open_host(
    mount: Arc<Mount>,
    path: std::path::PathBuf,
    flags: u32,
    mode: u32,
) -> Result<OpenKind, Errno> {
    Ok(match mount.open(&path, flags, mode)? {
        Opened::File(file) => OpenKind::HostFile(file, mount),
        Opened::Dir => OpenKind::Dir(Place::Host(mount, path)),
    })
}

/// A name as the host's paths have it.
fn name(name: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(name)
}
