//! Tests that run the real `signet` executable: signals, sudden death, the command line, what it logs.
//!
//! Everything else is tested in-process. The executable has no clock override, so nothing here waits for time to
//! pass: each test waits for a condition, with a deadline.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod asks;
mod cli;
mod client;
mod crash;
mod deploy;
mod described;
mod exported;
pub mod jose;
mod keygen;
mod killed;
mod leaks;
mod market;
mod package;
mod process;
mod reports;
mod signals;
mod soak;
mod support;
mod webhooks;
