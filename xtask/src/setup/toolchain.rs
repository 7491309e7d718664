//! The Rust toolchains of this machine that have the sources of `core`, which a BPF target must be built from.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::step;
use crate::workspace::Workspace;

/// The oldest release that compiles the workspace's crates.
pub(crate) const OLDEST_RELEASE: &str = env!("CARGO_PKG_RUST_VERSION");

/// Where Debian's packages put the compiler.
const DEBIAN_BIN: &str = "/usr/bin";

/// A compiler with `rust-src`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    pub(crate) name: String,
    pub(crate) rustc: PathBuf,
    pub(crate) cargo: PathBuf,
    pub(crate) version: Version,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (rustc {}, LLVM {})", self.name, self.version.release, self.version.llvm)
    }
}

/// What `rustc -vV` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) release: Release,
    /// The major version of LLVM: bpf-linker must be built against the same.
    pub(crate) llvm: u32,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let llvm = field("LLVM version")?.split('.').next()?.parse().ok()?;
        Some(Self { release: Release::parse(field("release")?)?, llvm })
    }
}

/// Major and minor number of a release, which is all that decides here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release(u32, u32);

impl Release {
    /// Reads the beginning of `1.96.0-nightly` or of Debian's `1.96.0+dfsg1-1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(|character: char| !character.is_ascii_digit());
        Some(Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// Whether it compiles the workspace's crates.
    pub(crate) fn is_new_enough(self) -> bool {
        Self::parse(OLDEST_RELEASE).is_some_and(|oldest| self >= oldest)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.0, self.1)
    }
}

/// Every usable toolchain, the preferred first: rustup's nightlies, rustup's others, Debian's.
pub(crate) fn discover(workspace: &Workspace) -> Vec<Toolchain> {
    rustup_toolchains()
        .into_iter()
        .map(|root| (root.file_name().unwrap_or_default().to_string_lossy().into_owned(), root.join("bin"), root))
        .chain([("Debian's".to_owned(), PathBuf::from(DEBIAN_BIN), PathBuf::from("/usr"))])
        .filter(|(_, _, sysroot)| has_sources_of_core(sysroot))
        .filter_map(|(name, bin, _)| probe(workspace, name, &bin))
        .filter(|toolchain| toolchain.version.release.is_new_enough())
        .collect()
}

// Read from the disk: asking rustup takes longer, and it may begin to download.
fn rustup_toolchains() -> Vec<PathBuf> {
    let home = std::env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".rustup")));
    let Some(entries) = home.and_then(|home| std::fs::read_dir(home.join("toolchains")).ok()) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (!name.starts_with("nightly"), name)
    });
    found
}

fn has_sources_of_core(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file()
}

fn probe(workspace: &Workspace, name: String, bin: &Path) -> Option<Toolchain> {
    let (rustc, cargo) = (bin.join("rustc"), bin.join("cargo"));
    let text = step::output(workspace.foreign(&rustc).arg("-vV")).ok()?;
    let version = Version::parse(&text)?;
    cargo.is_file().then_some(Toolchain { name, rustc, cargo, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_version_is_read_not_assumed() {
        let text = "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        let version = Version::parse(text).unwrap();
        assert_eq!(version, Version { release: Release(1, 96), llvm: 22 });
        assert_eq!(Version::parse("release: 1.96.0\n"), None);
    }

    #[test]
    fn releases_compare_by_number() {
        assert_eq!(Release::parse("1.96.0+dfsg1-1~deb12u2"), Some(Release(1, 96)));
        assert_eq!(Release::parse("1.97.0-nightly"), Some(Release(1, 97)));
        assert!(Release::parse("1.100.0") > Release::parse("1.96.0"));
        assert!(!Release(1, 63).is_new_enough());
        assert!(Release::parse(OLDEST_RELEASE).unwrap().is_new_enough());
    }
}
