//! Signet: issues license keys behind a marketplace product and keeps every license true.
//!
//! The rooms and the one direction in which they may depend on each other (a test reads the sources
//! and fails on a forbidden `use`):
//!
//! ```text
//! main → cli → config, telemetry → web, jobs → app → usecase → store, catalog → marketplace, provision → license, depot, letters, mail, http → base
//! ```

pub mod app;
pub mod base;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod depot;
pub mod http;
pub mod jobs;
pub mod letters;
pub mod license;
pub mod mail;
pub mod marketplace;
pub mod provision;
pub mod store;
pub mod telemetry;
pub mod usecase;
pub mod web;
