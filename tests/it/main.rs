//! The whole service, tested from outside: the real app in this process, on a free port, with a clock that the test
//! moves and randomness that a seed repeats, on SQLite and on PostgreSQL. The marketplace's side is played by the
//! simulator, which shares no code with the service. Only crash, signal and command-line tests run the executable
//! ([`executable`]), which has no clock to move.
//!
//! Tests named `…sqlite` need nothing; those named `…postgres` need a server, which `make test` starts.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

mod activation;
mod alibaba;
mod architecture;
mod browser;
mod code2;
mod customer;
mod debug;
mod deploy;
mod deployment;
mod events;
mod executable;
mod formal;
mod harness;
mod instance2;
mod keygen;
mod license1;
mod offline;
mod pains;
mod protocol;
mod regressions;
mod revocations;
mod saas1;
mod secrets;
mod sequences;
mod sequences_v1;
mod shop;
mod software;
mod stale;
