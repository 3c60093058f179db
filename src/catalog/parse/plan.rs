//! `[[product.plan]]`

use crate::{
    base::{limits, slug::Slug},
    license::plan::{Delivery, ExpirySlack, FeatureValue, Features, Plan, QuantityRule, QuantityTarget, Term},
};

use super::{
    form, machine,
    meter::{self, Meters},
    problem::Report,
    reader::{Entry, Placed, Section, nearest},
};

/// Features of one plan.
const FEATURES: usize = 32;
/// Characters of a feature's name.
const FEATURE_NAME_CHARS: usize = 40;
/// Characters of a feature whose value is a text.
const FEATURE_TEXT_CHARS: usize = 64;
/// Characters of the name of an extension parameter.
const PARAMETER_CHARS: usize = 64;
/// Bytes of a user name or password. The marketplace takes 128 characters, but in SaaS 1.0 these are the
/// encrypted ones: 16 for the iv and 112 of base64 hold 80 bytes, of which the padding needs one.
const CREDENTIAL_BYTES: usize = 79;
/// Characters of a memo.
const MEMO_CHARS: usize = 1_024;
/// Days of slack.
const DAYS: u16 = 366;

/// A plan as far as it could be read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) slug: Option<Placed<Slug>>,
    pub(super) product_ids: Vec<Placed<String>>,
    pub(super) sku_codes: Vec<Placed<String>>,
    pub(super) meters: Vec<Placed<Slug>>,
    /// Where the length of codes is blamed on: the features, else the plan itself.
    pub(super) grows_at: usize,
    pub(super) path: String,
    /// `None` when something it cannot be without was a problem.
    pub(super) plan: Option<Plan>,
}

pub(super) fn read(entry: &Entry<'_>, product: &str, report: &mut Report<'_>) -> Vec<Draft> {
    let sections = entry.sections(product, "plan", report);
    if entry.is_empty_list() {
        entry.refuse("is empty: a product needs at least one [[product.plan]] to be sold", report);
    }
    sections.into_iter().map(|section| draft(section, report)).collect()
}

fn draft(mut section: Section<'_>, report: &mut Report<'_>) -> Draft {
    let slug = section.need("slug", "it names the plan inside its product", report);
    let slug = slug.and_then(|entry| form::slug(&entry, report));
    let product_ids = section.get("product_ids").map(|entry| form::ids(&entry, report)).unwrap_or_default();
    let sku_codes = section.get("sku_codes").map(|entry| form::ids(&entry, report)).unwrap_or_default();
    let grows_at = section.get("features").map_or(section.at, |entry| entry.at);
    let path = section.path.clone();
    let Meters { slugs, meters } =
        section.get("meter").map(|entry| meter::read(&entry, &path, report)).unwrap_or_default();
    let mut plan = rules(&mut section, slug.as_ref().map(|slug| slug.value.clone()), report);
    if let Some(plan) = &mut plan {
        plan.meters = meters;
        plan.product_ids = product_ids.iter().map(|id| id.value.clone()).collect();
        plan.sku_codes = sku_codes.iter().map(|id| id.value.clone()).collect();
    }
    section.finish(report);
    Draft { slug, product_ids, sku_codes, meters: slugs, grows_at, path, plan }
}

/// Everything but the marketplace's ids. Reads on after a problem, so that the others are told too.
fn rules(section: &mut Section<'_>, slug: Option<Slug>, report: &mut Report<'_>) -> Option<Plan> {
    let name = section.need("name", "customers read it; write { zh = \"…\", en = \"…\" }", report);
    let name = name.and_then(|entry| form::localized(&entry, report));
    let term = section.need("term", "it says how long a license lasts when the order does not, as \"1 year\"", report);
    let term = term.and_then(|entry| form::term(&entry, report));
    let machines = section.need("machines", "it says on how many machines one license runs", report);
    let machines = machines.and_then(|entry| entry.number(1..=limits::MACHINES, report));
    let features = section.get("features").map(|entry| features(&entry, report));
    let quantity = section.get("quantity").and_then(|entry| quantity(&entry, features.as_ref(), report));
    let code_carries_expiry = section.get("code_carries_expiry").and_then(|entry| entry.flag(report));
    let expiry_slack = section.get("expiry_slack").and_then(|entry| expiry_slack(&entry, report));
    let lease = section.get("lease").and_then(|entry| machine::lease(&entry, report));
    let machine = section.get("machine").and_then(|entry| machine::machine(&entry, report));
    let versions = section.get("versions").and_then(|entry| machine::versions(&entry, report));
    let bind_parameter = section.get("bind_parameter").and_then(|entry| entry.line(PARAMETER_CHARS, report));
    let delivery = section.get("delivery").and_then(|entry| delivery(&entry, report));
    Some(Plan {
        slug: slug?,
        name: name?,
        term: term.unwrap_or(Term::Perpetual),
        machines: machines.unwrap_or(1),
        features: features.map(|read| read.values).unwrap_or_default(),
        quantity: quantity.unwrap_or_default(),
        code_carries_expiry: code_carries_expiry.unwrap_or_default(),
        expiry_slack: expiry_slack.unwrap_or_default(),
        lease: lease.unwrap_or_default(),
        machine: machine.unwrap_or_default(),
        versions,
        bind_parameter,
        meters: Vec::new(),
        delivery: delivery.unwrap_or_default(),
        product_ids: Vec::new(),
        sku_codes: Vec::new(),
    })
}

/// The features that could be read.
#[derive(Debug)]
struct ReadFeatures {
    values: Features,
    /// Whether one is missing because of a problem: then nothing can be said of names that are not found.
    partial: bool,
}

fn features(entry: &Entry<'_>, report: &mut Report<'_>) -> ReadFeatures {
    let mut read = ReadFeatures { values: Features::new(), partial: true };
    let Some(section) = entry.section(report) else { return read };
    let all: Vec<_> = section.all().collect();
    if all.len() > FEATURES {
        entry.refuse(format!("has {} features, at most {FEATURES} fit into a license code", all.len()), report);
    }
    for (name, item) in &all {
        if let Some(value) = feature(name, item, report) {
            read.values.insert((*name).to_owned(), value);
        }
    }
    read.partial = read.values.len() < all.len();
    read
}

fn feature(name: &str, item: &Entry<'_>, report: &mut Report<'_>) -> Option<FeatureValue> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=FEATURE_NAME_CHARS).contains(&name.len()) || !name.bytes().all(inner) {
        item.refuse(
            format!("is no name of a feature: use 1 to {FEATURE_NAME_CHARS} characters of a-z, 0-9 and _"),
            report,
        );
        return None;
    }
    let value = item.value();
    if value.is_str() {
        item.line(FEATURE_TEXT_CHARS, report).map(FeatureValue::Text)
    } else if value.is_integer() {
        item.number(0..=u32::MAX, report).map(FeatureValue::Number)
    } else if let Some(flag) = value.as_bool() {
        Some(FeatureValue::Flag(flag))
    } else {
        item.wrong_type("true, false, a whole number or a text", report);
        None
    }
}

/// The rule, when what it acts on is there and is a number.
fn quantity(entry: &Entry<'_>, features: Option<&ReadFeatures>, report: &mut Report<'_>) -> Option<QuantityRule> {
    let rule = form::quantity(entry, report)?;
    let (QuantityRule::Set(QuantityTarget::Feature(name)) | QuantityRule::Multiply(QuantityTarget::Feature(name))) =
        &rule
    else {
        return Some(rule);
    };
    match features.and_then(|read| read.values.get(name)) {
        Some(FeatureValue::Number(1..=limits::MACHINES)) => return Some(rule),
        Some(FeatureValue::Number(number)) => {
            let most = limits::MACHINES;
            let bounds = format!("acts on the feature `{name}`, which is {number}: it must lie from 1 to {most}");
            entry.refuse(bounds, report);
        }
        Some(_) => {
            let reason = "which is no number: give it a number, or let the quantity act on something else";
            entry.refuse(format!("acts on the feature `{name}`, {reason}"), report);
        }
        None if features.is_some_and(|read| read.partial) => {}
        None => entry.refuse(missing_feature(name, features), report),
    }
    None
}

fn missing_feature(name: &str, features: Option<&ReadFeatures>) -> String {
    let names: Vec<&str> = features.map(|read| read.values.keys().map(String::as_str).collect()).unwrap_or_default();
    match nearest(name, &names) {
        Some(near) => format!("acts on the feature `{name}`, which the plan does not have; did you mean `{near}`?"),
        None => format!("acts on the feature `{name}`, which the plan does not have: add it to `features`"),
    }
}

fn expiry_slack(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<ExpirySlack> {
    let default = ExpirySlack::default();
    let [estimate_days, confirmed_days] = form::numbers(
        entry,
        [("estimate_days", default.estimate_days, 0..=DAYS), ("confirmed_days", default.confirmed_days, 0..=DAYS)],
        report,
    )?;
    Some(ExpirySlack { estimate_days, confirmed_days })
}

fn delivery(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Delivery> {
    let mut section = entry.section(report)?;
    let delivery = Delivery {
        admin_url: section.get("admin_url").and_then(|entry| entry.web_address(report)),
        user_name: section.get("user_name").and_then(|entry| credential(&entry, report)),
        initial_password: section.get("initial_password").and_then(|entry| credential(&entry, report)),
        memo: section.get("memo").and_then(|entry| entry.lines(MEMO_CHARS, report)),
    };
    section.finish(report);
    Some(delivery)
}

fn credential(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = entry.line(128, report)?;
    if text.len() <= CREDENTIAL_BYTES {
        return Some(text);
    }
    let reason = "more do not fit into a SaaS 1.0 answer, which carries them encrypted";
    entry.refuse(format!("has {} bytes, at most {CREDENTIAL_BYTES} fit: {reason}", text.len()), report);
    None
}
