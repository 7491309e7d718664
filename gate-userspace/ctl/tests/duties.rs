//! Rules that people believed in elsewhere and that meant something else, tried with `gatectl policy check`: the rows
//! p36, p37, p53 and p54. Those about signatures are in `gate-bundle`; docs/bypasses.md has the table.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows functions marked as tests, not what they call"
)]

mod support;

use support::Place;

/// The shop with these rules more and this decision that must hold.
fn shop(rules: &[(&str, &str)], case: &str) -> Place {
    let place = Place::new();
    for (number, (scope, condition)) in rules.iter().enumerate() {
        let name = format!("@id(\"more-{number}\") @reason(\"r\") @ticket(\"T\")");
        place.append("policy/shop.cedar", &format!("\n{name}\n{scope} {condition};\n"));
    }
    place.append("policy/cases.toml", &format!("\n[[case]]\nname = \"the attack\"\n{case}\n"));
    place
}

const GET: &str = "principal = \"web\"\naction = \"orders.getOrder\"\nresource = \"orders\"\nparams = { id = 7 }\n";

#[test]
fn p36_a_narrow_permit_does_not_defeat_a_wide_forbid() {
    let narrow = "permit (principal == Service::\"web\", action == Action::\"orders.cancelOrder\", resource == Service::\"orders\")";
    let cancel = GET.replace("getOrder", "cancelOrder") + "expect = \"deny\"\nrule = \"clients-never-cancel\"";
    // However exact: the one service, the one route, the one order.
    for condition in ["", "when { context.params.id == 7 }"] {
        shop(&[(narrow, condition)], &cancel).gatectl("policy check policy").code(0);
    }
}

#[test]
fn p36_an_empty_selector_does_not_mean_everybody() {
    for (scope, said) in [
        ("permit (principal, action == Action::\"orders.getOrder\", resource == Service::\"orders\")", "principal"),
        (
            "permit (principal is Service, action == Action::\"orders.getOrder\", resource == Service::\"orders\")",
            "principal",
        ),
        (
            "permit (principal in Group::\"nobody\", action == Action::\"orders.getOrder\", resource == Service::\"orders\")",
            "nobody",
        ),
    ] {
        let place = shop(&[(scope, "")], &format!("{GET}expect = \"allow\""));
        let ran = place.gatectl("policy check policy").code(1);
        assert!(ran.out.contains("policy/shop.cedar:") && ran.out.contains(said), "{scope}:\n{}", ran.out);
    }
    // Nor does a group that nobody is in.
    let place = Place::new();
    place.append("policy/services.toml", "\n[group.empty]\ndescription = \"d\"\n");
    place.gatectl("policy check policy").code(1).says("group \"empty\" has no service");
}

#[test]
fn p37_a_forbid_that_names_what_is_not_there_is_no_rule_to_skip() {
    let forbid = |principal: &str, action: &str, resource: &str| {
        format!(
            "forbid (principal == Service::\"{principal}\", action == Action::\"{action}\", resource == Service::\"{resource}\")"
        )
    };
    for (scope, wrong) in [
        (forbid("wbe", "orders.getOrder", "orders"), "wbe"),
        (forbid("web", "orders.getOdrer", "orders"), "orders.getOdrer"),
        (forbid("web", "orders.getOrder", "ordres"), "ordres"),
        ("forbid (principal == Service::\"web\", action == Action::\"connect\", resource == Port::\"ledger:tcp/9001\")".into(), "ledger:tcp/9001"),
    ] {
        let place = shop(&[(&scope, "")], &format!("{GET}expect = \"allow\""));
        let ran = place.gatectl("policy check policy").code(1);
        assert!(ran.out.contains("policy/shop.cedar:") && ran.out.contains(wrong), "{wrong}:\n{}", ran.out);
        place.gatectl("bundle build policy -o one.gate").code(1);
        assert!(!place.path("one.gate").exists());
    }
    // Nor is one in a condition compared with what nobody is.
    let scope = "forbid (principal in Group::\"clients\", action == Action::\"orders.getOrder\", resource == Service::\"orders\")";
    let place = shop(&[(scope, "when { principal == Service::\"wbe\" }")], &format!("{GET}expect = \"allow\""));
    place.gatectl("policy check policy").code(1).says("wbe");
}

#[test]
fn p53_a_later_route_does_not_take_requests_away_from_a_forbid() {
    let place = Place::new();
    let forbid = "\n@id(\"no-files\") @reason(\"r\") @ticket(\"T\")\nforbid (principal, action == Action::\"orders.files\", \
                  resource == Service::\"orders\");\n";
    place.append("policy/shop.cedar", forbid);
    place.edit("policy/services.toml", "listOrders  =", "files = { match = \"GET /files/{*rest}\" }\nlistOrders  =");
    place.gatectl("policy check policy").code(0);
    for later in ["/files/public", "/files/{id:int}", "/files/{name}/data", "/files/a/{*rest}", "/{top}/x"] {
        let place_of = |text: &str| text.replace("LATER", later);
        place.edit(
            "policy/services.toml",
            "listOrders  =",
            &place_of("later = { match = \"GET LATER\" }\nlistOrders  ="),
        );
        let ran = place.gatectl("policy check policy").code(1);
        assert!(ran.out.contains("overlaps route"), "{later}:\n{}", ran.out);
        place.edit("policy/services.toml", &place_of("later = { match = \"GET LATER\" }\n"), "");
    }
}

#[test]
fn p54_a_forbid_that_errs_denies() {
    let forbid = "forbid (principal == Service::\"web\", action == Action::\"orders.getOrder\", resource == Service::\"orders\")";
    for condition in [
        "when { context.params.id + 9223372036854775807 == 0 }",
        "when { context.params.id * 9223372036854775807 < 0 }",
    ] {
        // Cedar alone would skip it, and the shop's permit would allow.
        let denied = shop(&[(forbid, condition)], &format!("{GET}expect = \"allow\""));
        let said = "the attack: expected allow, found deny; rule \"more-0\": integer overflow";
        denied.gatectl("policy check policy").code(1).says(said);
        // It is the error: where nothing overflows, the forbid does not hold.
        let fits = GET.replace("id = 7", "id = 0") + "expect = \"allow\"";
        let ran = shop(&[(forbid, condition)], &fits).gatectl("policy check policy");
        assert!(!ran.out.contains("the attack"), "{}", ran.out);
    }
}
