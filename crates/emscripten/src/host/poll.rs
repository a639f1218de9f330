//! Waiting for descriptors.
//!
//! Only stdin can make a call of a program with one thread wait: nothing else that it waits for
//! changes meanwhile, so that is looked at once. Where there are threads, all is looked at now and
//! then, until the program has ended.

use std::time::{Duration, Instant};

use crate::ctx::Call;
use crate::errno::Errno;
use crate::fs::open::{Open, OpenKind};
use crate::stream::lock;
use crate::threads::Crew;

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

/// The descriptors that are ready and how, waiting if there is none.
fn wait(call: &Call<'_>, wanted: &[(i32, u16)], timeout: i32) -> Vec<u16> {
    let opens: Vec<_> = {
        let files = lock(&call.ctx.shared.files);
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
    let found = look();
    if timeout == 0 || found.iter().any(|found| *found != 0) {
        return found;
    }
    let waits = wanted.iter().zip(&opens).find_map(|((fd, wanted), open)| {
        let open = open.as_ref()?;
        let reads = matches!(open.kind, OpenKind::Input(_) | OpenKind::Terminal(..));
        (*fd >= 0 && wanted & IN != 0 && reads).then_some(open)
    });
    if let Some(member) = &call.ctx.member {
        return look_often(&member.crew, timeout, look);
    }
    if let Some(open) = waits {
        // Several of them are the same stdin, which is waited for once.
        ready(open, IN, timeout);
        return look();
    }
    // Nothing can become ready: the time passes, but not for ever.
    if let Ok(timeout) = u64::try_from(timeout) {
        std::thread::sleep(Duration::from_millis(timeout));
    }
    found
}

/// Looks until something is found, the time is over (`timeout` in milliseconds, for ever if that is
/// negative), or the program.
fn look_often(crew: &Crew, timeout: i32, look: impl Fn() -> Vec<u16>) -> Vec<u16> {
    let limit = u64::try_from(timeout).ok().map(Duration::from_millis);
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let found = look();
        let left = deadline.map_or(PAUSE, |end| end.saturating_duration_since(Instant::now()));
        if found.iter().any(|found| *found != 0) || left.is_zero() || crew.has_ended() {
            return found;
        }
        crew.sleep(left.min(PAUSE));
    }
}

pub(super) fn poll(call: &mut Call<'_>) -> Result<i32, Errno> {
    let (at, count, timeout) = (call.args.u32(), call.args.u32(), call.args.i32());
    if count > MAX {
        return Err(Errno::INVAL);
    }
    let table = call.guest.bytes(at, count * 8)?;
    let wanted: Vec<(i32, u16)> = table
        .chunks_exact(8)
        .map(|row| {
            let fd = i32::from_le_bytes(row[..4].try_into().expect("4 bytes"));
            (fd, u16::from_le_bytes(row[4..6].try_into().expect("2 bytes")))
        })
        .collect();
    drop(table);
    let found = wait(call, &wanted, timeout);
    for (i, events) in (0..).zip(&found) {
        call.guest.put_u16(at + 8 * i + 6, *events)?;
    }
    Ok(found.iter().filter(|events| **events != 0).count() as i32)
}

/// `select`, with sets of up to 1024 descriptors.
pub(super) fn select(call: &mut Call<'_>) -> Result<i32, Errno> {
    let count = call.args.i32();
    let sets = [call.args.u32(), call.args.u32(), call.args.u32()];
    let at_timeout = call.args.u32();
    let count = u32::try_from(count).ok().filter(|count| *count <= 1024).ok_or(Errno::INVAL)?;
    let timeout = match at_timeout {
        0 => -1,
        at => {
            let (seconds, micros) = call.ctx.layout().time(&call.guest, at)?;
            let millis = seconds.saturating_mul(1000).saturating_add(i64::from(micros) / 1000);
            if millis < 0 {
                return Err(Errno::INVAL);
            }
            i32::try_from(millis).unwrap_or(i32::MAX)
        }
    };
    let len = count.div_ceil(32) * 4;
    let mut bits = [const { Vec::new() }; 3];
    for (bits, at) in bits.iter_mut().zip(sets) {
        *bits =
            if at == 0 { vec![0; len as usize] } else { call.guest.bytes(at, len)?.into_owned() };
    }
    let has = |set: usize, fd: u32| bits[set][fd as usize / 8] & (1 << (fd % 8)) != 0;
    let wanted: Vec<(i32, u16)> = (0..count)
        .filter(|fd| (0..3).any(|set| has(set, *fd)))
        .map(|fd| {
            let events =
                [(0, IN), (1, OUT)].map(|(set, event)| if has(set, fd) { event } else { 0 });
            (fd.cast_signed(), events[0] | events[1])
        })
        .collect();
    let found = wait(call, &wanted, timeout);
    if found.contains(&NVAL) {
        return Err(Errno::BADF);
    }
    let mut results = [const { Vec::new() }; 3];
    results.iter_mut().for_each(|set| set.resize(len as usize, 0_u8));
    let mut total = 0;
    for ((fd, wanted), found) in wanted.iter().zip(found) {
        // What has ended can be read without waiting.
        let found = if found & HUP != 0 { found | IN } else { found } & wanted;
        for (set, event) in [(0, IN), (1, OUT)] {
            if found & event != 0 {
                results[set][*fd as usize / 8] |= 1 << (fd % 8);
                total += 1;
            }
        }
    }
    for (set, at) in results.iter().zip(sets) {
        if at != 0 {
            call.guest.write(at, set)?;
        }
    }
    Ok(total)
}
