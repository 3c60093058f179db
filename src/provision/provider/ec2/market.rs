//! What AWS tells beside its compute interface: prices (its price list) and how many processors an account may have at once
//! (Service Quotas). Both speak JSON 1.1, and both need a right of their own, which customers may leave out: then neither is
//! told, and the order's rehearsal says what it says. Clouds that only speak EC2 have neither.

use serde_json::{Value, json};

use crate::{
    http::{Method, Request, Url},
    provision::provider::{
        Answer,
        error::{CloudError, Trouble, UNSENDABLE},
        made::ServerOrder,
        model::{Flavor, Price, Quota},
        money::{MONTH, cents, decimal, micros},
        retry::{Repeat, TIMEOUT},
    },
};

use super::{
    Ec2,
    call::compute,
    sign::{Signing, signed},
    xml::Element,
};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// Products that one question may answer with: a type of one system in one region is one or two.
const PRODUCTS: u32 = 10;
/// The quota "Running On-Demand Standard instances", in processors.
const STANDARD: &str = "L-1216C47A";
/// Families of types that it counts, by the letters before the generation.
const STANDARD_FAMILIES: [&str; 9] = ["a", "c", "d", "h", "i", "m", "r", "t", "z"];
/// Members of a page of servers, and pages.
const PAGE: u32 = 1_000;
const PAGES: u32 = 10;

/// A service of AWS's beside the compute interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// Its address.
    pub url: Url,
    /// The region that signatures name: there are fewer of these services than regions.
    pub region: String,
}

impl Ec2 {
    /// Server and system disk for an hour. A public address and traffic come on top.
    pub(super) async fn ask_price(&self, order: &ServerOrder) -> Answer<Option<Price>> {
        let Some(prices) = &self.endpoint.prices else { return Ok(None) };
        let server = [
            ("instanceType", order.flavor.as_str()),
            ("operatingSystem", "Linux"),
            ("tenancy", "Shared"),
            ("preInstalledSw", "NA"),
            ("capacitystatus", "Used"),
        ];
        let Some((hour, currency)) = self.listed(prices, &server, "Hrs").await? else { return Ok(None) };
        let disk = match self.endpoint.abilities.disk_type.as_deref() {
            Some(kind) => {
                self.listed(prices, &[("productFamily", "Storage"), ("volumeApiName", kind)], "GB-Mo").await?
            }
            None => None,
        };
        let month = hour * MONTH;
        let disk =
            disk.filter(|(_, other)| *other == currency).map_or(0, |(each, _)| each * u128::from(order.disk_gib));
        let per_hour = decimal(hour + disk / MONTH);
        Ok(Some(Price { per_hour, per_month: cents(month + disk), currency }))
    }

    /// The price for `unit` of the one product that all filters leave, in millionths, with its currency.
    async fn listed(&self, market: &Market, filters: &[(&str, &str)], unit: &str) -> Answer<Option<(u128, String)>> {
        let filter = |(field, value): &(&str, &str)| json!({ "Type": "TERM_MATCH", "Field": field, "Value": value });
        let filters: Vec<Value> = filters.iter().chain([&("regionCode", &*self.endpoint.region)]).map(filter).collect();
        let body = json!({
            "ServiceCode": "AmazonEC2", "FormatVersion": "aws_v1", "MaxResults": PRODUCTS, "Filters": filters,
        });
        let answer = self.call_json(market, "pricing", "AWSPriceListService.GetProducts", &body).await?;
        let products = answer["PriceList"].as_array().into_iter().flatten();
        let products = products.filter_map(|it| serde_json::from_str::<Value>(it.as_str()?).ok());
        Ok(products.filter_map(|product| on_demand(&product, unit)).max())
    }

    /// Processors that are left of the account's quota for types such as this one; `None` where it is not told.
    pub(super) async fn processors_left(&self, flavor: &Flavor) -> Answer<Option<Quota>> {
        let Some(quotas) = self.endpoint.quotas.as_ref().filter(|_| is_standard(&flavor.id)) else { return Ok(None) };
        let body = json!({ "ServiceCode": "ec2", "QuotaCode": STANDARD });
        let answer = self.call_json(quotas, "servicequotas", "ServiceQuotasV20190624.GetServiceQuota", &body).await?;
        let Some(most) = answer["Quota"]["Value"].as_f64().filter(|most| (0.0..1e9).contains(most)) else {
            return Ok(None);
        };
        let running = compute("DescribeInstances").filter("instance-state-name", &["pending", "running"]);
        let pages = self.pages(&running, PAGE, PAGES).await?;
        let servers = pages.iter().flat_map(|it| it.items("reservationSet")).flat_map(|it| it.items("instancesSet"));
        let used: u32 = servers.filter_map(processors).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within range")]
        let left = (most as u32).saturating_sub(used);
        Ok(Some(Quota { servers: None, vcpus: Some(left), memory_mib: None, addresses: None }))
    }

    async fn call_json(&self, market: &Market, service: &str, target: &str, body: &Value) -> Answer<Value> {
        let body = body.to_string().into_bytes();
        let signing = Signing { region: &market.region, service, now: self.tools.clock.now() };
        let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", target)];
        let headers = signed(&self.credentials, signing, market.url.as_str(), &headers, &body);
        let headers = headers.ok_or_else(|| CloudError::new(Trouble::Credentials, UNSENDABLE))?;
        let request = Request { method: Method::POST, url: market.url.clone(), headers, body, timeout: TIMEOUT };
        let answer = self.tools.http.send(request).await.map_err(|error| Repeat::Harmless.unreachable(&error))?;
        let told = (200..300).contains(&answer.status).then(|| serde_json::from_slice(&answer.body).ok()).flatten();
        // Nothing depends on it, so that it matters to nobody which of many reasons it is.
        told.ok_or_else(|| {
            let message = ("云端没有给出价格或配额。", "The cloud tells neither price nor quota.");
            CloudError::new(Trouble::Unexpected, message)
        })
    }
}

/// The price of a product of the list: of its only term "on demand" the dimension of this unit.
fn on_demand(product: &Value, unit: &str) -> Option<(u128, String)> {
    let terms = product["terms"]["OnDemand"].as_object()?.values();
    let dimensions = terms.filter_map(|term| term["priceDimensions"].as_object()).flat_map(|it| it.values());
    let (currency, amount) = dimensions
        .filter(|it| it["unit"] == unit)
        .filter_map(|it| it["pricePerUnit"].as_object()?.iter().next())
        .next()?;
    Some((micros(amount.as_str()?)?, currency.clone()))
}

/// Whether the quota for standard types counts this one: `c7g.large`, but not `g5.xlarge` or `inf2.xlarge`.
fn is_standard(flavor: &str) -> bool {
    let family: String = flavor.chars().take_while(char::is_ascii_lowercase).collect();
    STANDARD_FAMILIES.contains(&family.as_str())
}

fn processors(server: &Element) -> Option<u32> {
    if !is_standard(server.text("instanceType")?) {
        return None;
    }
    let number = |path: &str| server.text(path).and_then(|text| text.parse::<u32>().ok());
    Some(number("cpuOptions/coreCount")? * number("cpuOptions/threadsPerCore").unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec2_families_of_the_standard_quota_are_told_from_the_others() {
        let standard = ["t3.micro", "c7g.large", "m5.24xlarge", "i3en.large", "z1d.large"];
        assert!(standard.into_iter().all(is_standard));
        let others = [
            "g5.xlarge",
            "inf2.xlarge",
            "p4d.24xlarge",
            "trn1.2xlarge",
            "x2gd.medium",
            "mac1.metal",
            "vt1.3xlarge",
            "hpc7a.12xlarge",
            "",
        ];
        assert!(!others.into_iter().any(is_standard));
    }

    #[test]
    fn ec2_a_price_is_read_from_the_only_term_on_demand() {
        let product = json!({ "terms": {
            "OnDemand": { "S.O": { "priceDimensions": { "S.O.D": { "unit": "Hrs", "pricePerUnit": { "USD": "0.0104000000" } } } } },
            "Reserved": { "S.R": { "priceDimensions": { "S.R.D": { "unit": "Hrs", "pricePerUnit": { "USD": "0.0065" } } } } },
        } });
        assert_eq!(on_demand(&product, "Hrs"), Some((10_400, "USD".to_owned())));
        assert_eq!(on_demand(&product, "GB-Mo"), None);
        assert_eq!(on_demand(&json!({ "terms": {} }), "Hrs"), None);
    }
}
