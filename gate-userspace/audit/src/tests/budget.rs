use super::{decision, flow};
use crate::{Budgets, Rate, Rates};
use gate_host::Role;
use gate_record::{Event, Outcome};

fn budgets() -> Budgets {
    let allowed = Rate { burst: 100, per_second: 10 };
    Budgets::new(Rates { allowed, denied: Rate { burst: 5, per_second: 1 }, own: Rate { burst: 20, per_second: 1 } })
}

/// How many of so many events at one time are within the budget.
fn admitted(budgets: &mut Budgets, role: Role, event: &Event, count: u32, now_ms: u64) -> usize {
    (0..count).filter(|_| budgets.admit(role, event, now_ms)).count()
}

#[test]
fn one_noisy_service_leaves_the_others_their_room() {
    let mut budgets = budgets();
    let (noisy, quiet) = (flow("batch", Outcome::Deny), flow("web", Outcome::Deny));
    assert_eq!(admitted(&mut budgets, Role::Net, &noisy, 1_000, 0), 5);
    assert_eq!(admitted(&mut budgets, Role::Net, &quiet, 5, 0), 5);
    // What it is allowed, and what another role says of it, count by themselves.
    assert_eq!(admitted(&mut budgets, Role::Net, &flow("batch", Outcome::Allow), 1_000, 0), 100);
    let decided = Event::clone(&decision("x", Outcome::Deny));
    assert_eq!(admitted(&mut budgets, Role::Authz, &decided, 1_000, 0), 5);
}

#[test]
fn what_is_left_out_is_counted_by_source() {
    let mut budgets = budgets();
    admitted(&mut budgets, Role::Net, &flow("batch", Outcome::Deny), 1_000, 0);
    admitted(&mut budgets, Role::Net, &flow("", Outcome::WouldDeny), 8, 0);
    let mut losses: Vec<(String, u64)> = budgets
        .sum_up(0)
        .into_iter()
        .map(|event| match event {
            Event::Loss { source, count, what } => {
                assert_eq!(what, "log budget of gate-net for what was refused");
                (source, count)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    losses.sort();
    assert_eq!(losses, [(String::new(), 3), ("batch".into(), 995)]);
    assert!(budgets.sum_up(0).is_empty(), "once");
}

#[test]
fn room_comes_back_with_time() {
    let mut budgets = budgets();
    let noisy = flow("batch", Outcome::Deny);
    assert_eq!(admitted(&mut budgets, Role::Net, &noisy, 10, 0), 5);
    assert_eq!(admitted(&mut budgets, Role::Net, &noisy, 10, 999), 0);
    assert_eq!(admitted(&mut budgets, Role::Net, &noisy, 10, 3_000), 3);
    assert_eq!(admitted(&mut budgets, Role::Net, &noisy, 100, 1_000_000), 5, "never more than at once");
    // Nor when the clock is set back.
    assert_eq!(admitted(&mut budgets, Role::Net, &noisy, 100, 5), 0);
}

#[test]
fn a_role_that_talks_of_itself_without_end_is_not_heard_without_end() {
    let mut budgets = budgets();
    let act = Event::Administration { uid: 0, act: "activate".into() };
    let start =
        Event::Start { binary: String::new(), sandbox: String::new(), object: None, labels: Default::default() };
    assert_eq!(admitted(&mut budgets, Role::Net, &act, 15, 0), 15);
    assert_eq!(admitted(&mut budgets, Role::Net, &start, 15, 0), 5);
    // Nobody else's room is gone by that, nor that of its services.
    assert_eq!(admitted(&mut budgets, Role::Proxy, &act, 1_000, 0), 20);
    assert_eq!(admitted(&mut budgets, Role::Net, &flow("web", Outcome::Allow), 1, 0), 1);
    // The one who counts what was left out is always heard.
    assert_eq!(admitted(&mut budgets, Role::Audit, &Event::Mismatch { found: String::new() }, 1_000, 0), 1_000);
    assert!(matches!(&budgets.sum_up(0)[..], [_, _]));
}

#[test]
fn invented_names_share_one_budget_when_there_are_too_many() {
    let mut budgets = budgets();
    let first = (0..65_536).filter(|n| budgets.admit(Role::Net, &flow(&format!("s{n}"), Outcome::Deny), 0)).count();
    assert_eq!(first, 65_536);
    let more = (65_536..66_536).filter(|n| budgets.admit(Role::Net, &flow(&format!("s{n}"), Outcome::Deny), 0)).count();
    assert_eq!(more, 5);
    // Silent ones make room.
    assert_eq!(budgets.sum_up(60_000).len(), 1);
    assert!(budgets.admit(Role::Net, &flow("new", Outcome::Deny), 60_000));
}
