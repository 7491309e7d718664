//! On what was measured.

use serde_json::{Value, json};
use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

/// Above this, others are at work and figures mean little.
const BUSY: f64 = 0.5;

/// Kernel, processors, load, and how this was built.
pub fn describe() -> Value {
    let system = rustix::system::uname();
    let text = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let processor = text("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.to_owned()));
    json!({
        "kernel": system.release().to_string_lossy(),
        "architecture": system.machine().to_string_lossy(),
        "cores": super::cpu::count(),
        "processor": processor,
        "load": text("/proc/loadavg").split(' ').next().and_then(|load| load.parse::<f64>().ok()),
        "optimized": !cfg!(debug_assertions),
        "unix_s": SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
    })
}

/// Says what makes the figures worthless, if anything does.
pub fn warn(machine: &Value) {
    let text = |key: &str| machine.get(key).map(ToString::to_string).unwrap_or_default();
    println!("kernel {}, {} cores, {}", text("kernel"), text("cores"), text("processor"));
    if machine.get("load").and_then(Value::as_f64).is_some_and(|load| load > BUSY) {
        println!("WARNING: the machine is busy (load {}): figures mean little", text("load"));
    }
    if cfg!(debug_assertions) {
        println!("WARNING: this is a development build: figures mean nothing; use cargo xtask bench");
    }
}
