//! Which toolchain compiles the BPF programs: one that is ready, else one that can be made ready, else Debian's, installed.

use anyhow::{Context, Result, bail};

use super::BpfTools;
use super::apt::Apt;
use super::linker::Linker;
use super::toolchain::{self, OLDEST_RELEASE, Release, Toolchain};
use crate::workspace::Workspace;

/// The packages of one Rust compiler in Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Family {
    compiler: &'static str,
    cargo: &'static str,
    sources: &'static str,
}

/// In order of preference: the one that Debian's stable releases keep current for web browsers, then the ordinary one.
const FAMILIES: [Family; 2] = [
    Family { compiler: "rustc-web", cargo: "cargo-web", sources: "rust-web-src" },
    Family { compiler: "rustc", cargo: "cargo", sources: "rust-src" },
];

/// The tools, when nothing needs to be installed for them.
fn ready(workspace: &Workspace) -> Option<BpfTools> {
    toolchain::discover(workspace)
        .into_iter()
        .filter_map(|toolchain| with_linker(workspace, toolchain))
        .find(|tools| tools.linker.is_ready())
}

/// Whether [`ready_or_installed`] needs no package, and so no root.
pub(super) fn needs_no_package(workspace: &Workspace) -> bool {
    let mut known =
        toolchain::discover(workspace).into_iter().filter_map(|toolchain| with_linker(workspace, toolchain));
    known.any(|tools| tools.linker.is_ready() || tools.linker.has_llvm())
}

/// The tools, installed when they are not there.
pub(super) fn ready_or_installed(workspace: &Workspace, apt: &mut Apt<'_>) -> Result<BpfTools> {
    if let Some(tools) = ready(workspace) {
        return Ok(tools);
    }
    let tools = match completable(workspace, apt)? {
        Some(tools) => tools,
        None => {
            install_debian_compiler(apt)?;
            completable(workspace, apt)?.context(
                "Debian's compiler was installed, and there is no llvm-NN-dev for its LLVM: see `/usr/bin/rustc -vV`",
            )?
        }
    };
    if !tools.linker.has_llvm() {
        apt.install("LLVM, which bpf-linker is built with", &tools.linker.packages())?;
    }
    tools.linker.install(workspace)?;
    Ok(tools)
}

fn with_linker(workspace: &Workspace, toolchain: Toolchain) -> Option<BpfTools> {
    let linker = Linker::for_llvm(workspace, toolchain.version.llvm)?;
    Some(BpfTools { toolchain, linker })
}

/// The first toolchain whose LLVM is installed or can be.
fn completable(workspace: &Workspace, apt: &mut Apt<'_>) -> Result<Option<BpfTools>> {
    for tools in toolchain::discover(workspace).into_iter().filter_map(|toolchain| with_linker(workspace, toolchain)) {
        if tools.linker.has_llvm() || apt.offers_all(&tools.linker.packages())? {
            return Ok(Some(tools));
        }
    }
    Ok(None)
}

fn install_debian_compiler(apt: &mut Apt<'_>) -> Result<()> {
    let mut offers = Vec::new();
    for family in FAMILIES {
        offers.push((family, apt.candidate(family.compiler)?));
    }
    let family = preferred(&offers)?;
    let packages = [family.compiler, family.cargo, family.sources].map(str::to_owned);
    apt.install("a Rust compiler with the sources of core, for the BPF programs", &packages)
}

/// The first family that is new enough.
fn preferred(offers: &[(Family, Option<String>)]) -> Result<Family> {
    let new_enough = |version: &str| Release::parse(version).is_some_and(Release::is_new_enough);
    let found = offers.iter().find(|(_, version)| version.as_deref().is_some_and(new_enough));
    if let Some((family, _)) = found {
        return Ok(*family);
    }
    let listed = offers
        .iter()
        .map(|(family, version)| format!("{} {}", family.compiler, version.as_deref().unwrap_or("(none)")))
        .collect::<Vec<_>>()
        .join(", ");
    bail!(
        "no compiler for the BPF programs: this machine has none of Rust {OLDEST_RELEASE} or newer with rust-src, and \
         its package lists offer {listed}; install one: rustup toolchain install nightly --component rust-src"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(web: Option<&str>, ordinary: Option<&str>) -> Vec<(Family, Option<String>)> {
        FAMILIES.into_iter().zip([web, ordinary].map(|version| version.map(str::to_owned))).collect()
    }

    #[test]
    fn the_first_compiler_that_is_new_enough_is_taken() {
        let chosen = |web, ordinary| preferred(&offers(web, ordinary)).map(|family| family.compiler).ok();
        assert_eq!(chosen(Some("1.96.0+dfsg1-1~deb12u2"), Some("1.63.0+dfsg1-2")), Some("rustc-web"));
        assert_eq!(chosen(Some("1.85.0+dfsg3-1~deb12u3"), Some("1.97.0+dfsg1-1")), Some("rustc"));
        assert_eq!(chosen(None, Some("1.97.0+dfsg1-1")), Some("rustc"));
        assert_eq!(chosen(Some("1.85.0+dfsg3-1~deb12u3"), Some("1.63.0+dfsg1-2")), None);
    }

    #[test]
    fn the_refusal_says_what_was_found_and_what_would_do() {
        let error = preferred(&offers(None, Some("1.63.0+dfsg1-2"))).unwrap_err().to_string();
        assert!(error.contains("rustc-web (none), rustc 1.63.0+dfsg1-2"), "{error}");
        assert!(error.contains("rust-src"), "{error}");
    }
}
