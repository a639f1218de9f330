//! Clocks and randomness of the embedder's.

use crate::guest::Guest;
use palisade_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

struct Wall;

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        Duration::from_millis(10)
    }

    fn now(&self) -> Duration {
        Duration::new(1_000_000_000, 5)
    }
}

/// Counts how often it is asked.
struct Counter(Arc<AtomicU64>);

impl HostMonotonicClock for Counter {
    fn resolution(&self) -> u64 {
        0
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[test]
fn clocks() {
    let asked = Arc::new(AtomicU64::new(0));
    let mut builder = WasiCtxBuilder::new();
    builder.wall_clock(Wall).monotonic_clock(Counter(asked.clone()));
    let mut guest = Guest::new(builder.build());
    let mut now = |clock| {
        guest.succeed("clock_time_get", &[clock, 0, 8]);
        guest.u64_at(8)
    };
    assert_eq!(
        [0, 1, 1, 0].map(&mut now),
        [1_000_000_000_000_000_005, 0, 1, 1_000_000_000_000_000_005]
    );
    // CPU time, too, is what the monotonic clock says.
    assert_eq!([2, 3].map(&mut now), [2, 3]);
    let mut resolution = |clock| {
        guest.succeed("clock_res_get", &[clock, 8]);
        guest.u64_at(8)
    };
    assert_eq!([0, 1, 2].map(&mut resolution), [10_000_000, 1, 1]);

    // A guest does not wait for clocks that stand still.
    for (id, flags, timeout) in
        [(0, 0, 1000), (1, 0, 1000), (0, 1, 1_000_000_000_000_001_005), (1, 1, 1_000_u64)]
    {
        let mut subscription = [0; 48];
        subscription[16] = id;
        subscription[24..32].copy_from_slice(&timeout.to_le_bytes());
        subscription[40] = flags;
        guest.put(0x100, &subscription);
        guest.succeed("poll_oneoff", &[0x100, 0x200, 1, 0x300]);
        assert_eq!(guest.u32_at(0x300), 1);
    }
}

#[test]
fn randomness() {
    let mut next = 0_u8;
    let source = move |bytes: &mut [u8]| {
        for byte in bytes {
            *byte = next;
            next = next.wrapping_add(1);
        }
    };
    let mut guest = Guest::new(WasiCtxBuilder::new().secure_random(source).build());
    guest.succeed("random_get", &[0x100, 5]);
    guest.succeed("random_get", &[0x108, 0]);
    guest.succeed("random_get", &[0x108, 3]);
    assert_eq!(guest.bytes(0x100, 11), [0, 1, 2, 3, 4, 0, 0, 0, 5, 6, 7]);
}

#[test]
fn environment() {
    let mut builder = WasiCtxBuilder::new();
    builder.env("A", "1").env("AB", "2").env("A", "3").envs(&[("AB", ""), ("C", "=")]);
    let mut guest = Guest::new(builder.build());
    guest.succeed("environ_get", &[0, 0x100]);
    assert_eq!(guest.bytes(0x100, 13), b"A=3\0AB=\0C==\0\0");
}
