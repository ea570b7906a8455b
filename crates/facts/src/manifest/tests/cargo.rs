//! `Cargo.toml` and `Cargo.lock`.

use super::{check, outline};

#[test]
fn manifest() {
    check(
        "Cargo.toml",
        r#"
[dependencies]
serde = { version = "1.0", features = ["rc", "derive"], default-features = false }
rand = "=0.8.5"
json = { package = "serde_json", version = ">=1, <2" }
opt = { version = "1", optional = true }
shared.workspace = true
forked = { git = "https://tok:en@example.org/forked?x=1", branch = "main" }
local = { path = "../local" }
inner = { version = "1", registry = "corp" }
wrong = 1.0
[dependencies.table]
version = "2"
[dev-dependencies]
insta = "1"
[target.'cfg(unix)'.build-dependencies]
cc = "1"
[workspace.dependencies]
shared = "3"
[patch.crates-io]
rand = { git = "https://github.com/x/rand", rev = "0123456789012345678901234567890123456789" }
"#,
        "
        3 serde 1.0 runtime +-default+derive+rc
        4 rand =0.8.5 runtime
        5 serde_json as json >=1,<2 runtime
        6 opt 1 optional
        7 shared <workspace runtime
        8 forked <git+https://***@example.org/forked?…#branch=main runtime
        9 local <path+../local runtime
        10 inner 1 <registry+corp runtime
        11 wrong 1.0 runtime
        12 table 2 runtime
        15 insta 1 development
        17 cc 1 build if cfg(unix)
        19 shared 3 constraint:workspace direct?
        21 rand <git+https://github.com/x/rand#0123456789012345678901234567890123456789 constraint:patch direct?
        ",
    );
}

#[test]
fn lock() {
    check(
        "Cargo.lock",
        r#"
version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = ["rand 0.8.5", "serde"]

[[package]]
name = "rand"
version = "0.7.3"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "6a6b1679d49b24bbfe0c803429aa1874472f50d9b363131f0e89fc356b544d03"

[[package]]
name = "rand"
version = "0.8.5"
source = "sparse+https://index.crates.io/"

[[package]]
name = "serde"
version = "1.0.0"
source = "git+https://github.com/serde-rs/serde?branch=master#abc"

[[package]]
name = "evil"
version = "1.0.0"
source = "registry+https://crates.example.org/index"
"#,
        "
        10 rand =0.7.3 #sha256 runtime transitive
        16 rand =0.8.5 runtime
        21 serde =1.0.0 <git+https://github.com/serde-rs/serde#abc runtime
        26 evil =1.0.0 <registry+https://crates.example.org/index runtime transitive
        ",
    );
}

#[test]
fn broken_toml_keeps_what_could_be_read() {
    let found = outline(
        "Cargo.toml",
        "[dependencies]\na = \"1\"\nb = = \"2\"\nc = \"3\"\n",
    );
    assert!(found.contains("2 a 1 runtime"), "{found}");
    assert!(found.contains("4 c 3 runtime"), "{found}");
    assert!(found.contains("3 problem not TOML"), "{found}");
}
