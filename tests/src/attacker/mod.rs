//! Attempts, each a few system calls whose answers are reported as they are.

pub mod connect;
pub mod grants;
pub mod hold;
pub mod listen;
mod outcome;

pub use outcome::Outcome;
