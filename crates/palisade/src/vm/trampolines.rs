//! The trampolines that belong to a function type.
//!
//! They are made when first needed and live as long as the type; modules and host functions of one engine share them.

use super::artifact::Artifact;
use super::code::CodeImage;
use crate::FuncType;
use crate::error::Result;
use palisade_compile::{Compiler, Text, TrampolineKind};
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
    let image = CodeImage::publish(compiler, text(compiler, missing.iter().copied())?, None)?;
    fill(&image, missing);
    Ok(())
}

/// As [`prepare`], with code of an artifact, which has all of `wanted` in this order.
pub(crate) fn prepare_from(
    compiler: &Compiler,
    wanted: &[(TrampolineKind, FuncType)],
    artifact: &Artifact,
) -> Result<()> {
    if wanted.iter().any(|(kind, ty)| slot(ty.entry(), *kind).get().is_none()) {
        fill(&CodeImage::restore_trampolines(compiler, artifact)?, wanted);
    }
    Ok(())
}

/// The code of trampolines.
pub(crate) fn text<'a>(
    compiler: &Compiler,
    wanted: impl IntoIterator<Item = &'a (TrampolineKind, FuncType)>,
) -> Result<Text> {
    let wanted = wanted.into_iter();
    let jobs: Vec<_> = wanted.map(|(kind, ty)| (*kind, ty.signature().clone())).collect();
    Ok(compiler.compile_trampolines(&jobs)?)
}

/// Lets types have the trampolines that `image` has of them, in this order.
fn fill<'a>(
    image: &Arc<CodeImage>,
    wanted: impl IntoIterator<Item = &'a (TrampolineKind, FuncType)>,
) {
    for (place, (kind, ty)) in wanted.into_iter().enumerate() {
        // Another thread may have been faster; its trampoline is as good.
        let _ = slot(ty.entry(), *kind).set(Trampoline { image: image.clone(), place });
    }
}
