//! The header fields of a head that was accepted.

/// Field lines as they came, at most [`crate::limits::HEAD`] bytes. They are kept while the request runs, because a later
/// bundle may declare others for its route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(Box<[u8]>);

impl Lines {
    /// Of the bytes between the request line and the end of the head, every line of which was read.
    pub(super) fn of(section: &[u8]) -> Self {
        Self(section.into())
    }

    /// Name and value of each field, without the white space around the value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // No line holds a CR or LF of its own.
        self.0.split(|byte| *byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
        })
    }
}
