//! Duplicates of descriptors, their flags, and pipes.

use crate::ctx::Call;
use crate::errno::Errno;
use crate::fs::flags;
use crate::fs::open::OpenKind;
use crate::stream::lock;

type Result<T = i32> = std::result::Result<T, Errno>;

pub(super) fn dup(call: &mut Call<'_>) -> Result {
    let mut files = lock(&call.ctx.shared.files);
    let open = files.get(call.args.u32())?;
    Ok(files.insert(open, 0)?.cast_signed())
}

pub(super) fn dup2(call: &mut Call<'_>) -> Result {
    let (from, to) = (call.args.u32(), call.args.u32());
    let mut files = lock(&call.ctx.shared.files);
    let open = files.get(from)?;
    if from != to {
        files.replace(open, to)?;
    }
    Ok(to.cast_signed())
}

pub(super) fn dup3(call: &mut Call<'_>) -> Result {
    let (from, to) = (call.args.u32(), call.args.u32());
    let mut files = lock(&call.ctx.shared.files);
    let open = files.get(from)?;
    if from == to {
        return Err(Errno::INVAL);
    }
    files.replace(open, to)?;
    Ok(to.cast_signed())
}

/// `fcntl`: duplicates, flags, and locks, which are always free as there is one process.
pub(super) fn fcntl(call: &mut Call<'_>) -> Result {
    const F_DUPFD: u32 = 0;
    const F_GETFD: u32 = 1;
    const F_SETFD: u32 = 2;
    const F_GETFL: u32 = 3;
    const F_SETFL: u32 = 4;
    const F_GETLK: [u32; 2] = [5, 12];
    const F_SETLK: [u32; 4] = [6, 7, 13, 14];
    const F_DUPFD_CLOEXEC: u32 = 1030;
    const F_UNLCK: u16 = 2;
    let (fd, command, varargs) = (call.args.u32(), call.args.u32(), call.args.u32());
    let mut files = lock(&call.ctx.shared.files);
    let open = files.get(fd)?;
    match command {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let lowest = u32::try_from(call.guest.i32(varargs)?).map_err(|_| Errno::INVAL)?;
            Ok(files.insert(open, lowest)?.cast_signed())
        }
        F_GETFD | F_SETFD => Ok(0),
        F_GETFL => Ok(open.flags().cast_signed()),
        F_SETFL => {
            let flags = call.guest.u32(varargs)? & flags::CHANGEABLE;
            if let OpenKind::HostFile(file, _) = &open.kind {
                let mut host = rustix::fs::fcntl_getfl(file)?;
                host.set(rustix::fs::OFlags::APPEND, flags & flags::APPEND != 0);
                rustix::fs::fcntl_setfl(file, host)?;
            }
            let mut state = lock(&open.state);
            state.flags = state.flags & !flags::CHANGEABLE | flags;
            Ok(0)
        }
        _ if F_GETLK.contains(&command) => {
            let lock = call.guest.u32(varargs)?;
            call.guest.put_u16(lock, F_UNLCK)?;
            Ok(0)
        }
        _ if F_SETLK.contains(&command) => Ok(0),
        _ => Err(Errno::INVAL),
    }
}

fn make_pipe(call: &mut Call<'_>, result: u32, flags: u32) -> Result {
    call.guest.u64(result)?;
    let (read, write) = lock(&call.ctx.shared.files).pipe(flags)?;
    call.guest.put_u64(result, u64::from(read) | u64::from(write) << 32)?;
    Ok(0)
}

pub(super) fn pipe(call: &mut Call<'_>) -> Result {
    let result = call.args.u32();
    make_pipe(call, result, 0)
}

pub(super) fn pipe2(call: &mut Call<'_>) -> Result {
    let (result, flags) = (call.args.u32(), call.args.u32());
    make_pipe(call, result, flags)
}
