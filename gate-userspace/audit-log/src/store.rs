//! The directory of a log: bounded reading, and the list of what is there.

use crate::finding::Finding;
use crate::tile::{Kind, MAX_FILE, Tile};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Groups of three digits that the index of a file below `x…` directories may lie behind the right edge and still
/// be looked at when the log is opened.
const LOOK_BACK: u64 = 1000;

#[derive(Debug, Clone)]
pub(crate) struct Store {
    root: PathBuf,
}

impl Store {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// A whole file. `None` if there is none. Links, pipes and devices are refused: who reads a log need not trust
    /// who writes it.
    pub(crate) fn read(&self, file: &Path) -> Result<Option<Vec<u8>>, Finding> {
        match self.try_read(file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Finding::Unreadable { file: file.into(), source }),
        }
    }

    fn try_read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(self.root.join(file))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        File::take(file, MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > MAX_FILE {
            return Err(io::Error::other("it is longer than any file of a log"));
        }
        Ok(bytes)
    }

    /// Every file below `tile/`, with what it is, or `None` if it is nothing of a log.
    pub(crate) fn files(&self) -> Result<Vec<(PathBuf, Option<Tile>)>, Finding> {
        self.list(|_| true)
    }

    /// The files that a writer which stopped in the middle may have left: those at the right edge of the tree of
    /// `size` entries and beyond. Directories that lie wholly before it are not entered, so that opening a long log
    /// is quick.
    pub(crate) fn files_near_edge(&self, size: u64) -> Result<Vec<(PathBuf, Option<Tile>)>, Finding> {
        self.list(|directory| !lies_before(directory, size))
    }

    fn list(&self, enter: impl Fn(&Path) -> bool) -> Result<Vec<(PathBuf, Option<Tile>)>, Finding> {
        let mut found = Vec::new();
        let mut directories = vec![PathBuf::from("tile")];
        while let Some(directory) = directories.pop() {
            let unreadable = |source| Finding::Unreadable { file: directory.clone(), source };
            let listing = match fs::read_dir(self.root.join(&directory)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                listing => listing.map_err(unreadable)?,
            };
            for entry in listing {
                let entry = entry.map_err(unreadable)?;
                let path = directory.join(entry.file_name());
                if !entry.file_type().map_err(unreadable)?.is_dir() {
                    let tile = Tile::parse(&path);
                    found.push((path, tile));
                } else if enter(&path) {
                    directories.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Whether all indices that a directory like `tile/0/x001/x002` can hold lie well before the edge.
fn lies_before(directory: &Path, size: u64) -> bool {
    let mut parts = directory.iter().filter_map(|part| part.to_str()).skip(1);
    let kind = match parts.next() {
        Some("entries") => Kind::Entries,
        Some(level) => match level.parse() {
            Ok(level) => Kind::Hashes(level),
            Err(_) => return false,
        },
        None => return false,
    };
    let edge = crate::tile::hashes_at(kind.level(), size) / crate::tile::WIDTH as u64;
    let groups: Option<Vec<u64>> = parts.map(|part| part.strip_prefix('x')?.parse().ok()).collect();
    let Some(groups) = groups.filter(|groups| !groups.is_empty()) else { return false };
    let depth = edge.checked_ilog(1000).unwrap_or(0) as usize + 1;
    let Some(below) = depth.checked_sub(groups.len()).filter(|below| *below > 0) else { return false };
    let prefix = groups.iter().try_fold(0_u64, |sum, group| sum.checked_mul(1000)?.checked_add(*group));
    let end = prefix.and_then(|prefix| (prefix + 1).checked_mul(1000_u64.checked_pow(below as u32)?));
    end.is_some_and(|end| end.saturating_add(LOOK_BACK) <= edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_well_before_the_edge_is_skipped() {
        let before = |directory: &str, edge: u64| lies_before(Path::new(directory), edge * 256);
        assert!(before("tile/0/x001", 3_500));
        assert!(before("tile/entries/x001", 3_500));
        assert!(!before("tile/0/x001", 2_999), "within the look-back");
        assert!(!before("tile/0/x003", 3_500), "holds the edge");
        assert!(!before("tile/0/x004", 3_500), "beyond the edge");
        assert!(before("tile/0/x001", 5_000_000), "x001/… of three groups ends at 2,000,000");
        assert!(!before("tile/0/x004/x999", 5_000_000));
        assert!(before("tile/0/x004/x998", 5_000_000));
        assert!(!before("tile/0/x005/x000", 5_000_000));
        assert!(!before("tile/0/x001", 999), "deeper than the edge: beyond it");
        assert!(!before("tile/0", 5_000_000));
        assert!(!before("tile/0/x00z", 5_000_000));
    }
}
