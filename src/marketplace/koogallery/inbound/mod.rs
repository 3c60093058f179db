//! What an authentic call says: fields read, measured, and put into a [`Call`]. One file per transport
//! (`v1`, `v2`), one for reading fields, one for the buyer's extension parameters.
//!
//! What is unreadable is refused with the field, its rule and what was seen, so that the merchant can tell the
//! marketplace. Debug calls (`testFlag=1`) are never refused for a value: the marketplace stops selling a product
//! whose debug cases fail, and nothing they do is real.

mod extension;
mod fields;
mod json;
mod v1;
mod v2;

use crate::marketplace::event::{Event, Subject};

use self::fields::Fields;
pub(super) use self::fields::clean;
use super::{
    redact,
    signature::{Authentic, RawRequest, Transport},
};

/// One call, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What it is named.
    pub activity: Activity,
    /// Which product line it belongs to.
    pub line: Line,
    /// A debug call: `testFlag` is `1`.
    pub debug: bool,
    /// What it asks for.
    pub event: Event,
    /// The ids under which people look for it in the log.
    pub appear: Appearance,
    /// What was odd but did not hinder: the merchant should see it.
    pub notes: Vec<String>,
}

/// Ids for the message log; a code the marketplace made is masked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appearance {
    /// `orderId`.
    pub order_id: Option<String>,
    /// `instanceId`, or the masked code.
    pub instance_id: Option<String>,
}

/// An authentic call that cannot be carried out as it stands: answered `000002` with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejected {
    /// The activity, as far as it could be read; shortened.
    pub activity: Option<String>,
    /// The field, its rule and what was seen; holds no code and no secret.
    pub reason: String,
}

/// Which product line a call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// License 1.0: GET, Signet makes the license.
    License1,
    /// License code 2.0: POST, the marketplace made the code.
    Code2,
    /// SaaS 1.0: GET.
    Saas1,
    /// Client License and SaaS 2.0: POST, alike on the wire.
    Instance2,
}

macro_rules! activities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What a call is named. The same name may belong to two lines: the transport tells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Activity { $($(#[$doc])* $variant,)+ }

        impl Activity {
            /// Every activity.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

activities! {
    /// License 1.0: a purchase.
    GetLicense = "getLicense",
    /// License 1.0: renewal, trial to formal.
    RefreshLicense = "refreshLicense",
    /// License 1.0: the term is over.
    ExpireLicense = "expireLicense",
    /// License 1.0: the end.
    ReleaseLicense = "releaseLicense",
    /// Code 2.0: renewal, or refund of one.
    RefreshLicenseCode = "refreshLicenseCode",
    /// Code 2.0: freeze, unfreeze.
    UpdateLicenseCodeStatus = "updateLicenseCodeStatus",
    /// Code 2.0: the end.
    ReleaseLicenseCode = "releaseLicenseCode",
    /// SaaS 1.0, SaaS 2.0, client: a purchase.
    NewInstance = "newInstance",
    /// SaaS 1.0, SaaS 2.0, client: renewal and its like.
    RefreshInstance = "refreshInstance",
    /// SaaS 2.0, client: freeze, unfreeze.
    UpdateInstanceStatus = "updateInstanceStatus",
    /// SaaS 1.0: the term is over.
    ExpireInstance = "expireInstance",
    /// SaaS 1.0: freeze, normal.
    InstanceStatus = "instanceStatus",
    /// SaaS 1.0, SaaS 2.0, client: the end.
    ReleaseInstance = "releaseInstance",
    /// SaaS 1.0, SaaS 2.0: how do the instances stand?
    QueryInstance = "queryInstance",
    /// SaaS 1.0: another plan.
    Upgrade = "upgrade",
    /// SaaS 2.0: another plan.
    UpgradeInstance = "upgradeInstance",
    /// SaaS 2.0: an order changed.
    OrderNotify = "orderNotify",
    /// Client: a license for one device.
    GetLicenseAsync = "getLicenseAsync",
}

impl Activity {
    fn read(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|activity| activity.as_str() == name)
    }

    /// The line this activity belongs to when it comes over `transport`; `None` when it never does.
    pub fn line(self, transport: Transport) -> Option<Line> {
        match (self, transport) {
            (Self::GetLicense | Self::RefreshLicense | Self::ExpireLicense | Self::ReleaseLicense, Transport::V1) => {
                Some(Line::License1)
            }
            (
                Self::NewInstance
                | Self::RefreshInstance
                | Self::ExpireInstance
                | Self::InstanceStatus
                | Self::ReleaseInstance
                | Self::QueryInstance
                | Self::Upgrade,
                Transport::V1,
            ) => Some(Line::Saas1),
            (Self::RefreshLicenseCode | Self::UpdateLicenseCodeStatus | Self::ReleaseLicenseCode, Transport::V2) => {
                Some(Line::Code2)
            }
            (
                Self::NewInstance
                | Self::RefreshInstance
                | Self::UpdateInstanceStatus
                | Self::ReleaseInstance
                | Self::QueryInstance
                | Self::UpgradeInstance
                | Self::OrderNotify
                | Self::GetLicenseAsync,
                Transport::V2,
            ) => Some(Line::Instance2),
            _ => None,
        }
    }
}

/// Reads what an authentic call asks for.
///
/// # Errors
/// [`Rejected`]: answered as `000002`.
pub fn parse(request: &RawRequest<'_>, authentic: &Authentic) -> Result<Call, Rejected> {
    let unnamed = |reason| Rejected { activity: None, reason };
    let mut fields = match authentic.transport {
        Transport::V1 => Fields::from_pairs(&authentic.params),
        Transport::V2 => Fields::from_json(request.body).map_err(unnamed)?,
    };
    let name = fields.name().map_err(unnamed)?;
    let rejected = |reason| Rejected { activity: Some(fields::shown("activity", &name)), reason };
    fields.read_test_flag().map_err(rejected)?;
    let (activity, line) = known(&name, authentic.transport).map_err(rejected)?;
    let event = match line {
        Line::License1 | Line::Saas1 => v1::event(activity, line, &mut fields),
        Line::Code2 | Line::Instance2 => v2::event(activity, line, &mut fields, authentic.signed_at),
    };
    let event = event.map_err(rejected)?;
    let appear = Appearance::of(&event);
    Ok(Call { activity, line, debug: fields.debug, event, appear, notes: fields.notes })
}

fn known(name: &str, transport: Transport) -> Result<(Activity, Line), String> {
    let activity =
        Activity::read(name).ok_or_else(|| format!("`activity` is unknown: `{}`", fields::shown("activity", name)))?;
    let line = activity.line(transport).ok_or_else(|| {
        let method = if transport == Transport::V1 { "GET" } else { "POST" };
        format!("`activity` `{name}` never comes by {method}")
    })?;
    Ok((activity, line))
}

/// The fields of a JSON body in the order they were sent, for the message log; `None` when it is none.
pub(super) fn body_pairs(body: &[u8]) -> Option<Vec<(String, serde_json::Value)>> {
    json::Object::read(body).ok().map(|object| object.0)
}

/// What `saasExtendParams` holds, for the message log; `None` when it cannot be read.
pub(super) fn extension_json(text: &str) -> Option<serde_json::Value> {
    extension::decode(text).ok()
}

impl Appearance {
    fn of(event: &Event) -> Self {
        let instance = |subject: &Subject| match subject {
            Subject::Instance(id) => id.clone(),
            Subject::MarketplaceCode(code) => redact::mask_code(code),
        };
        let (order_id, instance_id) = match event {
            Event::Purchase(purchase) => (Some(&purchase.order.order_id), None),
            Event::Renewal(renewal) => (Some(&renewal.order.order_id), Some(instance(&renewal.subject))),
            Event::Status(change) => (None, Some(instance(&change.subject))),
            Event::Release(release) => {
                (release.order.as_ref().map(|order| &order.order_id), Some(instance(&release.subject)))
            }
            Event::Upgrade(upgrade) => (Some(&upgrade.order.order_id), Some(instance(&upgrade.subject))),
            Event::Query(ids) => (None, ids.first().cloned()),
            Event::OrderNotice(order) => (Some(&order.order_id), None),
            Event::DeviceLicense(device) => (None, Some(device.subject.as_str().to_owned())),
        };
        Self { order_id: order_id.cloned(), instance_id }
    }
}

#[cfg(test)]
mod tests;
