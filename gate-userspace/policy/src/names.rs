//! What names may look like. Everything that goes into Cedar text, cgroup paths or people's terminals is checked here.

mod header;

pub(crate) use header::check_header;

/// Longest name of a service, group, port or route.
const MAX_NAME: usize = 63;
/// Longest cgroup path of a service.
const MAX_CGROUP: usize = 255;
/// Longest path of a file.
const MAX_PATH: usize = 255;

/// Whether a reader would see something else than what is there: control characters, and those that Unicode gives no
/// width or that turn the direction of the text.
pub(crate) fn is_invisible(c: char) -> bool {
    let code = u32::from(c);
    let ranges = [0x200b..=0x200f, 0x2028..=0x202e, 0x2060..=0x206f, 0xfeff..=0xfeff, 0xe0000..=0xe0fff];
    c.is_control() || c == '\u{ad}' || ranges.iter().any(|range| range.contains(&code))
}

/// Services, groups and ports: `orders`, `web-frontend`.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if starts_well && !name.ends_with('-') && name.len() <= MAX_NAME && name.chars().all(legal) {
        return Ok(());
    }
    Err(format!(
        "{what} name {name:?}; a name is a lower-case letter, then lower-case letters, digits and \"-\", \
         at most {MAX_NAME} in all"
    ))
}

/// The name of a service or a network is also none of those that mean something else.
pub(crate) fn check_party_name(what: &str, name: &str) -> Result<(), String> {
    check_name(what, name)?;
    if matches!(name, "self" | "host" | "any" | "world" | "unattested") || name.starts_with("gate-") {
        return Err(format!("{what} name \"{name}\" is Gate's own; choose another"));
    }
    Ok(())
}

/// A claim or a parameter of a query, which rules read as an attribute.
pub(crate) fn check_attribute(what: &str, name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    // Cedar keeps names that begin with two underscores for itself.
    if !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(legal) && !name.starts_with("__") {
        return Ok(());
    }
    Err(format!(
        "{what} {name:?}; a name is letters, digits, \"-\", \"_\", \".\", \":\" and \"/\", at most {MAX_NAME} in all, \
         and does not begin with \"__\""
    ))
}

/// An absolute path that names its file in the one way in which the kernel does.
pub(crate) fn is_normal_path(path: &str) -> bool {
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(is_invisible);
    path.len() <= MAX_PATH && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
}

/// Routes are named as functions are: `getOrder`.
pub(crate) fn check_route_name(name: &str) -> Result<(), String> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if starts_well && name.len() <= MAX_NAME && name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(format!(
        "route name {name:?}; a name is a lower-case letter, then letters and digits, at most {MAX_NAME} in all"
    ))
}

/// An action group of routes: `read`. `all` is every route.
pub(crate) fn check_route_group(name: &str) -> Result<(), String> {
    if name == "all" {
        return Err("route group \"all\" holds every route already; leave it out".to_owned());
    }
    check_name("route group", name)
}

/// The `@id` of a rule.
pub(crate) fn check_rule_id(id: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.len() <= 2 * MAX_NAME && id.chars().all(legal) {
        return Ok(());
    }
    Err(format!("@id({id:?}); an id is letters, digits, \"-\", \"_\" and \".\", at most {} in all", 2 * MAX_NAME))
}

/// A cgroup path relative to the configured root.
pub(crate) fn check_cgroup(path: &str) -> Result<(), String> {
    let hint = "write it relative to the cgroup root: \"system.slice/orders.service\"";
    if path.is_empty() || path.starts_with('/') {
        return Err(format!("cgroup = {path:?}; {hint}"));
    }
    if path.len() > MAX_CGROUP {
        return Err(format!("cgroup = {path:?} has {} bytes; at most {MAX_CGROUP} are matched", path.len()));
    }
    let wrong = |part: &str| matches!(part, "" | "." | "..") || part.chars().any(|c| c.is_control() || !c.is_ascii());
    match path.split('/').find(|part| wrong(part)) {
        Some(part) => Err(format!("cgroup = {path:?} has the part {part:?}; {hint}")),
        None => Ok(()),
    }
}
