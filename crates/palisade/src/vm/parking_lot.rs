//! Where threads wait for a place in a shared memory: `memory.atomic.wait` and `memory.atomic.notify`.
//!
//! One lot serves the whole process, because a place may be waited for by instances of several stores and by the host.
//! Places are told apart by their native address; two memories that exist at the same time have no address in common,
//! and whoever waits keeps the memory alive, so no address changes its meaning under a waiter.
//!
//! Invariant: a thread is in the queue of its address from the moment it finds the expected value there until it is
//! notified or interrupted or, its time being over, takes itself out. Only its notifier, who interrupts it, or itself takes
//! it out, under the lock of the bucket, so each waiter ends in exactly one of these ways and is counted by at most one
//! notifier.
//!
//! # No wake-up is lost
//!
//! A notifier first changes the value, then notifies. The waiter compares and enqueues in one critical section of the
//! bucket's lock, the notifier looks into the queue in another one of the same lock; one of them is first.
//!
//! * *The waiter is first*: it is in the queue when the notifier looks, and is woken. It may not sleep yet, but `woken` is
//!   set under the waiter's own lock, under which it is tested before each sleep, so it does not go to sleep any more.
//! * *The notifier is first*: its store comes before its unlocking, which synchronises with the waiter's locking, so the
//!   store happens before the comparison. The comparison sees it, or something later, and the waiter does not wait. That
//!   holds for stores by compiled code too, also plain ones: an unlock is a release on the machine, not only in Rust, and
//!   compiled code has executed the store before it calls the runtime.
//!
//! What a notifier has written before is seen by whom it has woken: through `woken`'s lock if the waiter slept, and if its
//! time was over at the same moment, through the bucket's lock, under which it finds itself taken out.
//!
//! An interrupt is such a notification too: its flag takes the place of the value, and is part of the comparison.
//!
//! A sleeper that wakes by itself finds `woken` unset and goes on sleeping, so spurious wake-ups are not seen outside.
//! Each waiter has a condition variable of its own: parking tokens of threads belong to the embedder.

#![forbid(unsafe_code)]

use super::WaitResult;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Queues of waiting threads, first come first served. Addresses of the same hash share one; few threads wait at a time.
static BUCKETS: [Bucket; BUCKET_COUNT] =
    [const { Bucket { queue: Mutex::new(VecDeque::new()) } }; BUCKET_COUNT];

/// A power of two, several for each core of a large machine, in 16 KiB.
const BUCKET_COUNT: usize = 256;

/// A cache line of its own, so that different places are no burden to each other.
#[repr(align(64))]
struct Bucket {
    queue: Mutex<VecDeque<Arc<Waiter>>>,
}

struct Waiter {
    address: usize,
    /// Whose interrupts end it; 0 is nobody.
    owner: usize,
    woken: Mutex<bool>,
    wake_up: Condvar,
}

/// Waits for `address` to be notified, but at most for `timeout`, and not at all unless `is_expected` says that the value
/// there is the expected one. It must not wait or notify itself. If `owner` is not 0, [`interrupt`] ends the wait.
pub(super) fn wait(
    address: usize,
    timeout: Option<Duration>,
    owner: usize,
    is_expected: impl FnOnce() -> bool,
) -> WaitResult {
    // A time that no clock will show is for ever.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let waiter =
        Arc::new(Waiter { address, owner, woken: Mutex::new(false), wake_up: Condvar::new() });
    let bucket = Bucket::of(address);
    {
        let mut queue = bucket.lock();
        if !is_expected() {
            return WaitResult::Mismatch;
        }
        queue.push_back(waiter.clone());
    }
    if waiter.sleep(deadline) {
        return WaitResult::Ok;
    }
    let mut queue = bucket.lock();
    match queue.iter().position(|other| Arc::ptr_eq(other, &waiter)) {
        Some(place) => {
            queue.remove(place);
            WaitResult::TimedOut
        }
        // A notifier was faster, and counts it.
        None => WaitResult::Ok,
    }
}

/// Wakes up to `count` threads that wait for `address`, those that have waited longest first; how many.
pub(super) fn notify(address: usize, count: u32) -> u32 {
    let mut woken = Vec::new();
    Bucket::of(address).lock().retain(|waiter| {
        let stays = waiter.address != address || woken.len() == count as usize;
        if !stays {
            woken.push(waiter.clone());
        }
        stays
    });
    // After the lock is free again, so that nobody wakes only to wait for it.
    woken.iter().for_each(|waiter| waiter.wake());
    woken.len() as u32
}

/// Wakes all threads that wait on behalf of `owner`, which is not 0. Whoever calls it has set a flag before that those look
/// at when they compare, so none begins to wait afterwards.
pub(super) fn interrupt(owner: usize) {
    for bucket in &BUCKETS {
        let mut woken = Vec::new();
        bucket.lock().retain(|waiter| {
            let stays = waiter.owner != owner;
            if !stays {
                woken.push(waiter.clone());
            }
            stays
        });
        woken.iter().for_each(|waiter| waiter.wake());
    }
}

impl Bucket {
    fn of(address: usize) -> &'static Bucket {
        // Multiplication by 2^64 divided by the golden ratio spreads what differs in few bits over the highest ones.
        let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &BUCKETS[(hash >> (64 - BUCKET_COUNT.ilog2())) as usize]
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Waiter>>> {
        lock(&self.queue)
    }
}

impl Waiter {
    /// Sleeps until it is woken; whether that was before the deadline.
    fn sleep(&self, deadline: Option<Instant>) -> bool {
        let mut woken = lock(&self.woken);
        while !*woken {
            woken = match deadline {
                None => self.wake_up.wait(woken).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let waited = self.wake_up.wait_timeout(woken, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    fn wake(&self) {
        *lock(&self.woken) = true;
        self.wake_up.notify_one();
    }
}

/// Nothing panics while it holds one of these locks, and what they protect is consistent at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses that no memory has, and that no other test uses.
    const ADDRESS: usize = 8;

    fn queued(address: usize) -> usize {
        Bucket::of(address).lock().iter().filter(|waiter| waiter.address == address).count()
    }

    #[test]
    fn first_come_first_served() {
        let woken = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in 0..8 {
                let woken = &woken;
                scope.spawn(move || {
                    assert_eq!(wait(ADDRESS, None, 0, || true), WaitResult::Ok);
                    lock(woken).push(number);
                });
                while queued(ADDRESS) != number + 1 {
                    std::thread::yield_now();
                }
            }
            // One by one: those that are woken together may go on in any order.
            for count in 1..=5 {
                assert_eq!(notify(ADDRESS, 1), 1);
                while lock(&woken).len() != count {
                    std::thread::yield_now();
                }
            }
            assert_eq!(notify(ADDRESS, u32::MAX), 3);
        });
        let woken = woken.into_inner().unwrap();
        assert_eq!(woken[..5], [0, 1, 2, 3, 4]);
        assert_eq!(queued(ADDRESS), 0);
    }

    /// Addresses in one bucket are different places.
    #[test]
    fn collisions() {
        let other = (ADDRESS + 1..)
            .filter(|other| *other != 2 * ADDRESS)
            .find(|other| std::ptr::eq(Bucket::of(*other), Bucket::of(2 * ADDRESS)))
            .expect("there are fewer buckets than addresses");
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| wait(2 * ADDRESS, None, 0, || true));
            while queued(2 * ADDRESS) == 0 {
                std::thread::yield_now();
            }
            assert_eq!(notify(other, u32::MAX), 0);
            assert_eq!(notify(2 * ADDRESS, u32::MAX), 1);
            assert_eq!(waiter.join().unwrap(), WaitResult::Ok);
        });
    }

    #[test]
    fn interrupts_wake_those_of_one_owner() {
        let address = 4 * ADDRESS;
        let owners = [&raw const BUCKETS as usize, &raw const BUCKETS as usize + 1];
        std::thread::scope(|scope| {
            let [first, second] =
                owners.map(|owner| scope.spawn(move || wait(address, None, owner, || true)));
            while queued(address) != 2 {
                std::thread::yield_now();
            }
            interrupt(owners[0]);
            assert_eq!(first.join().unwrap(), WaitResult::Ok);
            assert_eq!(notify(address, u32::MAX), 1, "the other one still waits");
            assert_eq!(second.join().unwrap(), WaitResult::Ok);
        });
    }

    #[test]
    fn nobody_stays_behind() {
        let address = 3 * ADDRESS;
        assert_eq!(wait(address, None, 0, || false), WaitResult::Mismatch);
        assert_eq!(wait(address, Some(Duration::ZERO), 0, || true), WaitResult::TimedOut);
        let short = Some(Duration::from_micros(50));
        assert_eq!(wait(address, short, 0, || true), WaitResult::TimedOut);
        assert_eq!(queued(address), 0);
        assert_eq!(notify(address, u32::MAX), 0);
    }
}
