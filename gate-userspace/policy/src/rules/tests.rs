//! What rules may say, and the message for what they may not.

use crate::{PolicySource, compile};

const SERVICES: &str = r#"environment = "demo"
[group.clients]
[service.orders]
unit = "orders.service"
owner = "team-orders"
route_groups = ["read"]
[service.orders.port.api]
listen = "tcp/8080"
protocol = "http"
[service.orders.port.api.route]
getOrder = { match = "GET /orders/{id:int}", groups = ["read"] }
putOrder = { match = "PUT /orders/{id:int}" }
[service.ledger]
unit = "ledger.service"
owner = "team-finance"
port.journal.listen = "tcp/9000"
[service.web]
unit = "web.service"
owner = "team-shop"
groups = ["clients"]
"#;

const GOOD: &str = r#"// line 1
@id("web-reads") @reason("shows orders") @ticket("OPS-1")
permit (principal == Service::"web", action in Action::"orders:read", resource == Service::"orders")
when { context.params.id < 100 };
@id("web-ledger") @reason("books") @ticket("OPS-2")
permit (principal in Group::"clients", action == Action::"connect", resource == Port::"ledger:tcp/9000");
"#;

fn errors(rules: &str) -> Vec<String> {
    let files = [("services.toml", SERVICES), ("shop.cedar", rules)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    match compile(&PolicySource::from_files(files).unwrap(), None) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn good_rules_compile() {
    assert_eq!(errors(GOOD), Vec::<String>::new());
    assert_eq!(errors(""), Vec::<String>::new());
}

/// Each line: what is replaced in the good rules, by what, and how the only message starts.
#[test]
#[rustfmt::skip] // a table
fn every_mistake_has_its_line_and_what_would_be_right() {
    let table = [
        ("@id(\"web-reads\") ", "", "shop.cedar:2: the rule has no @id; write @id(\"web-reads-orders\")"),
        ("@reason(\"books\") ", "", "shop.cedar:5: the rule has no @reason; write @reason(\"why this access is needed\")"),
        ("@ticket(\"OPS-2\")", "@ticket(\" \")", "shop.cedar:5: the rule has no @ticket; write @ticket(\"OPS-142\")"),
        ("@ticket(\"OPS-2\")", "@ticket(\"OPS-2\") @tikcet(\"OPS-3\")", "shop.cedar:5: unknown annotation @tikcet; did you mean \"ticket\"?"),
        ("web-ledger", "web-reads", "shop.cedar:5: @id(\"web-reads\") is taken by the rule at shop.cedar:2; an id names one rule"),
        ("web-ledger", "web ledger", "shop.cedar:5: @id(\"web ledger\"); an id is letters, digits"),
        ("shows orders", "a\\nb", "shop.cedar:2: @reason(\"a\\nb\") has invisible characters"),
        ("books", "bo\u{202e}oks", "shop.cedar:5: @reason(\"bo\\u{202e}oks\") has invisible characters"),
        ("principal == Service::\"web\"", "principal", "shop.cedar:2: permit \"web-reads\" is for every principal; name one"),
        ("principal == Service::\"web\"", "principal is Service", "shop.cedar:2: permit \"web-reads\" is for every principal; name one"),
        ("Service::\"web\"", "Service::\"wbe\"", "shop.cedar:3: no service \"wbe\" is declared in services.toml; did you mean \"web\"?"),
        ("Service::\"web\"", "Host::\"myself\"", "shop.cedar:3: there is no Host::\"myself\"; did you mean \"self\"?"),
        ("Service::\"web\"", "World::\"all\"", "shop.cedar:3: there is no World::\"all\"; expected \"any\""),
        ("Service::\"web\"", "Network::\"office\"", "shop.cedar:3: no network \"office\" is declared in services.toml; there is none"),
        ("Service::\"web\"", "Unattested::\"any\"", "shop.cedar:3: Unattested::\"any\" is allowed nothing"),
        ("Service::\"web\"", "Servce::\"web\"", "shop.cedar:3: unknown type Servce; did you mean \"Service\"?"),
        ("Group::\"clients\"", "Group::\"client\"", "shop.cedar:6: no group \"client\" is declared in services.toml; did you mean \"clients\"?"),
        ("orders:read", "orders:raed", "shop.cedar:3: no route or route group makes Action::\"orders:raed\"; did you mean \"orders:read\"?"),
        ("in Action::\"orders:read\"", "== Action::\"orders.getOrdr\"", "shop.cedar:3: no route or route group makes Action::\"orders.getOrdr\"; did you mean \"orders.getOrder\"?"),
        ("ledger:tcp/9000", "ledger:tcp/9001", "shop.cedar:6: no port \"ledger:tcp/9001\" is declared in services.toml; did you mean \"ledger:tcp/9000\"?"),
        ("ledger:tcp/9000", "orders:tcp/8080", "shop.cedar:6: Port::\"orders:tcp/8080\" speaks HTTP and is reached only through the proxy; permit its routes"),
        ("resource == Service::\"orders\"", "resource == Service::\"ledger\"", "shop.cedar:2: rule \"web-reads\" never applies"),
        ("tcp/9000\");", "tcp/9000\") when { 1 == 1 };", "shop.cedar:5: rule \"web-ledger\" has a condition and covers Action::\"connect\" on Port::\"ledger:tcp/9000\""),
        ("params.id", "params.ident", "shop.cedar:4: for policy `web-reads`, attribute `params.ident` in context for Action::\"orders.getOrder\" not found; did you mean `id`?"),
        ("params.id < 100", "params.id < \"100\"", "shop.cedar:4: for policy `web-reads`, unexpected type: expected Long but saw String"),
        ("context.params.id < 100", "principal == Group::\"clients\"", "shop.cedar:2: for policy `web-reads`, policy is impossible"),
        ("context.params.id < 100", "principal in Group::\"nobody\"", "shop.cedar:4: no group \"nobody\" is declared"),
        ("permit (principal in", "permit (principal inn", "shop.cedar:6: unexpected token `inn`"),
        ("principal in Group::\"clients\"", "principal == ?principal", "shop.cedar:5: a template (?principal or ?resource)"),
        ("when {", "whne {", "shop.cedar:4: invalid policy condition: whne; condition must be either `when` or `unless`"),
    ];
    let mut wrong = Vec::new();
    for (from, to, expected) in table {
        assert!(GOOD.contains(from), "{from}");
        let found = errors(&GOOD.replacen(from, to, 1));
        if found.len() != 1 || !found[0].starts_with(expected) {
            wrong.push(format!("{from} -> {to}\n  expected {expected}\n  found {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_condition_of_a_rule_for_all_actions_would_cover_connections() {
    let rule = r#"@id("x") @reason("x") @ticket("x")
forbid (principal, action, resource) when { principal == Service::"web" };"#;
    let found = errors(rule);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("shop.cedar:1: rule \"x\" has a condition and covers Action::\"connect\""),
        "{}",
        found[0]
    );
}

#[test]
fn all_files_are_reported_at_once() {
    let files = [
        ("services.toml", SERVICES.replace("owner = \"team-finance\"", "")),
        ("a.cedar", GOOD.replace("permit", "allow")),
        ("b.cedar", GOOD.replace("@id", "@name")),
        ("cases.toml", "[[case]]\nnam = \"x\"\n".to_owned()),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    let errors = compile(&PolicySource::from_files(files).unwrap(), None).unwrap_err();
    for file in ["services.toml", "a.cedar", "b.cedar", "cases.toml"] {
        assert!(errors.iter().any(|error| error.file == file && error.line.is_some()), "{file}: {errors:#?}");
    }
}

#[test]
fn ids_are_unique_across_files() {
    let files = [("services.toml", SERVICES), ("a.cedar", GOOD), ("b.cedar", GOOD)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let errors = compile(&PolicySource::from_files(files).unwrap(), None).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "b.cedar:2: @id(\"web-reads\") is taken by the rule at a.cedar:2; an id names one rule"
    );
}

/// Deep nesting ends in a message or in a policy, not in an overflow of the stack: Cedar recurses. The depths below the
/// bounds must be survived by Cedar itself, those above must not reach it.
#[test]
fn deep_nesting_is_survived() {
    let repeated = |left: &str, middle: &str, right: &str, depth: usize| {
        format!("{}{middle}{}", left.repeat(depth), right.repeat(depth))
    };
    for depth in [2, 15, 17, 88, 90, 100, 300, 100_000] {
        for condition in [
            repeated("(", "1 == 1", ")", depth),
            repeated("!", "true", "", depth),
            repeated("-", "1", "", depth),
            repeated("", "context.now < 5", " && context.now < 5", depth / 3),
            repeated("", "context.now < 5", " || context.now < 5", depth / 3),
            repeated("", "context.now", " + 1", depth),
            repeated("[", "1", "]", depth),
            repeated("{\"a\":", "1", "}", depth),
            repeated("if context.now < 5 then true else ", "true", "", depth / 3),
            repeated("", "context", ".a", depth),
            repeated("", "context", "[\"a\"]", depth),
        ] {
            errors(&GOOD.replace("context.params.id < 100", &condition));
        }
    }
    for text in ["when { true }".repeat(100_000), "@a(\"b\")".repeat(100_000), "\"".repeat(100_001)] {
        errors(&text);
        errors(&GOOD.replace("when { context.params.id < 100 }", &text));
    }
}

#[test]
fn a_rule_that_nobody_could_review_is_refused_with_its_line() {
    let nested = GOOD.replace("context.params.id < 100", &format!("{}true{}", "(".repeat(30), ")".repeat(30)));
    assert_eq!(errors(&nested), ["shop.cedar:4: over 16 brackets are open here; write a flatter condition"]);
    let long = GOOD.replace("< 100", &format!("< 100{}", " && true".repeat(90)));
    assert_eq!(errors(&long), ["shop.cedar:4: over 96 operators in one rule; write several rules"]);
    let quoted = GOOD.replace("books", &"((((".repeat(50)).replace("// line 1", &"// ((((".repeat(50));
    assert_eq!(errors(&quoted), Vec::<String>::new());
    let many = (0..500).map(|n| GOOD.replace("web-", &format!("web-{n}-"))).collect::<String>();
    assert_eq!(errors(&many), Vec::<String>::new());
}

/// Long files are parsed in parts; lines are counted in the file.
#[test]
fn places_are_those_of_the_file_however_long_it_is() {
    let copy = |number: usize| GOOD.replace("web-", &format!("web-{number}-"));
    let lines = GOOD.lines().count();
    for (from, to, line, expected) in [
        ("permit (principal ==", "allow (principal ==", 3, "invalid policy effect"),
        ("@reason(\"books\") ", "", 5, "the rule has no @reason"),
        ("\"web\"", "\"wbe\"", 3, "no service \"wbe\""),
        ("params.id", "params.ident", 4, "for policy `web-77-reads`, attribute `params.ident`"),
        (
            "context.params.id < 100",
            "principal == Group::\"clients\"",
            2,
            "for policy `web-77-reads`, policy is impossible",
        ),
    ] {
        let wrong = |number: usize| if number == 77 { copy(number).replacen(from, to, 1) } else { copy(number) };
        let found = errors(&(0..120).map(wrong).collect::<String>());
        let start = format!("shop.cedar:{}: {expected}", 77 * lines + line);
        assert!(found.len() == 1 && found[0].starts_with(&start), "{start}\n{found:#?}");
    }
}
