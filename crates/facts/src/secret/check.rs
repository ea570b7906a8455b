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
    /// Header and payload are JSON objects, and the header names an algorithm.
    Jwt,
    /// A body in base64, perhaps over several lines or with escaped line ends.
    Base64Body,
}

impl Check {
    /// Whether the value passes.
    pub(super) fn passes(self, value: &str) -> bool {
        match self {
            Self::Crc32Base62 => crc32_base62(value).unwrap_or(false),
            Self::Crc32HexLittleEndian => crc32_hex(value).unwrap_or(false),
            Self::Jwt => jwt(value).unwrap_or(false),
            Self::Base64Body => longest_run(value) >= 32,
        }
    }

    /// Whether passing proves more than the pattern does.
    pub(super) fn proves(self) -> bool {
        self != Self::Base64Body
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

/// Reads base64url without padding (RFC 4648, section 5).
fn base64url(text: &str) -> Option<Vec<u8>> {
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
    }
}
