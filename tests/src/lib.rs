//! The harness of Gate's end-to-end tests and of its demo: a host of its own with the real daemons, the real kernel
//! and real services.

pub mod attacker;
pub mod bench;
mod held;
mod host;
mod http;
mod json;
mod lending;
mod people;
mod policy;
pub mod record;
mod report;
mod shared;
mod wait;

pub mod operator;
pub mod steps;

pub use held::Held;
pub use host::{
    Candidate, Host, LEDGER_PORT, ORDERS_PORT, OUTSIDE, Output, PROXY_PORT, Process, Stand, Users, built,
    give_back_on_signals, remove,
};
pub use json::at;
pub use people::People;
pub use policy::Policy;
pub use report::{Line, Report};
pub use shared::{Shared, left_out, shared, test};
pub use wait::{until, until_within};
