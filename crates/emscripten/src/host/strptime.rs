//! `strptime` in the C locale, which is a function of the host up to about Emscripten 3.1.30.
//!
//! What it does is that of POSIX.1-2017, System Interfaces, `strptime`.

use palisade::Result;

use super::strftime::{DAYS, MONTHS};
use super::zone::Tm;
use crate::ctx::Call;
use crate::signature::Value;

/// Bytes of a text or format.
const MAX_TEXT: usize = 64 << 10;
/// Formats within formats.
const MAX_DEPTH: usize = 3;

/// Fills the fields of a `struct tm` that the format names, and gives where it has stopped; 0 if
/// the text does not match.
pub(super) fn strptime(call: &mut Call<'_>) -> Result<Value> {
    let (at_text, at_format, at) = (call.args.u32(), call.args.u32(), call.args.u32());
    let text = call.guest.c_bytes(at_text, MAX_TEXT)?;
    let format = call.guest.c_bytes(at_format, MAX_TEXT)?;
    let (Some(text), Some(format)) = (text, format) else { return Ok(Value::I32(0)) };
    let mut reader = Reader { left: &text, tm: Tm::read(&call.guest, at)?, pm: None };
    if reader.read(&format, MAX_DEPTH).is_none() {
        return Ok(Value::I32(0));
    }
    let stopped = at_text.wrapping_add((text.len() - reader.left.len()) as u32);
    reader.finish().put(&mut call.guest, at, false)?;
    Ok(Value::I32(stopped.cast_signed()))
}

/// A text that is being read.
struct Reader<'a> {
    left: &'a [u8],
    tm: Tm,
    pm: Option<bool>,
}

impl Reader<'_> {
    fn read(&mut self, format: &[u8], depth: usize) -> Option<()> {
        let mut format = format.iter().copied();
        while let Some(byte) = format.next() {
            if byte.is_ascii_whitespace() {
                self.skip_space();
                continue;
            }
            if byte != b'%' {
                self.literal(byte)?;
                continue;
            }
            let mut spec = format.next()?;
            if matches!(spec, b'E' | b'O') {
                spec = format.next()?;
            }
            self.field(spec, depth.checked_sub(1)?)?;
        }
        Some(())
    }

    fn field(&mut self, spec: u8, depth: usize) -> Option<()> {
        match spec {
            b'a' | b'A' => self.tm.weekday = self.name(&DAYS)?,
            b'b' | b'B' | b'h' => self.tm.month = self.name(&MONTHS)?,
            b'c' => self.read(b"%a %b %d %H:%M:%S %Y", depth)?,
            b'C' => {
                self.tm.year = self.number(2, 0, 99)? * 100 + self.tm.year.rem_euclid(100) - 1900
            }
            b'd' | b'e' => self.tm.day = self.number(2, 1, 31)?,
            b'D' | b'x' => self.read(b"%m/%d/%y", depth)?,
            b'F' => self.read(b"%Y-%m-%d", depth)?,
            b'H' => self.tm.hour = self.number(2, 0, 23)?,
            b'I' => self.tm.hour = self.number(2, 1, 12)? % 12,
            b'j' => self.tm.day_of_year = self.number(3, 1, 366)? - 1,
            b'm' => self.tm.month = self.number(2, 1, 12)? - 1,
            b'M' => self.tm.minute = self.number(2, 0, 59)?,
            b'n' | b't' => self.skip_space(),
            b'p' => self.pm = Some(self.name(&["AM", "PM"])? == 1),
            b'r' => self.read(b"%I:%M:%S %p", depth)?,
            b'R' => self.read(b"%H:%M", depth)?,
            b'S' => self.tm.second = self.number(2, 0, 60)?,
            b'T' | b'X' => self.read(b"%H:%M:%S", depth)?,
            b'U' | b'W' => drop(self.number(2, 0, 53)?),
            b'w' => self.tm.weekday = self.number(1, 0, 6)?,
            b'y' => {
                let year = self.number(2, 0, 99)?;
                self.tm.year = if year < 69 { year + 100 } else { year };
            }
            b'Y' => self.tm.year = self.number(4, 0, 9999)? - 1900,
            b'%' => self.literal(b'%')?,
            _ => return None,
        }
        Some(())
    }

    fn skip_space(&mut self) {
        self.left = self.left.trim_ascii_start();
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        self.left = self.left.strip_prefix(&[byte])?;
        Some(())
    }

    /// A number of up to `digits` digits.
    fn number(&mut self, digits: usize, least: i32, most: i32) -> Option<i32> {
        self.skip_space();
        let count = self.left.iter().take(digits).take_while(|byte| byte.is_ascii_digit()).count();
        let (number, left) = self.left.split_at(count);
        let number = std::str::from_utf8(number).ok()?.parse().ok()?;
        self.left = left;
        (least..=most).contains(&number).then_some(number)
    }

    /// The index of the name, whole or by its first three letters.
    fn name(&mut self, names: &[&str]) -> Option<i32> {
        let starts = |name: &str| {
            self.left
                .get(..name.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()))
        };
        let (index, len) = names.iter().zip(0..).find_map(|(name, index)| {
            let short = &name[..name.len().min(3)];
            [name, short].into_iter().find(|name| starts(name)).map(|name| (index, name.len()))
        })?;
        self.left = &self.left[len..];
        Some(index)
    }

    /// The fields, with what follows from others.
    fn finish(mut self) -> Tm {
        if self.pm == Some(true) && self.tm.hour < 12 {
            self.tm.hour += 12;
        }
        // As Emscripten has it, there is a date whether or not the text has one.
        self.tm.year = self.tm.year.clamp(70, 8099);
        self.tm.month = self.tm.month.clamp(0, 11);
        self.tm.day = self.tm.day.clamp(1, 31);
        let date = Tm::of(Tm { hour: 0, minute: 0, second: 0, ..self.tm }.seconds());
        (self.tm.weekday, self.tm.day_of_year) = (date.weekday, date.day_of_year);
        self.tm
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Tm};

    fn parse(text: &str, format: &str) -> Option<(Tm, usize)> {
        let mut reader = Reader { left: text.as_bytes(), tm: Tm::default(), pm: None };
        reader.read(format.as_bytes(), 3)?;
        let left = reader.left.len();
        Some((reader.finish(), left))
    }

    #[test]
    fn dates_are_read() {
        let (tm, left) = parse("Wed, 16 August 2023 9:05:07 PM rest", "%a, %d %B %Y %r").unwrap();
        assert_eq!(
            (tm.year, tm.month, tm.day, tm.hour, tm.minute, tm.second),
            (123, 7, 16, 21, 5, 7)
        );
        assert_eq!((tm.weekday, tm.day_of_year, left), (3, 227, 5));
        let (tm, _) = parse("2000-02-29", "%F").unwrap();
        assert_eq!((tm.year, tm.month, tm.day, tm.weekday), (100, 1, 29, 2));
        for (text, format) in [("32", "%d"), ("x", "%Y"), ("1/2", "%m-%d"), ("1", "%Q"), ("", "%H")]
        {
            assert!(parse(text, format).is_none(), "{text}");
        }
    }
}
