//! KooGallery (云商店): authentication, parsing and answers of the production interface, V1 and V2.
//!
//! One call passes through here in three steps, each a pure function:
//!
//! ```text
//! RawRequest → signature::authenticate → inbound::parse → (use case) → reply::Reply → bytes + Body-Sign
//! ```
//!
//! [`open`] is the other direction: what is asked of the marketplace. [`redact`] renders a call for the message log, [`credentials`] encrypts what SaaS 1.0 answers, [`debug`] knows the
//! ids the marketplace's debugging page uses. Nothing here touches the database, a clock or a web framework.

pub mod code;
pub mod credentials;
pub mod debug;
pub mod inbound;
pub mod open;
pub mod query;
pub mod redact;
pub mod reply;
pub mod signature;

mod mac;
mod result_code;

use inbound::clean;

#[cfg(test)]
pub(crate) mod testing;
