//! Everything that can go wrong, in one type.
//!
//! Four causes are kept apart: bad input, a guest's trap, a resource that cannot be had, and a failure of the host's
//! own functions. Bugs of Palisade itself are panics, never errors.

#![forbid(unsafe_code)]

use crate::WasmBacktrace;
use palisade_compile::CompileError;
use palisade_environ::Trap;
use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The result of anything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any failure of the public API. One pointer wide; `?` turns any [`std::error::Error`] of a host function into it.
///
/// `{}` shows the outermost message, `{:#}` the whole chain on one line, `{:?}` the chain and the wasm backtrace.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// Added by [`Error::context`]; the last is the outermost.
    context: Vec<Cow<'static, str>>,
    backtrace: Option<WasmBacktrace>,
}

/// What has failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are not a valid module.
    Invalid {
        /// Byte of the module at which it was found.
        offset: usize,
        /// What was wrong, and in which section or function.
        message: String,
    },
    /// Valid, but uses a feature that is not built.
    Unsupported {
        /// The feature.
        feature: String,
        /// Byte of the module at which it is used.
        offset: usize,
    },
    /// Imports are missing or have the wrong type.
    Link(String),
    /// The guest trapped.
    Trap(Trap),
    /// A memory, table, stack or other resource could not be provided.
    Resource(String),
    /// The API was used in a way that it does not allow, for example with a value of the wrong type.
    Usage(String),
    /// A host function failed; its own error, untouched.
    Host(Box<dyn StdError + Send + Sync>),
}

impl Error {
    pub(crate) fn from_kind(kind: ErrorKind) -> Error {
        Error(Box::new(Inner { kind, context: Vec::new(), backtrace: None }))
    }

    pub(crate) fn link(message: impl Into<String>) -> Error {
        Error::from_kind(ErrorKind::Link(message.into()))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Error {
        Error::from_kind(ErrorKind::Usage(message.into()))
    }

    pub(crate) fn resource(message: impl Into<String>) -> Error {
        Error::from_kind(ErrorKind::Resource(message.into()))
    }

    /// An error that wraps `error`.
    pub fn new(error: impl StdError + Send + Sync + 'static) -> Error {
        Error::from(error)
    }

    /// An error that is only a message.
    pub fn msg(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Error {
        Error::from_kind(ErrorKind::Host(message.to_string().into()))
    }

    /// What has failed.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Puts a message in front; the cause stays reachable.
    #[must_use]
    pub fn context(mut self, message: impl fmt::Display + Send + Sync + 'static) -> Error {
        self.0.context.push(Cow::Owned(message.to_string()));
        self
    }

    /// The wasm frames that were active when the error arose, if it passed through wasm.
    pub fn backtrace(&self) -> Option<&WasmBacktrace> {
        self.0.backtrace.as_ref()
    }

    pub(crate) fn has_backtrace(&self) -> bool {
        self.0.backtrace.is_some()
    }

    pub(crate) fn with_backtrace(mut self, backtrace: WasmBacktrace) -> Error {
        self.0.backtrace.get_or_insert(backtrace);
        self
    }

    /// The cause as a `T`: a [`Trap`], a [`WasmBacktrace`], or the error type that a host function has returned.
    pub fn downcast_ref<T: fmt::Display + fmt::Debug + Send + Sync + 'static>(&self) -> Option<&T> {
        let found: Option<&dyn Any> = match &self.0.kind {
            ErrorKind::Trap(trap) => Some(trap),
            _ => None,
        };
        if let Some(found) = found.and_then(|any| any.downcast_ref::<T>()) {
            return Some(found);
        }
        let backtrace = self.0.backtrace.as_ref().map(|backtrace| backtrace as &dyn Any);
        if let Some(found) = backtrace.and_then(|any| any.downcast_ref::<T>()) {
            return Some(found);
        }
        let ErrorKind::Host(error) = &self.0.kind else { return None };
        let holder = error.downcast_ref::<Holder>();
        holder.and_then(|holder| holder.any().downcast_ref::<T>())
    }

    /// The cause as a `T` by value, or this error unchanged.
    ///
    /// # Errors
    ///
    /// This error, if its cause is not a `T`.
    pub fn downcast<T: fmt::Display + fmt::Debug + Send + Sync + 'static>(
        self,
    ) -> Result<T, Error> {
        if self.downcast_ref::<T>().is_none() {
            return Err(self);
        }
        let inner = *self.0;
        let any: Box<dyn Any> = match inner.kind {
            ErrorKind::Trap(trap) if (&trap as &dyn Any).is::<T>() => Box::new(trap),
            ErrorKind::Host(error) => match error.downcast::<Holder>() {
                Ok(holder) if holder.any().is::<T>() => holder.error.into_any(),
                _ => Box::new(inner.backtrace.expect("the type was found")),
            },
            _ => Box::new(inner.backtrace.expect("the type was found")),
        };
        Ok(*any.downcast::<T>().expect("the type was found"))
    }

    /// Whether the cause is a `T`.
    pub fn is<T: fmt::Display + fmt::Debug + Send + Sync + 'static>(&self) -> bool {
        self.downcast_ref::<T>().is_some()
    }

    /// The messages from the outermost to the root cause.
    pub fn messages(&self) -> Vec<String> {
        let mut messages: Vec<String> =
            self.0.context.iter().rev().map(|c| c.to_string()).collect();
        messages.push(self.0.kind.to_string());
        if let ErrorKind::Host(error) = &self.0.kind {
            let mut source = error.source();
            while let Some(error) = source {
                messages.push(error.to_string());
                source = error.source();
            }
        }
        messages
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Invalid { message, .. }
            | ErrorKind::Link(message)
            | ErrorKind::Resource(message)
            | ErrorKind::Usage(message) => f.write_str(message),
            ErrorKind::Unsupported { feature, offset } => {
                write!(f, "{feature} is not supported (at offset {offset:#x})")
            }
            ErrorKind::Trap(trap) => trap.fmt(f),
            ErrorKind::Host(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = self.messages();
        if f.alternate() { f.write_str(&messages.join(": ")) } else { f.write_str(&messages[0]) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = self.messages();
        f.write_str(&messages[0])?;
        let backtrace = self.0.backtrace.as_ref().map(|b| b.to_string());
        let causes: Vec<&String> = messages[1..].iter().chain(&backtrace).collect();
        match causes.as_slice() {
            [] => {}
            [cause] => write!(f, "\n\nCaused by:\n    {}", indent(cause))?,
            causes => {
                f.write_str("\n\nCaused by:")?;
                for (i, cause) in causes.iter().enumerate() {
                    write!(f, "\n    {i}: {}", indent(cause))?;
                }
            }
        }
        Ok(())
    }
}

fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

/// Keeps a host error findable by its own type, also when that is an error of another crate.
struct Holder {
    error: Box<dyn ErrorObject>,
}

trait ErrorObject: StdError + Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<E: StdError + Any + Send + Sync> ErrorObject for E {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Holder {
    fn any(&self) -> &dyn Any {
        (*self.error).as_any()
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl StdError for Holder {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Error {
        let any: &dyn Any = &error;
        if let Some(trap) = any.downcast_ref::<Trap>() {
            return Error::from_kind(ErrorKind::Trap(*trap));
        }
        if let Some(compile) = any.downcast_ref::<CompileError>() {
            return from_compile(compile.clone());
        }
        Error::from_kind(ErrorKind::Host(Box::new(Holder { error: Box::new(error) })))
    }
}

fn from_compile(error: CompileError) -> Error {
    let message = error.to_string();
    Error::from_kind(match error {
        CompileError::Invalid { offset, .. } => ErrorKind::Invalid { offset, message },
        CompileError::Unsupported { feature, offset } => ErrorKind::Unsupported { feature, offset },
        CompileError::Limit(message) => ErrorKind::Resource(message),
    })
}

/// Adds messages to errors in passing.
pub trait Context<T> {
    /// Puts a message in front of the error.
    ///
    /// # Errors
    ///
    /// When `self` is one.
    fn context(self, message: impl fmt::Display + Send + Sync + 'static) -> Result<T>;

    /// Puts a message in front of the error; the message is made only if it is needed.
    ///
    /// # Errors
    ///
    /// When `self` is one.
    fn with_context<C: fmt::Display + Send + Sync + 'static>(
        self,
        message: impl FnOnce() -> C,
    ) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, message: impl fmt::Display + Send + Sync + 'static) -> Result<T> {
        self.map_err(|error| error.into().context(message))
    }

    fn with_context<C: fmt::Display + Send + Sync + 'static>(
        self,
        message: impl FnOnce() -> C,
    ) -> Result<T> {
        self.map_err(|error| error.into().context(message()))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, message: impl fmt::Display + Send + Sync + 'static) -> Result<T> {
        self.ok_or_else(|| Error::from_kind(ErrorKind::Host(message.to_string().into())))
    }

    fn with_context<C: fmt::Display + Send + Sync + 'static>(
        self,
        message: impl FnOnce() -> C,
    ) -> Result<T> {
        self.context_from(message)
    }
}

trait ContextFrom<T> {
    fn context_from<C: fmt::Display>(self, message: impl FnOnce() -> C) -> Result<T>;
}

impl<T> ContextFrom<T> for Option<T> {
    fn context_from<C: fmt::Display>(self, message: impl FnOnce() -> C) -> Result<T> {
        self.ok_or_else(|| Error::from_kind(ErrorKind::Host(message().to_string().into())))
    }
}

/// Makes an [`Error`] from a format string.
#[macro_export]
macro_rules! format_err {
    ($($arg:tt)*) => { $crate::Error::msg(::std::format!($($arg)*)) };
}

/// Returns an [`Error`] made from a format string.
#[macro_export]
macro_rules! bail {
    ($($arg:tt)*) => { return ::std::result::Result::Err($crate::format_err!($($arg)*)) };
}

/// Returns an [`Error`] made from a format string unless a condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($arg:tt)*) => { if !$condition { $crate::bail!($($arg)*) } };
}
