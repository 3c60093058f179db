//! The catalog: what is sold and through which channels, as one document.
//!
//! Pure code. `model` is the document and its look-ups, `parse` reads the merchant's file, `diff` compares documents.
//! Reading files, resolving secrets and storing documents do not belong here.

pub mod diff;
pub mod model;
pub mod parse;

pub use diff::{Diff, diff};
pub use model::{Catalog, CatalogIndex, Channel, ChannelKind, OpenApi, PlanMatch, PlanName, SecretRef};
pub use parse::{Problem, Problems, parse};
