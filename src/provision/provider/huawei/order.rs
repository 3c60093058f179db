//! Ordering a server, and finding what an order made.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::{
    base::{limits, secret::ExposeSecret},
    provision::provider::{
        Answer,
        error::{CloudError, Trouble, script_too_long},
        made::*,
    },
};

use super::{
    Huawei,
    call::Call,
    endpoint::Service,
    json::{list, text},
};

/// Kind of the system disk: general purpose SSD, in every region.
pub const DISK: &str = "GPSSD";
/// Kind of public address: dynamic BGP.
pub const ADDRESS: &str = "5_bgp";
/// Servers that are looked at when one is sought by its tag.
const FOUND: &str = "100";

impl Huawei {
    /// Format and references are looked at; quota and stock are not.
    pub(super) async fn dry_run(&self, order: &ServerOrder) -> Answer<()> {
        let body = json!({ "dry_run": true, "server": server(order, None)? });
        self.call(&self.creation(order, body).await?).await.map(drop)
    }

    pub(super) async fn order(&self, order: &ServerOrder, attempt: &Attempt) -> Answer<Accepted> {
        let body = json!({ "server": server(order, Some(attempt))? });
        let call = self.creation(order, body).await?.header("x-client-token", &attempt.token).once();
        let answer = self.call(&call).await?;
        // `serverIds` is promised, but the documents' own example leaves it out.
        let id = list(&answer, "/serverIds").iter().find_map(Value::as_str).filter(|id| !id.is_empty());
        let accepted = Accepted { job: text(&answer, "/job_id").map(str::to_owned), server: id.map(str::to_owned) };
        if accepted.job.is_none() && accepted.server.is_none() {
            let message = (
                "云端接受了下单，但没有给出任务或服务器。",
                "The cloud accepted the order but named neither a job nor a server.",
            );
            return Err(CloudError::new(Trouble::Unknown, message));
        }
        Ok(accepted)
    }

    pub(super) async fn find_attempt(&self, attempt: &Attempt) -> Answer<Option<Accepted>> {
        let path = format!("/v1/{}/cloudservers/detail", self.project().await?);
        let tag = format!("{ATTEMPT_TAG}={}", attempt.token);
        let call = Call::get(Service::Ecs, path).with("tags", &tag).with("limit", FOUND).with("offset", "1");
        let answer = self.call(&call).await?;
        // The filter looks for a part of a tag; only the whole tag counts.
        let mine = |server: &&Value| list(server, "/tags").iter().any(|one| one.as_str() == Some(tag.as_str()));
        let id = list(&answer, "/servers").iter().filter(mine).find_map(|server| text(server, "/id"));
        Ok(id.map(|id| Accepted { job: None, server: Some(id.to_owned()) }))
    }

    async fn creation(&self, order: &ServerOrder, body: Value) -> Answer<Call> {
        let path = format!("/v1.1/{}/cloudservers", self.project().await?);
        Ok(Call::post(Service::Ecs, path, body).hiding(order.user_data.expose_secret()))
    }
}

fn server(order: &ServerOrder, attempt: Option<&Attempt>) -> Answer<Value> {
    let script = order.user_data.expose_secret();
    if script.len() > limits::USER_DATA_BYTES {
        return Err(script_too_long(script));
    }
    let attempt = attempt.map(|attempt| (ATTEMPT_TAG, attempt.token.as_str()));
    let tags = order.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(attempt);
    let tags: Vec<Value> = tags.map(|(key, value)| json!({ "key": key, "value": value })).collect();
    let mut server = json!({
        "name": order.name,
        "availability_zone": order.zone,
        "flavorRef": order.flavor,
        "imageRef": order.image,
        "vpcid": order.network,
        "nics": [{ "subnet_id": order.subnet }],
        "security_groups": [{ "id": order.security_group }],
        "root_volume": { "volumetype": DISK, "size": order.disk_gib },
        "count": 1,
        "extendparam": { "chargingMode": "postPaid" },
        "server_tags": tags,
        "user_data": BASE64.encode(script.as_bytes()),
    });
    if let Some(key_pair) = &order.key_pair {
        server["key_name"] = json!(key_pair);
    }
    if let Some(mbit) = order.public_address_mbit {
        server["publicip"] = json!({
            "eip": {
                "iptype": ADDRESS,
                "bandwidth": { "size": mbit, "sharetype": "PER", "chargemode": "traffic" },
                "extendparam": { "chargingMode": "postPaid" },
            },
            // Otherwise it survives the server and goes on costing money.
            "delete_on_termination": true,
        });
    }
    Ok(server)
}
