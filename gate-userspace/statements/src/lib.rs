//! gate-statements
