//! The tree of a checkpoint, read from its tiles: no hash and no entry leaves here that the signed root does not cover.

use crate::blame;
use crate::checkpoint::Checkpoint;
use crate::finding::{EntryProblem, Finding};
use crate::merkle::{Frontier, Hash, leaf_hash, root_of};
use crate::proof::Nodes;
use crate::store::Store;
use crate::tile::{self, Kind, LEVELS, Tile, WIDTH};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Full tiles that are remembered of each level: one for whoever walks along, and as many for proofs.
const REMEMBERED: usize = 4;

pub(crate) struct Tree {
    store: Store,
    size: u64,
    /// The partial tile of each level, checked against the root; empty where there is none.
    edge: Vec<Arc<[Hash]>>,
    full: Vec<BTreeMap<u64, Arc<[Hash]>>>,
}

impl Tree {
    /// Reads the right edge and checks it against the root.
    pub(crate) fn open(store: Store, checkpoint: &Checkpoint) -> Result<Self, Finding> {
        let size = checkpoint.size;
        let mut edge = Vec::new();
        for level in (0..LEVELS).take_while(|level| tile::hashes_at(*level, size) > 0) {
            let hashes = match tile::edge(Kind::Hashes(level), size) {
                Some(tile) => read_hashes(&store, tile)?.1,
                None => Vec::new(),
            };
            edge.push(hashes.into());
        }
        let found = frontier(&edge).root();
        if found != checkpoint.root {
            return Err(blame::edge(&store, size, &edge, checkpoint.root));
        }
        let full = vec![BTreeMap::new(); edge.len()];
        Ok(Self { store, size, edge, full })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The partial tile of each level, lowest first.
    pub(crate) fn edge(&self) -> &[Arc<[Hash]>] {
        &self.edge
    }

    pub(crate) fn frontier(&self) -> Frontier {
        frontier(&self.edge)
    }

    /// The hashes of a tile that the tree has, checked.
    pub(crate) fn hashes(&mut self, level: u8, index: u64) -> Result<Arc<[Hash]>, Finding> {
        let tile = Tile::full(Kind::Hashes(level), index);
        if !tile.is_within(self.size) {
            return Ok(self.edge.get(usize::from(level)).cloned().unwrap_or_default());
        }
        if let Some(hashes) = self.full.get(usize::from(level)).and_then(|full| full.get(&index)) {
            return Ok(hashes.clone());
        }
        let (file, hashes) = read_hashes(&self.store, tile)?;
        let parent = self.hashes(level + 1, index / WIDTH as u64)?;
        if parent.get((index % WIDTH as u64) as usize) != Some(&root_of(&hashes)) {
            return Err(blame::tile(&self.store, tile, file, &hashes));
        }
        let hashes: Arc<[Hash]> = hashes.into();
        if let Some(full) = self.full.get_mut(usize::from(level)) {
            full.insert(index, hashes.clone());
            if full.len() > REMEMBERED {
                full.pop_first();
            }
        }
        Ok(hashes)
    }

    /// The entries of a bundle that the tree has, checked.
    pub(crate) fn entries(&mut self, index: u64) -> Result<Vec<Vec<u8>>, Finding> {
        let leaves = self.hashes(0, index)?;
        let tile = Tile { kind: Kind::Entries, index, width: leaves.len() };
        let (file, bytes, to_its_end) = read_bundle(&self.store, tile)?;
        check_entries(file, &bytes, tile.first_entry(), &leaves, to_its_end)
    }

    /// Checks what the last appends touched: for each level the last full tile, and the last entries.
    pub(crate) fn check_tail(&mut self) -> Result<(), Finding> {
        for level in 0..LEVELS {
            if let Some(tile) = tile::last_full(Kind::Hashes(level), self.size) {
                self.hashes(level, tile.index)?;
            }
        }
        let full = tile::last_full(Kind::Entries, self.size);
        for tile in full.into_iter().chain(tile::edge(Kind::Entries, self.size)) {
            self.entries(tile.index)?;
        }
        Ok(())
    }
}

impl Nodes for Tree {
    type Error = Finding;

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Finding> {
        let (level, above) = ((height / 8) as u8, height % 8);
        let first = index << above;
        let hashes = self.hashes(level, first / WIDTH as u64)?;
        let start = (first % WIDTH as u64) as usize;
        let row = hashes.get(start..start + (1 << above));
        // Only nodes of the tree are asked for, and tiles have all of those.
        row.map(root_of).ok_or_else(|| Finding::Missing {
            file: Tile::full(Kind::Hashes(level), first / WIDTH as u64).path(),
            entry: first.checked_shl(8 * u32::from(level)).unwrap_or(u64::MAX),
        })
    }
}

/// The complete subtrees that the partial tiles of all levels make up.
pub(crate) fn frontier<T: AsRef<[Hash]>>(edge: &[T]) -> Frontier {
    let mut frontier = Frontier::default();
    for (level, hashes) in edge.iter().enumerate().rev() {
        for hash in hashes.as_ref() {
            frontier.push(8 * level as u32, *hash, |_, _| {});
        }
    }
    frontier
}

/// A tile as it is on disk. A partial one may have been replaced by the full one since the checkpoint was read.
pub(crate) fn read_hashes(store: &Store, tile: Tile) -> Result<(PathBuf, Vec<Hash>), Finding> {
    let (file, bytes, own) = read(store, tile)?;
    let expected = if own { tile.width } else { WIDTH } * crate::merkle::HASH_SIZE;
    let length = || Finding::TileLength { file: file.clone(), entry: tile.first_entry(), found: bytes.len(), expected };
    let hashes = tile::decode_hashes(&bytes).filter(|_| bytes.len() == expected);
    let mut hashes = hashes.ok_or_else(length)?;
    hashes.truncate(tile.width);
    Ok((file, hashes))
}

/// A bundle as it is on disk, and whether it should end with the last entry of `tile`.
pub(crate) fn read_bundle(store: &Store, tile: Tile) -> Result<(PathBuf, Vec<u8>, bool), Finding> {
    read(store, tile)
}

fn read(store: &Store, tile: Tile) -> Result<(PathBuf, Vec<u8>, bool), Finding> {
    let file = tile.path();
    if let Some(bytes) = store.read(&file)? {
        return Ok((file, bytes, true));
    }
    let full = Tile::full(tile.kind, tile.index).path();
    match store.read(&full)? {
        Some(bytes) => Ok((full, bytes, false)),
        None => Err(Finding::Missing { file, entry: tile.first_entry() }),
    }
}

/// The entries of a bundle, each compared with its leaf.
pub(crate) fn check_entries(
    file: PathBuf,
    mut bytes: &[u8],
    first: u64,
    leaves: &[Hash],
    to_its_end: bool,
) -> Result<Vec<Vec<u8>>, Finding> {
    let mut entries = Vec::with_capacity(leaves.len());
    for (entry, leaf) in (first..).zip(leaves) {
        let wrong = |problem| Finding::Entry { file: file.clone(), entry, problem };
        let bytes = tile::decode_entry(&mut bytes).ok_or_else(|| wrong(EntryProblem::Cut))?;
        if leaf_hash(bytes) != *leaf {
            return Err(wrong(EntryProblem::Changed));
        }
        entries.push(bytes.to_vec());
    }
    if to_its_end && !bytes.is_empty() {
        let entry = first + leaves.len() as u64;
        return Err(Finding::Entry { file, entry, problem: EntryProblem::Extra });
    }
    Ok(entries)
}
