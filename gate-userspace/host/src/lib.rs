//! gate-host
