//! Whether a value can be a real one: its randomness, and the marks of placeholders.

/// Shannon entropy in bits per character.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

/// The words of an identifier or a value: split at what is no letter or digit, between letters
/// and digits, and before a capital that follows a small letter. All in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut previous = ' ';
    for char in text.chars() {
        let starts = !char.is_alphanumeric()
            || char.is_numeric() != previous.is_numeric()
            || (char.is_uppercase() && previous.is_lowercase());
        if starts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if char.is_alphanumeric() {
            word.extend(char.to_lowercase());
        }
        previous = char;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether people filled the value in to show where something goes: one character again and
/// again, or the alphabet.
pub(super) fn is_filler(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (mut same, mut up, mut down) = (1, 1, 1);
    for pair in bytes.windows(2) {
        let (a, b) = (pair[0].to_ascii_lowercase(), pair[1].to_ascii_lowercase());
        let step = |run: usize, wanted: bool| if wanted { run + 1 } else { 1 };
        same = step(same, a == b);
        up = step(up, a.checked_add(1) == Some(b) || (a, b) == (b'9', b'0'));
        down = step(down, b.checked_add(1) == Some(a));
        if same >= 6 || up >= 6 || down >= 6 {
            return true;
        }
    }
    // The same block again and again: `deadbeefdeadbeef`.
    let half = bytes.len() / 2;
    (2..=8.min(half)).any(|size| {
        bytes.len() >= 12
            && bytes
                .iter()
                .zip(bytes.iter().skip(size))
                .all(|(a, b)| a == b)
    })
}

/// Whether a machine seems to have drawn the value: letters and digits follow each other without
/// forming words.
pub(super) fn is_random(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    if value.len() < 16 || letters < 2 {
        return false;
    }
    let hexadecimal = value
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let enough = if hexadecimal { 2.9 } else { 3.4 };
    let runs = words(value).len().max(1);
    let mean = (digits + letters) as f64 / runs as f64;
    // Few values of 20 characters hold no digit by chance; they mix capitals instead.
    let mixed = digits >= 2 || (value.len() >= 20 && mean < 2.7);
    // A letter is followed by a digit in one of six places of base 62; English words are longer,
    // and where small letters prevail a word tells itself by its vowels.
    mixed && entropy(value) >= enough && (mean < 3.6 || is_unpronounceable(value))
}

/// Whether a long run of letters and digits has more consonants in a row than words have.
fn is_unpronounceable(value: &str) -> bool {
    let mut run = 0;
    let mut longest = 0;
    for byte in value.bytes() {
        run = if byte.is_ascii_alphabetic() && !b"aeiouyAEIOUY".contains(&byte) {
            run + 1
        } else {
            0
        };
        longest = longest.max(run);
    }
    value.len() >= 24 && longest >= 6 && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a generator of passwords seems to have drawn a value that is short: small and capital
/// letters and digits without a word among them.
pub(super) fn is_short_random(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.bytes().filter(test).count();
    let (digits, letters) = (has(u8::is_ascii_digit), has(u8::is_ascii_alphabetic));
    let mean = (digits + letters) as f64 / words(value).len().max(1) as f64;
    value.len() >= 10
        && digits >= 2
        && has(u8::is_ascii_lowercase) >= 2
        && has(u8::is_ascii_uppercase) >= 2
        && mean < 2.3
        && entropy(value) >= 3.0
}

/// Whether a person may have chosen the value with care: small and capital letters, digits and a
/// sign.
pub(super) fn is_strong(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.as_bytes().iter().any(test);
    value.len() >= 8
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(|byte| b"!@#$%^&*+?~".contains(byte))
        && entropy(value) >= 2.7
}

/// Whether a template, a shell, a formatter or the code itself puts the value in later.
pub(super) fn is_reference(value: &str) -> bool {
    let wrapped = [
        "${",
        "{{",
        "$(",
        "%(",
        "#{",
        "<%",
        "${{",
        "@@",
        "{%",
        "%{",
        "...",
        "***",
        "process.env",
        "os.environ",
        "getenv",
    ];
    wrapped.iter().any(|mark| value.contains(mark))
        || value.starts_with(['$', '<', '{', '[', '(', '@', '&', '*', '/', '~', '.', '!'])
        || (value.starts_with('%') && value.ends_with('%'))
        || value.contains("%s")
        || (value.contains('{') && value.contains('}'))
        || (value.contains('<') && value.contains('>'))
        || (value.contains('(') && value.contains(')'))
}

/// Whether the value is a thing of its own that is no secret: an address, a path, a UUID, a text.
pub(super) fn is_public(value: &str) -> bool {
    let bytes = value.as_bytes();
    let uuid = value.len() == 36
        && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-')
        && value
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let slashes = value.matches('/').count();
    uuid || value.contains("://")
        || (slashes >= 2 && !is_random(value))
        || value.contains(|char: char| char.is_whitespace() || !char.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_names_and_values() {
        assert_eq!(
            words("dbPassword2-API_KEY"),
            ["db", "password", "2", "api", "key"]
        );
        assert_eq!(
            words("AKIAIOSFODNN7EXAMPLE"),
            ["akiaiosfodnn", "7", "example"]
        );
    }

    #[test]
    fn values_of_machines_differ_from_identifiers() {
        for value in [
            "q7Zt0pLx2RvB9sKd",
            "9f86d081884c7d659a2feaa0c55ad015",
            "k3j9x0q8w7e6r5t4",
            "s7epnjtomsdond5zgfqgaqmwhhcjct02",
        ] {
            assert!(is_random(value), "{value}");
        }
        for value in [
            "user_authentication_token_v2",
            "com.company.product.Class1",
            "oauth2-proxy-cookie-secret",
            "accessTokenExpires30Minutes",
            "ReallyLongPasswordOfWords123",
            "thelengthofstrengthsandwidths24",
        ] {
            assert!(!is_random(value), "{value}");
        }
        for value in [
            "aaaaaaaa",
            "x123456y",
            "abcdefgh",
            "deadbeefdeadbeef",
            "fedcba98",
        ] {
            assert!(is_filler(value), "{value}");
        }
        assert!(!is_filler("q7Zt0pLx2RvB9sKd"));
        assert!((entropy("aabb") - 1.0).abs() < 1e-9);
    }
}
