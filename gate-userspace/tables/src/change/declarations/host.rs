//! What differs for processes that no service claims.

use super::{Difference, WHOLE};
use crate::{Host, Listener, Posture};

pub(super) fn compare(old: &Host, new: &Host, difference: &mut Difference) {
    one("[host]", (old.posture, &old.failsafe), (new.posture, &new.failsafe), difference);
    for section in &new.sections {
        match old.sections.iter().find(|was| was.name == section.name) {
            Some(was) if was.on == section.on => {
                let place = format!("section {} of [host]", section.name);
                one(&place, (was.posture, &was.failsafe), (section.posture, &section.failsafe), difference);
            }
            _ => difference.declare(WHOLE, format!("section {} of [host] is new, or for other hosts", section.name)),
        }
    }
    for section in old.sections.iter().filter(|was| !new.sections.iter().any(|section| section.name == was.name)) {
        difference.declare(WHOLE, format!("section {} of [host] is gone", section.name));
    }
}

/// `Deny with tcp/22 failsafe`.
fn text((posture, failsafe): (Posture, &Vec<Listener>)) -> String {
    let ports: Vec<String> = failsafe.iter().map(|one| format!("{}/{}", one.transport.name(), one.number)).collect();
    match (posture, ports.as_slice()) {
        (Posture::Open, []) => "Open".to_owned(),
        (_, []) => format!("{posture:?} with no failsafe port"),
        _ => format!("{posture:?} with {} failsafe", ports.join(" ")),
    }
}

fn one(place: &str, old: (Posture, &Vec<Listener>), new: (Posture, &Vec<Listener>), difference: &mut Difference) {
    if old == new {
        return;
    }
    let narrower = old.1 == new.1 || (new.1.iter().all(|listener| old.1.contains(listener)));
    let words = format!("{place} is {}, and was {}", text(new), text(old));
    // Under an open posture nothing is failsafe, since everything is.
    match (old.0, new.0) {
        (Posture::Open, Posture::Deny) => difference.withdraw(WHOLE, words),
        (Posture::Deny, Posture::Deny) if narrower => difference.withdraw(WHOLE, words),
        _ => difference.declare(WHOLE, words),
    }
}
