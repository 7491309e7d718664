//! What happens: steps, days and stories of both.

use super::*;

/// What the duties of a bundle say, for the model: who may author and approve (bits of people), how many approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) authors: u8,
    pub(super) approvers: u8,
    pub(super) approvals: usize,
    pub(super) operators: u8,
}

/// What a policy says: which of six cells are permitted (bits), and the duties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) cells: u8,
    pub(super) duties: usize,
}

/// The duties that policies choose from; the last is what root enrolled.
pub(super) const DUTIES_OF: [Rule; 4] = [
    Rule { authors: 0b1111, approvers: 0b1111, approvals: 2, operators: 0b1111 },
    Rule { authors: 0b0001, approvers: 0b0110, approvals: 2, operators: 0b1000 },
    Rule { authors: 0b1000, approvers: 0b0111, approvals: 1, operators: 0b0001 },
    Rule { authors: 0b0011, approvers: 0b1110, approvals: 1, operators: 0b0110 },
];
pub(super) const ENROLLED: usize = DUTIES_OF.len() - 1;

/// One thing that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Somebody builds a bundle after the one in force at a store, or after any other bundle.
    Propose {
        after: Option<usize>,
        store: usize,
        policy: Policy,
        removes: bool,
    },
    Sign {
        bundle: usize,
        person: u8,
        role: Role,
    },
    /// Everybody whom the duties before it ask for signs the newest; or those whom its own ask for.
    SignAll {
        own: bool,
    },
    /// A store loads what the first one has and it has not.
    CatchUp {
        store: usize,
    },
    Stage {
        store: usize,
        bundle: usize,
        late: bool,
    },
    Activate {
        store: usize,
        late: bool,
    },
    /// Activates what is staged, provisionally.
    ActivateUntil {
        store: usize,
        seconds: u64,
    },
    /// Somebody confirms what is in force.
    Confirm {
        store: usize,
    },
    /// Seconds pass after the boot, in every process.
    Tick {
        seconds: u64,
    },
    /// The process ends, and starts in another boot.
    Reboot {
        store: usize,
    },
    /// An operator goes back from what is in force; or forward, to what was in force before that.
    Revert {
        store: usize,
        person: u8,
        forward: bool,
    },
    /// Activates a bundle by its name, staged or not.
    ActivateOther {
        store: usize,
        bundle: usize,
    },
    Discard {
        store: usize,
    },
    /// The process ends, with or without files of a write that did not end, and starts again.
    Crash {
        store: usize,
        leftover: bool,
    },
    /// As Crash, and between them the copy of an older bundle is put where the last one is.
    OldCopy {
        store: usize,
    },
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let store = || 0..STORES;
    // Small numbers choose what is new.
    let bundle = || prop_oneof![6 => Just(0_usize), 1 => 0_usize..8];
    let role = prop_oneof![Just(Role::Author), Just(Role::Approver)];
    let late = || prop::bool::weighted(0.1);
    let after = prop_oneof![5 => Just(None), 1 => (0_usize..8).prop_map(Some)];
    let duties = prop_oneof![4 => Just(ENROLLED), 1 => 0..DUTIES_OF.len()];
    let policy = (any::<u8>(), duties).prop_map(|(cells, duties)| Policy { cells: cells & 0b11_1111, duties });
    prop_oneof![
        4 => (after, store(), policy).prop_map(|(after, store, policy)| Step::Propose { after, store, policy, removes: false }),
        10 => (bundle(), 0..PEOPLE, role).prop_map(|(bundle, person, role)| Step::Sign { bundle, person, role }),
        9 => (store(), bundle(), late()).prop_map(|(store, bundle, late)| Step::Stage { store, bundle, late }),
        9 => (store(), late()).prop_map(|(store, late)| Step::Activate { store, late }),
        1 => (store(), bundle()).prop_map(|(store, bundle)| Step::ActivateOther { store, bundle }),
        1 => store().prop_map(|store| Step::Discard { store }),
        2 => (store(), any::<bool>()).prop_map(|(store, leftover)| Step::Crash { store, leftover }),
        1 => store().prop_map(|store| Step::OldCopy { store }),
        3 => (store(), 1_u64..700).prop_map(|(store, seconds)| Step::ActivateUntil { store, seconds }),
        2 => store().prop_map(|store| Step::Confirm { store }),
        2 => (1_u64..400).prop_map(|seconds| Step::Tick { seconds }),
        1 => store().prop_map(|store| Step::Reboot { store }),
        2 => (store(), 0..PEOPLE, prop::bool::weighted(0.2))
            .prop_map(|(store, person, forward)| Step::Revert { store, person, forward }),
        1 => Just(Step::Wait),
    ]
}

/// A day's work with a bundle after the first store's, which it then loads, and others after it. Without good days chains
/// stay short; on the others somebody who knows the code tries what it must not let pass.
#[derive(Debug, Clone, Copy)]
enum Day {
    Addition,
    Removal,
    /// After a bundle that was signed and lost against another one.
    Fork,
    /// Signed by those who would be in charge after it.
    Coup,
    /// One person in both roles.
    Alone,
    /// Everybody signs, it is tried for a minute, and that ends in one way or another.
    Trial,
    /// Everybody signs more access, and somebody goes back.
    Regret,
}

fn day() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![
        3 => Just(Day::Addition), 3 => Just(Day::Removal), 1 => Just(Day::Fork), 1 => Just(Day::Coup), 1 => Just(Day::Alone),
        2 => Just(Day::Trial), 2 => Just(Day::Regret)
    ];
    let role = prop_oneof![Just(Role::Author), Just(Role::Approver)];
    let duties = prop_oneof![3 => Just(ENROLLED), 1 => 0..DUTIES_OF.len()];
    (kind, any::<u8>(), duties, 0..PEOPLE, role, any::<u8>()).prop_map(|(kind, cells, duties, person, role, loads)| {
        let propose = |after, removes| {
            let duties = if matches!(kind, Day::Coup) { (duties + 1) % DUTIES_OF.len() } else { duties };
            let cells = if matches!(kind, Day::Regret) { 0b11_1111 } else { cells & 0b11_1111 };
            let policy = Policy { cells, duties };
            Step::Propose { after, store: 0, policy, removes }
        };
        let all = Step::SignAll { own: false };
        let sign = |role| Step::Sign { bundle: 0, person, role };
        let load = [Step::Stage { store: 0, bundle: 0, late: false }, Step::Activate { store: 0, late: false }];
        let mut steps = match kind {
            Day::Addition | Day::Regret => vec![propose(None, false), all],
            Day::Trial => {
                let stage = Step::Stage { store: 0, bundle: 0, late: false };
                let mut steps = vec![propose(None, false), all, stage, Step::ActivateUntil { store: 0, seconds: 60 }];
                steps.push(match loads % 4 {
                    0 => Step::Reboot { store: 0 },
                    1 => Step::Tick { seconds: 60 },
                    2 => Step::Crash { store: 0, leftover: false },
                    _ => Step::Confirm { store: 0 },
                });
                steps
            }
            Day::Removal => vec![propose(None, true), sign(role)],
            Day::Coup => vec![propose(None, false), Step::SignAll { own: true }],
            Day::Alone => vec![propose(None, false), sign(Role::Author), sign(Role::Approver)],
            Day::Fork => {
                let mut steps = vec![propose(None, false), all.clone(), propose(None, false), all.clone()];
                steps.extend(load.clone());
                steps.extend([propose(Some(1), false), all]);
                steps
            }
        };
        steps.extend(load);
        if matches!(kind, Day::Regret) {
            steps.push(Step::Revert { store: 0, person, forward: false });
        }
        steps.extend((1..STORES).filter(|number| loads & (1 << number) != 0).map(|store| Step::CatchUp { store }));
        steps
    })
}

pub(super) fn story() -> impl Strategy<Value = Vec<Step>> {
    let part = prop_oneof![2 => day(), 1 => prop::collection::vec(step(), 1..10)];
    prop::collection::vec(part, 2..12).prop_map(|parts| parts.into_iter().flatten().collect())
}
