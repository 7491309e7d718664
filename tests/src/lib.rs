//! gate-tests
