//! Gives the reading of one file a version: entries of a cache that another version wrote are not
//! looked at.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What decides which elements a blob becomes; the lock file names the grammars' versions.
const READING: [&str; 7] = [
    "src/element.rs",
    "src/language.rs",
    "src/lazy.rs",
    "src/walk.rs",
    "src/walk",
    "../git/src/blob.rs",
    "../../Cargo.lock",
];

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for path in READING {
        println!("cargo::rerun-if-changed={path}");
        let path = root.join(path);
        if path.exists() {
            collect(&path, &mut files)?;
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        hasher.write(&fs::read(file)?);
    }
    println!(
        "cargo::rustc-env=THREATGATE_READING={:016x}",
        hasher.finish()
    );
    Ok(())
}
