//! Clock, ids, randomness, secrets and limits: what every other room may lean on.
//!
//! Nothing here does I/O, knows a framework or knows what a license is.

pub mod clock;
pub mod decimal;
pub mod entropy;
pub mod ids;
pub mod limits;
pub mod networks;
pub mod percent;
pub mod places;
pub mod proxies;
pub mod rate;
pub mod secret;
pub mod slug;
pub mod text;
pub mod time;
