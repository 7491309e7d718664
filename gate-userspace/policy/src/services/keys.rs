//! The keys that `services.toml` knows. The reader and the JSON schema for editors both follow these lists.

/// At the top.
pub(crate) const ROOT: [&str; 7] = ["environment", "label", "host", "group", "issuer", "network", "service"];
/// `[label.role]`.
pub(crate) const LABEL: [&str; 1] = ["values"];
/// `[host]`.
pub(crate) const HOST: [&str; 3] = ["posture", "failsafe", "section"];
/// `[host.section.data]`.
pub(crate) const SECTION: [&str; 3] = ["on", "posture", "failsafe"];
/// `[group.clients]`.
pub(crate) const GROUP: [&str; 1] = ["description"];
/// `[issuer.customers]`.
pub(crate) const ISSUER: [&str; 6] = ["url", "audiences", "algorithms", "keys", "claims", "roles"];
/// `roles = { … }` of an issuer.
pub(crate) const ROLES: [&str; 2] = ["claim", "values"];
/// `[network.office]`.
pub(crate) const NETWORK: [&str; 4] = ["addresses", "ports", "owner", "environment"];
/// `[service.orders]`.
pub(crate) const SERVICE: [&str; 11] =
    ["unit", "cgroup", "slice", "uid", "exe", "owner", "mode", "groups", "route_groups", "on", "port"];
/// `[service.orders.port.api]`.
pub(crate) const PORT: [&str; 5] = ["listen", "protocol", "channel", "issuer", "route"];
/// A route.
pub(crate) const ROUTE: [&str; 5] = ["match", "groups", "hosts", "headers", "query"];
