//! Holds what a soak was told against what the service recorded. Pure: nothing is fetched here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use koogallery_simulator::{Line, soak::Expected};

use super::records::{Record, Records, channel_of};

/// Something the records show that must not be, or do not show that must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The channel.
    pub channel: String,
    /// The purchase's order, or the code.
    pub subject: String,
    /// What was expected.
    pub expected: String,
    /// What the records show.
    pub seen: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channel, subject, expected, seen } = self;
        write!(f, "{channel} {subject}: expected {expected}, recorded {seen}")
    }
}

/// Compares every purchase, then looks for licenses and purchases of this `run` that nobody made.
pub fn compare_all(expectations: &[Expected], run: &str, records: &Records) -> Vec<Difference> {
    let mut found: Vec<Difference> =
        expectations.iter().flat_map(|expected| compare(expected, &records.of(expected))).collect();
    found.extend(strays(expectations, run, records));
    found
}

/// Compares one purchase with what is recorded of it.
pub fn compare(expected: &Expected, record: &Record<'_>) -> Vec<Difference> {
    let mut found = Found { expected, differences: Vec::new() };
    if expected.line == Line::Code2 {
        // Only notices about the code came, nobody redeemed it here.
        if !record.licenses.is_empty() {
            found.differ("no license: nobody redeemed the code".to_owned(), ids(record));
        }
        return found.differences;
    }
    found.licenses(record);
    found.orders(record);
    found.differences
}

struct Found<'a> {
    expected: &'a Expected,
    differences: Vec<Difference>,
}

impl Found<'_> {
    fn differ(&mut self, expected: String, seen: String) {
        let code = || self.expected.instance_id.clone().unwrap_or_default();
        let subject = if self.expected.order_id.is_empty() { code() } else { self.expected.order_id.clone() };
        self.differences.push(Difference { channel: channel_of(&self.expected.url), subject, expected, seen });
    }

    fn licenses(&mut self, record: &Record<'_>) {
        let expected = self.expected;
        let license = match record.licenses[..] {
            [license] => license,
            [] => {
                let waits = expected.in_progress && purchases(record).any(|status| status == "waiting");
                if expected.acknowledged && !waits {
                    self.differ("the license of an acknowledged order".to_owned(), "none".to_owned());
                }
                return;
            }
            _ => return self.differ("one license".to_owned(), ids(record)),
        };
        if let Some(answered) = &expected.instance_id
            && license.instance_id.as_ref() != Some(answered)
        {
            self.differ(format!("instance {answered}"), format!("{:?}", license.instance_id));
        }
        if !expected.states.contains(&license.state) {
            self.differ(format!("state {:?}", expected.states), format!("{:?}", license.state));
        }
        if !expected.allows(expected.states.first().copied().unwrap_or(license.state), license.expires_at) {
            let bound = |at: Option<jiff::Timestamp>| at.map_or_else(|| "any".to_owned(), |at| at.to_string());
            let (least, most) = (bound(expected.expires_at_least), bound(expected.expires_at_most));
            let seen = license.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            self.differ(format!("expiry from {least} to {most}"), seen);
        }
    }

    fn orders(&mut self, record: &Record<'_>) {
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for order in &record.orders {
            *counts.entry((&order.kind, &order.order_id)).or_default() += 1;
        }
        for ((kind, order), count) in &counts {
            if *count > 1 {
                self.differ(format!("{kind} {order} recorded once"), format!("{count} times"));
            }
        }
        let expected = self.expected;
        let purchase = [expected.order_id.clone()];
        let purchase = if expected.acknowledged { &purchase[..] } else { &[] };
        let groups = [
            ("purchase", purchase),
            ("renewal", &expected.renewals[..]),
            ("refund", &expected.refunds[..]),
            ("upgrade", &expected.upgrades[..]),
        ];
        for (kind, orders) in groups {
            for order in orders {
                if !counts.contains_key(&(kind, order.as_str())) {
                    self.differ(format!("the acknowledged {kind} {order}"), "nothing".to_owned());
                }
            }
        }
        let refused = record.orders.iter().filter(|order| matches!(order.status.as_str(), "refused" | "flagged"));
        for order in refused {
            let acknowledged =
                groups.iter().any(|(kind, orders)| order.kind == *kind && orders.contains(&order.order_id));
            if acknowledged {
                self.differ(format!("{} {} fulfilled", order.kind, order.order_id), order.status.clone());
            }
        }
    }
}

fn purchases<'a>(record: &'a Record<'_>) -> impl Iterator<Item = &'a str> {
    record.orders.iter().filter(|order| order.kind == "purchase").map(|order| order.status.as_str())
}

fn ids(record: &Record<'_>) -> String {
    let ids: Vec<&str> = record.licenses.iter().map(|license| license.id.as_str()).collect();
    format!("{} licenses ({})", ids.len(), ids.join(", "))
}

/// Licenses without a purchase, and purchases of this run that no customer sent.
fn strays(expectations: &[Expected], run: &str, records: &Records) -> Vec<Difference> {
    let sent: BTreeSet<(String, &str)> =
        expectations.iter().map(|expected| (channel_of(&expected.url), expected.order_id.as_str())).collect();
    let mut found = Vec::new();
    let mut led_to = BTreeSet::new();
    for order in records.orders().iter().filter(|order| order.kind == "purchase") {
        led_to.extend(order.license_id.as_deref());
        let channel = order.channel.clone().unwrap_or_default();
        let ours = order.order_id.strip_prefix("CS").is_some_and(|rest| rest.starts_with(run));
        if ours && !sent.contains(&(channel.clone(), order.order_id.as_str())) {
            let (expected, seen) = ("no such purchase: it was never sent".to_owned(), order.status.clone());
            found.push(Difference { channel, subject: order.order_id.clone(), expected, seen });
        }
    }
    for license in records.licenses().iter().filter(|license| !led_to.contains(license.id.as_str())) {
        found.push(Difference {
            channel: license.channel.clone().unwrap_or_default(),
            subject: license.instance_id.clone().unwrap_or_default(),
            expected: "a purchase that led to the license".to_owned(),
            seen: format!("license {} without one", license.id),
        });
    }
    found
}

#[cfg(test)]
mod tests;
