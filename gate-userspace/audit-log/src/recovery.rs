//! What to do with what a writer left behind that stopped in the middle.
//!
//! A commit writes tiles, syncs them, writes the new checkpoint beside the old one, syncs it, and renames it. So what
//! lies beyond the checkpoint was promised to nobody, and a complete new checkpoint means that its tiles are on disk.

use crate::checkpoint::Checkpoint;
use crate::durable::{Durable, WriteError};
use crate::finding::{CHECKPOINT, Finding};
use crate::note::VerifierKey;
use crate::reader::{Reader, read_checkpoint};
use crate::store::Store;
use crate::tile::Tile;
use crate::tree::Tree;
use std::path::{Path, PathBuf};

/// The checkpoint that a commit is about to put in place.
pub(crate) const NEW_CHECKPOINT: &str = "checkpoint.new";

/// What opening a log found left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// There was no log; this one was begun.
    pub created: bool,
    /// How many entries a signed commit added whose writer stopped before it could say so. They are in the log.
    pub completed: u64,
    /// Files of a commit that was never signed. They were removed: nobody was told that they would last.
    pub discarded: Vec<PathBuf>,
}

/// What is on disk, checked; nothing is changed yet.
pub(crate) struct Found {
    checkpoint: Checkpoint,
    tree: Tree,
    /// A new checkpoint was signed and not put in place; the older one had so many entries.
    interrupted: Option<u64>,
}

/// Looks at a log. `None` if there is none, and nothing of one either.
pub(crate) fn find(store: &Store, key: &VerifierKey, previous: Option<&Checkpoint>) -> Result<Option<Found>, Finding> {
    if store.read(Path::new(CHECKPOINT))?.is_none() {
        return match (store.files()?.into_iter().next(), previous) {
            (Some((beside, _)), _) => Err(Finding::NoCheckpoint { beside }),
            (None, Some(previous)) if previous.size > 0 => Err(Finding::Shrunk { was: previous.size, now: 0 }),
            (None, _) => Ok(None),
        };
    }
    let old = read_checkpoint(store, key)?;
    let new = store.read(Path::new(NEW_CHECKPOINT))?.and_then(|bytes| Checkpoint::open(&bytes, key).ok());
    let (checkpoint, interrupted) = match new {
        Some(new) if new.size > old.size => (new, Some(old.size)),
        _ => (old.clone(), None),
    };
    let mut reader = Reader::with(store.clone(), checkpoint.clone())?;
    reader.check_continues(&old)?;
    if let Some(previous) = previous {
        reader.check_continues(previous)?;
    }
    let mut tree = reader.into_tree();
    tree.check_tail()?;
    Ok(Some(Found { checkpoint, tree, interrupted }))
}

/// Completes what was signed and removes what was not.
pub(crate) fn apply(
    found: Found,
    store: &Store,
    files: &mut Durable,
) -> Result<(Checkpoint, Tree, Recovery), crate::log::LogError> {
    let Found { checkpoint, tree, interrupted } = found;
    let mut recovery = Recovery::default();
    if let Some(old) = interrupted {
        // It was complete, but not yet synced, perhaps.
        files.sync_file(Path::new(NEW_CHECKPOINT))?;
        files.rename(Path::new(NEW_CHECKPOINT), Path::new(CHECKPOINT))?;
        recovery.completed = checkpoint.size - old;
    } else if store.read(Path::new(NEW_CHECKPOINT))?.is_some() {
        files.remove(Path::new(NEW_CHECKPOINT))?;
        recovery.discarded.push(NEW_CHECKPOINT.into());
    }
    for (file, tile) in store.files_near_edge(checkpoint.size)? {
        clean(files, &checkpoint, file, tile, &mut recovery)?;
    }
    Ok((checkpoint, tree, recovery))
}

fn clean(
    files: &mut Durable,
    checkpoint: &Checkpoint,
    file: PathBuf,
    tile: Option<Tile>,
    recovery: &mut Recovery,
) -> Result<(), WriteError> {
    let Some(tile) = tile else { return Ok(()) };
    if !tile.is_within(checkpoint.size) {
        files.remove(&file)?;
        recovery.discarded.push(file);
    } else if !tile.is_full() && Tile::full(tile.kind, tile.index).is_within(checkpoint.size) {
        files.remove_unneeded(&tile.partials());
    }
    Ok(())
}
