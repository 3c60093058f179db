//! What licensed software asks, beside ten thousand and a million other licenses.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context as _, bail, ensure};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;
use signet::{
    base::{
        clock::{Clock as _, SystemClock},
        entropy::{Entropy, SystemEntropy},
        ids::{ActivationId, LicenseId},
        time::Time,
    },
    license::model::{Customer, Expiry, License, Standing},
    store::{Access, ActivationRecord, DatabaseUrl, SealedKey, Store, StoreError, Tx},
};
use signet_verify::machine;
use tokio::task::JoinSet;

use crate::{
    calls::{self, Caller},
    load::{self, Answer, IN_FLIGHT, Request},
    phases::Bench,
    postgres::Database,
    table,
};

/// Rows of one transaction.
const BITE: usize = 1_000;
/// Transactions under way at once.
const WRITERS: usize = 2;
/// How often a transaction is tried that collides with others.
const ROUNDS: usize = 50;
/// Machines of the first call, by which the others are counted.
const WARM_UP: usize = 512;

/// Measures on a service of its own, once for each number of licenses.
///
/// # Errors
/// Whatever went wrong: a wrong answer counts as much as none.
pub async fn run(name: &str, folder: &Path, database: Option<&Database>, time: Duration) -> anyhow::Result<()> {
    let mut bench = Bench::start(folder, database, time / 6).await?;
    let url: DatabaseUrl = match database {
        Some(database) => database.url.parse()?,
        None => DatabaseUrl::Sqlite(folder.join("data/signet.db")),
    };
    let store = Store::open(&url, Access::Tool, SystemClock.now()).await?;
    let mut there = 0;
    for licenses in sizes()? {
        fill(&store, there, licenses).await?;
        there = licenses;
        measure(&mut bench, &store, licenses).await?;
        println!("\n{name}, software of {licenses} licenses, {IN_FLIGHT} requests in flight");
        println!("{}", table::figures(&bench.phases.split_off(0)));
    }
    store.close().await;
    Ok(())
}

fn sizes() -> anyhow::Result<Vec<usize>> {
    let text = std::env::var("SIGNET_BENCH_LICENSES").unwrap_or_else(|_| "10000".to_owned());
    let sizes: Option<Vec<usize>> = text.split(',').map(|size| size.trim().parse().ok()).collect();
    match sizes {
        Some(sizes) if sizes.is_sorted() => Ok(sizes),
        _ => bail!("SIGNET_BENCH_LICENSES is `{text}`, but must be rising whole numbers such as 10000,1000000"),
    }
}

/// Software that has a license and asks for itself.
struct Client {
    code: String,
    machine: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Granted {
    activation: Named,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Validated {
    valid: bool,
}

#[derive(Deserialize)]
struct Reported {
    reports: Vec<Became>,
}

/// What the Keygen door says.
#[derive(Deserialize)]
struct Told {
    meta: Validated,
}

#[derive(Deserialize)]
struct Became {
    counted: bool,
    repeated: bool,
}

async fn measure(bench: &mut Bench<'_>, store: &Store, licenses: usize) -> anyhow::Result<()> {
    let address = bench.server.address;
    let warm = clients(address, &format!("W{licenses}"), WARM_UP).await?;
    let count = bench.count(warm.iter().map(|client| client.activate(address)).collect()).await?;
    let clients = clients(address, &format!("S{licenses}"), count).await?;

    let activate = clients.iter().map(|client| client.activate(address)).collect();
    let answers = bench.phase("activate, new machine", activate).await?;
    let ids: Vec<ActivationId> = answers.iter().map(|answer| activation(answer, 201)).collect::<Result<_, _>>()?;

    an_hour_passes(store, &ids).await?;
    let renew = clients.iter().zip(&ids).map(|(client, id)| client.renew(address, *id)).collect();
    let answers = bench.phase("renew", renew).await?;
    answers.iter().try_for_each(|answer| activation(answer, 200).map(|_| ()))?;

    let report = clients.iter().zip(&ids).map(|(client, id)| client.report(address, *id)).collect();
    for answer in bench.phase("report usage", report).await? {
        let reported: Reported = serde_json::from_slice(&answer.body).context("report usage")?;
        let counted = matches!(reported.reports.as_slice(), [report] if report.counted && !report.repeated);
        ensure!(answer.status == 200 && counted, "a report within the limit was not counted");
    }

    let validate = clients.iter().map(|client| client.validate(address)).collect();
    for answer in bench.phase("validate", validate).await? {
        let validated: Validated = serde_json::from_slice(&answer.body).context("validate")?;
        ensure!(answer.status == 200 && validated.valid, "a license that was just activated is not valid");
    }

    let validate_key = clients.iter().map(|client| client.validate_key(address)).collect();
    for answer in bench.phase("Keygen validate-key", validate_key).await? {
        let told: Told = serde_json::from_slice(&answer.body).context("validate-key")?;
        ensure!(answer.status == 200 && told.meta.valid, "the Keygen door does not know a license that is valid");
    }
    Ok(())
}

/// Buys licenses, one for each machine.
async fn clients(address: SocketAddr, prefix: &str, count: usize) -> anyhow::Result<Vec<Client>> {
    let orders = calls::orders(prefix, count);
    let run = load::drive(address, Caller::new(address)?.buy(&orders)?).await?;
    let sold = calls::sold(&orders, &run.answers)?;
    let client = |(order, sold): (&String, calls::Sold)| Client { code: sold.code, machine: components(order) };
    Ok(orders.iter().zip(sold).map(client).collect())
}

fn components(of: &str) -> BTreeMap<String, String> {
    ["machine-id", "board", "disk"].map(|name| (name.to_owned(), machine::digest(name, of))).into()
}

impl Client {
    fn activate(&self, address: SocketAddr) -> Request {
        self.post(address, "/activations", &json!({ "components": self.machine, "name": "bench", "nonce": "bench" }))
    }

    fn renew(&self, address: SocketAddr, id: ActivationId) -> Request {
        let body = json!({ "components": self.machine, "nonce": "bench" });
        self.post(address, &format!("/activations/{id}/renew"), &body)
    }

    fn report(&self, address: SocketAddr, id: ActivationId) -> Request {
        let report = json!({ "id": "bench-1", "meter": "tiles", "amount": "0.5" });
        self.post(address, &format!("/activations/{id}/usage"), &json!({ "reports": [report], "nonce": "bench" }))
    }

    fn validate(&self, address: SocketAddr) -> Request {
        self.post(address, "/validate", &json!({ "components": self.machine, "nonce": "bench" }))
    }

    fn validate_key(&self, address: SocketAddr) -> Request {
        let body = json!({ "meta": { "key": self.code, "nonce": 1 } });
        post(address, "/keygen/atlas/v1/licenses/actions/validate-key", "", &body)
    }

    fn post(&self, address: SocketAddr, path: &str, body: &serde_json::Value) -> Request {
        let shows = format!("Authorization: License {}\r\n", self.code);
        post(address, &format!("/api/v1{path}"), &shows, body)
    }
}

fn post(address: SocketAddr, path: &str, shows: &str, body: &serde_json::Value) -> Request {
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\n{shows}Content-Type: application/json\r\n");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes().into()
}

fn activation(answer: &Answer, status: u16) -> anyhow::Result<ActivationId> {
    let body = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status == status, "answered with HTTP status {} instead of {status}: {body}", answer.status);
    let granted: Granted = serde_json::from_slice(&answer.body).context("an answer without an activation")?;
    Ok(granted.activation.id.parse()?)
}

/// Sets the machines back by an hour: asking again within a minute is answered without a write.
async fn an_hour_passes(store: &Store, ids: &[ActivationId]) -> anyhow::Result<()> {
    let hour = SignedDuration::from_hours(-1);
    for bite in ids.chunks(BITE) {
        let bite = bite.to_vec();
        let age = move |tx: &mut Tx| {
            for id in &bite {
                let Some(before) = tx.activation_find(*id)? else { continue };
                let mut after = before.clone();
                after.last_seen_at = before.last_seen_at.saturating_add(hour);
                after.lease_ends_at = before.lease_ends_at.saturating_add(hour);
                tx.activation_update(&before, &after)?;
            }
            Ok(())
        };
        patiently(store, age).await?;
    }
    Ok(())
}

/// Writes licenses number `from` to `to`, each with a machine that has a seat, past everything that would sign or count.
async fn fill(store: &Store, from: usize, to: usize) -> anyhow::Result<()> {
    let mut writers = JoinSet::new();
    for start in (from..to).step_by(BITE) {
        if writers.len() >= WRITERS {
            writers.join_next().await.context("no writer")???;
        }
        let (store, end) = (store.clone(), (start + BITE).min(to));
        writers.spawn(async move {
            let now = SystemClock.now();
            let write = move |tx: &mut Tx| {
                for number in start..end {
                    let license = license(number, now);
                    tx.license_insert(&license, &key())?;
                    tx.activation_insert(&seat(&license, number, now))?;
                }
                Ok(())
            };
            patiently(&store, write).await
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(())
}

/// Writes, and tries again where PostgreSQL cannot put long transactions into an order.
async fn patiently<F>(store: &Store, write: F) -> Result<(), StoreError>
where
    F: FnMut(&mut Tx) -> Result<(), StoreError> + Clone + Send + 'static,
{
    for _ in 1..ROUNDS {
        match store.write(write.clone()).await {
            Err(StoreError::Contended { .. } | StoreError::Busy) => {}
            written => return written,
        }
    }
    store.write(write).await
}

fn key() -> SealedKey {
    let entropy: &dyn Entropy = &SystemEntropy;
    SealedKey { lookup: entropy.bytes(), sealed: entropy.bytes::<64>().to_vec() }
}

fn license(number: usize, now: Time) -> License {
    License {
        id: LicenseId::new(now, &SystemEntropy),
        product: "atlas".parse().expect("a name"),
        plan: "standard".parse().expect("a name"),
        channel: Some(crate::server::CHANNEL.parse().expect("a name")),
        instance_id: Some(format!("filler-{number}")),
        standing: Standing::default(),
        expiry: Expiry::Confirmed(now.plus_days(365)),
        machines: 1,
        features: BTreeMap::new(),
        quantity: None,
        trial: false,
        device: None,
        customer: Customer::default(),
        rev: 1,
        created_at: now,
        updated_at: now,
    }
}

fn seat(license: &License, number: usize, now: Time) -> ActivationRecord {
    ActivationRecord {
        id: ActivationId::new(now, &SystemEntropy),
        license_id: license.id,
        product: license.product.clone(),
        name: Some(format!("filler-{number}")),
        platform: None,
        version: None,
        container: false,
        components: components(&number.to_string()),
        floating: false,
        lease_ends_at: now.plus_days(7),
        grace_until: now.plus_days(14),
        borrowed: false,
        created_at: now,
        last_seen_at: now,
        ended_at: None,
        ended_by: None,
    }
}
