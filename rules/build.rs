//! Lists the folder's TOML files, so that adding one edits no list, and turns them into JSON, which a
//! program reads much faster when it starts.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir()
            && path.file_name() != Some("src".as_ref())
            && path.file_name() != Some("target".as_ref())
        {
            collect(&path, files)?;
        } else if path.extension() == Some("toml".as_ref())
            && path.file_name() != Some("Cargo.toml".as_ref())
        {
            files.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("no CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    let mut names: Vec<(String, String)> = Vec::new();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file
            .strip_prefix(&root)?
            .to_string_lossy()
            .replace('\\', "/");
        names.push((name, file.to_string_lossy().into_owned()));
    }
    names.sort();
    let mut code = String::from("static FILES: &[(&str, &str)] = &[\n");
    let mut ready = String::from("static READY: &[(&str, &str)] = &[\n");
    for (name, file) in names {
        code.push_str(&format!("    ({name:?}, include_str!({file:?})),\n"));
        // What is no TOML is left as it is: whoever reads it says better what is wrong, and where.
        let text = fs::read_to_string(&file)?;
        let json = toml::from_str::<toml::Table>(&text).ok();
        let json = json.and_then(|table| serde_json::to_string(&table).ok());
        ready.push_str(&format!("    ({name:?}, {:?}),\n", json.unwrap_or(text)));
    }
    code.push_str("];\n");
    ready.push_str("];\n");
    code.push_str(&ready);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    fs::write(out.join("files.rs"), code)?;
    Ok(())
}
