//! What a credential's format lets one verify offline: checksums and inner structure.

use serde::Deserialize;
use serde_json::Value as Json;

/// How a value is verified beyond its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Check {
    /// The last six characters are the CRC-32 of what stands between them and the prefix up to
    /// the first `_`, in base 62 (digits, upper case, lower case).
    Crc32Base62,
    /// The last eight characters are the CRC-32 of what stands before the last `_`, as
    /// hexadecimal bytes, least significant first.
    Crc32HexLittleEndian,
    /// The last seven characters may be the CRC-32 of all before them, in base 36.
    Crc32Base36,
    /// Header and payload are JSON objects, and the header names an algorithm.
    Jwt,
    /// A body in base64, perhaps over several lines or with escaped line ends; it may be DER or
    /// an OpenSSH key.
    Base64Body,
    /// After four letters come digits of base 32, which may begin with an account of twelve
    /// decimal digits.
    AwsAccount,
    /// What follows the first `-` may be a macaroon in base64 with its signature at the end.
    Macaroon,
    /// What stands before the first dot is a decimal number in base64.
    Base64Number,
    /// `user:password` in base64 (RFC 7617).
    BasicAuth,
}

impl Check {
    /// Whether the value passes. A check that says *may* in its description lets all pass.
    pub(super) fn passes(self, value: &str) -> bool {
        match self {
            Self::Crc32Base62 => crc32_base62(value).unwrap_or(false),
            Self::Crc32HexLittleEndian => crc32_hex(value).unwrap_or(false),
            Self::Jwt => jwt(value).unwrap_or(false),
            Self::Base64Body => longest_run(value) >= 32,
            Self::Base64Number => base64_number(value).unwrap_or(false),
            Self::BasicAuth => basic_auth(value).is_some(),
            Self::AwsAccount | Self::Macaroon | Self::Crc32Base36 => true,
        }
    }

    /// Whether the value proves by itself that it was issued, beyond what the pattern says.
    pub(super) fn proves(self, value: &str) -> bool {
        match self {
            Self::Crc32Base62 | Self::Crc32HexLittleEndian | Self::Jwt | Self::Base64Number => true,
            Self::Crc32Base36 => crc32_base36(value).unwrap_or(false),
            Self::Base64Body => is_key(&compact(value)).unwrap_or(false),
            Self::AwsAccount => aws_account(value).is_some(),
            Self::Macaroon => macaroon(value).unwrap_or(false),
            Self::BasicAuth => false,
        }
    }
}

/// CRC-32 as in RFC 1952, section 8.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// A number in base 62 with leading zeros to six digits.
pub(super) fn base62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

fn crc32_base62(value: &str) -> Option<bool> {
    let (_, rest) = value.split_once('_')?;
    let (body, checksum) = rest.split_at_checked(rest.len().checked_sub(6)?)?;
    Some(base62(crc32(body.as_bytes())) == checksum)
}

/// The CRC-32 of a text as hexadecimal bytes, least significant first.
pub(super) fn crc32_hex_of(text: &str) -> String {
    let bytes = crc32(text.as_bytes()).to_le_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn crc32_hex(value: &str) -> Option<bool> {
    let (body, checksum) = value.rsplit_once('_')?;
    Some(crc32_hex_of(body) == checksum)
}

/// Reads base64 or base64url without padding (RFC 4648, sections 4 and 5).
pub(super) fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

fn crc32_base36(value: &str) -> Option<bool> {
    let (body, checksum) = value.split_at_checked(value.len().checked_sub(7)?)?;
    let routable = value.rsplit('.').next()?.len() == 9 && value.matches('.').count() >= 2;
    let number = u32::from_str_radix(checksum, 36).ok()?;
    Some(routable && number == crc32(body.as_bytes()))
}

/// The account in an access key id of AWS: 40 bits of base 32 behind the first bit. Keys older
/// than 2019 hold none (`sts get-access-key-info` tells it of both).
fn aws_account(value: &str) -> Option<u64> {
    let mut number = 0_u64;
    for byte in value.bytes().skip(4).take(10) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        number = (number << 5) | u64::from(digit);
    }
    // 50 bits were read; the first is not of the account, nor are the last nine.
    let account = (number >> 9) & ((1 << 40) - 1);
    (account < 1_000_000_000_000).then_some(account)
}

/// Whether a macaroon in the second binary format ends with a signature of 32 bytes.
/// <https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt>
fn macaroon(value: &str) -> Option<bool> {
    let bytes = base64url(value.split_once('-')?.1)?;
    let signature = bytes.len().checked_sub(34)?;
    Some(bytes[0] == 2 && bytes[signature] == 6 && bytes[signature + 1] == 32)
}

fn base64_number(value: &str) -> Option<bool> {
    let number = base64url(value.split('.').next()?)?;
    Some(number.len() >= 17 && number.iter().all(u8::is_ascii_digit))
}

/// The password in `user:password`, given in base64.
pub(super) fn basic_auth(value: &str) -> Option<String> {
    let text = String::from_utf8(base64url(value.trim_end_matches('='))?).ok()?;
    let (_, password) = text.split_once(':')?;
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (printable && !password.is_empty()).then(|| password.to_owned())
}

/// Whether a body is a DER sequence whose length fits (ITU-T X.690, section 8.1.3) or begins with
/// OpenSSH's magic.
fn is_key(body: &str) -> Option<bool> {
    let bytes = base64url(body.trim_end_matches('='))?;
    if bytes.starts_with(b"openssh-key-v1\0") {
        return Some(true);
    }
    let length = match bytes.get(1)? {
        0x81 => 3 + usize::from(*bytes.get(2)?),
        0x82 => 4 + usize::from(*bytes.get(2)?) * 256 + usize::from(*bytes.get(3)?),
        short @ 0..=0x7f => 2 + usize::from(*short),
        _ => return Some(false),
    };
    // The pattern may take a few characters less or more than the key has.
    Some(bytes[0] == 0x30 && bytes.len().abs_diff(length) <= 3)
}

/// Claims of tokens that are made to be public or that documentation shows.
fn harmless(payload: &Json) -> bool {
    // A browser key of Supabase: https://supabase.com/docs/guides/api/api-keys
    payload.get("role").and_then(Json::as_str) == Some("anon")
        // The subject that the debugger of jwt.io shows and half of all tutorials copy.
        || payload.get("sub").and_then(Json::as_str) == Some("1234567890")
        || payload.get("name").and_then(Json::as_str) == Some("John Doe")
        || payload.as_object().is_none_or(serde_json::Map::is_empty)
}

fn jwt(value: &str) -> Option<bool> {
    let mut parts = value.split('.');
    let header: Json = serde_json::from_slice(&base64url(parts.next()?)?).ok()?;
    let payload: Json = serde_json::from_slice(&base64url(parts.next()?)?).ok()?;
    let algorithm = header.get("alg").and_then(Json::as_str)?;
    Some(!algorithm.is_empty() && !harmless(&payload))
}

/// A value in several lines without what only lays it out.
pub(super) fn compact(value: &str) -> String {
    let plain = value.replace("\\n", "").replace("\\r", "");
    plain
        .chars()
        .filter(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '/' | '='))
        .collect()
}

/// Length of the longest run of base64 digits.
fn longest_run(value: &str) -> usize {
    let plain = value.replace("\\n", "\n").replace("\\r", "\n");
    plain
        .split(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '+' | '/')))
        .map(str::len)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(base62(0), "000000");
        assert_eq!(base62(61), "00000z");
        assert_eq!(base62(u32::MAX), "4gfFC3");
        assert_eq!(base64url("eyJhIjoxfQ").unwrap(), br#"{"a":1}"#);
        assert_eq!(base64url("a=b"), None);
        assert_eq!(basic_auth("YTpiYw==").as_deref(), Some("bc"));
        assert_eq!(basic_auth("YWJj"), None);
    }

    #[test]
    fn structure_proves_more_than_a_pattern() {
        // 123456789012 << 9, in 50 bits of base 32.
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut number = 123_456_789_012_u64 << 9;
        let mut id = Vec::new();
        for _ in 0..10 {
            id.insert(0, digits[(number & 31) as usize]);
            number >>= 5;
        }
        let id = format!("AKIA{}ABCDEF", String::from_utf8(id).unwrap());
        assert_eq!(aws_account(&id), Some(123_456_789_012));
        assert_eq!(aws_account("AKIA0123456789ABCDEF"), None);
        assert_eq!(base64_number("MTIzNDU2Nzg5MDEyMzQ1Njc4.a.b"), Some(true));
        assert_eq!(base64_number("aGVsbG8.a.b"), Some(false));
        assert_eq!(is_key("MAMCAQA="), Some(true));
        assert_eq!(is_key("MIIBAgID"), Some(false));
    }
}
