//! What a large policy costs: `cargo run --release -p gate-policy --example scale [RULES [SERVICES]]`, by default 10,000
//! rules over 1,000 services. Prints figures; asserts nothing. `--write DIRECTORY` writes the policy for `gatectl` instead.

use gate_policy::{Compiled, Decider, LocalTime, PolicySource, Principal, RequestContext, compile, run_cases};
use gate_tables::{Tables, Value};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Services that one group holds.
const GROUP: usize = 20;
/// Rules in one file, as one team would keep them.
const RULES_OF_A_FILE: usize = 500;
/// Of the example policy: what is measured does not depend on it, and `gatectl` wants one.
const DUTIES: &str = include_str!("../../../policies/shop/duties.toml");
const ROUTES: [(&str, &str, &str); 5] = [
    ("list", "GET /v1/items", "read"),
    ("get", "GET /v1/items/{id:int}", "read"),
    ("create", "POST /v1/items", "write"),
    ("replace", "PUT /v1/items/{id:int}", "write"),
    ("remove", "DELETE /v1/items/{id:int}", "write"),
];

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let written = arguments.iter().position(|argument| argument == "--write").and_then(|at| {
        arguments.remove(at);
        (at < arguments.len()).then(|| arguments.remove(at))
    });
    let number = |at: usize, otherwise| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (rules, services) = (number(0, 10_000), number(1, 1_000).max(GROUP));
    let outcome = match written {
        Some(directory) => write(Path::new(&directory), rules, services).map_err(|error| vec![error.to_string()]),
        None => figures(rules, services),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn figures(rules: usize, services: usize) -> Result<(), Vec<String>> {
    let told = |errors: Vec<gate_policy::Diagnostic>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    let source = PolicySource::from_files(files(rules, services)).map_err(told)?;
    let bytes: usize = source.files().map(|(_, bytes)| bytes.len()).sum();
    println!("{rules} rules, {services} services, {} KiB of text", bytes >> 10);
    let before = peak();
    let (compiled, took) = timed(|| compile(&source, None));
    let compiled = compiled.map_err(told)?;
    println!("compile          {:>8.3} s, {} MiB at the most", took.as_secs_f64(), peak().saturating_sub(before) >> 10);
    let (results, asking) = timed(|| run_cases(&compiled));
    let failed: Vec<String> =
        results.iter().filter(|result| !result.passed()).map(ToString::to_string).take(5).collect();
    if !failed.is_empty() {
        return Err(failed);
    }
    println!("{} cases        {:>8.3} s", results.len(), asking.as_secs_f64());
    println!("check            {:>8.3} s", (took + asking).as_secs_f64());
    let (table, took) = timed(|| compiled.tables.to_bytes());
    let table = table.map_err(|error| vec![error.to_string()])?;
    println!("tables written   {:>8.3} s, {} KiB", took.as_secs_f64(), table.len() >> 10);
    let (read, took) = timed(|| Tables::from_bytes(&table));
    let read = read.map_err(|error| vec![error.to_string()])?;
    println!("tables read      {:>8.3} s", took.as_secs_f64());
    let (difference, took) = timed(|| gate_tables::compare(&read, &compiled.tables));
    println!("tables compared  {:>8.3} s, {} cells differ", took.as_secs_f64(), difference.cells.len());
    let (again, took) = timed(|| compile(&source, Some(&compiled.tables)));
    println!(
        "compiled again   {:>8.3} s, equal: {}",
        took.as_secs_f64(),
        again.map_err(told)?.tables == compiled.tables
    );
    decisions(&compiled);
    Ok(())
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = what();
    (result, start.elapsed())
}

/// The most memory that the process has had, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A question of each kind: what answers it decides what it costs.
fn decisions(compiled: &Compiled) {
    let decider = &compiled.decider;
    let mut found: [Option<(Principal, gate_policy::ActionId)>; 3] = [None; 3];
    let principals: Vec<Principal> =
        compiled.tables.services.iter().map(|service| Principal::from(service.id)).take(200).collect();
    let kinds = decider.actions().take(2_000).flat_map(|(action, _)| principals.iter().map(move |who| (*who, action)));
    for (who, action) in kinds {
        let Some(decision) = ask(decider, who, action) else { continue };
        let kind = match (decision.rules.is_empty(), decision.cacheable) {
            (true, true) => 2,
            (_, false) => 1,
            (false, true) => 0,
        };
        if let Some(slot) = found.get_mut(kind) {
            slot.get_or_insert((who, action));
        }
    }
    for (name, question) in ["unconditional", "conditional", "denied"].into_iter().zip(found) {
        let Some((who, action)) = question else { continue };
        const ROUNDS: u32 = 200_000;
        let ((), took) = timed(|| {
            for _ in 0..ROUNDS {
                let _ = black_box(ask(decider, black_box(who), black_box(action)));
            }
        });
        println!("{name:<16} {:>8} ns", took.as_nanos() / u128::from(ROUNDS));
    }
}

fn ask(decider: &Decider, who: Principal, action: gate_policy::ActionId) -> Option<gate_policy::Decision> {
    let route = decider.route(action)?;
    let with_id = route.path.to_string().contains("{id:int}");
    let context = RequestContext {
        params: if with_id { vec![("id".into(), Value::Int(7))] } else { Vec::new() },
        method: route.method.to_owned(),
        path: "/v1/items".to_owned(),
        host: String::new(),
        headers: Vec::new(),
        query: Vec::new(),
        user: None,
        source_uid: Some(33),
        now: 1_000,
        local: LocalTime::at(1_000, 0),
    };
    Some(decider.decide(who, action, route.service, &context))
}

fn write(directory: &Path, rules: usize, services: usize) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    files(rules, services).into_iter().try_for_each(|(name, bytes)| std::fs::write(directory.join(name), bytes))
}

/// The policy: a third of the rules conditional, no two with the same condition; a fifth for a group, the others for one
/// service; a tenth about connections; one in fifty a forbid.
fn files(rules: usize, services: usize) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        ("services.toml".to_owned(), declarations(services).into_bytes()),
        ("cases.toml".to_owned(), cases(rules).into_bytes()),
        ("duties.toml".to_owned(), DUTIES.as_bytes().to_vec()),
    ];
    let numbers: Vec<usize> = (0..rules).collect();
    for (team, numbers) in numbers.chunks(RULES_OF_A_FILE).enumerate() {
        let text: String = numbers.iter().map(|number| rule(*number, services)).collect();
        files.push((format!("team-{team:03}.cedar"), text.into_bytes()));
    }
    files
}

fn declarations(services: usize) -> String {
    let mut text = "environment = \"bench\"\n".to_owned();
    for group in 0..services.div_ceil(GROUP) {
        let _ = writeln!(text, "[group.g{group}]");
    }
    for service in 0..services {
        let _ = write!(
            text,
            "[service.s{service}]\nunit = \"s{service}.service\"\nowner = \"team-{}\"\ngroups = [\"g{}\"]\n\
             route_groups = [\"read\", \"write\"]\n\
             [service.s{service}.port.admin]\nlisten = \"tcp/{}\"\n\
             [service.s{service}.port.api]\nlisten = \"tcp/{}\"\nprotocol = \"http\"\n\
             [service.s{service}.port.api.route]\n",
            service / 50,
            service / GROUP,
            1_000 + 2 * service,
            1_001 + 2 * service,
        );
        for (name, pattern, group) in ROUTES {
            let _ = writeln!(text, "{name} = {{ match = \"{pattern}\", groups = [\"{group}\"] }}");
        }
    }
    text
}

/// Rule `number` of as many as are wanted, spread over the services so that no two are about the same.
fn rule(number: usize, services: usize) -> String {
    let to = number % services;
    let from = (to + 1 + number / services * 7) % services;
    let principal = match number % 5 {
        4 => format!("in Group::\"g{}\"", from / GROUP),
        _ => format!("== Service::\"s{from}\""),
    };
    let effect = if number % 50 == 49 { "forbid" } else { "permit" };
    let (action, resource) = match number % 10 {
        7 => ("== Action::\"connect\"".to_owned(), format!("Port::\"s{to}:tcp/{}\"", 1_000 + 2 * to)),
        0 | 1 => (format!("in Action::\"s{to}:read\""), format!("Service::\"s{to}\"")),
        2 => (format!("in Action::\"s{to}:write\""), format!("Service::\"s{to}\"")),
        3 => (format!("in Action::\"s{to}:all\""), format!("Service::\"s{to}\"")),
        other => {
            let (name, ..) = ROUTES.get(other % ROUTES.len()).copied().unwrap_or_default();
            (format!("== Action::\"s{to}.{name}\""), format!("Service::\"s{to}\""))
        }
    };
    let condition =
        if matches!(number % 10, 1 | 3 | 6) || number % 30 == 4 { condition(number) } else { String::new() };
    format!(
        "@id(\"r{number:06}\")\n@reason(\"service {from} needs this of service {to}\")\n@ticket(\"OPS-{number}\")\n\
         {effect} (principal {principal}, action {action}, resource == {resource}){condition};\n\n"
    )
}

fn condition(number: usize) -> String {
    match number % 4 {
        0 => format!("\nwhen {{ context.source has uid && context.source.uid == {} }}", 1_000 + number),
        1 => format!("\nwhen {{ context.local.minute >= {} && context.local.minute < 1380 }}", number % 480),
        2 => format!("\nwhen {{ context.now < {} }}\nunless {{ context.local.weekday > 5 }}", 2_000_000_000 + number),
        _ => format!(
            "\nwhen {{ context.path like \"/v1/items*\" && !(context.source has uid && context.source.uid == {number}) }}"
        ),
    }
}

/// One case for every hundred rules: what a process of no service may not.
fn cases(rules: usize) -> String {
    let mut text = String::new();
    for number in 0..rules / 100 {
        let _ = write!(
            text,
            "[[case]]\nname = \"case {number}\"\nprincipal = \"host\"\naction = \"s{}.list\"\nexpect = \"deny\"\n\n",
            number % GROUP
        );
    }
    text
}
