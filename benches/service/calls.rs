//! The life of many licenses, phase by phase: bought, asked for again, renewed, expired.

use std::{collections::HashSet, net::SocketAddr, sync::Arc};

use anyhow::{Context as _, ensure};
use jiff::{SignedDuration, Timestamp};
use koogallery_simulator::{AccessKey, Call, Line, Marketplace, PreparedRequest};
use serde::Deserialize;

use crate::{
    load::{Answer, Request},
    server::{ACCESS_KEY, CHANNEL, PRODUCT_ID},
};

const LINE: Line = Line::License1;

/// A license as the marketplace knows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Sold {
    order: String,
    instance: String,
    /// The license code.
    pub code: String,
}

/// Signs calls for one service.
#[derive(Debug)]
pub struct Caller {
    marketplace: Marketplace,
    address: SocketAddr,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    result_code: String,
    result_msg: String,
    instance_id: Option<String>,
    license: Option<String>,
}

impl Caller {
    /// Calls the service at `address`.
    ///
    /// # Errors
    /// None for an address.
    pub fn new(address: SocketAddr) -> anyhow::Result<Self> {
        let url = format!("http://{address}/marketplace/koogallery/{CHANNEL}");
        let marketplace = Marketplace::builder(&url, AccessKey::new(ACCESS_KEY), LINE).build()?;
        Ok(Self { marketplace, address })
    }

    /// `getLicense` for these orders; each signed anew, as the marketplace does when it asks again.
    ///
    /// # Errors
    /// None for License 1.0.
    pub fn buy(&self, orders: &[String]) -> anyhow::Result<Vec<Request>> {
        orders
            .iter()
            .map(|order| Ok(self.signed(&Call::buy(LINE, order)?.product(PRODUCT_ID).period("year", 1))))
            .collect()
    }

    /// `refreshLicense`: every license renewed for two more years under an order of its own.
    pub fn renew(&self, sold: &[Sold]) -> Vec<Request> {
        let until = later(self.marketplace.now(), 3 * 365);
        let renewal = |sold: &Sold| Call::renew(LINE, &sold.instance, &format!("{}R", sold.order), until);
        sold.iter().map(|sold| self.signed(&renewal(sold).product(PRODUCT_ID))).collect()
    }

    /// `expireLicense` for every license.
    ///
    /// # Errors
    /// None for License 1.0.
    pub fn expire(&self, sold: &[Sold]) -> anyhow::Result<Vec<Request>> {
        sold.iter().map(|sold| Ok(self.signed(&Call::expire(LINE, &sold.instance, &sold.order)?))).collect()
    }

    fn signed(&self, call: &Call) -> Request {
        let PreparedRequest { method, url, headers, body, .. } = self.marketplace.prepare(call);
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut bytes = format!("{method} {}{query} HTTP/1.1\r\nHost: {}\r\n", url.path(), self.address);
        for (name, value) in &headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        bytes.push_str("\r\n");
        Arc::from([bytes.as_bytes(), &body].concat())
    }
}

/// `count` order ids, all different for different `prefix`es.
pub fn orders(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("CS{prefix}{number:08}")).collect()
}

/// Fails unless every answer is a success of the protocol.
///
/// # Errors
/// Tells the first answer that is none.
pub fn all_succeeded(answers: &[Answer]) -> anyhow::Result<()> {
    answers.iter().try_for_each(|answer| body(answer).map(|_| ()))
}

/// The licenses that answers to [`Caller::buy`] hold: one of its own for every order.
///
/// # Errors
/// Tells the first answer that is wrong.
pub fn sold(orders: &[String], answers: &[Answer]) -> anyhow::Result<Vec<Sold>> {
    let mut instances = HashSet::new();
    let one = |(order, answer): (&String, &Answer)| {
        let body = body(answer)?;
        let instance = body.instance_id.context("no instanceId in the answer")?;
        ensure!(instances.insert(instance.clone()), "two orders were answered with the instance {instance}");
        Ok(Sold { order: order.clone(), instance, code: body.license.context("no license in the answer")? })
    };
    orders.iter().zip(answers).map(one).collect()
}

fn body(answer: &Answer) -> anyhow::Result<Body> {
    ensure!(answer.status == 200, "answered with HTTP status {}", answer.status);
    let body: Body = serde_json::from_slice(&answer.body).context("the answer is no JSON of the protocol")?;
    ensure!(body.result_code == "000000", "answered {} {}", body.result_code, body.result_msg);
    Ok(body)
}

fn later(at: Timestamp, days: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(at)
}
