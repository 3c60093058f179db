//! `[[product]]`

use crate::{
    base::{slug::Slug, text::Localized},
    license::{
        keys::INSTALLATION,
        plan::{LicenseKeys, Product, Support},
    },
    provision::{bootstrap, recipe::Recipe},
};

use super::{
    form, plan,
    problem::Report,
    reader::{Entry, Placed, Section},
    recipe,
};

/// A product as far as it could be read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) path: String,
    pub(super) slug: Option<Placed<Slug>>,
    pub(super) plans: Vec<plan::Draft>,
    name: Option<Localized>,
    support: Option<Support>,
    usage_guide: Option<String>,
    license_keys: LicenseKeys,
    recipe: Option<Recipe>,
}

impl Draft {
    /// How it is deployed, by its name.
    pub(super) fn recipe(&self) -> Option<(Slug, Recipe)> {
        Some((self.slug.as_ref()?.value.clone(), self.recipe.clone()?))
    }

    /// The product; `None` when something it cannot be without was a problem.
    pub(super) fn finish(self) -> Option<Product> {
        Some(Product {
            slug: self.slug?.value,
            name: self.name?,
            support: self.support?,
            usage_guide: self.usage_guide,
            license_keys: self.license_keys,
            plans: self.plans.into_iter().filter_map(|draft| draft.plan).collect(),
        })
    }
}

pub(super) fn read(entry: &Entry<'_>, report: &mut Report<'_>) -> Vec<Draft> {
    let sections = entry.sections("", "product", report);
    if entry.is_empty_list() {
        entry.refuse("is empty: nothing is sold without at least one [[product]]", report);
    }
    sections.into_iter().map(|section| draft(section, report)).collect()
}

fn draft(mut section: Section<'_>, report: &mut Report<'_>) -> Draft {
    let slug = section.need("slug", "it names the product in addresses and license codes", report);
    let slug = slug.and_then(|entry| product_slug(&entry, report));
    let name = section.need("name", "customers read it; write { zh = \"…\", en = \"…\" }", report);
    let name = name.and_then(|entry| form::localized(&entry, report));
    let support = section.need("support", "the marketplace asks for a way to reach you", report);
    let support = support.and_then(|entry| contacts(&entry, report));
    let usage_guide = section.get("usage_guide").and_then(|entry| entry.web_address(report));
    let kinds = [("short", LicenseKeys::Short), ("signed", LicenseKeys::Signed)];
    let license_keys = section.get("license_keys").and_then(|entry| form::one_of(&entry, &kinds, report));
    let license_keys = license_keys.unwrap_or_default();
    let recipe = section.get("recipe").and_then(|entry| {
        let recipe = recipe::read(&entry, report)?;
        let product = slug.as_ref().map(|slug| &slug.value)?;
        if let Err(why) = bootstrap::fits(product, &recipe) {
            entry.refuse(format!("can never be deployed: {why}; long commands belong into the package"), report);
        }
        Some(recipe)
    });
    let plans = section.need("plan", "a product needs at least one [[product.plan]] to be sold", report);
    let plans = plans.map(|entry| plan::read(&entry, &section.path, report)).unwrap_or_default();
    let path = section.path.clone();
    section.finish(report);
    Draft { path, slug, plans, name, support, usage_guide, license_keys, recipe }
}

fn product_slug(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Placed<Slug>> {
    let slug = form::slug(entry, report)?;
    if slug.value.as_str() == INSTALLATION {
        entry.refuse("is the name of this service's own keys: call the product something else", report);
        return None;
    }
    Some(slug)
}

/// `{ email, phone, url }`: at least one.
fn contacts(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Support> {
    let mut section = entry.section(report)?;
    let (email, phone, url) = (section.get("email"), section.get("phone"), section.get("url"));
    section.finish(report);
    if email.is_none() && phone.is_none() && url.is_none() {
        entry.refuse("names no contact: write at least one of email, phone and url", report);
        return None;
    }
    Some(Support {
        email: email.and_then(|entry| email_address(&entry, report)),
        phone: phone.and_then(|entry| telephone(&entry, report)),
        url: url.and_then(|entry| entry.web_address(report)),
    })
}

fn email_address(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = entry.line(254, report)?;
    let fits = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if fits && !text.contains(char::is_whitespace) && text.matches('@').count() == 1 {
        return Some(text);
    }
    entry.refuse("is no e-mail address, such as \"support@example.com\"", report);
    None
}

fn telephone(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = entry.line(40, report)?;
    let fits = text.chars().all(|char| char.is_ascii_digit() || "+-() ".contains(char));
    if fits && text.contains(|char: char| char.is_ascii_digit()) {
        return Some(text);
    }
    entry.refuse("is no telephone number: use digits, +, -, brackets and spaces", report);
    None
}
