//! The second face of activation: what existing software asks that was written for Keygen's public contract.
//!
//! Nothing is decided twice here. Seats are taken, kept and given back by [`super::activation`]; licenses are found by
//! [`super::credential`]; what is new is only what that contract knows and Signet's own does not: fingerprints in clear,
//! heartbeats, validation codes, check-outs.
//!
//! * [`door`]: who comes in, and which license and machine they may see
//! * [`scope`]: the order of validation codes, pure; [`validate`]: gathers its facts
//! * [`machine`]: machines come, go, beat and are described; [`list`]: pages of them
//! * [`checkout`]: how long a file may hold
//!
//! The documents themselves are the web's: nothing here knows JSON:API.

pub mod checkout;
pub mod door;
pub mod list;
pub mod machine;
pub mod scope;
pub mod validate;

pub use door::{Denied, Guest, Shown};
pub use machine::SeenMachine;
