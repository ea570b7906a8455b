//! The assessment as JSON: the public, versioned contract (`docs/schema/assessment.schema.json`).

use std::io::{self, Write};

use threatgate_assess::Assessment;

pub(crate) fn write(assessment: &Assessment, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, assessment)?;
    writeln!(out)
}
