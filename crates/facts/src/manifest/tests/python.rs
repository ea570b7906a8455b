//! Requirement lines, `pyproject.toml`, Pipenv and the lock files.

use super::{check, outline};

#[test]
fn requirements() {
    check(
        "requirements.txt",
        "\u{FEFF}# flask==0.1
-r base.txt
-c constraints.txt
--index-url https://user:secret@pypi.example.org/simple
--extra-index-url=https://pypi.org/simple
--trusted-host pypi.example.org
--pre
Flask_Login [Async,x] >= 2.0, <3 ; python_version < \"3.9\"  # comment
PyJWT==2.8.0 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
git+https://github.com/a/b.git@v1.0#egg=bee&subdirectory=x
-e git+ssh://git@github.com/a/c.git#egg=Sea
d @ https://tok@example.org/d-1.0.tar.gz#sha256=ff ; os_name == 'nt'
./local/pkg[extra]
https://example.org/e-2.0-py3-none-any.whl
https://user:pass#@nothing
!!!
--frobnicate
",
        "
        8 flask-login >=2.0,<3 runtime +async+x if python_version < \"3.9\"
        9 pyjwt ==2.8.0 #sha256×2 runtime role auth
        12 bee <git+https://github.com/a/b.git#v1.0 runtime +subdirectory=x
        13 sea <git+ssh://git@github.com/a/c.git runtime
        14 d <url+https://***@example.org/d-1.0.tar.gz #sha256 runtime if os_name == 'nt'
        15 pkg <path+./local/pkg runtime +extra
        16 e <url+https://example.org/e-2.0-py3-none-any.whl runtime
        17 unnamed <url+https://*** runtime
        2 Include requirement = base.txt
        3 Include constraint = constraints.txt
        4 Registry index-url = https://***@pypi.example.org/simple
        6 Trust trusted-host = pypi.example.org
        7 Resolution pre =
        18 problem \"!!!\" is no requirement (PEP 508)
        19 problem unknown option \"--frobnicate\"
        ",
    );
}

#[test]
fn requirements_by_file_name() {
    check("requirements-dev.txt", "pytest", "1 pytest development");
    check("requirements/test.in", "pytest", "1 pytest development");
    check("constraints.txt", "a==1", "1 a ==1 constraint direct?");
    check(
        "requirements.txt",
        "a\r\n\r\nb==1\\\r\n",
        "1 a runtime\n3 b ==1 runtime",
    );
}

#[test]
fn pyproject() {
    check(
        "pyproject.toml",
        r#"
[build-system]
requires = ["hatchling>=1"]
build-backend = "hatchling.build"
[project]
dependencies = [
  "fastapi[all]>=0.100",
  "inner",
]
[project.optional-dependencies]
pg = ["psycopg ~= 3.1"]
test = ["pytest"]
[dependency-groups]
lint = ["ruff", {include-group = "x"}]
deploy = ["fabric"]
[tool.uv.sources]
inner = { index = "corp" }
gone = { git = "https://github.com/a/gone", tag = "v1" }
[[tool.uv.index]]
name = "corp"
url = "https://t:k@pypi.corp/simple"
explicit = true
[tool.uv]
override-dependencies = ["urllib3<2"]
"#,
        r#"
        3 hatchling >=1 build
        7 fastapi >=0.100 runtime +all
        8 inner <registry+https://***@pypi.corp/simple runtime
        11 psycopg ~=3.1 optional:pg
        12 pytest development:test
        14 ruff development:lint
        15 fabric optional:deploy
        18 gone <git+https://github.com/a/gone#tag=v1 constraint direct?
        24 urllib3 <2 constraint:override-dependencies direct?
        4 Build build-backend = hatchling.build
        19 Registry index corp = https://***@pypi.corp/simple (explicit)
        "#,
    );
}

#[test]
fn poetry_and_pdm() {
    check(
        "pyproject.toml",
        r#"
[tool.poetry.dependencies]
python = "^3.11"
django = "^4.2"
any = "*"
opt = { version = "^1", optional = true, extras = ["B"] }
forked = { git = "https://github.com/a/forked.git", rev = "abc" }
inner = { version = "1.0", source = "corp" }
multi = [{ version = "<2", python = "<3.8" }, { version = ">=2", markers = "python_version >= '3.8'" }]
[tool.poetry.group.dev.dependencies]
pytest = "^7"
[[tool.poetry.source]]
name = "corp"
url = "https://pypi.corp/simple"
[tool.pdm.dev-dependencies]
x = ["tox>=4"]
[tool.pdm.resolution.overrides]
Odd_Name = "1.0"
"#,
        "
        4 django ^4.2 runtime
        5 any runtime
        6 opt ^1 optional +b
        7 forked <git+https://github.com/a/forked.git#abc runtime
        8 inner 1.0 <registry+https://pypi.corp/simple runtime
        9 multi <2 runtime
        9 multi >=2 runtime if python_version >= '3.8'
        11 pytest ^7 development:dev
        16 tox >=4 development:x
        18 odd-name 1.0 constraint direct?
        12 Registry source corp = https://pypi.corp/simple (primary)
        ",
    );
}

#[test]
fn pipenv() {
    check(
        "Pipfile",
        "[[source]]\nname = \"in\"\nurl = \"http://in/simple\"\nverify_ssl = false\n[packages]\nflask = \"*\"\nb = {version = \">= 1, <2\", index = \"in\"}\n[dev-packages]\npytest = \"==7.0\"\n",
        "
        6 flask runtime
        7 b >=1,<2 <registry+http://in/simple runtime
        9 pytest ==7.0 development
        1 Registry source in = http://in/simple
        1 Trust verify_ssl = false
        ",
    );
    check(
        "Pipfile.lock",
        r#"{"_meta": {"sources": [{"name": "pypi", "url": "https://pypi.org/simple"}]},
 "default": {"Flask": {"version": "==2.0", "hashes": ["sha256:a", "sha256:b"], "index": "pypi"},
  "g": {"git": "https://github.com/a/g", "ref": "abc"}},
 "develop": {"pytest": {"version": "==7.0"}}}"#,
        "
        2 flask =2.0 #sha256×2 runtime direct?
        3 g <git+https://github.com/a/g#abc runtime direct?
        4 pytest =7.0 development direct?
        ",
    );
}

#[test]
fn setup_cfg() {
    check(
        "setup.cfg",
        "[metadata]\nname = x\n[options]\ninstall_requires =\n    Flask>=2 ; python_version>'3'\n    # no\n    b\nsetup_requires = wheel; setuptools\n[options.extras_require]\ntests = pytest\npg =\n  psycopg\n[tool:pytest]\naddopts = -v\n",
        "
        5 flask >=2 runtime if python_version>'3'
        7 b runtime
        8 wheel build
        8 setuptools build
        10 pytest development:tests
        12 psycopg optional:pg
        ",
    );
}

#[test]
fn uv_lock() {
    check(
        "uv.lock",
        r#"version = 1
[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "PyJWT" }]
[package.dev-dependencies]
dev = [{ name = "pytest" }]

[[package]]
name = "pyjwt"
version = "2.8.0"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://x/y.tar.gz", hash = "sha256:aa", size = 1 }
wheels = [{ url = "https://x/y.whl", hash = "sha256:bb" }]

[[package]]
name = "pytest"
version = "8.0"
source = { registry = "https://pypi.corp/simple" }

[[package]]
name = "g"
version = "1.0"
source = { git = "https://github.com/a/g?rev=v1#abcdef" }
"#,
        "
        11 pyjwt =2.8.0 #sha256×2 runtime role auth
        18 pytest =8.0 <registry+https://pypi.corp/simple development
        23 g =1.0 <git+https://github.com/a/g#abcdef runtime transitive
        ",
    );
}

#[test]
fn other_locks() {
    check(
        "poetry.lock",
        "[[package]]\nname = \"A\"\nversion = \"1\"\ncategory = \"dev\"\n[[package]]\nname = \"b\"\nversion = \"2\"\ngroups = [\"main\", \"dev\"]\nfiles = [{file = \"b.whl\", hash = \"sha256:aa\"}]\n[package.source]\ntype = \"git\"\nurl = \"https://github.com/a/b\"\nreference = \"main\"\nresolved_reference = \"abc\"\n[metadata.files]\nA = [{file = \"a.whl\", hash = \"md5:aa\"}]\n",
        "
        2 a =1 #md5 development direct?
        6 b =2 <git+https://github.com/a/b#abc #sha256 runtime direct?
        ",
    );
    check(
        "pdm.lock",
        "[[package]]\nname = \"a\"\nversion = \"1\"\ngroups = [\"default\"]\nmarker = \"x == 'y'\"\nfiles = [{file = \"a\", hash = \"sha256:aa\"}]\n",
        "2 a =1 #sha256 runtime direct? if x == 'y'",
    );
    check(
        "pylock.toml",
        "[[packages]]\nname = \"a\"\nversion = \"1\"\nindex = \"https://pypi.org/simple\"\nwheels = [{name = \"a.whl\", hashes = {sha256 = \"aa\"}}]\n[[packages]]\nname = \"b\"\n[packages.vcs]\nurl = \"https://github.com/a/b\"\ncommit-id = \"abc\"\n",
        "
        2 a =1 #sha256 runtime direct?
        7 b <git+https://github.com/a/b#abc runtime direct?
        ",
    );
}

#[test]
fn hashes_are_told_apart_whatever_their_order() {
    let hash = |text: &str| {
        let manifest = super::is_manifest("requirements.txt").unwrap();
        let reading = super::read(manifest, "requirements.txt", text, &super::roles(), &|_| {
            None
        });
        reading.dependencies[0].integrity.clone()
    };
    let one = hash("a==1 --hash=sha256:aa --hash=sha256:bb");
    assert_eq!(one, hash("a==1 --hash=sha256:bb --hash sha256:aa"));
    assert_ne!(one, hash("a==1 --hash=sha256:bb --hash=sha256:cc"));
    assert_eq!(hash("a==1"), None);
}

#[test]
fn credentials_never_show() {
    for text in [
        "-i https://u:S3CRET@h/simple",
        "a @ git+https://S3CRET@h/a",
        "https://S3CRET@h",
        "https://u:S3/CRET@h/a-1.0.zip",
        "a @ https://h/a.zip?token=S3CRET",
        "!https://u:S3CRET@h",
        "--weird https://u:S3CRET@h/",
        "https://u:S3CRET#@h/x",
        "a @ https://u:S3/CRET@h/",
    ] {
        let found = outline("requirements.txt", text);
        assert!(!found.contains("CRET"), "{text}\n{found}");
        assert!(!found.is_empty());
    }
}
