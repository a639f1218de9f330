//! Error codes of WASI, and how errors of the host become them.
//!
//! Numbers are those of `$errno` in the `wasi_snapshot_preview1` witx file.

use std::io;

use rustix::io::Errno as Host;

/// Why a WASI function failed, as the guest sees it. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(u16);

impl Errno {
    pub(crate) const TOOBIG: Errno = Errno(1);
    pub(crate) const ACCES: Errno = Errno(2);
    pub(crate) const AGAIN: Errno = Errno(6);
    pub(crate) const BADF: Errno = Errno(8);
    pub(crate) const BUSY: Errno = Errno(10);
    pub(crate) const CONNABORTED: Errno = Errno(13);
    pub(crate) const CONNRESET: Errno = Errno(15);
    pub(crate) const DEADLK: Errno = Errno(16);
    pub(crate) const DQUOT: Errno = Errno(19);
    pub(crate) const EXIST: Errno = Errno(20);
    pub(crate) const FAULT: Errno = Errno(21);
    pub(crate) const FBIG: Errno = Errno(22);
    pub(crate) const ILSEQ: Errno = Errno(25);
    pub(crate) const INTR: Errno = Errno(27);
    pub(crate) const INVAL: Errno = Errno(28);
    pub(crate) const IO: Errno = Errno(29);
    pub(crate) const ISDIR: Errno = Errno(31);
    pub(crate) const LOOP: Errno = Errno(32);
    pub(crate) const MFILE: Errno = Errno(33);
    pub(crate) const MLINK: Errno = Errno(34);
    pub(crate) const NAMETOOLONG: Errno = Errno(37);
    pub(crate) const NFILE: Errno = Errno(41);
    pub(crate) const NOBUFS: Errno = Errno(42);
    pub(crate) const NODEV: Errno = Errno(43);
    pub(crate) const NOENT: Errno = Errno(44);
    pub(crate) const NOLCK: Errno = Errno(46);
    pub(crate) const NOMEM: Errno = Errno(48);
    pub(crate) const NOSPC: Errno = Errno(51);
    pub(crate) const NOSYS: Errno = Errno(52);
    pub(crate) const NOTCONN: Errno = Errno(53);
    pub(crate) const NOTDIR: Errno = Errno(54);
    pub(crate) const NOTEMPTY: Errno = Errno(55);
    pub(crate) const NOTSOCK: Errno = Errno(57);
    pub(crate) const NOTSUP: Errno = Errno(58);
    pub(crate) const NOTTY: Errno = Errno(59);
    pub(crate) const NXIO: Errno = Errno(60);
    pub(crate) const OVERFLOW: Errno = Errno(61);
    pub(crate) const PERM: Errno = Errno(63);
    pub(crate) const PIPE: Errno = Errno(64);
    pub(crate) const RANGE: Errno = Errno(68);
    pub(crate) const ROFS: Errno = Errno(69);
    pub(crate) const SPIPE: Errno = Errno(70);
    pub(crate) const STALE: Errno = Errno(72);
    pub(crate) const TIMEDOUT: Errno = Errno(73);
    pub(crate) const TXTBSY: Errno = Errno(74);
    pub(crate) const XDEV: Errno = Errno(75);
    pub(crate) const NOTCAPABLE: Errno = Errno(76);

    /// The number that the guest gets.
    pub(crate) fn code(self) -> u16 {
        self.0
    }
}

/// The number that WASI has for an error of the host, for other interfaces with the same numbers.
pub fn errno_of(error: io::Error) -> u16 {
    Errno::from(error).code()
}

impl From<Host> for Errno {
    fn from(host: Host) -> Errno {
        match host {
            Host::TOOBIG => Errno::TOOBIG,
            Host::ACCESS => Errno::ACCES,
            Host::AGAIN => Errno::AGAIN,
            Host::BADF => Errno::BADF,
            Host::BUSY => Errno::BUSY,
            Host::CONNABORTED => Errno::CONNABORTED,
            Host::CONNRESET => Errno::CONNRESET,
            Host::DEADLK => Errno::DEADLK,
            Host::DQUOT => Errno::DQUOT,
            Host::EXIST => Errno::EXIST,
            Host::FAULT => Errno::FAULT,
            Host::FBIG => Errno::FBIG,
            Host::ILSEQ => Errno::ILSEQ,
            Host::INTR => Errno::INTR,
            Host::INVAL => Errno::INVAL,
            Host::ISDIR => Errno::ISDIR,
            Host::LOOP => Errno::LOOP,
            Host::MFILE => Errno::MFILE,
            Host::MLINK => Errno::MLINK,
            Host::NAMETOOLONG => Errno::NAMETOOLONG,
            Host::NFILE => Errno::NFILE,
            Host::NOBUFS => Errno::NOBUFS,
            Host::NODEV => Errno::NODEV,
            Host::NOENT => Errno::NOENT,
            Host::NOLCK => Errno::NOLCK,
            Host::NOMEM => Errno::NOMEM,
            Host::NOSPC => Errno::NOSPC,
            Host::NOSYS => Errno::NOSYS,
            Host::NOTCONN => Errno::NOTCONN,
            Host::NOTDIR => Errno::NOTDIR,
            Host::NOTEMPTY => Errno::NOTEMPTY,
            Host::NOTSOCK => Errno::NOTSOCK,
            // On Linux this is also EOPNOTSUPP.
            Host::NOTSUP => Errno::NOTSUP,
            Host::NOTTY => Errno::NOTTY,
            Host::NXIO => Errno::NXIO,
            Host::OVERFLOW => Errno::OVERFLOW,
            Host::PERM => Errno::PERM,
            Host::PIPE => Errno::PIPE,
            Host::RANGE => Errno::RANGE,
            Host::ROFS => Errno::ROFS,
            Host::SPIPE => Errno::SPIPE,
            Host::STALE => Errno::STALE,
            Host::TIMEDOUT => Errno::TIMEDOUT,
            Host::TXTBSY => Errno::TXTBSY,
            Host::XDEV => Errno::XDEV,
            _ => Errno::IO,
        }
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Errno {
        if let Some(host) = Host::from_io_error(&error) {
            return host.into();
        }
        match error.kind() {
            // A refusal that does not come from the system is cap-std's: the path would have led
            // out of the directory it started from.
            io::ErrorKind::PermissionDenied => Errno::NOTCAPABLE,
            io::ErrorKind::InvalidInput => Errno::INVAL,
            io::ErrorKind::InvalidData => Errno::ILSEQ,
            io::ErrorKind::NotFound => Errno::NOENT,
            io::ErrorKind::StorageFull => Errno::NOSPC,
            io::ErrorKind::BrokenPipe => Errno::PIPE,
            io::ErrorKind::WouldBlock => Errno::AGAIN,
            io::ErrorKind::Interrupted => Errno::INTR,
            io::ErrorKind::Unsupported => Errno::NOTSUP,
            _ => Errno::IO,
        }
    }
}
