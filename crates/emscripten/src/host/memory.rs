//! The size of the memory, and mapped files.
//!
//! A mapping is a copy in an allocation of the guest (`emscripten_builtin_memalign`), written back
//! by `msync` and `munmap` if it is shared.

use palisade::Result;

use crate::ctx::{Call, Emscripten, OnOom};
use crate::errno::Errno;
use crate::fs::open::At;
use crate::fs::stat::kind;
use crate::signature::Value;
use crate::stream::lock;

const PAGE: u64 = 65536;
/// What the memory is grown by beyond what was asked for, at most: 96 MiB.
const MAX_SURPLUS: u64 = 96 << 20;
/// A memory of 4 GiB would have a size of 0 in 32 bits.
const MAX_HEAP: u64 = (1 << 32) - PAGE;

/// The most bytes that the memory can have.
fn limit(ctx: &Emscripten) -> u64 {
    ctx.linked.memory_max.unwrap_or(MAX_HEAP).min(MAX_HEAP)
}

pub(super) fn heap_max(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32((limit(call.ctx) as u32).cast_signed()))
}

pub(super) fn heap_size(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32((call.guest.len() as u32).cast_signed()))
}

/// The sizes to try in this order, in bytes, for a memory of `size` bytes that should have
/// `requested`: Emscripten's rule adds a fifth, then a tenth, then a twentieth of the old size.
pub(crate) fn sizes_to_try(size: u64, requested: u64, limit: u64) -> Vec<u64> {
    if requested > limit {
        return Vec::new();
    }
    let with_surplus = |part: u64| {
        let generous = (size + size / part).min(requested.saturating_add(MAX_SURPLUS));
        generous.max(requested).next_multiple_of(PAGE).min(limit)
    };
    let mut sizes = [5, 10, 20].map(with_surplus).to_vec();
    sizes.dedup();
    sizes
}

/// What becomes of a request that cannot be fulfilled.
///
/// # Errors
///
/// When the program is to be aborted.
pub(crate) fn out_of_memory(ctx: &Emscripten, requested: u32) -> Result<u32> {
    let by_default = if ctx.linked.memory_fixed { OnOom::Abort } else { OnOom::Null };
    match ctx.shared.on_oom.unwrap_or(by_default) {
        OnOom::Null => Ok(0),
        OnOom::Abort => Err(crate::ctx::aborted(format!(
            "out of memory: the guest requested {requested} bytes, and its memory can have at \
             most {} bytes",
            limit(ctx)
        ))),
    }
}

/// A checked request to map a file: what `mmap` does before the guest allocates.
pub(crate) fn map_request(
    ctx: &Emscripten,
    len: u32,
    prot: u32,
    flags: u32,
    fd: u32,
) -> Result<(), Errno> {
    let open = lock(&ctx.shared.files).get(fd)?;
    let access = open.flags() & 3;
    let (write, shared) = (prot & WRITE != 0, flags & SHARED != 0);
    if access == 1 || (write && shared && access != 2) {
        return Err(Errno::ACCES);
    }
    match open.stat(0)?.mode & kind::MASK {
        kind::FILE if len > 0 => Ok(()),
        kind::FILE => Err(Errno::INVAL),
        _ => Err(Errno::NODEV),
    }
}

const WRITE: u32 = 2;
const SHARED: u32 = 1;

/// Fills a new mapping: the file's bytes, then zeros.
pub(crate) fn fill_mapping(
    call: &mut Call<'_>,
    at: u32,
    len: u32,
    fd: u32,
    offset: i64,
) -> Result<(), Errno> {
    let offset = u64::try_from(offset).map_err(|_| Errno::INVAL)?;
    let open = lock(&call.ctx.shared.files).get(fd)?;
    let mut done = 0;
    while done < len {
        let from = offset.checked_add(done.into()).ok_or(Errno::OVERFLOW)?;
        let count = call.guest.fill(at + done, len - done, |buffer| {
            let count = open.read(buffer, At::Offset(from))?;
            if count == 0 {
                buffer.fill(0);
                return Ok(buffer.len());
            }
            Ok(count)
        })?;
        done += count as u32;
    }
    Ok(())
}

/// Writes a shared mapping back, as far as the file goes.
fn write_back(call: &mut Call<'_>, at: u32, len: u32, fd: u32, offset: i64) -> Result<(), Errno> {
    let offset = u64::try_from(offset).map_err(|_| Errno::INVAL)?;
    let open = lock(&call.ctx.shared.files).get(fd)?;
    let size = open.stat(0)?.size;
    let len = u64::from(len).min(size.saturating_sub(offset)) as u32;
    for (part, len) in call.guest.parts(at, len)? {
        let to = offset.checked_add((part - at).into()).ok_or(Errno::OVERFLOW)?;
        open.write_all(&call.guest.bytes(part, len)?, to, crate::ctx::now())?;
    }
    Ok(())
}

/// `(addr, len, flags, fd)`, or in newer versions `(addr, len, prot, flags, fd, offset)`.
pub(super) fn msync(call: &mut Call<'_>) -> Result<i32, Errno> {
    let (at, len, third, fourth) =
        (call.args.u32(), call.args.u32(), call.args.u32(), call.args.u32());
    let old = call.args.0.len() == 0;
    let (fd, offset) = if old { (fourth, 0) } else { (call.args.u32(), call.args.i64()) };
    let shared = old || fourth & SHARED != 0;
    let writable = old || third & WRITE != 0;
    if shared && writable {
        write_back(call, at, len, fd, offset)?;
    }
    Ok(0)
}

/// The C library frees the allocation; a descriptor that was closed meanwhile is no error.
pub(super) fn munmap(call: &mut Call<'_>) -> Result<i32, Errno> {
    let (at, len, prot) = (call.args.u32(), call.args.u32(), call.args.u32());
    let (flags, fd) = (call.args.u32(), call.args.u32());
    let offset =
        if call.args.0.len() == 1 && matches!(call.args.0.as_slice()[0], palisade::Val::I32(_)) {
            i64::from(call.args.i32())
        } else {
            call.args.i64()
        };
    if prot & WRITE != 0 && flags & SHARED != 0 {
        match write_back(call, at, len, fd, offset) {
            Ok(()) | Err(Errno::BADF) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::{PAGE, sizes_to_try};

    #[test]
    fn memories_grow_by_a_fifth_if_they_can() {
        assert_eq!(
            sizes_to_try(100 * PAGE, 101 * PAGE, 200 * PAGE),
            [120, 110, 105].map(|n| n * PAGE)
        );
        assert_eq!(sizes_to_try(100 * PAGE, 100 * PAGE + 1, 102 * PAGE), [102 * PAGE]);
        assert_eq!(sizes_to_try(100 * PAGE, 150 * PAGE, 200 * PAGE), [150 * PAGE]);
        assert!(sizes_to_try(100 * PAGE, 200 * PAGE + 1, 200 * PAGE).is_empty());
        let (gib, mib) = (1 << 30, 1 << 20);
        assert_eq!(
            sizes_to_try(2 * gib, 2 * gib + PAGE, 4 * gib - PAGE)[0],
            2 * gib + PAGE + 96 * mib
        );
    }
}
