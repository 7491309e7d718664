//! Which file is wrong, when hashes do not give the root that they should.

use crate::finding::Finding;
use crate::merkle::{Hash, leaf_hash, root_of};
use crate::store::Store;
use crate::tile::{self, Kind, Tile};
use crate::tree::{frontier, read_bundle, read_hashes};
use std::path::PathBuf;
use std::sync::Arc;

/// The tiles of the right edge do not give the root. What is right can be computed from the level below: the tile
/// that has to be exchanged so that the root comes out is the wrong one.
pub(crate) fn edge(store: &Store, size: u64, edge: &[Arc<[Hash]>], root: Hash) -> Finding {
    let mut all = edge.to_vec();
    let mut first = None;
    for (level, hashes) in edge.iter().enumerate() {
        let Some(tile) = tile::edge(Kind::Hashes(level as u8), size) else { continue };
        let Some(right) = derive(store, tile).filter(|right| **right != **hashes) else { continue };
        let mut one = edge.to_vec();
        replace(&mut one, level, &right);
        replace(&mut all, level, &right);
        let finding = wrong_hash(tile, actual_file(store, tile), hashes, &right);
        if frontier(&one).root() == root {
            return finding;
        }
        first.get_or_insert(finding);
    }
    match first {
        Some(finding) if frontier(&all).root() == root => finding,
        _ => Finding::Root { signed: root, found: frontier(edge).root() },
    }
}

/// A full tile does not give the hash that its parent has, which was checked.
pub(crate) fn tile(store: &Store, tile: Tile, file: PathBuf, hashes: &[Hash]) -> Finding {
    let right = derive(store, tile).unwrap_or_default();
    wrong_hash(tile, file, hashes, &right)
}

fn replace(edge: &mut [Arc<[Hash]>], level: usize, right: &[Hash]) {
    if let Some(hashes) = edge.get_mut(level) {
        *hashes = right.into();
    }
}

fn wrong_hash(tile: Tile, file: PathBuf, found: &[Hash], right: &[Hash]) -> Finding {
    let position = found.iter().zip(right).position(|(found, right)| found != right).unwrap_or(0);
    let each = 1_u64.checked_shl(8 * u32::from(tile.kind.level())).unwrap_or(0);
    Finding::TileHash { file, position, entry: tile.first_entry().saturating_add(position as u64 * each) }
}

/// The file that a tile was read from.
fn actual_file(store: &Store, tile: Tile) -> PathBuf {
    read_hashes(store, tile).map_or_else(|_| tile.path(), |(file, _)| file)
}

/// What a tile should hold, by what lies below it.
fn derive(store: &Store, tile: Tile) -> Option<Vec<Hash>> {
    let Some(below) = tile.kind.level().checked_sub(1) else { return derive_leaves(store, tile) };
    let first = tile.index * tile::WIDTH as u64;
    let children = (first..).take(tile.width);
    let roots = children.map(|index| {
        let (_, hashes) = read_hashes(store, Tile::full(Kind::Hashes(below), index)).ok()?;
        Some(root_of(&hashes))
    });
    roots.collect()
}

fn derive_leaves(store: &Store, tile: Tile) -> Option<Vec<Hash>> {
    let (_, bytes, _) = read_bundle(store, Tile { kind: Kind::Entries, ..tile }).ok()?;
    let mut rest = bytes.as_slice();
    (0..tile.width).map(|_| tile::decode_entry(&mut rest).map(leaf_hash)).collect()
}
