//! What a decision costs: `cargo run --release -p gate-policy --example decide`. Prints nanoseconds; asserts nothing.

use gate_policy::{Compiled, LocalTime, PolicySource, RequestContext, compile};
use gate_tables::Value;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    println!("rules  compile ms  unconditional ns  conditional ns  denied ns");
    for rules in [10, 100, 1_000, 10_000] {
        let source = source(rules);
        let start = Instant::now();
        let compiled = match compile(&source, None) {
            Ok(compiled) => compiled,
            Err(errors) => return errors.iter().for_each(|error| println!("{error}")),
        };
        let compiling = start.elapsed().as_millis();
        let [unconditional, conditional, denied] =
            ["s0.get", "s0.put", "s1.get"].map(|action| measure(&compiled, action));
        println!("{rules:>5}  {compiling:>10}  {unconditional:>16}  {conditional:>14}  {denied:>9}");
    }
}

/// A tenth as many services as rules, each with two routes; `web` may use a few, everybody else fills the table.
fn source(rules: usize) -> PolicySource {
    let services = (rules / 10).max(2);
    let mut toml = "environment = \"bench\"\n[service.web]\nunit = \"web.service\"\nowner = \"t\"\n".to_owned();
    for n in 0..services {
        let _ = write!(
            toml,
            "[service.s{n}]\nunit = \"s{n}.service\"\nowner = \"t\"\nport.p = {{ listen = \"tcp/{}\", protocol = \"http\", \
             route = {{ get = {{ match = \"GET /a/{{id:int}}\" }}, put = {{ match = \"PUT /a/{{id:int}}\" }} }} }}\n",
            10_000 + n
        );
    }
    let mut cedar = String::new();
    for n in 0..rules {
        let (from, to) =
            if n < 2 { ("web".to_owned(), 0) } else { (format!("s{}", n % services), (n / 10) % services) };
        let (action, condition) = if n % 2 == 0 { ("get", "") } else { ("put", "when { context.params.id < 100 }") };
        let _ = writeln!(
            cedar,
            "@id(\"r{n}\") @reason(\"r\") @ticket(\"t\")\npermit (principal == Service::\"{from}\", \
             action == Action::\"s{to}.{action}\", resource == Service::\"s{to}\") {condition};"
        );
    }
    let files = [("services.toml", toml), ("rules.cedar", cedar)];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    PolicySource::from_files(files).unwrap_or_else(|errors| {
        errors.iter().for_each(|error| println!("{error}"));
        std::process::exit(1)
    })
}

fn measure(compiled: &Compiled, action: &str) -> u128 {
    const ROUNDS: u32 = 200_000;
    let decider = &compiled.decider;
    let (Some(web), Some(action)) = (decider.principal_named("web"), decider.action_named(action)) else { return 0 };
    let Some(resource) = decider.route(action).map(|route| route.service) else { return 0 };
    let context = RequestContext {
        params: vec![("id".into(), Value::Int(7))],
        method: "GET".into(),
        path: "/a/7".into(),
        host: String::new(),
        headers: Vec::new(),
        query: Vec::new(),
        user: None,
        source_uid: Some(33),
        now: 1000,
        local: LocalTime::at(1000, 0),
    };
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let _ = black_box(decider.decide(black_box(web), black_box(action), resource, &context));
    }
    start.elapsed().as_nanos() / u128::from(ROUNDS)
}
