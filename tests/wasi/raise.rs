//! `proc_raise`: the default action of each signal.

use crate::guest::Guest;
use crate::{INVAL, NOTSUP};
use palisade_wasi::{I32Exit, WasiCtxBuilder};

#[test]
fn signals() {
    let mut guest = Guest::new(WasiCtxBuilder::new().build());
    for ignored in [0, 13, 16, 17, 22, 27] {
        guest.succeed("proc_raise", &[ignored]);
    }
    for stopping in 18..22 {
        guest.fail("proc_raise", &[stopping], NOTSUP);
    }
    guest.fail("proc_raise", &[31], INVAL);
    guest.fail("proc_raise", &[0xffff_ffff], INVAL);
    // HUP, INT, ABRT, KILL, SEGV, TERM, XCPU, PROF, POLL, SYS: as a shell reports them.
    for (signal, code) in [
        (1, 129),
        (2, 130),
        (6, 134),
        (9, 137),
        (11, 139),
        (15, 143),
        (23, 152),
        (26, 155),
        (28, 157),
        (30, 159),
    ] {
        let error = guest.try_call("proc_raise", &[signal]).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&I32Exit(code)), "signal {signal}");
    }
}
