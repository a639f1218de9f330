//! `ioctl`, as far as it is about terminals.
//!
//! The standard streams are terminals for the guest, wherever they lead, as in Emscripten: its C
//! library writes line by line, so that what several streams get comes in order.

use crate::ctx::Call;
use crate::errno::Errno;
use crate::fs::open::OpenKind;
use crate::stream::lock;

const TCGETS: u32 = 0x5401;
const TCSETS: std::ops::RangeInclusive<u32> = 0x5402..=0x5404;
const TCGETA: u32 = 0x5405;
const TCSETA: std::ops::RangeInclusive<u32> = 0x5406..=0x5408;
const TIOCGPGRP: u32 = 0x540f;
const TIOCSPGRP: u32 = 0x5410;
const TIOCGWINSZ: u32 = 0x5413;
const TIOCSWINSZ: u32 = 0x5414;
const FIONREAD: u32 = 0x541b;
const FIONBIO: u32 = 0x5421;

/// Flags of a terminal that reads lines and shows what is typed.
const MODES: [u32; 4] = [0x6500, 0x5, 0xbf, 0x8a3b];
/// What the keys of control do.
const KEYS: [u8; 17] = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0];

pub(super) fn ioctl(call: &mut Call<'_>) -> Result<i32, Errno> {
    let (fd, request, varargs) = (call.args.u32(), call.args.u32(), call.args.u32());
    let open = lock(&call.ctx.shared.files).get(fd)?;
    if let OpenKind::Pipe(pipe) = &open.kind
        && request == FIONREAD
    {
        let at = call.guest.u32(varargs)?;
        call.guest.put_u32(at, pipe.available() as u32)?;
        return Ok(0);
    }
    if !open.is_terminal() {
        return Err(Errno::NOTTY);
    }
    match request {
        TCGETS => {
            let at = call.guest.u32(varargs)?;
            let mut bytes: Vec<u8> = MODES.iter().flat_map(|mode| mode.to_le_bytes()).collect();
            bytes.push(0);
            bytes.extend(KEYS);
            // 32 keys in all.
            bytes.resize(17 + 32, 0);
            call.guest.write(at, &bytes)?;
            Ok(0)
        }
        TIOCGPGRP => {
            let at = call.guest.u32(varargs)?;
            call.guest.put_u32(at, 0)?;
            Ok(0)
        }
        TIOCGWINSZ => {
            let at = call.guest.u32(varargs)?;
            let (rows, columns) = window();
            call.guest.put_u64(at, u64::from(rows) | u64::from(columns) << 16)?;
            Ok(0)
        }
        TCGETA | TIOCSWINSZ | FIONBIO => Ok(0),
        _ if TCSETS.contains(&request) || TCSETA.contains(&request) => Ok(0),
        TIOCSPGRP => Err(Errno::INVAL),
        FIONREAD => {
            let at = call.guest.u32(varargs)?;
            call.guest.put_u32(at, 0)?;
            Ok(0)
        }
        _ => Err(Errno::INVAL),
    }
}

/// Rows and columns of the host's terminal, or what is usual.
fn window() -> (u16, u16) {
    rustix::termios::tcgetwinsize(rustix::stdio::stdout())
        .map_or((24, 80), |size| (size.ws_row, size.ws_col))
}
