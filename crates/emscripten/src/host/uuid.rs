//! libuuid, and the functions of numbers that Emscripten has from JavaScript.

use palisade::Result;

use crate::ctx::{Call, aborted};
use crate::signature::Value;

/// Bytes of a UUID, and of its text with the NUL.
const LEN: u32 = 16;
const TEXT: usize = 36;

fn read(call: &mut Call<'_>) -> Result<[u8; LEN as usize]> {
    let mut uuid = [0; LEN as usize];
    call.guest.read(call.args.u32(), &mut uuid)?;
    Ok(uuid)
}

pub(super) fn clear(call: &mut Call<'_>) -> Result<Value> {
    call.guest.write(call.args.u32(), &[0; LEN as usize])?;
    Ok(Value::None)
}

pub(super) fn compare(call: &mut Call<'_>) -> Result<Value> {
    let (one, other) = (read(call)?, read(call)?);
    Ok(Value::I32(one.cmp(&other) as i32))
}

/// `(to, from)`
pub(super) fn copy(call: &mut Call<'_>) -> Result<Value> {
    let to = call.args.u32();
    let uuid = read(call)?;
    call.guest.write(to, &uuid)?;
    Ok(Value::None)
}

/// A random one (RFC 4122, version 4).
pub(super) fn generate(call: &mut Call<'_>) -> Result<Value> {
    let mut uuid = [0; LEN as usize];
    getrandom::fill(&mut uuid).map_err(|error| aborted(format!("no random bytes: {error}")))?;
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    call.guest.write(call.args.u32(), &uuid)?;
    Ok(Value::None)
}

pub(super) fn is_null(call: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32((read(call)? == [0; LEN as usize]).into()))
}

/// `(text, to)`
pub(super) fn parse(call: &mut Call<'_>) -> Result<Value> {
    let (text, to) = (call.args.u32(), call.args.u32());
    let text = call.guest.text(text, TEXT + 1);
    let Some(uuid) = from_text(&text) else { return Ok(Value::I32(-1)) };
    call.guest.write(to, &uuid)?;
    Ok(Value::I32(0))
}

fn from_text(text: &str) -> Option<[u8; LEN as usize]> {
    let dashes = [8, 13, 18, 23];
    let well_formed = |(i, byte): (usize, u8)| match dashes.contains(&i) {
        true => byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    if text.len() != TEXT || !text.bytes().enumerate().all(well_formed) {
        return None;
    }
    let number = u128::from_str_radix(&text.replace('-', ""), 16).ok()?;
    Some(number.to_be_bytes())
}

/// `(uuid, text)`
pub(super) fn unparse(call: &mut Call<'_>) -> Result<Value> {
    let uuid = read(call)?;
    let text = to_text(uuid) + "\0";
    call.guest.write(call.args.u32(), text.as_bytes())?;
    Ok(Value::None)
}

pub(super) fn unparse_upper(call: &mut Call<'_>) -> Result<Value> {
    let uuid = read(call)?;
    let text = to_text(uuid).to_ascii_uppercase() + "\0";
    call.guest.write(call.args.u32(), text.as_bytes())?;
    Ok(Value::None)
}

fn to_text(uuid: [u8; LEN as usize]) -> String {
    let mut text = format!("{:032x}", u128::from_be_bytes(uuid));
    for dash in [8, 13, 18, 23] {
        text.insert(dash, '-');
    }
    text
}

/// Random.
pub(super) fn kind(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(4))
}

/// That of the RFC.
pub(super) fn variant(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::I32(1))
}

/// A number of 0 to 1, without that.
fn fraction() -> Result<f64> {
    let random = getrandom::u64().map_err(|error| aborted(format!("no random bytes: {error}")))?;
    // As many bits as any f64 below 1 has.
    Ok((random >> 11) as f64 / (1u64 << 53) as f64)
}

pub(super) fn random(_: &mut Call<'_>) -> Result<Value> {
    // Rounded to 24 bits it must not become 1.
    Ok(Value::F32((fraction()? * f64::from(1 << 24)).floor() as f32 / (1 << 24) as f32))
}

pub(super) fn math_random(_: &mut Call<'_>) -> Result<Value> {
    Ok(Value::F64(fraction()?))
}

#[cfg(test)]
mod tests {
    use super::{from_text, to_text};

    #[test]
    fn texts_are_read_and_written() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(from_text(text).map(to_text).as_deref(), Some(text));
        for wrong in
            ["", "0011223344556677-8899-aabbccddeeff-----", "00112233-4455-6677-8899-aabbccddeefg"]
        {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
    }
}
