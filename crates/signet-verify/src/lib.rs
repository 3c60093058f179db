//! Verifies what a Signet service signs, offline: license codes, leases, license files, revocation lists, key lists.
//!
//! `no_std` with `alloc`, no I/O, no clock, no panic: bytes, keys and the present time come in, a verdict goes out.
//! The service itself reads and writes its documents with the types of this crate, so both sides agree by
//! construction.
#![no_std]

extern crate alloc;

#[cfg(test)]
extern crate std;

pub mod bundle;
pub mod claims;
pub mod clock;
mod content;
pub mod jws;
pub mod key;
pub mod keys;
pub mod kind;
pub mod lease;
pub mod license_file;
pub mod machine;
pub mod read;
pub mod request;
pub mod revocations;
pub mod stopped;
pub mod symbols;
pub mod validation;

#[cfg(test)]
mod testing;

pub use content::KEYS;
