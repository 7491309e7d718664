//! gate-sandbox
