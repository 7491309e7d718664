//! How the roles talk: one postcard frame per `SOCK_SEQPACKET` message on Unix sockets, descriptors beside it.

pub mod messages;

/// Most questions or reports in one frame.
pub const MAX_BATCH: usize = 256;
