//! The clouds on which servers are made.
//!
//! [`Provider`] is what a deployment needs of a cloud; `huawei`, `ec2` and `simulated` are clouds, and [`clouds`] opens them. [`model`] has the words
//! for what they have to choose from, [`made`] for what is made there, [`entry`] what opens an account, [`error`] what can go wrong in words that a customer can act
//! on; [`sessions`] keeps what agencies gave. A provider is stateless: it
//! holds the credentials and the place, nothing about deployments; every call can be made again.
//!
//! `retry` says when a call is sent again, `scrub` takes secrets out of what clouds say, `percent` writes addresses,
//! `money` reckons prices.
//!
//! Providers know nothing of licenses, recipes or the database.

pub mod clouds;
pub mod ec2;
pub mod entry;
pub mod error;
pub mod huawei;
pub mod made;
pub mod model;
mod money;
mod retry;
mod scrub;
pub mod sessions;
pub mod simulated;
mod tools;

use async_trait::async_trait;

pub use entry::*;
pub use error::{CloudError, Trouble};
pub use made::*;
pub use model::*;
pub use tools::Tools;

/// What a call answers.
pub type Answer<T> = Result<T, CloudError>;

/// A cloud in one region, as one customer's credentials see it.
///
/// Lists are whole: a provider follows pages up to its limit. Every call has a time limit of its own and retries
/// throttling and lost answers by itself where a repeat does no harm; [`Provider::create`] is sent once per call.
#[async_trait]
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Who the credentials belong to. Needs no right, so a refusal means that the credentials are wrong.
    async fn identity(&self) -> Answer<Identity>;
    /// The zones of the region.
    async fn zones(&self) -> Answer<Vec<Zone>>;
    /// What servers can be had in a zone, sold-out ones included.
    async fn flavors(&self, zone: &str) -> Answer<Vec<Flavor>>;
    /// The Linux images that a server of `flavor` can start from.
    async fn images(&self, flavor: &Flavor) -> Answer<Vec<Image>>;
    /// The networks, with their subnets.
    async fn networks(&self) -> Answer<Vec<Network>>;
    /// The security groups; where they belong to a network, only its own.
    async fn security_groups(&self, network: &str) -> Answer<Vec<SecurityGroup>>;
    /// The key pairs.
    async fn key_pairs(&self) -> Answer<Vec<KeyPair>>;
    /// What may still be made; `None` where the cloud does not tell.
    async fn quota(&self, flavor: &Flavor) -> Answer<Option<Quota>>;
    /// What the server would cost; `None` where the cloud does not tell.
    async fn price(&self, order: &ServerOrder) -> Answer<Option<Price>>;
    /// Asks whether the order would be accepted: format, rights. Makes nothing.
    async fn rehearse(&self, order: &ServerOrder) -> Answer<()>;
    /// Orders a server. `attempt` makes a repeat harmless: the same attempt is the same server, where the cloud
    /// knows how; elsewhere the caller asks [`Provider::find`] before it repeats.
    async fn create(&self, order: &ServerOrder, attempt: &Attempt) -> Answer<Accepted>;
    /// What an earlier [`Provider::create`] of `attempt` made, when its answer was lost.
    async fn find(&self, attempt: &Attempt) -> Answer<Option<Accepted>>;
    /// How far an order is.
    async fn progress(&self, accepted: &Accepted) -> Answer<Progress>;
    /// The server; `None` when there is none of that id (any more).
    async fn server(&self, id: &str) -> Answer<Option<Server>>;
    /// The last lines of the server's console; empty where there are none yet.
    async fn console(&self, id: &str) -> Answer<String>;
    /// Deletes what is listed: the server with the disks and addresses that were made with it. What is gone already is
    /// no error. Answers what it began.
    async fn remove(&self, resources: &[Resource]) -> Answer<Removal>;
    /// How far a removal is.
    async fn removal(&self, removal: &Removal) -> Answer<RemovalProgress>;
    /// Takes on a customer's agency, as the merchant's account that this is opened with. Most clouds have none.
    async fn assume(&self, _: &Agency, _: &Bond) -> Answer<Session> {
        Err(CloudError::new(
            Trouble::Endpoint,
            ("该云没有委托：请填写访问密钥", "this cloud has no agencies: enter keys"),
        ))
    }
}
