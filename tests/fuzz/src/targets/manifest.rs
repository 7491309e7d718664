//! `manifest.json`.

use crate::{Finding, Verdict};
use gate_bundle::Manifest;
use std::path::{Component, Path};

pub(super) fn run(input: &[u8]) -> Result<Verdict, Finding> {
    let Ok(manifest) = Manifest::from_bytes(input) else { return Ok(Verdict::Refused) };
    let bytes = manifest.to_bytes().map_err(|error| Finding(format!("cannot be written: {error}")))?;
    Finding::unless(bytes == input, || "written back it has other bytes".to_owned())?;
    let version = manifest.version();
    Finding::unless((1..1 << 63).contains(&version), || format!("version {version}"))?;
    Finding::unless(is_plain(manifest.environment()), || format!("environment {:?}", manifest.environment()))?;
    for name in manifest.files().keys() {
        stays_inside(name)?;
    }
    Ok(Verdict::Accepted)
}

/// A file of a bundle is one name, or one name below `policy/`: no link of a path leads anywhere else.
pub(super) fn stays_inside(name: &str) -> Result<(), Finding> {
    let parts: Vec<Component<'_>> = Path::new(name).components().collect();
    let ordinary = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    let text = name.strip_prefix("policy/").unwrap_or(name);
    Finding::unless(ordinary && parts.len() <= 2 && is_plain(text), || format!("the file {name:?}"))
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/\\\"'`$".contains(&byte))
}
