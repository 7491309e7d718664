//! What follows from both layers together.

use super::Question;
use gate_host::Role;
use serde_json::Value;

/// The end of an explanation.
pub(crate) struct Conclusion {
    /// `None`: a layer gave no answer, and the other does not deny.
    pub(crate) allowed: Option<bool>,
    pub(crate) words: String,
}

/// A port as gate-net judges it.
struct Port<'v> {
    name: &'v str,
    verdict: &'v str,
    observe: bool,
}

impl Conclusion {
    pub(crate) fn of(
        question: &Question,
        kernel: Option<&Value>,
        decisions: Option<&Vec<Value>>,
        versions: &[(Role, Option<u64>)],
    ) -> Self {
        let ports: Option<Vec<Port<'_>>> = kernel.map(|kernel| {
            let ports = kernel.get("ports").and_then(Value::as_array);
            ports.into_iter().flatten().map(port).collect()
        });
        if question.is_connect() {
            connection(ports.as_deref(), decisions)
        } else {
            request(ports.as_deref(), decisions).unless_mixed(versions)
        }
    }

    /// Rules alone let no request through: every role that it passes must be there, and on one version.
    fn unless_mixed(self, versions: &[(Role, Option<u64>)]) -> Self {
        let mut known = versions.iter().map(|(_, version)| *version);
        let first = known.next().flatten();
        if self.allowed != Some(true) || (first.is_some() && known.all(|version| version == first)) {
            return self;
        }
        let one = |(role, version): &(Role, Option<u64>)| match version {
            Some(version) => format!("gate-{role} has version {version}"),
            None => format!("gate-{role} gave no answer"),
        };
        let found: Vec<String> = versions.iter().map(one).collect();
        let found = found.join(", ");
        if versions.iter().any(|(_, version)| version.is_none()) {
            // Sessions and decisions that were made before last until they expire.
            let words = format!("allowed by the rules; new requests may fail: {found}; see gatectl status");
            return Self::new(None, words);
        }
        Self::new(Some(false), format!("allowed by the rules, and denied now: {found}; see gatectl status"))
    }

    fn new(allowed: Option<bool>, words: impl Into<String>) -> Self {
        Self { allowed, words: words.into() }
    }
}

fn port(port: &Value) -> Port<'_> {
    let text = |name: &str| port.get(name).and_then(Value::as_str).unwrap_or_default();
    Port { name: text("port"), verdict: text("verdict"), observe: port.get("observe") == Some(&Value::Bool(true)) }
}

fn permits(decision: &Value) -> bool {
    decision.get("outcome").and_then(Value::as_str) == Some("allow")
}

const UNKNOWN: &str = "unknown: a layer gave no answer";

/// A request passes where its port is reached through the proxy and a rule permits its route.
fn request(ports: Option<&[Port<'_>]>, decisions: Option<&Vec<Value>>) -> Conclusion {
    let reaches = ports.map(|ports| ports.iter().any(|port| port.verdict == "proxy"));
    let permitted = decisions.map(|decisions| decisions.iter().any(permits));
    match (reaches, permitted) {
        (Some(false), _) | (_, Some(false)) => denied(ports),
        (Some(true), Some(true)) => Conclusion::new(Some(true), "allowed"),
        _ => Conclusion::new(None, UNKNOWN),
    }
}

/// A connection passes on a port that both layers permit.
fn connection(ports: Option<&[Port<'_>]>, decisions: Option<&Vec<Value>>) -> Conclusion {
    let Some(ports) = ports else { return Conclusion::new(None, UNKNOWN) };
    let open: Vec<&Port<'_>> = ports.iter().filter(|port| port.verdict == "allow").collect();
    if open.is_empty() && ports.iter().any(|port| port.verdict == "proxy") {
        let words = "denied as a plain connection: gate-proxy takes it, and judges each request; ask about a route";
        return Conclusion::new(Some(false), words);
    }
    if open.is_empty() {
        return denied(Some(ports));
    }
    let Some(decisions) = decisions else { return Conclusion::new(None, UNKNOWN) };
    let agreed = |port: &&Port<'_>| {
        let of = |decision: &&Value| decision.get("port").and_then(Value::as_str) == Some(port.name);
        decisions.iter().filter(of).any(permits)
    };
    let (allowed, contradicted): (Vec<_>, Vec<_>) = open.into_iter().partition(agreed);
    if let Some(port) = contradicted.first() {
        let words = format!("the layers contradict each other on port {}: see gatectl status", port.name);
        return Conclusion::new(Some(false), words);
    }
    match (allowed.as_slice(), ports) {
        (_, [_]) => Conclusion::new(Some(true), "allowed"),
        (some, _) => {
            let names: Vec<&str> = some.iter().map(|port| port.name).collect();
            Conclusion::new(Some(true), format!("allowed on {}", names.join(", ")))
        }
    }
}

fn denied(ports: Option<&[Port<'_>]>) -> Conclusion {
    let observe = ports.is_some_and(|ports| ports.iter().any(|port| port.observe));
    let words = if observe { "denied, and not enforced: the source is in observe" } else { "denied" };
    Conclusion::new(Some(false), words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ports(verdicts: &[(&str, &str)]) -> Value {
        let port = |(name, verdict): &(&str, &str)| json!({ "port": name, "verdict": verdict, "observe": false });
        json!({ "ports": verdicts.iter().map(port).collect::<Vec<_>>() })
    }

    fn decisions(outcomes: &[(&str, &str)]) -> Vec<Value> {
        outcomes.iter().map(|(port, outcome)| json!({ "port": port, "outcome": outcome })).collect()
    }

    fn connect(kernel: Option<Value>, decided: Option<Vec<Value>>) -> (Option<bool>, String) {
        let Conclusion { allowed, words } = match kernel {
            Some(kernel) => {
                let ports: Vec<_> = kernel["ports"].as_array().unwrap().iter().map(port).collect();
                connection(Some(&ports), decided.as_ref())
            }
            None => connection(None, decided.as_ref()),
        };
        (allowed, words)
    }

    #[test]
    fn connections_need_both_layers_on_one_port() {
        let both = ports(&[("a", "allow"), ("b", "deny")]);
        let yes = decisions(&[("a", "allow"), ("b", "deny")]);
        assert_eq!(connect(Some(both.clone()), Some(yes)), (Some(true), "allowed on a".into()));
        let crossed = decisions(&[("a", "deny"), ("b", "allow")]);
        assert_eq!(connect(Some(both.clone()), Some(crossed)).0, Some(false));
        assert_eq!(connect(Some(both), None).0, None);
        assert_eq!(connect(None, Some(Vec::new())).0, None);
        assert_eq!(connect(Some(ports(&[("a", "deny")])), None), (Some(false), "denied".into()));
        assert!(connect(Some(ports(&[("a", "proxy")])), None).1.contains("ask about a route"));
    }

    #[test]
    fn requests_need_the_proxy_and_a_rule() {
        let ask = |kernel: Option<&Value>, decided: Option<&Vec<Value>>| {
            let ports: Option<Vec<_>> =
                kernel.map(|kernel| kernel["ports"].as_array().unwrap().iter().map(port).collect());
            request(ports.as_deref(), decided).allowed
        };
        let (proxy, none) = (ports(&[("api", "proxy")]), ports(&[("api", "deny")]));
        let (yes, no) = (decisions(&[("", "allow")]), decisions(&[("", "deny")]));
        assert_eq!(ask(Some(&proxy), Some(&yes)), Some(true));
        assert_eq!(ask(Some(&proxy), Some(&no)), Some(false));
        assert_eq!(ask(Some(&none), Some(&yes)), Some(false));
        assert_eq!(ask(None, Some(&no)), Some(false));
        assert_eq!(ask(None, Some(&yes)), None);
        assert_eq!(ask(Some(&proxy), None), None);
    }

    #[test]
    fn mixed_versions_let_nothing_through() {
        let allowed = || Conclusion::new(Some(true), "allowed");
        let same = [(Role::Net, Some(2)), (Role::Authz, Some(2))];
        assert_eq!(allowed().unless_mixed(&same).allowed, Some(true));
        for (other, expected) in [(Some(1), Some(false)), (None, None)] {
            let mixed = [(Role::Net, other), (Role::Authz, Some(2))];
            let found = allowed().unless_mixed(&mixed);
            assert_eq!(found.allowed, expected);
            assert!(found.words.contains("gate-net"), "{}", found.words);
        }
        assert_eq!(Conclusion::new(None, UNKNOWN).unless_mixed(&[(Role::Net, None)]).words, UNKNOWN);
    }
}
