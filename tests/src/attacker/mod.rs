//! Attempts, each a few system calls whose answers are reported as they are.

pub mod connect;
pub mod echo;
pub mod files;
pub mod flood;
pub mod frames;
pub mod grants;
pub mod hold;
pub mod later;
pub mod listen;
mod outcome;
pub mod passing;
pub mod relisten;
pub mod segment;
pub mod sockets;
pub mod stray;

pub use outcome::Outcome;
