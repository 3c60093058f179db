//! The domain: what a license is, how it is written down and signed, and what each event does to it.
//!
//! Pure code: no I/O, no clock, no randomness that is not a parameter. What reads or writes the database lives
//! in `usecase`; a marketplace's wire format in `marketplace`. Nothing here names diesel or a web framework.

pub mod activation;
pub mod audience;
pub mod code;
pub mod jwks;
pub mod key;
pub mod key_list;
pub mod keygen;
pub mod keys;
pub mod machine;
pub mod meter;
pub mod model;
pub mod plan;
pub mod revocation;
pub mod seal;
pub mod sign;
pub mod state;
pub mod verify;
