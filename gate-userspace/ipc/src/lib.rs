//! gate-ipc
