//! The report as JSON, for other programs.

use super::Report;
use std::fs;
use std::path::Path;

pub(crate) fn write(report: &Report, path: &Path) -> Result<(), String> {
    let text = serde_json::to_string_pretty(report).expect("reports are plain data");
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
