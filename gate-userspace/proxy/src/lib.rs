//! gate-proxy: the L7 enforcement point. It accepts what the kernel diverts to it, learns from gate-authn who is at
//! the other end, reads each request strictly, asks gate-authz, and forwards over connections that the kernel admits
//! because of a grant.
//!
//! It decides nothing, holds no key, and trusts nothing that a client says about itself.

pub mod chunked;
pub mod head;
pub mod headers;
pub mod limits;
pub mod path;
pub mod refusal;
