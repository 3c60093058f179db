//! The marketplace's side of the KooGallery production interface: it buys, renews, freezes and releases as
//! the marketplace does, and judges every answer as the marketplace would.
//!
//! It is a crate of its own, without a dependency on the service it tests, so that the compiler guarantees that
//! both sides were written from the protocol and not from each other: an error in one side's signing or parsing
//! is not repeated by the other.
//!
//! | module | what lives there |
//! |---|---|
//! | [`line`](mod@line) | the five product lines and the activities each one speaks |
//! | [`call`] | one call, typed per activity, not yet signed |
//! | [`marketplace`] | a product's URL and key: signs calls, sends them, keeps the clock |
//! | [`open`] | the marketplace's open interfaces, which the merchant asks: an order book over real HTTP |
//! | [`request`] | a signed request that can be tampered with and sent again |
//! | [`http`] | a small HTTP/1.1 client that keeps the exact case of header names |
//! | [`reply`] | the answer, byte for byte |
//! | [`verdict`] | the rules an answer must satisfy: expected, seen, what to do |
//! | [`play`] | each line's life from purchase to release, for the demo |
//! | [`probe`] | the daily debug cases and hostile calls |
//! | [`soak`] | random customers with retries, races and lost answers, and what must be true at the end |
//! | [`report`] | verdicts, steps and soak reports as plain text |
//! | [`sign`], [`cipher`], [`clock`], [`random`] | the protocol's primitives, time and chance |
//!
//! ```no_run
//! use koogallery_simulator::{AccessKey, Call, Line, Marketplace};
//!
//! # async fn buy() -> Result<(), Box<dyn std::error::Error>> {
//! let key = AccessKey::new("11111111-2222-3333-4444-555555555555");
//! let marketplace = Marketplace::builder("https://example.com/koogallery", key, Line::License1).build()?;
//! let call = Call::buy(Line::License1, "CS2401010000ABCDE")?.product("00301-666666-0--0");
//! let exchange = marketplace.call(&call).await;
//! let verdict = marketplace.judge(&call, &exchange);
//! assert!(verdict.passed());
//! # Ok(())
//! # }
//! ```

pub mod call;
pub mod cipher;
pub mod clock;
mod form;
pub mod http;
pub mod line;
pub mod marketplace;
pub mod open;
pub mod play;
pub mod probe;
pub mod random;
pub mod reply;
pub mod report;
pub mod request;
pub mod sign;
pub mod soak;
#[cfg(test)]
mod testing;
pub mod verdict;

pub use call::{Call, Unsupported};
pub use clock::Clock;
pub use line::{Activity, Line, Transport};
pub use marketplace::{Exchange, Marketplace, MarketplaceBuilder};
pub use reply::{NoAnswer, Reply};
pub use request::PreparedRequest;
pub use sign::AccessKey;
pub use verdict::{Expectation, Rule, RuleResult, Verdict};
