//! The cgroup that systemd gives a unit.
//!
//! After `unit_set_default_slice` (unit.c), `cg_slice_to_path` and `cg_needs_escape` (cgroup-util.c) and
//! `unit_name_escape` (unit-name.c) of systemd 257.

use std::fmt::Write as _;

/// Longest name of a unit: with its slices it is still a path that is matched whole.
const MAX_UNIT: usize = 127;

/// Controllers, whose files in a cgroup a unit's directory could be taken for: systemd puts `_` before such a name.
const CONTROLLERS: [&str; 16] = [
    "blkio",
    "bpf",
    "cgroup",
    "cpu",
    "cpuacct",
    "cpuset",
    "devices",
    "freezer",
    "hugetlb",
    "io",
    "memory",
    "misc",
    "net_cls",
    "perf_event",
    "pids",
    "rdma",
];

/// The cgroup of a `.service` in the slice that its `Slice=` names, or in the one that systemd chooses.
///
/// # Errors
/// What was found and what would be right.
pub(super) fn cgroup(unit: &str, slice: Option<&str>) -> Result<String, String> {
    let Some(stem) = unit.strip_suffix(".service") else {
        return Err(format!("unit = {unit:?}; write a unit that ends in \".service\", or cgroup = \"…\" for another"));
    };
    let (prefix, instance) = match stem.split_once('@') {
        Some((prefix, instance)) => (prefix, Some(instance)),
        None => (stem, None),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || ":-_.\\".contains(c);
    let instance_fits = |text: &str| text.chars().all(|c| legal(c) || c == '@');
    if prefix.is_empty() || !prefix.chars().all(legal) || !instance.is_none_or(instance_fits) || unit.len() > MAX_UNIT {
        return Err(format!("unit = {unit:?} is no unit name; write as systemctl shows it: \"orders.service\""));
    }
    if is_escaped(unit) {
        return Err(format!(
            "unit = \"{unit}\": systemd escapes the cgroup of a unit of this name; write cgroup = \"system.slice/_{unit}\""
        ));
    }
    match (instance, slice) {
        (Some(""), Some(slice)) => Err(format!(
            "unit = \"{unit}\" is every instance of a template, and those are in {slice} beside whatever else is there; \
             if nothing else is, write cgroup = \"…\" with the path of {slice}"
        )),
        (_, Some(slice)) => Ok(join(&slice_path(slice)?, unit)),
        (None, None) => Ok(format!("system.slice/{unit}")),
        (Some(instance), None) => {
            let of_template = format!("system.slice/system-{}.slice", escaped(prefix));
            Ok(if instance.is_empty() { of_template } else { join(&of_template, unit) })
        }
    }
}

/// The path of `a-b.slice`: `a.slice/a-b.slice`.
fn slice_path(slice: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("slice = {slice:?} {why}; write as the unit's Slice= has it: \"batch.slice\"");
    let stem = slice.strip_suffix(".slice").ok_or_else(|| wrong("is no slice"))?;
    if stem == "-" {
        return Ok(String::new());
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || ":-_.\\".contains(c);
    let parts: Vec<&str> = stem.split('-').collect();
    if !stem.chars().all(legal) || parts.iter().any(|part| part.is_empty()) || slice.len() > MAX_UNIT {
        return Err(wrong("is no slice's name"));
    }
    let mut path = String::new();
    let mut name = String::new();
    for part in parts {
        name = if name.is_empty() { part.to_owned() } else { format!("{name}-{part}") };
        let directory = format!("{name}.slice");
        if is_escaped(&directory) {
            return Err(wrong("has a name that systemd escapes in cgroups; write the whole cgroup = \"…\" instead"));
        }
        path = join(&path, &directory);
    }
    Ok(path)
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

fn is_escaped(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    name.starts_with(['_', '.']) || CONTROLLERS.contains(&first)
}

/// As systemd writes a template's name into that of a slice, where `-` would be another level.
fn escaped(prefix: &str) -> String {
    let mut text = String::with_capacity(prefix.len());
    for (at, c) in prefix.char_indices() {
        if matches!(c, '-' | '\\') || (at == 0 && c == '.') {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{:02x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::cgroup;

    #[test]
    #[rustfmt::skip] // a table
    fn paths_are_those_that_systemd_makes() {
        for (unit, slice, path) in [
            ("orders.service", None, "system.slice/orders.service"),
            ("a-b.service", None, "system.slice/a-b.service"),
            ("postgresql@15-main.service", None, "system.slice/system-postgresql.slice/postgresql@15-main.service"),
            ("systemd-fsck@dev-sda1.service", None, r"system.slice/system-systemd\x2dfsck.slice/systemd-fsck@dev-sda1.service"),
            (r"a\x2db@1.service", None, r"system.slice/system-a\x5cx2db.slice/a\x2db@1.service"),
            ("job@a@b.service", None, "system.slice/system-job.slice/job@a@b.service"),
            ("worker@.service", None, "system.slice/system-worker.slice"),
            ("my-worker@.service", None, r"system.slice/system-my\x2dworker.slice"),
            ("orders.service", Some("batch.slice"), "batch.slice/orders.service"),
            ("orders.service", Some("a-b-c.slice"), "a.slice/a-b.slice/a-b-c.slice/orders.service"),
            ("worker@1.service", Some("a-b.slice"), "a.slice/a-b.slice/worker@1.service"),
            ("orders.service", Some("-.slice"), "orders.service"),
        ] {
            assert_eq!(cgroup(unit, slice).as_deref(), Ok(path), "{unit} {slice:?}");
        }
    }

    #[test]
    #[rustfmt::skip] // a table
    fn what_systemd_would_not_have_is_refused() {
        for (unit, slice, says) in [
            ("orders", None, "ends in \".service\""),
            (".service", None, "is no unit name"),
            ("@1.service", None, "is no unit name"),
            ("a/b.service", None, "is no unit name"),
            ("a b.service", None, "is no unit name"),
            ("memory.service", None, "systemd escapes"),
            ("_x.service", None, "systemd escapes"),
            ("worker@.service", Some("batch.slice"), "is every instance of a template"),
            ("a.service", Some("batch"), "is no slice;"),
            ("a.service", Some("a--b.slice"), "is no slice's name"),
            ("a.service", Some("-a.slice"), "is no slice's name"),
            ("a.service", Some("a/b.slice"), "is no slice's name"),
            ("a.service", Some("cpu.slice"), "systemd escapes"),
        ] {
            let message = cgroup(unit, slice).unwrap_err();
            assert!(message.contains(says), "{unit} {slice:?}: {message}");
        }
    }
}
