//! Random rules over everything that the worlds declare.

use proptest::prelude::*;

/// One rule as text, in parts.
#[derive(Debug, Clone)]
pub struct Rule {
    pub effect: &'static str,
    pub principal: &'static str,
    pub target: &'static str,
    /// Empty for none.
    pub condition: String,
}

impl Rule {
    /// The rule with its number for an id, on one line. Without `condition` it speaks of everything in its scope.
    pub fn text(&self, effect: &str, number: usize, condition: &str) -> String {
        let Self { principal, target, .. } = self;
        format!("@id(\"r{number:02}\") @reason(\"r\") @ticket(\"t\") {effect} ({principal}, {target}) {condition};\n")
    }
}

/// The whole policy.
pub fn text(rules: &[Rule]) -> String {
    rules.iter().enumerate().map(|(number, rule)| rule.text(rule.effect, number, &rule.condition)).collect()
}

pub fn any_rule() -> impl Strategy<Value = Rule> {
    let named = prop::sample::select(vec![
        "principal == Service::\"web\"",
        "principal == Service::\"batch\"",
        "principal == Service::\"ops\"",
        "principal == Service::\"api\"",
        "principal == Host::\"self\"",
        "principal in Service::\"web\"",
        "principal in Group::\"clients\"",
        "principal in Group::\"jobs\"",
        "principal is Service in Group::\"jobs\"",
        "principal in World::\"any\"",
        "principal == World::\"any\"",
        "principal in Network::\"lan\"",
        "principal == Network::\"lan\"",
        "principal == Network::\"office\"",
        "principal is Network in Network::\"lan\"",
    ]);
    let anyone =
        prop::sample::select(vec!["principal", "principal is Service", "principal is Host", "principal is Network"]);
    let permit = named.clone().prop_map(|principal| ("permit", principal));
    let forbid = prop_oneof![2 => named, 1 => anyone].prop_map(|principal| ("forbid", principal));
    let head = prop_oneof![3 => permit, 1 => forbid];
    let body = prop_oneof![2 => with_flows(), 2 => with_routes(), 3 => with_ids()];
    (head, body).prop_map(|((effect, principal), (target, condition))| Rule { effect, principal, target, condition })
}

/// Scopes that cover connections, whose conditions are on the time alone.
fn with_flows() -> impl Strategy<Value = (&'static str, String)> {
    let targets = prop::sample::select(vec![
        "action, resource",
        "action, resource is Port",
        "action == Action::\"connect\", resource",
        "action == Action::\"connect\", resource == Port::\"api:tcp/81\"",
        "action in Action::\"connect\", resource == Port::\"ops:tcp/91\"",
        "action in [Action::\"connect\", Action::\"api.get\", Action::\"ops:all\"], resource",
        "action, resource in Network::\"lan\"",
        "action == Action::\"connect\", resource in Service::\"ops\"",
        "action == Action::\"connect\", resource in World::\"any\"",
        "action, resource is Port in Network::\"office\"",
        "action, resource == Port::\"office:udp/53\"",
        "action == Action::\"connect\", resource in Group::\"jobs\"",
    ]);
    let times = prop::sample::select(vec![
        "when { context.now < 1000 }",
        "when { context.now >= 1000 }",
        "when { context.now > 3 && context.now <= 40000 } unless { context.now >= 1001 }",
    ]);
    let condition = prop_oneof![3 => Just(String::new()), 1 => times.prop_map(str::to_owned)];
    (targets, condition)
}

/// Scopes of routes with different parameters.
fn with_routes() -> impl Strategy<Value = (&'static str, String)> {
    let targets = prop::sample::select(vec![
        "action, resource is Service",
        "action, resource == Service::\"api\"",
        "action, resource in Group::\"jobs\"",
        "action, resource is Service in Group::\"jobs\"",
        "action in Action::\"api:all\", resource",
        "action in Action::\"api:read\", resource == Service::\"api\"",
        "action in [Action::\"ops:write\", Action::\"api.list\"], resource",
        "action == Action::\"ops.run\", resource == Service::\"ops\"",
        "action == Action::\"api.list\", resource",
    ]);
    (targets, conditions(any_route_condition().boxed()))
}

/// Scopes of routes that have `id`.
fn with_ids() -> impl Strategy<Value = (&'static str, String)> {
    let targets = prop::sample::select(vec![
        "action == Action::\"api.get\", resource",
        "action == Action::\"api.get\", resource == Service::\"api\"",
        "action in [Action::\"api.get\", Action::\"api:write\"], resource == Service::\"api\"",
        "action in Action::\"api:write\", resource in Service::\"api\"",
    ]);
    let of_id = prop::sample::select(vec![
        "context.params.id == 1",
        "context.headers has \"x-tenant\" && context.headers[\"x-tenant\"] == \"a\"",
        "!(context.headers has \"x-rank\") || context.headers[\"x-rank\"] + 1 > 0",
        "context.headers has \"x-rank\" && context.headers[\"x-rank\"] + 1 > 0",
        "context.query has limit && context.query.limit <= 10",
        "context.query has limit && context.query.limit + context.params.id > 3",
        "context has user && context.user has units && context.user.units.contains(\"b\")",
        "context has user && context.user has vip && context.user.vip",
        "context has user && context.headers has \"x-tenant\" && context.user.sub like \"u1*\"",
        "context.params.id < 2",
        "context.params.id + 9223372036854775806 > 0",
        "context.params.id * 2 == 2 || context.params.id - 9223372036854775807 < 0",
    ]);
    (targets, conditions(prop_oneof![any_route_condition(), of_id].boxed()))
}

fn any_route_condition() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "context.source has uid && context.source.uid == 33",
        "context.source has uid && context.source.uid == 33 && context.method == \"GET\"",
        "context.method == \"PUT\"",
        "context.now + 1 > 5",
        "context.source has uid && context.source.uid == 33 || context.now + 1 > 5",
        "context.local.weekday < 6",
        "context.path like \"/a*\"",
        "principal == Service::\"web\"",
        "principal in Group::\"jobs\" || context.local.minute > 600",
        "resource in Group::\"jobs\"",
        "context.source has uid",
        "context has user && context.user.role == \"teller\"",
        "context has user && [\"teller\", \"clerk\"].contains(context.user.role) && context.user.acr == \"gold\"",
        "context has user && context.now - context.user.auth_time < 600",
        "context has user && context.user.auth_time <= context.now && context.user.role != \"clerk\"",
        "context.host == \"api.example\"",
        "context.host like \"*.internal\" || context.host == \"\"",
        "principal in Network::\"lan\"",
        "principal is Network && context.host == \"internal\"",
        "principal in World::\"any\" && !(principal in Network::\"office\")",
        "context.now > 5 && action in Action::\"api:read\"",
    ])
}

fn conditions(condition: BoxedStrategy<&'static str>) -> impl Strategy<Value = String> {
    let one = |word: &'static str| condition.clone().prop_map(move |text| format!("{word} {{ {text} }}"));
    prop_oneof![
        2 => Just(String::new()),
        3 => one("when"),
        1 => one("unless"),
        1 => (one("when"), one("unless")).prop_map(|(when, unless)| format!("{when} {unless}")),
    ]
}
