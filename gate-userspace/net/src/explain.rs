//! `gatectl explain`, the layer of the kernel.

use gate_daemon::Question;
use gate_tables::{Tables, Via};
use serde_json::{Value, json};

/// The kernel's verdict for one flow, from the table that it was filled with.
pub(crate) fn explain(tables: Option<&Tables>, question: &Question, now: u64) -> Result<Value, Vec<String>> {
    let tables = tables.ok_or_else(|| vec!["no bundle is in force: everything governed is denied".to_owned()])?;
    let named = |name: &str| {
        tables.service_named(name).ok_or_else(|| vec![format!("no service {name:?} is declared in services.toml")])
    };
    let source = if question.source.is_empty() { None } else { Some(named(&question.source)?) };
    let destination = named(&question.destination)?;
    let ports: Vec<_> = destination
        .ports
        .iter()
        .filter(|port| question.port.is_empty() || port.name == question.port)
        .map(|port| {
            let id = source.map_or(gate_tables::ServiceId(0), |source| source.id);
            let line = tables.reach(id, destination.id, port.id);
            let verdict = match line.map(|line| line.via) {
                None => "deny",
                Some(Via::Direct) if !line.is_some_and(|line| line.times.hold(now)) => "deny",
                Some(Via::Direct) => "allow",
                Some(Via::Proxy) => "proxy",
            };
            json!({
                "port": port.name,
                "number": port.number,
                "verdict": verdict,
                "times": line.map(|line| line.times).filter(|times| !times.is_always()),
                "rule": line.and_then(|line| tables.rules.get(line.rule as usize)),
                "observe": source.is_some_and(|source| source.observe),
            })
        })
        .collect();
    if ports.is_empty() {
        return Err(vec![format!("{} declares no port {:?}", destination.name, question.port)]);
    }
    Ok(json!({ "layer": "kernel", "ports": ports }))
}
