//! Descriptors that came from whoever started the process.

use crate::probe::{Probe, User, is_ok};
use gate_host::Role;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use std::fs::File;
use std::os::fd::AsRawFd;

#[test]
fn an_inherited_descriptor_is_closed() {
    let probe = Probe::new(User::Same);
    let path = probe.elsewhere().join("secret");
    let secret = File::create(&path).unwrap();
    // A high number, so that nothing else in the probe has it.
    let inherited = fcntl_dupfd_cloexec(&secret, 200).unwrap();
    fcntl_setfd(&inherited, FdFlags::empty()).unwrap();
    let number = inherited.as_raw_fd().to_string();

    let outside = probe.outside(&["descriptor", &number]);
    assert!(is_ok(&outside) && outside.ends_with("secret"), "{outside}");
    assert_eq!(probe.inside(Role::Authz, &["descriptor", &number]), "errno 2");
    let report = probe.inside(Role::Authz, &["report"]);
    let closed = report.split("closed: [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    assert!(closed.split(", ").any(|fd| fd == number), "{report}");
    assert!(is_ok(&probe.inside(Role::Authz, &["descriptor", "2"])), "stderr stays");
}
