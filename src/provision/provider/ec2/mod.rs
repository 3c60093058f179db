//! Clouds that speak EC2's Query interface: AWS, 3DS OUTSCALE, Eucalyptus and their like.
//!
//! * [`endpoint`] is where a cloud is and what it can do; lists of regions
//! * [`named`] reads the clouds that an operator names in a file
//! * [`policy`] writes down the rights that a customer has to give
//! * [`market`] asks for prices and quotas, where there are services for them
//! * `form`, `sign`, `call`, `xml` carry one call there and its answer back; `refusal` says what went wrong
//! * `lists`, `order`, `server`, `remove` are the calls themselves
//!
//! Nothing here guesses what a cloud can do from its name: [`Abilities`] says it.

mod call;
pub mod endpoint;
mod form;
mod lists;
pub mod market;
pub mod named;
mod order;
pub mod policy;
pub mod refusal;
mod remove;
mod server;
mod sign;
pub mod xml;

use async_trait::async_trait;

use crate::provision::provider::{
    Answer, Provider, Tools,
    error::{CloudError, SESSION_TOKENS, Trouble},
    made::*,
    model::*,
};

pub use endpoint::{
    AWS_REGIONS, Abilities, Custom, CustomClouds, Endpoint, ImageSource, OUTSCALE_REGIONS, known_places,
};

/// An EC2-compatible cloud in one region, as one customer's credentials see it.
pub struct Ec2 {
    tools: Tools,
    endpoint: Endpoint,
    credentials: Credentials,
}

impl std::fmt::Debug for Ec2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ec2").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Ec2 {
    /// The cloud at `endpoint` with these credentials. Asks nobody yet.
    ///
    /// # Errors
    /// [`Trouble::Endpoint`] for temporary credentials at a cloud to which their token must not be sent.
    pub fn new(tools: Tools, endpoint: Endpoint, credentials: Credentials) -> Result<Self, CloudError> {
        if credentials.session_token.is_some() && !endpoint.session_tokens {
            return Err(CloudError::new(Trouble::Endpoint, SESSION_TOKENS));
        }
        Ok(Self { tools, endpoint, credentials })
    }
}

#[async_trait]
impl Provider for Ec2 {
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
        self.list_images(flavor.architecture).await
    }

    async fn networks(&self) -> Answer<Vec<Network>> {
        self.list_networks().await
    }

    async fn security_groups(&self, network: &str) -> Answer<Vec<SecurityGroup>> {
        self.list_security_groups(network).await
    }

    async fn key_pairs(&self) -> Answer<Vec<KeyPair>> {
        self.list_key_pairs().await
    }

    async fn quota(&self, flavor: &Flavor) -> Answer<Option<Quota>> {
        // A right that was not given keeps nobody from deploying: an order that is too much says so itself.
        Ok(self.processors_left(flavor).await.unwrap_or_default())
    }

    async fn price(&self, order: &ServerOrder) -> Answer<Option<Price>> {
        self.ask_price(order).await
    }

    async fn rehearse(&self, order: &ServerOrder) -> Answer<()> {
        self.dry_run(order).await
    }

    async fn create(&self, order: &ServerOrder, attempt: &Attempt) -> Answer<Accepted> {
        self.run(order, attempt).await
    }

    async fn find(&self, attempt: &Attempt) -> Answer<Option<Accepted>> {
        self.find_attempt(attempt).await
    }

    async fn progress(&self, accepted: &Accepted) -> Answer<Progress> {
        self.order_progress(accepted).await
    }

    async fn server(&self, id: &str) -> Answer<Option<Server>> {
        Ok(self.instance(id).await?.map(|instance| server::server(&instance)))
    }

    async fn console(&self, id: &str) -> Answer<String> {
        self.console_output(id).await
    }

    async fn remove(&self, resources: &[Resource]) -> Answer<Removal> {
        self.terminate(resources).await
    }

    async fn removal(&self, removal: &Removal) -> Answer<RemovalProgress> {
        self.removal_progress(removal).await
    }
}
