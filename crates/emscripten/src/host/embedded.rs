//! Files that a program brings with it (`--embed-file`), as newer versions keep them in the module.

use palisade::Result;

use crate::ctx::{Call, aborted, now};
use crate::errno::{Errno, Fault};
use crate::fs::flags;
use crate::fs::open::At;
use crate::fs::walk::MAX_PATH;
use crate::signature::Value;
use crate::stream::lock;

/// Makes the files of a list: name, length and contents, up to a name that is NULL.
pub(super) fn load(call: &mut Call<'_>) -> Result<Value> {
    let mut at = call.args.u32();
    loop {
        let word = |i: u32| call.guest.u32(at.checked_add(4 * i).ok_or(Fault)?);
        let (name, len, contents) = (word(0)?, word(1)?, word(2)?);
        if name == 0 {
            return Ok(Value::None);
        }
        let path = call.guest.c_bytes(name, MAX_PATH)?.unwrap_or_default();
        make(call, &path, contents, len).map_err(|errno| {
            let path = path.escape_ascii();
            aborted(format!("the embedded file `{path}` cannot be made (error {})", errno.code()))
        })?;
        at = at.checked_add(12).ok_or(Fault)?;
    }
}

fn make(call: &mut Call<'_>, path: &[u8], contents: u32, len: u32) -> Result<(), Errno> {
    let bytes = call.guest.bytes(contents, len)?;
    let mut files = lock(&call.ctx.shared.files);
    let root = files.root();
    let slashes = path.iter().enumerate().filter(|(i, byte)| *i > 0 && **byte == b'/');
    for (end, _) in slashes {
        match files.mkdir(&root, &path[..end], 0o777, now()) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    let how = flags::CREATE | flags::TRUNCATE | flags::WRITE;
    let fd = files.open(&root, path, how, 0o777, now())?;
    let open = files.remove(fd)?;
    drop(files);
    let mut left = &bytes[..];
    while !left.is_empty() {
        let count = open.write(left, At::Position, now())?;
        left = &left[count..];
    }
    Ok(())
}
