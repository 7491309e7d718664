//! JSON Schemas (draft 2020-12) of the files of a policy, for editors: completion, and what is wrong while it is written.
//! They follow the readers, and what only a reader can see (whether a name is declared) they do not say.

/// Of `services.toml`.
pub const SERVICES_SCHEMA: &str = include_str!("../schemas/services.schema.json");
/// Of `duties.toml`.
pub const DUTIES_SCHEMA: &str = include_str!("../schemas/duties.schema.json");
/// Of `cases.toml`.
pub const CASES_SCHEMA: &str = include_str!("../schemas/cases.schema.json");

#[cfg(test)]
mod tests;
