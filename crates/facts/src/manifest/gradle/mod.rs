//! Gradle: scripts, version catalogues, lock files, verification, wrappers.

pub(super) mod files;
pub(super) mod script;

use super::Group;

/// What a configuration is for: `implementation`, `testRuntimeOnly`, `kapt` …
/// (<https://docs.gradle.org/current/userguide/dependency_configurations.html>).
fn group_of(configuration: &str) -> Option<Group> {
    let lower = configuration.to_ascii_lowercase();
    let ends = |words: &[&str]| words.iter().any(|word| lower.ends_with(word));
    let known = ends(&[
        "implementation",
        "api",
        "compileonly",
        "compileonlyapi",
        "runtimeonly",
        "compile",
        "runtime",
        "classpath",
        "annotationprocessor",
        "kapt",
        "ksp",
        "provided",
        "developmentonly",
        "desugaring",
    ]);
    if !known {
        return None;
    }
    Some(if lower.contains("test") {
        Group::Development
    } else if ends(&["annotationprocessor", "kapt", "ksp", "classpath"])
        && !lower.contains("runtimeclasspath")
    {
        if lower.ends_with("compileclasspath") {
            Group::Runtime
        } else {
            Group::Build
        }
    } else if lower.contains("compileonly") || lower.contains("provided") {
        Group::Peer
    } else if lower.starts_with("debug") || lower.contains("developmentonly") {
        Group::Development
    } else {
        Group::Runtime
    })
}
