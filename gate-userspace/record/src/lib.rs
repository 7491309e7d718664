//! gate-record
