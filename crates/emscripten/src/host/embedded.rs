//! Files that a program brings with it (`--embed-file`), as newer versions keep them in the module.

use palisade::Result;

use crate::ctx::{Call, aborted, now};
use crate::errno::{Errno, Fault};
use crate::fs::flags;
use crate::fs::walk::MAX_PATH;
use crate::signature::Value;
use crate::stream::lock;

/// Files of one list: as many as there can be in memory by default.
const MAX_FILES: usize = 1 << 18;
/// Bytes of all their paths: the work that it is to follow these cannot be interrupted.
const MAX_PATHS: usize = 8 << 20;

/// Makes the files of a list: name, length and contents, up to a name that is NULL.
pub(super) fn load(call: &mut Call<'_>) -> Result<Value> {
    let mut at = call.args.u32();
    // Contents are in different places of the memory, so all together are no longer than it.
    let (mut room, mut paths) = (call.guest.len() as u64, MAX_PATHS);
    for _ in 0..MAX_FILES {
        let word = |i: u32| call.guest.u32(at.checked_add(4 * i).ok_or(Fault)?);
        let (name, len, contents) = (word(0)?, word(1)?, word(2)?);
        if name == 0 {
            return Ok(Value::None);
        }
        room = room.checked_sub(len.into()).ok_or(Fault)?;
        let path = call.guest.c_bytes(name, MAX_PATH)?.unwrap_or_default();
        let Some(left) = paths.checked_sub(path.len()) else { break };
        paths = left;
        make(call, &path, contents, len).map_err(|errno| {
            let path = path.escape_ascii();
            aborted(format!("the embedded file `{path}` cannot be made (error {})", errno.code()))
        })?;
        at = at.checked_add(12).ok_or(Fault)?;
    }
    Err(aborted("the list of embedded files is too long"))
}

fn make(call: &mut Call<'_>, path: &[u8], contents: u32, len: u32) -> Result<(), Errno> {
    let parts = call.guest.parts(contents, len)?;
    let mut files = lock(&call.ctx.shared.files);
    let mut dir = files.root();
    let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).peekable();
    let mut last = &b""[..];
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            last = name;
            break;
        }
        match files.mkdir(&dir, name, 0o777, now()) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        dir = files.walk(&dir, name, true)?.existing()?;
    }
    let how = flags::CREATE | flags::TRUNCATE | flags::WRITE;
    let fd = files.open(&dir, last, how, 0o777, now())?;
    let open = files.remove(fd)?;
    drop(files);
    for (part, len) in parts {
        open.write_all(&call.guest.bytes(part, len)?, (part - contents).into(), now())?;
    }
    Ok(())
}
