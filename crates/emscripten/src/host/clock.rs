//! Clocks.

use palisade::Result;

use crate::ctx::{Call, now};
use crate::errno::Errno;
use crate::signature::Value;

/// Of the clocks of WASI and of POSIX, which have the same numbers as far as Emscripten has them.
const REALTIME: u32 = 0;
const LAST: u32 = 3;

/// Nanoseconds since the program began.
fn elapsed(call: &Call<'_>) -> i64 {
    i64::try_from(call.ctx.shared.began.elapsed().as_nanos()).unwrap_or(i64::MAX)
}

fn read(call: &Call<'_>, id: u32) -> Result<i64, Errno> {
    match id {
        REALTIME => Ok(now()),
        1..=LAST => Ok(elapsed(call)),
        _ => Err(Errno::INVAL),
    }
}

pub(super) fn clock_time_get(call: &mut Call<'_>) -> Result<(), Errno> {
    let (id, _precision, result) = (call.args.u32(), call.args.i64(), call.args.u32());
    let time = read(call, id)?;
    Ok(call.guest.put_i64(result, time)?)
}

pub(super) fn clock_res_get(call: &mut Call<'_>) -> Result<(), Errno> {
    let (id, result) = (call.args.u32(), call.args.u32());
    read(call, id)?;
    Ok(call.guest.put_i64(result, 1000)?)
}

/// Stores a `struct timespec`. These functions are the C library's own and set no `errno`.
fn timespec(call: &mut Call<'_>, time: Result<i64, Errno>, result: u32) -> Result<Value> {
    let Ok(time) = time else { return Ok(Value::I32(-1)) };
    let (seconds, nanos) = (time.div_euclid(1_000_000_000), time.rem_euclid(1_000_000_000));
    let layout = call.ctx.layout();
    layout.put_time(&mut call.guest, result, seconds, nanos as i32)?;
    Ok(Value::I32(0))
}

pub(super) fn clock_gettime(call: &mut Call<'_>) -> Result<Value> {
    let (id, result) = (call.args.u32(), call.args.u32());
    let time = read(call, id);
    timespec(call, time, result)
}

pub(super) fn clock_getres(call: &mut Call<'_>) -> Result<Value> {
    let (id, result) = (call.args.u32(), call.args.u32());
    let resolution = read(call, id).map(|_| 1000);
    timespec(call, resolution, result)
}

pub(super) fn gettimeofday(call: &mut Call<'_>) -> Result<Value> {
    let result = call.args.u32();
    let (now, layout) = (now(), call.ctx.layout());
    let micros = now.rem_euclid(1_000_000_000) / 1000;
    layout.put_time(&mut call.guest, result, now.div_euclid(1_000_000_000), micros as i32)?;
    Ok(Value::I32(0))
}

pub(super) fn time(call: &mut Call<'_>) -> Result<Value> {
    let result = call.args.u32();
    let seconds = now().div_euclid(1_000_000_000);
    if result != 0 {
        match call.ctx.layout() {
            crate::Layout::Old => call.guest.put_i32(result, seconds as i32)?,
            crate::Layout::New => call.guest.put_i64(result, seconds)?,
        }
    }
    Ok(Value::I64(seconds))
}

/// Microseconds since the program began, as `CLOCKS_PER_SEC` is a million.
pub(super) fn clock(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32((elapsed(call) / 1000) as i32))
}

/// `base` must be `TIME_UTC`.
pub(super) fn timespec_get(call: &mut Call<'_>) -> Result<Value> {
    const TIME_UTC: i32 = 1;
    let (result, base) = (call.args.u32(), call.args.i32());
    if base != TIME_UTC {
        return Ok(Value::I32(0));
    }
    timespec(call, Ok(now()), result)?;
    Ok(Value::I32(base))
}

/// `struct timeb`: seconds, milliseconds, and a zone that is always UTC.
pub(super) fn ftime(call: &mut Call<'_>) -> Result<Value> {
    let result = call.args.u32();
    let (seconds, millis) =
        (now().div_euclid(1_000_000_000), now().rem_euclid(1_000_000_000) / 1_000_000);
    let mut bytes = Vec::new();
    match call.ctx.layout() {
        crate::Layout::Old => bytes.extend((seconds as i32).to_le_bytes()),
        crate::Layout::New => bytes.extend(seconds.to_le_bytes()),
    }
    bytes.extend((millis as u16).to_le_bytes());
    bytes.extend([0; 4]);
    call.guest.write(result, &bytes)?;
    Ok(Value::I32(0))
}

pub(super) fn difftime(call: &mut Call<'_>) -> Result<Value> {
    let halves =
        call.args.0.len() == 2 && matches!(call.args.0.as_slice()[0], palisade::Val::I32(_));
    let mut next = || if halves { i64::from(call.args.i32()) } else { call.args.i64() };
    let (later, earlier) = (next(), next());
    Ok(Value::F64(later as f64 - earlier as f64))
}

/// Milliseconds since the program began.
pub(super) fn get_now(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::F64(elapsed(call) as f64 / 1e6))
}

/// Milliseconds since 1970.
pub(super) fn date_now(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::F64((now() / 1_000_000) as f64))
}

/// In nanoseconds.
pub(super) fn now_resolution(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::F64(1000.0))
}

pub(super) fn is_monotonic(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(1))
}
