//! Renders an assessment for people, code hosts and programs. Pure: writes into any
//! [`std::io::Write`], knows no files and no terminal.

mod change;
pub mod cyclonedx;
mod excerpt;
mod github;
pub mod guards;
pub mod inventory;
mod json;
mod markdown;
mod sarif;
mod text;
mod visible;

use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use threatgate_assess::Assessment;

/// How a report looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour.
    pub colour: bool,
    /// Columns.
    pub width: usize,
}

/// One of the two revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// What is compared from.
    Base,
    /// What is compared to.
    Head,
}

/// Texts of the two revisions, from which reports show the lines of a change.
pub trait Sources {
    /// The text of a file, if it exists on that side and is text.
    fn text(&self, side: Side, path: &str) -> Option<Arc<str>>;
}

/// No texts: the report shows places only.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn text(&self, _: Side, _: &str) -> Option<Arc<str>> {
        None
    }
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal or in a log.
    Text,
    /// JSON, the public contract.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitHub Markdown, for a pull-request comment and a job summary.
    Markdown,
    /// GitHub workflow commands, for annotations.
    Github,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::Json,
        Self::Sarif,
        Self::Markdown,
        Self::Github,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Markdown => "markdown",
            Self::Github => "github",
        }
    }

    /// Writes the report. `style` concerns the text only.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(
        self,
        assessment: &Assessment,
        sources: &dyn Sources,
        style: &Style,
        out: &mut impl Write,
    ) -> io::Result<()> {
        match self {
            Self::Text => text::write(assessment, sources, style, out),
            Self::Json => json::write(assessment, out),
            Self::Sarif => sarif::write(assessment, sources, out),
            Self::Markdown => markdown::write(assessment, sources, out),
            Self::Github => github::write(assessment, sources, out),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|format| format.name()).collect();
                format!(
                    "unknown format \"{text}\"; expected one of {}",
                    names.join(", ")
                )
            })
    }
}

#[cfg(test)]
mod sample;
