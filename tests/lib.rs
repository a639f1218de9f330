//! Test suites over Palisade's public crates; each folder is one suite.

#![forbid(unsafe_code)]
