//! Tree objects.

use super::CommitProblem;
use super::object::Format;
use std::cmp::Ordering;
use std::collections::BTreeMap;

const POLICY: &str = "policy/";
const DIRECTORY: &str = "40000";
const FILE: &str = "100644";

/// One entry of a tree.
struct Entry {
    mode: String,
    name: String,
    /// In hexadecimal.
    id: String,
}

/// The objects of the directories in a tree: of the one that has this name, or of all.
pub(super) fn directories(
    object: &str,
    tree: &[u8],
    format: Format,
    name: Option<&str>,
) -> Result<Vec<String>, CommitProblem> {
    let entries = parse(object, tree, format)?.into_iter();
    let wanted = |entry: &Entry| entry.mode == DIRECTORY && name.is_none_or(|name| entry.name == name);
    Ok(entries.filter(wanted).map(|entry| entry.id).collect())
}

/// Whether the tree has exactly these files of the policy, byte for byte, and nothing else.
pub(super) fn same_files(
    object: &str,
    tree: &[u8],
    format: Format,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), CommitProblem> {
    let mut policy: BTreeMap<&str, &Vec<u8>> =
        files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(POLICY)?, bytes))).collect();
    for Entry { mode, name, id } in parse(object, tree, format)? {
        let wrong = |found: String| Err(CommitProblem::File { file: name.clone(), found });
        if mode != FILE {
            return wrong(format!("{}; the policy directory of a commit has plain files only", kind(&mode)));
        }
        let Some(bytes) = policy.remove(name.as_str()) else {
            return wrong("it is in the commit's policy directory and not in the bundle; keep it elsewhere".into());
        };
        let found = format.hash(&name, "blob", bytes)?;
        if found != id {
            return wrong(format!("the commit has another one: {id}; the bundle's is {found}"));
        }
    }
    match policy.into_keys().next() {
        None => Ok(()),
        Some(file) => Err(CommitProblem::File {
            file: file.to_owned(),
            found: "it is in the bundle and not in the commit".into(),
        }),
    }
}

fn kind(mode: &str) -> String {
    match mode {
        DIRECTORY => "it is a directory".into(),
        "100755" => "it is executable".into(),
        "120000" => "it is a symbolic link".into(),
        "160000" => "it is a submodule".into(),
        other => format!("it has mode {other:?}"),
    }
}

fn parse(object: &str, mut tree: &[u8], format: Format) -> Result<Vec<Entry>, CommitProblem> {
    let malformed = |found: &str| CommitProblem::Malformed { object: object.to_owned(), found: found.to_owned() };
    let mut entries: Vec<Entry> = Vec::new();
    while !tree.is_empty() {
        let (entry, rest) = next(tree, format).ok_or_else(|| malformed("it ends within an entry"))?;
        if entry.name.is_empty() || entry.name.contains('/') || [".", "..", ".git"].contains(&entry.name.as_str()) {
            return Err(malformed("it has an entry that is no name of a file"));
        }
        if entries.last().is_some_and(|last| order(last, &entry) != Ordering::Less) {
            return Err(malformed("its entries are not in order, or one is there twice"));
        }
        entries.push(entry);
        tree = rest;
    }
    Ok(entries)
}

fn next(tree: &[u8], format: Format) -> Option<(Entry, &[u8])> {
    let space = tree.iter().position(|byte| *byte == b' ')?;
    let (mode, rest) = (tree.get(..space)?, tree.get(space + 1..)?);
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (name, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
    let (id, rest) = rest.split_at_checked(format.bytes())?;
    let mode = String::from_utf8(mode.to_vec()).ok()?;
    let name = String::from_utf8_lossy(name).into_owned();
    Some((Entry { mode, name, id: hex::encode(id) }, rest))
}

/// git sorts a directory as if its name ended in a slash.
fn order(one: &Entry, other: &Entry) -> Ordering {
    let key = |entry: &Entry| {
        let slash: &[u8] = if entry.mode == DIRECTORY { b"/" } else { b"" };
        [entry.name.as_bytes(), slash].concat()
    };
    if one.name == other.name { Ordering::Equal } else { key(one).cmp(&key(other)) }
}
