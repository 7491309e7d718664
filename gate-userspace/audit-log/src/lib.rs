//! gate-audit-log
