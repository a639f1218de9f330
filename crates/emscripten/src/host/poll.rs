//! Waiting for descriptors.
//!
//! Only stdin can make a call of a program with one thread wait: nothing else that it waits for
//! changes meanwhile, so that is looked at once. Where there are threads, all is looked at now and
//! then, until the program has ended. A guest that waits can be interrupted.

use std::time::{Duration, Instant};

use palisade::{AsContextMut, Caller, Result};

use crate::Layout;
use crate::errno::Errno;
use crate::events::{LOOK_UP, pause};
use crate::fs::open::{Open, OpenKind};
use crate::guest::Guest;
use crate::link::{Context, enter};
use crate::stream::lock;

const IN: u16 = 1;
const OUT: u16 = 4;
const HUP: u16 = 16;
const NVAL: u16 = 32;
/// Between two looks: what people do not notice, and processors neither.
const PAUSE: Duration = Duration::from_millis(5);
/// Descriptors of one call: as many as there can be.
const MAX: u32 = 4096;

/// What is ready, without waiting longer than `timeout` milliseconds for stdin.
fn ready(open: &Open, wanted: u16, timeout: i32) -> u16 {
    match &open.kind {
        OpenKind::Input(input) | OpenKind::Terminal(input, _) => {
            let out = if matches!(open.kind, OpenKind::Input(_)) { 0 } else { OUT };
            let reads = wanted & IN != 0 && input.ready(timeout);
            out | if reads { IN } else { 0 }
        }
        OpenKind::Pipe(pipe) => {
            let ends = if pipe.other_end_is_open() { 0 } else { HUP };
            let side = if pipe.writes { OUT } else { IN };
            let data = if pipe.ready() && (pipe.writes || pipe.available() > 0) { side } else { 0 };
            ends | data
        }
        OpenKind::Output(_) => OUT,
        _ => IN | OUT,
    }
}

/// The descriptors that are ready and how, waiting if there is none: at most `timeout` milliseconds,
/// for ever if that is negative, and not after the end of the program or thread.
///
/// # Errors
///
/// When the guest is interrupted meanwhile.
fn wait<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    wanted: &[(i32, u16)],
    timeout: i32,
) -> Result<Vec<u16>> {
    let data = ctx(caller.data_mut());
    let opens: Vec<_> = {
        let files = lock(&data.shared.files);
        wanted.iter().map(|(fd, _)| files.get(fd.cast_unsigned()).ok()).collect()
    };
    let look = || -> Vec<u16> {
        let pairs = wanted.iter().zip(&opens);
        pairs
            .map(|((fd, wanted), open)| match open {
                _ if *fd < 0 => 0,
                None => NVAL,
                Some(open) => ready(open, *wanted, 0) & (wanted | HUP),
            })
            .collect()
    };
    let waits = wanted.iter().zip(&opens).find_map(|((fd, wanted), open)| {
        let open = open.as_ref()?;
        let reads = matches!(open.kind, OpenKind::Input(_) | OpenKind::Terminal(..));
        (*fd >= 0 && wanted & IN != 0 && reads).then_some(open)
    });
    let threads = data.member.is_some();
    let limit = u64::try_from(timeout).ok().map(Duration::from_millis);
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut found = look();
    loop {
        caller.as_context_mut().check_interrupt()?;
        let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
        let data = ctx(caller.data_mut());
        let over = data.member.as_ref().is_some_and(|member| member.crew.is_over(member.address));
        if found.iter().any(|found| *found != 0) || left.is_some_and(|left| left.is_zero()) || over
        {
            return Ok(found);
        }
        found = match (threads, waits, left) {
            // Nothing can become ready: the time passes, but not for ever.
            (false, None, None) => return Ok(found),
            (false, Some(open), left) => {
                let millis = left.unwrap_or(LOOK_UP).min(LOOK_UP).as_millis() as i32;
                // Several of them are the same stdin, which is waited for once.
                ready(open, IN, millis.max(1));
                look()
            }
            (_, _, left) => {
                let most = if threads { PAUSE } else { LOOK_UP };
                pause(data, left.unwrap_or(most).min(most));
                look()
            }
        };
    }
}

/// What a system call gives: a number, or a negative error number.
fn code(result: Result<i32, Errno>) -> i32 {
    result.unwrap_or_else(|errno| -i32::from(errno.code()))
}

pub(crate) fn poll<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    (at, count): (u32, u32),
    timeout: i32,
) -> Result<i32> {
    let wanted = match polled(&enter(caller, ctx)?.0, at, count) {
        Ok(wanted) => wanted,
        Err(errno) => return Ok(code(Err(errno))),
    };
    let found = wait(caller, ctx, &wanted, timeout)?;
    let mut guest = enter(caller, ctx)?.0;
    for (i, events) in (0..).zip(&found) {
        if guest.put_u16(at + 8 * i + 6, *events).is_err() {
            return Ok(code(Err(Errno::FAULT)));
        }
    }
    Ok(found.iter().filter(|events| **events != 0).count() as i32)
}

/// The table of `poll`: descriptors, and what is asked of each.
fn polled(guest: &Guest<'_>, at: u32, count: u32) -> Result<Vec<(i32, u16)>, Errno> {
    if count > MAX {
        return Err(Errno::INVAL);
    }
    let table = guest.bytes(at, count * 8)?;
    let row = |row: &[u8]| {
        let fd = i32::from_le_bytes(row[..4].try_into().expect("4 bytes"));
        (fd, u16::from_le_bytes(row[4..6].try_into().expect("2 bytes")))
    };
    Ok(table.chunks_exact(8).map(row).collect())
}

/// `select`: how many descriptors, the three sets, and the time.
pub(crate) struct Select(pub(crate) i32, pub(crate) [u32; 3], pub(crate) u32);

/// With sets of up to 1024 descriptors.
pub(crate) fn select<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: impl Context<T>,
    call: &Select,
) -> Result<i32> {
    let (guest, data) = enter(caller, ctx)?;
    let (wanted, timeout) = match call.selected(&guest, data.layout()) {
        Ok(selected) => selected,
        Err(errno) => return Ok(code(Err(errno))),
    };
    let found = wait(caller, ctx, &wanted, timeout)?;
    Ok(code(call.put(&mut enter(caller, ctx)?.0, &wanted, &found)))
}

impl Select {
    /// Bytes of a set.
    fn len(&self) -> u32 {
        self.0.cast_unsigned().div_ceil(32) * 4
    }

    /// The descriptors, what is asked of each, and the time in milliseconds.
    fn selected(&self, guest: &Guest<'_>, layout: Layout) -> Result<(Vec<(i32, u16)>, i32), Errno> {
        let Select(count, sets, at_timeout) = *self;
        if !(0..=1024).contains(&count) {
            return Err(Errno::INVAL);
        }
        let timeout = match at_timeout {
            0 => -1,
            at => {
                let (seconds, micros) = layout.time(guest, at)?;
                let millis = seconds.saturating_mul(1000).saturating_add(i64::from(micros) / 1000);
                if millis < 0 {
                    return Err(Errno::INVAL);
                }
                i32::try_from(millis).unwrap_or(i32::MAX)
            }
        };
        let len = self.len();
        let mut bits = [const { Vec::new() }; 3];
        for (bits, at) in bits.iter_mut().zip(sets) {
            *bits =
                if at == 0 { vec![0; len as usize] } else { guest.bytes(at, len)?.into_owned() };
        }
        let has = |set: usize, fd: i32| bits[set][fd as usize / 8] & (1 << (fd % 8)) != 0;
        let wanted = (0..count).filter(|fd| (0..3).any(|set| has(set, *fd))).map(|fd| {
            let events =
                [(0, IN), (1, OUT)].map(|(set, event)| if has(set, fd) { event } else { 0 });
            (fd, events[0] | events[1])
        });
        Ok((wanted.collect(), timeout))
    }

    /// Stores what is ready, and says how much that is.
    fn put(
        &self,
        guest: &mut Guest<'_>,
        wanted: &[(i32, u16)],
        found: &[u16],
    ) -> Result<i32, Errno> {
        if found.contains(&NVAL) {
            return Err(Errno::BADF);
        }
        let mut results = [const { Vec::new() }; 3];
        results.iter_mut().for_each(|set| set.resize(self.len() as usize, 0_u8));
        let mut total = 0;
        for ((fd, wanted), found) in wanted.iter().zip(found) {
            // What has ended can be read without waiting.
            let found = if found & HUP != 0 { found | IN } else { *found } & wanted;
            for (set, event) in [(0, IN), (1, OUT)] {
                if found & event != 0 {
                    results[set][*fd as usize / 8] |= 1 << (fd % 8);
                    total += 1;
                }
            }
        }
        for (set, at) in results.iter().zip(self.1) {
            if at != 0 {
                guest.write(at, set)?;
            }
        }
        Ok(total)
    }
}
