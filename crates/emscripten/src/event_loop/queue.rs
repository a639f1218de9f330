//! What is to be called later: timers, immediate events, and the main loop.
//!
//! The order is that of Node: of the timers, what is due first, and of those that are due at the
//! same time, what was set first; immediate events after the timers that are due, those that they
//! set themselves only in the next round.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::main_loop::MainLoop;

/// Events that can wait at a time, so that a guest cannot have the host's memory.
const MAX_EVENTS: usize = 65_536;

/// The longest that can be waited, as in JavaScript: 2^31 - 1 milliseconds, some 24 days.
const LONGEST_MILLIS: f64 = 2_147_483_647.0;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Task {
    /// A function of the table, with one argument.
    Call { function: u32, argument: u32 },
    /// The same, again after so long as long as it gives something else than 0; its first argument
    /// is the time in milliseconds.
    Repeat { function: u32, argument: u32, pause: Duration },
    /// The same, again in the next round.
    RepeatAtOnce { function: u32, argument: u32 },
    /// The main loop of this number.
    MainLoop { number: u32 },
    /// `raise(SIGALRM)`.
    Alarm,
    /// A timer of `setitimer` has run out.
    IntervalTimer { which: u32 },
}

impl Task {
    /// Whether a program that ends with `main` (`-sEXIT_RUNTIME`) goes on for it.
    fn keeps_alive(self) -> bool {
        // The main loop does so itself, also while it runs.
        !matches!(self, Task::Alarm | Task::IntervalTimer { .. } | Task::MainLoop { .. })
    }
}

#[derive(Debug)]
struct Timer {
    id: u32,
    task: Task,
    /// It is called again and again.
    every: Option<Duration>,
}

/// What is called later.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// By when they are due, and then by their order.
    timers: BTreeMap<(Instant, u64), Timer>,
    immediate: VecDeque<(u32, Task)>,
    /// How many of these belong to this round.
    round: usize,
    pub(crate) main_loop: MainLoop,
    set: u64,
    next_immediate: u32,
    /// The program does not end with `main`, whatever else there is.
    pub(crate) stays: bool,
    /// Events are being called.
    pub(crate) busy: bool,
}

/// What there is to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    Run(Task),
    WaitUntil(Instant),
    Nothing,
}

/// There are too many events.
#[derive(Debug, PartialEq)]
pub(crate) struct Full;

/// A time to wait as JavaScript understands it: what is no such time is the shortest.
pub(crate) fn delay(millis: f64) -> Duration {
    let valid = (1.0..=LONGEST_MILLIS).contains(&millis);
    Duration::from_secs_f64(if valid { millis } else { 1.0 } / 1000.0)
}

impl Queue {
    /// Sets a timer; gives its number.
    pub(crate) fn set_timer(
        &mut self,
        now: Instant,
        after: Duration,
        every: Option<Duration>,
        task: Task,
    ) -> Result<u32, Full> {
        self.room()?;
        self.set += 1;
        let id = self.set as u32;
        self.timers.insert((now + after, self.set), Timer { id, task, every });
        Ok(id)
    }

    pub(crate) fn clear_timer(&mut self, id: u32) {
        self.timers.retain(|_, timer| timer.id != id);
    }

    /// Removes the timers with this task; says when the first of them would have been due.
    pub(crate) fn clear_task(&mut self, task: Task) -> Option<Instant> {
        let due = self.timers.iter().find(|(_, timer)| timer.task == task).map(|(key, _)| key.0);
        self.timers.retain(|_, timer| timer.task != task);
        due
    }

    pub(crate) fn set_immediate(&mut self, task: Task) -> Result<u32, Full> {
        self.room()?;
        let id = self.next_immediate;
        self.next_immediate = id.wrapping_add(1);
        self.immediate.push_back((id, task));
        Ok(id)
    }

    pub(crate) fn clear_immediate(&mut self, id: u32) {
        if let Some(index) = self.immediate.iter().position(|(other, _)| *other == id) {
            self.immediate.remove(index);
            self.round -= usize::from(index < self.round);
        }
    }

    /// Whether a program that ends with `main` has to wait.
    pub(crate) fn keeps_alive(&self) -> bool {
        self.stays
            || self.main_loop.is_running()
            || self.timers.values().any(|timer| timer.task.keeps_alive())
            || self.immediate.iter().any(|(_, task)| task.keeps_alive())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.timers.is_empty() && self.immediate.is_empty()
    }

    /// Takes what is to be done now.
    pub(crate) fn next(&mut self, now: Instant) -> Next {
        if self.round > 0
            && let Some((_, task)) = self.immediate.pop_front()
        {
            self.round -= 1;
            return Next::Run(task);
        }
        self.round = 0;
        if let Some(entry) = self.timers.first_entry()
            && entry.key().0 <= now
        {
            let timer = entry.remove();
            let task = timer.task;
            if let Some(every) = timer.every {
                self.set += 1;
                self.timers.insert((now + every, self.set), timer);
            }
            return Next::Run(task);
        }
        if let Some((_, task)) = self.immediate.pop_front() {
            self.round = self.immediate.len();
            return Next::Run(task);
        }
        match self.timers.first_key_value() {
            Some(((due, _), _)) => Next::WaitUntil(*due),
            None => Next::Nothing,
        }
    }

    fn room(&self) -> Result<(), Full> {
        match self.timers.len() + self.immediate.len() {
            0..MAX_EVENTS => Ok(()),
            _ => Err(Full),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, MAX_EVENTS, Next, Queue, Task, delay};
    use std::time::{Duration, Instant};

    fn task(function: u32) -> Task {
        Task::Call { function, argument: 0 }
    }

    #[test]
    fn timers_come_in_the_order_of_their_times() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let millis = Duration::from_millis;
        queue.set_timer(start, millis(20), None, task(2)).expect("room");
        queue.set_timer(start, millis(10), None, task(0)).expect("room");
        queue.set_timer(start, millis(10), None, task(1)).expect("room");
        assert_eq!(queue.next(start), Next::WaitUntil(start + millis(10)));
        let late = start + millis(50);
        for function in 0..3 {
            assert!(queue.keeps_alive());
            assert_eq!(queue.next(late), Next::Run(task(function)));
        }
        assert_eq!(queue.next(late), Next::Nothing);
        assert!(queue.is_empty() && !queue.keeps_alive());
    }

    #[test]
    fn intervals_stay_until_they_are_cleared() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let every = Duration::from_millis(5);
        let id = queue.set_timer(start, every, Some(every), task(7)).expect("room");
        assert_eq!(queue.next(start + every), Next::Run(task(7)));
        assert_eq!(queue.next(start + every), Next::WaitUntil(start + 2 * every));
        queue.clear_timer(id);
        assert_eq!(queue.next(start + 3 * every), Next::Nothing);
    }

    #[test]
    fn immediate_events_let_timers_through() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for function in 0..3 {
            queue.set_immediate(task(function)).expect("room");
        }
        assert_eq!(queue.next(now), Next::Run(task(0)));
        // Set in a round, this comes in the next, and a timer before it.
        let last = queue.set_immediate(task(9)).expect("room");
        queue.set_timer(now, Duration::ZERO, None, task(5)).expect("room");
        queue.clear_immediate(1);
        assert_eq!(queue.next(now), Next::Run(task(2)));
        assert_eq!(queue.next(now), Next::Run(task(5)));
        queue.clear_immediate(last);
        assert_eq!(queue.next(now), Next::Nothing);
    }

    #[test]
    fn alarms_do_not_keep_a_program() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.set_timer(now, Duration::from_secs(3), None, Task::Alarm).expect("room");
        assert!(!queue.keeps_alive() && !queue.is_empty());
        assert_eq!(queue.clear_task(Task::Alarm), Some(now + Duration::from_secs(3)));
        assert!(queue.is_empty());
    }

    #[test]
    fn there_is_a_limit() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for _ in 0..MAX_EVENTS {
            queue.set_immediate(task(0)).expect("room");
        }
        assert_eq!(queue.set_immediate(task(0)), Err(Full));
        assert_eq!(queue.set_timer(now, Duration::ZERO, None, task(0)), Err(Full));
    }

    #[test]
    fn times_are_as_in_javascript() {
        for (millis, waits) in [(2.0, 2), (0.0, 1), (-5.0, 1), (f64::NAN, 1), (3e9, 1), (1e300, 1)]
        {
            assert_eq!(delay(millis), Duration::from_millis(waits), "{millis}");
        }
    }
}
