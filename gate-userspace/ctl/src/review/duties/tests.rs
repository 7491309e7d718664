use super::*;

const KEYS: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKcvnLgqA4YmeCzjCSQ1bjxjYEDtVeQzMTa2anyIYu/8",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJGoKXZqcbXNx6Mg63T/mtHJex95LZshgXM6xsHBd22K",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINFvalxKwu9+YEnULpWncAitZakLWYu/U5+U9vQ7yc4f",
];

fn duties() -> String {
    let [alice, bob, carol] = KEYS;
    format!(
        "mode = \"team\"\napprovals = 1\nconflicts = [[\"bob\", \"carol\"]]\n\
         [person.alice]\nkeys = [\"{alice}\"]\nmay = [\"author\"]\n\
         [person.bob]\nkeys = [\"{bob}\"]\nmay = [\"approve\", \"operate\"]\n\
         [person.carol]\nkeys = [\"{carol}\"]\nmay = [\"approve\"]\n"
    )
}

fn all(change: impl Fn(String) -> String) -> Vec<String> {
    let (old, new) = (duties(), change(duties()));
    assert_ne!(old, new, "nothing was changed");
    let parse = |text: &str| Duties::parse(text.as_bytes()).unwrap();
    let lines = differences(&parse(&old), &parse(&new), [Some(old.as_bytes()), Some(new.as_bytes())]);
    lines.iter().map(Line::to_terminal).collect()
}

/// Without the lines as they are written.
fn said(change: impl Fn(String) -> String) -> Vec<String> {
    all(change).into_iter().filter(|line| !line.starts_with("line ")).collect()
}

#[test]
fn each_difference_is_told() {
    let replaced = |from: &str, to: &str| said(|text| text.replacen(from, to, 1));
    assert_eq!(replaced("may = [\"author\"]", "may = [\"author\", \"audit\"]"), ["alice may now audit"]);
    assert_eq!(replaced(", \"operate\"", ""), ["bob may no longer operate"]);
    assert_eq!(replaced("conflicts = [[\"bob\", \"carol\"]]", ""), ["conflict gone, may sign together: bob and carol"]);
    assert_eq!(replaced("\"carol\"]]", "\"alice\"]]").len(), 2);
    let scope = replaced("\"operate\"]", "\"operate\"]\nowners = [\"team-shop\"]");
    assert_eq!(scope, ["bob signs for the services of team-shop, was all services and the duties"]);
    let gone = said(|text| {
        text.replace("conflicts = [[\"bob\", \"carol\"]]", "").split("[person.carol]").next().unwrap().into()
    });
    assert!(gone[0].starts_with("person gone: carol, may approve, key SHA256:"), "{gone:?}");
    let key = said(|text| {
        text.replace(
            &format!("\"{}\"", KEYS[0]),
            "\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJhI0jeyJ16y8CcmL0trVIGsR9/3iNtQVs82CcCjOP5C\"",
        )
    });
    assert!(
        key[0].starts_with("alice has a new key: SHA256:") && key[1].starts_with("alice has a key no more: SHA256:")
    );
    let solo = said(|text| text.replace("team", "solo").replace("approvals = 1", "approvals = 0"));
    assert_eq!(solo, ["mode: solo, was team", "approvals besides the author: 0, were 1; fewer people are needed"]);
}

#[test]
fn lines_are_told_as_they_are_written_too() {
    let moved = all(|text| text.replace("may = [\"author\"]", "may = [\"author\", \"audit\"] # at night"));
    let written = [
        "line gone: [person.alice] may = [\"author\"]",
        "line new: [person.alice] may = [\"author\", \"audit\"] # at night",
    ];
    assert_eq!(moved, ["alice may now audit", written[0], written[1]]);
    let comment = ["duties.toml: comments, spaces or the order of lines differ"];
    assert_eq!(all(|text| format!("# hello\n{text}")), comment);
    assert_eq!(
        all(|text| text.replace("approvals = 1", "approvals  = 1")),
        ["line gone: approvals = 1", "line new: approvals  = 1"]
    );
}

#[test]
fn a_key_that_moves_to_another_person_is_told_of_both() {
    let swapped = said(|text| text.replace(KEYS[1], "KEY").replace(KEYS[2], KEYS[1]).replace("KEY", KEYS[2]));
    assert_eq!(swapped.len(), 4, "{swapped:?}");
}

#[test]
fn dangers_and_exceptions_are_told() {
    let toxic = "[[toxic]]\nid = \"order-and-book\"\nreason = \"who orders does not book\"\nactions = [\"orders.create\", \"connect ledger:main\"]\nholder = \"service\"\n";
    let exception = "[[exception]]\ntoxic = \"order-and-book\"\nholder = \"web\"\nowner = \"alice\"\nticket = \"OPS-1\"\nuntil = 2027-01-31\n";
    let said = said(|text| format!("{text}{toxic}{exception}"));
    assert_eq!(
        said,
        [
            "new toxic combination: order-and-book \"who orders does not book\", no one service holds together connect ledger:main, orders.create",
            "new exception: web may hold order-and-book until 2027-01-31, for which alice answers [OPS-1]",
        ]
    );
}
