//! The marketplaces' doors: one folder per marketplace. A door checks the signature, translates the call with the
//! marketplace's own room, runs the use case and the answer in one transaction, and never answers anything but
//! what the marketplace can read.

pub mod alibaba;
pub mod koogallery;
pub mod shop;

mod carried;
mod channel;
