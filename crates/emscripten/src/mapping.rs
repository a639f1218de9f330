//! Functions of the host that need an allocation of the guest: `mmap`, and the older `tzset`.

use palisade::{Caller, Error, FuncType, Linker, Result, Val, ValType};

use crate::ctx::Call;
use crate::errno::{Errno, Fault};
use crate::host;
use crate::link::{Context, enter};
use crate::signature::Args;

/// As the C library aligns mappings.
const ALIGN: u32 = 65536;

/// One call of `mmap`.
struct Request {
    len: u32,
    prot: u32,
    flags: u32,
    fd: u32,
    offset: i64,
    /// Where to store that there is an allocation.
    allocated: u32,
    /// Where to store its address; if there is no such place, the address is the result.
    address: Option<u32>,
}

/// Maps a file: `(len, prot, flags, fd, offset, allocated, address)`, or as in 3.1.6
/// `(address, len, prot, flags, fd, offset, allocated)`.
pub(crate) fn define_mmap<T: 'static>(
    linker: &mut Linker<T>,
    (module, name): (&str, &str),
    ty: &FuncType,
    ctx: impl Context<T>,
) -> Result<()> {
    // The newer one has an i64 among its seven, or eight if that is in two halves.
    let old = ty.params().len() == 7 && ty.params().all(|ty| ty == ValType::I32);
    let call = move |mut caller: Caller<'_, T>, params: &[Val], results: &mut [Val]| {
        let mut args = Args(params.iter());
        if old {
            args.u32();
        }
        let (len, prot) = (args.u32(), args.u32());
        let (flags, fd) = (args.u32(), args.u32());
        let request = if old {
            let offset = i64::from(args.i32());
            Request { len, prot, flags, fd, offset, allocated: args.u32(), address: None }
        } else {
            let offset = args.i64();
            let (allocated, address) = (args.u32(), Some(args.u32()));
            Request { len, prot, flags, fd, offset, allocated, address }
        };
        results[0] = Val::I32(match map(&mut caller, ctx, &request)? {
            Ok(result) => result.cast_signed(),
            Err(errno) => -i32::from(errno.code()),
        });
        Ok(())
    };
    linker.func_new(module, name, ty.clone(), call)?;
    Ok(())
}

fn map<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    request: &Request,
) -> Result<Result<u32, Errno>> {
    let (len, fd) = (request.len, request.fd);
    let data = ctx(caller.data_mut());
    if let Err(errno) = host::memory::map_request(data, len, request.prot, request.flags, fd) {
        return Ok(Err(errno));
    }
    let Some(memalign) = data.linked.memalign else {
        return Ok(Err(Errno::NOMEM));
    };
    let Some(room) = len.checked_next_multiple_of(ALIGN) else { return Ok(Err(Errno::NOMEM)) };
    let at = match memalign.call(&mut *caller, (ALIGN, room))? {
        0 => return Ok(Err(Errno::NOMEM)),
        at => at,
    };
    let (guest, data) = enter(caller, ctx)?;
    // What the guest's allocator gives has to be in its memory, all the same.
    guest.has(at, len)?;
    let mut call = Call { ctx: data, guest, args: Args([].iter()) };
    if let Err(errno) = host::memory::fill_mapping(&mut call, at, len, fd, request.offset) {
        return Ok(Err(errno));
    }
    call.guest.put_u32(request.allocated, 1)?;
    match request.address {
        Some(address) => {
            call.guest.put_u32(address, at)?;
            Ok(Ok(0))
        }
        None => Ok(Ok(at)),
    }
}

/// Stores seconds west of UTC, whether there is daylight saving time, and pointers to two names.
pub(crate) fn tzset<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    timezone: u32,
    daylight: u32,
    at_names: u32,
) -> Result<()> {
    let data = ctx(caller.data_mut());
    let (west, has_dst, names) = host::zone::describe(data);
    let Some(malloc) = data.linked.malloc else {
        return Err(Error::msg("`_tzset_js` needs the module to export `malloc`"));
    };
    let mut guest = enter(caller, ctx)?.0;
    guest.put_i32(timezone, west)?;
    guest.put_i32(daylight, has_dst.into())?;
    for (i, name) in (0..).zip(names) {
        let name = [name.as_bytes(), b"\0"].concat();
        let at = malloc.call(&mut *caller, name.len() as u32)?;
        let mut guest = enter(caller, ctx)?.0;
        guest.write(at, &name)?;
        guest.put_u32(at_names.checked_add(4 * i).ok_or(Fault)?, at)?;
    }
    Ok(())
}
