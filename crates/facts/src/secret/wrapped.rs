//! Texts that stand in base64 in another text: the data of a Kubernetes Secret, a file in a
//! variable, a header.

use super::check::base64url;

/// Shorter runs hold no credential with a mark.
const MIN_RUN: usize = 24;
/// Longer runs are files of their own.
const MAX_RUN: usize = 64 * 1024;
/// Decoded bytes of one text; more is data.
const MAX_TOTAL: usize = 1 << 20;

/// A decoded text and where its base64 stands.
pub(super) struct Inner {
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The runs of base64 that decode to printable text, in order.
pub(super) fn find(text: &str) -> Vec<Inner> {
    let bytes = text.as_bytes();
    let (mut found, mut total, mut at) = (Vec::new(), 0, 0);
    while at + MIN_RUN <= bytes.len() {
        // A run that is long enough holds every place that is a multiple of its least length.
        let probe = at + MIN_RUN - 1;
        if !is_digit(bytes[probe]) {
            at = probe + 1;
            continue;
        }
        let mut start = probe;
        while start > at && is_digit(bytes[start - 1]) {
            start -= 1;
        }
        let mut end = probe + 1;
        while end < bytes.len() && is_digit(bytes[end]) {
            end += 1;
        }
        at = end;
        let length = end - start;
        if !(MIN_RUN..=MAX_RUN).contains(&length) || total > MAX_TOTAL {
            continue;
        }
        let run = &text[start..end];
        // What is no text shows in its first bytes; most runs end here.
        if !decode(&run[..12]).is_some_and(|head| is_text(&head)) {
            continue;
        }
        if let Some(inner) = decode(run).filter(|inner| is_text(inner)) {
            total += inner.len();
            if let Ok(text) = String::from_utf8(inner) {
                found.push(Inner { text, start, end });
            }
        }
    }
    found
}

fn decode(run: &str) -> Option<Vec<u8>> {
    base64url(run)
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| (b' '..=b'~').contains(byte) || matches!(byte, b'\n' | b'\r' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_runs_are_decoded_where_they_stand() {
        let text = "data:\n  key: cG9zdGdyZXM6Ly9zaG9wOnh5eg==\n  image: iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAY\n";
        let found = find(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, "postgres://shop:xyz");
        assert_eq!(
            &text[found[0].start..found[0].end],
            "cG9zdGdyZXM6Ly9zaG9wOnh5eg"
        );
        assert!(find("aGVsbG8gd29ybGQ=").is_empty());
    }
}
