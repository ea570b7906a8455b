//! Texts in, outlines out: one line per dependency, setting and problem.

use std::fmt::Write as _;

use super::{Ecosystem, Roles, is_manifest, read};

mod cargo;
mod ecosystems;
mod npm;
mod python;
mod versions;

fn roles() -> Roles {
    let text = "[auth]\nabout = \"a\"\npypi = [\"pyjwt\"]\nnpm = [\"passport-*\", \"jose\"]\n";
    Roles::parse("roles.toml", text).unwrap()
}

/// `line package(=alias) [constraint] [=locked] [<source] [#algorithm] group[:name] …`; `direct`
/// is the rule and not shown, `transitive` and `direct?` are.
fn outline(path: &str, text: &str) -> String {
    let reading = read(is_manifest(path).unwrap(), path, text, &roles(), &|_| None);
    let mut out = String::new();
    for found in &reading.dependencies {
        write!(out, "{} {}", found.line, found.package).unwrap();
        let mut part = |mark: &str, value: Option<String>| {
            if let Some(value) = value {
                write!(out, "{mark}{value}").unwrap();
            }
        };
        part(" as ", found.alias.clone());
        part(" ", found.constraint.clone());
        part(
            " =",
            found.locked.clone().filter(|_| found.constraint.is_none()),
        );
        part(" <", found.source.as_ref().map(ToString::to_string));
        let hash = found
            .integrity
            .as_deref()
            .and_then(|hash| hash.split_once(':'));
        part(" #", hash.map(|(algorithm, _)| algorithm.to_owned()));
        part(" ", Some(found.group.name().to_owned()));
        part(":", found.group_name.clone());
        match found.direct {
            Some(true) => {}
            Some(false) => part("", Some(" transitive".to_owned())),
            None => part("", Some(" direct?".to_owned())),
        }
        part(
            " +",
            Some(found.features.join("+")).filter(|features| !features.is_empty()),
        );
        part(" if ", found.condition.clone());
        part(" role ", found.role.clone());
        part("", found.install_script.then(|| " scripts".to_owned()));
        out.push('\n');
        assert!(
            text.get(found.start..found.end).is_some(),
            "span of {found:?}"
        );
    }
    for setting in &reading.settings {
        let (line, kind) = (setting.line, setting.kind);
        writeln!(out, "{line} {kind:?} {} = {}", setting.name, setting.value).unwrap();
    }
    for problem in &reading.problems {
        let line = problem
            .line
            .map_or_else(String::new, |line| line.to_string());
        writeln!(out, "{line} problem {}", problem.message).unwrap();
    }
    out
}

#[track_caller]
fn check(path: &str, text: &str, expected: &str) {
    let found = outline(path, text);
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let lines: Vec<&str> = found.lines().map(str::trim_end).collect();
    assert_eq!(lines, expected, "{path}:\n{found}");
}

#[test]
fn file_names() {
    let known = [
        "a/requirements.txt",
        "requirements-dev.txt",
        "dev-requirements.in",
        "requirements/prod.txt",
        "constraints.txt",
        "pylock.dev.toml",
        "web/package.json",
        "npm-shrinkwrap.json",
        "Cargo.lock",
        "bun.lock",
        "pnpm-workspace.yaml",
        "go.mod",
        "web/pom.xml",
        "app/build.gradle.kts",
        "gradle/libs.versions.toml",
        "src/Api/Api.csproj",
        "Directory.Packages.props",
        "Gemfile.lock",
        "core/core.gemspec",
        "composer.json",
        "Dockerfile",
        "docker/Dockerfile.dev",
        "api.Dockerfile",
        "docker-compose.prod.yml",
        ".github/workflows/ci.yml",
        ".github/actions/build/action.yml",
    ];
    for path in known {
        assert!(is_manifest(path).is_some(), "{path}");
    }
    let others = [
        "notes.txt",
        "requirements.md",
        "src/requirements.py",
        "package.json.bak",
        "my-package.json",
        "Cargo.toml.orig",
        "docs/requirement.txt",
        "cargo.toml",
        "setup.py",
        "bun.lockb",
        "src/dockerfile.ts",
        "Dockerfile.md",
        "src/workflows/ci.yml",
        "composer.yml",
        "settings.xml",
    ];
    for path in others {
        assert_eq!(is_manifest(path), None, "{path}");
    }
}

#[test]
fn every_format_survives_any_prefix_of_its_text() {
    let texts = [
        (
            "requirements.txt",
            "-r a.txt\nflask[async] >= 2 ; python_version < '3' \\\n --hash=sha256:ab\n",
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"a>1\", 'ü @ git+https://x/y@z']\n",
        ),
        ("setup.cfg", "[options]\ninstall_requires =\n  a>1\n  ü\n"),
        (
            "package.json",
            "{\"dependencies\": {\"\\u00fc\\ud83d\\ude00\": \"npm:@a/b@^1\"}, /* c */ }",
        ),
        (
            "yarn.lock",
            "\"@a/b@^1\", c@npm:d@2:\n  version \"1\"\n  resolved \"https://x/-/y#z\"\n",
        ),
        (
            "yarn.lock",
            "__metadata:\n  version: 8\n\n\"ü@npm:^1\":\n  resolution: \"ü@npm:1.0.0\"\n",
        ),
        (
            "pnpm-lock.yaml",
            "a: 'b''c'\npackages:\n\n  /@a/b/1.0.0_c@2:\n    resolution: {integrity: x}\n",
        ),
        (
            "Cargo.lock",
            "[[package]]\nname = \"ü\"\nversion = \"1\"\nsource = \"git+https://x?y#z\"\n",
        ),
        (
            "go.mod",
            "require (\n\ta.b/ü v1.0.0 // indirect\n)\nreplace a => ./b\n",
        ),
        (
            "pom.xml",
            "<project><properties><a>${a}</a></properties><dependencies><dependency><groupId>ü</groupId><artifactId>${a}</artifactId></dependency></dependencies></project>",
        ),
        (
            "build.gradle",
            "dependencies { implementation \"a:ü:${v}\" }\nplugins { id('x') version '1' }\n",
        ),
        ("gradle.lockfile", "a:ü:1=compileClasspath\nempty=\n"),
        (
            "gradle-wrapper.properties",
            "distributionUrl=https\\://h/gradle-ü8.5-bin.zip\n",
        ),
        (
            "a.csproj",
            "<Project><ItemGroup><PackageReference Include=\"ü\" Version=\"$(A)\" /></ItemGroup></Project>",
        ),
        (
            "packages.lock.json",
            "{\"dependencies\": {\"net8.0\": {\"ü\": {\"type\": \"Direct\"}}}}",
        ),
        (
            "Gemfile",
            "source 'x'\ngroup :ü do\n  gem \"a\", '~> 1', github: \"a/b\", group: [:a, :b] # c\nend\n",
        ),
        (
            "Gemfile.lock",
            "GEM\n  remote: https://ü/\n  specs:\n    a (1.0-x86)\n      b (>= 1)\n\nDEPENDENCIES\n  a!\n",
        ),
        (
            "composer.lock",
            "{\"packages\": [{\"name\": \"a/ü\", \"version\": \"v1\"}]}",
        ),
        (
            "Dockerfile",
            "# escape=`\nARG A=ü\nFROM ${A:-b}:1 AS c `\n\nRUN <<E\nx\nE\nCOPY --from=ü/b@sha256:a / /\n",
        ),
        (
            "compose.yaml",
            "services:\n  ü:\n    image: \"a/b:${V:-1}\" # c\n",
        ),
        (
            ".github/workflows/a.yml",
            "jobs:\n  a:\n    steps:\n      - uses: ü/b/c@v1 # v1.2\n        run: |\n          x: y\n",
        ),
    ];
    for (path, text) in texts {
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            outline(path, &text[..end]);
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let parts = ["a"; 79].join(".");
    let tables = format!(
        "[{parts}]\n{}1{}\n",
        format!("{parts}={{").repeat(77),
        "}".repeat(77)
    );
    let deep = [
        ("Cargo.toml", tables),
        ("package.json", "[".repeat(100_000)),
        ("pom.xml", "<a>".repeat(100_000)),
        ("pnpm-lock.yaml", "- ".repeat(100_000)),
        ("pnpm-lock.yaml", format!("a: {}", "{a: ".repeat(100_000))),
    ];
    for (path, text) in deep {
        assert!(outline(path, &text).contains("problem"), "{path}");
    }
}

#[test]
fn roles_are_checked() {
    let error = |text: &str| Roles::parse("roles.toml", text).unwrap_err().to_string();
    let twice = "[a]\nabout = \"\"\nnpm = [\"x\"]\n[b]\nabout = \"\"\nnpm = [\"x\"]\n";
    assert_eq!(error(twice), "roles.toml:6: \"x\" has two roles: a and b");
    let normal = error("[a]\nabout = \"\"\npypi = [\"A_b\"]\n");
    assert_eq!(
        normal,
        "roles.toml:3: write \"A_b\" in its normal form \"a-b\""
    );
    assert!(error("[a]\nabout = \"\"\nnmp = []\n").contains("unknown field `nmp`"));
    assert_eq!(roles().role(Ecosystem::Npm, "passport-jwt"), Some("auth"));
    assert_eq!(roles().role(Ecosystem::Npm, "passport"), None);
}

#[test]
fn the_embedded_roles_are_valid() {
    let text = include_str!("../../../../rules/dependencies/roles.toml");
    let roles = Roles::parse("rules/dependencies/roles.toml", text).unwrap();
    assert!(roles.len() > 150);
    assert_eq!(roles.role(Ecosystem::Cargo, "rustls"), Some("crypto"));
}
