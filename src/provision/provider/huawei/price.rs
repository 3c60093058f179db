//! What a server costs by the hour: flavor, system disk and public address. Traffic comes on top, by use.

use serde_json::{Value, json};

use crate::provision::provider::{
    Answer,
    error::{CloudError, Trouble},
    made::*,
    model::*,
    money::{MONTH, cents, micros},
};

use super::{
    Huawei,
    call::Call,
    endpoint::Service,
    json::text,
    order::{ADDRESS, DISK},
};

/// The price list's numbers for an hour and a gigabyte.
const HOUR: u32 = 4;
const GIGABYTE: u32 = 17;

impl Huawei {
    pub(super) async fn ask_price(&self, order: &ServerOrder) -> Answer<Option<Price>> {
        if !self.endpoint.has_bss() {
            return Ok(None);
        }
        let body = json!({
            "project_id": self.project().await?,
            "inquiry_precision": 1,
            "product_infos": products(order, self.endpoint.region()),
        });
        let answer = self.call(&Call::post(Service::Bss, "/v2/bills/ratings/on-demand-resources", body)).await?;
        let amount = answer.get("amount").map(|amount| amount.to_string().trim_matches('"').to_owned());
        let (Some(per_hour), Some(currency)) = (amount, text(&answer, "/currency")) else {
            return Err(CloudError::new(
                Trouble::Unexpected,
                ("云端的报价缺少金额或币种。", "The cloud's price has no amount or no currency."),
            ));
        };
        let Some(micros) = micros(&per_hour) else {
            return Err(CloudError::new(
                Trouble::Unexpected,
                ("云端的报价不是数字。", "The cloud's price is no number."),
            ));
        };
        Ok(Some(Price { per_month: cents(micros * MONTH), per_hour, currency: currency.to_owned() }))
    }
}

fn products(order: &ServerOrder, region: &str) -> Vec<Value> {
    let product = |id: &str, service: &str, resource: &str, spec: &str| {
        json!({
            "id": id,
            "cloud_service_type": service,
            "resource_type": resource,
            "resource_spec": spec,
            "region": region,
            "available_zone": order.zone,
            "usage_factor": "Duration",
            "usage_value": 1,
            "usage_measure_id": HOUR,
            "subscription_num": 1,
        })
    };
    let flavor = format!("{}.linux", order.flavor);
    let server = product("server", "hws.service.type.ec2", "hws.resource.type.vm", &flavor);
    let mut disk = product("disk", "hws.service.type.ebs", "hws.resource.type.volume", DISK);
    disk["resource_size"] = json!(order.disk_gib);
    disk["size_measure_id"] = json!(GIGABYTE);
    let mut products = vec![server, disk];
    if order.public_address_mbit.is_some() {
        products.push(product("address", "hws.service.type.vpc", "hws.resource.type.ip", ADDRESS));
    }
    products
}
