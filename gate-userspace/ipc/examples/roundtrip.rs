//! How long one question takes to another process and back: `cargo run --release -p gate-ipc --example roundtrip`.
//!
//! The callee answers at once, so this is the floor under every question to gate-authz.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement; it has nobody to report to")]

use gate_ipc::{CgroupRoot, Client, Listener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

const QUESTIONS: usize = 50_000;
/// Of about the size of a question to gate-authz, and of its answer.
const BYTES: usize = 600;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match std::env::args_os().nth(1) {
        Some(path) => LocalSet::new().block_on(&runtime, answer(path.into())),
        None => LocalSet::new().block_on(&runtime, measure()),
    }
}

async fn answer(path: PathBuf) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 ")).unwrap();
    let cgroups = CgroupRoot::resolve(Path::new(line.split(' ').nth(4).unwrap())).unwrap();
    let connection = Listener::bind(&path, 0o600, None, cgroups).unwrap().accept().await.unwrap().unwrap();
    while let Some(frame) = connection.receive::<Vec<u8>>(0).await.unwrap() {
        connection.send(&frame.message, &[]).await.unwrap();
    }
}

async fn measure() {
    let path = std::env::temp_dir().join(format!("gate-roundtrip-{}.sock", std::process::id()));
    let program = std::env::current_exe().unwrap();
    let mut callee = Command::new(program).arg(&path).stdin(Stdio::null()).spawn().unwrap();
    let client: Client<Vec<u8>, Vec<u8>> = Client::new(&path, None, Duration::from_secs(1));
    let question = vec![7; BYTES];
    while client.call(&question, &[]).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut times = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let start = Instant::now();
        client.call(&question, &[]).await.unwrap();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let at = |part: f64| times[(QUESTIONS as f64 * part) as usize].as_nanos() as f64 / 1_000.0;
    println!("p50 {:.1} us, p90 {:.1} us, p99 {:.1} us", at(0.5), at(0.9), at(0.99));
    callee.kill().unwrap();
    callee.wait().unwrap();
    std::fs::remove_file(path).unwrap();
}
