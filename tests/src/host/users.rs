//! Users that nobody on the machine has: numbers only, no accounts are made.

use anyhow::Context as _;
use gate_host::Role;
use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt as _};

/// How many numbers a host takes.
const COUNT: u32 = 64;
/// Above what accounts, containers and dynamic users have.
const FIRST: u32 = 2_120_000_000;

/// The numbers of one host.
#[derive(Debug, Clone, Copy)]
pub struct Users {
    base: u32,
}

impl Users {
    /// Takes numbers that no account and no process has.
    ///
    /// # Errors
    /// When `/etc/passwd` or `/proc` cannot be read.
    pub fn take() -> anyhow::Result<Self> {
        let taken = taken()?;
        let free = |base: &u32| taken.range(*base..base + COUNT).next().is_none();
        let base = (0..4096).map(|block| FIRST + block * COUNT).find(free).context("no unused users")?;
        Ok(Self { base })
    }

    /// A role's user and group. The loader is root.
    #[must_use]
    pub fn role(self, role: Role) -> u32 {
        if role == Role::Loader { 0 } else { self.base + role as u32 }
    }

    /// The group that may make sockets in the run directory.
    #[must_use]
    pub fn roles_group(self) -> u32 {
        self.base + 16
    }

    /// The operators' group.
    #[must_use]
    pub fn operators_group(self) -> u32 {
        self.base + 17
    }

    /// A service's user and group, by its number in the order of use.
    #[must_use]
    pub fn service(self, number: u32) -> u32 {
        self.base + 32 + number % 32
    }
}

fn taken() -> anyhow::Result<BTreeSet<u32>> {
    let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let mut taken: BTreeSet<u32> = accounts.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect();
    let processes = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.metadata().ok());
    taken.extend(processes.map(|process| process.uid()));
    Ok(taken)
}
