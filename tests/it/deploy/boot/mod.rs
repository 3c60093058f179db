//! Servers that really start: a Debian with its own systemd and cloud-init, in namespaces of their own, run the script
//! that Signet writes for them. [`fake`] plays the service that the script calls, or hands its calls on to the real one;
//! [`machine`] is the server.

mod cleanup;
pub mod fake;
pub mod machine;
mod refusals;
mod renew;
mod service;
mod starts;
