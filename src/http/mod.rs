//! HTTP out: the one client for addresses that others choose, such as the interfaces of clouds.
//!
//! * [`client`] sends one request and reads a bounded answer: no redirects, no proxy from the environment, time-outs on
//!   everything
//! * [`download`] passes on a file whose size and digest are known
//! * [`sdk_hmac`] signs for the interfaces of Huawei Cloud and of its marketplace
//! * [`guard`] decides which addresses may be reached at all, after names were resolved
//!
//! What a request means, how it is signed and what an answer says belong to whoever sends it.

pub mod client;
pub mod download;
pub mod guard;
pub mod sdk_hmac;

pub use client::{Answer, Client, Request, Unreachable};
pub use guard::Guard;
pub use reqwest::{Method, Url};
