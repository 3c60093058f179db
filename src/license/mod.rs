//! The domain: what a license is, how it is written down and signed, and what each event does to it.
//!
//! Pure code first (`plan`, `model`, `state`, `code`, `key`, `keys`, `seal`): no I/O, no clock, no randomness that is
//! not a parameter. The use cases (`issue`, `apply`, …) take `&mut Tx` and are the only way by which a
//! license changes, for the marketplace, the API and the command line alike. Nothing here names a web
//! framework, a marketplace's wire format or diesel.

pub mod model;
pub mod plan;
