//! JSON Schemas of the policy and of waivers, for editors, made from the types that read them.

use serde_json::Value;

use super::text::PolicyText;
use super::waiver::WaiversText;

fn schema_of<T: schemars::JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    // Sorted, so that the published file changes only where the types do.
    schema.sort_all_objects();
    schema
}

/// The schema of `.threatgate/policy.toml`.
pub fn policy_schema() -> Value {
    schema_of::<PolicyText>()
}

/// The schema of `.threatgate/waivers.toml`.
pub fn waivers_schema() -> Value {
    schema_of::<WaiversText>()
}
