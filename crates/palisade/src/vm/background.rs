//! What is compiled before it is called, and once more: by tasks of rayon's threads, in small batches.
//!
//! There are as many tasks as may be useful, and one less than threads at most. A task ends when it finds the queues empty,
//! and tells so under their lock; who puts something into them starts tasks if there are too few. So nothing stays behind.
//! Tasks hold no lock while they compile. They use no more of rayon then: a thread that waited for other threads could
//! take up a task that waits for it.

use super::code::CodeImage;
use super::lazy::{Claims, DRAFT, Lazy, WAITING};
use palisade_compile::{CompiledFunction, Item};
use palisade_environ::{DefinedFuncIndex, EntityIndex, ModuleInfo};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Bytes of function bodies that are compiled before they are published. A thread that waits for one of these functions
/// waits for all, which should take no longer than a few milliseconds.
const BATCH_BYTES: usize = 4 << 10;

/// What a function costs besides its bytes, in these.
const BYTES_PER_FUNCTION: usize = 32;

/// Looking at a function costs so many times less than compiling it.
const BYTES_PER_LOOK: usize = 64;

/// How long a task lasts before others get their turn. Handing over wakes threads.
const TURN: Duration = Duration::from_millis(10);

/// How long a program runs with drafts that were compiled before, until these are replaced.
const PATIENCE: Duration = Duration::from_millis(500);

/// How many calls deep to look ahead for functions that are not to be drafts.
const LOOK_AHEAD: u8 = 3;

/// The tasks of an image, and what they are to do.
pub(super) struct Background(Mutex<Queues>);

#[derive(Default)]
struct Queues {
    /// The image, once tasks may be wanted for it.
    image: Weak<CodeImage>,
    /// Whether all is to be compiled when a function is missed.
    ready: bool,
    /// How many tasks there may be.
    limit: usize,
    /// How many there are.
    tasks: usize,
    /// What may be called next, the last first, and how many calls away that is.
    soon: Vec<(DefinedFuncIndex, u8)>,
    /// As how few calls away each function was seen.
    distances: Box<[u8]>,
    /// Drafts; the oldest first.
    drafts: VecDeque<DefinedFuncIndex>,
    /// Called by what tasks have compiled; the oldest first.
    later: VecDeque<DefinedFuncIndex>,
    /// From here on in the order of the module.
    rest: u32,
}

/// What a task does next.
enum Next {
    /// Looks at a function that is so many calls away.
    Look(DefinedFuncIndex, u8),
    Compile(DefinedFuncIndex),
    /// The same again.
    Nothing,
}

/// How many threads may compile besides those that run programs.
fn other_threads() -> usize {
    rayon::current_num_threads() - 1
}

/// Begins to compile all functions of `image` on other threads, as long as somebody else owns it. What is exported comes
/// first. Does nothing on a machine with one CPU, where it would only get in the way.
pub(crate) fn compile_in_background(image: &Arc<CodeImage>) {
    let (Some(lazy), Some(meta)) = (image.lazy(), image.meta()) else { return };
    let mut queues = lazy.background.queues();
    queues.image = Arc::downgrade(image);
    queues.compile_all(&meta.info);
}

/// As [`compile_in_background`], but not before a function is missed: when much of a module was compiled before, that may
/// be all that is needed, and the background would only be in the way. Drafts are replaced if they are in use for long.
pub(crate) fn compile_in_background_if_needed(image: &Arc<CodeImage>) {
    let Some(lazy) = image.lazy() else { return };
    let mut queues = lazy.background.queues();
    queues.image = Arc::downgrade(image);
    queues.ready = true;
    if queues.drafts.is_empty() {
        return;
    }
    let image = Arc::downgrade(image);
    let later = move || {
        std::thread::sleep(PATIENCE);
        let Some(image) = image.upgrade() else { return };
        let mut queues = image.lazy().expect("it has drafts").background.queues();
        queues.limit = other_threads();
        queues.wake();
    };
    // Without the thread they are replaced when a function is missed.
    let _ = std::thread::Builder::new().name("palisade-drafts".into()).spawn(later);
}

/// Whether drafts would be replaced.
pub(super) fn replaces_drafts() -> bool {
    other_threads() > 0
}

impl Background {
    /// Of an image of `functions` functions, for which nothing is to be done yet.
    pub(super) fn new(functions: usize) -> Background {
        let distances = vec![u8::MAX; functions].into();
        // All of them, once `rest` is set back.
        let rest = functions as u32;
        Background(Mutex::new(Queues { distances, rest, ..Queues::default() }))
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers drafts.
    pub(super) fn drafted(&self, functions: impl IntoIterator<Item = DefinedFuncIndex>) {
        let mut queues = self.queues();
        queues.drafts.extend(functions);
        queues.wake();
    }

    /// Whether drafts are being replaced now.
    pub(super) fn is_active(&self) -> bool {
        self.queues().limit > 0
    }

    /// Is told of a function that is called and was not compiled.
    pub(super) fn missed(&self, info: &ModuleInfo) {
        let mut queues = self.queues();
        if std::mem::take(&mut queues.ready) {
            queues.compile_all(info);
        }
    }

    /// Looks at a function that is `distance` calls away; whether it has no loops.
    pub(super) fn look(
        &self,
        lazy: &Lazy,
        image: &CodeImage,
        at: DefinedFuncIndex,
        distance: u8,
    ) -> bool {
        let survey = lazy.survey(image, at);
        if distance < LOOK_AHEAD {
            let callees = survey.callees.into_iter().rev();
            let mut queues = self.queues();
            queues.soon.extend(callees.map(|callee| (callee, distance + 1)));
            queues.wake();
        }
        !survey.has_loop
    }

    /// Compiles some functions; false if there are no more, and the task that asks is over.
    pub(super) fn work(&self, lazy: &Lazy, image: &CodeImage) -> bool {
        let Some(claims) = self.claim(lazy, image) else { return false };
        let claimed = claims.functions();
        match compile(lazy, image, claims) {
            Some(callees) => self.queues().later.extend(callees),
            // It may have been one of them only.
            None if claimed.len() > 1 => {
                for (function, before) in claimed {
                    if let Some(claims) = lazy.claim(function, before) {
                        compile(lazy, image, claims);
                    }
                }
            }
            None => {}
        }
        true
    }

    /// Claims what is most urgent.
    fn claim<'a>(&self, lazy: &'a Lazy, image: &CodeImage) -> Option<Claims<'a>> {
        let bodies = &image.meta().expect("of a module").info.bodies;
        let mut claims = Claims::none(lazy);
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let mut queues = self.queues();
            let Some(next) = queues.next(lazy) else {
                if claims.is_empty() {
                    queues.tasks -= 1;
                    return None;
                }
                break;
            };
            drop(queues);
            bytes += 1;
            let function = match next {
                Next::Compile(function) => function,
                Next::Nothing => continue,
                Next::Look(function, distance) => {
                    bytes += bodies[function].len() / BYTES_PER_LOOK;
                    if self.look(lazy, image, function, distance) {
                        continue;
                    }
                    function
                }
            };
            let claimed = [WAITING, DRAFT].into_iter().find_map(|from| lazy.claim(function, from));
            if let Some(claim) = claimed {
                bytes += bodies[function].len() + BYTES_PER_FUNCTION;
                claims.join(claim);
            }
        }
        Some(claims)
    }
}

/// Compiles functions; what they call that nobody has compiled. A failure shows again when the function is called.
fn compile(lazy: &Lazy, image: &CodeImage, claims: Claims<'_>) -> Option<Vec<DefinedFuncIndex>> {
    let compile = || lazy.compile_claimed(image, claims, false);
    let compiled = catch_unwind(AssertUnwindSafe(compile)).ok()?.ok()?;
    let callees = compiled.iter().flat_map(CompiledFunction::callees);
    let functions = callees.filter_map(|item| match item {
        Item::Function(function) => Some(function),
        _ => None,
    });
    Some(functions.filter(|function| lazy.is_waiting(*function)).collect())
}

impl Queues {
    /// Starts tasks if there are too few for what is to be done.
    fn wake(&mut self) {
        let rest = self.distances.len() - self.rest as usize;
        let wanted = self.soon.len() + self.drafts.len() + self.later.len() + rest;
        while self.tasks < self.limit.min(wanted) {
            self.tasks += 1;
            go_on(self.image.clone());
        }
    }

    fn compile_all(&mut self, info: &ModuleInfo) {
        let exported = info.exports.iter().filter_map(|export| match export.item {
            EntityIndex::Func(func) => Some(func),
            _ => None,
        });
        let entered = info.start.into_iter().chain(exported);
        self.later = entered.filter_map(|func| info.defined_func(func)).collect();
        self.rest = 0;
        self.limit = other_threads();
        self.wake();
    }

    fn next(&mut self, lazy: &Lazy) -> Option<Next> {
        if let Some((function, distance)) = self.soon.pop() {
            let seen = &mut self.distances[function.as_u32() as usize];
            if distance >= *seen || !lazy.is_waiting(function) {
                return Some(Next::Nothing);
            }
            *seen = distance;
            return Some(Next::Look(function, distance));
        }
        let rest = || {
            let function = self.rest;
            self.rest += u32::from((function as usize) < self.distances.len());
            (function < self.rest).then(|| DefinedFuncIndex::from_u32(function))
        };
        let next = self.drafts.pop_front().or_else(|| self.later.pop_front()).or_else(rest);
        next.map(Next::Compile)
    }
}

/// A task of `image`, which is counted already.
fn go_on(image: Weak<CodeImage>) {
    rayon::spawn_fifo(move || {
        let Some(strong) = image.upgrade() else { return };
        let lazy = strong.lazy().expect("asked for by such images only");
        let begin = Instant::now();
        while lazy.background.work(lazy, &strong) {
            if begin.elapsed() >= TURN {
                drop(strong);
                return go_on(image);
            }
        }
    });
}

#[cfg(test)]
impl Background {
    /// With a task that waits for [`Background::work`] to be called.
    pub(super) fn pretend(&self) {
        let mut queues = self.queues();
        (queues.limit, queues.tasks) = (1, 1);
    }
}
