//! What a signed bundle is, and whether it may take effect.
//!
//! A bundle is one uncompressed tar file: a policy directory, the tables that were compiled from it, a manifest
//! that names the SHA-256 of each, and signatures over the manifest by people, made with the SSH keys they have.
//!
//! ```text
//! manifest.json           canonical JSON: format, environment, version, previous, git_commit, created, not_after, files
//! policy/NAME.cedar       the rules
//! policy/cases.toml       decisions that must hold (optional)
//! policy/duties.toml      who may author, approve, operate, audit
//! policy/services.toml    what runs here
//! tables.json             the compiled form, `gate_tables::Tables`
//! git/commit, git/0.tree … the commit that it was made from, where its author signed that (optional)
//! signatures/0.sig …      armored SSHSIG over the bytes of manifest.json
//! ```
//!
//! - The archive has one encoding only: members in this order, each under the header that [`Bundle::to_tar`] writes,
//!   two zero blocks, end of file. A reader refuses every other encoding, so a changed byte anywhere is seen.
//! - The digest of the bundle is the SHA-256 of `manifest.json`. Signatures are not part of it: they name it.
//! - A signature's namespace says what its signer meant: [`signing_namespace`].
//! - [`admit`] judges a bundle by the duties of the bundle *before* it, the first one by what root enrolled
//!   ([`EnrolledRoot`]). A bundle that only takes access away needs one signature, every other one an author and the
//!   approvals: [`Change`] says which it is. A [`Refusal`] holds every reason, and an [`Admitted`] cannot be made in any other way.
//! - A bundle may be provisional ([`Store::activate_until`]), and one operator may go back to its predecessor where that
//!   only takes access away ([`Revert`]).
//! - [`Store`] keeps the chain of admitted bundles, and believes nothing on the disk: on opening it admits the chain
//!   again from the enrolled root.
//!
//! Every enforcing process does this for itself; no process takes another's word for it. There is no Cedar here:
//! that the tables follow from the rules is for `gate-authz` to confirm.

mod admission;
mod archive;
mod bundle;
mod commit;
mod digest;
mod duties;
mod key;
mod manifest;
mod reason;
mod refusal;
mod revert;
mod signature;
mod snapshot;
mod statement;
mod store;

pub use admission::{
    Admission, Admitted, Because, Change, EnrolledRoot, Fate, Held, Quorum, Signer, Signers, admit, admit_tar,
    check_toxic,
};
pub use archive::{ArchiveError, Limits};
pub use bundle::{Bundle, Signed};
pub use commit::{CommitProblem, DIRECTORY, FOLLOWS, Objects};
pub use digest::{Digest, DigestError};
pub use duties::{Allowed, Day, Duties, DutiesProblem, Duty, Exception, Holder, Mode, Person, Toxic};
pub use key::{Key, KeyError};
pub use manifest::{Draft, FORMAT, Manifest, ManifestError};
pub use reason::Reason;
pub use refusal::Refusal;
pub use revert::{Revert, Reverting, cannot_revert};
pub use signature::{REVERT_NAMESPACE, Role, SignatureProblem, signing_namespace};
pub use snapshot::{Joining, Snapshot, snapshot_namespace};
pub use statement::StatementError;
pub use store::{MOST_PROVISIONAL_S, Store, StoreError, Uptime, WentBack};

/// The member that holds the compiled tables.
pub const TABLES: &str = "tables.json";
/// The member that says who may author and approve.
pub const DUTIES: &str = "policy/duties.toml";
/// The member that says what runs here.
pub const SERVICES: &str = "policy/services.toml";
/// The member that holds the decisions that must hold; the only optional one besides the rules.
pub const CASES: &str = "policy/cases.toml";
