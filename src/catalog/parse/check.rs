//! What must fit together across the file: names that are unique, names that exist, codes that stay short.

use std::{collections::HashMap, fmt::Display};

use crate::{
    base::{limits, slug::Slug},
    catalog::{PlanName, SecretRef},
    license::code::worst_case_length,
};

use super::{
    channel, plan,
    problem::Report,
    product,
    reader::{Placed, nearest},
};

/// How many names a problem lists.
const LISTED: usize = 12;

pub(super) fn all(products: &[product::Draft], channels: &[channel::Draft], issuer: &str, report: &mut Report<'_>) {
    repeated("product", products.iter().filter_map(|draft| draft.slug.as_ref()), report);
    repeated("channel", channels.iter().filter_map(|draft| draft.slug.as_ref()), report);
    for product in products {
        repeated("plan", product.plans.iter().filter_map(|draft| draft.slug.as_ref()), report);
        for plan in &product.plans {
            repeated("meter", plan.meters.iter(), report);
        }
        lengths(product, issuer, report);
    }
    let plans = || products.iter().flat_map(|draft| &draft.plans);
    repeated("product id", plans().flat_map(|plan| &plan.product_ids), report);
    repeated("sku code", plans().flat_map(|plan| &plan.sku_codes), report);
    shared_keys(channels, report);
    for channel in channels {
        repeated("product", channel.products.iter(), report);
        repeated("id", channel.debug_ids.iter(), report);
        references(channel, products, report);
    }
}

/// The address is no part of what the marketplace signs: with one key, a call made to one channel would be good on the
/// other as well.
fn shared_keys(channels: &[channel::Draft], report: &mut Report<'_>) {
    let keyed: Vec<_> =
        channels.iter().filter_map(|draft| Some((draft.slug.as_ref()?, &draft.channel.as_ref()?.access_key))).collect();
    for (index, (slug, key)) in keyed.iter().enumerate() {
        if let Some((earlier, _)) = keyed[..index].iter().find(|(_, known)| same_place(known, key)) {
            let line = report.line(earlier.at);
            report.add(
                slug.at,
                &slug.path,
                format!(
                    "channel `{}` has the same access key as channel `{}` in line {line}: a call to one would be valid \
                     on the other; each product has a key of its own in the seller centre",
                    slug.value, earlier.value
                ),
            );
        }
    }
}

/// Whether both lead to one variable or file, however the path is spelled. Links are not looked at: a catalog is checked
/// without the server's disk.
fn same_place(one: &SecretRef, other: &SecretRef) -> bool {
    match (one, other) {
        (SecretRef::File(one), SecretRef::File(other)) => normal(one) == normal(other),
        _ => one == other,
    }
}

/// A path's parts without empty ones and `.`, and with `..` carried out; an absolute path keeps its empty first part.
fn normal(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    if path.starts_with('/') {
        parts.push("");
    }
    for part in path.split('/') {
        match (part, parts.last().copied()) {
            // Above the root is the root.
            ("" | ".", _) | ("..", Some("")) => {}
            ("..", Some(above)) if above != ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts
}

/// Tells everything that stands in `items` for a second time, with the line of the first.
fn repeated<'p, T: Display + 'p>(what: &str, items: impl Iterator<Item = &'p Placed<T>>, report: &mut Report<'_>) {
    let mut first: HashMap<String, &Placed<T>> = HashMap::new();
    for item in items {
        let text = item.value.to_string();
        match first.get(&text) {
            Some(earlier) => {
                let (line, again) = (report.line(earlier.at), report.line(item.at));
                report.add(
                    item.at,
                    &item.path,
                    format!(
                        "the {what} `{text}` in line {again} already stands in line {line} ({}): each may stand only \
                         once, so that it is clear what is meant; remove or rename one",
                        earlier.path
                    ),
                );
            }
            None => {
                first.insert(text, item);
            }
        }
    }
}

/// Refuses plans whose codes could become longer than the marketplace is known to carry.
fn lengths(product: &product::Draft, issuer: &str, report: &mut Report<'_>) {
    let Some(slug) = &product.slug else { return };
    for draft in &product.plans {
        let Some(plan) = &draft.plan else { continue };
        let length = worst_case_length(&slug.value, plan, issuer);
        if length > limits::LICENSE_CODE_CHARS {
            report.add(
                draft.grows_at,
                &draft.path,
                format!(
                    "a license code of this plan could reach {length} characters, the marketplace is known to carry \
                     {}: shorten or remove features, or shorten the public address of this service",
                    limits::LICENSE_CODE_CHARS
                ),
            );
        }
    }
}

/// The products and plans a channel names must exist, and the plans must be sold there.
fn references(channel: &channel::Draft, products: &[product::Draft], report: &mut Report<'_>) {
    for name in &channel.products {
        if find(products, &name.value).is_none() {
            let message = missing("product", name.value.as_str(), products.iter().filter_map(|it| it.slug.as_ref()));
            report.add(name.at, &name.path, message);
        }
    }
    for name in &channel.plans {
        if let Some(message) = unusable(&name.value, channel, products) {
            report.add(name.at, &name.path, message);
        }
    }
}

fn unusable(name: &PlanName, channel: &channel::Draft, products: &[product::Draft]) -> Option<String> {
    let PlanName { product, plan } = name;
    let Some(found) = find(products, product) else {
        return Some(missing("product", product.as_str(), products.iter().filter_map(|it| it.slug.as_ref())));
    };
    let slug = |draft: &plan::Draft| draft.slug.as_ref().map(|slug| slug.value.clone());
    if !found.plans.iter().any(|draft| slug(draft).as_ref() == Some(plan)) {
        let what = format!("plan of {}", found.path);
        return Some(missing(&what, plan.as_str(), found.plans.iter().filter_map(|it| it.slug.as_ref())));
    }
    let sold = channel.products.iter().any(|sold| sold.value == *product);
    (!sold).then(|| format!("the product {product} is not sold here: add it to `products`, or name another plan"))
}

fn find<'d>(products: &'d [product::Draft], slug: &Slug) -> Option<&'d product::Draft> {
    products.iter().find(|draft| draft.slug.as_ref().is_some_and(|it| it.value == *slug))
}

fn missing<'p>(what: &str, name: &str, known: impl Iterator<Item = &'p Placed<Slug>>) -> String {
    let known: Vec<&str> = known.map(|slug| slug.value.as_str()).collect();
    match nearest(name, &known) {
        Some(near) => format!("there is no {what} `{name}`; did you mean `{near}`?"),
        None if known.is_empty() => format!("there is no {what} `{name}`: add it"),
        None => format!("there is no {what} `{name}`: add it, or name one of {}", listed(&known)),
    }
}

/// The first of `names`, and how many there are in all when that is more: a problem stays readable.
fn listed(names: &[&str]) -> String {
    match names.get(..LISTED) {
        Some(first) if names.len() > LISTED => format!("{}, … ({} in all)", first.join(", "), names.len()),
        _ => names.join(", "),
    }
}
