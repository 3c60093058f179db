//! What the marketplace asks for.

use jiff::{SignedDuration, civil::DateTime};

use crate::{
    base::time::Time,
    license::model::Customer,
    marketplace::event::{
        Event, OrderRef, PlanRef, Purchase, PurchaseAnswer, PurchaseDetails, Release, Renewal, RenewalCause,
        StatusChange, StatusTarget, Subject,
    },
};

/// Characters of an id.
const ID_CHARS: usize = 64;
/// The marketplace's clock: China Standard Time, without summer time.
const EAST_OF_UTC: SignedDuration = SignedDuration::from_hours(8);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Somebody bought.
    Create,
    /// Somebody renewed.
    Renew,
    /// The term is over.
    Expire,
    /// The instance ended for good.
    Release,
}

impl Action {
    /// As the marketplace writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "createInstance",
            Self::Renew => "renewInstance",
            Self::Expire => "expiredInstance",
            Self::Release => "releaseInstance",
        }
    }
}

/// An authentic call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What is asked.
    pub action: Action,
    /// The same in the license's own words.
    pub event: Event,
    /// The order, where it names one.
    pub order_id: Option<String>,
    /// The instance, where it names one.
    pub instance_id: Option<String>,
    /// What of it could not be read.
    pub notes: Vec<String>,
}

/// Why an authentic call cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejected {
    /// The action, as far as it is known.
    pub action: Option<Action>,
    /// What is wrong.
    pub reason: String,
}

/// Reads a call.
///
/// # Errors
/// [`Rejected`].
pub fn read(parameters: &[(String, String)]) -> Result<Call, Rejected> {
    let all = [Action::Create, Action::Renew, Action::Expire, Action::Release];
    let named = value(parameters, "action").unwrap_or_default();
    let unknown =
        || Rejected { action: None, reason: format!("`action` is none of {}", all.map(Action::as_str).join(", ")) };
    let action = all.into_iter().find(|it| it.as_str() == named).ok_or_else(unknown)?;
    Reader { parameters, action, notes: Vec::new() }.call()
}

fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(known, _)| known == name)?;
    Some(found.1.trim()).filter(|text| !text.is_empty())
}

struct Reader<'a> {
    parameters: &'a [(String, String)],
    action: Action,
    notes: Vec<String>,
}

impl Reader<'_> {
    fn call(mut self) -> Result<Call, Rejected> {
        let event = match self.action {
            Action::Create => Event::Purchase(self.purchase()?),
            Action::Renew => Event::Renewal(self.renewal()?),
            Action::Expire => Event::Status(StatusChange { subject: self.instance()?, target: StatusTarget::Expired }),
            Action::Release => {
                let order = self.id("orderId")?.map(|order_id| OrderRef { order_id, line_id: None });
                Event::Release(Release { subject: self.instance()?, order })
            }
        };
        let (order_id, instance_id) = (self.id("orderId")?, self.id("instanceId")?);
        Ok(Call { action: self.action, event, order_id, instance_id, notes: self.notes })
    }

    fn purchase(&mut self) -> Result<Purchase, Rejected> {
        let business_id = self.needed("orderBizId")?;
        let details = PurchaseDetails {
            customer: Customer { id: self.id("aliUid")?, name: None },
            expires_at: self.time("expiredOn"),
            trial: value(self.parameters, "trial") == Some("true"),
            ..PurchaseDetails::default()
        };
        Ok(Purchase {
            // One order may be of several instances, each with a business id of its own, which stays over repeats.
            order: OrderRef { order_id: self.needed("orderId")?, line_id: Some(business_id.clone()) },
            business_id,
            plan: PlanRef { product_id: None, sku_code: Some(self.needed("skuId")?) },
            details: Some(details),
            wants: PurchaseAnswer::AppInfo,
        })
    }

    fn renewal(&mut self) -> Result<Renewal, Rejected> {
        let expires_at = self.time("expiredOn");
        Ok(Renewal {
            order: OrderRef { order_id: self.needed("orderId")?, line_id: None },
            subject: self.instance()?,
            cause: RenewalCause::Renewal,
            plan: PlanRef::default(),
            expires_at,
            period: None,
        })
    }

    fn instance(&self) -> Result<Subject, Rejected> {
        self.needed("instanceId").map(Subject::Instance)
    }

    fn needed(&self, name: &str) -> Result<String, Rejected> {
        self.id(name)?.ok_or_else(|| self.rejected(format!("`{name}` is missing")))
    }

    fn id(&self, name: &str) -> Result<Option<String>, Rejected> {
        match value(self.parameters, name) {
            Some(text) if text.chars().count() > ID_CHARS || text.chars().any(char::is_control) => Err(self
                .rejected(format!("`{name}` is no id: it has more than {ID_CHARS} characters, or others than text"))),
            found => Ok(found.map(str::to_owned)),
        }
    }

    /// `yyyy-MM-dd HH:mm:ss`. One that cannot be read is noted: the license is worth more than its end.
    fn time(&mut self, name: &str) -> Option<Time> {
        let text = value(self.parameters, name)?;
        let civil = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok();
        let time = civil.and_then(Time::from_civil).map(|time| time.saturating_add(-EAST_OF_UTC));
        if time.is_none() {
            self.notes.push(format!("`{name}` is no time of the form 2027-03-02 16:00:00"));
        }
        time
    }

    fn rejected(&self, reason: String) -> Rejected {
        Rejected { action: Some(self.action), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(query: &str) -> Result<Call, Rejected> {
        read(&crate::marketplace::alibaba::parameters(query))
    }

    const BUY: &str = "action=createInstance&aliUid=u-1&orderBizId=b-1&orderId=o-1&productCode=c-1&skuId=s-1&trial=true\
                       &expiredOn=2027-03-02+16:00:00&added=later";

    #[test]
    fn a_purchase_names_its_plan_by_the_sku_and_its_end_in_china() {
        let call = reads(BUY).unwrap();
        let Event::Purchase(purchase) = call.event else { panic!("{call:?}") };
        assert_eq!(purchase.order, OrderRef { order_id: "o-1".to_owned(), line_id: Some("b-1".to_owned()) });
        assert_eq!((purchase.business_id.as_str(), purchase.plan.sku_code.as_deref()), ("b-1", Some("s-1")));
        let details = purchase.details.unwrap();
        assert_eq!((details.trial, details.customer.id.as_deref()), (true, Some("u-1")));
        assert_eq!(details.expires_at, "2027-03-02T08:00:00Z".parse().ok());
        assert!(call.notes.is_empty());
    }

    #[test]
    fn an_end_that_cannot_be_read_is_noted_and_no_reason_to_refuse() {
        let call = reads(&BUY.replace("2027-03-02+16:00:00", "soon")).unwrap();
        let Event::Purchase(purchase) = call.event else { panic!("no purchase") };
        assert_eq!((purchase.details.unwrap().expires_at, call.notes.len()), (None, 1));
    }

    #[test]
    fn what_is_missing_or_too_long_is_named() {
        for name in ["orderBizId", "orderId", "skuId"] {
            let without =
                BUY.split('&').filter(|part| !part.starts_with(&format!("{name}="))).collect::<Vec<_>>().join("&");
            let rejected = reads(&without).unwrap_err();
            assert!(rejected.reason.contains(name) && rejected.action == Some(Action::Create), "{rejected:?}");
        }
        let long = "x".repeat(65);
        for query in [
            format!("action=expiredInstance&instanceId={long}"),
            "action=renewInstance&instanceId=i-1&expiredOn=2027-03-02+16:00:00".to_owned(),
            "action=releaseInstance&instanceId=%20".to_owned(),
            "action=releaseInstance&instanceId=a%00b".to_owned(),
            "action=upgradeInstance&instanceId=i-1".to_owned(),
            "instanceId=i-1".to_owned(),
            String::new(),
        ] {
            reads(&query).unwrap_err();
        }
    }
}
