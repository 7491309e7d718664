//! Inclusion and consistency proofs: made as RFC 6962 section 2.1 defines them, checked as RFC 9162 sections 2.1.3.2
//! and 2.1.4.2 say.

use crate::merkle::{Hash, empty_root, node_hash};

/// Where the complete nodes of a tree come from.
pub trait Nodes {
    /// Why a node could not be given.
    type Error;

    /// The root over the entries `index << height .. (index + 1) << height`, all of which are in the tree.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Why a proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The entry or the older tree lies outside the tree.
    #[error("the proof speaks of entry or size {asked}, but the tree has {size} entries")]
    OutOfRange {
        /// The entry's index, or the older size.
        asked: u64,
        /// The tree's size.
        size: u64,
    },
    /// The proof has too few or too many hashes for this place in this tree.
    #[error("the proof has {found} hashes, which does not fit a tree of {size} entries")]
    Length {
        /// Hashes in the proof.
        found: usize,
        /// The tree's size.
        size: u64,
    },
    /// The proof gives another root.
    #[error("the proof gives the root {found}, not {expected}")]
    Root {
        /// The root that the proof gives.
        found: Hash,
        /// The root that was to be proved.
        expected: Hash,
    },
}

/// The root of the first `size` entries.
pub fn root<N: Nodes>(nodes: &mut N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 { Ok(empty_root()) } else { range_root(nodes, 0, size) }
}

/// The proof that entry `index` is in the tree of the first `size` entries. Empty if it is not.
pub fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if index < size {
        path(nodes, index, 0, size, &mut proof)?;
    }
    Ok(proof)
}

/// The proof that the tree of the first `old` entries is the beginning of the tree of the first `size` entries. Empty
/// if `old` is 0 or not smaller than `size`.
pub fn consistency<N: Nodes>(nodes: &mut N, old: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if (1..size).contains(&old) {
        subproof(nodes, old, 0, size, true, &mut proof)?;
    }
    Ok(proof)
}

/// Checks that `leaf` is entry `index` of the tree of `size` entries with this root.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
    let Some(mut last) = size.checked_sub(1).filter(|last| index <= *last) else {
        return Err(ProofError::OutOfRange { asked: index, size });
    };
    let wrong_length = ProofError::Length { found: proof.len(), size };
    let mut place = index;
    let mut found = leaf;
    for sibling in proof {
        if last == 0 {
            return Err(wrong_length);
        }
        if place & 1 == 1 || place == last {
            found = node_hash(sibling, &found);
            skip_missing_siblings(&mut place, &mut last);
        } else {
            found = node_hash(&found, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    same(found, root)
}

/// Checks that the tree of `old` entries with `old_root` is the beginning of the tree of `size` entries with `root`.
pub fn verify_consistency(old: u64, old_root: Hash, size: u64, root: Hash, proof: &[Hash]) -> Result<(), ProofError> {
    let wrong_length = ProofError::Length { found: proof.len(), size };
    if old > size {
        return Err(ProofError::OutOfRange { asked: old, size });
    }
    if old == 0 || old == size {
        if !proof.is_empty() {
            return Err(wrong_length);
        }
        return same(old_root, if old == 0 { empty_root() } else { root });
    }
    // A complete older tree is itself the first node; the proof leaves it out.
    let first = old.is_power_of_two().then_some(old_root);
    let mut hashes = first.iter().chain(proof);
    let Some(start) = hashes.next() else { return Err(wrong_length) };
    let shift = (old - 1).trailing_ones();
    let (mut place, mut last) = ((old - 1) >> shift, (size - 1) >> shift);
    let (mut found_old, mut found) = (*start, *start);
    for hash in hashes {
        if last == 0 {
            return Err(wrong_length);
        }
        if place & 1 == 1 || place == last {
            found_old = node_hash(hash, &found_old);
            found = node_hash(hash, &found);
            skip_missing_siblings(&mut place, &mut last);
        } else {
            found = node_hash(&found, hash);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    same(found_old, old_root)?;
    same(found, root)
}

fn same(found: Hash, expected: Hash) -> Result<(), ProofError> {
    if found == expected { Ok(()) } else { Err(ProofError::Root { found, expected }) }
}

/// At the ragged right edge a node has no sibling for some levels: they are not in the proof.
fn skip_missing_siblings(place: &mut u64, last: &mut u64) {
    while *place & 1 == 0 && *place != 0 {
        *place >>= 1;
        *last >>= 1;
    }
}

/// The largest power of two below `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

fn range_root<N: Nodes>(nodes: &mut N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let count = to - from;
    if count.is_power_of_two() {
        let height = count.trailing_zeros();
        return nodes.node(height, from >> height);
    }
    let middle = from + split(count);
    let left = range_root(nodes, from, middle)?;
    Ok(node_hash(&left, &range_root(nodes, middle, to)?))
}

fn path<N: Nodes>(nodes: &mut N, index: u64, from: u64, to: u64, proof: &mut Vec<Hash>) -> Result<(), N::Error> {
    if to - from == 1 {
        return Ok(());
    }
    let middle = from + split(to - from);
    let sibling = if index < middle {
        path(nodes, index, from, middle, proof)?;
        range_root(nodes, middle, to)?
    } else {
        path(nodes, index, middle, to, proof)?;
        range_root(nodes, from, middle)?
    };
    proof.push(sibling);
    Ok(())
}

/// `SUBPROOF` of RFC 6962: `known` says that the verifier has the root over `from..old` already.
fn subproof<N: Nodes>(
    nodes: &mut N,
    old: u64,
    from: u64,
    to: u64,
    known: bool,
    proof: &mut Vec<Hash>,
) -> Result<(), N::Error> {
    if old == to {
        if !known {
            proof.push(range_root(nodes, from, to)?);
        }
        return Ok(());
    }
    let middle = from + split(to - from);
    let sibling = if old <= middle {
        subproof(nodes, old, from, middle, known, proof)?;
        range_root(nodes, middle, to)?
    } else {
        subproof(nodes, old, middle, to, false, proof)?;
        range_root(nodes, from, middle)?
    };
    proof.push(sibling);
    Ok(())
}
