//! C2SP tlog-tiles: how hashes and entries are cut into files, and what the files are called.

use crate::merkle::{HASH_SIZE, Hash};
use std::path::{Path, PathBuf};

/// Hashes in a full tile, entries in a full bundle.
pub(crate) const WIDTH: usize = 256;

/// Levels that a tree of fewer than 2^64 entries can have.
pub(crate) const LEVELS: u8 = 8;

/// Longest entry: bundles write its length in 16 bits.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// Largest file of a log.
pub(crate) const MAX_FILE: usize = WIDTH * (2 + MAX_ENTRY);

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Hashes of this level.
    Hashes(u8),
    /// Entries, each after its length.
    Entries,
}

impl Kind {
    pub(crate) fn level(self) -> u8 {
        match self {
            Self::Hashes(level) => level,
            Self::Entries => 0,
        }
    }
}

/// One file of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tile {
    pub(crate) kind: Kind,
    pub(crate) index: u64,
    /// 1 to 256.
    pub(crate) width: usize,
}

impl Tile {
    pub(crate) fn full(kind: Kind, index: u64) -> Self {
        Self { kind, index, width: WIDTH }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.width == WIDTH
    }

    /// Whether the tree of `size` entries has all that this file holds.
    pub(crate) fn is_within(&self, size: u64) -> bool {
        let end = self.index.checked_mul(WIDTH as u64).and_then(|start| start.checked_add(self.width as u64));
        end.is_some_and(|end| end <= hashes_at(self.kind.level(), size))
    }

    /// The first entry that it covers.
    pub(crate) fn first_entry(&self) -> u64 {
        let shift = 8 * (u32::from(self.kind.level()) + 1);
        self.index.checked_shl(shift).unwrap_or(u64::MAX)
    }

    /// Its path inside the log's directory.
    pub(crate) fn path(&self) -> PathBuf {
        let mut path = self.stem();
        if !self.is_full() {
            path.push_str(&format!(".p/{}", self.width));
        }
        path.into()
    }

    /// The directory of this tile's partial versions.
    pub(crate) fn partials(&self) -> PathBuf {
        (self.stem() + ".p").into()
    }

    fn stem(&self) -> String {
        let mut number = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        match self.kind {
            Kind::Hashes(level) => format!("tile/{level}/{number}"),
            Kind::Entries => format!("tile/entries/{number}"),
        }
    }

    /// Reads a path back. `None` for any path that [`Tile::path`] would not write.
    pub(crate) fn parse(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        let (kind, number) = text.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(level.parse().ok().filter(|level| *level < 64)?),
        };
        let (number, width) = match number.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
            None => (number, WIDTH),
        };
        let index = number.split('/').try_fold(0_u64, |index, group| {
            let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            index.checked_mul(1000)?.checked_add(group)
        })?;
        let tile = Self { kind, index, width };
        (tile.path() == path).then_some(tile)
    }
}

/// How many hashes the tree of `size` entries has at a level.
pub(crate) fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// The rightmost tile of a level, if it is partial.
pub(crate) fn edge(kind: Kind, size: u64) -> Option<Tile> {
    let count = hashes_at(kind.level(), size);
    let width = (count % WIDTH as u64) as usize;
    (width > 0).then_some(Tile { kind, index: count / WIDTH as u64, width })
}

/// The last full tile of a level.
pub(crate) fn last_full(kind: Kind, size: u64) -> Option<Tile> {
    let full = hashes_at(kind.level(), size) / WIDTH as u64;
    full.checked_sub(1).map(|index| Tile::full(kind, index))
}

pub(crate) fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a tile, if the length is a number of hashes.
pub(crate) fn decode_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_SIZE>();
    rest.is_empty().then(|| hashes.iter().copied().map(Hash).collect())
}

/// Appends an entry to a bundle. `None` if it is too long.
pub(crate) fn encode_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// Takes the next entry off a bundle. `None` if the bundle ends inside it.
pub(crate) fn decode_entry<'b>(bundle: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bundle.split_first_chunk()?;
    let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *bundle = rest;
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = |kind, index, width| Tile { kind, index, width };
        for (tile, path) in [
            (tile(Kind::Hashes(0), 0, 256), "tile/0/000"),
            (tile(Kind::Hashes(3), 1_234_067, 256), "tile/3/x001/x234/067"),
            (tile(Kind::Hashes(1), 1000, 17), "tile/1/x001/000.p/17"),
            (tile(Kind::Entries, 999, 255), "tile/entries/999.p/255"),
            (tile(Kind::Entries, u64::MAX, 1), "tile/entries/x018/x446/x744/x073/x709/x551/615.p/1"),
        ] {
            assert_eq!(tile.path(), Path::new(path));
            assert_eq!(Tile::parse(Path::new(path)), Some(tile));
        }
    }

    #[test]
    fn other_paths_are_no_tiles() {
        for path in [
            "tile",
            "tile/0",
            "tile/64/000",
            "tile/00/000",
            "tile/-1/000",
            "tile/data/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/+01",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p",
            "tile/0/000.p/1/2",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tiles/0/000",
        ] {
            assert_eq!(Tile::parse(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn the_edge_is_that_of_the_specification() {
        let width = |level, size| edge(Kind::Hashes(level), size).map(|tile| (tile.index, tile.width));
        assert_eq!(
            (width(0, 70_000), width(1, 70_000), width(2, 70_000)),
            (Some((273, 112)), Some((1, 17)), Some((0, 1)))
        );
        assert_eq!((width(0, 256), width(1, 256), width(2, 256)), (None, Some((0, 1)), None));
        assert_eq!(width(7, u64::MAX), Some((0, 255)));
        assert!(Tile::full(Kind::Entries, 0).is_within(256) && !Tile::full(Kind::Entries, 0).is_within(255));
        assert!(!Tile::full(Kind::Hashes(0), u64::MAX).is_within(u64::MAX));
    }
}
