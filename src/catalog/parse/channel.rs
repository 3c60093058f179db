//! `[[channel]]`

use crate::{
    base::slug::Slug,
    catalog::{Channel, ChannelKind, OpenApi, PlanName, SecretRef},
    marketplace::koogallery::{
        credentials::EncryptType,
        open::site::{NoSite, Site},
    },
};

use super::{
    form,
    problem::Report,
    reader::{Entry, Placed, Section},
};

/// Seconds that a V1 call's time may be off, unless the channel says otherwise; its tolerance is not documented.
const WINDOW_V1: u16 = 600;
/// The same for V2, as the marketplace prescribes.
const WINDOW_V2: u16 = 60;
/// The widest window: a recorded call must not stay good for longer.
const WIDEST_WINDOW: u16 = 3_600;

/// A channel as far as it could be read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) slug: Option<Placed<Slug>>,
    pub(super) products: Vec<Placed<Slug>>,
    /// Those of `default_plan` and `debug_plan` that are set.
    pub(super) plans: Vec<Placed<PlanName>>,
    pub(super) debug_ids: Vec<Placed<String>>,
    /// `None` when something it cannot be without was a problem.
    pub(super) channel: Option<Channel>,
}

pub(super) fn read(entry: &Entry<'_>, report: &mut Report<'_>) -> Vec<Draft> {
    let sections = entry.sections("", "channel", report);
    sections.into_iter().map(|section| draft(section, report)).collect()
}

const KINDS: [(&str, ChannelKind); 3] =
    [("koogallery", ChannelKind::Koogallery), ("alibaba", ChannelKind::Alibaba), ("shop", ChannelKind::Shop)];

fn draft(mut section: Section<'_>, report: &mut Report<'_>) -> Draft {
    let slug = section.need("slug", "it is the last part of the address the marketplace calls", report);
    let slug = slug.and_then(|entry| form::slug(&entry, report));
    let kind = section.need("kind", "it says which marketplace: \"koogallery\", \"alibaba\" or \"shop\"", report);
    let kind = kind.and_then(|entry| form::one_of(&entry, &KINDS, report));
    let products = section.need("products", "it says which products are sold here, by their slugs", report);
    let products = products.map(|entry| sold(&entry, report)).unwrap_or_default();
    let access_key = section.need("access_key", "without the marketplace's key no call can be checked", report);
    let access_key = access_key.and_then(|entry| form::secret_ref(&entry, report));
    let default_plan = section.get("default_plan").and_then(|entry| form::plan_name(&entry, report));
    let debug_plan = section.get("debug_plan").and_then(|entry| form::plan_name(&entry, report));
    let debug_ids = section.get("debug_ids").map(|entry| form::ids(&entry, report)).unwrap_or_default();
    let (v1, v2) = windows(&mut section, report);
    let encrypt_type = encrypt_type(&mut section, report);
    let asks = section.get("open_api");
    if let (Some(entry), Some(ChannelKind::Alibaba | ChannelKind::Shop)) = (&asks, kind) {
        entry.refuse("is KooGallery's: here the calls tell everything", report);
    }
    let open_api = asks.and_then(|entry| open_api(&entry, report));
    section.finish(report);
    let channel = build(slug.as_ref(), kind, access_key).map(|channel| Channel {
        products: products.iter().map(|product| product.value.clone()).collect(),
        window_v1_seconds: v1.into(),
        window_v2_seconds: v2.into(),
        default_plan: default_plan.as_ref().map(|name| name.value.clone()),
        debug_plan: debug_plan.as_ref().map(|name| name.value.clone()),
        debug_ids: debug_ids.iter().map(|id| id.value.clone()).collect(),
        encrypt_type,
        open_api,
        ..channel
    });
    Draft { slug, products, plans: default_plan.into_iter().chain(debug_plan).collect(), debug_ids, channel }
}

/// A channel with what it cannot be without, everything else at its default.
fn build(slug: Option<&Placed<Slug>>, kind: Option<ChannelKind>, access_key: Option<SecretRef>) -> Option<Channel> {
    Some(Channel {
        slug: slug?.value.clone(),
        kind: kind?,
        products: Vec::new(),
        access_key: access_key?,
        window_v1_seconds: WINDOW_V1.into(),
        window_v2_seconds: WINDOW_V2.into(),
        default_plan: None,
        debug_plan: None,
        debug_ids: Vec::new(),
        encrypt_type: EncryptType::default(),
        open_api: None,
    })
}

fn sold(entry: &Entry<'_>, report: &mut Report<'_>) -> Vec<Placed<Slug>> {
    let items = entry.items(report);
    if entry.is_empty_list() {
        entry.refuse("is empty: a channel sells at least one product", report);
    }
    items.iter().filter_map(|item| form::slug(item, report)).collect()
}

fn windows(section: &mut Section<'_>, report: &mut Report<'_>) -> (u16, u16) {
    let keys = [("v1", WINDOW_V1, 1..=WIDEST_WINDOW), ("v2", WINDOW_V2, 1..=WIDEST_WINDOW)];
    let windows = section.get("clock_window_seconds").and_then(|entry| form::numbers(&entry, keys, report));
    windows.map_or((WINDOW_V1, WINDOW_V2), |[v1, v2]| (v1, v2))
}

fn encrypt_type(section: &mut Section<'_>, report: &mut Report<'_>) -> EncryptType {
    let words = [("aes128", EncryptType::Aes128), ("aes256", EncryptType::Aes256)];
    let entry = section.get("encrypt_type");
    entry.and_then(|entry| form::one_of(&entry, &words, report)).unwrap_or_default()
}

fn open_api(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<OpenApi> {
    let mut section = entry.section(report)?;
    let why = "the marketplace's own interface takes an access key and a secret key";
    let access_key = section.need("access_key", why, report).and_then(|entry| form::secret_ref(&entry, report));
    let secret_key = section.need("secret_key", why, report).and_then(|entry| form::secret_ref(&entry, report));
    let host = section.need("host", "it says which marketplace to ask: cn, intl or eu", report);
    let host = host.and_then(|entry| site(&entry, report));
    section.finish(report);
    Some(OpenApi { access_key: access_key?, secret_key: secret_key?, host: host? })
}

fn site(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Site> {
    let text = entry.string(report)?;
    text.parse().map_err(|why: NoSite| entry.refuse(format!("`{text}` {why}"), report)).ok()
}
