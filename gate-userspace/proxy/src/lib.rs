//! gate-proxy: the L7 enforcement point. It accepts what the kernel diverts to it, learns from gate-authn who is at
//! the other end, reads each request strictly, asks gate-authz, and forwards over connections that the kernel admits
//! because of a grant.
//!
//! It decides nothing, holds no key, and trusts nothing that a client says about itself.
//!
//! A request's way: [`serve`] accepts and has the connection attested ([`session`]); [`guard`] reads the bytes
//! ([`head`], [`path`], [`chunked`]) before hyper does; [`service`] answers; [`authorize`] finds its route ([`policy`]),
//! a decision ([`decisions`], [`judge`]) and a grant ([`grants`]); [`forward`] sends it ([`upstream`], [`headers`],
//! [`body`]); [`record`] reports it. [`watch`] judges again what takes long.

pub mod authorize;
pub mod body;
pub mod chunked;
pub mod counters;
pub mod deadline;
pub mod decisions;
pub mod declared;
pub mod duty;
pub mod exchange;
pub mod fleet;
pub mod forward;
pub mod grants;
pub mod guard;
pub mod head;
pub mod headers;
pub mod judge;
pub mod limits;
pub mod listener;
pub mod path;
pub mod policy;
pub mod record;
pub mod refusal;
pub mod registration;
pub mod serve;
pub mod service;
pub mod session;
pub mod stream;
pub mod turned_away;
pub mod upstream;
pub mod watch;
pub mod worker;
