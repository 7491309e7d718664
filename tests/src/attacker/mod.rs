//! Attempts, each a few system calls whose answers are reported as they are.

pub mod connect;
pub mod files;
pub mod frames;
pub mod grants;
pub mod hold;
pub mod listen;
mod outcome;
pub mod passing;
pub mod segment;
pub mod sockets;

pub use outcome::Outcome;
