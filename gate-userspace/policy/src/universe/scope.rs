//! What a rule's scope covers.

use super::{Subject, SubjectIndex, Target, TargetIndex, Universe};
use cedar_policy::{ActionConstraint, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use std::collections::BTreeSet;

/// The pairs that a rule's scope covers: each of `subjects` with each of `targets`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) subjects: Vec<SubjectIndex>,
    pub(crate) targets: Vec<TargetIndex>,
}

impl Scope {
    pub(crate) fn is_empty(&self) -> bool {
        self.subjects.is_empty() || self.targets.is_empty()
    }
}

impl Universe {
    /// Expands the scope of a rule.
    pub(crate) fn scope(&self, policy: &Policy) -> Scope {
        Scope { subjects: self.principals(&policy.principal_constraint()), targets: self.asked(policy) }
    }

    pub(crate) fn principals(&self, constraint: &PrincipalConstraint) -> Vec<SubjectIndex> {
        let of_type = |wanted: &EntityTypeName| {
            let is = |(_, subject): &(usize, &Subject)| subject.uid.type_name() == wanted;
            self.subjects.iter().enumerate().filter(is).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let within = |group: &EntityUid| self.subjects_in.get(group).cloned().unwrap_or_default();
        match constraint {
            PrincipalConstraint::Any => (0..self.subjects.len()).collect(),
            PrincipalConstraint::Eq(uid) => {
                within(uid).into_iter().filter(|i| self.subjects.get(*i).is_some_and(|s| s.uid == *uid)).collect()
            }
            PrincipalConstraint::In(uid) => within(uid),
            PrincipalConstraint::Is(wanted) => of_type(wanted),
            PrincipalConstraint::IsIn(wanted, uid) => {
                let members: BTreeSet<_> = within(uid).into_iter().collect();
                of_type(wanted).into_iter().filter(|index| members.contains(index)).collect()
            }
        }
    }

    /// Whether the target's action fits.
    pub(crate) fn action_fits(constraint: &ActionConstraint, target: &Target) -> bool {
        let within = |uid: &EntityUid| target.action == *uid || target.action_groups.contains(uid);
        match constraint {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => target.action == *uid,
            ActionConstraint::In(uids) => uids.iter().any(within),
        }
    }

    /// Whether the target's resource fits.
    pub(crate) fn resource_fits(constraint: &ResourceConstraint, target: &Target) -> bool {
        let resource = &target.resource;
        let within = |uid: &EntityUid| resource == uid || target.resource_groups.contains(uid);
        match constraint {
            ResourceConstraint::Any => true,
            ResourceConstraint::Eq(uid) => resource == uid,
            ResourceConstraint::In(uid) => within(uid),
            ResourceConstraint::Is(wanted) => resource.type_name() == wanted,
            ResourceConstraint::IsIn(wanted, uid) => resource.type_name() == wanted && within(uid),
        }
    }

    /// The targets that a rule is about, found from whatever it names that is rare.
    fn asked(&self, policy: &Policy) -> Vec<TargetIndex> {
        let (action, resource) = (policy.action_constraint(), policy.resource_constraint());
        let named = match (&resource, &action) {
            (ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid), _) => {
                self.resources_in.get(uid).cloned().unwrap_or_default()
            }
            (_, ActionConstraint::Eq(uid)) => self.actions_in.get(uid).cloned().unwrap_or_default(),
            (_, ActionConstraint::In(uids)) => {
                let all: BTreeSet<_> = uids.iter().filter_map(|uid| self.actions_in.get(uid)).flatten().collect();
                all.into_iter().copied().collect()
            }
            (ResourceConstraint::Any | ResourceConstraint::Is(_), ActionConstraint::Any) => {
                (0..self.targets.len()).collect()
            }
        };
        let fits = |target: &Target| Self::action_fits(&action, target) && Self::resource_fits(&resource, target);
        named.into_iter().filter(|index| self.targets.get(*index).is_some_and(fits)).collect()
    }
}
