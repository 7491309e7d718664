//! The whole of a log, checked from the signature down to the last byte.

use crate::checkpoint::Checkpoint;
use crate::finding::Finding;
use crate::note::VerifierKey;
use crate::reader::Reader;
use crate::tile::{self, Kind, LEVELS, Tile, WIDTH};
use crate::tree::{Tree, check_entries};
use std::path::{Path, PathBuf};

/// What was checked and found to be good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The log's head.
    pub checkpoint: Checkpoint,
    /// Entries, each of which hashes to its leaf in the signed tree.
    pub entries: u64,
    /// Bytes of these entries.
    pub bytes: u64,
    /// Tiles, each of which the signed root covers.
    pub tiles: u64,
    /// How many entries the earlier checkpoint had that this log continues.
    pub continues: Option<u64>,
    /// Files beyond the checkpoint: a commit that has not ended. Not covered by it.
    pub unacknowledged: Vec<PathBuf>,
    /// Files below `tile/` that are no part of a log.
    pub foreign: Vec<PathBuf>,
}

/// Checks a whole log: the checkpoint's signature, every tile against the root, every entry against its leaf, partial
/// tiles that are left from earlier checkpoints, and that it continues `previous`, if one is given. Only an earlier
/// checkpoint that was kept elsewhere shows that a tail was cut off together with the checkpoints over it.
pub fn verify(directory: &Path, key: &VerifierKey, previous: Option<&Checkpoint>) -> Result<Report, Finding> {
    let mut reader = Reader::open(directory, key)?;
    if let Some(previous) = previous {
        reader.check_continues(previous)?;
    }
    let mut report = Report {
        checkpoint: reader.checkpoint().clone(),
        entries: 0,
        bytes: 0,
        tiles: 0,
        continues: previous.map(|previous| previous.size),
        unacknowledged: Vec::new(),
        foreign: Vec::new(),
    };
    for entry in reader.entries(0) {
        let (_, bytes) = entry?;
        report.entries += 1;
        report.bytes += bytes.len() as u64;
    }
    let tree = reader.tree();
    // Each bundle needs its tile, and each tile its parent: all were read.
    report.tiles = (0..LEVELS).map(|level| tile::hashes_at(level, tree.size()).div_ceil(WIDTH as u64)).sum();
    check_files(tree, &mut report)?;
    Ok(report)
}

/// Accounts for every file below `tile/`.
fn check_files(tree: &mut Tree, report: &mut Report) -> Result<(), Finding> {
    let size = tree.size();
    for (file, tile) in tree.store().files()? {
        match tile {
            None => report.foreign.push(file),
            Some(tile) if !tile.is_within(size) => report.unacknowledged.push(file),
            Some(tile) if tile.is_full() || tile::edge(tile.kind, size) == Some(tile) => {}
            Some(tile) => check_outdated(tree, tile, file)?,
        }
    }
    Ok(())
}

/// A partial tile of an earlier checkpoint is the beginning of what is there now. A writer may remove it meanwhile.
fn check_outdated(tree: &mut Tree, tile: Tile, file: PathBuf) -> Result<(), Finding> {
    let Some(bytes) = tree.store().read(&file)? else { return Ok(()) };
    let now = tree.hashes(tile.kind.level(), tile.index)?;
    let now = now.get(..tile.width).unwrap_or(&now);
    if tile.kind == Kind::Entries {
        return check_entries(file, &bytes, tile.first_entry(), now, true).map(drop);
    }
    let expected = tile.width * crate::merkle::HASH_SIZE;
    let entry = tile.first_entry();
    let Some(hashes) = tile::decode_hashes(&bytes).filter(|_| bytes.len() == expected) else {
        return Err(Finding::TileLength { file, entry, found: bytes.len(), expected });
    };
    match hashes.iter().zip(now).position(|(found, now)| found != now) {
        None => Ok(()),
        Some(position) => {
            let each = (WIDTH as u64).pow(u32::from(tile.kind.level()));
            Err(Finding::TileHash { file, position, entry: entry + position as u64 * each })
        }
    }
}
