//! The hash tree of RFC 6962, section 2.1, over SHA-256.

use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Bytes of a hash.
pub const HASH_SIZE: usize = 32;

/// A node of the tree. Shown as base64, as checkpoints write it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_SIZE]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64::encode_string(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The leaf of an entry: `SHA-256(0x00 || entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// The parent of two nodes: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root of the tree without entries: `SHA-256("")`.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The complete subtrees at the right edge of a growing tree, largest first: what is needed to append and to give
/// the root, and nothing more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frontier {
    nodes: Vec<(u32, Hash)>,
}

impl Frontier {
    /// Appends a complete subtree of 2^height entries. `completed` is told of it and of each larger subtree that it
    /// completes, smallest first. The size so far must be a multiple of 2^height.
    pub(crate) fn push(&mut self, height: u32, hash: Hash, mut completed: impl FnMut(u32, Hash)) {
        let mut node = (height, hash);
        completed(node.0, node.1);
        while let Some((_, left)) = self.nodes.pop_if(|(height, _)| *height == node.0) {
            node = (node.0 + 1, node_hash(&left, &node.1));
            completed(node.0, node.1);
        }
        self.nodes.push(node);
    }

    /// The root of everything that was appended.
    pub(crate) fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = nodes.next() else { return empty_root() };
        nodes.fold(last, |right, left| node_hash(&left, &right))
    }
}

/// The root over a row of nodes of one height.
pub(crate) fn root_of(row: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for hash in row {
        frontier.push(0, *hash, |_, _| {});
    }
    frontier.root()
}
