//! Which package may depend on which: a duty is a crate, and its boundary is the crate's.

use super::metadata::Metadata;

/// Packages that only a few of the workspace's own may reach.
pub(crate) struct Boundary {
    /// What is guarded, by name.
    pub(crate) of: &'static [&'static str],
    /// The members of the workspace that may reach it.
    pub(crate) only: &'static [&'static str],
    pub(crate) reason: &'static str,
}

const ALONE: &str = "a duty is a process of its own, and no other imports it";

/// Every boundary. A member of the workspace that is named here and does not exist is an error.
pub(crate) const BOUNDARIES: &[Boundary] = &[
    Boundary {
        of: &["aya", "aya-obj"],
        only: &["gate-loader", "gate-net"],
        reason: "only these two hold descriptors of BPF programs and maps",
    },
    Boundary {
        of: &["aya-ebpf", "aya-log-ebpf", "gate-ebpf"],
        only: &["gate-ebpf"],
        reason: "the BPF programs reach user space as an object, not as a crate",
    },
    Boundary {
        of: &["cedar-policy", "cedar-policy-core"],
        only: &["gate-policy", "gate-authz", "gatectl", "gate-tests", "gate-fuzz"],
        reason: "rules are read where they are decided or written; the enforcing processes have tables alone",
    },
    Boundary {
        of: &["gate-review"],
        only: &["gate-review", "gatectl"],
        reason: "words and pictures are for people; no daemon decides by them",
    },
    Boundary { of: &["gate-loader"], only: &["gate-loader"], reason: ALONE },
    Boundary { of: &["gate-net"], only: &["gate-net"], reason: ALONE },
    Boundary { of: &["gate-proxy"], only: &["gate-proxy", "gate-tests"], reason: ALONE },
    Boundary { of: &["gate-authn"], only: &["gate-authn"], reason: ALONE },
    Boundary { of: &["gate-authz"], only: &["gate-authz"], reason: ALONE },
    Boundary { of: &["gate-audit"], only: &["gate-audit"], reason: ALONE },
    Boundary { of: &["gatectl"], only: &["gatectl"], reason: ALONE },
    Boundary { of: &["gate-tests"], only: &["gate-tests"], reason: "the harness is no part of the product" },
];

/// What crosses a boundary, with the way that it takes, and what in the table names nobody.
pub(crate) fn violations(metadata: &Metadata, boundaries: &[Boundary]) -> Vec<String> {
    let crossings = metadata.members().flat_map(|member| {
        let reached = metadata.reached_from(member);
        let others = boundaries.iter().filter(|boundary| !boundary.only.contains(&member.name.as_str()));
        others.flat_map(move |boundary| crossings(&member.name, &reached, boundary)).collect::<Vec<_>>()
    });
    crossings.chain(strangers(metadata, boundaries)).collect()
}

fn crossings(member: &str, reached: &std::collections::BTreeMap<&str, Vec<&str>>, boundary: &Boundary) -> Vec<String> {
    let ways = boundary.of.iter().filter_map(|guarded| Some((guarded, reached.get(guarded)?)));
    ways.map(|(guarded, way)| {
        format!(
            "{member} reaches {guarded} ({}); only {} may: {}",
            way.join(" -> "),
            boundary.only.join(", "),
            boundary.reason
        )
    })
    .collect()
}

fn strangers(metadata: &Metadata, boundaries: &[Boundary]) -> Vec<String> {
    let is_member = |name: &str| metadata.members().any(|member| member.name == name);
    let named = boundaries.iter().flat_map(|boundary| boundary.only);
    let mut unknown: Vec<_> = named.filter(|name| !is_member(name)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown
        .into_iter()
        .map(|name| format!("the table of boundaries names {name}, which is no member of the workspace"))
        .collect()
}
