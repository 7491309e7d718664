//! Capacities, each with its reason. A full table denies and counts; it never allows.

/// Flow tags under way: connections between their SYN and their acceptance, and those to other hosts until they
/// close.
pub const TAGS: u32 = 131_072;
/// Tags that one identity may hold, so that a flood starves nobody else.
pub const TAGS_PER_SOURCE: u32 = 16_384;
/// Lines of the reachability table, both copies: two times 131,072 (the goal is 100,000 rules).
pub const RULES: u32 = 262_144;
/// Declared listeners: every TCP port, both copies.
pub const DESTINATIONS: u32 = 2 << 16;
/// Service numbers that a bundle may use are below this (`gate_tables::MAX_SERVICES` and the numbers from 1).
pub const SERVICE_IDS: u32 = 16_385;
/// Identities with a budget: services, and Gate's own.
pub const BUDGETS: u32 = SERVICE_IDS + 256;
/// Services, both copies (`gate_tables::MAX_SERVICES` in each), and Gate's own roles.
pub const SERVICES: u32 = 32_800;
/// Governed cgroups at a time that a path declares (more than there are paths).
pub const CGROUPS: u32 = 65_536;
/// Cgroups nested in them that have an entry of their own. A service may make more: those are known by their ancestors,
/// and take no place from what paths declare.
pub const NESTED: u32 = 65_536;
/// Paths that are matched at `mkdir`.
pub const PATHS: u32 = 32_768;
/// Pairs (source, destination) with a live grant.
pub const GRANTS: u32 = 65_536;
/// The ring buffer of events, in bytes.
pub const EVENTS: u32 = 4 << 20;
/// Events that one identity may emit in a second. What is above is counted.
pub const EVENTS_PER_SECOND: u32 = 2_048;
/// Listening sockets that diverted connections may go to (one per reuseport group).
pub const LISTENERS: u32 = 1;
