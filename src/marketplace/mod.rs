//! What any marketplace does to a license ([`event`]), and one folder per marketplace that translates its
//! wire format into those events and their outcomes back into its answers.
//!
//! A marketplace's folder is pure: bytes and a key in, events and bytes out. It never touches the database,
//! a web framework or the license's rules.

pub mod alibaba;
pub mod event;
pub mod koogallery;
pub mod shop;
