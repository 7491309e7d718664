//! From a bundle's tables to the entries of the kernel's maps. Pure: what is wrong is found before anything is
//! written.

use gate_common::{
    identity::{CgroupIdentity, MAX_DEPTH, PATH_SIZE, PROXY},
    limits,
    maps::{DIRECT, Destination, HIDDEN, PROXIED, Rule, RuleKey, ServiceKey, ServicePosture, TCP},
};
use gate_tables::{Tables, Times, Transport, Via};

mod enforceable;

/// The entries of one copy of the double tables, and of the table of paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entries {
    /// `DESTINATIONS`, by TCP port
    pub destinations: Vec<(u16, Destination)>,
    /// `RULES`
    pub rules: Vec<(RuleKey, Rule)>,
    /// `SERVICES`
    pub services: Vec<(ServiceKey, ServicePosture)>,
    /// `PATHS`, by cgroup path relative to the host's cgroup root.
    pub cgroups: Vec<(String, CgroupIdentity)>,
}

/// What one copy holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Lines of the reachability table.
    pub rules: usize,
    /// Services.
    pub services: usize,
    /// Longest cgroup path, in bytes.
    pub path: usize,
    /// Deepest cgroup, in names of its path: only so far up does the kernel look for whose a nested cgroup is.
    pub depth: usize,
}

impl Capacity {
    /// The maps', with the length of the root's own path taken off.
    #[must_use]
    pub fn of_maps(prefix: &str) -> Self {
        Self {
            rules: limits::RULES as usize / 2,
            // Gate's own roles have entries too.
            services: limits::SERVICES as usize / 2 - 16,
            // A slash before it and a zero byte after it.
            path: PATH_SIZE.saturating_sub(prefix.len() + 2),
            depth: usize::try_from(MAX_DEPTH).unwrap_or(0).saturating_sub(depth(prefix)),
        }
    }
}

/// The names of a cgroup's path.
fn depth(path: &str) -> usize {
    path.split('/').filter(|name| !name.is_empty()).count()
}

/// What both clocks say at one moment. The kernel's programs read the boot clock, people write the wall clock's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// Nanoseconds since boot.
    pub boottime_ns: u64,
}

impl Clocks {
    /// What the boot clock says when the wall clock says `seconds`; `None` when that was before the boot.
    #[must_use]
    pub fn boottime_of(self, seconds: u64) -> Option<u64> {
        let ahead = i128::from(seconds) * 1_000_000_000 - i128::from(self.unix_ms) * 1_000_000;
        let at = i128::from(self.boottime_ns) + ahead;
        // Ends that no clock reaches are as good as the last one.
        if at <= 0 { None } else { Some(u64::try_from(at).unwrap_or(u64::MAX)) }
    }

    /// How far the wall clock was moved between the two, in milliseconds.
    #[must_use]
    pub fn moved_ms(self, since: Self) -> u64 {
        let at_boot = |clocks: Self| i128::from(clocks.unix_ms) - i128::from(clocks.boottime_ns / 1_000_000);
        u64::try_from((at_boot(self) - at_boot(since)).unsigned_abs()).unwrap_or(u64::MAX)
    }

    /// `from` and `until` of a line of `RULES`.
    fn of_line(self, times: Times) -> (u64, u64) {
        // What began before the boot has begun. What ended before it has ended: 1 is over, 0 would be no end.
        let from = times.from.and_then(|from| self.boottime_of(from)).unwrap_or(0);
        let until = times.until.map_or(0, |until| self.boottime_of(until).unwrap_or(1));
        (from, until)
    }
}

impl Entries {
    /// The entries of `tables` in copy `copy`, with gate-proxy's own port `hidden`. Times are told by `clocks`.
    ///
    /// # Errors
    /// Every reason why the kernel could not hold them.
    pub fn compile(
        tables: &Tables,
        copy: u8,
        hidden: u16,
        capacity: Capacity,
        clocks: Clocks,
    ) -> Result<Self, Vec<String>> {
        let mut entries = Self::default();
        let mut wrong = enforceable::missing(tables);
        entries.destinations.push((hidden, Destination { service: PROXY, port: 0, via: HIDDEN, reserved: 0 }));
        for service in &tables.services {
            if service.cgroup.len() > capacity.path {
                wrong.push(format!(
                    "the cgroup path of {} has {} bytes; the kernel matches at most {} here",
                    service.name,
                    service.cgroup.len(),
                    capacity.path
                ));
            }
            if depth(&service.cgroup) > capacity.depth {
                wrong.push(format!(
                    "the cgroup of {} lies {} deep; below {} here, the kernel would not know the cgroups nested in it",
                    service.name,
                    depth(&service.cgroup),
                    capacity.depth
                ));
            }
            let identity = CgroupIdentity { service: service.id.0, flags: 0 };
            entries.cgroups.push((service.cgroup.clone(), identity));
            let posture = ServicePosture { observe: u32::from(service.observe), reserved: 0 };
            entries.services.push((ServiceKey { service: service.id.0, copy: u32::from(copy) }, posture));
            for port in &service.ports {
                if port.number == hidden {
                    wrong.push(format!(
                        "{} declares port {hidden}, which is gate-proxy's own on this host ([proxy] port in gate.toml)",
                        service.name
                    ));
                }
                // The kernel's programs deny all UDP of governed services: such a port needs no owner.
                if port.transport == Transport::Udp {
                    continue;
                }
                if entries.destinations.iter().any(|(number, _)| *number == port.number) && port.number != hidden {
                    wrong.push(format!("port {} of {} is another service's on this host", port.number, service.name));
                }
                let via = if port.protocol.is_l7() { PROXIED } else { DIRECT };
                let owner = Destination { service: service.id.0, port: port.id.0, via, reserved: 0 };
                entries.destinations.push((port.number, owner));
            }
        }
        for line in tables.reach.iter().filter(|line| enforceable::is_local(tables, line)) {
            let via = match line.via {
                Via::Direct => DIRECT,
                Via::Proxy => PROXIED,
            };
            let key = RuleKey {
                source: line.source.0,
                destination: line.destination.0,
                port: line.port.0,
                transport: TCP,
                copy,
                reserved: 0,
            };
            let (from, until) = clocks.of_line(line.times);
            entries.rules.push((key, Rule { rule: line.rule, via: u32::from(via), from, until }));
        }
        for (what, found, most) in [
            ("lines of the reachability table", entries.rules.len(), capacity.rules),
            ("services", entries.services.len(), capacity.services),
        ] {
            if found > most {
                wrong.push(format!("{found} {what}; the kernel's table holds {most}"));
            }
        }
        if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests;
