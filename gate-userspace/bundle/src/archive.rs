//! The tar file: one encoding, read without trust.
//!
//! Every header is compared with the one that [`write`] makes for that name and size, which leaves no room for links,
//! devices, long names, sparse files, owners or times, whatever a tar program would make of them.

use crate::commit::{MAX_TREES, Objects};
use crate::manifest::is_file_name;
use std::{
    collections::BTreeMap,
    io::{self, Read},
};

const BLOCK: usize = 512;
const NAME_FIELD: usize = 100;
const MANIFEST: &str = "manifest.json";
const COMMIT: &str = "git/commit";

/// Bounds on what is read, so that nobody fills the memory before a signature was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of `tables.json`.
    pub tables: u64,
    /// Most bytes of the manifest and of any policy file.
    pub file: u64,
    /// Most bytes of one signature.
    pub signature: u64,
    /// Most bytes of the commit, and of one tree.
    pub object: u64,
    /// Most files, without manifest and signatures.
    pub files: usize,
    /// Most signatures.
    pub signatures: usize,
    /// Most bytes of all members together.
    pub total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tables: 64 << 20,
            file: 4 << 20,
            signature: 16 << 10,
            object: 1 << 20,
            files: 1024,
            signatures: 32,
            total: 128 << 20,
        }
    }
}

/// Why bytes are not the archive of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Reading failed.
    #[error("bundle: cannot read at byte {offset}: {error}")]
    Read {
        /// Where.
        offset: u64,
        /// What the system said.
        error: String,
    },
    /// The file ends too early.
    #[error("bundle: ends at byte {offset}, within {within}; a bundle ends in two zero blocks")]
    Truncated {
        /// Where it ends.
        offset: u64,
        /// What was being read.
        within: String,
    },
    /// A member that no bundle has.
    #[error(
        "bundle: member {name:?} does not belong here; members are manifest.json, policy/{{services,duties,cases}}.toml, \
         policy/NAME.cedar, tables.json, git/commit, git/N.tree and signatures/N.sig"
    )]
    UnknownMember {
        /// Its name.
        name: String,
    },
    /// A header that `gatectl bundle build` would not have written.
    #[error("bundle: the header of {name:?} is not in canonical form ({what}); build the bundle with gatectl")]
    Header {
        /// The member.
        name: String,
        /// What is different.
        what: &'static str,
    },
    /// A member that comes twice, or out of order.
    #[error("bundle: member {name:?} is there twice or out of order")]
    Order {
        /// The member.
        name: String,
    },
    /// A member that is too large.
    #[error("bundle: member {name:?} has {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// The member.
        name: String,
        /// Its size.
        size: u64,
        /// The bound.
        limit: u64,
    },
    /// Too many members.
    #[error("bundle: more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// Padding that is not zero.
    #[error("bundle: the padding after {name:?} is not zero")]
    Padding {
        /// The member before it.
        name: String,
    },
    /// Bytes after the end.
    #[error("bundle: bytes after its end at byte {offset}")]
    TrailingBytes {
        /// Where the end was.
        offset: u64,
    },
    /// No manifest.
    #[error("bundle: manifest.json is missing; it is the first member")]
    NoManifest,
}

/// What an archive holds, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Members {
    pub(crate) manifest: Vec<u8>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) objects: Option<Objects>,
    pub(crate) signatures: Vec<Vec<u8>>,
}

fn tree_member(index: usize) -> String {
    format!("git/{index}.tree")
}

pub(crate) fn signature_member(index: usize) -> String {
    format!("signatures/{index}.sig")
}

/// The only bytes that these members have.
pub(crate) fn write(members: &Members) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, MANIFEST, &members.manifest);
    for (name, bytes) in &members.files {
        append(&mut out, name, bytes);
    }
    if let Some(Objects { commit, trees }) = &members.objects {
        append(&mut out, COMMIT, commit);
        for (index, bytes) in trees.iter().enumerate() {
            append(&mut out, &tree_member(index), bytes);
        }
    }
    for (index, bytes) in members.signatures.iter().enumerate() {
        append(&mut out, &signature_member(index), bytes);
    }
    out.extend([0; 2 * BLOCK]);
    out
}

fn append(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    out.extend(header(name, bytes.len() as u64));
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

pub(crate) fn read(reader: impl Read, limits: &Limits) -> Result<Members, ArchiveError> {
    let mut input = Input { reader, offset: 0 };
    let mut members = Members::default();
    let mut total = 0_u64;
    let mut last = None;
    loop {
        let block = input.exactly(BLOCK as u64, "a header")?;
        if block.iter().all(|b| *b == 0) {
            break;
        }
        let (name, size) = name_and_size(&block)?;
        let place = Place::of(&name).ok_or_else(|| ArchiveError::UnknownMember { name: name.clone() })?;
        if block != header(&name, size) {
            return Err(ArchiveError::Header { name, what: difference(&block) });
        }
        if !place.follows(last.as_ref()) {
            return Err(ArchiveError::Order { name });
        }
        let limit = place.limit(&name, limits).min(limits.total - total);
        if size > limit {
            return Err(ArchiveError::TooLarge { name, size, limit });
        }
        total += size;
        let bytes = input.exactly(size, &name)?;
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        if input.exactly(padding, "padding")?.iter().any(|b| *b != 0) {
            return Err(ArchiveError::Padding { name });
        }
        last = Some(place.clone());
        members.insert(place, bytes, limits)?;
    }
    if input.exactly(BLOCK as u64, "the end")?.iter().any(|b| *b != 0) {
        return Err(ArchiveError::TrailingBytes { offset: input.offset - BLOCK as u64 });
    }
    if !input.is_at_end()? {
        return Err(ArchiveError::TrailingBytes { offset: input.offset });
    }
    if last.is_none() { Err(ArchiveError::NoManifest) } else { Ok(members) }
}

impl Members {
    fn insert(&mut self, place: Place, bytes: Vec<u8>, limits: &Limits) -> Result<(), ArchiveError> {
        match place {
            Place::Manifest => self.manifest = bytes,
            Place::File(_) if self.files.len() >= limits.files => {
                return Err(ArchiveError::TooMany { what: "files", limit: limits.files });
            }
            Place::File(name) => drop(self.files.insert(name, bytes)),
            Place::Commit => self.objects = Some(Objects { commit: bytes, trees: Vec::new() }),
            Place::Tree(number) if number >= MAX_TREES => {
                return Err(ArchiveError::TooMany { what: "trees", limit: MAX_TREES });
            }
            // It follows the commit, or another tree.
            Place::Tree(_) => self.objects.get_or_insert_default().trees.push(bytes),
            Place::Signature(_) if self.signatures.len() >= limits.signatures => {
                return Err(ArchiveError::TooMany { what: "signatures", limit: limits.signatures });
            }
            Place::Signature(_) => self.signatures.push(bytes),
        }
        Ok(())
    }
}

/// Where a member stands: the manifest, then files by name, then the commit and its trees, then signatures, both counted
/// from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Manifest,
    File(String),
    Commit,
    Tree(usize),
    Signature(usize),
}

impl Place {
    fn of(name: &str) -> Option<Self> {
        if name == MANIFEST {
            return Some(Self::Manifest);
        }
        if is_file_name(name) {
            return Some(Self::File(name.to_owned()));
        }
        if name == COMMIT {
            return Some(Self::Commit);
        }
        if let Some(number) = name.strip_prefix("git/").and_then(|name| name.strip_suffix(".tree")?.parse().ok()) {
            return (tree_member(number) == name).then_some(Self::Tree(number));
        }
        let number = name.strip_prefix("signatures/")?.strip_suffix(".sig")?.parse().ok()?;
        (signature_member(number) == name).then_some(Self::Signature(number))
    }

    fn follows(&self, last: Option<&Self>) -> bool {
        match (last, self) {
            (None, _) => *self == Self::Manifest,
            (Some(Self::Signature(last)), Self::Signature(number)) => last.checked_add(1) == Some(*number),
            (Some(_), Self::Signature(number)) => *number == 0,
            (Some(Self::Tree(last)), Self::Tree(number)) => last.checked_add(1) == Some(*number),
            (Some(last), Self::Tree(number)) => *last == Self::Commit && *number == 0,
            (Some(last), _) => last < self,
        }
    }

    fn limit(&self, name: &str, limits: &Limits) -> u64 {
        match self {
            Self::Signature(_) => limits.signature,
            Self::Commit | Self::Tree(_) => limits.object,
            Self::File(_) if name == crate::TABLES => limits.tables,
            Self::File(_) | Self::Manifest => limits.file,
        }
    }
}

struct Input<R> {
    reader: R,
    offset: u64,
}

impl<R: Read> Input<R> {
    fn exactly(&mut self, size: u64, within: &str) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(size).read_to_end(&mut bytes).map_err(|error| self.failed(&error))?;
        self.offset += read as u64;
        if (read as u64) < size {
            return Err(ArchiveError::Truncated { offset: self.offset, within: within.to_owned() });
        }
        Ok(bytes)
    }

    fn is_at_end(&mut self) -> Result<bool, ArchiveError> {
        let mut rest = Vec::new();
        let read = self.reader.by_ref().take(1).read_to_end(&mut rest).map_err(|error| self.failed(&error))?;
        Ok(read == 0)
    }

    fn failed(&self, error: &io::Error) -> ArchiveError {
        ArchiveError::Read { offset: self.offset, error: error.to_string() }
    }
}

/// Name and size as the header claims them; whether the header is a sound one is checked by comparison.
fn name_and_size(block: &[u8]) -> Result<(String, u64), ArchiveError> {
    let name: Vec<u8> = block.iter().take(NAME_FIELD).copied().take_while(|b| *b != 0).collect();
    let name = String::from_utf8_lossy(&name).into_owned();
    let digits = block.iter().skip(124).take(11).map(|b| char::from(*b)).collect::<String>();
    match u64::from_str_radix(&digits, 8) {
        Ok(size) => Ok((name, size)),
        Err(_) => Err(ArchiveError::Header { name, what: "its size is not eleven octal digits" }),
    }
}

/// What people want to know of a header that is not ours.
fn difference(block: &[u8]) -> &'static str {
    match block.get(156) {
        Some(b'0') => "it has an owner, a mode, a time or a checksum that is not the fixed one",
        Some(b'1' | b'2') => "it is a link; only regular files are allowed",
        Some(b'5') => "it is a directory; only regular files are allowed",
        _ => "it is no regular file",
    }
}

/// A POSIX ustar header: a regular file of mode 0644, owner 0, time 0.
fn header(name: &str, size: u64) -> Vec<u8> {
    let sum: u64 = compose(name, size, b"        ").iter().map(|b| u64::from(*b)).sum();
    compose(name, size, format!("{sum:06o}\0 ").as_bytes())
}

fn compose(name: &str, size: u64, checksum: &[u8]) -> Vec<u8> {
    let size = format!("{size:011o}\0");
    let fields: [(&[u8], usize); 14] = [
        (name.as_bytes(), NAME_FIELD),
        (b"0000644\0", 8),
        (b"0000000\0", 8),
        (b"0000000\0", 8),
        (size.as_bytes(), 12),
        (b"00000000000\0", 12),
        (checksum, 8),
        (b"0", 1),
        (b"", 100),
        (b"ustar\x0000", 8),
        (b"", 64),
        (b"0000000\0", 8),
        (b"0000000\0", 8),
        (b"", 167),
    ];
    let mut block = Vec::with_capacity(BLOCK);
    for (value, width) in fields {
        block.extend(value.iter().copied().chain(std::iter::repeat(0)).take(width));
    }
    block
}
