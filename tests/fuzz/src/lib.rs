//! What reads files that strangers may have written, each fed with bytes.
//!
//! A target reads its input as the product does. It never panics, and beyond that it checks what must hold of everything
//! that is accepted: written back it is accepted again, and means the same. What does not hold is a [`Finding`].

mod directory;
mod shop;
mod tarball;
mod targets;

pub use tarball::{members, write as tarball};
pub use targets::Target;

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is what it should be.
    Accepted,
    /// It is not, and somebody was told why.
    Refused,
}

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Finding(String);

impl Finding {
    /// `Err` when something does not hold.
    ///
    /// # Errors
    /// When it does not.
    fn unless(holds: bool, what: impl FnOnce() -> String) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self(what())) }
    }
}

/// The most bytes that a target is fed: what is longer is refused by its length elsewhere, and only slows the search.
pub const MAX_INPUT: usize = 64 << 10;
