use super::*;
use proptest::prelude::*;

const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIE5dw6ofRdf+HhCETu7bE5HKjDV/Rcb19dTC8iD1TXU bob@shop";

fn problems(text: &str) -> Vec<String> {
    Duties::parse(text.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect()
}

fn team(rest: &str) -> String {
    format!(
        "mode = \"team\"\napprovals = 1\n{rest}\n[person.alice]\nkeys = [\"{A}\"]\nmay = [\"author\"]\n\
             [person.bob]\nkeys = [\"{B}\"]\nmay = [\"approve\"]\n"
    )
}

#[test]
fn a_team_is_read() {
    let duties = Duties::parse(team("").as_bytes()).unwrap();
    assert_eq!((duties.mode(), duties.approvals()), (Mode::Team, 1));
    let key = Key::parse(B).unwrap();
    let (name, bob) = duties.owner_of(&key).unwrap();
    assert_eq!((name, bob.may(Duty::Approve), bob.may(Duty::Author)), ("bob", true, false));
    assert_eq!(bob.keys(), [key]);
}

#[test]
fn every_problem_is_told_with_its_line() {
    let text = format!(
        "mode = \"duo\"\napproval = 1\nconflicts = [[\"alice\"], [\"alice\", \"zoe\"]]\n\
         [person.alice]\nkeys = [\"{A}\", \"ssh-rsa nonsense\"]\nmay = [\"author\", \"rule\", \"author\"]\nmail = \"x\"\n\
         [person.bob]\nkeys = [\"{A} again\"]\nmay = \"approve\"\n\
         [person.\"e ve\"]\nmay = [\"approve\"]\n"
    );
    assert_eq!(
        problems(&text),
        [
            "duties.toml:1: mode is \"duo\"; write \"team\" or \"solo\"",
            "duties.toml:2: unknown key \"approval\" of the file; known are mode, approvals, conflicts, person, toxic, exception",
            "duties.toml:3: a conflict of 1 names; write pairs of names: conflicts = [[\"alice\", \"bob\"]]",
            "duties.toml:3: a conflict names \"zoe\", who is no person of this file",
            "duties.toml:5: a key of alice is not an SSH public key; write the line of a .pub file: \
             \"ssh-ed25519 AAAA… comment\"",
            "duties.toml:6: alice may \"rule\"; the duties are \"author\", \"approve\", \"operate\" and \"audit\"",
            "duties.toml:6: alice may \"author\" twice; write it once",
            "duties.toml:7: unknown key \"mail\" of person alice; known are keys, may, owners",
            "duties.toml:9: key SHA256:fe85JkIjo8VPe+XqXJGH5Mau1EMFdK1OdKvJUFicyA8 of bob is already a key of alice; a key \
             belongs to one person and is there once",
            "duties.toml:10: may of bob: found \"approve\"; write a list of duties, 1 to 4",
            "duties.toml:11: the name \"e ve\"; a name is 1 to 64 letters, digits and . _ - @",
            "duties.toml:11: person e ve signs and has no key; write keys = [\"ssh-ed25519 …\"]",
        ]
    );
}

#[test]
fn syntax_is_told_with_its_line_and_nothing_is_guessed() {
    let found = problems("mode = \"team\"\napprovals = \n[person.alice\nkeys = []\n");
    assert!(found.iter().all(|problem| problem.starts_with("duties.toml:2") || problem.starts_with("duties.toml:3")));
    assert!(!found.is_empty());
    assert_eq!(problems(&team("approvals = 2")), ["duties.toml:3: duplicate key"]);
    let not_text = Duties::parse(b"mode = \"team\"\n# \xff").unwrap_err();
    assert_eq!(not_text[0].to_string(), "duties.toml:2: not UTF-8; write the file in UTF-8");
}

#[test]
fn a_team_that_nobody_could_satisfy_is_refused() {
    let nobody_else = team("").replace("\"approve\"", "\"audit\"");
    assert_eq!(
        problems(&nobody_else),
        [
            "duties.toml:2: approvals is 1, and at most 0 may approve what another wrote; lower it or give more people may \
             = [\"approve\"]"
        ]
    );
    let both_hats_of_one = nobody_else.replace("[\"author\"]", "[\"author\", \"approve\"]");
    assert!(problems(&both_hats_of_one)[0].contains("at most 0 may approve"));
    assert!(problems(&team("conflicts = [[\"bob\", \"alice\"]]"))[0].contains("at most 0 may approve"));
    assert!(problems(&team("").replace("approvals = 1", "approvals = 2"))[0].contains("at most 1 may approve"));
    assert!(problems(&team("").replace("\"author\"", "\"audit\""))[0].contains("nobody may author"));
    assert!(problems(&team("").replace("approvals = 1", "approvals = 0"))[0].contains("a team needs at least 1"));
    assert!(problems(&team("").replace("approvals = 1\n", ""))[0].contains("approvals is missing"));
    for bad in ["-1", "32", "\"1\"", "1.0"] {
        let text = team("").replace("approvals = 1", &format!("approvals = {bad}"));
        assert!(problems(&text)[0].contains("write a number from 0 to 31"), "{bad}");
    }
}

#[test]
fn one_person_alone_says_so() {
    let alone = format!("mode = \"solo\"\n[person.alice]\nkeys = [\"{A}\"]\nmay = [\"author\", \"approve\"]\n");
    assert_eq!(Duties::parse(alone.as_bytes()).unwrap().approvals(), 0);
    let approving = alone.replace("\"solo\"", "\"solo\"\napprovals = 1");
    assert_eq!(Duties::parse(approving.as_bytes()).unwrap().approvals(), 1);
}

#[test]
fn keys_that_anybody_could_sign_for_are_refused() {
    // The identity point, of order 1, and a point of order 8 (RFC 8032 encoding).
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        let bytes: [u8; 32] = hex::decode(point).unwrap().try_into().unwrap();
        let data = ssh_key::public::KeyData::Ed25519(ssh_key::public::Ed25519PublicKey(bytes));
        assert_eq!(Key::accept(data.clone()).unwrap_err(), crate::KeyError::Weak);
        let line = ssh_key::PublicKey::from(data).to_openssh().unwrap();
        let text = team("").replace(A, &line);
        assert!(problems(&text)[0].starts_with("duties.toml:5: a key of alice is not a sound point"), "{text}");
    }
}

#[test]
fn one_point_under_two_types_is_one_key() {
    let KeyDataPair { plain, security } = key_of_alice_in_two_types();
    let text = team("").replace(B, &security);
    assert_ne!(Key::parse(&plain).unwrap(), Key::parse(&security).unwrap());
    assert!(problems(&text)[0].contains("is already a key of alice"));
}

struct KeyDataPair {
    plain: String,
    security: String,
}

fn key_of_alice_in_two_types() -> KeyDataPair {
    use ssh_key::public::{KeyData, SkEd25519};
    let key = ssh_key::PublicKey::from_openssh(A).unwrap();
    let point = *key.key_data().ed25519().unwrap();
    let security = ssh_key::PublicKey::from(KeyData::SkEd25519(SkEd25519::new(point, "ssh:"))).to_openssh().unwrap();
    KeyDataPair { plain: A.to_owned(), security }
}

proptest! {
    /// Against trying every subset.
    #[test]
    fn the_largest_set_without_conflict_is_the_largest(
        size in 0_usize..9,
        pairs in prop::collection::vec((0_usize..9, 0_usize..9), 0..12),
    ) {
        let names: Vec<String> = (0..9).map(|n| format!("p{n}")).collect();
        let people: BTreeSet<&str> = names.iter().take(size).map(String::as_str).collect();
        let conflicts: Vec<(String, String)> =
            pairs.iter().filter(|(a, b)| a != b).map(|(a, b)| (names[*a].clone(), names[*b].clone())).collect();
        let fits = |set: &Vec<&str>| set.iter().all(|a| set.iter().all(|b| !quorum::in_conflict(a, b, &conflicts)));
        let subset = |mask: u32| names.iter().take(size).enumerate()
            .filter(|(at, _)| mask & (1 << at) != 0).map(|(_, name)| name.as_str()).collect::<Vec<_>>();
        let best = (0..1_u32 << size).map(subset).filter(fits).map(|set| set.len()).max().unwrap();
        let found: Vec<&str> = largest_without_conflict(&people, &conflicts).into_iter().collect();
        prop_assert!(fits(&found), "{found:?}");
        prop_assert_eq!(found.len(), best);
    }
}
