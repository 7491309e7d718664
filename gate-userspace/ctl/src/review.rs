//! `gatectl review`: what an approver reads before signing.

mod cases;
mod duties;

use crate::policy::{DUTIES, Policy, check_files, compare};
use crate::report::{Exit, Failure, Report};
use gate_bundle::{Bundle, Change, Draft, TABLES, check_toxic};
use gate_review::{Diff, Item, Kind, Line, Page};
use gate_tables::Tables;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// What is in force: a policy directory, the file of a bundle, or "-" for a bundle on standard input.
    old: PathBuf,
    /// What is to be signed.
    new: PathBuf,
    /// Write Markdown, for a pull request.
    #[arg(long)]
    markdown: bool,
    /// Name every source and target, however many.
    #[arg(long)]
    all: bool,
}

const HELP: &str = "Exit codes: 0 the review was written, whatever it says; 1 NEW is not sound (a case does not hold, its \
                    tables do not follow from its rules): nobody should sign it; 2 usage error, or one of them cannot be \
                    read or does not compile.";

pub(crate) fn run(arguments: &Arguments, now: u64) -> Result<Report, Failure> {
    let (old, new) = Policy::pair(&arguments.old, &arguments.new)?;
    let review = Review::new(&old, &new, now)?;
    let page = review.page(&old, &new, arguments.all);
    let text = if arguments.markdown { page.to_markdown() } else { page.to_terminal() };
    let exit = if review.unsound.is_empty() { Exit::Fine } else { Exit::Found };
    Ok(Report { exit, text, json: review.json() })
}

struct Review {
    /// Why nobody should sign it.
    unsound: Vec<Line>,
    duties: Vec<Line>,
    /// Of `duties`, what gives somebody more to say.
    weighty: Vec<Line>,
    duties_differ: bool,
    diff: Diff,
    cases: Vec<Line>,
    remarks: Vec<Line>,
}

impl Review {
    fn new(old: &Policy, new: &Policy, now: u64) -> Result<Self, Failure> {
        let of = |policy: &Policy| duties::of(policy);
        let (before, after) = match (of(old), of(new)) {
            (Ok(before), Ok(after)) => (before, after),
            (one, other) => {
                let errors = [one.err(), other.err()].into_iter().flatten().flatten().collect();
                return Err(Failure { exit: Exit::Cannot, errors });
            }
        };
        let files = [old, new].map(|policy| policy.source.file(DUTIES));
        Ok(Self {
            unsound: unsound(old, new, now),
            duties: duties::differences(&before, &after, files),
            weighty: duties::weighty(&before, &after),
            duties_differ: files[0] != files[1],
            diff: compare(old, new),
            cases: cases::differences(&old.source, &new.source),
            remarks: remarks(new),
        })
    }

    fn page(&self, old: &Policy, new: &Policy, all: bool) -> Page {
        let mut page = Page::default();
        page.title(Line::of("Review of ").name(&new.name).words(" against ").name(&old.name));
        page.paragraph(self.diff.summary());
        page.paragraph(self.diff.signatures(self.duties_differ));
        if let Some(owners) = self.owners(old, new) {
            page.paragraph(owners);
        }
        page.items(
            [("old: ", old), ("new: ", new)].into_iter().filter_map(|(side, policy)| bundle(side, policy)).collect(),
        );
        let items = |lines: &[Line]| lines.iter().cloned().map(Item::from).collect::<Vec<_>>();
        page.section(Line::of("DO NOT SIGN"), items(&self.unsound));
        page.section(Line::of("Read first"), items(&self.first()));
        page.section(Line::of("People, keys and thresholds (duties.toml)"), items(&self.duties));
        self.diff.write(all, &mut page);
        page.section(Line::of("Decisions that must hold (cases.toml)"), items(&self.cases));
        page.section(Line::of("Remarks on the new rules"), items(&self.remarks));
        page
    }

    /// What nobody may overlook: people and keys, then what else is of weight.
    fn first(&self) -> Vec<Line> {
        let notices = self.diff.first.iter().map(gate_review::Notice::line);
        self.weighty.iter().cloned().chain(notices).collect()
    }

    /// Whose services gain a caller or are declared otherwise: who signs for some owners only, approves for all of these
    /// or not at all (`gate_bundle::admit`).
    fn owners(&self, old: &Policy, new: &Policy) -> Option<Line> {
        let gains = self.diff.groups.iter().filter(|group| group.kind <= Kind::Alters);
        let targets = gains.flat_map(|group| &group.parts).flat_map(|part| &part.targets);
        let gaining = targets.map(|target| target.destination.as_str());
        let declared = self.diff.declarations.iter().filter_map(|declared| declared.name.split([':', '.']).next());
        let services: BTreeSet<&str> = gaining.chain(declared).collect();
        let owner = |tables: &Tables, name: &str| tables.service_named(name).map(|service| service.owner.clone());
        let owners = services.iter().flat_map(|name| [owner(&old.tables, name), owner(&new.tables, name)]);
        let owners: BTreeSet<String> = owners.flatten().collect();
        let of = Line::of("Services that gain a caller or are declared otherwise belong to ");
        (!owners.is_empty()).then(|| of.names(owners))
    }

    fn json(&self) -> Value {
        let texts = |lines: &[Line]| lines.iter().map(Line::to_terminal).collect::<Vec<_>>();
        json!({
            "summary": self.diff.summary().to_terminal(), "signatures": self.diff.signatures(self.duties_differ).to_terminal(),
            "unsound": texts(&self.unsound), "first": texts(&self.first()), "duties": texts(&self.duties), "duties_differ": self.duties_differ,
            "cases": texts(&self.cases), "remarks": texts(&self.remarks), "diff": self.diff,
        })
    }
}

/// What a bundle is, beside its files.
fn bundle(side: &'static str, policy: &Policy) -> Option<Item> {
    let bundle = policy.bundle.as_ref()?;
    let manifest = bundle.manifest();
    let version = usize::try_from(manifest.version()).unwrap_or(usize::MAX);
    let line = Line::of(side).words("version ").number(version).words(", digest ").name(bundle.digest().to_string());
    let line = match manifest.git_commit() {
        Some(commit) => line.words(", git commit ").name(commit),
        None => line.words(", of no git commit"),
    };
    Some(line.into())
}

/// Problems that every role would refuse the new policy for, or that make this review one of something else.
fn unsound(old: &Policy, new: &Policy, now: u64) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(why) = new.unfounded(old) {
        lines.push(Line::of("the tables in the bundle do not follow from its rules: ").name(why));
    }
    if let Err(problems) = check_files(new.source.clone(), Some(&new.tables)) {
        lines.extend(problems.iter().map(|problem| Line::default().name(problem.to_string())));
    }
    lines.extend(toxic(old, new, now));
    if let (Some(before), Some(after)) = (&old.bundle, &new.bundle)
        && after.manifest().previous() != Some(before.digest())
    {
        lines.push(Line::of("the new bundle does not follow the old one; review it against the one that it follows"));
    }
    lines
}

/// Combinations that nobody may hold, and exceptions that are over or idle: no role activates it.
fn toxic(old: &Policy, new: &Policy, now: u64) -> Vec<Line> {
    let judge = |bundle: &Bundle| check_toxic(bundle, &Change::of(bundle, old.bundle.as_ref()), now);
    let judged = match &new.bundle {
        Some(bundle) => judge(bundle),
        None => draft(old, new, now).and_then(|bundle| judge(&bundle)),
    };
    let Err(refusal) = judged else { return Vec::new() };
    refusal.reasons().iter().map(|reason| Line::default().name(reason.to_string())).collect()
}

/// The bundle that a directory would become.
fn draft(old: &Policy, new: &Policy, now: u64) -> Result<Bundle, gate_bundle::Refusal> {
    let files = new.source.files().map(|(name, bytes)| (format!("policy/{name}"), bytes.to_vec()));
    let tables = new.tables.to_bytes().unwrap_or_default();
    let files = files.chain([(TABLES.to_owned(), tables)]).collect();
    let previous = old.bundle.as_ref().map(|bundle| (bundle.manifest().version(), bundle.digest()));
    let environment = new.tables.environment.clone();
    Bundle::unsigned(Draft { environment, previous, git_commit: None, created: now, not_after: now + 1 }, files)
}

/// Rules that change no decision; of rules that do not compile nothing is known.
fn remarks(new: &Policy) -> Vec<Line> {
    let remarks = new.compiled().map(gate_policy::Compiled::remarks).unwrap_or_default();
    remarks.iter().map(|remark| Line::default().name(remark.to_string())).collect()
}
