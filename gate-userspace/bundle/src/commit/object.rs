//! A commit object: its hash, its headers, its signature, and the bytes that were signed.

use super::{CommitProblem, DIRECTORY, FOLLOWS};
use crate::{Digest, DigestError};
use sha1_checked::Sha1;
use sha2::{Digest as _, Sha256};

const SSH: &str = "-----BEGIN SSH SIGNATURE-----";

/// How a repository names its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Sha1,
    Sha256,
}

impl Format {
    /// The manifest holds 40 or 64 digits.
    pub(super) const fn of(name: &str) -> Self {
        if name.len() == 40 { Self::Sha1 } else { Self::Sha256 }
    }

    /// Bytes of a name.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The header that the signature is in. A repository that is converted could have both; one is enough to read.
    const fn signature(self) -> &'static str {
        match self {
            Self::Sha1 => "gpgsig",
            Self::Sha256 => "gpgsig-sha256",
        }
    }

    /// An object's name.
    pub(super) fn hash(self, object: &str, kind: &str, body: &[u8]) -> Result<String, CommitProblem> {
        let header = format!("{kind} {}\0", body.len());
        match self {
            Self::Sha256 => Ok(hex::encode(Sha256::new_with_prefix(header.as_bytes()).chain_update(body).finalize())),
            Self::Sha1 => {
                let mut hasher = Sha1::new();
                hasher.update(header.as_bytes());
                hasher.update(body);
                let result = hasher.try_finalize();
                if result.has_collision() {
                    return Err(CommitProblem::Collision { object: object.to_owned() });
                }
                Ok(hex::encode(result.hash()))
            }
        }
    }

    pub(super) fn expect(self, object: &str, kind: &str, body: &[u8], expected: &str) -> Result<(), CommitProblem> {
        let found = self.hash(object, kind, body)?;
        if found == expected {
            return Ok(());
        }
        Err(CommitProblem::Hash { object: object.to_owned(), expected: expected.to_owned(), found })
    }

    fn is_name(self, text: &str) -> bool {
        text.len() == 2 * self.bytes() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
}

/// What is read of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) tree: String,
    /// Armored.
    pub(super) signature: String,
    /// The object without its signature: what was signed.
    pub(super) signed: Vec<u8>,
    pub(super) follows: Option<Option<Digest>>,
    pub(super) directory: Option<String>,
}

/// Headers in the order in which git writes them, each once, and nothing else: what another reader could understand in
/// another way is refused.
pub(super) fn parse(body: &[u8], format: Format) -> Result<Commit, CommitProblem> {
    let malformed = |found: String| CommitProblem::Malformed { object: "git/commit".into(), found };
    if body.contains(&0) {
        return Err(malformed("it has a NUL, at which some readers end".into()));
    }
    let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8".into()))?;
    let Some((head, message)) = text.split_once("\n\n") else {
        return Err(malformed("it has no message".into()));
    };
    let headers = headers(head).ok_or_else(|| malformed("it begins with a continued line".into()))?;
    check_order(&headers, format).map_err(malformed)?;
    let value = |name: &str| headers.iter().find(|header| header.name == name);
    let tree = value("tree").map(|header| header.value.clone()).filter(|tree| format.is_name(tree));
    let tree = tree.ok_or_else(|| malformed("its tree has no name of an object".into()))?;
    let Some(signature) = value(format.signature()) else {
        return Err(malformed(format!("it is not signed ({} is missing)", format.signature())));
    };
    if !signature.value.starts_with(SSH) {
        return Err(CommitProblem::OtherSignature);
    }
    let unsigned = headers.iter().filter(|header| header.name != format.signature());
    let unsigned: String = unsigned.map(|header| format!("{}\n", header.raw)).collect();
    let follows = follows(message).map_err(malformed)?;
    let directory = said(message, DIRECTORY).map_err(malformed)?.map(str::to_owned);
    let signature = format!("{}\n", signature.value.trim_end());
    Ok(Commit { tree, signature, signed: format!("{unsigned}\n{message}").into_bytes(), follows, directory })
}

struct Header<'t> {
    name: &'t str,
    /// Continued lines without their space.
    value: String,
    raw: String,
}

fn headers(head: &str) -> Option<Vec<Header<'_>>> {
    let mut headers: Vec<Header<'_>> = Vec::new();
    for line in head.split('\n') {
        if let Some(continued) = line.strip_prefix(' ') {
            let last = headers.last_mut()?;
            last.value.push('\n');
            last.value.push_str(continued);
            last.raw.push('\n');
            last.raw.push_str(line);
        } else {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            headers.push(Header { name, value: value.to_owned(), raw: line.to_owned() });
        }
    }
    Some(headers)
}

fn check_order(headers: &[Header<'_>], format: Format) -> Result<(), String> {
    let order = ["tree", "parent", "author", "committer", "encoding", format.signature()];
    let mut last = 0;
    let mut seen = [false; 6];
    for Header { name, raw, .. } in headers {
        let shown: String = name.chars().take(40).flat_map(char::escape_default).collect();
        let Some(place) = order.iter().position(|known| known == name) else {
            return Err(format!("it has a header {shown:?}, which is not read here"));
        };
        let again = seen.get_mut(place).is_some_and(|seen| std::mem::replace(seen, true));
        if place < last || (again && *name != "parent") {
            return Err(format!("its header {shown:?} is there twice or out of order"));
        }
        if raw.contains('\n') && *name != format.signature() {
            return Err(format!("its header {shown:?} has more than one line"));
        }
        last = place;
    }
    match order.iter().zip(seen).find(|(name, seen)| ["tree", "author", "committer"].contains(name) && !seen) {
        Some((name, _)) => Err(format!("its header {name:?} is missing")),
        None => Ok(()),
    }
}

/// The bundle that the commit follows, by a line of its message.
fn follows(message: &str) -> Result<Option<Option<Digest>>, String> {
    let Some(named) = said(message, FOLLOWS)? else { return Ok(None) };
    match named {
        "none" => Ok(Some(None)),
        digest => digest.parse().map(|digest| Some(Some(digest))).map_err(|error: DigestError| error.to_string()),
    }
}

/// What one line of the message says; two would be two meanings.
fn said<'m>(message: &'m str, key: &str) -> Result<Option<&'m str>, String> {
    let mut lines = message.lines().filter_map(|line| line.strip_prefix(key));
    let said = lines.next().map(str::trim_end);
    match lines.next() {
        None => Ok(said),
        Some(_) => Err(format!("its message has two lines with {key:?}")),
    }
}
