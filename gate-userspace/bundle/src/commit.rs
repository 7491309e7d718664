//! The commit that a bundle was made from, when its author signed it with an SSH key: read without git.
//!
//! ```text
//! git/commit      the commit object as git keeps it; its hash is the manifest's git_commit
//! git/0.tree …    the tree objects from the commit's root to the policy directory
//! ```
//!
//! Each object is believed for its hash alone, one after the other: the manifest names the commit, the commit its root
//! tree, each tree the next one. The last one has exactly the policy files of the bundle. SHA-1 is computed by a
//! library that finds collisions while it hashes.
//!
//! What an author signs this way says nothing of the chain. So that an old commit is not put into force again by an
//! approver alone, the message names the bundle that it follows: `Gate-Follows: DIGEST`, or `Gate-Follows: none`. So that no
//! other directory of the same commit is taken for the policy, it names that, too: `Gate-Policy: hosts/shop`, or
//! `Gate-Policy: .` for the root.

mod object;
mod tree;

use crate::signature::{SignatureProblem, verify_as};
use crate::{Digest, Key, Manifest};
use object::{Format, parse};
use std::collections::BTreeMap;

/// The namespace in which git signs.
const GIT_NAMESPACE: &str = "git";
/// What stands before the digest of the bundle that the commit follows.
pub const FOLLOWS: &str = "Gate-Follows: ";
/// What stands before the policy directory of the commit.
pub const DIRECTORY: &str = "Gate-Policy: ";
/// Most trees from the root to the policy directory.
pub(crate) const MAX_TREES: usize = 16;

/// Objects of a git repository, as `git cat-file` gives them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Objects {
    /// The commit.
    pub commit: Vec<u8>,
    /// The trees, from its root to the policy directory.
    pub trees: Vec<Vec<u8>>,
}

/// Why a commit is not an author's word for a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitProblem {
    /// The manifest names none.
    #[error("the manifest names no git commit")]
    NotNamed,
    /// An object is not the one that was named.
    #[error("{object} has the hash {found}; named is {expected}")]
    Hash {
        /// `git/commit`, `git/0.tree`.
        object: String,
        /// What names it says.
        expected: String,
        /// What it has.
        found: String,
    },
    /// Somebody made two contents of one SHA-1.
    #[error("{object} is one half of a SHA-1 collision")]
    Collision {
        /// Which.
        object: String,
    },
    /// Not an object that git makes, or one that says more than is read here.
    #[error("{object}: {found}")]
    Malformed {
        /// Which.
        object: String,
        /// What is wrong.
        found: String,
    },
    /// The trees are too many.
    #[error("{found} trees; from the root to the policy directory there are 1 to {MAX_TREES}")]
    Trees {
        /// How many.
        found: usize,
    },
    /// A file of the commit's policy directory and of the bundle differ.
    #[error("{file}: {found}")]
    File {
        /// The file, without `policy/`.
        file: String,
        /// What is wrong with it.
        found: String,
    },
    /// The signature counts for nothing.
    #[error("git/commit: {0}")]
    Signature(SignatureProblem),
    /// The signature is of another kind.
    #[error("git/commit: it is signed with something else than an SSH key; sign it with gpg.format = ssh")]
    OtherSignature,
}

/// What a sound commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// Whose key signed it.
    pub(crate) key: Key,
    /// The bundle that it follows, if it says that, and that the policy is where it was found: `Some(None)` is the first
    /// of a chain.
    pub(crate) follows: Option<Option<Digest>>,
}

/// Checks the objects against the manifest and the files of its bundle.
pub(crate) fn check(
    objects: &Objects,
    manifest: &Manifest,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Vouched, CommitProblem> {
    let named = manifest.git_commit().ok_or(CommitProblem::NotNamed)?;
    let format = Format::of(named);
    let commit_name = "git/commit".to_owned();
    format.expect(&commit_name, "commit", &objects.commit, named)?;
    let commit = parse(&objects.commit, format)?;
    let Some((policy, above)) = objects.trees.split_last().filter(|_| objects.trees.len() <= MAX_TREES) else {
        return Err(CommitProblem::Trees { found: objects.trees.len() });
    };
    // Without a name, some directory is looked at, and the commit counts for nothing.
    let names = commit.directory.as_deref().map(parts);
    let named_here = names.as_ref().is_some_and(|names| names.len() == above.len());
    let mut expected = vec![commit.tree.clone()];
    for (number, tree) in above.iter().enumerate() {
        let object = format!("git/{number}.tree");
        expect_one_of(format, &object, tree, &expected)?;
        let name = names.as_ref().and_then(|names| names.get(number)).copied().filter(|_| named_here);
        expected = tree::directories(&object, tree, format, name)?;
    }
    let object = format!("git/{}.tree", above.len());
    expect_one_of(format, &object, policy, &expected)?;
    tree::same_files(&object, policy, format, files)?;
    let ((), key) = verify_as(commit.signature.as_bytes(), &commit.signed, &[((), GIT_NAMESPACE)])
        .map_err(CommitProblem::Signature)?;
    Ok(Vouched { key, follows: commit.follows.filter(|_| named_here) })
}

/// The directories from the root to this one.
fn parts(directory: &str) -> Vec<&str> {
    directory.split('/').filter(|part| !["", "."].contains(part)).collect()
}

/// The tree has one of the hashes that the one above it names.
fn expect_one_of(format: Format, object: &str, tree: &[u8], expected: &[String]) -> Result<(), CommitProblem> {
    let found = format.hash(object, "tree", tree)?;
    if expected.contains(&found) {
        return Ok(());
    }
    let expected = match expected {
        [] => "no directory".to_owned(),
        [only] => only.clone(),
        several => format!("one of {} directories", several.len()),
    };
    Err(CommitProblem::Hash { object: object.to_owned(), expected, found })
}
