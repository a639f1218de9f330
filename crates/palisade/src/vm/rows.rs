//! Tables of code as rows of numbers, which can be kept in files as they are in memory.

use palisade_sys::FileMapping;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Rows of `N` numbers, made here or found in a mapped file.
pub(super) enum Rows<const N: usize> {
    Own(Vec<[u32; N]>),
    /// The byte range is of whole rows, and aligned.
    Mapped(Arc<FileMapping>, Range<usize>),
}

impl<const N: usize> Rows<N> {
    /// The rows in `range` of `file`; `None` if these are no rows.
    pub(super) fn mapped(file: &Arc<FileMapping>, range: Range<usize>) -> Option<Rows<N>> {
        bytemuck::try_cast_slice::<u8, [u32; N]>(file.get(range.clone())?).ok()?;
        Some(Rows::Mapped(file.clone(), range))
    }

    /// Copies the rows in `bytes`; `None` if these are no rows.
    pub(super) fn copied(bytes: &[u8]) -> Option<Rows<N>> {
        bytes.len().is_multiple_of(4 * N).then(|| Rows::Own(bytemuck::pod_collect_to_vec(bytes)))
    }
}

impl<const N: usize> FromIterator<[u32; N]> for Rows<N> {
    fn from_iter<I: IntoIterator<Item = [u32; N]>>(rows: I) -> Rows<N> {
        Rows::Own(rows.into_iter().collect())
    }
}

impl<const N: usize> Deref for Rows<N> {
    type Target = [[u32; N]];

    fn deref(&self) -> &[[u32; N]] {
        match self {
            Rows::Own(rows) => rows,
            Rows::Mapped(file, range) => bytemuck::cast_slice(&file[range.clone()]),
        }
    }
}
