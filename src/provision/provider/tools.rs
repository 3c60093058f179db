//! What calls of a cloud are made with.

use std::sync::Arc;

use crate::{
    base::{clock::Clock, entropy::Entropy},
    http::Client,
};

/// What calls of a cloud are made with.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Sends requests, to allowed addresses only.
    pub http: Client,
    /// When signatures are made.
    pub clock: Arc<dyn Clock>,
    /// How long repeats wait.
    pub entropy: Arc<dyn Entropy>,
}
