//! The marketplace's side of an installation with the sample catalog: what it sells on each line, and one purchase.

use jiff::{SignedDuration, Timestamp};
use koogallery_simulator::{
    AccessKey, Call, Line, Marketplace, play::Goods, random::Random, reply::Reply, soak::Product,
};

use super::support::Installation;

/// What is sold on `line` by the sample catalog, and what one may upgrade to.
pub fn goods(line: Line) -> Goods {
    let (product, upgrade) = match line {
        Line::License1 | Line::Code2 => ("00301-100001-0--0", "00301-100002-0--0"),
        Line::Client => ("00301-200001-0--0", "00301-200002-0--0"),
        Line::Saas2 => ("00301-300001-0--0", "00301-300002-0--0"),
        Line::Saas1 => ("00301-400001-0--0", "00301-400002-0--0"),
    };
    Goods { upgrade_product_id: Some(upgrade.to_owned()), ..Goods::of_product(product) }
}

pub fn marketplace(installation: &Installation, line: Line) -> Marketplace {
    let key = AccessKey::new(installation.key(line));
    Marketplace::builder(&installation.channel_url(line), key, line).build().unwrap()
}

/// All lines, for a soak.
pub fn products(installation: &Installation) -> Vec<Product> {
    Line::ALL
        .into_iter()
        .map(|line| Product { marketplace: marketplace(installation, line), goods: goods(line) })
        .collect()
}

pub fn new_order() -> String {
    format!("CS{}", Random::from_system().capitals(14))
}

pub fn days_from(at: Timestamp, days: i64) -> Timestamp {
    at + SignedDuration::from_hours(24 * days)
}

/// A License 1.0 purchase of `product_id` that ends in so many days.
pub fn purchase(marketplace: &Marketplace, product_id: &str, order: &str, days: i64) -> Call {
    Call::buy(Line::License1, order)
        .unwrap()
        .product(product_id)
        .expires_at(days_from(marketplace.now(), days))
        .period("year", 1)
}

/// Buys on License 1.0 and gives the answer.
#[track_caller]
pub fn buy(installation: &Installation, product_id: &str, days: i64) -> Reply {
    let marketplace = marketplace(installation, Line::License1);
    let call = purchase(&marketplace, product_id, &new_order(), days);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(marketplace.call(&call)).answer.unwrap();
    assert_eq!(reply.code().as_deref(), Some("000000"), "{:?}", reply.message());
    reply
}

/// Buys the standard plan and gives the license code.
#[track_caller]
pub fn buy_code(installation: &Installation) -> String {
    buy(installation, "00301-100001-0--0", 365).license().unwrap()
}
