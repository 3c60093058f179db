//! Products with their plans, as the catalog says. Only `signet catalog apply` changes them.

pub mod get;
pub mod list;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::slug::Slug,
    license::plan::{self, Features, LicenseKeys, QuantityRule, QuantityTarget, Term},
    web::api::meter::{Label, MeterRule},
};

/// The addresses of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::list_products)).routes(routes!(get::get_product))
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
pub struct Product {
    /// Its name in addresses, and the `aud` of its license codes.
    #[schema(value_type = String, example = "atlas")]
    slug: Slug,
    /// The name people read.
    name: Label,
    /// Whom customers ask.
    support: Support,
    /// Where customers read on.
    #[schema(required)]
    usage_guide: Option<String>,
    /// The key that software written for Keygen is given: `short` or `signed`.
    license_keys: &'static str,
    /// What is sold of it.
    plans: Vec<Plan>,
}

/// Where customers find help.
#[derive(Debug, Serialize, ToSchema)]
pub struct Support {
    /// An e-mail address.
    #[schema(required)]
    email: Option<String>,
    /// A telephone number.
    #[schema(required)]
    phone: Option<String>,
    /// A web address.
    #[schema(required)]
    url: Option<String>,
}

/// A plan: what is sold, and the rules its licenses follow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plan {
    /// Its name inside the product.
    #[schema(value_type = String, example = "team")]
    slug: Slug,
    /// The name people read.
    name: Label,
    /// How long a purchase lasts when it names neither a date nor a period.
    #[schema(example = "12 months")]
    term: String,
    /// How many machines one license allows, before the quantity.
    machines: u32,
    /// What the software may do, before the quantity.
    #[schema(value_type = Object, example = json!({ "export": true, "projects": 20 }))]
    features: Features,
    /// What the quantity does.
    #[schema(example = "multiplies machines")]
    quantity: String,
    /// Whether license codes carry the expiry.
    code_carries_expiry: bool,
    /// Days a license holds beyond an estimated expiry.
    slack_estimated_days: u16,
    /// Days a license holds beyond a confirmed expiry.
    slack_confirmed_days: u16,
    /// Days a lease lasts; 0 where it is counted in minutes.
    lease_days: u16,
    /// Minutes a lease lasts, where it is shorter than a day.
    #[schema(required)]
    lease_minutes: Option<u16>,
    /// Days of grace after it.
    lease_grace_days: u16,
    /// Whether a machine's seat goes back when its lease ends.
    floating: bool,
    /// Days for which a floating seat may be borrowed.
    borrow_days: u16,
    /// How many parts of a fingerprint must be the same: `any`, `two`, `most` or `all`.
    machine_match: &'static str,
    /// New machines within a day; a license for more machines may fill all its seats.
    new_machines_per_day: u32,
    /// The software's versions that it covers; all when null.
    #[schema(required)]
    versions: Option<String>,
    /// The extension parameter whose value binds a license to a device.
    #[schema(required)]
    bind_parameter: Option<String>,
    /// What the software counts and reports.
    meters: Vec<MeterRule>,
    /// KooGallery product ids that sell it.
    product_ids: Vec<String>,
    /// KooGallery SKUs that sell it.
    sku_codes: Vec<String>,
}

impl From<&plan::Product> for Product {
    fn from(it: &plan::Product) -> Self {
        let support = it.support.clone();
        Self {
            slug: it.slug.clone(),
            name: (&it.name).into(),
            support: Support { email: support.email, phone: support.phone, url: support.url },
            usage_guide: it.usage_guide.clone(),
            license_keys: match it.license_keys {
                LicenseKeys::Short => "short",
                LicenseKeys::Signed => "signed",
            },
            plans: it.plans.iter().map(Plan::from).collect(),
        }
    }
}

/// Without what buyers are told (`delivery`): it can hold an initial password.
impl From<&plan::Plan> for Plan {
    fn from(it: &plan::Plan) -> Self {
        Self {
            slug: it.slug.clone(),
            name: (&it.name).into(),
            term: term(it.term),
            machines: it.machines,
            features: it.features.clone(),
            quantity: quantity(&it.quantity),
            code_carries_expiry: it.code_carries_expiry,
            slack_estimated_days: it.expiry_slack.estimate_days,
            slack_confirmed_days: it.expiry_slack.confirmed_days,
            lease_days: it.lease.days,
            lease_minutes: it.lease.minutes,
            lease_grace_days: it.lease.grace_days,
            floating: it.lease.floating,
            borrow_days: it.lease.borrow_days,
            machine_match: it.machine.rule.as_str(),
            new_machines_per_day: it.machine.new_per_day,
            versions: it.versions.as_ref().map(ToString::to_string),
            bind_parameter: it.bind_parameter.clone(),
            meters: it.meters.iter().map(MeterRule::from).collect(),
            product_ids: it.product_ids.clone(),
            sku_codes: it.sku_codes.clone(),
        }
    }
}

fn term(term: Term) -> String {
    match term {
        Term::Perpetual => "perpetual".to_owned(),
        Term::Days(number) => format!("{number} days"),
        Term::Months(number) => format!("{number} months"),
        Term::Years(number) => format!("{number} years"),
    }
}

fn quantity(rule: &QuantityRule) -> String {
    let name = |target: &QuantityTarget| match target {
        QuantityTarget::Machines => "machines".to_owned(),
        QuantityTarget::Feature(name) => format!("feature {name}"),
    };
    match rule {
        QuantityRule::Ignore => "ignored".to_owned(),
        QuantityRule::Set(target) => format!("sets {}", name(target)),
        QuantityRule::Multiply(target) => format!("multiplies {}", name(target)),
    }
}
