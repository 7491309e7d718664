//! One file per kind of hook.

mod bind;
mod cgroup;
mod connect;
mod lookup;
mod operations;
mod option;
mod packet;
mod socket;
