use super::*;
use crate::page::Page;
use crate::testing::{TestLine, TestRule, forbid, permit, rule, shop};
use gate_tables::ServiceId;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn none(_: &Cell) -> Vec<String> {
    Vec::new()
}

fn between(old: &Tables, new: &Tables) -> Diff {
    diff(&Side { tables: old, forbids: &none }, &Side { tables: new, forbids: &none })
}

fn text(diff: &Diff, all: bool) -> String {
    let mut page = Page::default();
    page.paragraph(diff.summary());
    diff.write(all, &mut page);
    page.to_terminal()
}

fn get(permits: &[u32], forbids: &[u32], sources: &[u32]) -> TestLine<'static> {
    (3, 1, Some("orders.get"), permits.to_vec(), forbids.to_vec(), sources.to_vec())
}

#[test]
fn equal_policies_are_equal() {
    let tables = shop(&[permit("a")], &[get(&[0], &[], &[1, 4])]);
    let diff = between(&tables, &tables);
    assert!(diff.equal && diff.only_removes && diff.groups.is_empty());
    assert_eq!(text(&diff, false), "Equal: nobody's access changes, and nothing that runs here\n");
}

#[test]
fn a_gain_names_its_rule_and_the_forbid_that_went() {
    let (old, new) = (shop(&[], &[]), shop(&[permit("a")], &[get(&[0], &[], &[1, 4])]));
    let with_forbid = shop(&[permit("a"), forbid("b")], &[]);
    let expected = "\
Gives: 2 cells gained

Gains
  batch, web -> orders.get
      permitted by a (shop.cedar:3) \"why a\" [T-1]
";
    assert_eq!(text(&between(&old, &new), false), expected);
    let forbidden = |_: &Cell| vec!["b".to_owned()];
    let diff = diff(&Side { tables: &with_forbid, forbids: &forbidden }, &Side { tables: &new, forbids: &none });
    let expected = format!("{expected}      no longer forbidden by b (shop.cedar:3) \"why b\" [T-1]\n");
    assert_eq!(text(&diff, false), expected);
}

#[test]
fn a_loss_names_the_rule_that_went_or_the_forbid_that_came() {
    let old = shop(&[permit("a")], &[get(&[0], &[], &[4])]);
    let gone = text(&between(&old, &shop(&[], &[])), false);
    assert!(gone.starts_with("Only removes: 1 cell lost\n\nLosses\n  web -> orders.get\n      gone: a "), "{gone}");
    let narrowed = text(&between(&old, &shop(&[permit("a")], &[])), false);
    assert!(narrowed.contains("no longer covered by a "), "{narrowed}");
    let new = shop(&[permit("a"), forbid("b")], &[]);
    let forbidden = |_: &Cell| vec!["b".to_owned()];
    let diff = diff(&Side { tables: &old, forbids: &none }, &Side { tables: &new, forbids: &forbidden });
    let said = text(&diff, false);
    assert!(said.contains("forbidden by b ") && said.contains("in vain, by a "), "{said}");
}

#[test]
fn conditions_are_told_apart_from_what_is_exact() {
    let on = |digest| Some((digest, true));
    let policy = |rules: &[TestRule]| shop(rules, &[get(&[0], &[], &[4])]);
    let always = policy(&[permit("a")]);
    let (one, other) = (policy(&[rule("a", "permit", on(1))]), policy(&[rule("a", "permit", on(2))]));
    let kind = |old: &Tables, new: &Tables| between(old, new).groups.iter().map(|g| g.kind).collect::<Vec<_>>();
    assert_eq!(kind(&one, &always), [Kind::Widens]);
    assert_eq!(kind(&always, &one), [Kind::Narrows]);
    assert_eq!(kind(&one, &other), [Kind::Alters]);
    let said = text(&between(&one, &other), false);
    assert!(said.contains("cannot be compared exactly") && said.contains("another condition: a (shop.cedar:3, on a"));
    let gained = text(&between(&shop(&[], &[]), &one), false);
    assert!(gained.contains("web -> orders.get, on a condition\n"), "{gained}");
}

#[test]
fn many_are_counted_and_named_on_demand() {
    let mut json = serde_json::to_value(shop(&[permit("a")], &[get(&[0], &[], &[4])])).unwrap();
    let template = json["services"][0].clone();
    for id in 10..20 {
        let mut service = template.clone();
        service["id"] = id.into();
        service["name"] = format!("z{id}").into();
        service["cgroup"] = format!("z{id}.service").into();
        json["services"].as_array_mut().unwrap().push(service);
    }
    let old = crate::testing::tables(&json);
    json["access"][0]["sources"] = serde_json::json!([4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    let diff = between(&old, &crate::testing::tables(&json));
    assert!(
        text(&diff, false).contains("\n  10 services (z10, z11, z12, …) -> orders.get\n"),
        "{}",
        text(&diff, false)
    );
    assert!(text(&diff, true).contains("\n  z10, z11, z12, z13, z14, z15, z16, z17, z18, z19 -> orders.get\n"));
}

#[test]
fn how_many_sign_is_what_admission_says() {
    let (less, more) = (shop(&[], &[]), shop(&[permit("a")], &[get(&[0], &[], &[4])]));
    let said = |old: &Tables, new: &Tables, duties| between(old, new).signatures(duties).to_terminal();
    assert!(said(&more, &less, false).starts_with("One authorized signature is enough"));
    assert!(said(&less, &more, false).contains("it may give access"));
    assert!(said(&more, &less, true).contains("duties.toml is another"));
    assert!(said(&less, &less, false).contains("it takes no access away"));
}

#[test]
fn rules_without_effect_are_told_too() {
    let (old, mut new) = (shop(&[permit("a")], &[]), shop(&[permit("b")], &[]));
    let said = text(&between(&old, &new), false);
    assert!(said.contains("gone: a (") && said.contains("new: b ("), "{said}");
    new.rules[0].id = "a".into();
    new.rules[0].reason = "another".into();
    let said = text(&between(&old, &new), false);
    assert!(said.contains("another reason or ticket: a (shop.cedar:3) \"another\" [T-1]"), "{said}");
}

/// Everything that the comparison of tables counts is told, whether or not this crate knows it.
fn all_told(old: &Tables, new: &Tables) {
    let (diff, difference) = (between(old, new), compare(old, new));
    let gives = |gives: bool| diff.declarations.iter().filter(|declared| declared.gives == gives).count();
    assert_eq!(gives(true) == 0, difference.declarations.is_empty(), "{difference:?} {:?}", diff.declarations);
    assert_eq!(gives(false) == 0, difference.withdrawn.is_empty(), "{difference:?} {:?}", diff.declarations);
    assert!(diff.declarations.iter().all(|declared| !declared.of.is_empty()), "{:?}", diff.declarations);
}

#[test]
fn what_runs_here_is_told_in_words() {
    let old = shop(&[], &[]);
    let said = |change: &dyn Fn(&mut Tables)| {
        let mut new = old.clone();
        change(&mut new);
        all_told(&old, &new);
        all_told(&new, &old);
        let diff = between(&old, &new);
        diff.declarations
            .iter()
            .map(|d| {
                let mut p = Page::default();
                p.paragraph(d.line());
                p.to_terminal()
            })
            .collect::<String>()
    };
    assert_eq!(said(&|t| t.services[0].cgroup = "x".into()), "may give: service batch cgroup: x, was batch.service\n");
    assert_eq!(said(&|t| t.services[0].owner = "x".into()), "may give: service batch owner: x, was team-shop\n");
    assert_eq!(said(&|t| t.services[0].id = ServiceId(9)), "may give: service batch number in the kernel: 9, was 1\n");
    assert!(said(&|t| t.services[0].observe = true).starts_with("may give: service batch is only observed"));
    assert!(said(&|t| drop(t.services.remove(0))).starts_with("may give: service batch is gone: cgroup batch.service"));
    assert!(said(&|t| drop(t.services[1].ports.remove(0))).starts_with("may give: port ledger:journal is gone"));
    assert_eq!(
        said(&|t| t.services[1].ports[0].number = 9),
        "may give: port ledger:journal listens: tcp/9, was tcp/9000\n"
    );
    assert_eq!(
        said(&|t| drop(t.services[2].ports[0].routes.remove(0))),
        "takes away: route orders.get is gone: GET /orders/{id:int}\n"
    );
    assert_eq!(
        said(&|t| t.services[2].ports[0].routes[0].method = "PUT".into()),
        "may give: route orders.get matches: PUT /orders/{id:int}, was GET /orders/{id:int}\n"
    );
    assert_eq!(said(&|t| t.environment = "x".into()), "may give: the environment is another: x, was demo\n");
}

#[test]
fn what_is_not_known_here_is_told_in_the_words_of_the_comparison() {
    let (old, mut new) = (shop(&[], &[]), shop(&[], &[]));
    new.retired.insert("gone".into(), ServiceId(77));
    let difference = compare(&old, &new);
    let diff = between(&old, &new);
    let told: Vec<&String> = diff.declarations.iter().map(|declared| &declared.name).collect();
    assert_eq!(told, difference.declarations.iter().collect::<Vec<_>>());
    let difference =
        gate_tables::Difference { declarations: vec!["the moon is full".into()], ..gate_tables::Difference::default() };
    let declared = declarations::declarations(&old, &old, &difference);
    assert_eq!(declared.iter().map(|d| (d.gives, d.name.as_str())).collect::<Vec<_>>(), [(true, "the moon is full")]);
}

/// A random policy over the shop: for each rule its effect, its condition and which cells it names.
#[derive(Debug, Clone)]
struct Random {
    rules: Vec<(bool, Option<u32>, BTreeSet<Numbers>)>,
}

/// A source and the place of its target in [`TARGETS`].
type Numbers = (u32, usize);

const SOURCES: [u32; 3] = [0, 1, 4];
const TARGETS: [(u32, Option<&str>); 4] =
    [(2, None), (3, Some("orders.get")), (3, Some("orders.list")), (3, Some("orders.new"))];

impl Random {
    fn about(&self, cell: Numbers) -> impl Iterator<Item = (u32, bool, Option<u32>)> {
        let rules = (0u32..).zip(&self.rules).filter(move |(_, rule)| rule.2.contains(&cell));
        rules.map(|(index, rule)| (index, rule.0, rule.1))
    }

    /// Whether a request is allowed while exactly these conditions hold.
    fn allows(&self, cell: Numbers, holding: u32) -> bool {
        let holds = |condition: Option<u32>| condition.is_none_or(|number| holding & (1 << number) != 0);
        let some = |effect: bool| self.about(cell).any(|(_, permits, condition)| permits == effect && holds(condition));
        some(true) && !some(false)
    }

    fn forbidden_by(&self, cell: Numbers) -> Vec<String> {
        let rules = self.about(cell).filter(|(_, permits, condition)| !permits && condition.is_none());
        rules.map(|(index, ..)| format!("r{index}")).collect()
    }

    fn tables(&self) -> Tables {
        let effect = |permits: bool| if permits { "permit" } else { "forbid" };
        let rules: Vec<TestRule> = (0..)
            .zip(&self.rules)
            .map(|(index, (permits, condition, _))| {
                rule(&format!("r{index}"), effect(*permits), condition.map(|digest| (digest, true)))
            })
            .collect();
        let mut lines: std::collections::BTreeMap<(usize, Vec<u32>, Vec<u32>), Vec<u32>> = Default::default();
        for source in SOURCES {
            for target in 0..TARGETS.len() {
                let cell = (source, target);
                let of = |effect: bool| {
                    self.about(cell).filter(|rule| rule.1 == effect).map(|rule| rule.0).collect::<Vec<_>>()
                };
                if !of(true).is_empty() && self.forbidden_by(cell).is_empty() {
                    lines.entry((target, of(true), of(false))).or_default().push(source);
                }
            }
        }
        let lines: Vec<TestLine<'_>> = lines
            .into_iter()
            .map(|((target, permits, forbids), sources)| {
                (TARGETS[target].0, 1, TARGETS[target].1, permits, forbids, sources)
            })
            .collect();
        shop(&rules, &lines)
    }
}

fn number_of(cell: &Cell) -> Numbers {
    let source = match cell.source.as_str() {
        "host" => 0,
        "batch" => 1,
        _ => 4,
    };
    let target = TARGETS.iter().position(|(_, action)| *action == cell.action.as_deref()).unwrap();
    (source, target)
}

fn random() -> impl Strategy<Value = Random> {
    let cells = prop::collection::btree_set((prop::sample::select(&SOURCES[..]), 0..TARGETS.len()), 1..6);
    let rule = (prop::bool::weighted(0.7), prop::option::weighted(0.3, 0u32..2), cells);
    prop::collection::vec(rule, 0..5).prop_map(|rules| Random { rules })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Of every cell of every pair, what is told is what asking each request shows.
    #[test]
    fn a_difference_equals_brute_force(old in random(), new in random()) {
        let (before, after) = (old.tables(), new.tables());
        let was_forbidden = |cell: &Cell| old.forbidden_by(number_of(cell));
        let is_forbidden = |cell: &Cell| new.forbidden_by(number_of(cell));
        let diff = diff(&Side { tables: &before, forbids: &was_forbidden }, &Side { tables: &after, forbids: &is_forbidden });
        let mut told = std::collections::BTreeMap::new();
        for group in &diff.groups {
            prop_assert!(!group.causes.is_empty(), "{:?}", group);
            for part in &group.parts {
                for (source, target) in part.sources.iter().flat_map(|s| part.targets.iter().map(move |t| (s, t))) {
                    let Target { destination, port, action } = target.clone();
                    let cell = number_of(&Cell { source: source.clone(), destination, port, action });
                    prop_assert!(told.insert(cell, (group.kind, group.conditional)).is_none(), "{:?} is told twice", cell);
                }
            }
        }
        prop_assert_eq!(told.len(), diff.counts.giving() + diff.counts.taking());
        for cell in SOURCES.iter().flat_map(|source| (0..TARGETS.len()).map(move |target| (*source, target))) {
            let gains = (0..4).any(|holding| !old.allows(cell, holding) && new.allows(cell, holding));
            let loses = (0..4).any(|holding| old.allows(cell, holding) && !new.allows(cell, holding));
            let unconditional = old.about(cell).chain(new.about(cell)).all(|rule| rule.2.is_none());
            let kind = told.get(&cell).map(|(kind, _)| *kind);
            let told_to_gain = kind.is_some_and(|kind| matches!(kind, Kind::Gains | Kind::Widens | Kind::Alters));
            let told_to_lose = kind.is_some_and(|kind| matches!(kind, Kind::Loses | Kind::Narrows | Kind::Alters));
            prop_assert!(told_to_gain || !gains, "{:?} gains and is not told", cell);
            prop_assert!(told_to_lose || !loses, "{:?} loses and is not told", cell);
            if unconditional {
                prop_assert_eq!((told_to_gain, told_to_lose), (gains, loses), "{:?}", cell);
            }
        }
        let gives = SOURCES.iter().flat_map(|source| (0..TARGETS.len()).map(move |target| (*source, target)))
            .any(|cell| (0..4).any(|holding| !old.allows(cell, holding) && new.allows(cell, holding)));
        prop_assert!(!diff.only_removes || !gives);
    }
}
