//! Why a bundle is refused.

use crate::admission::join;
use crate::commit::{CommitProblem, DIRECTORY, FOLLOWS};
use crate::{
    ArchiveError, Because, Digest, DutiesProblem, Duty, Exception, Fate, Held, ManifestError, Role, SignatureProblem,
    StatementError,
};

/// One reason to refuse a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The tar file is not a bundle's.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The manifest is not one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file is not the one that was signed.
    #[error("{file}: its bytes are not those that were signed: SHA-256 is {found}, the manifest says {expected}")]
    FileChanged {
        /// The member.
        file: String,
        /// What the manifest says.
        expected: Digest,
        /// What the bytes have.
        found: Digest,
    },
    /// A file of the manifest is not there.
    #[error("{file}: is in the manifest and not in the bundle")]
    FileMissing {
        /// The member.
        file: String,
    },
    /// A file that nobody signed.
    #[error("{file}: is in the bundle and not in the manifest")]
    FileUnlisted {
        /// The member.
        file: String,
    },
    /// `tables.json` cannot be used.
    #[error("{0}")]
    Tables(String),
    /// The tables are of another environment than the manifest.
    #[error("tables.json: is for environment {found:?}, the manifest for {expected:?}")]
    TablesEnvironment {
        /// The manifest's.
        expected: String,
        /// The tables'.
        found: String,
    },
    /// `duties.toml` cannot be used.
    #[error("policy/{0}")]
    Duties(#[from] DutiesProblem),
    /// A signature counts for nothing.
    #[error("{member}: {problem}")]
    Signature {
        /// `signatures/N.sig`.
        member: String,
        /// What is wrong.
        problem: SignatureProblem,
    },
    /// The commit in the bundle is not the one that it was made from, or is not sound.
    #[error("the signed commit: {0}")]
    Commit(#[from] CommitProblem),
    /// A signed commit does not count as the author's word: it could be an old one.
    #[error(
        "the signed commit does not count as an author's signature: its message does not say which bundle it follows, \
         or where the policy is; write \"{FOLLOWS}{}\" and \"{DIRECTORY}\" with the directory, or sign with gatectl bundle sign",
        or_none(.expected)
    )]
    CommitNotBound {
        /// The bundle in force.
        expected: Option<Digest>,
    },
    /// A sound signature by a key of nobody.
    #[error("{member}: key {fingerprint} belongs to nobody in the duties that are in force")]
    UnknownKey {
        /// `signatures/N.sig`.
        member: String,
        /// The key.
        fingerprint: String,
    },
    /// A person signed as what they may not be.
    #[error("{member}: {person} signed as {role} and is not allowed to {duty}")]
    NotAllowed {
        /// `signatures/N.sig`.
        member: String,
        /// Who signed.
        person: String,
        /// As what.
        role: Role,
        /// The duty that is missing.
        duty: Duty,
    },
    /// Nobody signed as author.
    #[error("no author signed; sign with gatectl bundle sign")]
    MissingAuthor,
    /// Two people signed as author, so that neither would be independent as approver.
    #[error("more than one person signed as author ({}); a bundle has one", .people.join(", "))]
    SeveralAuthors {
        /// Who.
        people: Vec<String>,
    },
    /// Too few people approved.
    #[error("{counted} of {needed} approvals; another person than the author approves with gatectl bundle approve")]
    MissingApprovals {
        /// How many the duties ask for.
        needed: usize,
        /// How many count.
        counted: usize,
    },
    /// Why the author and every approval are needed, beside what is missing.
    #[error("one signature is enough only for taking access away with the duties as they are, and {}", join(.because))]
    OneIsNotEnough {
        /// Every cause.
        because: Vec<Because>,
    },
    /// Nobody whose signature counts signed a bundle for which one is enough.
    #[error("nobody signed; it only removes access, so one signature is enough: of an author, or of an approver")]
    NobodySigned,
    /// A signature does not count: the change is not of services whose owners the person signs for.
    #[error(
        "the signature of {person} as {role} does not count: it is for services of {} only (owners in duties.toml), and \
         the bundle changes {}",
        .owners.join(", "),
        first_few(.beyond)
    )]
    OutOfScope {
        /// Who.
        person: String,
        /// As what.
        role: Role,
        /// Whose services the person signs for.
        owners: Vec<String>,
        /// What is not theirs, in words.
        beyond: Vec<String>,
    },
    /// Somebody holds what the duties say nobody may hold together.
    #[error(
        "toxic combination {id:?} ({reason}): {kind} {holder} holds {}; take one away, or have an [[exception]] in \
         policy/duties.toml",
        first_few(&.holds.iter().map(ToString::to_string).collect::<Vec<_>>())
    )]
    Toxic {
        /// Which.
        id: String,
        /// Why nobody may.
        reason: String,
        /// Whose hand was looked at: `service`, `network`, `group`, `owner`, `role`.
        kind: &'static str,
        /// As an exception names it.
        holder: String,
        /// What it holds, and by which rules.
        holds: Vec<Held>,
    },
    /// Something that runs here reaches the machines of another environment, or is reached from there.
    #[error(
        "reach across environments: {holder} of {own:?} and network {network} of {environment:?} are joined by {}; take it \
         away, or have an [[exception]] with reach = {network:?} and holder = {holder:?} in policy/duties.toml",
        first_few(&.holds.iter().map(ToString::to_string).collect::<Vec<_>>())
    )]
    AcrossEnvironments {
        /// The network.
        network: String,
        /// Whose machines are there.
        environment: String,
        /// The environment of the policy.
        own: String,
        /// The service, or `host`.
        holder: String,
        /// What joins them, and by which rules.
        holds: Vec<Held>,
    },
    /// A toxic combination names what no service has, so that it could not be seen.
    #[error(
        "policy/duties.toml: toxic {id:?} names {action:?}, which no service has; write a route's action, \
         \"orders.list\", or \"connect SERVICE:PORT\" of a port without routes"
    )]
    ToxicUnknown {
        /// Which.
        id: String,
        /// The name.
        action: String,
    },
    /// An exception that somebody needs ended.
    #[error(
        "policy/duties.toml: the exception of {} for {} ended on {} ({}, {}); take access away, or agree on \
         another day",
        .exception.allowed(), .exception.holder(), .exception.until(), .exception.owner(), .exception.ticket()
    )]
    ExceptionOver {
        /// It.
        exception: Box<Exception>,
    },
    /// An exception that nobody needs: it is another one than its signers believe, or it waits for a later bundle.
    #[error(
        "policy/duties.toml: the exception of {} for {:?} fits nobody who holds it; remove it, or write the name \
         of the holder",
        .exception.allowed(), .exception.holder()
    )]
    ExceptionIdle {
        /// It.
        exception: Box<Exception>,
    },
    /// An approval does not count: it is the author's own.
    #[error("the approval by {person} does not count: the author does not approve")]
    ApproverIsAuthor {
        /// Who.
        person: String,
    },
    /// Several approvals of one person, with whatever keys.
    #[error("{signatures} approvals by {person} count as one: people are counted, not keys")]
    CountedOnce {
        /// Who.
        person: String,
        /// How many signatures.
        signatures: usize,
    },
    /// An approval does not count: the two do not sign together.
    #[error("{one} and {other} do not sign one bundle together (conflicts in duties.toml): only one of them counts")]
    Conflict {
        /// Author or approver.
        one: String,
        /// Approver.
        other: String,
    },
    /// An older bundle, or another one of the same version.
    #[error("version {found} is older than or as old as the active version {has}")]
    NotNewer {
        /// The version in force.
        has: u64,
        /// The version of the bundle.
        found: u64,
    },
    /// The number of a bundle that went back: two bundles of one version could be told apart by nobody.
    #[error(
        "version {found} is used up here{}; the next one is {next}: gatectl bundle build --went-back",
        match .fate {
            Some(Fate::NotConfirmed) => ": a bundle of that version was provisional, and nobody confirmed it in time",
            Some(Fate::Reverted) => ": a bundle of that version was reverted",
            None => ", because a bundle of a later version went back",
        }
    )]
    UsedUp {
        /// The version of the bundle.
        found: u64,
        /// What became of the one that had it, where there was one.
        fate: Option<Fate>,
        /// The first number that is free.
        next: u64,
    },
    /// A service has the number of another one, whose sockets may live on.
    #[error(
        "service {service} has number {number}, which was that of {before} in a bundle that went back: open sockets of \
         {before} would be taken for those of {service}; first load a bundle that declares {before} and no other new \
         service"
    )]
    NumberTakenOver {
        /// The number.
        number: u32,
        /// The service that has it in the bundle.
        service: String,
        /// The one that had it.
        before: String,
    },
    /// A transition would be skipped, so that nobody would have judged it.
    #[error("version {found} skips a step; the next one here is {expected}, load the bundles between in their order")]
    SkipsVersions {
        /// The next version.
        expected: u64,
        /// The version of the bundle.
        found: u64,
    },
    /// The bundle continues another chain.
    #[error("it follows bundle {}, the one in force is {}", or_none(.found), or_none(.expected))]
    PreviousDiffers {
        /// The digest in force.
        expected: Option<Digest>,
        /// The digest that the manifest names.
        found: Option<Digest>,
    },
    /// A bundle of another environment.
    #[error("it is for environment {found:?}, this host is in {expected:?}")]
    WrongEnvironment {
        /// The host's.
        expected: String,
        /// The bundle's.
        found: String,
    },
    /// The root was enrolled for another environment than the host is configured for.
    #[error("the enrolled root is for environment {found:?}, this host is in {expected:?}; mend gate.toml")]
    RootEnvironment {
        /// The host's.
        expected: String,
        /// The root's.
        found: String,
    },
    /// The first bundle brings other duties than root enrolled.
    #[error("policy/duties.toml: SHA-256 is {found}, root enrolled {expected} for the first bundle")]
    NotEnrolled {
        /// The enrolled digest.
        expected: Digest,
        /// The bundle's.
        found: Digest,
    },
    /// Too late for a first activation.
    #[error("it expired: it may be activated until {not_after}, now is {now} (seconds since 1970)")]
    Expired {
        /// Until when.
        not_after: u64,
        /// Now.
        now: u64,
    },
    /// A statement that is none.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A statement that goes back from another bundle than the one in force.
    #[error(
        "it goes back from bundle {stated} (version {stated_version}); in force here is {found} (version {version})"
    )]
    RevertsAnother {
        /// The bundle that the statement names.
        stated: Digest,
        /// And its version.
        stated_version: u64,
        /// The bundle in force.
        found: Digest,
        /// And its version.
        version: u64,
    },
    /// A statement that goes back to another bundle than the one before.
    #[error("it goes back to bundle {stated}; the one before the bundle in force is {found}")]
    RevertsToAnother {
        /// The bundle that the statement names.
        stated: Digest,
        /// The predecessor.
        found: Digest,
    },
    /// Going back would give access: who took it away is asked, too.
    #[error("going back gives access, or other duties ({}); that takes a new bundle, with an author and every approval", join(.because))]
    RevertGives {
        /// Every cause.
        because: Vec<Because>,
    },
    /// Somebody signed a statement who does not operate.
    #[error("{person} signed to go back and is not allowed to operate by the duties in force")]
    NotOperator {
        /// Who.
        person: String,
    },
    /// Going back is about services of others.
    #[error(
        "the signature of {person} does not count: it is for services of {} only (owners in duties.toml), and going back \
         changes {}",
        .owners.join(", "),
        first_few(.beyond)
    )]
    BeyondOperator {
        /// Who.
        person: String,
        /// Whose services the person acts for.
        owners: Vec<String>,
        /// What is not theirs, in words.
        beyond: Vec<String>,
    },
    /// The enrolled snapshot is of another environment.
    #[error("the enrolled snapshot is for environment {found:?}, this host is in {expected:?}")]
    SnapshotEnvironment {
        /// The host's.
        expected: String,
        /// The snapshot's.
        found: String,
    },
    /// The enrolled snapshot names other duties than root enrolled.
    #[error("the enrolled snapshot is by duties {found}, root enrolled {expected}")]
    SnapshotDuties {
        /// The enrolled digest.
        expected: Digest,
        /// The snapshot's.
        found: Digest,
    },
    /// The first bundle of a host is another one than the enrolled snapshot says.
    #[error("the first bundle here is {bundle} (version {version}), as the enrolled snapshot says; this is {found}")]
    NotTheSnapshot {
        /// The snapshot's bundle.
        bundle: Digest,
        /// And its version.
        version: u64,
        /// The one that came.
        found: Digest,
    },
    /// The enrolled snapshot is too old to begin with.
    #[error(
        "the enrolled snapshot is stale: a host could begin with it until {not_after}, now is {now} (seconds since 1970)"
    )]
    SnapshotStale {
        /// Until when.
        not_after: u64,
        /// Now.
        now: u64,
    },
    /// A team becomes one person.
    #[error("policy/duties.toml: mode \"team\" becomes \"solo\"; it can only be raised")]
    LowersMode,
}

/// Foreign text for a terminal: nothing in it is obeyed.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn first_few(all: &[String]) -> String {
    const TOLD: usize = 3;
    let told = all.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > TOLD { format!("{told}, and {} more", all.len() - TOLD) } else { told }
}

fn or_none(digest: &Option<Digest>) -> String {
    digest.map_or_else(|| "none".to_owned(), |digest| digest.to_string())
}
