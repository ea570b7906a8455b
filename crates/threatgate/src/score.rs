//! `threatgate score`: what a risk vector amounts to.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use threatgate_model::risk::Vector;

#[derive(Args, Debug)]
pub(crate) struct ScoreArgs {
    /// A vector as reports show it: TGR:1/O:9/S:9/ED:7/EE:9/ID:8/C:8/I:5/A:1
    #[arg(value_name = "VECTOR")]
    vector: Vector,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

pub(crate) fn score(args: &ScoreArgs) -> Result<ExitCode> {
    let score = args.vector.score();
    let text = if args.format == "json" {
        crate::output::json(&json!({
            "vector": args.vector,
            "severity": score.severity,
            "rank": score.rank,
            "likelihood": score.likelihood_text(),
            "impact": score.impact,
        }))
    } else {
        format!(
            "{} {} = likelihood {} × impact {}\n",
            score.severity,
            score.rank,
            score.likelihood_text(),
            score.impact
        )
    };
    crate::output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
