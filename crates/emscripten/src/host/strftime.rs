//! `strftime` in the C locale, which is a function of the host up to about Emscripten 3.1.30.
//!
//! What it does is that of C17 section 7.27.3.5.

use palisade::Result;

use super::zone::{Tm, is_leap};
use crate::ctx::Call;
use crate::signature::Value;

pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Bytes of a format: more has no result that fits into a usual buffer.
const MAX_FORMAT: usize = 64 << 10;

/// Stores the text with its NUL, if that has room; gives its length without, or 0.
pub(super) fn strftime(call: &mut Call<'_>) -> Result<Value> {
    let (at, room) = (call.args.u32(), call.args.u32());
    let (format, tm) = (call.args.u32(), call.args.u32());
    let Some(format) = call.guest.c_bytes(format, MAX_FORMAT)? else { return Ok(Value::I32(0)) };
    let zone = match call.guest.u32(tm.checked_add(40).ok_or(crate::errno::Fault)?)? {
        0 => String::new(),
        name => call.guest.text(name, 64),
    };
    let mut text = Vec::new();
    let limit = room as usize;
    expand(&Tm::read(&call.guest, tm)?, &zone, &format, limit, &mut text);
    if text.len() >= limit {
        return Ok(Value::I32(0));
    }
    text.push(0);
    call.guest.write(at, &text)?;
    Ok(Value::I32(text.len() as i32 - 1))
}

/// Appends what the format says, until `limit` bytes are exceeded.
fn expand(tm: &Tm, zone: &str, format: &[u8], limit: usize, text: &mut Vec<u8>) {
    let mut left = format.iter().copied();
    while let Some(byte) = left.next() {
        if text.len() > limit {
            return;
        }
        if byte != b'%' {
            text.push(byte);
            continue;
        }
        let mut spec = left.next();
        if let Some(b'E' | b'O') = spec {
            spec = left.next();
        }
        let Some(spec) = spec else { return };
        match composed(spec) {
            Some(format) => expand(tm, zone, format.as_bytes(), limit, text),
            None => text.extend(field(tm, zone, spec).into_bytes()),
        }
    }
}

/// A date as `asctime` has it, with its line end.
pub(super) fn asctime(tm: &Tm) -> String {
    let mut text = Vec::new();
    expand(tm, "", b"%a %b", usize::MAX, &mut text);
    let names = String::from_utf8_lossy(&text).into_owned();
    let time = format!("{:02}:{:02}:{:02}", tm.hour, tm.minute, tm.second);
    format!("{names} {:2} {time} {}\n", tm.day, i64::from(tm.year) + 1900)
}

/// What stands for several others.
fn composed(spec: u8) -> Option<&'static str> {
    Some(match spec {
        // With the day as Emscripten has it; C says `%e`.
        b'c' => "%a %b %d %H:%M:%S %Y",
        b'D' | b'x' => "%m/%d/%y",
        b'F' => "%Y-%m-%d",
        b'h' => "%b",
        b'r' => "%I:%M:%S %p",
        b'R' => "%H:%M",
        b'T' | b'X' => "%H:%M:%S",
        _ => return None,
    })
}

fn field(tm: &Tm, zone: &str, spec: u8) -> String {
    let year = i64::from(tm.year) + 1900;
    let name = |names: &[&str], index: i32| {
        usize::try_from(index).ok().and_then(|i| names.get(i).copied()).unwrap_or("?").to_owned()
    };
    let short = |name: String| name.chars().take(3).collect::<String>();
    match spec {
        b'a' => short(name(&DAYS, tm.weekday)),
        b'A' => name(&DAYS, tm.weekday),
        b'b' => short(name(&MONTHS, tm.month)),
        b'B' => name(&MONTHS, tm.month),
        b'C' => format!("{:02}", year.div_euclid(100)),
        b'd' => format!("{:02}", tm.day),
        b'e' => format!("{:2}", tm.day),
        b'g' => format!("{:02}", iso_week(tm).0.rem_euclid(100)),
        b'G' => iso_week(tm).0.to_string(),
        b'H' => format!("{:02}", tm.hour),
        b'I' => format!("{:02}", (tm.hour.rem_euclid(24) + 11) % 12 + 1),
        b'j' => format!("{:03}", i64::from(tm.day_of_year) + 1),
        b'm' => format!("{:02}", i64::from(tm.month) + 1),
        b'M' => format!("{:02}", tm.minute),
        b'n' => "\n".into(),
        b'p' => if tm.hour.rem_euclid(24) < 12 { "AM" } else { "PM" }.into(),
        b'S' => format!("{:02}", tm.second),
        b't' => "\t".into(),
        b'u' => if tm.weekday == 0 { 7 } else { tm.weekday }.to_string(),
        b'U' => format!("{:02}", week(tm, tm.weekday)),
        b'V' => format!("{:02}", iso_week(tm).1),
        b'w' => tm.weekday.to_string(),
        b'W' => format!("{:02}", week(tm, monday_first(tm))),
        b'y' => format!("{:02}", year.rem_euclid(100)),
        b'Y' => year.to_string(),
        b'z' => {
            let minutes = tm.offset / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
        }
        b'Z' => zone.to_owned(),
        b'%' => "%".into(),
        other => format!("%{}", char::from(other)),
    }
}

/// The day of the week with Monday as 0.
fn monday_first(tm: &Tm) -> i32 {
    (i64::from(tm.weekday) + 6).rem_euclid(7) as i32
}

/// Weeks that have begun this year, for a day of the week counted from where weeks begin.
fn week(tm: &Tm, weekday: i32) -> i64 {
    (i64::from(tm.day_of_year) + 7 - i64::from(weekday)) / 7
}

/// Year and week by ISO 8601: week 1 has the year's first Thursday.
fn iso_week(tm: &Tm) -> (i64, i64) {
    let year = i64::from(tm.year) + 1900;
    let days = |year| if is_leap(year) { 366 } else { 365 };
    // The day of the year that the Thursday of this week is.
    let thursday = i64::from(tm.day_of_year) - i64::from(monday_first(tm)) + 3;
    if thursday < 0 {
        return (year - 1, (thursday + days(year - 1)) / 7 + 1);
    }
    if thursday >= days(year) {
        return (year + 1, (thursday - days(year)) / 7 + 1);
    }
    (year, thursday / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::{Tm, expand};

    fn format(seconds: i64, format: &str) -> String {
        let mut text = Vec::new();
        expand(&Tm::of(seconds), "UTC", format.as_bytes(), 1000, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn formats() {
        assert_eq!(
            format(1_692_176_707, "%F %T %A %B %j"),
            "2023-08-16 09:05:07 Wednesday August 228"
        );
        assert_eq!(
            format(0, "%c|%I %p|%e|%u %w|%y %C|%z %Z|%%|%n%t|%Od %Ey %Q"),
            "Thu Jan 01 00:00:00 1970|12 AM| 1|4 4|70 19|+0000 UTC|%|\n\t|01 70 %Q"
        );
        // The known difficult weeks, by the `date` of GNU.
        for (seconds, weeks) in [
            (1_230_681_600, "2009 01 52 52"), // 2008-12-31
            (1_262_390_400, "2009 53 00 00"), // 2010-01-02
            (1_104_537_600, "2004 53 00 00"), // 2005-01-01
            (1_199_059_200, "2008 01 52 53"), // 2007-12-31
        ] {
            assert_eq!(format(seconds, "%G %V %U %W"), weeks);
        }
    }
}
