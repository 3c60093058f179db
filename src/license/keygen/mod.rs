//! What software trusts that was written for Keygen's public contract: signed answers, checked-out files and
//! signed keys. Pure.
//!
//! [`response`] signs an answer, [`file`] writes a file, [`key`] writes and reads a key.

pub mod file;
pub mod key;
pub mod response;

#[cfg(test)]
mod tests;
