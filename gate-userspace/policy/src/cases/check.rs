//! Whether what cases name is there.

use super::Case;
use crate::context::{check_fields, check_params, check_user};
use crate::diagnostic::Report;
use crate::names::check_rule_id;
use crate::rules::Rule;
use crate::source::CASES;
use crate::spelling::suggestion;
use crate::universe::{Target, Universe};
use gate_tables::HostPattern;

/// Checks what cases name.
pub(crate) fn check(cases: &[Case], universe: &Universe, rules: &[Rule], report: &mut Report) {
    for case in cases {
        let mut say = |message: String| report.at(CASES, case.line, format!("case \"{}\": {message}", case.name));
        if universe.subject_named(&case.principal).is_none() {
            let principals = universe.subjects.iter().map(|subject| subject.name.as_str());
            let hint = suggestion(&case.principal, principals);
            say(format!(
                "principal = {:?} is no service, no network, not \"host\" and not \"world\"{hint}",
                case.principal
            ));
        }
        match case.target(universe) {
            None => say(unknown_target(case, universe)),
            Some(target) => target_fits(case, target, &mut say),
        }
        let known_rule = |id: &String| rules.binary_search_by(|rule| rule.id.cmp(id)).is_ok();
        if let Some(id) = case.rule.as_ref().filter(|id| !known_rule(id)) {
            let ids = rules.iter().map(|rule| rule.id.as_str()).filter(|id| check_rule_id(id).is_ok());
            say(format!("rule = {id:?} is no rule{}", suggestion(id, ids)));
        }
    }
}

fn target_fits(case: &Case, target: &Target, say: &mut impl FnMut(String)) {
    let resource = target.resource.id().unescaped();
    match &target.route {
        None if !case.params.is_empty() => say("a connection has no params; remove them".to_owned()),
        None if of_request(case) => {
            say("a connection has no host, headers, query, user and source; remove them".to_owned());
        }
        None if case.resource.is_some() => say("a connection's resource is its port; remove \"resource\"".to_owned()),
        None => {}
        Some(route) => {
            if let Some(other) = case.resource.as_ref().filter(|other| *other != resource) {
                say(format!("resource = {other:?}; the action {} is of \"{resource}\"", case.action));
            }
            let user = check_user(case.user.as_ref(), route.issuer.as_deref());
            let fields = check_fields(&case.headers, &case.query, route);
            let params = check_params(&case.params, &route.path);
            [params, fields, user, host(case, &route.hosts)].into_iter().filter_map(Result::err).for_each(say);
        }
    }
}

fn of_request(case: &Case) -> bool {
    let none = case.host.is_empty() && case.headers.is_empty() && case.query.is_empty();
    !none || case.user.is_some() || case.source_uid.is_some()
}

/// A request that names no such host is of no such route.
fn host(case: &Case, hosts: &[HostPattern]) -> Result<(), String> {
    let is_host = HostPattern::parse(&case.host).is_ok_and(|pattern| !pattern.to_string().starts_with('*'));
    if !case.host.is_empty() && !is_host {
        return Err(format!("host = {:?}; write a name in lower case, without port: \"api.shop.example\"", case.host));
    }
    if hosts.is_empty() || hosts.iter().any(|pattern| pattern.matches(&case.host)) {
        return Ok(());
    }
    let known: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    Err(format!("host = {:?}; the action {} is at {}", case.host, case.action, known.join(", ")))
}

fn unknown_target(case: &Case, universe: &Universe) -> String {
    let flows = || universe.targets.iter().filter(|target| target.route.is_none());
    match (&case.port, case.action.as_str()) {
        (None, "connect") => "action = \"connect\" needs port = \"SERVICE:tcp/NUMBER\" (or a network's)".to_owned(),
        (Some(port), "connect") => match universe.l7_port(port) {
            Some((service, _)) => {
                format!("port = {port:?} is reached through the proxy; ask for an action of \"{service}\"")
            }
            None => {
                let ports = flows().map(|target| target.resource.id().unescaped());
                format!("port = {port:?} is not declared{}", suggestion(port, ports))
            }
        },
        (Some(_), action) => format!("action = {action:?} has no port; only \"connect\" has"),
        (None, action) => {
            let routes = universe.targets.iter().filter(|target| target.route.is_some());
            let actions = routes.map(|target| target.action_name.as_str()).chain(["connect"]);
            format!("action = {action:?} is not declared{}", suggestion(action, actions))
        }
    }
}
