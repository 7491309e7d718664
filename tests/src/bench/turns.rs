//! Whose turn it is. Within a round every side has one; who begins changes, so that nobody always comes after somebody
//! else.

/// The order of `sides` in a round.
pub fn order(round: usize, sides: usize) -> impl Iterator<Item = usize> {
    (0..sides).map(move |turn| (round + turn) % sides.max(1))
}
