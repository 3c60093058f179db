//! JSON:API documents: what is common to all resources.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{base::slug::Slug, usecase::keygen::list::Page};

/// A document about one resource.
#[derive(Debug, Serialize)]
pub struct Document<D: Serialize> {
    /// The resource.
    pub data: D,
}

/// A document about one resource, with what is said beside it.
#[derive(Debug, Serialize)]
pub struct WithMeta<M: Serialize, D: Serialize> {
    /// Beside the resource.
    pub meta: M,
    /// The resource.
    pub data: D,
}

/// A page of resources.
#[derive(Debug, Serialize)]
pub struct List<D: Serialize> {
    /// The resources.
    pub data: Vec<D>,
    /// Where the other pages are.
    pub links: PageLinks,
    /// How many there are.
    pub meta: Count,
}

/// Where the pages of a list are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PageLinks {
    /// This one.
    #[serde(rename = "self")]
    pub this: String,
    /// The one after it.
    pub next: Option<String>,
    /// The one before it.
    pub prev: Option<String>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// On all pages.
    pub count: u32,
}

/// A resource.
#[derive(Debug, Clone, Serialize)]
pub struct Resource<A: Serialize> {
    /// Its id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What it says.
    pub attributes: A,
    /// What it belongs to.
    pub relationships: BTreeMap<&'static str, Relationship>,
    /// Where it is.
    pub links: Links,
}

impl<A: Serialize> Resource<A> {
    /// As an item of a list of different things.
    pub fn into_value(self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What a resource belongs to, or has.
#[derive(Debug, Clone, Serialize)]
pub struct Relationship {
    /// Which it is; `null`: none. Left out where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Option<Identifier>>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Related>,
}

/// A resource's name.
#[derive(Debug, Clone, Serialize)]
pub struct Identifier {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

/// Where something is.
#[derive(Debug, Clone, Serialize)]
pub struct Related {
    /// Its address.
    pub related: String,
}

/// Where a resource is.
#[derive(Debug, Clone, Serialize)]
pub struct Links {
    /// Its address.
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    pub this: Option<String>,
}

impl Relationship {
    /// To one, which has no address of its own.
    pub fn to(kind: &'static str, id: &impl ToString) -> Self {
        Self { data: Some(Some(Identifier { kind, id: id.to_string() })), links: None }
    }

    /// To none.
    pub fn none() -> Self {
        Self { data: Some(None), links: None }
    }

    /// To those at this address.
    pub fn several(related: String) -> Self {
        Self { data: None, links: Some(Related { related }) }
    }

    /// To one at this address.
    pub fn at(kind: &'static str, id: &impl ToString, related: String) -> Self {
        Self { links: Some(Related { related }), ..Self::to(kind, id) }
    }
}

/// The address of something of a product, without the host: the first of the two forms.
pub fn address(product: &Slug, path: &str) -> String {
    format!("/v1/accounts/{product}/{path}")
}

impl PageLinks {
    /// Of a list at `path`, with what else its addresses say ([`super::call::Call::narrowed`]).
    pub fn of(path: &str, narrowed: &str, page: Page, count: u32) -> Self {
        let Page { skip, size } = page;
        let number = skip / size.max(1) + 1;
        let at = |number: u32| format!("{path}?{narrowed}page[number]={number}&page[size]={size}");
        let cursor = |number: u32| format!("{path}?{narrowed}page[cursor]={number}&page[size]={size}");
        Self {
            this: at(number),
            next: (skip.saturating_add(size) < count).then(|| cursor(number + 1)),
            prev: (number > 1).then(|| cursor(number - 1)),
        }
    }
}
