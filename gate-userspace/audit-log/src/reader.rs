//! Reading a log that need not be trusted: every entry and every hash is covered by the signed root.

use crate::checkpoint::Checkpoint;
use crate::finding::{CHECKPOINT, Finding};
use crate::merkle::Hash;
use crate::note::VerifierKey;
use crate::proof;
use crate::store::Store;
use crate::tile::WIDTH;
use crate::tree::Tree;
use std::path::Path;
use std::vec;

/// A log as it was when its checkpoint was read. A writer may go on meanwhile.
pub struct Reader {
    checkpoint: Checkpoint,
    tree: Tree,
}

impl Reader {
    /// Reads the checkpoint, and checks its signature and the right edge of the tree.
    pub fn open(directory: &Path, key: &VerifierKey) -> Result<Self, Finding> {
        let store = Store::new(directory);
        let checkpoint = read_checkpoint(&store, key)?;
        Self::with(store, checkpoint)
    }

    /// Reads the log as of an earlier checkpoint of it, one that a witness kept, for example.
    pub fn at(directory: &Path, checkpoint: Checkpoint) -> Result<Self, Finding> {
        Self::with(Store::new(directory), checkpoint)
    }

    pub(crate) fn with(store: Store, checkpoint: Checkpoint) -> Result<Self, Finding> {
        let tree = Tree::open(store, &checkpoint)?;
        Ok(Self { checkpoint, tree })
    }

    /// What is read.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The entries from index `from` on, each with its index. After a finding it ends.
    pub fn entries(&mut self, from: u64) -> Entries<'_> {
        Entries { tree: &mut self.tree, next: from, loaded: Vec::new().into_iter(), ended: false }
    }

    /// The proof that entry `index` is in this log; empty if it is not, or is the only one.
    pub fn inclusion_proof(&mut self, index: u64) -> Result<Vec<Hash>, Finding> {
        proof::inclusion(&mut self.tree, index, self.checkpoint.size)
    }

    /// The proof that this log continues the one that had `old` entries.
    pub fn consistency_proof(&mut self, old: u64) -> Result<Vec<Hash>, Finding> {
        proof::consistency(&mut self.tree, old, self.checkpoint.size)
    }

    /// Checks that this log continues an earlier checkpoint of it.
    pub fn check_continues(&mut self, earlier: &Checkpoint) -> Result<(), Finding> {
        let now = &self.checkpoint;
        if earlier.origin != now.origin {
            return Err(Finding::OtherLog { origin: now.origin.clone(), earlier: earlier.origin.clone() });
        }
        if earlier.size > now.size {
            return Err(Finding::Shrunk { was: earlier.size, now: now.size });
        }
        let found = proof::root(&mut self.tree, earlier.size)?;
        if found != earlier.root {
            return Err(Finding::Rewritten { size: earlier.size, was: earlier.root, found });
        }
        Ok(())
    }

    pub(crate) fn into_tree(self) -> Tree {
        self.tree
    }

    pub(crate) fn tree(&mut self) -> &mut Tree {
        &mut self.tree
    }
}

/// Reads the checkpoint of a log and checks its signature.
pub(crate) fn read_checkpoint(store: &Store, key: &VerifierKey) -> Result<Checkpoint, Finding> {
    let file = Path::new(CHECKPOINT);
    match store.read(file)? {
        Some(bytes) => {
            Checkpoint::open(&bytes, key).map_err(|source| Finding::Checkpoint { file: file.into(), source })
        }
        None => Err(Finding::Missing { file: file.into(), entry: 0 }),
    }
}

/// The entries of a log, checked. See [`Reader::entries`].
pub struct Entries<'r> {
    tree: &'r mut Tree,
    next: u64,
    /// What is left of the bundle that `next` is in.
    loaded: vec::IntoIter<Vec<u8>>,
    ended: bool,
}

impl Entries<'_> {
    fn load(&mut self) -> Result<Option<Vec<u8>>, Finding> {
        let bundle = self.tree.entries(self.next / WIDTH as u64)?;
        self.loaded = bundle.into_iter();
        Ok(self.loaded.nth((self.next % WIDTH as u64) as usize))
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(u64, Vec<u8>), Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended || self.next >= self.tree.size() {
            return None;
        }
        let entry = match self.loaded.next() {
            Some(entry) => Ok(Some(entry)),
            None => self.load(),
        };
        let index = self.next;
        self.next += 1;
        match entry {
            Ok(entry) => entry.map(|entry| Ok((index, entry))),
            Err(finding) => {
                self.ended = true;
                Some(Err(finding))
            }
        }
    }
}
