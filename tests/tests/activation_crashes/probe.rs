//! What can be seen from the outside: who reaches what.

use anyhow::ensure;
use gate_tests::{Held, Host, LEDGER_PORT, ORDERS_PORT, Policy, attacker::Outcome};
use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::{fmt, fs};

/// Which of two policies, each of which takes something away that the other gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The shop: web reads orders and books in the ledger.
    Shop,
    /// The other one: web creates orders and does nothing else, batch reads orders and books in the ledger.
    Other,
}

impl Kind {
    /// Versions take turns.
    pub fn of_version(version: u64) -> Self {
        if version % 2 == 1 { Self::Shop } else { Self::Other }
    }

    /// The policy, made of the one before.
    pub fn policy_after(self, before: &Policy) -> anyhow::Result<Policy> {
        let (from, to) = match self {
            Self::Shop => ("batch", "web"),
            Self::Other => ("web", "batch"),
        };
        let mut policy = before.clone();
        for action in ["action in Action::\"orders:read\"", "action == Action::\"connect\""] {
            let of = |name: &str| format!("principal == Service::\"{name}\", {action}");
            policy = policy.replace("shop.cedar", &of(from), &of(to))?;
        }
        match self {
            Self::Shop => policy.replace("shop.cedar", CREATES, ""),
            Self::Other => Ok(policy.with("shop.cedar", CREATES)),
        }
    }
}

const CREATES: &str = "\n@id(\"web-creates\")\n@reason(\"a test\")\n@ticket(\"OPS-1\")\n\
                       permit (principal == Service::\"web\", action == Action::\"orders.createOrder\", \
                       resource == Service::\"orders\");\n";

/// What is tried each time: who, what, and which policy allows it.
const FLOWS: [(&str, Option<Kind>); 3] = [("web", Some(Kind::Shop)), ("batch", Some(Kind::Other)), ("orders", None)];
const REQUESTS: [(&str, &str, &str, Option<Kind>); 5] = [
    ("web", "GET", "/orders/1", Some(Kind::Shop)),
    ("web", "POST", "/orders", Some(Kind::Other)),
    ("batch", "GET", "/orders/1", Some(Kind::Other)),
    ("batch", "POST", "/orders", None),
    ("web", "DELETE", "/orders/1", None),
];

/// Connections that were opened, and used, under the old bundle.
pub struct Watch {
    /// `None`: it has ended.
    session: Option<Held>,
    flow: Held,
    holder: Kind,
    /// How often a backend was seen to answer, by method.
    answered: BTreeMap<&'static str, usize>,
    /// How many requests it had before.
    had: BTreeMap<&'static str, usize>,
}

/// What was allowed in one look, and by which policy it may be.
#[derive(Debug, Default)]
pub struct Seen {
    tried: BTreeMap<String, (bool, Option<Kind>)>,
}

impl Watch {
    /// Opens them under the policy in force.
    pub fn begin(host: &mut Host, kind: Kind) -> anyhow::Result<Self> {
        let session = host.hold("web", format!("127.0.0.1:{ORDERS_PORT}").parse()?)?;
        let holder = if kind == Kind::Shop { "web" } else { "batch" };
        let flow = host.hold_plain(holder, format!("127.0.0.1:{LEDGER_PORT}").parse()?)?;
        let had = arrived(host)?;
        Ok(Self { session: Some(session), flow, holder: kind, answered: BTreeMap::new(), had })
    }

    /// Tries everything once.
    pub fn look(&mut self, host: &mut Host) -> anyhow::Result<Seen> {
        let mut seen = Seen::default();
        // First what may be remembered of the old bundle: it ends by itself.
        for (method, path, kind) in [("GET", "/orders/1", Kind::Shop), ("POST", "/orders", Kind::Other)] {
            let worked = self.ask_on_session(method, path)?;
            seen.add(format!("web {method}, on its old connection"), worked, Some(kind));
        }
        let came = self.flow.ask("old")?;
        seen.add("the ledger, on an old connection".into(), came.worked_with("booked"), Some(self.holder));
        let attacker = host.installed("gate-attacker")?.display().to_string();
        let ledger = format!("127.0.0.1:{LEDGER_PORT}");
        let mut flows = Vec::new();
        for (service, kind) in FLOWS {
            flows.push((service, kind, start(host, service, &[&attacker, "connect", &ledger])?));
        }
        let mut requests = Vec::new();
        for (service, method, path, kind) in REQUESTS {
            let url = format!("http://127.0.0.1:{ORDERS_PORT}{path}");
            requests.push((service, method, kind, start(host, service, &[&CURL[..], &["-X", method, &url]].concat())?));
        }
        for (service, kind, child) in flows {
            seen.add(format!("{service} → ledger"), said(child)?.contains("booked"), kind);
        }
        for (service, method, kind, child) in requests {
            let worked = said(child)?.trim() == "200";
            self.count(method, worked);
            seen.add(format!("{service} {method}"), worked, kind);
        }
        Ok(seen)
    }

    /// A connection on which there was no answer is not used again: the answer may still come, to another question.
    fn ask_on_session(&mut self, method: &'static str, path: &str) -> anyhow::Result<bool> {
        let Some(session) = &mut self.session else { return Ok(false) };
        let came = session.ask(&format!("{method} {path}"))?;
        if matches!(came, Outcome::Refused { .. }) {
            self.session = None;
        }
        self.count(method, came.worked_with("200"));
        Ok(came.worked_with("200"))
    }

    fn count(&mut self, method: &'static str, worked: bool) {
        *self.answered.entry(method).or_default() += usize::from(worked);
    }

    /// The backend got what was seen to be answered, and nothing that was held up and came late.
    pub fn nothing_came_late(&self, host: &Host) -> anyhow::Result<()> {
        let now = arrived(host)?;
        for (method, answered) in &self.answered {
            let number = |of: &BTreeMap<&'static str, usize>| of.get(method).copied().unwrap_or(0);
            let came = number(&now) - number(&self.had);
            ensure!(came == *answered, "{answered} {method} requests were answered, and {came} reached the backend");
        }
        Ok(())
    }
}

const CURL: [&str; 10] = ["curl", "-s", "-o", "/dev/null", "--noproxy", "*", "--max-time", "10", "-w", "%{http_code}"];

fn start(host: &mut Host, service: &str, words: &[&str]) -> anyhow::Result<Child> {
    Ok(host.command(service, words)?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
}

fn said(child: Child) -> anyhow::Result<String> {
    Ok(String::from_utf8(child.wait_with_output()?.stdout)?)
}

/// How many requests orders has answered, by method.
fn arrived(host: &Host) -> anyhow::Result<BTreeMap<&'static str, usize>> {
    let log = fs::read_to_string(host.path("services/orders/access.log"))?;
    Ok(["GET", "POST"].map(|method| (method, log.matches(&format!("\"{method} ")).count())).into())
}

impl Seen {
    fn add(&mut self, what: String, allowed: bool, by: Option<Kind>) {
        self.tried.insert(what, (allowed, by));
    }

    fn allowed(&self) -> impl Iterator<Item = Option<Kind>> {
        self.tried.values().filter(|(allowed, _)| *allowed).map(|(_, by)| *by)
    }

    /// The one policy that allows all that was allowed. The kernel always enforces one, so that there is one.
    pub fn generation(&self) -> Option<Kind> {
        let kernel = FLOWS.iter().find_map(|(service, kind)| {
            self.tried.get(&format!("{service} → ledger")).filter(|(allowed, _)| *allowed).and(*kind)
        });
        kernel.filter(|kernel| self.allowed().all(|by| by == Some(*kernel)))
    }

    /// Whether everything is allowed that this policy allows, and nothing else. What is old may have ended.
    pub fn is_all_of(&self, kind: Kind) -> bool {
        let new = self.tried.iter().filter(|(what, _)| !what.contains("old connection"));
        self.generation() == Some(kind) && new.into_iter().all(|(_, (allowed, by))| *allowed == (*by == Some(kind)))
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.tried.iter().map(|(what, (allowed, by))| {
            let by = by.map_or("neither".to_owned(), |kind| format!("{kind:?}"));
            format!("{what} ({by}): {}", if *allowed { "yes" } else { "no" })
        });
        f.write_str(&words.by_ref().collect::<Vec<_>>().join(", "))
    }
}
