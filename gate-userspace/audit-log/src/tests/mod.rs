//! Tests of the whole crate; those of one function are beside it.

mod crash;
mod keep;
mod note;
mod proof;
mod strangers;
mod tamper;
mod writer;
