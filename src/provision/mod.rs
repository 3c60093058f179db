//! Provisioning: putting licensed software onto a customer's server.
//!
//! * [`recipe`] says how a product is installed and what it needs, as the catalog describes it
//! * [`bootstrap`] writes the script that a server runs when it starts
//! * [`password`] checks and hashes root's password
//! * [`offer`] is what a cloud offers, seen through a recipe
//! * [`plan`] is what a customer chose, fixed when a deployment begins
//! * [`run`] is the life of one deployment: its stages, their deadlines, and what may follow what
//! * [`proof`] checks that a machine holds the key it names
//! * [`provider`] talks to the clouds on which servers are made
//!
//! All but `provider` is pure. Nothing here knows the database, a license's rules or a page; what happens when is the
//! work of `usecase` and `jobs`.

pub mod bootstrap;
pub mod cleanup;
pub mod offer;
pub mod password;
pub mod plan;
pub mod proof;
pub mod provider;
pub mod recipe;
pub mod run;
