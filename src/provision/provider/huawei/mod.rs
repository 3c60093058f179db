//! Huawei Cloud ECS, and clouds of others that speak the same interface.
//!
//! * [`endpoint`] is where the cloud is; its regions
//! * [`policy`] writes down the rights that a customer has to give
//! * `assume` turns a customer's trust into temporary credentials
//! * `call`, `json` carry one call there and its answer back; `refusal` says what went wrong
//! * `lists`, `networks`, `order`, `price`, `job`, `server` are the calls themselves
//!
//! A password never goes into an order: with user-data the cloud ignores it, without it stays readable on the server.

mod assume;
mod call;
pub mod endpoint;
mod job;
mod json;
mod lists;
mod networks;
mod order;
pub mod policy;
mod price;
pub mod refusal;
mod server;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use crate::provision::provider::{
    Agency, Answer, Bond, Provider, Session, Tools,
    error::{CloudError, SESSION_TOKENS, Trouble},
    made::*,
    model::*,
};

pub use endpoint::{Custom, Endpoint, Region, Site};

/// Huawei Cloud in one region, as one customer's credentials see it.
pub struct Huawei {
    tools: Tools,
    endpoint: Endpoint,
    credentials: Credentials,
    /// The region's project: asked once, it never changes.
    project: OnceCell<String>,
}

impl std::fmt::Debug for Huawei {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Huawei").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Huawei {
    /// The cloud at `endpoint` with these credentials. Asks nobody yet.
    ///
    /// # Errors
    /// [`Trouble::Endpoint`] for temporary credentials at a cloud to which their token must not be sent.
    pub fn new(tools: Tools, endpoint: Endpoint, credentials: Credentials) -> Result<Self, CloudError> {
        if credentials.session_token.is_some() && !endpoint.session_tokens {
            return Err(CloudError::new(Trouble::Endpoint, SESSION_TOKENS));
        }
        Ok(Self { tools, endpoint, credentials, project: OnceCell::new() })
    }
}

#[async_trait]
impl Provider for Huawei {
    async fn identity(&self) -> Answer<Identity> {
        self.who().await
    }

    async fn zones(&self) -> Answer<Vec<Zone>> {
        self.list_zones().await
    }

    async fn flavors(&self, zone: &str) -> Answer<Vec<Flavor>> {
        self.list_flavors(zone).await
    }

    async fn images(&self, flavor: &Flavor) -> Answer<Vec<Image>> {
        self.list_images(flavor).await
    }

    async fn networks(&self) -> Answer<Vec<Network>> {
        self.list_networks().await
    }

    async fn security_groups(&self, _network: &str) -> Answer<Vec<SecurityGroup>> {
        self.list_security_groups().await
    }

    async fn key_pairs(&self) -> Answer<Vec<KeyPair>> {
        self.list_key_pairs().await
    }

    async fn quota(&self, _flavor: &Flavor) -> Answer<Option<Quota>> {
        self.limits().await.map(Some)
    }

    async fn price(&self, order: &ServerOrder) -> Answer<Option<Price>> {
        self.ask_price(order).await
    }

    async fn rehearse(&self, order: &ServerOrder) -> Answer<()> {
        self.dry_run(order).await
    }

    async fn create(&self, order: &ServerOrder, attempt: &Attempt) -> Answer<Accepted> {
        self.order(order, attempt).await
    }

    async fn find(&self, attempt: &Attempt) -> Answer<Option<Accepted>> {
        self.find_attempt(attempt).await
    }

    async fn progress(&self, accepted: &Accepted) -> Answer<Progress> {
        self.order_progress(accepted).await
    }

    async fn server(&self, id: &str) -> Answer<Option<Server>> {
        self.show(id).await
    }

    async fn console(&self, id: &str) -> Answer<String> {
        self.console_output(id).await
    }

    async fn remove(&self, resources: &[Resource]) -> Answer<Removal> {
        self.delete(resources).await
    }

    async fn removal(&self, removal: &Removal) -> Answer<RemovalProgress> {
        self.removal_progress(removal).await
    }

    async fn assume(&self, agency: &Agency, bond: &Bond) -> Answer<Session> {
        self.take_on(agency, bond).await
    }
}
