//! The plot of a section: how each contender compares to the baseline in each measure, on a logarithmic axis.
//!
//! Plots are drawn in placeholder colours, each of which is then replaced by a variable of the page's style, so that one
//! drawing serves light and dark.

use super::{Report, Row};
use plotters::coord::Shift;
use plotters::prelude::*;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

const WIDTH: i32 = 860;
const LEFT: i32 = 190;
const RIGHT: i32 = 20;
const TOP: i32 = 34;
const LINE: i32 = 22;

/// Where the axis can begin, end, and has marks. Ratios beyond all of them are drawn at the edge.
const TICKS: [f64; 9] = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0];

/// A logarithmic axis.
struct Axis {
    least: f64,
    most: f64,
}

impl Axis {
    /// One that shows these ratios, and some room on both sides of 1.
    fn of(ratios: &[f64]) -> Axis {
        let least = ratios.iter().copied().fold(0.5, f64::min);
        let most = ratios.iter().copied().fold(2.0, f64::max);
        let begin = TICKS.iter().rev().find(|tick| **tick <= least);
        let end = TICKS.iter().find(|tick| **tick >= most);
        Axis { least: *begin.unwrap_or(&TICKS[0]), most: *end.unwrap_or(&TICKS[TICKS.len() - 1]) }
    }

    /// Where a ratio is.
    fn place_of(&self, ratio: f64) -> i32 {
        let part = (ratio.clamp(self.least, self.most) / self.least).ln();
        let part = part / (self.most / self.least).ln();
        LEFT + (part * f64::from(WIDTH - LEFT - RIGHT)) as i32
    }
}

const TEXT: RGBColor = RGBColor(1, 0, 0);
const GRID: RGBColor = RGBColor(1, 0, 1);
const BASE: RGBColor = RGBColor(1, 0, 2);

/// The colour that stands for a contender.
fn mark(place: usize) -> RGBColor {
    RGBColor(2, 0, place as u8)
}

/// The section as SVG; none if nothing in it has a ratio.
pub(crate) fn section(report: &Report, section: &str) -> Option<String> {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.section == section).collect();
    let compared =
        |row: &&Row| (0..row.cells.len()).any(|place| report.ratio(row, place).is_some());
    let rows: Vec<&Row> = rows.into_iter().filter(compared).collect();
    if rows.is_empty() {
        return None;
    }
    let height = TOP + LINE * rows.len() as i32 + 10;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32));
        draw(&area.into_drawing_area(), report, &rows, height).expect("strings take any text");
    }
    Some(restyle(&svg, report.contenders.len(), height))
}

fn draw(area: &Area<'_>, report: &Report, rows: &[&Row], height: i32) -> Drawn {
    let small = ("sans-serif", 12).into_font().color(&TEXT);
    let ratio = |row: &Row, place| report.ratio(row, place);
    let all =
        rows.iter().flat_map(|row| (0..row.cells.len()).filter_map(|place| ratio(row, place)));
    let axis = Axis::of(&all.collect::<Vec<f64>>());
    for tick in TICKS.into_iter().filter(|tick| (axis.least..=axis.most).contains(tick)) {
        let x = axis.place_of(tick);
        let color = if tick == 1.0 { BASE } else { GRID };
        area.draw(&PathElement::new(vec![(x, TOP - 6), (x, height - 6)], color.stroke_width(1)))?;
        area.draw(&Text::new(tick.to_string(), (x - 8, TOP - 22), small.clone()))?;
    }
    for (line, row) in rows.iter().enumerate() {
        let y = TOP + LINE * line as i32 + LINE / 2;
        area.draw(&Text::new(row.name.clone(), (4, y - 5), small.clone()))?;
        area.draw(&PathElement::new(vec![(LEFT, y), (WIDTH - RIGHT, y)], GRID.stroke_width(1)))?;
        // The first contender is drawn last, over the others.
        for place in (0..row.cells.len()).rev() {
            if let Some(ratio) = ratio(row, place) {
                let size = if place == 0 { 6 } else { 4 };
                area.draw(&Circle::new((axis.place_of(ratio), y), size, mark(place).filled()))?;
            }
        }
    }
    area.present()?;
    Ok(())
}

/// Colours become variables, and the size that of the page's column.
fn restyle(svg: &str, contenders: usize, height: i32) -> String {
    let hex = |RGBColor(r, g, b): RGBColor| format!("\"#{r:02X}{g:02X}{b:02X}\"");
    let size = format!("width=\"{WIDTH}\" height=\"{height}\"");
    let mut svg = svg.replacen(&size, "class=\"plot\" role=\"img\"", 1);
    for (color, name) in [(TEXT, "text"), (GRID, "grid"), (BASE, "base")] {
        svg = svg.replace(&hex(color), &format!("\"var(--{name})\""));
    }
    for place in 0..contenders {
        svg = svg.replace(&hex(mark(place)), &format!("\"var(--c{place})\""));
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_is_logarithmic_and_ends() {
        let axis = Axis::of(&[0.3, 1.0, 4.0]);
        assert_eq!((axis.least, axis.most), (0.2, 5.0));
        let middle = (axis.place_of(0.2) + axis.place_of(5.0)) / 2;
        assert!((axis.place_of(1.0) - middle).abs() <= 1);
        assert_eq!(axis.place_of(1e9), axis.place_of(5.0));
        assert_eq!(axis.place_of(1e-9), LEFT);
    }

    #[test]
    fn no_placeholder_is_left() {
        let svg =
            "<svg width=\"860\" height=\"66\"><circle fill=\"#020001\"/><text fill=\"#010000\">";
        let styled = restyle(svg, 2, 66);
        assert_eq!(
            styled,
            "<svg class=\"plot\" role=\"img\"><circle fill=\"var(--c1)\"/><text fill=\"var(--text)\">"
        );
    }
}
