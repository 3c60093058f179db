//! Which clouds there are, and how each is opened for a customer.

use std::sync::Arc;

use crate::provision::plan::{Cloud, Place};

use super::{Answer, CloudError, Credentials, Provider, Trouble, simulated::Simulated};

/// The clouds of this installation. Clones share what the simulated one made.
#[derive(Debug, Clone, Default)]
pub struct Clouds {
    simulated: Option<Arc<Simulated>>,
    others: Vec<(Cloud, Arc<dyn Opener>)>,
}

/// What opens a cloud that is not built in.
pub trait Opener: Send + Sync + std::fmt::Debug {
    /// The cloud at `place`, as these credentials see it.
    ///
    /// # Errors
    /// [`Trouble::Endpoint`] for a place that is not offered.
    fn open(&self, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>>;
}

impl Clouds {
    /// With a cloud that is simulated, and says so.
    #[must_use]
    pub fn simulating(mut self, simulated: Simulated) -> Self {
        self.simulated = Some(Arc::new(simulated));
        self
    }

    /// With `opener` for `cloud`, in the place of what is built in.
    #[must_use]
    pub fn with(mut self, cloud: Cloud, opener: Arc<dyn Opener>) -> Self {
        self.others.push((cloud, opener));
        self
    }

    /// The clouds that a customer can choose.
    pub fn offered(&self) -> Vec<Cloud> {
        let simulated = self.simulated.iter().map(|_| Cloud::Simulated);
        simulated.chain(self.others.iter().map(|(cloud, _)| *cloud)).collect()
    }

    /// The cloud at `place`, as these credentials see it.
    ///
    /// # Errors
    /// [`Trouble::Endpoint`] for a place that is not offered.
    pub fn open(&self, place: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
        if let Some((_, opener)) = self.others.iter().find(|(cloud, _)| *cloud == place.cloud) {
            return opener.open(place, credentials);
        }
        match (place.cloud, &self.simulated) {
            (Cloud::Simulated, Some(simulated)) => Ok(simulated.as_seen_by(credentials)),
            (cloud, _) => {
                let why = format!("the cloud `{cloud}` is not offered here");
                Err(CloudError::new(Trouble::Endpoint, &why))
            }
        }
    }
}
