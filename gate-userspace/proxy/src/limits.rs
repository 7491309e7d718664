//! Limits on everything that a peer controls, each with its reason.

use std::time::Duration;

/// Largest request head, in bytes: twice what the common servers take, so that the backend says no before Gate does.
pub const HEAD: usize = 32 * 1024;
/// Most header fields of one request.
pub const FIELDS: usize = 100;
/// Longest request target, in bytes: it travels in a question to gate-authz twice (path and parameters).
pub const TARGET: usize = 8 * 1024;
/// Longest method.
pub const METHOD: usize = 16;
/// What is read ahead of a request that is still being answered, in bytes.
pub const READ_AHEAD: usize = 8 * 1024;
/// Longest text of a request that goes into the record.
pub const RECORDED: usize = 512;

/// From the first byte of a head to its last.
pub const HEAD_TIME: Duration = Duration::from_secs(10);
/// A connection without a request.
pub const IDLE: Duration = Duration::from_secs(60);
/// A body, in either direction, or a client that does not read, without progress.
pub const STALL: Duration = Duration::from_secs(60);
/// Where a request is answered before it has ended, so long and so much is read and thrown away, so that the client
/// sees the answer and not a reset.
pub const LINGER: Duration = Duration::from_secs(1);
/// See [`LINGER`].
pub const LINGER_BYTES: usize = 256 * 1024;
/// Connecting to a backend of this host.
pub const CONNECT: Duration = Duration::from_secs(5);
/// From the request to the head of the backend's response.
pub const RESPONSE_HEAD: Duration = Duration::from_secs(60);
/// Asking gate-authn, gate-authz or gate-net: far above what they need, far below what a client waits.
pub const ASK: Duration = Duration::from_secs(2);

/// Connections of one worker.
pub const CONNECTIONS: usize = 8_192;
/// Of these, connections that one source service may hold.
pub const CONNECTIONS_PER_SOURCE: usize = 2_048;
/// Idle upstream connections that are kept per (source, destination).
pub const IDLE_PER_PAIR: usize = 64;
/// How long an idle upstream connection is kept: shorter than the common keep-alive times of servers (nginx: 75 s).
pub const IDLE_UPSTREAM: Duration = Duration::from_secs(30);
/// Cached decisions of one worker.
pub const DECISIONS: usize = 65_536;
/// Pairs (source, destination) with a grant that one worker remembers.
pub const GRANTS: usize = 65_536;

/// A grant with less than this left is renewed before it is used.
pub const GRANT_MARGIN_MS: u64 = 3_000;
/// An assertion with less than this left is renewed before it is used: as long as the longest grant on it.
pub const ASSERTION_MARGIN_MS: u64 = 12_000;
/// How often a worker looks after exchanges that take long, idle connections and its own state.
pub const TICK: Duration = Duration::from_secs(1);
/// An exchange that lasts is judged again this often.
pub const REJUDGE_MS: u64 = 4_000;
/// How long a worker waits for running requests when it is told to stop.
pub const DRAIN: Duration = Duration::from_secs(10);
/// What hyper buffers of a backend's response.
pub const RESPONSE_BUFFER: usize = 64 * 1024;
