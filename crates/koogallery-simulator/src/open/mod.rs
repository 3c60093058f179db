//! The marketplace's open interfaces, as a merchant's server sees them: an order book and a code book that are asked over
//! real HTTP.
//!
//! Every call's signature is computed again, from the published rules and with code of its own. What goes wrong at the real
//! marketplace is set beforehand, and happens to the next calls one after the other ([`Fault`]).

mod codes;
mod form;
mod server;
mod signature;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

pub use codes::Code;
use signature::Arrived;

/// An open marketplace. It ends with this value.
#[derive(Debug)]
pub struct OpenMarketplace {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: tokio::task::JoinHandle<()>,
}

/// What happens to a call in the place of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An HTTP status with a code of the marketplace.
    Refuse(u16, &'static str),
    /// A status with a page of whoever stands in front.
    Page(u16),
    /// The call is carried out, and its answer is lost.
    Lost,
    /// Nobody ever answers.
    Silence,
    /// The answer comes with the clock of another day.
    OtherDay,
}

#[derive(Debug)]
struct State {
    access_key: String,
    secret_key: String,
    orders: HashMap<String, Value>,
    /// Applications for the license of a device, with the one that was handed over.
    applications: HashMap<String, Option<String>>,
    codes: HashMap<String, Code>,
    /// The key by which records of use are signed, and the records that were taken.
    usage_key: String,
    usage: Vec<Value>,
    nonces: HashSet<String>,
    faults: VecDeque<Fault>,
    calls: Vec<String>,
}

/// An order, as it stands in the book.
#[derive(Debug, Clone)]
pub struct BookedOrder {
    id: String,
    info: Value,
}

impl BookedOrder {
    /// An order of this type, such as `NEW`, with nothing in it.
    pub fn new(id: &str, order_type: &str) -> Self {
        let info = json!({
            "orderId": id, "orderType": order_type, "createTime": "20260302080000", "orderLine": [], "buyerInfo": {},
            "extendParams": [],
        });
        Self { id: id.to_owned(), info }
    }

    /// With one more line: its members beside `orderLineId` and `productInfo`, and those of its product.
    #[must_use]
    pub fn line(mut self, line_id: &str, line: &Value, product: &Value) -> Self {
        let mut whole = json!({ "orderLineId": line_id, "productInfo": [product] });
        for (name, value) in line.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        if let Some(lines) = self.info["orderLine"].as_array_mut() {
            lines.push(whole);
        }
        self
    }

    /// With another member of the order itself, such as `buyerInfo`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.info[name] = value;
        self
    }
}

impl OpenMarketplace {
    /// Opens on a free port of this machine for the merchant with these credentials.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn open(access_key: &str, secret_key: &str) -> std::io::Result<Self> {
        let state = State {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            orders: HashMap::new(),
            applications: HashMap::new(),
            codes: HashMap::new(),
            usage_key: String::new(),
            usage: Vec::new(),
            nonces: HashSet::new(),
            faults: VecDeque::new(),
            calls: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self { address, state, serving })
    }

    /// What a channel's `open_api` names as its host.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Writes an order into the book, in the place of one with the same id.
    pub fn book(&self, order: BookedOrder) {
        self.with(|state| state.orders.insert(order.id, order.info));
    }

    /// Waits for the license of a device, under this event id.
    pub fn applies(&self, event_id: &str) {
        self.with(|state| state.applications.insert(event_id.to_owned(), None));
    }

    /// The license that was handed over for an application.
    pub fn handed_over(&self, event_id: &str) -> Option<String> {
        self.with(|state| state.applications.get(event_id).cloned().flatten())
    }

    /// Takes records of use that are signed with this access key (Key值) of the channel.
    pub fn takes_usage(&self, key: &str) {
        self.with(|state| key.clone_into(&mut state.usage_key));
    }

    /// The records of use that were taken, in order.
    pub fn usage(&self) -> Vec<Value> {
        self.with(|state| state.usage.clone())
    }

    /// Makes a license code, in the place of one with the same text.
    pub fn issue_code(&self, text: &str, code: Code) {
        self.with(|state| state.codes.insert(text.to_owned(), code));
    }

    /// How a license code stands.
    pub fn code(&self, text: &str) -> Option<Code> {
        self.with(|state| state.codes.get(text).cloned())
    }

    /// What happens to the next calls, one each.
    pub fn spoil(&self, faults: impl IntoIterator<Item = Fault>) {
        self.with(|state| state.faults.extend(faults));
    }

    /// Paths and queries of all calls so far, also of those that were refused.
    pub fn calls(&self) -> Vec<String> {
        self.with(|state| state.calls.clone())
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for OpenMarketplace {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    /// The answer to a call whose signature is right.
    fn answer(&mut self, call: &Arrived<'_>) -> (u16, Value) {
        let Some(path) = call.path.strip_prefix("/api/mkp-openapi-public/global/") else { return nothing_there() };
        let event = path.strip_prefix("v1/market-event/").and_then(|rest| rest.strip_suffix("/file"));
        match (call.method, path, event) {
            ("GET", "v1/order/query", _) => self.order(call.query),
            ("POST", "v1/license/activate", _) => codes::activate(&mut self.codes, call),
            ("POST", "v1/license/heartbeat", _) => codes::heartbeat(&self.codes, call),
            ("POST", "v2/license/software-usage-info", _) => codes::usage(&mut self.codes, call),
            ("POST", "v1/isv/usage-data", _) => self.use_of(call),
            ("POST", _, Some(event)) => self.take(event, call),
            _ => nothing_there(),
        }
    }

    fn use_of(&mut self, call: &Arrived<'_>) -> (u16, Value) {
        let refused = |code: &str, why: &str| (400, json!({ "error_code": code, "error_msg": why }));
        let header = |name: &str| call.header(name).unwrap_or_default().to_owned();
        let (ts, nonce) = (header("ts"), header("nonce"));
        let text = [format!("ts={ts}&nonce={nonce}&body=").as_bytes(), call.body].concat();
        if !signature::is_hmac(&self.usage_key, &text, &header("signature")) {
            return refused("CBC.0150", "signature");
        }
        if ts.len() != 13 || !self.nonces.insert(nonce) {
            return refused("CBC.0151", "nonce");
        }
        let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
        let records = body["usageInfos"].as_array().cloned().unwrap_or_default();
        let whole = |it: &Value| {
            let time = it["statisticalTime"].as_str().unwrap_or_default();
            it["instanceId"].is_string() && it["usageValue"].is_f64() && time.len() == 17
        };
        if !(1..=1_000).contains(&records.len()) || !records.iter().all(whole) {
            return refused("CBC.0101", "usageInfos");
        }
        self.usage.extend(records);
        (200, json!({ "error_code": "CBC.0000", "error_msg": "success" }))
    }

    fn take(&mut self, event: &str, call: &Arrived<'_>) -> (u16, Value) {
        let refused = |status, code: &str, why: &str| (status, json!({ "error_code": code, "error_msg": why }));
        let license = match form::license(call) {
            Ok(license) => license,
            Err(why) => return refused(400, "CBC.0101", why),
        };
        match self.applications.get_mut(event) {
            None => refused(400, "91381034", "no such application"),
            Some(Some(before)) if *before != license => {
                refused(400, "91381033", "another license for the same application")
            }
            Some(given) => {
                *given = Some(license);
                (200, json!({ "error_code": "91380000", "error_msg": "success" }))
            }
        }
    }

    fn order(&self, query: &[(String, String)]) -> (u16, Value) {
        let parameter = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let Some(id) = parameter("orderId").filter(|id| !id.is_empty() && id.len() <= 64) else {
            return (400, json!({ "resultCode": "MKT.0101", "resultMsg": "orderId" }));
        };
        let Some(mut info) = self.orders.get(id).cloned() else {
            return (400, json!({ "resultCode": "MKT.0199", "resultMsg": "order not found" }));
        };
        if let (Some(line), Some(lines)) = (parameter("orderLineId"), info["orderLine"].as_array_mut()) {
            lines.retain(|it| it["orderLineId"] == line);
        }
        (200, json!({ "resultCode": "MKT.0000", "resultMsg": "success", "orderInfo": info }))
    }
}

fn nothing_there() -> (u16, Value) {
    (404, json!({ "error_code": "APIG.0101", "error_msg": "The API does not exist" }))
}
