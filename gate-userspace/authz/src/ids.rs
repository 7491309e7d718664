//! Random numbers of decisions, drawn from the kernel many at a time.

use std::io;

/// Fills a buffer with randomness.
pub type Random = fn(&mut [u8]) -> io::Result<()>;

const AT_ONCE: usize = 64;

/// A stock of random numbers.
#[derive(Debug)]
pub struct Ids {
    random: Random,
    stock: Vec<[u8; 16]>,
}

impl Ids {
    /// An empty stock that is filled from `random`.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self { random, stock: Vec::with_capacity(AT_ONCE) }
    }

    /// The next one; `None` when there is no randomness.
    pub fn draw(&mut self) -> Option<[u8; 16]> {
        if self.stock.is_empty() {
            let mut bytes = [0; AT_ONCE * 16];
            (self.random)(&mut bytes).ok()?;
            self.stock.extend(bytes.as_chunks::<16>().0);
        }
        self.stock.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn none_comes_twice_and_without_randomness_none_comes() {
        let mut ids = Ids::new(gate_host::system_random);
        let many: HashSet<[u8; 16]> = (0..1_000).map(|_| ids.draw().unwrap()).collect();
        assert_eq!(many.len(), 1_000);
        assert_eq!(Ids::new(|_| Err(io::Error::other("dry"))).draw(), None);
    }
}
