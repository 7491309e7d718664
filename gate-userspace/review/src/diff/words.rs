//! A difference as a page.

use super::{Cause, Declared, Diff, Group, Kind, Part, Role, RuleChange, RuleEvent};
use crate::page::{Item, Line, Page};

/// Most sources and targets of a part that are named when not all are asked for.
const FEW: usize = 4;

impl Diff {
    /// What the change amounts to, in one line.
    #[must_use]
    pub fn summary(&self) -> Line {
        if self.equal {
            return Line::of("Equal: nobody's access changes, and nothing that runs here");
        }
        let line = if self.only_removes { Line::of("Only removes: ") } else { Line::of("Gives: ") };
        let counts = &self.counts;
        let parts = [
            (counts.gains, " gained"),
            (counts.widens, " widened"),
            (counts.alters, " that cannot be compared exactly"),
            (counts.narrows, " narrowed"),
            (counts.loses, " lost"),
        ];
        let parts = parts.into_iter().filter(|(number, _)| *number > 0);
        let mut parts: Vec<Line> =
            parts.map(|(number, what)| Line::default().count(number, "cell").words(what)).collect();
        match self.declarations.len() {
            0 => {}
            number => parts.push(Line::default().count(number, "change").words(" to what runs here")),
        }
        join(line, parts)
    }

    /// How many people must sign. `duties_differ`: whether `duties.toml` is another, byte for byte. As
    /// `gate_bundle::admit` judges any bundle but the first of a chain.
    #[must_use]
    pub fn signatures(&self, duties_differ: bool) -> Line {
        let all = Line::of("An author and every approval are needed: ");
        match (self.only_removes, self.takes_away, duties_differ) {
            (false, ..) => all.words("it may give access"),
            (true, _, true) => all.words("duties.toml is another"),
            (true, false, false) => all.words("it takes no access away"),
            (true, true, false) => Line::of("One authorized signature is enough: it only takes access away"),
        }
    }

    /// Appends gains, then what cannot be compared, then losses, then declarations. `all` names every source and target.
    pub fn write(&self, all: bool, page: &mut Page) {
        for (kind, heading) in [
            (Kind::Gains, "Gains"),
            (Kind::Widens, "May ask more than before"),
            (Kind::Alters, "Cannot be compared exactly: conditions are other than they were, read both"),
            (Kind::Narrows, "May ask less than before"),
            (Kind::Loses, "Losses"),
        ] {
            let groups = self.groups.iter().filter(|group| group.kind == kind);
            page.section(Line::of(heading), groups.flat_map(|group| group.items(all)).collect());
        }
        page.section(Line::of("What runs here"), self.declarations.iter().map(|d| d.line().into()).collect());
        page.section(
            Line::of("Rules that change nobody's access"),
            self.idle_rules().map(|rule| rule.line().into()).collect(),
        );
    }

    /// Rules that are other than they were and are no cause of any change.
    fn idle_rules(&self) -> impl Iterator<Item = &RuleChange> {
        let causes = || self.groups.iter().flat_map(|group| &group.causes);
        let named: std::collections::BTreeSet<&str> = causes().map(|cause| cause.rule.id.as_str()).collect();
        self.rules.iter().filter(move |rule| !named.contains(rule.id.as_str()))
    }
}

impl Group {
    fn items(&self, all: bool) -> Vec<Item> {
        let causes: Vec<Item> = self.causes.iter().map(|cause| cause.line().into()).collect();
        let (last, parts) = match self.parts.split_last() {
            Some(parts) => parts,
            None => return causes,
        };
        // The causes stand once, below the last of the parts that have them.
        let mut items: Vec<Item> = parts.iter().map(|part| self.part(part, all).into()).collect();
        items.push(Item { line: self.part(last, all), below: causes });
        items
    }

    fn part(&self, part: &Part, all: bool) -> Line {
        let line = some(&part.sources, "service", all).words(" -> ");
        let targets: Vec<String> = part.targets.iter().map(super::Target::name).collect();
        let line = line.line(some(&targets, "target", all));
        if self.conditional && self.kind == Kind::Gains { line.words(", on a condition") } else { line }
    }
}

/// `web`, `batch, web`, or `12 services (batch, web, …)`.
fn some(names: &[String], one: &'static str, all: bool) -> Line {
    if all || names.len() <= FEW {
        return Line::default().names(names);
    }
    let line = Line::default().count(names.len(), one).words(" (");
    line.names(names.iter().take(FEW - 1)).words(", …)")
}

impl Cause {
    pub(crate) fn line(&self) -> Line {
        let rule = self.rule.line();
        match self.role {
            Role::Permits => Line::of("permitted by ").line(rule),
            Role::ForbidsOnCondition => Line::of("unless forbidden by ").line(rule),
            Role::Forbids => Line::of("forbidden by ").line(rule),
            Role::ForbadeBefore => Line::of("no longer forbidden by ").line(rule),
            Role::OtherCondition => Line::of("another condition: ").line(rule),
            Role::PermitGone => Line::of("gone: ").line(rule),
            Role::PermitNarrowed => Line::of("no longer covered by ").line(rule),
            Role::PermitOverruled => Line::of("still permitted, in vain, by ").line(rule),
        }
    }
}

impl Declared {
    pub(crate) fn line(&self) -> Line {
        let line = if self.gives { Line::of("may give: ") } else { Line::of("takes away: ") };
        let line = match self.of {
            "" => return line.name(&self.name),
            "environment" => line.words("the environment "),
            "labels" => line.words("the labels "),
            "host" => line.words("[host] "),
            "section" => line.words("section ").name(&self.name).words(" of [host] "),
            of => line.words(of).words(" ").name(&self.name).words(" "),
        };
        let line = match (&self.was, &self.is) {
            (Some(was), Some(is)) => line.words(self.what).words(": ").name(is).words(", was ").name(was),
            (None, Some(text)) | (Some(text), None) => line.words(self.what).words(": ").name(text),
            (None, None) => line.words(self.what),
        };
        match self.note {
            Some(note) => line.words("; ").words(note),
            None => line,
        }
    }
}

impl RuleChange {
    fn line(&self) -> Line {
        let what = match self.what {
            RuleEvent::New => "new: ",
            RuleEvent::Gone => "gone: ",
            RuleEvent::Changed => "another effect or condition: ",
            RuleEvent::Reworded => "another reason or ticket: ",
        };
        let line = Line::of(what).name(&self.id).words(" (").name(&self.place).words(") ");
        line.quote(&self.reason).words(" [").name(&self.ticket).words("]")
    }
}

fn join(line: Line, parts: Vec<Line>) -> Line {
    let each = |(line, first): (Line, bool), part: Line| {
        (if first { line.line(part) } else { line.words(", ").line(part) }, false)
    };
    parts.into_iter().fold((line, true), each).0
}
