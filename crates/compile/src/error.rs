//! Why a module could not be compiled.

/// A module that cannot be compiled.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CompileError {
    /// The bytes are not a valid module.
    #[error("{message} (at offset {offset:#x}{})", place_suffix(.place))]
    Invalid {
        /// Byte in the module at which it was found.
        offset: usize,
        /// The section or function around it, as far as known.
        place: String,
        /// What was wrong.
        message: String,
    },
    /// Valid, but it uses something that is not built.
    #[error("{feature} is not supported (at offset {offset:#x})")]
    Unsupported {
        /// What is not built.
        feature: String,
        /// Byte in the module at which it is used.
        offset: usize,
    },
    /// A limit of this implementation.
    #[error("{0}")]
    Limit(String),
}

fn place_suffix(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(", in {place}") }
}
