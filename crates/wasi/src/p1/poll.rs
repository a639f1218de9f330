//! Waiting: for a time, or for a descriptor to be ready.
//!
//! All descriptors of the host are waited for by one call of its `poll`, which also answers for
//! files, which are always ready. Streams in memory are always ready too.

use std::fs::File;
use std::io::Seek;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cap_std::fs::Metadata;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionread;

use super::clock::Clock;
use crate::ctx::State;
use crate::descriptor::Descriptor;
use crate::errno::Errno;
use crate::guest::{Guest, le_u32, le_u64};
use crate::rights;
use crate::stream::{Input, Output};

/// Most subscriptions of one call, as the host copies them. More than a guest has descriptors.
const MAX_SUBSCRIPTIONS: u32 = 4096;

/// Longest single sleep. After it the clock is asked again, as somebody may have set it.
const MAX_SLEEP: Duration = Duration::from_secs(60);

const EVENT_BYTES: u32 = 32;

/// `$subclockflags`: the timeout is a time of the clock, not a duration from now.
const ABSTIME: u16 = 1;

/// `$eventtype`.
const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;

/// `$eventrwflags`: the other side has hung up.
const HANGUP: u16 = 1;

/// Where `$subscription` has its parts.
struct Layout {
    bytes: u32,
    clock_id: usize,
    timeout: usize,
    clock_flags: usize,
}

const PREVIEW1: Layout = Layout { bytes: 48, clock_id: 16, timeout: 24, clock_flags: 40 };

/// A clock has an identifier of 64 bits before its other parts.
const UNSTABLE: Layout = Layout { bytes: 56, clock_id: 24, timeout: 32, clock_flags: 48 };

pub(super) fn sched_yield(_: &State, _: Guest<'_>) -> Result<(), Errno> {
    std::thread::yield_now();
    Ok(())
}

/// Waits until at least one of `count` subscriptions has an event, and stores all events there are.
pub(super) fn poll_oneoff(
    ctx: &State,
    guest: Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    stored: u32,
) -> Result<(), Errno> {
    poll_as(&PREVIEW1, ctx, guest, subscriptions, events, count, stored)
}

pub(super) fn poll_oneoff_unstable(
    ctx: &State,
    guest: Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    stored: u32,
) -> Result<(), Errno> {
    poll_as(&UNSTABLE, ctx, guest, subscriptions, events, count, stored)
}

fn poll_as(
    layout: &Layout,
    ctx: &State,
    mut guest: Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    stored: u32,
) -> Result<(), Errno> {
    let stored = guest.span(stored, 4)?;
    let events_at = guest.array(events, count, EVENT_BYTES)?;
    let subscriptions = guest.array(subscriptions, count, layout.bytes)?;
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::INVAL);
    }
    // All are read before an event is stored: the guest's two arrays may overlap.
    let subscriptions = guest
        .copy(subscriptions)
        .chunks_exact(layout.bytes as usize)
        .map(|bytes| Subscription::parse(layout, ctx, bytes))
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
    /// It is this late.
    Time(Instant),
    /// The system's time of day is this many nanoseconds since 1970. Somebody may set it.
    TimeOfDay(u64),
    /// The host's descriptor, which this one has, is ready for this.
    Host(Arc<Descriptor>, PollFlags),
    /// Nothing, as it is always ready.
    Ready(Readiness),
}

impl Subscription {
    /// `bytes` are as many as the layout says. Relative times start to run now.
    fn parse(layout: &Layout, ctx: &State, bytes: &[u8]) -> Result<Subscription, Errno> {
        let tag = bytes[8];
        let condition = match tag {
            CLOCK => deadline(layout, ctx, bytes),
            FD_READ => readable(ctx, le_u32(bytes, 16)),
            FD_WRITE => writable(ctx, le_u32(bytes, 16)),
            _ => return Err(Errno::INVAL),
        };
        Ok(Subscription { userdata: le_u64(bytes, 0), tag, condition })
    }

    fn event(&self, readiness: Result<Readiness, Errno>) -> Event {
        Event { userdata: self.userdata, tag: self.tag, readiness }
    }
}

fn deadline(layout: &Layout, ctx: &State, bytes: &[u8]) -> Result<Condition, Errno> {
    let clock = Clock::from_id(le_u32(bytes, layout.clock_id))?;
    if !matches!(clock, Clock::Realtime | Clock::Monotonic) {
        return Err(Errno::INVAL);
    }
    let timeout = le_u64(bytes, layout.timeout);
    let flags = [bytes[layout.clock_flags], bytes[layout.clock_flags + 1]];
    let remaining = match u16::from_le_bytes(flags) {
        0 => timeout,
        ABSTIME if matches!(clock, Clock::Realtime) && ctx.clocks.wall.is_none() => {
            return Ok(Condition::TimeOfDay(timeout));
        }
        ABSTIME => timeout.saturating_sub(clock.now(ctx)?),
        _ => return Err(Errno::INVAL),
    };
    // By the host's time also when the guest's is the embedder's, which might stand still.
    let at = Instant::now().checked_add(Duration::from_nanos(remaining)).ok_or(Errno::OVERFLOW)?;
    Ok(Condition::Time(at))
}

/// How much can be read or written without waiting.
#[derive(Clone, Copy)]
struct Readiness {
    nbytes: u64,
    flags: u16,
}

impl Readiness {
    fn bytes(nbytes: u64) -> Readiness {
        Readiness { nbytes, flags: 0 }
    }
}

fn readable(ctx: &State, fd: u32) -> Result<Condition, Errno> {
    let descriptor = pollable(ctx, fd, rights::FD_READ)?;
    Ok(match &*descriptor {
        Descriptor::Input(Input::Empty) => Condition::Ready(Readiness { nbytes: 0, flags: HANGUP }),
        Descriptor::Input(Input::Pipe(pipe)) => {
            Condition::Ready(Readiness::bytes(pipe.len() as u64))
        }
        Descriptor::Input(Input::Reader(_)) => Condition::Ready(Readiness::bytes(1)),
        Descriptor::Input(Input::Host) | Descriptor::File(_) | Descriptor::Socket(_) => {
            Condition::Host(descriptor, PollFlags::IN)
        }
        Descriptor::Output(_) | Descriptor::Dir(_) => return Err(Errno::BADF),
    })
}

fn writable(ctx: &State, fd: u32) -> Result<Condition, Errno> {
    let descriptor = pollable(ctx, fd, rights::FD_WRITE)?;
    Ok(match &*descriptor {
        Descriptor::Output(Output::Discard | Output::Pipe(_) | Output::Writer(_)) => {
            Condition::Ready(Readiness::bytes(1))
        }
        Descriptor::Output(Output::Stdout | Output::Stderr)
        | Descriptor::File(_)
        | Descriptor::Socket(_) => Condition::Host(descriptor, PollFlags::OUT),
        Descriptor::Input(_) | Descriptor::Dir(_) => return Err(Errno::BADF),
    })
}

/// The descriptor `fd`, if it may be waited for to do what takes `right`.
fn pollable(ctx: &State, fd: u32, right: u64) -> Result<Arc<Descriptor>, Errno> {
    let entry = ctx.fds.get(fd)?;
    entry.rights.need(right)?;
    if entry.rights.dropped(rights::POLL_FD_READWRITE) {
        return Err(Errno::NOTCAPABLE);
    }
    Ok(entry.descriptor)
}

/// The host's descriptor behind one that has such.
fn host(descriptor: &Descriptor) -> BorrowedFd<'_> {
    match descriptor {
        Descriptor::Input(_) => rustix::stdio::stdin(),
        Descriptor::Output(Output::Stderr) => rustix::stdio::stderr(),
        Descriptor::Output(_) => rustix::stdio::stdout(),
        Descriptor::File(open) => open.file.as_fd(),
        Descriptor::Dir(open) => open.dir.as_fd(),
        Descriptor::Socket(socket) => socket.0.as_fd(),
    }
}

/// The readiness of a descriptor that the host says is ready.
fn readiness(
    descriptor: &Descriptor,
    flags: PollFlags,
    seen: PollFlags,
) -> Result<Readiness, Errno> {
    if seen.contains(PollFlags::NVAL) {
        return Err(Errno::BADF);
    }
    let nbytes = match descriptor {
        _ if flags == PollFlags::OUT => 1,
        Descriptor::File(open) => rest_of(&open.file)?,
        // Not every one can say how much there is; that it is ready is what counts.
        _ => ioctl_fionread(host(descriptor)).unwrap_or(1),
    };
    // An error is what a pipe without a reader has.
    let hung_up = seen.intersects(PollFlags::HUP | PollFlags::ERR);
    Ok(Readiness { nbytes, flags: if hung_up { HANGUP } else { 0 } })
}

/// Bytes between the position and the end of a file, or what the system says when it has neither.
fn rest_of(mut file: &File) -> Result<u64, Errno> {
    let metadata = Metadata::from_file(file)?;
    if !metadata.is_file() {
        return Ok(ioctl_fionread(file).unwrap_or(1));
    }
    Ok(metadata.len().saturating_sub(file.stream_position()?))
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
fn wait(ctx: &State, subscriptions: &[Subscription]) -> Result<Vec<Event>, Errno> {
    let mut fds: Vec<PollFd<'_>> = subscriptions
        .iter()
        .filter_map(|subscription| match &subscription.condition {
            Ok(Condition::Host(descriptor, flags)) => {
                Some(PollFd::from_borrowed_fd(host(descriptor), *flags))
            }
            _ => None,
        })
        .collect();
    loop {
        let sleep = time_to_sleep(ctx, subscriptions)?;
        let timeout = Timespec {
            tv_sec: sleep.as_secs().cast_signed(),
            tv_nsec: sleep.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut seen = fds.iter().map(PollFd::revents);
        let mut events = Vec::new();
        for subscription in subscriptions {
            let readiness = match &subscription.condition {
                Err(errno) => Some(Err(*errno)),
                Ok(Condition::Ready(readiness)) => Some(Ok(*readiness)),
                Ok(Condition::Time(_) | Condition::TimeOfDay(_)) => {
                    let over = time_until(ctx, subscription)?.is_zero();
                    over.then_some(Ok(Readiness::bytes(0)))
                }
                Ok(Condition::Host(descriptor, flags)) => {
                    let seen = seen.next().expect("each has its entry");
                    (!seen.is_empty()).then(|| readiness(descriptor, *flags, seen))
                }
            };
            events.extend(readiness.map(|readiness| subscription.event(readiness)));
        }
        if !events.is_empty() {
            return Ok(events);
        }
    }
}

/// How long until the first subscription may have an event without a descriptor being ready.
fn time_to_sleep(ctx: &State, subscriptions: &[Subscription]) -> Result<Duration, Errno> {
    let mut times = subscriptions.iter().map(|subscription| time_until(ctx, subscription));
    times.try_fold(MAX_SLEEP, |sleep, time| Ok(sleep.min(time?)))
}

/// How long until this subscription may have an event without its descriptor being ready.
fn time_until(ctx: &State, subscription: &Subscription) -> Result<Duration, Errno> {
    match &subscription.condition {
        Ok(Condition::Time(at)) => Ok(at.saturating_duration_since(Instant::now())),
        Ok(Condition::TimeOfDay(at)) => {
            let now = Clock::Realtime.now(ctx)?;
            Ok(Duration::from_nanos(at.saturating_sub(now)))
        }
        Ok(Condition::Host(..)) => Ok(Duration::MAX),
        Ok(Condition::Ready(_)) | Err(_) => Ok(Duration::ZERO),
    }
}
