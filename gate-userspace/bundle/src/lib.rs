//! gate-bundle
