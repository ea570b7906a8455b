//! Dependency manifests and lock files: the text of one file → what it depends on.
//!
//! Each format's reader turns its text into [`Dependency`] values, one per entry: a lock file
//! that holds a package in two versions gives two of them. Nothing is resolved, downloaded or
//! looked up. Other files of the revision are read where a format spreads over several: parents of a
//! `pom.xml`, central versions, properties, `go.sum`.
//!
//! # Identity
//!
//! A dependency's identity is ecosystem and package, so that moving a manifest or a lock file
//! changes nothing. To compare two revisions, group all readings of a revision by that pair and
//! compare the *sets*: of constraints over manifests, of locked versions, sources and hashes over
//! lock files (sorted; a hash lost by one version is a loss even where another version keeps
//! its own). A package is direct if any entry says so; its group is the least
//! [`Group`] of its entries (the order is from most to least reach). [`Group::Constraint`] entries alone do not make a package
//! a dependency: they only say which version it would have. The directory of a manifest is
//! evidence, not identity.

use std::fmt;

mod actions;
mod beside;
mod cargo;
mod client;
mod compare;
mod docker;
mod go;
mod gradle;
mod ini;
mod json;
mod maven;
mod npm;
mod nuget;
mod php;
mod popular;
mod python;
mod reader;
mod roles;
mod ruby;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod version;
mod xml;
mod yaml;

pub use popular::Popular;
pub use roles::Roles;
pub use source::Source;
pub use version::{compare_versions, is_exact};

use reader::Reader;

/// Whose packages, names and versions they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// Python packages: PEP 440, 503, 508.
    Pypi,
    /// JavaScript packages, whichever client installs them.
    Npm,
    /// Rust crates.
    Cargo,
    /// Go modules.
    Golang,
    /// Artifacts of the JVM, named `group:artifact`.
    Maven,
    /// Packages of .NET.
    Nuget,
    /// Ruby gems.
    Gem,
    /// PHP packages, named `vendor/name`.
    Composer,
    /// Container images; a registry other than Docker Hub is their source.
    Docker,
    /// Actions and reusable workflows, named `owner/repository`.
    Github,
}

impl Ecosystem {
    /// All ecosystems.
    pub const ALL: [Self; 10] = [
        Self::Pypi,
        Self::Npm,
        Self::Cargo,
        Self::Golang,
        Self::Maven,
        Self::Nuget,
        Self::Gem,
        Self::Composer,
        Self::Docker,
        Self::Github,
    ];

    /// The name in reports and in `roles.toml`; equal to the package-url type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Cargo => "cargo",
            Self::Golang => "golang",
            Self::Maven => "maven",
            Self::Nuget => "nuget",
            Self::Gem => "gem",
            Self::Composer => "composer",
            Self::Docker => "docker",
            Self::Github => "github",
        }
    }

    /// The ecosystem of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// What is peculiar to it, as far as a comparison must know.
    pub const fn traits(self) -> Traits {
        let usual = Traits {
            pin: "a hash",
            versions: Versions::Locked,
            names_registry: false,
            version_elsewhere: false,
            runs_the_project: false,
        };
        match self {
            Self::Docker => Traits {
                pin: "a digest",
                versions: Versions::Moving,
                names_registry: true,
                runs_the_project: true,
                ..usual
            },
            Self::Github => Traits {
                pin: "a commit",
                versions: Versions::Whole,
                runs_the_project: true,
                ..usual
            },
            Self::Maven | Self::Nuget => Traits {
                version_elsewhere: true,
                ..usual
            },
            _ => usual,
        }
    }
}

/// What is peculiar to an ecosystem.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// What fixes the content of an entry, in words.
    pub pin: &'static str,
    /// Which versions stand for the same content for ever.
    pub versions: Versions,
    /// Entries name the registry that they come from, also the usual one.
    pub names_registry: bool,
    /// Where an entry says no version, another file does.
    pub version_elsewhere: bool,
    /// What it brings runs the project and its pipeline, and is no library of it.
    pub runs_the_project: bool,
}

/// Which versions stand for the same content for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Those of lock files.
    Locked,
    /// Whole ones, with two dots, also in manifests.
    Whole,
    /// None: a tag moves with every build.
    Moving,
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manifest {
    /// `requirements*.txt`, `requirements/*.in` …: what pip installs.
    Requirements,
    /// `constraints*.txt`: versions without the wish to install.
    Constraints,
    /// `pyproject.toml`: PEP 621, PEP 735, Poetry, uv, PDM, Hatch.
    Pyproject,
    /// `Pipfile`.
    Pipfile,
    /// `Pipfile.lock`.
    PipfileLock,
    /// `setup.cfg`.
    SetupCfg,
    /// `uv.lock`.
    UvLock,
    /// `poetry.lock`.
    PoetryLock,
    /// `pdm.lock`.
    PdmLock,
    /// `pylock.toml`, `pylock.*.toml` (PEP 751).
    Pylock,
    /// `package.json`.
    PackageJson,
    /// `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
    PackageLock,
    /// `yarn.lock`, classic and berry.
    YarnLock,
    /// `pnpm-lock.yaml`, versions 5 to 9.
    PnpmLock,
    /// `pnpm-workspace.yaml`: catalogs, overrides, which packages may run scripts.
    PnpmWorkspace,
    /// `bun.lock`.
    BunLock,
    /// `Cargo.toml`.
    CargoToml,
    /// `Cargo.lock`.
    CargoLock,
    /// `go.mod`, with the hashes of the `go.sum` beside it.
    GoMod,
    /// `go.sum`: says nothing without its `go.mod`.
    GoSum,
    /// `go.work`.
    GoWork,
    /// `pom.xml`, with what its parents say.
    Pom,
    /// `build.gradle`, `build.gradle.kts`, `settings.gradle` … and scripts that they apply.
    Gradle,
    /// `libs.versions.toml`.
    GradleCatalog,
    /// `gradle.lockfile`.
    GradleLock,
    /// `verification-metadata.xml`.
    GradleVerification,
    /// `gradle-wrapper.properties`, `maven-wrapper.properties`.
    Wrapper,
    /// `*.csproj`, `Directory.Packages.props` and other projects of MSBuild.
    MsBuild,
    /// `packages.config`.
    PackagesConfig,
    /// `packages.lock.json`.
    NugetLock,
    /// `nuget.config`.
    NugetConfig,
    /// `dotnet-tools.json`.
    DotnetTools,
    /// `Gemfile`.
    Gemfile,
    /// `Gemfile.lock`.
    GemfileLock,
    /// `*.gemspec`.
    Gemspec,
    /// `composer.json`.
    ComposerJson,
    /// `composer.lock`.
    ComposerLock,
    /// `Dockerfile`, `Containerfile`.
    Dockerfile,
    /// `compose.yaml`, `docker-compose.yml` …
    Compose,
    /// A workflow, an action.
    Workflow,
    /// `.npmrc`.
    Npmrc,
    /// `.yarnrc.yml`.
    Yarnrc,
    /// `pip.conf`, `pip.ini`.
    PipConfig,
    /// `.cargo/config.toml`.
    CargoConfig,
}

impl Manifest {
    /// Whose packages the file names.
    pub const fn ecosystem(self) -> Ecosystem {
        match self {
            Self::Requirements
            | Self::Constraints
            | Self::Pyproject
            | Self::Pipfile
            | Self::PipfileLock
            | Self::SetupCfg
            | Self::PipConfig
            | Self::UvLock
            | Self::PoetryLock
            | Self::PdmLock
            | Self::Pylock => Ecosystem::Pypi,
            Self::PackageJson
            | Self::PackageLock
            | Self::YarnLock
            | Self::PnpmLock
            | Self::PnpmWorkspace
            | Self::Npmrc
            | Self::Yarnrc
            | Self::BunLock => Ecosystem::Npm,
            Self::CargoToml | Self::CargoLock | Self::CargoConfig => Ecosystem::Cargo,
            Self::GoMod | Self::GoSum | Self::GoWork => Ecosystem::Golang,
            Self::Pom
            | Self::Gradle
            | Self::GradleCatalog
            | Self::GradleLock
            | Self::GradleVerification
            | Self::Wrapper => Ecosystem::Maven,
            Self::MsBuild
            | Self::PackagesConfig
            | Self::NugetLock
            | Self::NugetConfig
            | Self::DotnetTools => Ecosystem::Nuget,
            Self::Gemfile | Self::GemfileLock | Self::Gemspec => Ecosystem::Gem,
            Self::ComposerJson | Self::ComposerLock => Ecosystem::Composer,
            Self::Dockerfile | Self::Compose => Ecosystem::Docker,
            Self::Workflow => Ecosystem::Github,
        }
    }

    /// Whether a tool writes the file, with every transitive package and its exact version.
    pub const fn is_lock(self) -> bool {
        matches!(
            self,
            Self::PipfileLock
                | Self::UvLock
                | Self::PoetryLock
                | Self::PdmLock
                | Self::Pylock
                | Self::PackageLock
                | Self::YarnLock
                | Self::PnpmLock
                | Self::BunLock
                | Self::CargoLock
                | Self::GradleLock
                | Self::NugetLock
                | Self::GemfileLock
                | Self::ComposerLock
        )
    }
}

/// Says which format a path's file name stands for, if any. Paths use `/`.
pub fn is_manifest(path: &str) -> Option<Manifest> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    Some(match name {
        "pyproject.toml" => Manifest::Pyproject,
        "Pipfile" => Manifest::Pipfile,
        "Pipfile.lock" => Manifest::PipfileLock,
        "setup.cfg" => Manifest::SetupCfg,
        "uv.lock" => Manifest::UvLock,
        "poetry.lock" => Manifest::PoetryLock,
        "pdm.lock" => Manifest::PdmLock,
        "package.json" => Manifest::PackageJson,
        "package-lock.json" | "npm-shrinkwrap.json" => Manifest::PackageLock,
        "yarn.lock" => Manifest::YarnLock,
        "pnpm-lock.yaml" => Manifest::PnpmLock,
        "pnpm-workspace.yaml" => Manifest::PnpmWorkspace,
        "bun.lock" => Manifest::BunLock,
        "Cargo.toml" => Manifest::CargoToml,
        "Cargo.lock" => Manifest::CargoLock,
        "pylock.toml" => Manifest::Pylock,
        "go.mod" => Manifest::GoMod,
        "go.sum" => Manifest::GoSum,
        "go.work" => Manifest::GoWork,
        "pom.xml" => Manifest::Pom,
        "libs.versions.toml" => Manifest::GradleCatalog,
        "gradle.lockfile" | "buildscript-gradle.lockfile" => Manifest::GradleLock,
        "verification-metadata.xml" => Manifest::GradleVerification,
        "gradle-wrapper.properties" | "maven-wrapper.properties" => Manifest::Wrapper,
        "packages.config" => Manifest::PackagesConfig,
        "packages.lock.json" => Manifest::NugetLock,
        "nuget.config" | "NuGet.config" | "NuGet.Config" => Manifest::NugetConfig,
        "dotnet-tools.json" => Manifest::DotnetTools,
        "Gemfile" | "gems.rb" => Manifest::Gemfile,
        "Gemfile.lock" | "gems.locked" => Manifest::GemfileLock,
        "composer.json" => Manifest::ComposerJson,
        "composer.lock" => Manifest::ComposerLock,
        ".npmrc" => Manifest::Npmrc,
        ".yarnrc.yml" => Manifest::Yarnrc,
        "pip.conf" | "pip.ini" => Manifest::PipConfig,
        "config.toml" | "config" if folder == ".cargo" || folder.ends_with("/.cargo") => {
            Manifest::CargoConfig
        }
        "action.yml" | "action.yaml" => Manifest::Workflow,
        _ if name.ends_with(".gemspec") => Manifest::Gemspec,
        _ if name.ends_with(".gradle") || name.ends_with(".gradle.kts") => Manifest::Gradle,
        _ if has_ending(name, &[".csproj", ".fsproj", ".vbproj"])
            || name.starts_with("Directory.") && has_ending(name, &[".props", ".targets"]) =>
        {
            Manifest::MsBuild
        }
        _ if is_workflow(folder, name) => Manifest::Workflow,
        _ if is_dockerfile(name) => Manifest::Dockerfile,
        _ if is_compose(name) => Manifest::Compose,
        _ if name.starts_with("pylock.") && name.ends_with(".toml") => Manifest::Pylock,
        _ => {
            let stem = name
                .strip_suffix(".txt")
                .or_else(|| name.strip_suffix(".in"))?;
            let in_folder = folder.rsplit('/').next() == Some("requirements");
            let words = || stem.split(['-', '_', '.']);
            if words().any(|word| word == "constraints" || word == "constraint") {
                Manifest::Constraints
            } else if in_folder || words().any(|word| word == "requirements") {
                Manifest::Requirements
            } else {
                return None;
            }
        }
    })
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Workflows of GitHub, Gitea and Forgejo.
fn is_workflow(folder: &str, name: &str) -> bool {
    let folders = [
        ".github/workflows",
        ".gitea/workflows",
        ".forgejo/workflows",
    ];
    folders.contains(&folder) && has_ending(name, &[".yml", ".yaml"])
}

/// `Dockerfile`, `Dockerfile.dev`, `api.Dockerfile`.
fn is_dockerfile(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let text = has_ending(
        &lower,
        &[".md", ".txt", ".sh", ".py", ".js", ".ts", ".dockerignore"],
    );
    let named = |word: &str| {
        lower == word
            || lower.starts_with(word) && lower[word.len()..].starts_with(['.', '-', '_'])
            || lower
                .strip_suffix(word)
                .is_some_and(|rest| rest.ends_with(['.', '-', '_']))
    };
    !text && (named("dockerfile") || named("containerfile"))
}

/// `compose.yaml`, `docker-compose.prod.yml`.
fn is_compose(name: &str) -> bool {
    let stem = name
        .strip_suffix(".yml")
        .or_else(|| name.strip_suffix(".yaml"));
    stem.is_some_and(|stem| {
        let first = stem.split('.').next().unwrap_or(stem);
        first == "compose" || first.starts_with("docker-compose")
    })
}

/// What a dependency is for. Ordered from most to least reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Shipped and run; also where a lock file does not say.
    Runtime,
    /// Installed on request: an extra, an optional dependency, a group of unknown purpose.
    Optional,
    /// Expected from whoever installs the package.
    Peer,
    /// Run while building: build backends, build dependencies, the package manager.
    Build,
    /// For developers: tests, linters, documentation.
    Development,
    /// Fixes a version without asking for the package: pip constraints, npm overrides,
    /// catalogs, Cargo's `workspace.dependencies` and `patch`.
    Constraint,
}

impl Group {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Optional => "optional",
            Self::Peer => "peer",
            Self::Build => "build",
            Self::Development => "development",
            Self::Constraint => "constraint",
        }
    }

    /// The group that a free name (an extra, a PEP 735 group, a file's stem) speaks of. Only
    /// well-known words mean development: anything else stays loud.
    fn of_name(name: &str) -> Option<Self> {
        const DEVELOPMENT: [&str; 19] = [
            "dev",
            "develop",
            "development",
            "test",
            "tests",
            "testing",
            "lint",
            "linting",
            "doc",
            "docs",
            "ci",
            "typing",
            "types",
            "mypy",
            "tox",
            "bench",
            "benchmark",
            "style",
            "local",
        ];
        let name = name.to_ascii_lowercase();
        let mut words = name.split(['-', '_', '.', '/']);
        words
            .any(|word| DEVELOPMENT.contains(&word))
            .then_some(Self::Development)
    }
}

/// One entry of a manifest or lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Whose package it is.
    pub ecosystem: Ecosystem,
    /// The package that gets installed, in its ecosystem's normal form (PEP 503 for Python). Of
    /// an alias or a renamed crate the real name; of a lock entry whose download address names
    /// another package, that one.
    pub package: String,
    /// The name the project uses for it, where that differs from `package`.
    pub alias: Option<String>,
    /// The versions asked for, without spaces around operators; none in lock files and where any
    /// version will do.
    pub constraint: Option<String>,
    /// The one version that gets installed: of a lock file, or of a constraint that allows
    /// no other.
    pub locked: Option<String>,
    /// Where it comes from; none for the ecosystem's own registry (or, in a manifest, unsaid).
    pub source: Option<Source>,
    /// `algorithm:digest`, `sha256×3:digest` for several hashes: the digest (16 hex digits) is
    /// taken over all of them, so it is for comparing, not for verifying a download.
    pub integrity: Option<String>,
    /// `algorithm:digest` in hexadecimal, by which the one archive of the package can be verified; none where
    /// there are several or none.
    pub hash: Option<String>,
    /// What it needs itself, of a lock file that says so: `package@version`, or `package` where the
    /// file holds no version beside it; sorted.
    pub requires: Vec<String>,
    /// Whether the project itself asks for it; none where the file does not say.
    pub direct: Option<bool>,
    /// What it is for.
    pub group: Group,
    /// The extra or the named group it stands in.
    pub group_name: Option<String>,
    /// What the package does, from `rules/dependencies/roles.toml`.
    pub role: Option<String>,
    /// Extras or features, sorted; `-default` where default features are off.
    pub features: Vec<String>,
    /// The popular package that its name can be taken for, from `rules/dependencies/popular.toml`; of what the
    /// project itself asks for.
    pub resembles: Option<String>,
    /// When it applies: a PEP 508 marker or a Cargo target.
    pub condition: Option<String>,
    /// The lock file says that installing it runs its scripts.
    pub install_script: bool,
    /// First byte of the entry.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// Line of `start`, from 1.
    pub line: u32,
    /// Column of `start`, from 1, in Unicode scalar values.
    pub column: u32,
}

/// What a [`Setting`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SettingKind {
    /// Where packages come from: an index, a registry, a folder of archives.
    Registry,
    /// What is not verified or may run: trusted hosts, packages allowed to run scripts.
    Trust,
    /// How versions are chosen: pre-releases, hash checking, index strategy.
    Resolution,
    /// Another requirements file that is read too.
    Include,
    /// A command that runs on installation (npm life cycle).
    Script,
    /// Code that builds the project: PEP 517 backend, Cargo build script.
    Build,
    /// A package whose code is patched.
    Patch,
}

/// Something else in the file that decides what gets installed or what runs then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it is about.
    pub kind: SettingKind,
    /// Its key as written: `extra-index-url`, `postinstall`, `tool.uv.index internal`.
    pub name: String,
    /// Its value, credentials in addresses removed.
    pub value: String,
    /// First byte of the entry.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// Line of `start`, from 1.
    pub line: u32,
    /// Column of `start`, from 1, in Unicode scalar values.
    pub column: u32,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1, where there is one.
    pub line: Option<u32>,
    /// What could not be understood.
    pub message: String,
}

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// In source order.
    pub dependencies: Vec<Dependency>,
    /// In source order.
    pub settings: Vec<Setting>,
    /// In source order; what could be read is there all the same.
    pub problems: Vec<Problem>,
}

/// Reads the dependencies in one file.
///
/// `path` tells development requirements by their name and says nothing else; `text` is the
/// whole file. Time and memory are linear in the text; nesting is bounded. Broken syntax gives
/// problems beside what could be read, so this cannot fail.
///
/// `beside` gives the text of another file of the revision: parents, properties and central versions
/// stand in files of their own.
pub fn read(
    manifest: Manifest,
    path: &str,
    text: &str,
    roles: &Roles,
    beside: &dyn Fn(&str) -> Option<String>,
) -> Reading {
    let mut reader = Reader::new(manifest.ecosystem(), path, text, beside);
    match manifest {
        Manifest::Requirements => python::requirements::read(&mut reader, path, false),
        Manifest::Constraints => python::requirements::read(&mut reader, path, true),
        Manifest::Pyproject => python::pyproject::read(&mut reader),
        Manifest::Pipfile => python::pipfile::read(&mut reader),
        Manifest::PipfileLock => python::pipfile::read_lock(&mut reader),
        Manifest::SetupCfg => python::setup_cfg::read(&mut reader),
        Manifest::UvLock => python::lock::read_uv(&mut reader),
        Manifest::PoetryLock => python::lock::read_poetry(&mut reader),
        Manifest::PdmLock => python::lock::read_pdm(&mut reader),
        Manifest::Pylock => python::lock::read_pylock(&mut reader),
        Manifest::PackageJson => npm::package_json::read(&mut reader),
        Manifest::PackageLock => npm::package_lock::read(&mut reader),
        Manifest::YarnLock => npm::yarn::read(&mut reader),
        Manifest::PnpmLock => npm::pnpm::read(&mut reader),
        Manifest::PnpmWorkspace => npm::pnpm::read_workspace(&mut reader),
        Manifest::BunLock => npm::bun::read(&mut reader),
        Manifest::CargoToml => cargo::read(&mut reader),
        Manifest::CargoLock => cargo::read_lock(&mut reader),
        Manifest::GoMod => go::read(&mut reader),
        Manifest::GoSum => {}
        Manifest::GoWork => go::read_work(&mut reader),
        Manifest::Pom => maven::read(&mut reader),
        Manifest::Gradle => gradle::script::read(&mut reader),
        Manifest::GradleCatalog => gradle::files::read_catalog(&mut reader),
        Manifest::GradleLock => gradle::files::read_lock(&mut reader),
        Manifest::GradleVerification => gradle::files::read_verification(&mut reader),
        Manifest::Wrapper => gradle::files::read_wrapper(&mut reader),
        Manifest::MsBuild => nuget::project::read(&mut reader),
        Manifest::PackagesConfig => nuget::files::read_packages(&mut reader),
        Manifest::NugetLock => nuget::files::read_lock(&mut reader),
        Manifest::NugetConfig => nuget::files::read_config(&mut reader),
        Manifest::DotnetTools => nuget::files::read_tools(&mut reader),
        Manifest::Gemfile => ruby::gemfile::read(&mut reader),
        Manifest::GemfileLock => ruby::lock::read(&mut reader),
        Manifest::Gemspec => ruby::gemfile::read_gemspec(&mut reader),
        Manifest::ComposerJson => php::read(&mut reader),
        Manifest::ComposerLock => php::read_lock(&mut reader),
        Manifest::Dockerfile => docker::read(&mut reader),
        Manifest::Compose => docker::read_compose(&mut reader),
        Manifest::Workflow => actions::read(&mut reader),
        Manifest::Npmrc => client::read_npmrc(&mut reader),
        Manifest::Yarnrc => client::read_yarnrc(&mut reader),
        Manifest::PipConfig => client::read_pip(&mut reader),
        Manifest::CargoConfig => client::read_cargo(&mut reader),
    }
    reader.finish(roles)
}
