//! The main loop of a program: one function that is called again and again.

use std::time::{Duration, Instant};

use super::queue::{Full, Queue, Task, delay};

/// When the main loop is called: each so many milliseconds, with each so many frames of a screen,
/// or as soon as there is nothing else to do.
pub(crate) mod timing {
    pub(crate) const MILLIS: i32 = 0;
    pub(crate) const FRAMES: i32 = 1;
    pub(crate) const AT_ONCE: i32 = 2;
}

/// Between two frames; there is no screen that would say it.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// What is called again and again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Body {
    pub(crate) function: u32,
    /// It takes one only if it was given one.
    pub(crate) argument: Option<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct MainLoop {
    body: Option<Body>,
    /// Counts loops: events of older ones are too late.
    number: u32,
    mode: i32,
    value: f64,
    frame: i32,
    /// When it was last called.
    began: Option<Instant>,
    /// When the next frame of the screen would be.
    next_frame: Option<Instant>,
    /// It has been given times, and has not noticed yet that it is over.
    running: bool,
}

/// What to do when the main loop is due.
pub(crate) enum Turn {
    Call(Body),
    /// This time it is left out.
    Skip,
    /// It is over.
    Over,
}

impl MainLoop {
    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Its mode and value.
    pub(crate) fn timing(&self) -> (i32, f64) {
        (self.mode, self.value)
    }

    pub(crate) fn pause(&mut self) {
        self.number = self.number.wrapping_add(1);
    }

    pub(crate) fn cancel(&mut self) {
        self.pause();
        self.body = None;
    }

    /// Whether the loop of this number goes on.
    fn goes_on(&mut self, number: u32) -> bool {
        if number != self.number {
            self.running = false;
        }
        number == self.number
    }

    /// What to do now that the loop of this number is due.
    pub(crate) fn turn(&mut self, number: u32, now: Instant) -> Turn {
        if !self.goes_on(number) {
            return Turn::Over;
        }
        self.frame = self.frame.wrapping_add(1);
        let every = self.value as i32;
        if self.mode == timing::FRAMES && every > 1 && self.frame % every != 0 {
            return Turn::Skip;
        }
        self.began = Some(now);
        self.body.map_or(Turn::Over, Turn::Call)
    }
}

impl Queue {
    /// Begins a main loop; says whether there was none.
    pub(crate) fn begin_main_loop(&mut self, body: Body, fps: i32) -> Result<bool, Full> {
        if self.main_loop.body.is_some() {
            return Ok(false);
        }
        self.main_loop.body = Some(body);
        match fps {
            1.. => self.set_timing(timing::MILLIS, 1000.0 / f64::from(fps)),
            _ => self.set_timing(timing::FRAMES, 1.0),
        };
        self.schedule_main_loop(Instant::now())?;
        Ok(true)
    }

    /// Says whether there is a main loop.
    pub(crate) fn set_timing(&mut self, mode: i32, value: f64) -> bool {
        let main_loop = &mut self.main_loop;
        (main_loop.mode, main_loop.value) = (mode, value);
        main_loop.running |= main_loop.body.is_some();
        main_loop.body.is_some()
    }

    pub(crate) fn resume_main_loop(&mut self) -> Result<(), Full> {
        self.main_loop.pause();
        if self.main_loop.body.is_some() {
            self.main_loop.running = true;
            self.schedule_main_loop(Instant::now())?;
        }
        Ok(())
    }

    /// Has the main loop called the next time, if the one of `number` goes on.
    pub(crate) fn continue_main_loop(&mut self, number: u32) -> Result<(), Full> {
        if self.main_loop.goes_on(number) {
            self.schedule_main_loop(Instant::now())
        } else {
            Ok(())
        }
    }

    fn schedule_main_loop(&mut self, now: Instant) -> Result<(), Full> {
        let main_loop = &mut self.main_loop;
        let task = Task::MainLoop { number: main_loop.number };
        let wait = match main_loop.mode {
            timing::AT_ONCE => return self.set_immediate(task).map(|_| ()),
            timing::FRAMES => {
                let next = main_loop.next_frame.map_or(now + FRAME, |next| next + FRAME);
                // Frames that are over are left out.
                let next = if next < now { now + FRAME } else { next };
                main_loop.next_frame = Some(next);
                next - now
            }
            _ => {
                let began = main_loop.began.map_or(Duration::ZERO, |began| now - began);
                let left = main_loop.value - began.as_secs_f64() * 1000.0;
                delay(left.floor())
            }
        };
        self.set_timer(now, wait, None, task).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Turn, timing};
    use crate::event_loop::queue::{Next, Queue, Task};
    use std::time::{Duration, Instant};

    const BODY: Body = Body { function: 4, argument: None };

    fn due(queue: &mut Queue) -> Option<u32> {
        match queue.next(Instant::now() + Duration::from_secs(60)) {
            Next::Run(Task::MainLoop { number }) => Some(number),
            _ => None,
        }
    }

    #[test]
    fn it_goes_on_until_it_is_cancelled() {
        let mut queue = Queue::default();
        assert_eq!(queue.begin_main_loop(BODY, 60), Ok(true));
        assert_eq!(queue.begin_main_loop(BODY, 60), Ok(false));
        for _ in 0..3 {
            let number = due(&mut queue).expect("it is due");
            let turn = queue.main_loop.turn(number, Instant::now());
            assert!(matches!(turn, Turn::Call(body) if body == BODY));
            queue.continue_main_loop(number).expect("room");
            assert!(queue.keeps_alive());
        }
        queue.main_loop.cancel();
        let number = due(&mut queue).expect("it is due");
        assert!(matches!(queue.main_loop.turn(number, Instant::now()), Turn::Over));
        assert!(!queue.keeps_alive() && queue.is_empty());
        assert_eq!(queue.begin_main_loop(BODY, 0), Ok(true));
    }

    #[test]
    fn frames_can_be_left_out() {
        let mut queue = Queue::default();
        assert!(!queue.set_timing(timing::FRAMES, 3.0));
        queue.begin_main_loop(BODY, 0).expect("room");
        assert!(queue.set_timing(timing::FRAMES, 3.0));
        let mut calls = 0;
        for _ in 0..9 {
            let number = due(&mut queue).expect("it is due");
            if let Turn::Call(_) = queue.main_loop.turn(number, Instant::now()) {
                calls += 1;
            }
            queue.continue_main_loop(number).expect("room");
        }
        assert_eq!(calls, 3);
    }

    #[test]
    fn it_can_rest() {
        let mut queue = Queue::default();
        queue.begin_main_loop(BODY, 0).expect("room");
        queue.main_loop.pause();
        let old = due(&mut queue).expect("it is due");
        assert!(matches!(queue.main_loop.turn(old, Instant::now()), Turn::Over));
        assert!(!queue.keeps_alive());
        queue.resume_main_loop().expect("room");
        assert!(queue.keeps_alive());
        assert_ne!(due(&mut queue), Some(old));
    }
}
