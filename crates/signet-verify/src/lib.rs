//! Verifies what a Signet service signs, offline: license codes, leases, license files, revocation lists, key lists.
//!
//! `no_std` with `alloc`, no I/O, no clock, no panic: bytes, keys and the present time come in, a verdict goes out.
//! The service itself reads and writes its documents with the types of this crate, so both sides agree by
//! construction.
#![no_std]

extern crate alloc;

pub mod claims;
pub mod kind;
pub mod machine;
