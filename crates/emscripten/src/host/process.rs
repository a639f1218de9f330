//! Ending the program, messages, and questions about the process.

use palisade::{Error, Result};
use palisade_wasi::I32Exit;

use crate::ctx::{Call, aborted};
use crate::errno::Errno;
use crate::fs::open::At;
use crate::signature::Value;
use crate::stream::lock;

/// Bytes of a message that are shown.
const MESSAGE: usize = 1024;

pub(super) fn abort(_: &mut Call<'_>) -> Result<Value> {
    Err(aborted("aborted"))
}

pub(super) fn assert_fail(call: &mut Call<'_>) -> Result<Value> {
    let (condition, file) = (call.args.u32(), call.args.u32());
    let (line, function) = (call.args.i32(), call.args.u32());
    let text = |addr: u32, unknown: &str| match addr {
        0 => unknown.to_owned(),
        addr => call.guest.text(addr, MESSAGE),
    };
    Err(aborted(format!(
        "assertion failed: {}, at: {},{line},{}",
        text(condition, ""),
        text(file, "unknown filename"),
        text(function, "unknown function")
    )))
}

/// Whether the guest can sleep, as its JavaScript understands that.
pub(super) fn has_asyncify(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(call.ctx.linked.asyncify.into()))
}

/// The guest found its stack pointer outside of its stack, in linear memory.
pub(super) fn stack_overflow(call: &mut Call<'_>) -> Result<Value> {
    let requested = call.args.u32();
    Err(aborted(format!("stack overflow (the stack pointer would be {requested:#x})")))
}

pub(super) fn segfault(_: &mut Call<'_>) -> Result<Value> {
    Err(aborted("segmentation fault"))
}

pub(super) fn alignfault(_: &mut Call<'_>) -> Result<Value> {
    Err(aborted("alignment fault"))
}

pub(super) fn proc_exit(call: &mut Call<'_>) -> Result<Value> {
    Err(Error::new(I32Exit(call.args.i32())))
}

/// There is no shell, as in Emscripten outside of Node.
pub(super) fn system(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(match call.args.u32() {
        0 => 0,
        _ => -1,
    }))
}

pub(super) fn getloadavg(call: &mut Call<'_>) -> Result<Value> {
    let (at, count) = (call.args.u32(), call.args.i32().clamp(0, 3));
    for i in 0..count.cast_unsigned() {
        call.guest.put_f64(at.saturating_add(8 * i), 0.1)?;
    }
    Ok(Value::I32(count))
}

pub(super) fn nothing(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::None)
}

pub(super) fn zero(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(0))
}

pub(super) fn one(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(1))
}

pub(super) fn minus_one(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(-1))
}

pub(super) fn identity(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(call.args.i32()))
}

/// Prints a string and a line end.
fn print(call: &mut Call<'_>, fd: u32) -> Result<Value> {
    let at = call.args.u32();
    let len = call.guest.c_len(at)?;
    print_bytes(call, fd, at, len)
}

/// Prints the bytes of a buffer and a line end.
fn print_buffer(call: &mut Call<'_>, fd: u32) -> Result<Value> {
    let (at, len) = (call.args.u32(), call.args.u32());
    print_bytes(call, fd, at, len)
}

/// A line that is no longer than a part is written at once.
fn print_bytes(call: &mut Call<'_>, fd: u32, at: u32, len: u32) -> Result<Value> {
    let mut parts = call.guest.parts(at, len)?.peekable();
    let Ok(open) = lock(&call.ctx.shared.files).get(fd) else { return Ok(Value::None) };
    let mut line = Vec::new();
    loop {
        if let Some((at, len)) = parts.next() {
            line = call.guest.bytes(at, len)?.into_owned();
        }
        let last = parts.peek().is_none();
        if last {
            line.push(b'\n');
        }
        // Whoever wrote it did not ask whether it arrived.
        if open.write(&line, At::Position, 0).is_err() || last {
            return Ok(Value::None);
        }
    }
}

/// Prints what the host has made of the guest's text, and a line end.
pub(super) fn print_line(call: &mut Call<'_>, fd: u32, mut line: Vec<u8>) -> Result<Value> {
    line.push(b'\n');
    let open = lock(&call.ctx.shared.files).get(fd);
    if let Ok(open) = open {
        let _ = open.write(&line, At::Position, 0);
    }
    Ok(Value::None)
}

pub(super) fn out(call: &mut Call<'_>) -> Result<Value> {
    print(call, 1)
}

pub(super) fn outn(call: &mut Call<'_>) -> Result<Value> {
    print_buffer(call, 1)
}

pub(super) fn errn(call: &mut Call<'_>) -> Result<Value> {
    print_buffer(call, 2)
}

pub(super) fn err(call: &mut Call<'_>) -> Result<Value> {
    print(call, 2)
}

pub(super) fn root(_: &mut Call<'_>) -> Result<i32, Errno> {
    Ok(0)
}

/// As Emscripten has it.
pub(super) fn pid(_: &mut Call<'_>) -> Result<i32, Errno> {
    Ok(42)
}

pub(super) fn no_sockets(_: &mut Call<'_>) -> Result<i32, Errno> {
    Err(Errno::AFNOSUPPORT)
}

pub(super) fn not_a_socket(call: &mut Call<'_>) -> Result<i32, Errno> {
    let fd = call.args.u32();
    lock(&call.ctx.shared.files).get(fd)?;
    Err(Errno::NOTSOCK)
}
