//! JavaScript: `package.json` and the lock files of npm, yarn, pnpm and bun.

pub(super) mod bun;
pub(super) mod package_json;
pub(super) mod package_lock;
pub(super) mod pnpm;
pub(super) mod spec;
pub(super) mod yarn;

use super::Dependency;
use super::source::{Source, host};

/// Sets the source from the address a lock file downloads from. Of a registry's archive the
/// address also tells the package: if it is another than the entry's name, that one gets
/// installed, so it becomes the package and the name its alias.
fn resolved(dependency: &mut Dependency, url: &str) {
    let place = url.split('#').next().unwrap_or(url);
    if place.starts_with("git+") || place.starts_with("git:") || place.ends_with(".git") {
        let (place, commit) = url.split_once('#').unwrap_or((url, ""));
        dependency.source = Some(Source::git(place, Some(commit)));
        return;
    }
    if !place.contains("://") {
        dependency.source = Some(Source::path(place));
        return;
    }
    let Some((package, base)) = archive(place) else {
        dependency.source = Some(Source::url(url));
        return;
    };
    let host = host(place).unwrap_or_default();
    let known = ["registry.npmjs.org", "registry.yarnpkg.com"].contains(&host.as_str());
    if !(known && place.starts_with("https://")) {
        dependency.source = Some(Source::registry(base));
    }
    rename(dependency, &package);
}

/// Makes `package` what gets installed; the name so far becomes the alias.
fn rename(dependency: &mut Dependency, package: &str) {
    if dependency.package != package {
        let name = std::mem::replace(&mut dependency.package, package.to_owned());
        dependency.alias.get_or_insert(name);
    }
}

/// Package and registry of `https://host/base/@scope/name/-/name-1.0.0.tgz`.
fn archive(url: &str) -> Option<(String, &str)> {
    let (before, _) = url.split_once("/-/")?;
    let (_, path) = before.split_once("://")?;
    let mut parts = path.rsplit('/');
    let name = parts.next()?;
    // Some registries write the scope's slash escaped.
    if let Some((scope, name)) = name.split_once("%2f").or_else(|| name.split_once("%2F")) {
        let cut = scope.len() + name.len() + 4;
        return Some((format!("{scope}/{name}"), &before[..before.len() - cut]));
    }
    let scope = parts.next().filter(|scope| scope.starts_with('@'));
    Some(match scope {
        Some(scope) => {
            let cut = scope.len() + name.len() + 2;
            (format!("{scope}/{name}"), &before[..before.len() - cut])
        }
        None => (name.to_owned(), &before[..before.len() - name.len() - 1]),
    })
}

/// Splits `@scope/name@rest` and `name@rest`.
fn name_and_rest(text: &str) -> Option<(&str, &str)> {
    let at = text.get(1..)?.find('@')? + 1;
    Some((&text[..at], &text[at + 1..]))
}
