//! Waiting: for a time, or for a descriptor to be ready.
//!
//! Of all descriptors only the host's stdin can be not ready; files and memory pipes always are.

use std::io::Seek;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionread;

use super::clock::Clock;
use crate::ctx::WasiCtx;
use crate::descriptor::{Descriptor, OpenFile};
use crate::errno::Errno;
use crate::guest::{Guest, le_u32, le_u64};
use crate::stream::Input;

/// Most subscriptions of one call, as the host copies them. More than a guest has descriptors.
const MAX_SUBSCRIPTIONS: u32 = 4096;

/// Longest single sleep. After it the clock is asked again, which matters for the time of day:
/// someone may have set it.
const MAX_SLEEP: Duration = Duration::from_secs(60);

const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: u32 = 32;

/// `$subclockflags`: the timeout is a time of the clock, not a duration from now.
const ABSTIME: u16 = 1;

/// `$eventtype`.
const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;

/// `$eventrwflags`: the other side has hung up.
const HANGUP: u16 = 1;

pub(super) fn sched_yield(_: &mut WasiCtx, _: Guest<'_>) -> Result<(), Errno> {
    std::thread::yield_now();
    Ok(())
}

/// Waits until at least one of `count` subscriptions has an event, and stores all events there are.
pub(super) fn poll_oneoff(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    stored: u32,
) -> Result<(), Errno> {
    let stored = guest.span(stored, 4)?;
    let events_at = guest.array(events, count, EVENT_BYTES)?;
    let subscriptions = guest.array(subscriptions, count, SUBSCRIPTION_BYTES)?;
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::INVAL);
    }
    // All are read before an event is stored: the guest's two arrays may overlap.
    let subscriptions = guest
        .bytes(subscriptions)
        .chunks_exact(SUBSCRIPTION_BYTES as usize)
        .map(|bytes| Subscription::parse(ctx, bytes))
        .collect::<Result<Vec<_>, Errno>>()?;

    let events = wait(ctx, &subscriptions)?;
    let mut rest = events_at;
    for event in &events {
        let count = guest.put(rest, &event.to_bytes());
        rest = rest.skip(count);
    }
    guest.put_u32(stored, events.len() as u32);
    Ok(())
}

/// `$subscription`.
struct Subscription {
    userdata: u64,
    /// `$eventtype`.
    tag: u8,
    /// What to wait for, or the error that its event reports at once.
    condition: Result<Condition, Errno>,
}

enum Condition {
    /// This clock has reached this time, in nanoseconds.
    Time(Clock, u64),
    Readable(u32),
    Writable(u32),
}

impl Subscription {
    /// `bytes` are [`SUBSCRIPTION_BYTES`] many. Relative times start to run now.
    fn parse(ctx: &WasiCtx, bytes: &[u8]) -> Result<Subscription, Errno> {
        let tag = bytes[8];
        let condition = match tag {
            CLOCK => deadline(ctx, bytes),
            FD_READ => Ok(Condition::Readable(le_u32(bytes, 16))),
            FD_WRITE => Ok(Condition::Writable(le_u32(bytes, 16))),
            _ => return Err(Errno::INVAL),
        };
        Ok(Subscription { userdata: le_u64(bytes, 0), tag, condition })
    }

    /// The event of this subscription, if there is one by now.
    fn event(&self, ctx: &WasiCtx) -> Option<Event> {
        let readiness = match &self.condition {
            Ok(Condition::Time(clock, at)) => match clock.now(ctx) {
                Ok(now) if now < *at => return None,
                now => now.map(|_| Readiness::default()),
            },
            Ok(Condition::Readable(fd)) => readable(ctx, *fd).transpose()?,
            Ok(Condition::Writable(fd)) => writable(ctx, *fd),
            Err(errno) => Err(*errno),
        };
        Some(Event { userdata: self.userdata, tag: self.tag, readiness })
    }
}

fn deadline(ctx: &WasiCtx, bytes: &[u8]) -> Result<Condition, Errno> {
    let clock = Clock::from_id(le_u32(bytes, 16))?;
    let timeout = le_u64(bytes, 24);
    let at = match u16::from_le_bytes([bytes[40], bytes[41]]) {
        0 => clock.now(ctx)?.saturating_add(timeout),
        ABSTIME => timeout,
        _ => return Err(Errno::INVAL),
    };
    Ok(Condition::Time(clock, at))
}

/// How much can be read or written without waiting.
#[derive(Default)]
struct Readiness {
    nbytes: u64,
    flags: u16,
}

impl Readiness {
    fn bytes(nbytes: u64) -> Readiness {
        Readiness { nbytes, flags: 0 }
    }
}

/// Nothing when a read would have to wait.
fn readable(ctx: &WasiCtx, fd: u32) -> Result<Option<Readiness>, Errno> {
    match ctx.fds.get(fd)? {
        Descriptor::Input(Input::Empty) => Ok(Some(Readiness { nbytes: 0, flags: HANGUP })),
        Descriptor::Input(Input::Pipe(pipe)) => Ok(Some(Readiness::bytes(pipe.len() as u64))),
        Descriptor::Input(Input::Host) => host_stdin_readable(),
        Descriptor::File(file) => Ok(Some(Readiness::bytes(rest_of(file)?))),
        Descriptor::Output(_) | Descriptor::Dir(_) => Err(Errno::BADF),
    }
}

fn host_stdin_readable() -> Result<Option<Readiness>, Errno> {
    let stdin = std::io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut fds, Some(&Timespec::default())) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let hangup = fds[0].revents().contains(PollFlags::HUP);
    let flags = if hangup { HANGUP } else { 0 };
    // Not every file can say how much there is; that it is ready is what counts.
    Ok(Some(Readiness { nbytes: ioctl_fionread(&stdin).unwrap_or(1), flags }))
}

/// Bytes between the position and the end of a file, none when it cannot seek.
fn rest_of(file: &OpenFile) -> Result<u64, Errno> {
    let len = file.for_reading()?.metadata()?.len();
    let position = (&file.file).stream_position().unwrap_or(len);
    Ok(len.saturating_sub(position))
}

fn writable(ctx: &WasiCtx, fd: u32) -> Result<Readiness, Errno> {
    match ctx.fds.get(fd)? {
        Descriptor::Output(_) => Ok(Readiness::bytes(1)),
        Descriptor::File(file) => file.for_writing().map(|_| Readiness::bytes(1)),
        Descriptor::Input(_) | Descriptor::Dir(_) => Err(Errno::BADF),
    }
}

/// `$event`.
struct Event {
    userdata: u64,
    tag: u8,
    readiness: Result<Readiness, Errno>,
}

impl Event {
    fn to_bytes(&self) -> [u8; EVENT_BYTES as usize] {
        let mut bytes = [0; EVENT_BYTES as usize];
        bytes[0..8].copy_from_slice(&self.userdata.to_le_bytes());
        bytes[10] = self.tag;
        match &self.readiness {
            Ok(ready) => {
                bytes[16..24].copy_from_slice(&ready.nbytes.to_le_bytes());
                bytes[24..26].copy_from_slice(&ready.flags.to_le_bytes());
            }
            Err(errno) => bytes[8..10].copy_from_slice(&errno.code().to_le_bytes()),
        }
        bytes
    }
}

/// The events of `subscriptions`, of which there is at least one; waits for the first.
fn wait(ctx: &WasiCtx, subscriptions: &[Subscription]) -> Result<Vec<Event>, Errno> {
    loop {
        let events: Vec<_> = subscriptions.iter().filter_map(|one| one.event(ctx)).collect();
        if !events.is_empty() {
            return Ok(events);
        }
        let mut sleep = MAX_SLEEP;
        let mut on_stdin = false;
        for subscription in subscriptions {
            match subscription.condition {
                Ok(Condition::Time(clock, at)) => {
                    let remaining = at.saturating_sub(clock.now(ctx)?);
                    sleep = sleep.min(Duration::from_nanos(remaining));
                }
                // Any other descriptor would have had its event.
                Ok(Condition::Readable(_)) => on_stdin = true,
                Ok(Condition::Writable(_)) | Err(_) => {}
            }
        }
        if on_stdin { wait_for_stdin(sleep)? } else { std::thread::sleep(sleep) }
    }
}

/// Waits until the host's stdin can be read, or the time is over, or something interrupts.
fn wait_for_stdin(timeout: Duration) -> Result<(), Errno> {
    let stdin = std::io::stdin();
    let timeout = Timespec {
        tv_sec: timeout.as_secs().cast_signed(),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
