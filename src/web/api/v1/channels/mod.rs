//! Channels, as the catalog says. Only `signet catalog apply` changes them; secrets are named, never shown.

pub mod get;
pub mod list;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::slug::Slug,
    catalog::{self, PlanName, SecretRef},
    marketplace::koogallery::credentials::EncryptType,
    usecase::Context,
};

/// The addresses of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::list_channels)).routes(routes!(get::get_channel))
}

/// A channel: one connection to a marketplace.
#[derive(Debug, Serialize, ToSchema)]
pub struct Channel {
    /// Its name: the last part of its address.
    #[schema(value_type = String, example = "koogallery")]
    slug: Slug,
    /// The address to enter in the seller centre.
    #[schema(example = "https://license.example.com/marketplace/koogallery/koogallery")]
    address: String,
    /// The products sold through it.
    #[schema(value_type = Vec<String>)]
    products: Vec<Slug>,
    /// Where the access key is.
    access_key: Secret,
    /// Whether the service holds the access key. Without it every call is refused: set it where `access_key` says and
    /// make the service load it (a restart does).
    access_key_readable: bool,
    /// Seconds that the time of a V1 call may be off.
    window_v1_seconds: u32,
    /// Seconds that the time of a V2 call may be off.
    window_v2_seconds: u32,
    /// The plan, as `product/plan`, of purchases whose call carries only ids; `null`: they wait to be completed.
    #[schema(required, example = "atlas/team")]
    default_plan: Option<String>,
    /// The plan by which debug calls are answered; `null`: the first of its first product.
    #[schema(required)]
    debug_plan: Option<String>,
    /// Instance ids that debug calls use.
    debug_ids: Vec<String>,
    /// How SaaS 1.0 credentials are encrypted: `aes128` or `aes256`.
    #[schema(example = "aes256")]
    encrypt_type: &'static str,
    /// Access to the marketplace's own interface.
    #[schema(required)]
    open_api: Option<OpenApi>,
}

/// Where a secret is: never the secret itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Secret {
    /// What holds it.
    kind: SecretKind,
    /// The name of the variable, or the path of the file.
    #[schema(example = "KOOGALLERY_KEY")]
    name: String,
}

/// What holds a secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// An environment variable of the server.
    Env,
    /// A file; a relative path starts at the data folder.
    File,
}

/// Access to the marketplace's own interface.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenApi {
    /// Which of the marketplace's hosts.
    host: String,
    /// Where the access key id is.
    access_key: Secret,
    /// Where the secret key is.
    secret_key: Secret,
    /// Whether the server could read both.
    keys_readable: bool,
}

impl From<&SecretRef> for Secret {
    fn from(it: &SecretRef) -> Self {
        let (kind, name) = match it {
            SecretRef::Env(name) => (SecretKind::Env, name),
            SecretRef::File(path) => (SecretKind::File, path),
        };
        Self { kind, name: name.clone() }
    }
}

impl Channel {
    /// The channel with its address and whether its key was read.
    fn of(it: &catalog::Channel, ctx: Context, public_url: &str) -> Self {
        let plan = |name: &PlanName| format!("{}/{}", name.product, name.plan);
        Self {
            slug: it.slug.clone(),
            address: format!("{public_url}{}", it.path()),
            products: it.products.clone(),
            access_key: (&it.access_key).into(),
            access_key_readable: ctx.installation.access_keys.contains_key(&it.slug),
            window_v1_seconds: it.window_v1_seconds,
            window_v2_seconds: it.window_v2_seconds,
            default_plan: it.default_plan.as_ref().map(plan),
            debug_plan: it.debug_plan.as_ref().map(plan),
            debug_ids: it.debug_ids.clone(),
            encrypt_type: match it.encrypt_type {
                EncryptType::Aes128 => "aes128",
                EncryptType::Aes256 => "aes256",
            },
            open_api: it.open_api.as_ref().map(|api| OpenApi {
                host: api.host.to_string(),
                access_key: (&api.access_key).into(),
                secret_key: (&api.secret_key).into(),
                keys_readable: ctx.installation.open_api_keys.contains_key(&it.slug),
            }),
        }
    }
}
