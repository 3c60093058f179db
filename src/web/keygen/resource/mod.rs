//! What each resource says. Attributes that the contract has and Signet has not are `null` or their neutral value, because
//! published clients refuse documents without them.
//!
//! [`license`] has also what a license can do and its file, [`machine`] also its components, [`plan`] also the product.

mod license;
mod machine;
mod plan;

pub use license::{FileAttributes, entitlements, license};
pub use machine::{components, machine};
pub use plan::{policy, product};

/// What the scheme of signed keys is called.
pub const SIGNED: &str = "ED25519_SIGN";
