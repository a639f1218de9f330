//! Engine-wide identity of function types, and the trampolines that belong to a type.
//!
//! Two types are equal exactly when their ids are. An id lives as long as anyone holds its [`SignatureEntry`]; modules,
//! stores and types of the public API do. Trampolines are made when first needed and live as long as their type.

use super::code::CodeImage;
use crate::error::Result;
use palisade_compile::{Compiler, TrampolineKind};
use palisade_environ::Signature;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// A function type as one engine knows it.
pub(crate) struct SignatureEntry {
    id: u32,
    signature: Signature,
    registry: Arc<SignatureRegistry>,
    trampolines: [OnceLock<Trampoline>; TrampolineKind::ALL.len()],
}

struct Trampoline {
    image: Arc<CodeImage>,
    place: usize,
}

/// The function types of one engine.
#[derive(Default)]
pub(crate) struct SignatureRegistry {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_signature: HashMap<Signature, (u32, Weak<SignatureEntry>)>,
    /// Ids that were given back.
    free: Vec<u32>,
    /// The highest id in use; 0 means null in table entries and is never given out.
    last: u32,
}

impl SignatureRegistry {
    /// The entry of `signature`, made if it is new.
    pub(crate) fn register(self: &Arc<Self>, signature: &Signature) -> Arc<SignatureEntry> {
        let mut state = self.lock();
        if let Some(entry) = state.by_signature.get(signature).and_then(|(_, e)| e.upgrade()) {
            return entry;
        }
        let id = state.free.pop().unwrap_or_else(|| {
            state.last = state.last.checked_add(1).expect("fewer than 2^32 function types");
            state.last
        });
        let entry = Arc::new(SignatureEntry {
            id,
            signature: signature.clone(),
            registry: self.clone(),
            trampolines: Default::default(),
        });
        state.by_signature.insert(signature.clone(), (id, Arc::downgrade(&entry)));
        entry
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl SignatureEntry {
    /// The id that table entries and references hold; never 0.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Parameters and results.
    pub(crate) fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The trampoline of this kind, compiled if nobody has needed it before.
    pub(crate) fn trampoline(
        &self,
        compiler: &Compiler,
        kind: TrampolineKind,
    ) -> Result<*const u8> {
        if let Some(trampoline) = self.trampolines[kind as usize].get() {
            return Ok(trampoline.image.function(trampoline.place));
        }
        prepare(compiler, &[(kind, self)])?;
        let trampoline = self.trampolines[kind as usize].get().expect("just prepared");
        Ok(trampoline.image.function(trampoline.place))
    }
}

/// Compiles those of `wanted` that are missing, as one image.
pub(crate) fn prepare(
    compiler: &Compiler,
    wanted: &[(TrampolineKind, &SignatureEntry)],
) -> Result<()> {
    let mut missing: Vec<&(TrampolineKind, &SignatureEntry)> = Vec::new();
    for want in wanted {
        let known = want.1.trampolines[want.0 as usize].get().is_some();
        if !known && !missing.iter().any(|m| m.0 == want.0 && std::ptr::eq(m.1, want.1)) {
            missing.push(want);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let jobs: Vec<_> = missing.iter().map(|(kind, e)| (*kind, e.signature.clone())).collect();
    let text = compiler.compile_trampolines(&jobs)?;
    let image = CodeImage::publish(compiler, text, None)?;
    for (place, (kind, entry)) in missing.into_iter().enumerate() {
        // Another thread may have been faster; its trampoline is as good.
        let _ = entry.trampolines[*kind as usize].set(Trampoline { image: image.clone(), place });
    }
    Ok(())
}

impl Drop for SignatureEntry {
    fn drop(&mut self) {
        let mut state = self.registry.lock();
        // The same type may have been registered anew, under another id, while this entry was on its way out.
        if state.by_signature.get(&self.signature).is_some_and(|(id, _)| *id == self.id) {
            state.by_signature.remove(&self.signature);
        }
        state.free.push(self.id);
    }
}
