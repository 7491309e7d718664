//! The bundle that decisions are made by, compiled by this process from the bundle's own rules.

use crate::{Listeners, first_difference};
use gate_policy::{Compiled, Decider, PolicySource, compile, run_cases};
use gate_tables::{Labels, ServiceId, Tables};
use std::collections::HashMap;

/// A compiled bundle.
#[derive(Debug)]
pub struct InForce {
    version: u64,
    tables: Tables,
    decider: Decider,
    listeners: Listeners,
    names: HashMap<ServiceId, String>,
}

impl InForce {
    /// Compiles a bundle's rules and compares the result with the bundle's tables. `files` are those of the bundle's
    /// policy directory, without `policy/`; `tables` are the bytes of its `tables.json`; `previous` are the tables of
    /// its predecessor, or its own when it was in force before: names keep their numbers either way.
    ///
    /// # Errors
    /// Every reason: what is wrong with the rules, which case does not hold, or where the tables differ first.
    pub fn compile(
        version: u64,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
        tables: &[u8],
        previous: Option<&Tables>,
    ) -> Result<Self, Vec<String>> {
        let in_words =
            |problems: Vec<gate_policy::Diagnostic>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let source = PolicySource::from_files(files).map_err(in_words)?;
        let compiled = compile(&source, previous).map_err(in_words)?;
        let mut reasons: Vec<String> = compare(tables, &compiled.tables).err().into_iter().collect();
        reasons.extend(failing_cases(&compiled));
        if reasons.is_empty() { Ok(Self::new(version, compiled)) } else { Err(reasons) }
    }

    /// For a host of these labels: only ports of its own services are asked about. Rules and names are those of the whole
    /// environment.
    ///
    /// # Errors
    /// The policy does not know the labels.
    pub fn on_host(mut self, labels: &Labels) -> Result<Self, String> {
        self.listeners = Listeners::new(&self.tables.for_host(labels).map_err(|error| error.to_string())?);
        Ok(self)
    }

    /// For no host yet.
    fn new(version: u64, compiled: Compiled) -> Self {
        let Compiled { tables, decider, .. } = compiled;
        let names = tables.services.iter().map(|service| (service.id, service.name.clone())).collect();
        Self { version, listeners: Listeners::default(), names, tables, decider }
    }

    /// The bundle's version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Its tables, which are those in the bundle.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Its decisions.
    #[must_use]
    pub fn decider(&self) -> &Decider {
        &self.decider
    }

    /// Its L7 ports and their routes.
    #[must_use]
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// The name of a service; empty for a number that no service has.
    #[must_use]
    pub fn name(&self, id: ServiceId) -> &str {
        self.names.get(&id).map_or("", String::as_str)
    }
}

/// Byte for byte: what people signed is what follows from what they read.
fn compare(found: &[u8], right: &Tables) -> Result<(), String> {
    let right_bytes = right.to_bytes().map_err(|error| error.to_string())?;
    if found == right_bytes {
        return Ok(());
    }
    let said = match Tables::from_bytes(found) {
        Err(error) => error.to_string(),
        Ok(found) => first_difference(&found, right).unwrap_or_else(|| "they are spelt in another way".to_owned()),
    };
    Err(format!("tables.json does not follow from the rules: {said}"))
}

fn failing_cases(compiled: &Compiled) -> Vec<String> {
    run_cases(compiled).iter().filter(|case| !case.passed()).map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;
