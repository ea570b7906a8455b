//! Every rule file of this folder, embedded: adding a file edits no list.

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// A path below `rules/`, and the file's text.
type Embedded = (&'static str, &'static str);

/// The embedded files as path below `rules/` and text, sorted by path.
///
/// A build with debug assertions reads them from the folder that `THREATGATE_RULES` names, so that
/// a rule can be tried without a build; a released binary never does.
pub fn files() -> &'static [(&'static str, &'static str)] {
    #[cfg(debug_assertions)]
    if let Some(folder) = std::env::var_os("THREATGATE_RULES") {
        return live::files(folder.as_ref());
    }
    FILES
}

#[cfg(debug_assertions)]
mod live {
    use std::path::Path;
    use std::sync::OnceLock;

    type Files = Vec<(&'static str, &'static str)>;

    fn collect(root: &Path, folder: &Path, files: &mut Files) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() {
                if name != "src" && name != "target" {
                    collect(root, &path, files)?;
                }
            } else if path.extension() == Some("toml".as_ref()) && name != "Cargo.toml" {
                let below = path.strip_prefix(root).unwrap_or(&path);
                let below = below.to_string_lossy().replace('\\', "/");
                let text = std::fs::read_to_string(&path)?;
                // They are read once and used until the program ends.
                files.push((below.leak(), text.leak()));
            }
        }
        Ok(())
    }

    pub(super) fn files(root: &Path) -> &'static [(&'static str, &'static str)] {
        static FILES: OnceLock<Files> = OnceLock::new();
        FILES.get_or_init(|| {
            let mut files = Vec::new();
            if let Err(error) = collect(root, root, &mut files) {
                panic!("THREATGATE_RULES={}: {error}", root.display());
            }
            files.sort_unstable();
            files
        })
    }
}

/// The same files for a program to read: as JSON, sorted by path. With `THREATGATE_RULES` they are what
/// [`files`] gives.
pub fn ready() -> &'static [(&'static str, &'static str)] {
    #[cfg(debug_assertions)]
    if std::env::var_os("THREATGATE_RULES").is_some() {
        return files();
    }
    READY
}

/// The files of one folder below `rules/` for a program to read.
pub fn ready_folder(name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    below(ready(), name)
}

/// The files of one folder.
fn below(files: &'static [Embedded], name: &str) -> impl Iterator<Item = Embedded> {
    let files = files.iter().copied();
    files.filter(move |(path, _)| path.split('/').next() == Some(name))
}

/// The embedded files of one folder below `rules/`: `policy`, `threats`, `secrets` …
pub fn folder(name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    below(files(), name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_program_reads_says_the_same() {
        let as_json = |text: &str| {
            let table: toml::Table = toml::from_str(text).expect("TOML");
            serde_json::to_value(table).expect("JSON")
        };
        assert_eq!(super::FILES.len(), super::READY.len());
        for ((path, text), (other, json)) in super::FILES.iter().zip(super::READY) {
            assert_eq!(path, other);
            let json: serde_json::Value = serde_json::from_str(json).expect(path);
            assert_eq!(as_json(text), json, "{path}");
        }
    }

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
