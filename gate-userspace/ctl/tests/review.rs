//! `gatectl policy diff`, `who-can`, `what-can`, `graph`, and `gatectl review`.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows functions marked as tests, not what they call"
)]

mod support;

use gate_bundle::{Bundle, Draft, Limits};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Place, Ran, run};

const CREATE: &str = "\n@id(\"clients-create-orders\")\n@reason(\"customers and the night import order\")\n@ticket(\"OPS-160\")\n\
                      permit (principal in Group::\"clients\", action in Action::\"orders:write\", \
                      resource == Service::\"orders\") when { context.local.minute >= 360 };\n";

/// `policy` is the shop, and `after` the shop with a small change: clients order in the daytime, the ledger is reached by
/// nobody, and bob may also operate.
fn changed() -> Place {
    let place = copied();
    place.append("after/shop.cedar", CREATE);
    place.edit(
        "after/shop.cedar",
        "permit (principal == Service::\"web\", action == Action::\"connect\"",
        "forbid (principal == Service::\"web\", action == Action::\"connect\"",
    );
    place.edit("after/shop.cedar", "web-books-in-ledger", "web-leaves-the-ledger");
    place.edit("after/cases.toml", "expect = \"allow\"\nrule = \"web-books-in-ledger\"", "expect = \"deny\"");
    place.edit("after/cases.toml", "[[case]]\nname = \"web creates no order\"\nprincipal = \"web\"\naction = \"orders.createOrder\"\nresource = \"orders\"\nexpect = \"deny\"\n", "");
    place.edit("after/duties.toml", "may = [\"approve\"]", "may = [\"approve\", \"operate\"]");
    place
}

fn copied() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("after")).unwrap();
    for entry in fs::read_dir(place.path("policy")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), place.path("after").join(entry.file_name())).unwrap();
    }
    place
}

/// Compares with a file that is kept; with `GATE_WRITE_GOLDEN` it is written, for people to read and commit.
#[track_caller]
fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("GATE_WRITE_GOLDEN").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{} is other than it was; see GATE_WRITE_GOLDEN", path.display());
}

#[test]
fn what_people_read_is_as_it_was() {
    let place = changed();
    golden("diff.txt", &place.gatectl("policy diff policy after").code(1).out);
    golden("review.txt", &place.gatectl("review policy after").code(0).out);
    golden("review.md", &place.gatectl("review policy after --markdown").code(0).out);
    golden("graph.svg", &place.gatectl("policy graph after --against policy").code(0).out);
    golden("graph.dot", &place.gatectl("policy graph after --against policy --dot").code(0).out);
}

#[test]
fn nothing_changes_between_a_policy_and_itself() {
    let place = copied();
    place.gatectl("policy diff policy after").code(0).says("Equal: nobody's access changes");
    place.gatectl("review policy after").code(0).says("it takes no access away");
    let (code, json) = place.json("policy diff policy after");
    assert_eq!(
        (code, &json["ok"], &json["equal"], &json["signatures"]),
        (0, &true.into(), &true.into(), &"all".into())
    );
}

#[test]
fn a_removal_needs_one_signature_unless_the_duties_change_too() {
    let place = copied();
    place.append("after/shop.cedar", "@id(\"stop\") @reason(\"incident\") @ticket(\"T-1\")\nforbid (principal, action, resource == Service::\"orders\");\n");
    let ran = place.gatectl("policy diff policy after").code(1);
    ran.says("Only removes: 2 cells lost")
        .says("One authorized signature")
        .says("forbidden by stop (shop.cedar:18) \"incident\" [T-1]");
    assert_eq!(place.json("policy diff policy after").1["signatures"], "one");
    place.append("after/duties.toml", "# a word\n");
    place
        .gatectl("policy diff policy after")
        .code(1)
        .says("An author and every approval are needed: duties.toml is another");
}

#[test]
fn many_are_counted_and_named_on_demand() {
    let place = copied();
    let services =
        (10..30).map(|n| format!("[service.s{n}]\ncgroup = \"s{n}.service\"\nowner = \"t\"\ngroups = [\"clients\"]\n"));
    let services: String = services.collect();
    place.append("policy/services.toml", &services);
    place.append("after/services.toml", &services);
    place.append("after/shop.cedar", &CREATE.replace("orders:write", "orders:read"));
    let few = place.gatectl("policy diff policy after").code(1);
    let few = few.says("\n  21 services (batch, s10, s11, …) -> orders.getOrder, orders.listOrders, on a condition\n");
    assert!(!few.out.contains("s29"));
    place.gatectl("policy diff policy after --all").code(1).says("s27, s28, s29 -> orders.getOrder");
}

#[test]
fn bundles_and_directories_are_compared_alike() {
    let place = changed();
    place.signed("v1.tar", "");
    place.gatectl("bundle build after -o v2.tar --previous v1.tar").code(0);
    let text = place.gatectl("policy diff policy after").code(1).out;
    for sides in ["v1.tar after", "policy v2.tar", "v1.tar v2.tar"] {
        assert_eq!(place.gatectl(&format!("policy diff {sides}")).code(1).out, text, "{sides}");
    }
    place.gatectl("policy diff v1.tar policy").code(0);
    place.gatectl("review v1.tar v2.tar").code(0).says("old: version 1, digest ").says("new: version 2, digest ");
    let ran = place.gatectl("review v2.tar v1.tar").code(1);
    ran.says("DO NOT SIGN").says("the new bundle does not follow the old one");
    let mut command = place.command(["policy", "diff", "-", "policy"]);
    command.stdin(Stdio::from(fs::File::open(place.path("v1.tar")).unwrap()));
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    place.gatectl("policy diff - -").code(2).complains("standard input holds one bundle");
}

#[test]
fn tables_that_do_not_follow_from_the_rules_are_not_reviewed_as_if_they_did() {
    let place = changed();
    place.signed("v1.tar", "");
    place.gatectl("bundle build after -o v2.tar --previous v1.tar").code(0);
    let bundle = Bundle::from_tar(fs::File::open(place.path("v2.tar")).unwrap(), &Limits::default()).unwrap();
    let old = Bundle::from_tar(fs::File::open(place.path("v1.tar")).unwrap(), &Limits::default()).unwrap();
    let mut files = bundle.files().clone();
    let mut tables = bundle.tables().clone();
    tables.access.pop().unwrap();
    files.insert("tables.json".into(), tables.to_bytes().unwrap());
    let draft = Draft {
        environment: "demo".into(),
        previous: Some((1, old.digest())),
        git_commit: None,
        created: 1,
        not_after: u64::from(u32::MAX),
    };
    fs::write(place.path("forged.tar"), Bundle::unsigned(draft, files).unwrap().to_tar()).unwrap();
    let ran = place.gatectl("review v1.tar forged.tar").code(1);
    ran.says("DO NOT SIGN").says("the tables in the bundle do not follow from its rules: access");
}

#[test]
fn a_case_that_no_longer_holds_is_no_detail() {
    let place = changed();
    place.edit("after/cases.toml", "expect = \"allow\"", "expect = \"deny\"");
    place
        .gatectl("review policy after")
        .code(1)
        .says("DO NOT SIGN")
        .says("cases.toml:3: web reads an order: expected deny");
}

#[test]
fn what_nobody_may_hold_together_is_not_signed() {
    let place = copied();
    let toxic = "[[toxic]]\nid = \"read-and-book\"\nreason = \"who reads does not book\"\nactions = [\"orders.getOrder\", \
                 \"connect ledger:journal\"]\nholder = \"service\"\n";
    place.append("after/duties.toml", toxic);
    let ran =
        place.gatectl("review policy after").code(1).says("DO NOT SIGN").says("new toxic combination: read-and-book");
    assert!(ran.out.lines().any(|line| line.contains("web") && line.contains("ledger:journal")), "{}", ran.out);
    place.signed("v1.tar", "");
    place.gatectl("review v1.tar after").code(1).says("DO NOT SIGN");
}

#[test]
fn rules_that_change_nothing_are_remarked_on() {
    let place = copied();
    place.append(
        "after/shop.cedar",
        &CREATE.replace("orders:write", "orders.cancelOrder").replace("action in", "action =="),
    );
    place.gatectl("review policy after").code(0).says("Remarks on the new rules").says("\"clients-create-orders\"");
    place.gatectl("policy check after").code(0).says("  remark: rule \"clients-create-orders\" (shop.cedar:19)");
}

#[test]
fn what_a_policy_says_is_quoted_and_never_obeyed() {
    let place = copied();
    let hostile = "`x` ](http://evil.example) @alice <img src=x> # approved | **only removes**";
    place.append("after/shop.cedar", &CREATE.replace("customers and the night import order", hostile));
    place.append("after/cases.toml", "[[case]]\nname = \"``` # approved\"\nprincipal = \"web\"\naction = \"orders.createOrder\"\nresource = \"orders\"\nexpect = \"deny\"\n");
    let markdown = place.gatectl("review policy after --markdown").code(0);
    let line = markdown.out.lines().find(|line| line.contains("evil")).unwrap_or_default();
    assert!(line.contains(&format!("`` {hostile} ``")), "{line}");
    assert!(markdown.out.contains("- new: ```` ``` # approved ````"), "{}", markdown.out);
    assert_eq!(markdown.out.lines().filter(|line| line.starts_with('#')).count(), 3, "{}", markdown.out);
    assert!(!markdown.out.contains('\u{1b}') && !markdown.err.contains('\u{1b}'));
    let diff = place.gatectl("policy diff policy after").code(1);
    assert!(
        diff.out.lines().any(|line| line.contains("evil") && line.starts_with("      permitted by ")),
        "{}",
        diff.out
    );
}

fn refused(place: &Place, old: &str, why: &str) {
    for command in ["policy diff", "review"] {
        let ran = place.gatectl(&format!("{command} {old} policy")).code(2).complains(why);
        assert!(ran.out.is_empty(), "{}", ran.out);
    }
}

#[test]
fn what_cannot_be_read_or_compiled_is_no_difference() {
    let place = Place::new();
    refused(&place, "polciy", "polciy: does not exist; give a policy directory");
    refused(&place, "alice.pub", "alice.pub: ");
    fs::create_dir(place.path("empty")).unwrap();
    refused(&place, "empty", "empty/services.toml: is missing");
    // Nobody, root included, can read what leads to itself.
    std::os::unix::fs::symlink("loop", place.path("loop")).unwrap();
    refused(&place, "loop", "loop: cannot be read: ");
    run(Command::new("mkfifo").arg(place.path("pipe"))).code(0);
    refused(&place, "pipe", "pipe: is neither a directory nor a regular file");
    let broken = changed();
    fs::write(broken.path("after/shop.cedar"), b"permit (\xff").unwrap();
    refused(&broken, "after", "after/shop.cedar: byte 8 is not UTF-8");
    fs::write(broken.path("after/shop.cedar"), "permit (principal == Service::\"wbe\", action, resource);").unwrap();
    refused(&broken, "after", "after/shop.cedar:1: ");
    fs::write(broken.path("after/\u{1b}[2Jx.toml"), "").unwrap();
    let ran = broken.gatectl("policy diff policy after").code(2);
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
    let (code, json) = place.json("policy diff polciy policy");
    assert_eq!((code, &json["ok"]), (2, &false.into()));
    broken.gatectl("policy diff polciy alsonot").code(2).complains("polciy: does not").complains("alsonot: does not");
}

#[test]
fn duties_that_say_nothing_are_no_review() {
    let place = changed();
    fs::remove_file(place.path("after/duties.toml")).unwrap();
    place.gatectl("review policy after").code(2).complains("after: duties.toml is missing");
    fs::write(place.path("after/duties.toml"), "mode = \"teem\"\n").unwrap();
    place.gatectl("review policy after").code(2).complains("after: duties.toml:1: ");
}

fn ask(place: &Place, question: &str) -> Ran {
    place.gatectl(&format!("policy {question} --in after"))
}

#[test]
fn who_can_and_what_can() {
    let place = changed();
    let ran = ask(&place, "who-can orders.createOrder").code(0);
    ran.says("  batch, web -> orders.createOrder (tcp/8080 http), on a condition\n")
        .says("permitted by clients-create-orders (shop.cedar:19, on a condition)");
    ask(&place, "who-can orders.getOrder --resource orders").code(0).says("  web -> orders.getOrder (tcp/8080 http)\n");
    ask(&place, "who-can connect ledger:journal").code(1).says("nobody: no rule permits it");
    place
        .gatectl("policy who-can connect ledger:tcp/9000 --in policy")
        .code(0)
        .says("web -> ledger:journal (tcp/9000)");
    place.gatectl("policy who-can connect --resource ledger --in policy").code(0).says("web -> ledger:journal");
    ask(&place, "what-can batch").code(0).says("batch -> orders.createOrder");
    ask(&place, "what-can host").code(1).says("nothing: no rule permits anything to it");
    let mut here = place.command(["policy", "what-can", "web"]);
    run(here.current_dir(place.path("after"))).code(0).says("web -> orders.listOrders");
    let (_, json) = place.json("policy who-can orders.createOrder --in after");
    assert_eq!(json["grants"][0]["sources"], serde_json::json!(["batch", "web"]));
    assert_eq!(json["grants"][0]["conditional"], true);
}

#[test]
fn a_typo_is_answered_with_the_nearest_name() {
    let place = changed();
    ask(&place, "who-can orders.createOder").code(2).complains("did you mean \"orders.createOrder\"?");
    ask(&place, "who-can connect ledgr").code(2).complains("did you mean \"ledger\"?");
    ask(&place, "who-can connect ledger:jurnal").code(2).complains("did you mean \"ledger:journal\"?");
    ask(&place, "what-can betch").code(2).complains("did you mean \"batch\"?");
    ask(&place, "who-can orders.getOrder --resource web").code(2).complains("is asked of \"orders\" alone");
    ask(&place, "who-can connect").code(2).complains("connect to what?");
    ask(&place, "who-can orders.getOrder ledger").code(2).complains("leave \"ledger\" out");
    ask(&place, "who-can connect ledger --resource web").code(2).complains("is no port of \"web\"");
    place.gatectl("policy who-can orders.getOrder --in nowhere").code(2).complains("nowhere: does not exist");
}

#[test]
fn a_map_is_svg_or_dot() {
    let place = changed();
    let svg = place.gatectl("policy graph policy").code(0);
    assert!(svg.out.starts_with("<svg ") && svg.out.ends_with("</svg>\n") && !svg.out.contains("+ gained"));
    assert_eq!(place.gatectl("policy graph policy --svg").code(0).out, svg.out);
    place.gatectl("policy graph policy --dot").code(0).says("digraph gate {");
    place.gatectl("policy graph policy --dot --svg").code(2);
    place.gatectl("policy graph polciy").code(2).complains("polciy: does not exist");
    let (_, json) = place.json("policy graph after --against policy");
    let states: Vec<&str> =
        json["edges"].as_array().unwrap().iter().map(|edge| edge["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["new", "gone", "changed"]);
}
