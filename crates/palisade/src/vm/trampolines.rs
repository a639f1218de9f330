//! The trampolines that belong to a function type.
//!
//! They are made when first needed and live as long as the type; modules and host functions of one engine share them.

use super::code::CodeImage;
use crate::FuncType;
use crate::error::Result;
use palisade_compile::{Compiler, TrampolineKind};
use palisade_environ::TypeEntry;
use std::sync::{Arc, OnceLock};

/// What a type's entry in the registry keeps for us.
#[derive(Default)]
struct Trampolines([OnceLock<Trampoline>; TrampolineKind::ALL.len()]);

struct Trampoline {
    image: Arc<CodeImage>,
    place: usize,
}

fn slot(ty: &TypeEntry, kind: TrampolineKind) -> &OnceLock<Trampoline> {
    &ty.extension::<Trampolines>().0[kind as usize]
}

/// The trampoline of this kind, compiled if nobody has needed it before.
pub(super) fn trampoline(
    compiler: &Compiler,
    ty: &TypeEntry,
    kind: TrampolineKind,
) -> Result<*const u8> {
    let slot = slot(ty, kind);
    if slot.get().is_none() {
        prepare(compiler, &[(kind, ty.func_type())])?;
    }
    let trampoline = slot.get().expect("just prepared");
    Ok(trampoline.image.function(trampoline.place))
}

/// Compiles those of `wanted` that are missing, as one image.
pub(crate) fn prepare(compiler: &Compiler, wanted: &[(TrampolineKind, FuncType)]) -> Result<()> {
    let mut missing: Vec<&(TrampolineKind, FuncType)> = Vec::new();
    for want in wanted {
        if slot(want.1.entry(), want.0).get().is_none() && !missing.contains(&want) {
            missing.push(want);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let jobs: Vec<_> = missing.iter().map(|(kind, ty)| (*kind, ty.signature().clone())).collect();
    let text = compiler.compile_trampolines(&jobs)?;
    let image = CodeImage::publish(compiler, text, None)?;
    for (place, (kind, ty)) in missing.into_iter().enumerate() {
        // Another thread may have been faster; its trampoline is as good.
        let _ = slot(ty.entry(), *kind).set(Trampoline { image: image.clone(), place });
    }
    Ok(())
}
