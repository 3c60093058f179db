//! The catalog: what is sold and through which channels, as one document.
//!
//! Pure code. `model` is the document and its look-ups; what reads the merchant's file and compares documents
//! belongs here too; storing them does not.

pub mod diff;
pub mod model;

pub use diff::{Diff, diff};
pub use model::{Catalog, CatalogIndex, Channel, OpenApi, PlanMatch, PlanName, SecretRef};
