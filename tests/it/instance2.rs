//! Client licenses and SaaS 2.0: calls that carry only ids, and orders that wait for their details.

pub mod asking;
mod details;
mod device;
mod events;
mod pushes;
mod uploads;
mod waiting;
