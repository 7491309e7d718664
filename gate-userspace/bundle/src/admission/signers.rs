//! Whose signatures count, and whether they are enough.

use super::{Change, Quorum, Signer, Signers};
use crate::bundle::Signed;
use crate::commit::Vouched;
use crate::duties::largest_without_conflict;
use crate::{Digest, Duties, Duty, Mode, Reason, Role};
use std::collections::{BTreeMap, BTreeSet};

/// People who signed in one role: name, the key that is named in the record, how many signatures.
type People<'d> = BTreeMap<&'d str, (String, usize)>;

/// What people signed.
#[derive(Clone, Copy)]
pub(super) struct Signatures<'s> {
    /// Signatures of the manifest.
    pub(super) sound: &'s [Signed],
    /// The signature of the commit.
    pub(super) commit: Option<&'s Vouched>,
    /// The bundle that the manifest follows.
    pub(super) follows: Option<Digest>,
}

/// Who signed, if that is enough for this change. Without a change to look at, as when its tables cannot be used,
/// everybody is needed.
pub(super) fn judge(
    signed: Signatures<'_>,
    duties: &Duties,
    change: Option<&Change>,
    reasons: &mut Vec<Reason>,
) -> Option<Signers> {
    let before = reasons.len();
    let mut authors = People::new();
    let mut approvals = People::new();
    for signed in signed.sound {
        let (people, duty) = match signed.role {
            Role::Author => (&mut authors, Duty::Author),
            Role::Approver => (&mut approvals, Duty::Approve),
        };
        match entitled(signed, duty, duties) {
            Ok(person) => people.entry(person).or_insert_with(|| (signed.key.fingerprint(), 0)).1 += 1,
            Err(reason) => reasons.push(reason),
        }
    }
    let scope = Scope { duties, change };
    let (mut missing, mut unsigned, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let committer = signed.commit.and_then(|commit| committer(commit, signed.follows, duties, &mut notes));
    let (author, fingerprint) = match (sole_author(&authors, reasons, &mut unsigned), &committer) {
        (Some(author), _) => (Some(author), authors.get(author).map(|(fingerprint, _)| fingerprint.clone())),
        (None, Some((committer, fingerprint))) if authors.is_empty() => (Some(*committer), Some(fingerprint.clone())),
        (None, _) => (None, None),
    };
    if author.is_none() {
        missing.extend(unsigned.into_iter().chain(notes));
    }
    missing.extend(author.and_then(|author| scope.beyond_writing(author, Role::Author)));
    // Who wrote it does not approve it, in whichever way that was said.
    let wrote = authors.keys().copied().chain(committer.iter().map(|(person, _)| *person)).collect();
    let counted = count_approvals(&wrote, &approvals, &scope, &mut missing);
    // A commit alone takes nothing away: it may be an old one, from a repository that anybody reads.
    let signed = authors.keys().map(|person| (person, Role::Author));
    let signed = signed.chain(approvals.keys().map(|person| (person, Role::Approver)));
    let alone = signed.map(|(person, role)| scope.beyond_writing(person, role)).collect();
    let quorum = enough(change, alone, missing, reasons);
    let signer = |person: &str, people: &People<'_>| {
        let (fingerprint, _) = people.get(person)?;
        Some(Signer { person: person.to_owned(), fingerprint: fingerprint.clone() })
    };
    let approvers = counted.into_iter().filter_map(|person| signer(person, &approvals)).collect();
    let author = author.zip(fingerprint).map(|(person, fingerprint)| Signer { person: person.to_owned(), fingerprint });
    let signers = Signers { quorum: quorum?, author, approvers };
    (reasons.len() == before).then_some(signers)
}

/// The person who signed the commit, if that is an author's word for this place in the chain.
fn committer<'d>(
    commit: &Vouched,
    follows: Option<Digest>,
    duties: &'d Duties,
    notes: &mut Vec<Reason>,
) -> Option<(&'d str, String)> {
    let (member, role, key) = ("git/commit".to_owned(), Role::Author, commit.key.clone());
    let person = entitled(&Signed { member, role, key }, Duty::Author, duties);
    let person = person.map_err(|reason| notes.push(reason)).ok()?;
    if commit.follows != Some(follows) {
        notes.push(Reason::CommitNotBound { expected: follows });
        return None;
    }
    Some((person, commit.key.fingerprint()))
}

/// The duties, and what they are asked about.
struct Scope<'d, 'c> {
    duties: &'d Duties,
    change: Option<&'c Change>,
}

impl Scope<'_, '_> {
    fn beyond_writing(&self, person: &str, role: Role) -> Option<Reason> {
        self.beyond(person, role, Change::beyond_writing)
    }

    fn beyond_approving(&self, person: &str) -> Option<Reason> {
        self.beyond(person, Role::Approver, Change::beyond_approving)
    }

    fn beyond(
        &self,
        person: &str,
        role: Role,
        judge: impl Fn(&Change, &BTreeSet<String>) -> Vec<String>,
    ) -> Option<Reason> {
        let owners = self.duties.people().get(person)?.owners()?;
        let beyond = judge(self.change?, owners);
        let owners = owners.iter().cloned().collect();
        (!beyond.is_empty()).then(|| Reason::OutOfScope { person: person.to_owned(), role, owners, beyond })
    }
}

/// Removing needs one, adding needs all: `missing` is what all would be, `alone` is why each of those who signed could
/// not do it alone.
fn enough(
    change: Option<&Change>,
    alone: Vec<Option<Reason>>,
    missing: Vec<Reason>,
    reasons: &mut Vec<Reason>,
) -> Option<Quorum> {
    let removes = change.is_some_and(Change::only_removes);
    match (missing.is_empty(), removes, alone.iter().any(Option::is_none)) {
        (true, _, _) => return Some(Quorum::Full),
        (false, true, true) => return Some(Quorum::RemovalByOne),
        (false, true, false) => {
            reasons.push(Reason::NobodySigned);
            reasons.extend(alone.into_iter().flatten());
        }
        (false, false, _) => {
            reasons.extend(missing);
            // Of a change that cannot be looked at, something else is wrong, and told.
            reasons.extend(change.map(|change| Reason::OneIsNotEnough { because: change.because().to_vec() }));
        }
    }
    None
}

fn entitled<'d>(signed: &Signed, duty: Duty, duties: &'d Duties) -> Result<&'d str, Reason> {
    let member = signed.member.clone();
    match duties.owner_of(&signed.key) {
        None => Err(Reason::UnknownKey { member, fingerprint: signed.key.fingerprint() }),
        Some((person, entry)) if !entry.may(duty) => {
            Err(Reason::NotAllowed { member, person: person.to_owned(), role: signed.role, duty })
        }
        Some((person, _)) => Ok(person),
    }
}

fn sole_author<'d>(authors: &People<'d>, reasons: &mut Vec<Reason>, missing: &mut Vec<Reason>) -> Option<&'d str> {
    let mut names = authors.keys().copied();
    match (names.next(), names.next()) {
        (Some(author), None) => return Some(author),
        (None, _) => missing.push(Reason::MissingAuthor),
        // Whoever added a second author could otherwise approve as the first.
        _ => reasons.push(Reason::SeveralAuthors { people: authors.keys().map(ToString::to_string).collect() }),
    }
    None
}

/// Counts people, not keys; what did not count is named when it would have been needed.
fn count_approvals<'d>(
    authors: &BTreeSet<&'d str>,
    approvals: &People<'d>,
    scope: &Scope<'_, '_>,
    missing: &mut Vec<Reason>,
) -> BTreeSet<&'d str> {
    let duties = scope.duties;
    let mut notes = Vec::new();
    let mut eligible = BTreeSet::new();
    for (&person, &(_, signatures)) in approvals {
        let team = duties.mode() == Mode::Team;
        let opponent = authors.iter().find(|author| duties.in_conflict(author, person));
        if team && authors.contains(person) {
            notes.push(Reason::ApproverIsAuthor { person: person.to_owned() });
            continue;
        }
        if let Some(beyond) = scope.beyond_approving(person) {
            notes.push(beyond);
            continue;
        }
        if signatures > 1 {
            notes.push(Reason::CountedOnce { person: person.to_owned(), signatures });
        }
        match opponent {
            Some(&author) => notes.push(Reason::Conflict { one: author.to_owned(), other: person.to_owned() }),
            None => drop(eligible.insert(person)),
        }
    }
    let counted = largest_without_conflict(&eligible, duties.conflicts());
    for left_out in eligible.difference(&counted) {
        if let Some(one) = counted.iter().find(|one| duties.in_conflict(one, left_out)) {
            notes.push(Reason::Conflict { one: (*one).to_owned(), other: (*left_out).to_owned() });
        }
    }
    let needed = duties.approvals();
    if counted.len() < needed {
        missing.push(Reason::MissingApprovals { needed, counted: counted.len() });
        missing.extend(notes);
    }
    counted
}
