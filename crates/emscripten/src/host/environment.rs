//! Variables, arguments, and random bytes.

use palisade::Result;

use crate::ctx::Call;
use crate::errno::{Errno, Fault};
use crate::guest::Guest;
use crate::signature::Value;

/// Stores how many strings there are, and their bytes with a NUL each.
fn sizes(guest: &mut Guest<'_>, list: &[Vec<u8>], at: (u32, u32)) -> Result<(), Errno> {
    let bytes: usize = list.iter().map(|item| item.len() + 1).sum();
    guest.put_u32(at.0, u32::try_from(list.len()).map_err(|_| Errno::OVERFLOW)?)?;
    Ok(guest.put_u32(at.1, u32::try_from(bytes).map_err(|_| Errno::OVERFLOW)?)?)
}

/// Stores the strings, and where each begins.
fn strings(guest: &mut Guest<'_>, list: &[Vec<u8>], at: (u32, u32)) -> Result<(), Errno> {
    let (mut pointer, mut buffer) = at;
    for item in list {
        guest.put_u32(pointer, buffer)?;
        guest.write(buffer, &[item, &b"\0"[..]].concat())?;
        let len = u32::try_from(item.len() + 1).map_err(|_| Errno::OVERFLOW)?;
        buffer = buffer.checked_add(len).ok_or(Fault)?;
        pointer = pointer.checked_add(4).ok_or(Fault)?;
    }
    Ok(())
}

pub(super) fn environ_sizes_get(call: &mut Call<'_>) -> Result<(), Errno> {
    let at = (call.args.u32(), call.args.u32());
    sizes(&mut call.guest, &call.ctx.shared.env, at)
}

pub(super) fn environ_get(call: &mut Call<'_>) -> Result<(), Errno> {
    let at = (call.args.u32(), call.args.u32());
    strings(&mut call.guest, &call.ctx.shared.env, at)
}

pub(super) fn args_sizes_get(call: &mut Call<'_>) -> Result<(), Errno> {
    let at = (call.args.u32(), call.args.u32());
    sizes(&mut call.guest, &call.ctx.shared.args, at)
}

pub(super) fn args_get(call: &mut Call<'_>) -> Result<(), Errno> {
    let at = (call.args.u32(), call.args.u32());
    strings(&mut call.guest, &call.ctx.shared.args, at)
}

pub(super) fn random_get(call: &mut Call<'_>) -> Result<(), Errno> {
    let (mut at, mut len) = (call.args.u32(), call.args.u32());
    while len > 0 {
        let count = call.guest.fill(at, len, |buffer| {
            getrandom::fill(buffer).map_err(|_| Errno::IO)?;
            Ok(buffer.len())
        })?;
        // Within the memory, or it would not have been filled.
        (at, len) = (at.wrapping_add(count as u32), len - count as u32);
    }
    Ok(())
}

/// The program's name, cut off where the buffer ends.
pub(super) fn module_name(call: &mut Call<'_>) -> Result<Value> {
    let (at, len) = (call.args.u32(), call.args.u32());
    let Some(room) = len.checked_sub(1) else { return Ok(Value::I32(0)) };
    let name = call.ctx.shared.args.first().cloned().unwrap_or_default();
    let name = &name[..name.len().min(room as usize)];
    call.guest.write(at, &[name, b"\0"].concat())?;
    Ok(Value::I32(i32::try_from(name.len()).unwrap_or(i32::MAX)))
}
