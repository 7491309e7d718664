//! Programs of others read what is written here.

use super::keep::{ORIGIN, entry, grow, open, verifier};
use signed_note::{Note, StandardVerifier, VerifierList};
use std::fs;
use std::path::PathBuf;
use tempfile::tempdir;
use tlog_tiles::{Checkpoint, Error, Tile, TileHashReader, TileReader};

/// Gives the tiles of a directory to `tlog_tiles`.
struct Directory(PathBuf);

impl TileReader for Directory {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // Its paths have the height in them, which tlog-tiles leaves out.
        let path = |tile: &Tile| self.0.join("tile").join(tile.path().strip_prefix("tile/8/").unwrap());
        Ok(tiles.iter().map(|tile| fs::read(path(tile)).unwrap()).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn opened_by_others(directory: &Directory) -> Checkpoint {
    let note = Note::from_bytes(&fs::read(directory.0.join("checkpoint")).unwrap()).unwrap();
    let key = StandardVerifier::new(&verifier().to_string()).unwrap();
    let (verified, ignored) = note.verify(&VerifierList::new(vec![Box::new(key)])).unwrap();
    assert_eq!((verified.len(), ignored.len()), (1, 0));
    Checkpoint::from_bytes(note.text()).unwrap()
}

#[test]
fn others_verify_checkpoints_inclusion_and_consistency() {
    let directory = tempdir().unwrap();
    let mut log = open(directory.path()).unwrap();
    let directory = Directory(directory.path().into());
    let mut early: Option<Checkpoint> = None;
    for size in [1, 200, 256, 300, 70_000] {
        grow(&mut log, size);
        let checkpoint = opened_by_others(&directory);
        assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, size));
        let (tree, root) = (TileHashReader::new(size, *checkpoint.hash(), &directory), *checkpoint.hash());
        for index in [0, size / 2, size - 1] {
            let proof = tlog_tiles::prove_record(size, index, &tree).unwrap();
            let leaf = tlog_tiles::record_hash(&entry(index));
            tlog_tiles::check_record(&proof, size, root, index, leaf).unwrap();
        }
        if let Some(early) = early {
            let proof = tlog_tiles::prove_tree(size, early.size(), &tree).unwrap();
            tlog_tiles::check_tree(&proof, size, root, early.size(), *early.hash()).unwrap();
        }
        early = Some(checkpoint);
    }
}
