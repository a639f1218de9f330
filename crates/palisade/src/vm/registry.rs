//! Which code image a code address belongs to.
//!
//! Read in signal handlers, so reading neither locks nor allocates: readers see an immutable sorted list behind one
//! atomic pointer. A writer publishes a new list, then waits until every reader that may still see the old one is done.
//!
//! Invariant: an image is listed exactly while it is mapped and may run.

use super::code::CodeImage;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Entries sorted by `start`.
type List = Vec<Entry>;

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    end: usize,
    image: *const CodeImage,
}

static CURRENT: AtomicPtr<List> = AtomicPtr::new(std::ptr::null_mut());
static READERS: AtomicUsize = AtomicUsize::new(0);
static WRITER: Mutex<()> = Mutex::new(());

/// Lists `image`.
///
/// # Safety
///
/// `image` must stay where it is, and valid, until [`unregister`] has returned.
pub(super) unsafe fn register(image: &CodeImage) {
    let range = image.range();
    let entry = Entry { start: range.start, end: range.end, image };
    update(|list| {
        let place = list.partition_point(|e| e.start < entry.start);
        list.insert(place, entry);
    });
}

/// Takes `image` off the list. On return no reader can see it any more.
pub(super) fn unregister(image: &CodeImage) {
    update(|list| list.retain(|e| !std::ptr::eq(e.image, image)));
}

fn update(change: impl FnOnce(&mut List)) {
    let _guard = WRITER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let old = CURRENT.load(Ordering::Acquire);
    // SAFETY: only writers free lists, and this thread holds the writers' lock.
    let mut list = unsafe { old.as_ref() }.cloned().unwrap_or_default();
    change(&mut list);
    CURRENT.swap(Box::into_raw(Box::new(list)), Ordering::SeqCst);
    // A reader announces itself before it loads the pointer. Both sides are sequentially consistent, so a reader that
    // is not counted here loads the new list.
    while READERS.load(Ordering::SeqCst) != 0 {
        std::hint::spin_loop();
    }
    if !old.is_null() {
        // SAFETY: the list came from `Box::into_raw`, is no longer published, and no reader is left.
        drop(unsafe { Box::from_raw(old) });
    }
}

/// Calls `f` with the image that contains `pc`, if there is one. Safe to call in a signal handler if `f` is.
pub(super) fn with_image<R>(pc: usize, f: impl FnOnce(&CodeImage) -> Option<R>) -> Option<R> {
    READERS.fetch_add(1, Ordering::SeqCst);
    let list = CURRENT.load(Ordering::SeqCst);
    // SAFETY: a published list stays valid while a reader is counted.
    let found = unsafe { list.as_ref() }.and_then(|list| {
        let place = list.partition_point(|e| e.end <= pc);
        list.get(place).filter(|e| e.start <= pc).copied()
    });
    // SAFETY: a listed image is valid, and it cannot be unlisted completely while this reader is counted.
    let result = found.and_then(|entry| f(unsafe { &*entry.image }));
    READERS.fetch_sub(1, Ordering::SeqCst);
    result
}
