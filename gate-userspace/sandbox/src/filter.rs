//! From a role's list of calls to seccomp filters.

use crate::calls::{Arg, Call, Is, When, allowed};
use crate::error::SandboxError;
use crate::kernel::install_filter;
use gate_host::Role;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

/// Rules by number of the call; an empty list allows it with any arguments.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Restricts this thread, and all that it makes, to the role's calls.
pub(crate) fn install(role: Role) -> Result<(), SandboxError> {
    // The allow-list comes last: it has no seccomp(2).
    for program in [no_clone3()?, allow_list(role)?] {
        install_filter(&program).map_err(|source| SandboxError::Refused { step: "seccomp filter", source })?;
    }
    Ok(())
}

/// `ENOSYS`, not `EPERM`: the C library then uses `clone`, whose flags a filter can read.
fn no_clone3() -> Result<BpfProgram, BackendError> {
    let rules = Rules::from([(libc::SYS_clone3, Vec::new())]);
    compile(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.cast_unsigned()))
}

fn allow_list(role: Role) -> Result<BpfProgram, BackendError> {
    compile(rules(role)?, SeccompAction::Errno(libc::EPERM.cast_unsigned()), SeccompAction::Allow)
}

fn compile(rules: Rules, otherwise: SeccompAction, listed: SeccompAction) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, listed, arch)?.try_into()
}

fn rules(role: Role) -> Result<Rules, BackendError> {
    let mut rules: BTreeMap<i64, Option<Vec<SeccompRule>>> = BTreeMap::new();
    for call in allowed(role) {
        let found = rules.entry(call.number).or_insert_with(|| Some(Vec::new()));
        match lines(call)? {
            None => *found = None,
            Some(lines) => {
                if let Some(found) = found {
                    found.extend(lines);
                }
            }
        }
    }
    Ok(rules.into_iter().map(|(number, lines)| (number, lines.unwrap_or_default())).collect())
}

/// The conditions of a call; `None` when it has none.
fn lines(call: &Call) -> Result<Option<Vec<SeccompRule>>, BackendError> {
    match call.when {
        When::Always => Ok(None),
        When::Any(lines) => lines.iter().map(|line| rule(line)).collect::<Result<_, _>>().map(Some),
    }
}

fn rule(line: &[Arg]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(line.iter().map(condition).collect::<Result<_, _>>()?)
}

fn condition(arg: &Arg) -> Result<SeccompCondition, BackendError> {
    let (length, operator, value) = match arg.is {
        Is::Int(value) => (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value.into()),
        Is::Bits { mask, value } => (SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value),
        Is::Null => (SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0),
        Is::OwnPid => (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, std::process::id().into()),
    };
    SeccompCondition::new(arg.index, length, operator, value)
}

#[cfg(test)]
mod tests;
