//! Declared ports are taken out of what the kernel hands out by itself: `listen()` without `bind()` and outgoing
//! connections skip the bind hook.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
};

const PATH: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// `ip_local_reserved_ports` of the governed network namespace, open for writing. What others reserved stays.
pub(crate) struct ReservedPorts {
    file: File,
    others: BTreeSet<u16>,
}

impl ReservedPorts {
    /// Opens it, before the sandbox.
    ///
    /// # Errors
    /// Without `CAP_NET_ADMIN`.
    pub(crate) fn open() -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{PATH}: {error}"));
        let mut file = OpenOptions::new().read(true).write(true).open(PATH).map_err(named)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(named)?;
        Ok(Self { file, others: parse(&text) })
    }

    /// Reserves these, and what was reserved before Gate.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn set(&mut self, ports: impl Iterator<Item = u16>) -> io::Result<()> {
        let all: BTreeSet<u16> = self.others.iter().copied().chain(ports).collect();
        let text = all.iter().map(u16::to_string).collect::<Vec<_>>().join(",") + "\n";
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

/// `8080,9000-9002`
fn parse(text: &str) -> BTreeSet<u16> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.trim().parse::<u16>().ok()?..=to.trim().parse::<u16>().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse("8080,9000-9002\n"), BTreeSet::from([8080, 9000, 9001, 9002]));
        assert_eq!(parse("\n"), BTreeSet::new());
    }
}
