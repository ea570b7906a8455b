//! Every rule file of this folder, embedded: adding a file edits no list.

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The embedded files as path below `rules/` and text, sorted by path.
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// The embedded files of one folder below `rules/`: `policy`, `threats`, `secrets` …
pub fn folder(name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES
        .iter()
        .copied()
        .filter(move |(path, _)| path.split('/').next() == Some(name))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_is_embedded_under_its_path() {
        assert!(
            super::files()
                .iter()
                .any(|(path, _)| *path == "python/language.toml")
        );
        assert!(super::folder("python").count() >= 2);
        assert!(super::files().is_sorted());
    }
}
