//! One call of the marketplace, typed per activity, not yet signed.

use data_encoding::BASE64;
use jiff::Timestamp;

use crate::{
    clock::{seconds_text, spaced_text},
    line::{Activity, Line, Transport},
};

/// The line has no such call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the product line {line} has no call to {verb}: {hint}")]
pub struct Unsupported {
    /// The line that was asked.
    pub line: Line,
    /// What was asked of it.
    pub verb: &'static str,
    hint: &'static str,
}

/// A call before it is signed. `businessId`, times, nonce and signatures are made anew at each signing, because
/// the marketplace makes them anew on each retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    line: Line,
    activity: Activity,
    debug: bool,
    fields: Vec<(String, String)>,
}

impl Call {
    /// A call with no field but its activity: the base of all others, and for calls no constructor makes.
    pub fn bare(line: Line, activity: Activity) -> Self {
        Self { line, activity, debug: false, fields: Vec::new() }
    }

    /// A purchase. License 1.0 asks for the license, the others for an instance.
    ///
    /// # Errors
    /// [`Unsupported`] for code 2.0: there the marketplace makes the code and calls nobody.
    pub fn buy(line: Line, order_id: &str) -> Result<Self, Unsupported> {
        let activity = match line {
            Line::License1 => Activity::GetLicense,
            Line::Client | Line::Saas2 | Line::Saas1 => Activity::NewInstance,
            Line::Code2 => return unsupported(line, "buy", "its codes are made by the marketplace itself"),
        };
        let call = Self::bare(line, activity).order(order_id);
        Ok(match line.transport() {
            Transport::V1 => call.set("customerId", "simulated-customer").set("chargingMode", "1"),
            Transport::V2 => call,
        })
    }

    /// A renewal until `expires`, under the renewal's own order.
    pub fn renew(line: Line, instance_id: &str, order_id: &str, expires: Timestamp) -> Self {
        let activity = match line {
            Line::License1 => Activity::RefreshLicense,
            Line::Code2 => Activity::RefreshLicenseCode,
            Line::Client | Line::Saas2 | Line::Saas1 => Activity::RefreshInstance,
        };
        let call = Self::bare(line, activity).order(order_id).instance(instance_id).expires_at(expires);
        match line.transport() {
            Transport::V1 => call,
            Transport::V2 => call.set("scene", "RENEWAL"),
        }
    }

    /// A refunded renewal: the expiry moves back to `expires`. The 2.0 lines name the scene, SaaS 1.0 sends a
    /// negative amount, License 1.0 only sends the earlier time.
    pub fn refund_renewal(line: Line, instance_id: &str, order_id: &str, expires: Timestamp) -> Self {
        let call = Self::renew(line, instance_id, order_id, expires);
        match line {
            Line::License1 => call,
            Line::Saas1 => call.set("orderAmount", "-100.00"),
            Line::Code2 | Line::Client | Line::Saas2 => call.set("scene", "UNSUBSCRIBE_RENEWAL_PERIOD"),
        }
    }

    /// The order's period is over. `order_id` is the purchase's.
    ///
    /// # Errors
    /// [`Unsupported`] for the 2.0 lines: they say it with a freeze.
    pub fn expire(line: Line, instance_id: &str, order_id: &str) -> Result<Self, Unsupported> {
        let activity = match line {
            Line::License1 => Activity::ExpireLicense,
            Line::Saas1 => Activity::ExpireInstance,
            Line::Code2 | Line::Client | Line::Saas2 => {
                return unsupported(line, "expire", "it says the same with a freeze");
            }
        };
        Ok(Self::bare(line, activity).order(order_id).instance(instance_id))
    }

    /// A freeze, for expiry or for a violation: the call does not say which.
    ///
    /// # Errors
    /// [`Unsupported`] for License 1.0.
    pub fn freeze(line: Line, instance_id: &str) -> Result<Self, Unsupported> {
        Self::status(line, instance_id, true)
    }

    /// The freeze is over.
    ///
    /// # Errors
    /// [`Unsupported`] for License 1.0.
    pub fn unfreeze(line: Line, instance_id: &str) -> Result<Self, Unsupported> {
        Self::status(line, instance_id, false)
    }

    fn status(line: Line, instance_id: &str, frozen: bool) -> Result<Self, Unsupported> {
        let activity = match line {
            Line::Code2 => Activity::UpdateLicenseCodeStatus,
            Line::Client | Line::Saas2 => Activity::UpdateInstanceStatus,
            Line::Saas1 => Activity::InstanceStatus,
            Line::License1 => {
                return unsupported(line, "freeze or unfreeze", "it is expired, and thaws with a renewal");
            }
        };
        let call = Self::bare(line, activity).instance(instance_id);
        Ok(match (line, frozen) {
            (Line::Saas1, true) => call.set("instanceStatus", "FREEZE"),
            (Line::Saas1, false) => call.set("instanceStatus", "NORMAL"),
            (_, true) => call.set("status", "FREEZE"),
            (_, false) => call.set("status", "UNFREEZE"),
        })
    }

    /// An upgrade to what the order `order_id` bought; the instance stays.
    ///
    /// # Errors
    /// [`Unsupported`] for the lines that sell no instances, and for client licenses.
    pub fn upgrade(line: Line, instance_id: &str, order_id: &str) -> Result<Self, Unsupported> {
        let activity = match line {
            Line::Saas1 => Activity::Upgrade,
            Line::Saas2 => Activity::UpgradeInstance,
            Line::License1 | Line::Code2 | Line::Client => {
                return unsupported(line, "upgrade", "only SaaS products are upgraded");
            }
        };
        Ok(Self::bare(line, activity).order(order_id).instance(instance_id))
    }

    /// Asks for the details of up to 100 instances.
    ///
    /// # Errors
    /// [`Unsupported`] for lines without instances to look at.
    pub fn query(line: Line, instance_ids: &[&str]) -> Result<Self, Unsupported> {
        match line {
            Line::Saas1 | Line::Saas2 => {
                Ok(Self::bare(line, Activity::QueryInstance).instance(&instance_ids.join(",")))
            }
            Line::License1 | Line::Code2 | Line::Client => {
                unsupported(line, "query", "only SaaS instances are queried")
            }
        }
    }

    /// The end: unsubscribed, refunded or never renewed. For the V1 lines `order_id` is the purchase's, for the 2.0
    /// lines the refund's, when there is one.
    pub fn release(line: Line, instance_id: &str, order_id: Option<&str>) -> Self {
        let activity = match line {
            Line::License1 => Activity::ReleaseLicense,
            Line::Code2 => Activity::ReleaseLicenseCode,
            Line::Client | Line::Saas2 | Line::Saas1 => Activity::ReleaseInstance,
        };
        let call = Self::bare(line, activity).instance(instance_id);
        match order_id {
            Some(order_id) => call.order(order_id),
            None => call,
        }
    }

    /// A device asks for its license (`getLicenseAsync`), valid from `effective`.
    ///
    /// # Errors
    /// [`Unsupported`] for every line but client licenses.
    pub fn apply_license(
        line: Line,
        instance_id: &str,
        event_id: &str,
        effective: Timestamp,
    ) -> Result<Self, Unsupported> {
        if line != Line::Client {
            return unsupported(line, "apply for a license", "only client licenses are applied for");
        }
        let call = Self::bare(line, Activity::GetLicenseAsync).instance(instance_id);
        Ok(call.set("eventId", event_id).set("effectiveTime", &spaced_text(effective)))
    }

    /// Something happened to an order (`orderNotify`).
    ///
    /// # Errors
    /// [`Unsupported`] for every line but SaaS 2.0.
    pub fn notify(line: Line, order_id: &str) -> Result<Self, Unsupported> {
        if line != Line::Saas2 {
            return unsupported(line, "notify about an order", "only SaaS 2.0 products are notified");
        }
        Ok(Self::bare(line, Activity::OrderNotify).order(order_id))
    }

    fn order(self, order_id: &str) -> Self {
        let line_id = format!("{order_id}-000001");
        let call = self.set("orderId", order_id);
        match call.line.transport() {
            Transport::V1 => call,
            Transport::V2 => call.set("orderLineId", &line_id),
        }
    }

    fn instance(self, instance_id: &str) -> Self {
        let name = if self.line == Line::Code2 { "license" } else { "instanceId" };
        self.set(name, instance_id)
    }

    /// Sets `expireTime`.
    #[must_use]
    pub fn expires_at(self, at: Timestamp) -> Self {
        let text = if self.activity == Activity::GetLicenseAsync { spaced_text(at) } else { seconds_text(at) };
        self.set("expireTime", &text)
    }

    /// Sets `productId`; it differs per period type. Empty is allowed in debug calls.
    #[must_use]
    pub fn product(self, product_id: &str) -> Self {
        self.set("productId", product_id)
    }

    /// Sets `skuCode`, the specification's id.
    #[must_use]
    pub fn sku(self, sku_code: &str) -> Self {
        self.set("skuCode", sku_code)
    }

    /// Sets who buys.
    #[must_use]
    pub fn customer(self, id: &str, name: &str) -> Self {
        self.set("customerId", id).set("customerName", name)
    }

    /// Sets `periodType` (`year` or `month`) and `periodNumber`.
    #[must_use]
    pub fn period(self, kind: &str, number: u32) -> Self {
        self.set("periodType", kind).set("periodNumber", &number.to_string())
    }

    /// Sets the quantity.
    #[must_use]
    pub fn amount(self, amount: u32) -> Self {
        self.set("amount", &amount.to_string())
    }

    /// Marks the purchase as a trial.
    #[must_use]
    pub fn trial(self) -> Self {
        self.set("trialFlag", "1")
    }

    /// Marks the renewal as the step from a trial to a paid order.
    #[must_use]
    pub fn trial_to_formal(self) -> Self {
        match self.line {
            Line::Saas1 => self.set("trialToFormal", "1"),
            Line::Client | Line::Saas2 => self.set("scene", "TRIAL_TO_FORMAL"),
            Line::License1 | Line::Code2 => self,
        }
    }

    /// Sets the device's fingerprint of `getLicenseAsync`.
    #[must_use]
    pub fn fingerprint(self, fingerprint: &str) -> Self {
        self.set("deviceFingerprint", fingerprint)
    }

    /// Sets what the buyer typed into the product's own fields, such as a machine code (at most three).
    #[must_use]
    pub fn extensions(self, pairs: &[(&str, &str)]) -> Self {
        let list: Vec<_> =
            pairs.iter().map(|(name, value)| serde_json::json!({ "name": name, "value": value })).collect();
        self.set("saasExtendParams", &BASE64.encode(serde_json::Value::Array(list).to_string().as_bytes()))
    }

    /// Marks the call as a debug call (`testFlag=1`). The License 1.0 calls after the purchase carry no flag.
    #[must_use]
    pub fn debug(mut self) -> Self {
        self.debug = true;
        self
    }

    /// Sets any field, over whatever it was.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Leaves a field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// A field's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The line the call belongs to.
    pub fn line(&self) -> Line {
        self.line
    }

    /// What the call asks for.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// Everything the call carries, in the order of sending, `activity` first. `business_id` is used where the
    /// activity has one and the call does not set its own.
    pub(crate) fn parameters(&self, debug: bool, business_id: &str) -> Vec<(String, String)> {
        let mut all = vec![("activity".to_owned(), self.activity.as_str().to_owned())];
        if matches!(self.activity, Activity::GetLicense | Activity::NewInstance) && self.field("businessId").is_none() {
            all.push(("businessId".to_owned(), business_id.to_owned()));
        }
        all.extend(self.fields.iter().cloned());
        let flagged = self.line != Line::License1 || self.activity == Activity::GetLicense;
        if (debug || self.debug) && flagged && self.field("testFlag").is_none() {
            all.push(("testFlag".to_owned(), "1".to_owned()));
        }
        all
    }
}

fn unsupported<T>(line: Line, verb: &'static str, hint: &'static str) -> Result<T, Unsupported> {
    Err(Unsupported { line, verb, hint })
}

#[cfg(test)]
mod tests;
