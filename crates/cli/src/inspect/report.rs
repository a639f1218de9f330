//! Printing a summary: one paragraph a subject, in columns.
//!
//! Names come from the module and are not trusted: control characters are escaped, so that a module cannot write to
//! the user's terminal.

use super::summary::{Definition, Item, Section, Summary, show_global, show_memory, show_table};
use std::io::{self, Write};

/// How many of the largest functions are listed. More would hide the rest of the report.
const LARGEST: usize = 5;

pub(super) fn print(
    out: &mut impl Write,
    file: &str,
    bytes: usize,
    summary: &Summary,
) -> io::Result<()> {
    writeln!(out, "{file}: {bytes} bytes")?;
    if let Some(name) = &summary.module_name {
        writeln!(out, "module name: {}", clean(name))?;
    }
    table(out, "sections", &["name", "bytes", "items"], &sections(&summary.sections))?;
    table(out, "imports", &[], &items(&summary.imports))?;
    table(out, "exports", &[], &items(&summary.exports))?;
    table(out, "memories", &[], &definitions(&summary.memories, show_memory))?;
    table(out, "tables", &[], &definitions(&summary.tables, show_table))?;
    table(out, "globals", &[], &definitions(&summary.globals, show_global))?;
    functions(out, summary)?;
    table(out, "producers", &[], &producers(summary))?;
    table(out, "names", &[], &names(summary))
}

/// Prints rows below a title; columns are as wide as their widest cell, columns of numbers are aligned on the right.
/// Nothing is printed where there is nothing.
fn table(
    out: &mut impl Write,
    title: &str,
    headings: &[&str],
    rows: &[Vec<String>],
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let columns: Vec<Column> = (0..columns).map(|i| Column::of(rows, headings, i)).collect();
    let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
    for row in (!headings.is_empty()).then_some(&headings).into_iter().chain(rows) {
        let cells: Vec<String> =
            row.iter().zip(&columns).map(|(cell, column)| column.pad(cell)).collect();
        writeln!(out, "  {}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

struct Column {
    width: usize,
    numbers: bool,
}

impl Column {
    fn of(rows: &[Vec<String>], headings: &[&str], i: usize) -> Column {
        let cells = || rows.iter().filter_map(|row| row.get(i));
        let heading = headings.get(i).map_or(0, |heading| heading.len());
        Column {
            width: cells().map(|cell| cell.chars().count()).max().unwrap_or(0).max(heading),
            numbers: cells().all(|cell| cell.bytes().all(|byte| byte.is_ascii_digit())),
        }
    }

    fn pad(&self, cell: &str) -> String {
        let width = self.width;
        if self.numbers { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
    }
}

fn sections(sections: &[Section]) -> Vec<Vec<String>> {
    let row = |section: &Section| {
        let name = match &section.name {
            Some(name) => format!("{} \"{}\"", section.kind, clean(name)),
            None => section.kind.to_string(),
        };
        let items = section.items.map(|items| items.to_string()).unwrap_or_default();
        vec![name, section.bytes.to_string(), items]
    };
    sections.iter().map(row).collect()
}

fn items(items: &[Item]) -> Vec<Vec<String>> {
    items.iter().map(|item| vec![item.kind.into(), clean(&item.name), item.ty.clone()]).collect()
}

fn definitions<T>(definitions: &[Definition<T>], show: fn(&T) -> String) -> Vec<Vec<String>> {
    let row = |(index, definition): (usize, &Definition<T>)| {
        let mut row = vec![index.to_string(), show(&definition.ty)];
        if let Some(import) = &definition.import {
            row.push(format!("imported: {}", clean(import)));
        }
        row
    };
    definitions.iter().enumerate().map(row).collect()
}

fn functions(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    if summary.functions.is_empty() {
        return Ok(());
    }
    let defined = summary.functions.len() - summary.imported_functions;
    let code: u64 = summary.bodies.iter().sum();
    let mut rows = vec![
        vec!["imported".into(), summary.imported_functions.to_string()],
        vec!["defined".into(), defined.to_string()],
        vec!["bytes of bodies".into(), code.to_string()],
    ];
    if let Some(start) = summary.start {
        rows.push(vec!["start function".into(), start.to_string(), function_name(summary, start)]);
    }
    table(out, "functions", &[], &rows)?;

    let mut bodies: Vec<(u64, usize)> = summary.bodies.iter().copied().zip(0..).collect();
    bodies.sort_by_key(|&(bytes, i)| (std::cmp::Reverse(bytes), i));
    let row = |&(bytes, i): &(u64, usize)| {
        let index = u32::try_from(summary.imported_functions + i).unwrap_or(u32::MAX);
        vec![index.to_string(), bytes.to_string(), function_name(summary, index)]
    };
    let rows: Vec<Vec<String>> = bodies.iter().take(LARGEST).map(row).collect();
    table(out, "largest functions", &["index", "bytes", "name"], &rows)
}

fn function_name(summary: &Summary, index: u32) -> String {
    summary.function_names.get(&index).map(|name| clean(name)).unwrap_or_default()
}

fn producers(summary: &Summary) -> Vec<Vec<String>> {
    let row = |(field, name, version): &(String, String, String)| {
        vec![field.clone(), clean(name), clean(version)]
    };
    summary.producers.iter().map(row).collect()
}

fn names(summary: &Summary) -> Vec<Vec<String>> {
    summary
        .name_counts
        .iter()
        .map(|(kind, count)| vec![(*kind).into(), count.to_string()])
        .collect()
}

/// The text with control characters escaped.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            cleaned.extend(character.escape_default());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::{clean, table};

    #[test]
    fn columns_are_aligned() {
        let rows = vec![vec!["a".into(), "7".into()], vec!["bcd".into(), "10".into()]];
        let mut out = Vec::new();
        table(&mut out, "title", &["name", "n"], &rows).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\ntitle\n  name   n\n  a      7\n  bcd   10\n"
        );
    }

    #[test]
    fn terminal_escapes_are_shown_not_sent() {
        assert_eq!(clean("a\x1b[31mé"), "a\\u{1b}[31mé");
    }
}
