//! A small merchant in memory that follows the protocol, or breaks one rule of it on purpose.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use url::Url;

use super::{Request, good, key, listen, read_request};
use crate::{cipher, sign, soak::State};

/// The rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// A repeated order gets another license.
    NewLicenseOnRepeat,
    /// A late renewal lowers the expiry.
    LowersExpiry,
    /// The same nonce is accepted twice.
    AcceptsReplay,
    /// A second release answers an error.
    SecondReleaseFails,
    /// Every fifth call hangs up without an answer.
    HangsUp,
    /// A stale change of state is applied.
    AppliesStaleChange,
}

#[derive(Debug, Clone)]
pub(crate) struct License {
    pub(crate) instance: String,
    license: String,
    pub(crate) state: State,
    pub(crate) expires: Option<Timestamp>,
    changed: Timestamp,
    violation: bool,
    seen: HashSet<String>,
}

#[derive(Debug, Default)]
struct Books {
    licenses: HashMap<String, License>,
    by_instance: HashMap<String, String>,
    nonces: HashSet<String>,
    calls: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Merchant {
    fault: Fault,
    books: Arc<Mutex<Books>>,
}

impl Merchant {
    pub(crate) async fn open(fault: Fault) -> (String, Self) {
        let merchant = Self { fault, books: Arc::default() };
        let served = merchant.clone();
        let url = listen(move |stream| serve(served.clone(), stream)).await;
        (url, merchant)
    }

    /// The license bought under an order, or noted for a code.
    pub(crate) fn license(&self, order: &str) -> Option<License> {
        self.books.lock().unwrap().licenses.get(order).cloned()
    }

    fn answer(&self, request: &Request) -> Option<Value> {
        let mut books = self.books.lock().unwrap();
        books.calls += 1;
        if self.fault == Fault::HangsUp && books.calls.is_multiple_of(5) {
            return None;
        }
        Some(match self.fields(&mut books, request) {
            Ok((fields, at)) => self.act(&mut books, &fields, at),
            Err(code) => refusal(code),
        })
    }

    /// Authenticates; answers the call's fields and its signed time.
    fn fields(
        &self,
        books: &mut Books,
        request: &Request,
    ) -> Result<(HashMap<String, String>, Timestamp), &'static str> {
        let url = Url::parse("http://merchant").and_then(|base| base.join(&request.target)).map_err(|_| "000002")?;
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let map: HashMap<String, String> = query.iter().cloned().collect();
        let get = |name: &str| map.get(name).map(String::as_str).ok_or("000001");
        let now = crate::Clock::machine().now();
        let near = |at: Timestamp, seconds: i64| (at.as_second() - now.as_second()).abs() <= seconds;
        match request.method.as_str() {
            "GET" => {
                let time = get("timeStamp")?;
                let right = sign::auth_token(&key(), time, &query) == get("authToken")?;
                let at = date(time).ok_or("000001")?;
                if right && near(at, 600) { Ok((map, at)) } else { Err("000001") }
            }
            "POST" => {
                let (time, nonce) = (get("timestamp")?, get("nonce")?);
                let right = sign::signature(&key(), nonce, time, &request.body) == get("signature")?;
                let at = time.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).ok_or("000001")?;
                let fresh = books.nonces.insert(nonce.to_owned()) || self.fault == Fault::AcceptsReplay;
                if !(right && near(at, 60) && fresh) {
                    return Err("000001");
                }
                let body: HashMap<String, String> = serde_json::from_slice(&request.body).map_err(|_| "000002")?;
                Ok((body, at))
            }
            _ => Err("000002"),
        }
    }

    fn act(&self, books: &mut Books, fields: &HashMap<String, String>, at: Timestamp) -> Value {
        let get = |name: &str| fields.get(name).map_or("", String::as_str);
        let debug = get("testFlag") == "1";
        let instance = if get("license").is_empty() { get("instanceId") } else { get("license") };
        let published = instance.ends_with("test123456");
        match get("activity") {
            "getLicense" | "newInstance" => return self.buy(books, fields),
            "queryInstance" if debug || books.by_instance.contains_key(instance) => return info(instance),
            "orderNotify" => return success(),
            "refreshLicense"
            | "refreshInstance"
            | "refreshLicenseCode"
            | "updateLicenseCodeStatus"
            | "releaseLicenseCode"
            | "expireLicense"
            | "expireInstance"
            | "instanceStatus"
            | "updateInstanceStatus"
            | "releaseLicense"
            | "releaseInstance"
            | "upgrade"
            | "upgradeInstance"
            | "getLicenseAsync"
            | "queryInstance" => {}
            _ => return refusal("000002"),
        }
        if debug || published {
            return success();
        }
        if get("activity").contains("LicenseCode") && !books.by_instance.contains_key(instance) {
            books.by_instance.insert(instance.to_owned(), instance.to_owned());
            books.licenses.insert(instance.to_owned(), License::new(instance, None));
        }
        let known = books.by_instance.get(instance).cloned();
        match known.and_then(|order| books.licenses.get_mut(&order)) {
            Some(license) => self.change(license, fields, at),
            None => refusal("000003"),
        }
    }

    fn buy(&self, books: &mut Books, fields: &HashMap<String, String>) -> Value {
        let get = |name: &str| fields.get(name).map_or("", String::as_str);
        let order = get("orderId").to_owned();
        let fresh = License::new(get("businessId"), date(get("expireTime")));
        let license = books.licenses.entry(order.clone()).or_insert(fresh).clone();
        books.by_instance.insert(license.instance.clone(), order);
        let mut answer = success();
        answer["instanceId"] = json!(license.instance);
        if get("activity") == "getLicense" {
            let tag = if self.fault == Fault::NewLicenseOnRepeat { books.calls } else { 0 };
            answer["license"] = json!(format!("{}-{tag}", license.license));
        } else if fields.contains_key("authToken") {
            answer["encryptType"] = json!("2");
            answer["appInfo"] = app_info();
        }
        answer
    }

    fn change(&self, license: &mut License, fields: &HashMap<String, String>, at: Timestamp) -> Value {
        let get = |name: &str| fields.get(name).map_or("", String::as_str);
        let activity = get("activity");
        let stale = at <= license.changed && self.fault != Fault::AppliesStaleChange;
        let released = license.state == State::Released;
        if activity.starts_with("refresh") {
            if released {
                return refusal("000003");
            }
            let identity = format!("{}{}{}", get("scene"), get("orderId"), get("orderAmount"));
            if license.seen.insert(identity)
                && let Some(expires) = date(get("expireTime"))
            {
                self.renew(license, fields, expires);
            }
            return success();
        }
        let status = if get("status").is_empty() { get("instanceStatus") } else { get("status") };
        let target = match activity {
            "expireLicense" | "expireInstance" => State::Frozen,
            "releaseLicense" | "releaseInstance" | "releaseLicenseCode" => State::Released,
            _ if status == "FREEZE" => State::Frozen,
            _ if status == "UNFREEZE" || status == "NORMAL" => State::Active,
            _ => return success(),
        };
        if released {
            let again = target == State::Released && self.fault == Fault::SecondReleaseFails;
            return if again { refusal("000003") } else { success() };
        }
        if !stale {
            let far = license.expires.is_some_and(|expires| expires.as_second() - at.as_second() > 3 * 86_400);
            license.violation = status == "FREEZE" && far;
            license.state = target;
            license.changed = at;
        }
        success()
    }

    fn renew(&self, license: &mut License, fields: &HashMap<String, String>, expires: Timestamp) {
        let get = |name: &str| fields.get(name).map_or("", String::as_str);
        let sets = get("activity") == "refreshLicense"
            || get("scene").starts_with("UNSUBSCRIBE")
            || get("orderAmount").starts_with('-')
            || self.fault == Fault::LowersExpiry;
        let raised = license.expires.filter(|known| !sets && *known > expires).unwrap_or(expires);
        license.expires = Some(raised);
        if license.state == State::Frozen && !license.violation {
            license.state = State::Active;
        }
    }
}

impl License {
    fn new(instance: &str, expires: Option<Timestamp>) -> Self {
        Self {
            instance: instance.to_owned(),
            license: format!("license-of-{instance}"),
            state: State::Active,
            expires,
            changed: Timestamp::MIN,
            violation: false,
            seen: HashSet::new(),
        }
    }
}

fn success() -> Value {
    json!({ "resultCode": "000000", "resultMsg": "success." })
}

fn refusal(code: &str) -> Value {
    json!({ "resultCode": code, "resultMsg": "refused" })
}

fn app_info() -> Value {
    let sealed = cipher::seal(&key(), *b"abcdefgh12345678", "admin");
    json!({ "frontEndUrl": "https://example.com/", "userName": sealed, "password": sealed, "memo": "ok" })
}

fn info(instance: &str) -> Value {
    let usage = json!([{ "usageValue": 12.5, "statisticalTime": "20240101000000000" }]);
    let mut answer = success();
    answer["encryptType"] = json!("2");
    answer["info"] = json!([{ "instanceId": instance, "appInfo": app_info(), "usageInfo": usage }]);
    answer
}

fn date(text: &str) -> Option<Timestamp> {
    let seconds = text.get(..14)?;
    let time = DateTime::strptime("%Y%m%d%H%M%S", seconds).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let millis: i64 = text.get(14..).filter(|rest| !rest.is_empty()).map_or(Some(0), |rest| rest.parse().ok())?;
    Timestamp::from_millisecond(time.as_millisecond() + millis).ok()
}

async fn serve(merchant: Merchant, mut stream: TcpStream) {
    while let Some(request) = read_request(&mut stream).await {
        let Some(answer) = merchant.answer(&request) else { return };
        if stream.write_all(&good(&answer.to_string())).await.is_err() {
            return;
        }
    }
}
