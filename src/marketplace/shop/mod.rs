//! A merchant's own shop: it calls Signet as a marketplace would, in JSON, signed as webhooks are.
//!
//! * [`signature`] says whether a call is the shop's (Standard Webhooks specification)
//! * [`call`] is what it asks for
//!
//! Pure: headers, a body and a key in, events out.

pub mod call;
pub mod signature;
