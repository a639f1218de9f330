//! `emscripten_log`, and what else Emscripten has to report: formatted as by `printf`, printed
//! where the flags say.

use palisade::Result;

use super::process::print_line;
use crate::ctx::{Call, aborted};
use crate::errno::Fault;
use crate::guest::Guest;
use crate::signature::Value;

/// Of the flags: how bad it is.
const WARN: u32 = 2;
const ERROR: u32 = 4;

/// Bytes of a message, and characters of one field of it.
const MAX_TEXT: usize = 1 << 20;
const MAX_FIELD: usize = 4096;
/// Characters of what the program throws.
const MAX_THROWN: usize = 1024;

/// Which stream a message goes to.
fn stream(flags: u32) -> u32 {
    // The console's debug and info levels are stdout as well.
    if flags & (WARN | ERROR) != 0 { 2 } else { 1 }
}

/// `(flags, format, arguments)`
pub(super) fn log(call: &mut Call<'_>) -> Result<Value> {
    let (flags, format, arguments) = (call.args.u32(), call.args.u32(), call.args.u32());
    let text = expand(&mut call.guest, format, arguments)?;
    print_line(call, stream(flags), text)
}

/// `(flags, text)`
pub(super) fn log_text(call: &mut Call<'_>) -> Result<Value> {
    let (flags, text) = (call.args.u32(), call.args.u32());
    let text = call.guest.c_bytes(text, MAX_TEXT)?.unwrap_or_default();
    print_line(call, stream(flags), text)
}

/// The calls that led here as text: nothing is known, which is said in no characters and a NUL.
pub(super) fn callstack(call: &mut Call<'_>) -> Result<Value> {
    let (_flags, at, len) = (call.args.u32(), call.args.u32(), call.args.i32());
    if at != 0 && len > 0 {
        call.guest.write(at, b"\0")?;
    }
    Ok(Value::I32(1))
}

pub(super) fn throw_number(call: &mut Call<'_>) -> Result<Value> {
    Err(aborted(format!("the program has thrown the number {}", call.args.f64())))
}

pub(super) fn throw_string(call: &mut Call<'_>) -> Result<Value> {
    let text = call.guest.text(call.args.u32(), MAX_THROWN);
    Err(aborted(format!("the program has thrown a text: {text}")))
}

/// One field of a format.
#[derive(Default)]
struct Field {
    plus: bool,
    left: bool,
    alternative: bool,
    zeros: bool,
    space: bool,
    width: usize,
    precision: Option<usize>,
    /// Bytes of an integer.
    size: u32,
}

/// The arguments, as a C compiler passes them on.
struct Arguments(u32);

impl Arguments {
    fn word(&mut self, guest: &Guest<'_>) -> Result<u32, Fault> {
        let at = self.0;
        self.0 = at.checked_add(4).ok_or(Fault)?;
        guest.u32(at)
    }

    fn wide(&mut self, guest: &Guest<'_>) -> Result<u64, Fault> {
        let at = self.0.checked_next_multiple_of(8).ok_or(Fault)?;
        self.0 = at.checked_add(8).ok_or(Fault)?;
        guest.u64(at)
    }
}

fn expand(guest: &mut Guest<'_>, format: u32, arguments: u32) -> Result<Vec<u8>> {
    let format = guest.c_bytes(format, MAX_TEXT)?.unwrap_or_default();
    let mut arguments = Arguments(arguments);
    let mut text = Vec::new();
    let mut left = format.as_slice();
    while let [first, rest @ ..] = left {
        left = rest;
        if *first != b'%' {
            text.push(*first);
        } else {
            let mut field = Field::default();
            let start = left;
            left = field.parse(left, guest, &mut arguments)?;
            let Some((kind, rest)) = left.split_first() else {
                text.push(b'%');
                text.extend_from_slice(start);
                break;
            };
            left = rest;
            if let Some(expanded) = field.expand(*kind, guest, &mut arguments, text.len())? {
                text.extend(expanded);
            } else {
                text.push(b'%');
                text.extend_from_slice(&start[..start.len() - left.len()]);
            }
        }
        if text.len() > MAX_TEXT {
            return Err(aborted("the message of `emscripten_log` is too long"));
        }
    }
    Ok(text)
}

impl Field {
    /// Reads flags, width, precision and size; gives what is behind them.
    fn parse<'a>(
        &mut self,
        mut text: &'a [u8],
        guest: &Guest<'_>,
        arguments: &mut Arguments,
    ) -> Result<&'a [u8], Fault> {
        while let [flag @ (b'+' | b'-' | b'#' | b'0' | b' '), rest @ ..] = text {
            match flag {
                b'+' => self.plus = true,
                b'-' => self.left = true,
                b'#' => self.alternative = true,
                b'0' => self.zeros = true,
                _ => self.space = true,
            }
            text = rest;
        }
        if let [b'*', rest @ ..] = text {
            let width = arguments.word(guest)?.cast_signed();
            self.left |= width < 0;
            self.width = (width.unsigned_abs() as usize).min(MAX_FIELD);
            text = rest;
        } else {
            (self.width, text) = digits(text);
        }
        if let [b'.', rest @ ..] = text {
            if let [b'*', rest @ ..] = rest {
                let precision = arguments.word(guest)?.cast_signed();
                self.precision = usize::try_from(precision).ok().map(|n| n.min(MAX_FIELD));
                text = rest;
            } else {
                let (precision, rest) = digits(rest);
                self.precision = Some(precision);
                text = rest;
            }
        }
        self.size = 4;
        while let [size @ (b'h' | b'l' | b'L' | b'q' | b'j' | b'z' | b't'), rest @ ..] = text {
            self.size = match (size, rest) {
                (b'h', _) => self.size / 2,
                (b'l', [b'l', ..]) | (b'L' | b'q' | b'j', _) => 8,
                _ => self.size,
            }
            .max(1);
            text = rest;
        }
        Ok(text)
    }

    /// What it becomes; nothing if it is of an unknown kind. `written` is how much there is so far.
    fn expand(
        &self,
        kind: u8,
        guest: &mut Guest<'_>,
        arguments: &mut Arguments,
        written: usize,
    ) -> Result<Option<Vec<u8>>> {
        Ok(Some(match kind {
            b'%' => vec![b'%'],
            b'c' => self.pad(vec![arguments.word(guest)? as u8]),
            b's' => {
                let at = arguments.word(guest)?;
                let limit = self.precision.unwrap_or(MAX_TEXT);
                let text = match at {
                    0 => b"(null)"[..limit.min(6)].to_vec(),
                    at => string(guest, at, limit)?,
                };
                self.pad(text)
            }
            b'n' => {
                let at = arguments.word(guest)?;
                guest.put_u32(at, written as u32)?;
                Vec::new()
            }
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' | b'p' => {
                let value = match self.size {
                    8 => arguments.wide(guest)?,
                    _ => arguments.word(guest)?.into(),
                };
                self.integer(kind, value)
            }
            b'f' | b'F' | b'e' | b'E' | b'g' | b'G' => {
                self.float(kind, f64::from_bits(arguments.wide(guest)?))
            }
            _ => return Ok(None),
        }))
    }

    fn integer(&self, kind: u8, value: u64) -> Vec<u8> {
        let unused = 64 - 8 * self.size;
        let (negative, value) = match kind {
            b'd' | b'i' => {
                let value = (value << unused).cast_signed() >> unused;
                (value < 0, value.unsigned_abs())
            }
            _ => (false, value << unused >> unused),
        };
        let mut digits = match kind {
            b'o' => format!("{value:o}"),
            b'x' | b'p' => format!("{value:x}"),
            b'X' => format!("{value:X}"),
            _ => value.to_string(),
        };
        if let Some(precision) = self.precision {
            digits = match (precision, value) {
                (0, 0) => String::new(),
                _ => format!("{digits:0>precision$}"),
            };
        }
        let prefix = match kind {
            b'x' if self.alternative && value != 0 => "0x",
            b'X' if self.alternative && value != 0 => "0X",
            b'o' if self.alternative && !digits.starts_with('0') => "0",
            b'p' => "0x",
            b'd' | b'i' => self.sign(negative),
            _ => "",
        };
        self.number(prefix, &digits, self.precision.is_none())
    }

    fn float(&self, kind: u8, value: f64) -> Vec<u8> {
        let size = value.abs();
        let finite = value.is_finite();
        let mut digits = match kind.to_ascii_lowercase() {
            _ if value.is_nan() => "nan".into(),
            _ if !finite => "inf".into(),
            b'f' => format!("{size:.*}", self.precision.unwrap_or(6)),
            b'e' => scientific(size, self.precision.unwrap_or(6)),
            _ => self.general(size),
        };
        if self.alternative && finite && !digits.contains('.') {
            let end = digits.find('e').unwrap_or(digits.len());
            digits.insert(end, '.');
        }
        if kind.is_ascii_uppercase() {
            digits.make_ascii_uppercase();
        }
        self.number(self.sign(value.is_sign_negative() && !value.is_nan()), &digits, finite)
    }

    /// As few characters as give so many digits.
    fn general(&self, value: f64) -> String {
        let precision = self.precision.unwrap_or(6).max(1);
        let exact = scientific(value, precision - 1);
        let exponent: i32 = exact.split_once('e').map_or(0, |(_, e)| e.parse().unwrap_or(0));
        let text = match exponent {
            -4.. if (exponent as i64) < precision as i64 => {
                format!("{value:.*}", (precision as i64 - 1 - i64::from(exponent)) as usize)
            }
            _ => exact,
        };
        if self.alternative {
            return text;
        }
        let (mantissa, exponent) = match text.split_once('e') {
            Some((mantissa, exponent)) => (mantissa, format!("e{exponent}")),
            None => (text.as_str(), String::new()),
        };
        let mantissa = match mantissa.contains('.') {
            true => mantissa.trim_end_matches('0').trim_end_matches('.'),
            false => mantissa,
        };
        format!("{mantissa}{exponent}")
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    /// Zeros go between the sign and the digits.
    fn number(&self, prefix: &str, digits: &str, zeros: bool) -> Vec<u8> {
        if self.zeros && !self.left && zeros {
            let width = self.width.saturating_sub(prefix.len());
            return format!("{prefix}{digits:0>width$}").into_bytes();
        }
        self.pad(format!("{prefix}{digits}").into_bytes())
    }

    fn pad(&self, mut text: Vec<u8>) -> Vec<u8> {
        let missing = vec![b' '; self.width.saturating_sub(text.len())];
        if self.left {
            text.extend(missing);
            return text;
        }
        [missing, text].concat()
    }
}

/// A number, at most so that a field stays short.
fn digits(text: &[u8]) -> (usize, &[u8]) {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = text[..len].iter().fold(0, |number: usize, digit| {
        (number.saturating_mul(10) + usize::from(digit - b'0')).min(MAX_FIELD)
    });
    (number, &text[len..])
}

/// At most `limit` bytes of a string, which then needs no end.
fn string(guest: &Guest<'_>, at: u32, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    while text.len() < limit {
        match guest.u8(at.checked_add(text.len() as u32).ok_or(Fault)?)? {
            0 => break,
            byte => text.push(byte),
        }
    }
    Ok(text)
}

/// With an exponent of at least two digits.
fn scientific(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::expand;
    use crate::guest::Guest;

    /// Expands a format with words of arguments.
    fn text(format: &str, arguments: &[u32]) -> String {
        let mut memory = vec![0; 65536];
        memory[16..16 + format.len()].copy_from_slice(format.as_bytes());
        memory[4096..4100].copy_from_slice(b"text");
        for (i, argument) in arguments.iter().enumerate() {
            memory[1024 + 4 * i..][..4].copy_from_slice(&argument.to_le_bytes());
        }
        let text = expand(&mut Guest::Own(&mut memory), 16, 1024).expect("it is in memory");
        String::from_utf8(text).expect("UTF-8")
    }

    fn double(format: &str, value: f64) -> String {
        text(format, &[value.to_bits() as u32, (value.to_bits() >> 32) as u32])
    }

    #[test]
    fn integers() {
        assert_eq!(text("<%d|%5d|%-5d|%05d|%+d>", &[7, 7, 7, 7, 7]), "<7|    7|7    |00007|+7>");
        assert_eq!(
            text("%d %u %x %#X %o %hhd", &[u32::MAX; 6]),
            "-1 4294967295 ffffffff 0XFFFFFFFF 37777777777 -1"
        );
        assert_eq!(
            text("%lld|%llu", &[0, 1, u32::MAX, u32::MAX]),
            "4294967296|18446744073709551615"
        );
        assert_eq!(text("%.3d|%.0d|%*d", &[5, 0, 4, 9]), "005||   9");
    }

    #[test]
    fn texts() {
        let arguments = [4096, 4096, 0, 65];
        assert_eq!(text("%s|%6.2s|%s|%c|100%%", &arguments), "text|    te|(null)|A|100%");
        assert_eq!(text("%y %", &[]), "%y %");
    }

    #[test]
    fn floats() {
        assert_eq!(double("%f", 3.25), "3.250000");
        assert_eq!(double("%.2f", -0.005), "-0.01");
        assert_eq!(double("%e", 12345.678), "1.234568e+04");
        assert_eq!(double("%g", 0.0001), "0.0001");
        assert_eq!(double("%g", 1e-5), "1e-05");
        assert_eq!(double("%g", 1234567.0), "1.23457e+06");
        assert_eq!(double("%08.3f", -1.5), "-001.500");
        assert_eq!(double("%G", f64::NEG_INFINITY), "-INF");
    }

    #[test]
    fn no_field_is_endless() {
        assert_eq!(text("%99999999999d", &[1]).len(), super::MAX_FIELD);
        assert_eq!(double("%.99999999f", 1.0).len(), super::MAX_FIELD + 2);
    }
}
