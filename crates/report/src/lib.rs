//! Renders an assessment for people, code hosts and programs. Pure: writes into any
//! [`std::io::Write`], knows no files and no terminal.

pub mod inventory;
mod json;

use std::io::{self, Write};
use std::str::FromStr;

use threatgate_assess::Assessment;

/// How a report looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour.
    pub colour: bool,
    /// Columns.
    pub width: usize,
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, the public contract.
    Json,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 1] = [Self::Json];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(
        self,
        assessment: &Assessment,
        style: &Style,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let _ = style;
        match self {
            Self::Json => json::write(assessment, out),
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
