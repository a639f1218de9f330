//! Calendar and time zones: between `time_t` and `struct tm`.
//!
//! The zone is that of the guest's `TZ`, or the host's. Dates are proleptic Gregorian; zones are
//! known for the years -9999 to 9999, and beyond these are those of UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use palisade::Result;

use crate::Layout;
use crate::ctx::{Call, Emscripten, now};
use crate::errno::Fault;
use crate::guest::Guest;
use crate::signature::Value;

/// Seconds from 1970 that a date can be away: as in JavaScript, about 275,000 years.
const FARTHEST: i64 = 8_640_000_000_000;
const DAY: i64 = 86_400;

/// `struct tm`, without the name of the zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tm {
    pub(super) second: i32,
    pub(super) minute: i32,
    pub(super) hour: i32,
    pub(super) day: i32,
    /// January is 0.
    pub(super) month: i32,
    /// Since 1900.
    pub(super) year: i32,
    /// Sunday is 0.
    pub(super) weekday: i32,
    /// January 1 is 0.
    pub(super) day_of_year: i32,
    pub(super) dst: i32,
    /// Seconds east of UTC.
    pub(super) offset: i32,
}

impl Tm {
    pub(super) fn read(guest: &Guest<'_>, at: u32) -> Result<Tm, Fault> {
        let bytes = guest.bytes(at, 40)?;
        let word = |i: usize| i32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().expect("4"));
        Ok(Tm {
            second: word(0),
            minute: word(1),
            hour: word(2),
            day: word(3),
            month: word(4),
            year: word(5),
            weekday: word(6),
            day_of_year: word(7),
            dst: word(8),
            offset: word(9),
        })
    }

    /// Stores the first eight fields, and with `zone` the two after them.
    pub(super) fn put(&self, guest: &mut Guest<'_>, at: u32, zone: bool) -> Result<(), Fault> {
        let fields = [
            self.second,
            self.minute,
            self.hour,
            self.day,
            self.month,
            self.year,
            self.weekday,
            self.day_of_year,
            self.dst,
            self.offset,
        ];
        let fields = if zone { &fields[..] } else { &fields[..8] };
        let bytes: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        guest.write(at, &bytes)
    }

    /// Seconds since 1970, as if it was in UTC; fields may be out of range.
    pub(super) fn seconds(&self) -> i64 {
        let months = i64::from(self.year) * 12 + i64::from(self.month);
        let (year, month) = (1900 + months.div_euclid(12), months.rem_euclid(12));
        let days = days_before(year, month) + i64::from(self.day) - 1;
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60;
        days * DAY + seconds + i64::from(self.second)
    }

    /// The date and time of day that many seconds after 1970 began.
    pub(super) fn of(seconds: i64) -> Tm {
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY) as i32);
        let mut year = 1970 + (days as f64 / 365.2425).floor() as i64;
        while days_before(year, 0) > days {
            year -= 1;
        }
        while days_before(year + 1, 0) <= days {
            year += 1;
        }
        let month = (0..12).rev().find(|month| days_before(year, *month) <= days).unwrap_or(0);
        Tm {
            second: rest % 60,
            minute: rest / 60 % 60,
            hour: rest / 3600,
            day: (days - days_before(year, month)) as i32 + 1,
            month: month as i32,
            year: (year - 1900) as i32,
            weekday: (days + 4).rem_euclid(7) as i32,
            day_of_year: (days - days_before(year, 0)) as i32,
            dst: 0,
            offset: 0,
        }
    }
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from 1970 to the beginning of a month, which is 0 to 11.
fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let past = year - 1;
    let leap_days = past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400) - 477;
    let this_year = BEFORE[month as usize] + i64::from(month > 1 && is_leap(year));
    (year - 1970) * 365 + leap_days + this_year
}

/// The zone of a guest.
struct Zone(TimeZone);

impl Zone {
    fn of(ctx: &Emscripten) -> Zone {
        let named = ctx.variable("TZ").map(|name| String::from_utf8_lossy(name).into_owned());
        let Some(name) = named else { return Zone(TimeZone::system()) };
        let name = name.strip_prefix(':').unwrap_or(&name);
        if name.is_empty() {
            return Zone(TimeZone::UTC);
        }
        // A zone that nobody knows is UTC, as in C.
        let zone = TimeZone::get(name).or_else(|_| TimeZone::posix(name));
        Zone(zone.unwrap_or(TimeZone::UTC))
    }

    /// Seconds east of UTC, and whether it is daylight saving time.
    fn at(&self, seconds: i64) -> (i64, bool) {
        match Timestamp::from_second(seconds) {
            Ok(timestamp) => {
                let info = self.0.to_offset_info(timestamp);
                (info.offset().seconds().into(), info.dst().is_dst())
            }
            Err(_) => (0, false),
        }
    }

    /// The moment that a clock on the wall shows this many seconds after 1970 began. What it
    /// shows twice is the first; what it skips is as if it had not been put forward yet.
    fn moment(&self, wall: i64) -> i64 {
        let offset = (|| {
            let timestamp = Timestamp::from_second(wall).ok()?;
            let civil: DateTime = Offset::UTC.to_datetime(timestamp);
            let zoned = self.0.to_ambiguous_timestamp(civil).compatible().ok()?;
            Some(wall - zoned.as_second())
        })();
        wall - offset.unwrap_or(0)
    }

    /// Standard and daylight saving time of a year, with their names: what is so in January and
    /// July.
    fn year(&self, year: i64) -> [(i64, String); 2] {
        let [winter, summer] = [0, 6].map(|month| {
            let at = days_before(year, month) * DAY;
            let name = Timestamp::from_second(at).map_or("UTC".to_owned(), |timestamp| {
                self.0.to_offset_info(timestamp).abbreviation().to_owned()
            });
            (self.at(at).0, name)
        });
        // In the south, summer is in January.
        if summer.0 < winter.0 { [summer, winter] } else { [winter, summer] }
    }
}

/// The time argument: as a number, or in older versions a pointer to one of 32 bits.
fn time(call: &mut Call<'_>) -> Result<i64> {
    if let [palisade::Val::I32(at), _] = call.args.0.as_slice() {
        let at = at.cast_unsigned();
        call.args.u32();
        return Ok(call.guest.i32(at)?.into());
    }
    Ok(call.args.i64())
}

/// Beyond all dates, there is 1 as an error and all fields are 0.
fn checked(call: &mut Call<'_>, seconds: i64, at: u32) -> Result<Option<i64>> {
    if (-FARTHEST..=FARTHEST).contains(&seconds) {
        return Ok(Some(seconds));
    }
    Tm::default().put(&mut call.guest, at, true)?;
    Ok(None)
}

pub(super) fn gmtime(call: &mut Call<'_>) -> Result<Value> {
    let (seconds, at) = (time(call)?, call.args.u32());
    let Some(seconds) = checked(call, seconds, at)? else { return Ok(Value::I32(1)) };
    Tm::of(seconds).put(&mut call.guest, at, false)?;
    Ok(Value::I32(0))
}

pub(super) fn localtime(call: &mut Call<'_>) -> Result<Value> {
    let (seconds, at) = (time(call)?, call.args.u32());
    let Some(seconds) = checked(call, seconds, at)? else { return Ok(Value::I32(1)) };
    let (offset, dst) = Zone::of(call.ctx).at(seconds);
    let tm = Tm { dst: dst.into(), offset: offset as i32, ..Tm::of(seconds + offset) };
    tm.put(&mut call.guest, at, true)?;
    Ok(Value::I32(0))
}

/// Normalizes the fields, and gives the time.
pub(super) fn mktime(call: &mut Call<'_>) -> Result<Value> {
    let at = call.args.u32();
    let given = Tm::read(&call.guest, at)?;
    let zone = Zone::of(call.ctx);
    let mut seconds = zone.moment(given.seconds());
    let (offset, _) = zone.at(seconds);
    let [(standard, _), (daylight, _)] = zone.year(i64::from(Tm::of(seconds).year) + 1900);
    // Who says which time it is, and is not right, means that time all the same.
    if standard != daylight && given.dst >= 0 && (given.dst > 0) != (offset == daylight) {
        seconds += offset - if given.dst > 0 { daylight } else { standard };
    }
    let (offset, dst) = zone.at(seconds);
    let tm = Tm { dst: dst.into(), offset: offset as i32, ..Tm::of(seconds + offset) };
    tm.put(&mut call.guest, at, true)?;
    Ok(time_value(call, seconds))
}

pub(super) fn timegm(call: &mut Call<'_>) -> Result<Value> {
    let at = call.args.u32();
    let seconds = Tm::read(&call.guest, at)?.seconds();
    Tm::of(seconds).put(&mut call.guest, at, false)?;
    Ok(time_value(call, seconds))
}

/// A `time_t`. Where it has 32 bits, it is cut off without an upper half.
fn time_value(call: &Call<'_>, seconds: i64) -> Value {
    match call.ctx.layout() {
        Layout::Old => Value::I32(seconds as i32),
        Layout::New => Value::I64(seconds),
    }
}

/// Days of a year.
pub(super) fn dysize(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(if is_leap(call.args.i32().into()) { 366 } else { 365 }))
}

/// Stores a date as text, cut off after 25 bytes.
pub(super) fn asctime(call: &mut Call<'_>) -> Result<Value> {
    let (at, buffer) = (call.args.u32(), call.args.u32());
    let tm = Tm::read(&call.guest, at)?;
    let mut text = super::strftime::asctime(&tm).into_bytes();
    text.truncate(25);
    text.push(0);
    call.guest.write(buffer, &text)?;
    Ok(Value::I32(buffer.cast_signed()))
}

/// What C knows of a zone: seconds west of UTC, whether it has daylight saving time, and names.
pub(crate) fn describe(ctx: &Emscripten) -> (i32, bool, [String; 2]) {
    let year = i64::from(Tm::of(now().div_euclid(1_000_000_000)).year) + 1900;
    let [(standard, name), (daylight, dst_name)] = Zone::of(ctx).year(year);
    (-standard as i32, standard != daylight, [name, dst_name])
}

/// Stores the names into buffers of 17 bytes each.
pub(super) fn tzset(call: &mut Call<'_>) -> Result<Value> {
    let (timezone, daylight) = (call.args.u32(), call.args.u32());
    let buffers = [call.args.u32(), call.args.u32()];
    let (west, has_dst, names) = describe(call.ctx);
    call.guest.put_i32(timezone, west)?;
    call.guest.put_i32(daylight, has_dst.into())?;
    for (buffer, name) in buffers.into_iter().zip(names) {
        let name = &name.as_bytes()[..name.len().min(16)];
        call.guest.write(buffer, &[name, b"\0"].concat())?;
    }
    Ok(Value::None)
}

#[cfg(test)]
mod tests {
    use super::{FARTHEST, TimeZone, Tm, Zone};

    #[test]
    fn dates_and_seconds_agree() {
        for (seconds, date) in [
            (0, (1970, 1, 1, 4, 0)),
            (951_782_400, (2000, 2, 29, 2, 59)),
            (-1, (1969, 12, 31, 3, 364)),
            (-2_203_977_600, (1900, 2, 28, 3, 58)),
            (-62_167_219_200, (0, 1, 1, 6, 0)),
            (FARTHEST, (275_760, 9, 13, 6, 256)),
        ] {
            let tm = Tm::of(seconds);
            let found = (tm.year + 1900, tm.month + 1, tm.day, tm.weekday, tm.day_of_year);
            assert_eq!(found, date, "{seconds}");
            assert_eq!(tm.seconds(), seconds);
        }
        // Fields out of range: the 0th of March is the last of February.
        let tm = Tm { year: 100, month: 14, day: 0, hour: -1, ..Tm::default() };
        assert_eq!(Tm::of(tm.seconds()), Tm::of(983_404_800 - 3600 - 86_400));
    }

    #[test]
    fn zones_say_what_a_clock_shows() {
        let zone = Zone(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        assert_eq!(zone.at(1_700_000_000), (3600, false));
        assert_eq!(zone.at(1_690_000_000), (7200, true));
        // 2023-10-29 02:30 is shown twice, 2023-03-26 02:30 never.
        assert_eq!(zone.moment(1_698_546_600), 1_698_546_600 - 7200);
        assert_eq!(zone.moment(1_679_797_800), 1_679_797_800 - 3600);
        let [(standard, name), (daylight, dst)] = zone.year(2023);
        assert_eq!((standard, &name[..], daylight, &dst[..]), (3600, "CET", 7200, "CEST"));
    }
}
