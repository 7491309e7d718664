//! The one writer of a log.

use crate::checkpoint::Checkpoint;
use crate::durable::{self, Durable, WriteError};
use crate::finding::{CHECKPOINT, Finding};
use crate::merkle::{Frontier, Hash, empty_root, leaf_hash};
use crate::note::{NoteError, VerifierKey};
use crate::recovery::{self, NEW_CHECKPOINT, Recovery};
use crate::store::Store;
use crate::tile::{self, Kind, MAX_ENTRY, Tile, WIDTH};
use crate::tree::Tree;
use ed25519_dalek::SigningKey;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The file that the writer locks.
const LOCK: &str = "lock";

/// Why a log cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The origin cannot name a key.
    #[error("the origin: {0}")]
    Origin(#[from] NoteError),
    /// Another process writes this log.
    #[error("{}: another process writes this log", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// What is on disk is not what was signed. Nothing was changed.
    #[error("the log is damaged: {0}")]
    Damaged(#[from] Finding),
    /// Something could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An entry does not fit. None of the batch was appended.
    #[error("entry {position} of the batch has {length} bytes; an entry has at most {MAX_ENTRY}")]
    EntryTooLong {
        /// Its place in the batch, from 0.
        position: usize,
        /// Its bytes.
        length: usize,
    },
    /// An earlier commit failed: what is on disk is known only after opening anew.
    #[error("an earlier commit failed, so that the log must be opened again")]
    Failed,
}

/// A log, open for appending. Entries count only once they are committed.
pub struct Log {
    files: Durable,
    key: SigningKey,
    verifier: VerifierKey,
    recovery: Recovery,
    /// The last one on disk.
    checkpoint: Checkpoint,
    /// Entries, those in memory included.
    size: u64,
    frontier: Frontier,
    edge: Edge,
    failed: bool,
    _lock: File,
}

/// The partial tiles, and the full ones that are not on disk yet.
#[derive(Default)]
struct Edge {
    /// The hashes of each level's partial tile.
    levels: Vec<Vec<Hash>>,
    /// The partial bundle, encoded.
    bundle: Vec<u8>,
    full: Vec<(Tile, Vec<u8>)>,
}

impl Log {
    /// Opens the log in `directory`, or begins one there if the directory is empty or not there.
    ///
    /// What a writer that stopped in the middle left behind is completed, if it had signed it, or else discarded: see
    /// [`Log::recovery`]. Anything else that does not fit is an error and is left as it is. With `previous`, a
    /// checkpoint kept elsewhere, a log that does not continue it is refused too.
    pub fn open(
        directory: &Path,
        origin: &str,
        key: SigningKey,
        previous: Option<&Checkpoint>,
    ) -> Result<Self, LogError> {
        let verifier = VerifierKey::new(origin, key.verifying_key())?;
        durable::make_root(directory)?;
        let path = directory.join(LOCK);
        let lock = durable::lock(&path)?.ok_or(LogError::Locked { path })?;
        let store = Store::new(directory);
        let mut files = Durable::new(directory);
        let begin = Checkpoint { origin: origin.into(), size: 0, root: empty_root() };
        let (checkpoint, mut tree, recovery) = match recovery::find(&store, &verifier, previous)? {
            Some(found) => recovery::apply(found, &store, &mut files)?,
            None => {
                write_checkpoint(&mut files, &begin, &key)?;
                let tree = Tree::open(store.clone(), &begin)?;
                (begin, tree, Recovery { created: true, ..Recovery::default() })
            }
        };
        let edge = Edge::load(&mut tree)?;
        let (size, frontier) = (checkpoint.size, tree.frontier());
        Ok(Self { files, key, verifier, recovery, checkpoint, size, frontier, edge, failed: false, _lock: lock })
    }

    /// Adds entries in memory, all or none, and gives the indices that they will have. They count once
    /// [`Log::commit`] returns.
    pub fn append<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<Range<u64>, LogError> {
        if self.failed {
            return Err(LogError::Failed);
        }
        let lengths = entries.iter().map(|entry| entry.as_ref().len()).enumerate();
        if let Some((position, length)) = { lengths }.find(|(_, length)| *length > MAX_ENTRY) {
            return Err(LogError::EntryTooLong { position, length });
        }
        let first = self.size;
        for entry in entries {
            self.edge.push_entry(self.size, entry.as_ref());
            self.size += 1;
            let (edge, size) = (&mut self.edge, self.size);
            self.frontier.push(0, leaf_hash(entry.as_ref()), |height, hash| edge.push_hash(height, hash, size));
        }
        Ok(first..self.size)
    }

    /// Writes what was appended, and then the signed checkpoint over it: when this returns, the entries are on disk.
    ///
    /// After an error it is not known whether they are. The log must be opened again; its size then tells.
    pub fn commit(&mut self) -> Result<&Checkpoint, LogError> {
        if self.failed {
            return Err(LogError::Failed);
        }
        if self.size > self.checkpoint.size {
            self.failed = true;
            self.write()?;
            self.failed = false;
        }
        Ok(&self.checkpoint)
    }

    /// The last checkpoint on disk.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The last checkpoint as the signed note that is on disk.
    pub fn signed_checkpoint(&self) -> String {
        self.checkpoint.sign(&self.key)
    }

    /// How many entries were appended, the ones that are not committed included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The key that verifies this log, for anybody's tools.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// What opening found left behind.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    fn write(&mut self) -> Result<(), LogError> {
        let full = std::mem::take(&mut self.edge.full);
        for (tile, bytes) in &full {
            self.files.write(&tile.path(), bytes)?;
        }
        for (tile, bytes) in self.edge.partial(self.checkpoint.size, self.size) {
            self.files.write(&tile.path(), &bytes)?;
        }
        self.files.sync()?;
        let root = self.frontier.root();
        let checkpoint = Checkpoint { origin: self.checkpoint.origin.clone(), size: self.size, root };
        write_checkpoint(&mut self.files, &checkpoint, &self.key)?;
        // Full tiles replace their partial versions, which only the first of each kind can have.
        let old = std::mem::replace(&mut self.checkpoint, checkpoint).size;
        for (tile, _) in full {
            if tile::edge(tile.kind, old).is_some_and(|edge| edge.index == tile.index) {
                self.files.remove_unneeded(&tile.partials());
            }
        }
        Ok(())
    }
}

/// Puts the signed checkpoint in place, on disk.
fn write_checkpoint(files: &mut Durable, checkpoint: &Checkpoint, key: &SigningKey) -> Result<(), WriteError> {
    let new = Path::new(NEW_CHECKPOINT);
    files.write(new, checkpoint.sign(key).as_bytes())?;
    files.rename(new, Path::new(CHECKPOINT))
}

impl Edge {
    fn load(tree: &mut Tree) -> Result<Self, Finding> {
        let levels = tree.edge().iter().map(|hashes| hashes.to_vec()).collect();
        let mut bundle = Vec::new();
        if let Some(tile) = tile::edge(Kind::Entries, tree.size()) {
            for entry in tree.entries(tile.index)? {
                // What a bundle holds fits into a bundle.
                let _ = tile::encode_entry(&mut bundle, &entry);
            }
        }
        Ok(Self { levels, bundle, full: Vec::new() })
    }

    /// Adds entry `index`, whose length was checked.
    fn push_entry(&mut self, index: u64, entry: &[u8]) {
        let _ = tile::encode_entry(&mut self.bundle, entry);
        if (index + 1).is_multiple_of(WIDTH as u64) {
            let tile = Tile::full(Kind::Entries, index / WIDTH as u64);
            self.full.push((tile, std::mem::take(&mut self.bundle)));
        }
    }

    /// Adds a node that became complete when the tree got `size` entries, if tiles have nodes of its height.
    fn push_hash(&mut self, height: u32, hash: Hash, size: u64) {
        if !height.is_multiple_of(8) {
            return;
        }
        let level = (height / 8) as u8;
        let place = usize::from(level);
        if self.levels.len() <= place {
            self.levels.resize(place + 1, Vec::new());
        }
        let Some(hashes) = self.levels.get_mut(place) else { return };
        hashes.push(hash);
        if hashes.len() == WIDTH {
            let index = (tile::hashes_at(level, size) - 1) / WIDTH as u64;
            let bytes = tile::encode_hashes(hashes);
            hashes.clear();
            self.full.push((Tile::full(Kind::Hashes(level), index), bytes));
        }
    }

    /// The partial tiles that the tree of `size` entries has and that of `old` entries has not.
    fn partial(&self, old: u64, size: u64) -> Vec<(Tile, Vec<u8>)> {
        let changed = |kind| tile::edge(kind, size).filter(|tile| tile::edge(kind, old) != Some(*tile));
        let bundle = changed(Kind::Entries).map(|tile| (tile, self.bundle.clone()));
        let levels = (0..).zip(&self.levels).filter_map(|(level, hashes)| {
            let tile = changed(Kind::Hashes(level))?;
            Some((tile, tile::encode_hashes(hashes)))
        });
        bundle.into_iter().chain(levels).collect()
    }
}
