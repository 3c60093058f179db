//! Deployments: the licensed software comes onto a customer's own server.
//!
//! A deployment is a row that says how far it is; whoever moves it on does so in one transaction, and whatever is asked of
//! a cloud is written down before it is asked. So a service that is killed between any two lines goes on where it
//! stopped, and never orders a second server.
//!
//! * [`start`] begins one, [`wish`] is what people ask of it later, [`show`] is what they see
//! * [`work`] is the worker's side: which deployments are due, what is to be done, what came of it
//! * [`machine`] is the machine's side: its session, and what it may fetch; [`report`] what it says about its work
//! * [`model`] is the deployment itself, with the few moves that all of them are made of; [`script`] what
//!   the machine runs, [`secrets`] what is sealed, and the tokens that derive from the master key; [`log`] what was said, and
//!   [`words`] why something did not go on
//!
//! Nothing here talks to a cloud: that is the worker's part, in `jobs`.

pub mod log;
pub mod machine;
pub mod model;
pub mod report;
pub mod script;
pub mod secrets;
pub mod show;
pub mod start;
pub mod wish;
pub mod words;
pub mod work;

pub use model::{Deployment, Obstacle, Sighting};

#[cfg(test)]
#[path = "documented_tests.rs"]
mod documented;
