//! gate-common
