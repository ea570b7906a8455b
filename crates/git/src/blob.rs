//! Bytes of a blob as text.

/// What a blob holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text; `lossy` when some bytes were no valid UTF-8 and were replaced.
    Text {
        /// The text, without a byte order mark.
        text: String,
        /// Whether bytes were replaced.
        lossy: bool,
    },
    /// No text.
    Binary,
    /// Larger than the bound, in bytes.
    TooLarge(usize),
    /// A pointer to a file in Git LFS; the content is not in the repository.
    LfsPointer,
    /// Not in the object database: a partial clone or a pruned mirror.
    Missing,
    /// A link; never followed.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// Decodes the bytes of a blob: UTF-8 with or without byte order mark, UTF-16 with one.
pub fn decode(bytes: &[u8]) -> Content {
    // https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md#the-pointer
    if bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Content::LfsPointer;
    }
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // git's own test for binary files: a zero among the first 8,000 bytes.
        _ if bytes.iter().take(8000).any(|byte| *byte == 0) => Content::Binary,
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Content {
    match std::str::from_utf8(bytes) {
        Ok(text) => Content::Text {
            text: text.to_owned(),
            lossy: false,
        },
        Err(_) => Content::Text {
            text: String::from_utf8_lossy(bytes).into_owned(),
            lossy: true,
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Content {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut lossy = !bytes.len().is_multiple_of(2);
    let text = char::decode_utf16(units)
        .map(|c| {
            c.unwrap_or_else(|_| {
                lossy = true;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    Content::Text { text, lossy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, lossy: bool) -> Content {
        Content::Text {
            text: text.into(),
            lossy,
        }
    }

    #[test]
    fn encodings() {
        assert_eq!(decode(b"a\r\nb"), text("a\r\nb", false));
        assert_eq!(decode(b"\xEF\xBB\xBFa"), text("a", false));
        assert_eq!(decode(b"\xFF\xFEa\0\xE4\0"), text("aä", false));
        assert_eq!(decode(b"\xFE\xFF\0a"), text("a", false));
        assert_eq!(decode(b"a\xFFb"), text("a\u{FFFD}b", true));
        assert_eq!(decode(b"a\0b"), Content::Binary);
        assert_eq!(
            decode(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
            Content::LfsPointer
        );
    }
}
