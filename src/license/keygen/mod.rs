//! What software trusts that was written for Keygen's public contract: signed answers and checked-out files. Pure.
//!
//! [`response`] signs an answer, [`file`] writes a file.

pub mod file;
pub mod response;
