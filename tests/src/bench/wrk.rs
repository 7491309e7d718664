//! wrk, as the service `web`.

use super::cpu;
use crate::Host;
use anyhow::Context as _;

/// Connections that are kept.
const CONNECTIONS: usize = 32;

/// What wrk counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Answers, whatever they were.
    pub requests: u64,
    /// Those that were not 2xx or 3xx, and connections that failed.
    pub failed: u64,
}

/// The words that run it for so many seconds, on all processors but the measured one.
pub fn words(port: u16, seconds: u64) -> Vec<String> {
    let url = format!("http://127.0.0.1:{port}/orders/1");
    let processors = cpu::list(&cpu::others());
    let (connections, duration) = (format!("-c{CONNECTIONS}"), format!("-d{seconds}s"));
    ["taskset", "-c", &processors, "wrk", "-t1", &connections, &duration, &url].map(String::from).into()
}

/// Runs it.
///
/// # Errors
/// When it did not end well.
pub fn run(host: &mut Host, port: u16, seconds: u64) -> anyhow::Result<Load> {
    let output = host.run("web", &words(port, seconds))?;
    anyhow::ensure!(output.succeeded(), "wrk (Debian: wrk): {}", output.text());
    let load = parse(&output.out).with_context(|| format!("wrk said {:?}", output.text()))?;
    anyhow::ensure!(load.requests > 0, "not one request was answered: {}", output.text());
    Ok(load)
}

pub(super) fn parse(text: &str) -> Option<Load> {
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())?;
    let bad = text.lines().find_map(|line| line.trim().strip_prefix("Non-2xx or 3xx responses: ")?.parse().ok());
    let errors = text.lines().find_map(|line| line.trim().strip_prefix("Socket errors: "));
    let errors = errors.map_or(0, |line| {
        line.split(|byte: char| !byte.is_ascii_digit()).filter_map(|word| word.parse::<u64>().ok()).sum()
    });
    Some(Load { requests, failed: bad.unwrap_or(0) + errors })
}
