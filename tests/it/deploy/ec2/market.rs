//! Prices and quotas, as AWS's own services for them tell: played, because moto has neither. What is asked is compared with the
//! services' documents, what comes back has their form.

use serde_json::{Value, json};
use signet::provision::{
    provider::{
        Credentials, Flavor, Provider, Stock,
        ec2::{Abilities, Custom, CustomClouds, Ec2, Endpoint, market::Market},
    },
    recipe::Architecture,
};

use super::{
    REGION, order,
    proxy::{Fate, Proxy},
    tools,
};

const INSTANCES: &str = "<R><reservationSet><item><instancesSet>\
    <item><instanceType>m5.large</instanceType><cpuOptions><coreCount>1</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions></item>\
    <item><instanceType>g5.xlarge</instanceType><cpuOptions><coreCount>2</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions></item>\
    <item><instanceType>c7g.medium</instanceType><cpuOptions><coreCount>1</coreCount><threadsPerCore>1</threadsPerCore></cpuOptions></item>\
    </instancesSet></item></reservationSet></R>";

fn product(unit: &str, price: &str) -> String {
    let dimension = json!({ "unit": unit, "pricePerUnit": { "USD": price }, "beginRange": "0" });
    let term = json!({ "priceDimensions": { "S.O.D": dimension }, "termAttributes": {} });
    json!({ "product": { "sku": "S" }, "terms": { "OnDemand": { "S.O": term } } }).to_string()
}

/// Answers as the services do; `refuses`: as to somebody without the rights.
async fn played(refuses: bool) -> Proxy {
    Proxy::judging(None, move |head, body, _| {
        let target =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("x-amz-target: ").map(str::to_owned));
        let answer = match target.as_deref() {
            None => return Fate::Answer(200, INSTANCES.to_owned()),
            Some(_) if refuses => {
                return Fate::Answer(400, json!({ "__type": "AccessDeniedException", "Message": "no" }).to_string());
            }
            Some("awspricelistservice.getproducts") if body.contains("volumeApiName") => {
                json!({ "FormatVersion": "aws_v1", "PriceList": [product("GB-Mo", "0.0800000000")] })
            }
            Some("awspricelistservice.getproducts") => {
                json!({ "FormatVersion": "aws_v1", "PriceList": [product("Hrs", "0.0104000000")] })
            }
            Some(other) => {
                assert_eq!(other, "servicequotasv20190624.getservicequota");
                json!({ "Quota": { "QuotaCode": "L-1216C47A", "ServiceCode": "ec2", "Value": 5.0, "Unit": "None" } })
            }
        };
        Fate::Answer(200, answer.to_string())
    })
    .await
}

fn cloud(proxy: &Proxy, told: bool) -> Ec2 {
    let market = || {
        let url = format!("http://{}/", proxy.address).parse().unwrap();
        told.then(|| Market { url, region: "us-east-1".to_owned() })
    };
    let custom = Custom {
        compute: format!("http://{}/", proxy.address),
        sts: None,
        region: REGION.to_owned(),
        abilities: Abilities::AWS,
        image_owners: vec![],
        session_tokens: false,
        prices: market(),
        quotas: market(),
    };
    let credentials =
        Credentials { access_key: "AK".to_owned(), secret_key: "canary-market".into(), session_token: None };
    Ec2::new(tools("127.0.0.1"), Endpoint::custom(&custom, CustomClouds::Http).unwrap(), credentials).unwrap()
}

fn flavor(id: &str) -> Flavor {
    let architecture = Architecture::X86_64;
    Flavor { id: id.to_owned(), vcpus: 2, memory_mib: 1_024, architecture, stock: Stock::Normal }
}

#[tokio::test]
async fn ec2_a_price_is_that_of_server_and_disk() {
    let proxy = played(false).await;
    let price = cloud(&proxy, true).price(&order()).await.unwrap().unwrap();
    // 0.0104 an hour, and 12 GiB at 0.08 a month.
    assert_eq!(
        (price.per_hour.as_str(), price.per_month.as_str(), price.currency.as_str()),
        ("0.011715", "8.56", "USD")
    );
    let asked: Vec<Value> = proxy.all().iter().map(|it| serde_json::from_str(it).unwrap()).collect();
    let filters = |at: usize| {
        let filters = asked[at]["Filters"].as_array().unwrap().iter();
        filters
            .map(|it| format!("{}={}", it["Field"].as_str().unwrap(), it["Value"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(asked[0]["ServiceCode"], "AmazonEC2");
    for wanted in ["instanceType=t3.micro", "regionCode=us-east-1", "operatingSystem=Linux", "tenancy=Shared"] {
        assert!(filters(0).contains(&wanted.to_owned()), "{wanted} {:?}", filters(0));
    }
    assert!(filters(1).contains(&"volumeApiName=gp3".to_owned()), "{:?}", filters(1));
}

/// Running servers of other families have a quota of their own.
#[tokio::test]
async fn ec2_a_quota_is_what_running_servers_leave_of_it() {
    let proxy = played(false).await;
    let cloud = cloud(&proxy, true);
    let quota = cloud.quota(&flavor("t3.micro")).await.unwrap().unwrap();
    assert_eq!((quota.vcpus, quota.servers, quota.addresses), (Some(2), None, None));
    assert_eq!(cloud.quota(&flavor("g5.xlarge")).await.unwrap(), None);
}

#[tokio::test]
async fn ec2_without_the_rights_neither_price_nor_quota_is_told_and_nothing_is_kept_from_anybody() {
    let proxy = played(true).await;
    let cloud = cloud(&proxy, true);
    assert_eq!(cloud.quota(&flavor("t3.micro")).await.unwrap(), None);
    let error = cloud.price(&order()).await.unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
    let proxy = played(false).await;
    let silent = self::cloud(&proxy, false);
    assert_eq!((silent.quota(&flavor("t3.micro")).await.unwrap(), silent.price(&order()).await.unwrap()), (None, None));
    assert!(proxy.all().is_empty(), "a cloud without these services is not asked");
}
