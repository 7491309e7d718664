//! What single values must be, and what must hold between them.

use crate::parse::{FoundOperators, FoundRole};
use crate::reader::{At, Problems};
use crate::role::Role;

/// Parsers of single values. An error finishes the sentence "`key` …".
pub(crate) mod values {
    use crate::config::LandlockNeed;
    use std::path::{Component, Path, PathBuf};
    use toml::de::DeValue;

    /// `(uid_t)-1` means "leave it" to the kernel; the one below it is kept away from as well.
    const MAX_ID: i64 = 0xffff_fffd;
    const MAX_WORKERS: i64 = 1024;
    /// PATH_MAX, with room for what is appended to it.
    const MAX_PATH: usize = 3072;
    /// A socket's path has at most 107 bytes (unix(7)), and `/admin/loader.sock` is appended to this one.
    const MAX_RUN_DIR: usize = 89;
    const MAX_CGROUP: usize = 1024;
    /// As in policies, which declare what there is.
    const NAME: &str =
        "a lower-case letter, then lower-case letters, digits and `-`, at most 63 in all, such as \"web\"";

    pub(crate) fn host_name(value: &DeValue<'_>) -> Result<String, String> {
        let want = "a host name: up to 253 letters, digits, `-` and `.`, such as \"h1\"";
        let text = string(value, want)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let labels = text.split('.').all(|label| !label.is_empty() && !label.starts_with('-'));
        if text.len() <= 253 && text.chars().all(fits) && labels { Ok(text.into()) } else { Err(wrong(text, want)) }
    }

    pub(crate) fn environment(value: &DeValue<'_>) -> Result<String, String> {
        let want = "an environment's name: 1 to 63 lower-case letters, digits and `-`, such as \"production\"";
        let text = string(value, want)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let length = (1..=63).contains(&text.len());
        if length && text.chars().all(fits) && !text.starts_with('-') {
            Ok(text.into())
        } else {
            Err(wrong(text, want))
        }
    }

    /// A label's key, as policies name it.
    pub(crate) fn is_label(name: &str) -> Result<(), String> {
        if is_name(name) { Ok(()) } else { Err(format!("is no label's key; it must be {NAME}")) }
    }

    /// A label's value, as policies name it.
    pub(crate) fn label(value: &DeValue<'_>) -> Result<String, String> {
        let text = string(value, NAME)?;
        if is_name(text) { Ok(text.into()) } else { Err(wrong(text, NAME)) }
    }

    fn is_name(name: &str) -> bool {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
        starts_well && !name.ends_with('-') && name.len() <= 63 && name.chars().all(legal)
    }

    pub(crate) fn absolute_path(value: &DeValue<'_>) -> Result<PathBuf, String> {
        let want = "an absolute path without `.` and `..`, such as \"/run/gate\"";
        let text = string(value, want)?;
        let path = Path::new(text);
        let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        // `components()` drops `/./` silently.
        let dots = text.split('/').any(|part| part == ".");
        if path.is_absolute() && plain && !dots && text.len() <= MAX_PATH && !text.contains('\0') {
            Ok(path.components().collect())
        } else {
            Err(wrong(text, want))
        }
    }

    pub(crate) fn run_dir(value: &DeValue<'_>) -> Result<PathBuf, String> {
        let path = absolute_path(value)?;
        let length = path.as_os_str().len();
        if length <= MAX_RUN_DIR {
            Ok(path)
        } else {
            Err(format!("has {length} bytes; it must have at most {MAX_RUN_DIR}, or its sockets' paths are too long"))
        }
    }

    pub(crate) fn cgroup(value: &DeValue<'_>) -> Result<String, String> {
        let want = "a cgroup relative to `cgroup_root`, such as \"gate.slice/gate-net.service\"";
        let text = string(value, want)?;
        let plain = text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if plain && text.len() <= MAX_CGROUP && !text.chars().any(char::is_control) {
            Ok(text.into())
        } else {
            Err(wrong(text, want))
        }
    }

    pub(crate) fn sha256(value: &DeValue<'_>) -> Result<[u8; 32], String> {
        let want = "a SHA-256 digest: 64 lower-case hexadecimal digits";
        let text = string(value, want)?;
        let mut digest = [0; 32];
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong(text, want));
        }
        hex::decode_to_slice(text, &mut digest).map_err(|_| wrong(text, want))?;
        Ok(digest)
    }

    pub(crate) fn landlock(value: &DeValue<'_>) -> Result<LandlockNeed, String> {
        let want = "\"required\" or \"if-available\"";
        match string(value, want)? {
            "required" => Ok(LandlockNeed::Required),
            "if-available" => Ok(LandlockNeed::IfAvailable),
            other => Err(wrong(other, want)),
        }
    }

    pub(crate) fn id(value: &DeValue<'_>) -> Result<u32, String> {
        let number = integer(value, 0, MAX_ID, "a numeric user or group id")?;
        u32::try_from(number).map_err(|_| "is not an id".to_owned())
    }

    pub(crate) fn ids(value: &DeValue<'_>) -> Result<Vec<u32>, String> {
        match value {
            DeValue::Array(items) => items.iter().map(|item| id(item.get_ref())).collect(),
            other => Err(format!("is a {}; it must be a list of numeric ids, such as [0]", other.type_str())),
        }
    }

    pub(crate) fn port(value: &DeValue<'_>) -> Result<u16, String> {
        small(integer(value, 1, 65535, "a TCP port")?)
    }

    pub(crate) fn workers(value: &DeValue<'_>) -> Result<u16, String> {
        small(integer(value, 0, MAX_WORKERS, "a number of workers (0: one for each core)")?)
    }

    fn small(number: i64) -> Result<u16, String> {
        u16::try_from(number).map_err(|_| "is too large".to_owned())
    }

    fn integer(value: &DeValue<'_>, least: i64, most: i64, want: &str) -> Result<i64, String> {
        let Some(found) = value.as_integer() else {
            return Err(format!("is a {}; it must be {want}, {least} to {most}", value.type_str()));
        };
        match i64::from_str_radix(found.as_str(), found.radix()) {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("is {found}; it must be {want}, {least} to {most}")),
        }
    }

    fn string<'v>(value: &'v DeValue<'_>, want: &str) -> Result<&'v str, String> {
        value.as_str().ok_or_else(|| format!("is a {}; it must be {want}", value.type_str()))
    }

    fn wrong(found: &str, want: &str) -> String {
        format!("is {found:?}; it must be {want}")
    }
}

/// No two roles may be taken for each other, and no operator for a role.
pub(crate) fn check_together(
    roles: &[Option<FoundRole>],
    operators: Option<&FoundOperators>,
    problems: &mut Problems<'_>,
) {
    let roles: Vec<_> = roles.iter().flatten().collect();
    for (index, later) in roles.iter().enumerate() {
        for earlier in roles.iter().take(index) {
            check_pair(earlier, later, problems);
        }
        check_alone(later, problems);
    }
    if let Some(operators) = operators {
        for role in roles {
            check_operators(role, operators, problems);
        }
    }
}

fn check_pair(earlier: &FoundRole, later: &FoundRole, problems: &mut Problems<'_>) {
    let (one, other) = (earlier.role, later.role);
    if let (Some(a), Some(b)) = (&earlier.uid, &later.uid)
        && a.value == b.value
    {
        let message =
            format!("`role.{other}.uid` is {}, as `role.{one}.uid` is; each role needs a user of its own", b.value);
        problems.add(&b.place, message);
    }
    if let (Some(a), Some(b)) = (&earlier.cgroup, &later.cgroup) {
        let message = if a.value == b.value {
            format!("is {:?}, as `role.{one}.cgroup` is; each role needs a cgroup of its own", b.value)
        } else if is_below(a, b) || is_below(b, a) {
            format!(
                "is {:?} and `role.{one}.cgroup` is {:?}; no role's cgroup may be inside another's",
                b.value, a.value
            )
        } else {
            return;
        };
        problems.add(&b.place, format!("`role.{other}.cgroup` {message}"));
    }
}

fn check_alone(role: &FoundRole, problems: &mut Problems<'_>) {
    if let Some(uid) = &role.uid
        && uid.value == 0
        && role.role != Role::Loader
    {
        let message = format!("`role.{}.uid` is 0; only the loader, which does not stay, may be root", role.role);
        problems.add(&uid.place, message);
    }
}

fn check_operators(role: &FoundRole, operators: &FoundOperators, problems: &mut Problems<'_>) {
    let name = role.role;
    if let Some(gid) = &role.gid
        && operators.gids.value.contains(&gid.value)
    {
        let message = format!("`operators.gids` has {}, the group of role {name}; operators need another", gid.value);
        problems.add(&operators.gids.place, message);
    }
    // Root operates and, for the seconds that it runs, is the loader.
    if let Some(uid) = &role.uid
        && uid.value != 0
        && operators.uids.value.contains(&uid.value)
    {
        let message = format!("`operators.uids` has {}, the user of role {name}; no role may operate", uid.value);
        problems.add(&operators.uids.place, message);
    }
}

fn is_below(inner: &At<String>, outer: &At<String>) -> bool {
    inner.value.strip_prefix(outer.value.as_str()).is_some_and(|rest| rest.starts_with('/'))
}
