//! Provisioning: putting licensed software onto a customer's server.
//!
//! * [`recipe`] says how a product is installed and what it needs, as the catalog describes it
//! * [`run`] is the life of one deployment: its stages, their deadlines, and what may follow what
//! * [`bootstrap`] writes the script that a new server runs, and [`password`] what it sets root's password by
//! * [`provider`] talks to the clouds on which servers are made
//!
//! `recipe` and `run` are pure. Nothing here knows the database, a license's rules or a page; what happens when is the
//! work of `usecase` and `jobs`.

pub mod bootstrap;
pub mod password;
pub mod provider;
pub mod recipe;
pub mod run;
