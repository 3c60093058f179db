//! The service's own records of a soak, as the management API shows them, and their fetching.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use koogallery_simulator::soak::{Expected, State};
use serde::{Deserialize, de::DeserializeOwned};

/// How long one page may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a page that are read at most.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A license as the service shows it, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LicenseRow {
    /// Its id.
    pub id: String,
    /// The channel it was sold through.
    pub channel: Option<String>,
    /// The id by which the marketplace knows it.
    pub instance_id: Option<String>,
    /// `active`, `frozen` or `released`.
    #[serde(deserialize_with = "state")]
    pub state: State,
    /// When it ends; none: never.
    pub expires_at: Option<Timestamp>,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// An order as the service shows it, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OrderRow {
    /// The channel it came through.
    pub channel: Option<String>,
    /// `purchase`, `renewal`, `refund`, `upgrade` …
    pub kind: String,
    /// `fulfilled`, `waiting`, `refused` or `flagged`.
    pub status: String,
    /// The marketplace's order id.
    pub order_id: String,
    /// The license it led to.
    pub license_id: Option<String>,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// What the records hold of one purchase.
#[derive(Debug, Clone, Default)]
pub struct Record<'a> {
    /// Every license that its order led to or that has its instance id.
    pub licenses: Vec<&'a LicenseRow>,
    /// Its purchase's order, and every order of those licenses.
    pub orders: Vec<&'a OrderRow>,
}

/// All records of the channels that were soaked, since the soak began.
#[derive(Debug, Default)]
pub struct Records {
    licenses: Vec<LicenseRow>,
    orders: Vec<OrderRow>,
    by_id: BTreeMap<String, usize>,
    by_instance: BTreeMap<(String, String), Vec<usize>>,
    purchases: BTreeMap<(String, String), Vec<usize>>,
    by_license: BTreeMap<String, Vec<usize>>,
    fetched: BTreeSet<String>,
}

impl Records {
    /// Adds a license.
    pub fn add_license(&mut self, row: LicenseRow) {
        let at = self.licenses.len();
        self.by_id.insert(row.id.clone(), at);
        if let (Some(channel), Some(instance)) = (&row.channel, &row.instance_id) {
            self.by_instance.entry((channel.clone(), instance.clone())).or_default().push(at);
        }
        self.licenses.push(row);
    }

    /// Adds an order.
    pub fn add_order(&mut self, row: OrderRow) {
        let at = self.orders.len();
        if let (Some(channel), "purchase") = (&row.channel, row.kind.as_str()) {
            self.purchases.entry((channel.clone(), row.order_id.clone())).or_default().push(at);
        }
        if let Some(license) = &row.license_id {
            self.by_license.entry(license.clone()).or_default().push(at);
        }
        self.orders.push(row);
    }

    /// All licenses.
    pub fn licenses(&self) -> &[LicenseRow] {
        &self.licenses
    }

    /// All orders.
    pub fn orders(&self) -> &[OrderRow] {
        &self.orders
    }

    /// What is recorded of one purchase, found by its order and by its instance id.
    pub fn of(&self, expected: &Expected) -> Record<'_> {
        let channel = channel_of(&expected.url);
        let purchases = self.purchases.get(&(channel.clone(), expected.order_id.clone())).into_iter().flatten();
        let mut orders: BTreeSet<usize> = purchases.copied().collect();
        let mut licenses: BTreeSet<usize> = orders
            .iter()
            .filter_map(|order| self.orders[*order].license_id.as_ref())
            .filter_map(|id| self.by_id.get(id).copied())
            .collect();
        if let Some(instance) = &expected.instance_id {
            licenses.extend(self.by_instance.get(&(channel, instance.clone())).into_iter().flatten());
        }
        for license in &licenses {
            orders.extend(self.by_license.get(&self.licenses[*license].id).into_iter().flatten());
        }
        Record {
            licenses: licenses.into_iter().map(|at| &self.licenses[at]).collect(),
            orders: orders.into_iter().map(|at| &self.orders[at]).collect(),
        }
    }

    /// Fetches all licenses and orders of `channel` that were made since `since`; a second time does nothing.
    ///
    /// # Errors
    /// Names the page that could not be fetched.
    pub async fn fetch(&mut self, api: &Api, channel: &str, since: Timestamp) -> anyhow::Result<()> {
        if !self.fetched.insert(channel.to_owned()) {
            return Ok(());
        }
        let licenses: Vec<LicenseRow> =
            api.since("licenses", channel, since, |row: &LicenseRow| row.created_at).await?;
        let orders: Vec<OrderRow> = api.since("orders", channel, since, |row: &OrderRow| row.created_at).await?;
        licenses.into_iter().for_each(|row| self.add_license(row));
        orders.into_iter().for_each(|row| self.add_order(row));
        Ok(())
    }
}

/// The channel that a marketplace URL names: its last part.
pub fn channel_of(url: &str) -> String {
    url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

/// The management API.
pub struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("base", &self.base).finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

impl Api {
    /// The API at `base`, such as `https://license.example.com`, asked with `token`.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(base: &str, token: &str) -> anyhow::Result<Self> {
        // A second installation is refused; the first one is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { client, base: format!("{}/api/v1", base.trim_end_matches('/')), token: token.to_owned() })
    }

    /// Whether the records can be read, asked before the soak rather than after it.
    ///
    /// # Errors
    /// Says what the API answered.
    pub async fn check(&self) -> anyhow::Result<()> {
        let _: Page<LicenseRow> = self.page("licenses", &[("limit", "1")]).await?;
        let _: Page<OrderRow> = self.page("orders", &[("limit", "1")]).await?;
        Ok(())
    }

    /// The rows of a list, newest first, down to those made at `since`.
    async fn since<T: DeserializeOwned>(
        &self,
        list: &str,
        channel: &str,
        since: Timestamp,
        made: impl Fn(&T) -> Timestamp,
    ) -> anyhow::Result<Vec<T>> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("channel", channel), ("limit", "100")];
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let page: Page<T> = self.page(list, &query).await?;
            let reached = page.items.iter().any(|row| made(row) < since);
            rows.extend(page.items.into_iter().filter(|row| made(row) >= since));
            cursor = page.next_cursor;
            if reached || cursor.is_none() {
                return Ok(rows);
            }
        }
    }

    async fn page<T: DeserializeOwned>(&self, list: &str, query: &[(&str, &str)]) -> anyhow::Result<Page<T>> {
        let url = format!("{}/{list}", self.base);
        let asked = || format!("{url} cannot be read");
        let request = self.client.get(&url).query(query).bearer_auth(&self.token);
        let mut response = request.send().await.with_context(asked)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.with_context(asked)? {
            body.extend_from_slice(&chunk);
            if body.len() > PAGE_BYTES {
                bail!("{url} answered more than {PAGE_BYTES} bytes");
            }
        }
        if !status.is_success() {
            let text: String = String::from_utf8_lossy(&body).chars().filter(|c| !c.is_control()).take(300).collect();
            bail!("{url} answered {status}: {text}");
        }
        serde_json::from_slice(&body).with_context(|| format!("{url} answered no page of {list}"))
    }
}

fn state<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
    let text = String::deserialize(deserializer)?;
    state_named(&text).ok_or_else(|| serde::de::Error::custom(format!("unknown state `{text}`")))
}

/// The state with this name.
pub fn state_named(text: &str) -> Option<State> {
    match text {
        "active" => Some(State::Active),
        "frozen" => Some(State::Frozen),
        "released" => Some(State::Released),
        _ => None,
    }
}
