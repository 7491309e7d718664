//! A worker as it runs, between real sockets: clients and backends over TCP, and the other roles' side of the IPC over
//! Unix sockets, spoken by stand-ins. What stands in for the kernel is one function: who dials where.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod backend;
mod client;
mod roles;
mod world;

mod activation;
mod bodies;
mod decisions;
mod declared;
mod grants;
mod hostile;
mod lasting;
mod requests;
mod sessions;

/// Runs a test on a runtime like a worker's, for a minute at most.
fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bounded = async { tokio::time::timeout(std::time::Duration::from_secs(60), test).await.unwrap() };
    tokio::task::LocalSet::new().block_on(&runtime, bounded);
}

const GET: &str = "GET /orders/7 HTTP/1.1\r\nHost: orders\r\n\r\n";
const DELETE: &str = "DELETE /orders/7 HTTP/1.1\r\nHost: orders\r\n\r\n";
