//! The report as one page that needs nothing else: plots, means, and all numbers.

use super::{BASELINE, Cell, Report, Row, plot};
use crate::report::table::show;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Light and dark of each contender, in order. Chosen to be told apart also by those who see few colours.
const COLORS: [(&str, &str); 10] = [
    ("#d1495b", "#ff6b7d"),
    ("#5c6370", "#a7b0c0"),
    ("#2f6fde", "#6ea0ff"),
    ("#1b8a5a", "#3ecf8e"),
    ("#c77700", "#ffb347"),
    ("#7b4fc9", "#b08cff"),
    ("#0f8b9d", "#4fd3e6"),
    ("#a3527f", "#f08fc0"),
    ("#6b7f1a", "#b9d14a"),
    ("#8a5a3b", "#d9a07a"),
];

const STYLE: &str = include_str!("page.css");

pub(crate) fn write(report: &Report, path: &Path) -> Result<(), String> {
    fs::write(path, page(report))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn page(report: &Report) -> String {
    let mut body = String::new();
    let machine = &report.machine;
    add(&mut body, format_args!("<h1>Palisade, measured</h1>\n<p class=\"where\">"));
    add(
        &mut body,
        format_args!(
            "{}, {} threads, {}, load {} at the start. Medians of up to {} interleaved rounds{}.</p>\n",
            escape(&machine.processor),
            machine.threads,
            escape(&machine.system),
            escape(&machine.load),
            report.rounds,
            if report.quick { ", a quick run" } else { "" }
        ),
    );
    legend(&mut body, report);
    means(&mut body, report);
    for section in report.sections() {
        section_of(&mut body, report, section);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Palisade, measured</title>\n<style>\n{}{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        variables()
    )
}

/// Colours of contenders, for both schemes.
fn variables() -> String {
    let all = |pick: fn(&(&'static str, &'static str)) -> &'static str| {
        let define = |(place, color)| format!("--c{place}:{};", pick(color));
        COLORS.iter().enumerate().map(define).collect::<String>()
    };
    format!(
        ":root{{{}}}\n@media (prefers-color-scheme: dark){{:root{{{}}}}}\n",
        all(|color| color.0),
        all(|color| color.1)
    )
}

fn legend(body: &mut String, report: &Report) {
    body.push_str("<ul class=\"legend\">\n");
    for (place, one) in report.contenders.iter().enumerate() {
        let (name, version) = (escape(&one.name), escape(&one.version));
        add(
            body,
            format_args!(
                "<li><i style=\"background:var(--c{place})\"></i><b>{name}</b> {version}</li>\n"
            ),
        );
    }
    body.push_str("</ul>\n");
}

/// Geometric means by section.
fn means(body: &mut String, report: &Report) {
    add(
        body,
        format_args!(
            "<section>\n<h2>In short</h2>\n<p>Geometric means of ratios to {BASELINE} unless said otherwise, over the measures that both did. \
             Less is better; 0.5 is half the time, or half the bytes.</p>\n<div class=\"wide\"><table>\n<tr><th></th>"
        ),
    );
    for one in &report.contenders {
        add(body, format_args!("<th>{}</th>", escape(&one.name)));
    }
    body.push_str("</tr>\n");
    for section in report.sections() {
        add(body, format_args!("<tr><th>{}</th>", escape(&report.title(section))));
        for place in 0..report.contenders.len() {
            match report.mean_ratio(section, place) {
                Some((mean, count)) => add(
                    body,
                    format_args!(
                        "<td class=\"{}\" title=\"of {count}\">{mean:.3}</td>",
                        class(mean)
                    ),
                ),
                None => body.push_str("<td class=\"none\">&ndash;</td>"),
            }
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</table></div>\n</section>\n");
}

fn section_of(body: &mut String, report: &Report, section: &str) {
    add(body, format_args!("<section>\n<h2>{}</h2>\n", escape(section)));
    if let Some(svg) = plot::section(report, section) {
        add(
            body,
            format_args!(
                "<figure>{svg}<figcaption>Ratio to {}, logarithmic; further left is \
                 better.</figcaption></figure>\n",
                report.baseline_of(section)
            ),
        );
    }
    body.push_str(
        "<details><summary>All numbers</summary><div class=\"wide\"><table>\n<tr><th></th>",
    );
    for one in &report.contenders {
        add(body, format_args!("<th>{}</th>", escape(&one.name)));
    }
    body.push_str("</tr>\n");
    for row in report.rows.iter().filter(|row| row.section == section) {
        numbers(body, report, row);
    }
    body.push_str("</table></div></details>\n</section>\n");
}

fn numbers(body: &mut String, report: &Report, row: &Row) {
    let (name, about) = (escape(&row.name), escape(&row.about));
    add(body, format_args!("<tr><th>{name}<small>{about}</small></th>"));
    for (place, cell) in row.cells.iter().enumerate() {
        match cell {
            Cell::Measured(summary) => {
                let ratio = report.ratio(row, place);
                let (class, ratio) = match ratio {
                    Some(ratio) => (class(ratio), format!("{ratio:.3}")),
                    None => ("", String::new()),
                };
                let speed = match row.megabytes_per_second(summary) {
                    Some(speed) => format!(", {speed:.1} MB/s"),
                    None => String::new(),
                };
                let value = show(summary.median, row.unit);
                let spread = match summary.samples {
                    1 => "1 sample".to_string(),
                    _ => format!("&plusmn;{:.1}%", summary.spread() * 50.0),
                };
                add(
                    body,
                    format_args!(
                        "<td class=\"{class}\">{value}<small>{ratio} {spread}{speed}</small></td>"
                    ),
                );
            }
            Cell::Unable(reason) => {
                add(body, format_args!("<td class=\"none\">{}</td>", escape(reason)));
            }
        }
    }
    body.push_str("</tr>\n");
}

/// How a ratio is coloured.
fn class(ratio: f64) -> &'static str {
    match ratio {
        0.0..0.97 => "good",
        0.97..1.03 => "same",
        _ => "bad",
    }
}

fn add(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("strings take any text");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_text() {
        assert_eq!(escape("a <b> & \"c\""), "a &lt;b&gt; &amp; &quot;c&quot;");
    }

    #[test]
    fn ratios_near_one_are_the_same() {
        assert_eq!([class(0.5), class(1.0), class(1.5)], ["good", "same", "bad"]);
    }
}
