//! The merchant's TOML file → [`Catalog`], with every problem of the file told at once.
//!
//! `reader` walks tables and knows types and bounds; `product`, `plan`, `machine`, `meter`, `recipe` and
//! `channel` know the keys; `form` the
//! friendly spellings; `check` what must fit together across the file. Pure: text in, values out. Reading files and
//! resolving secrets does not belong here. `deploy/sample-catalog.toml` shows every key.

mod channel;
mod check;
mod form;
mod machine;
mod meter;
mod plan;
mod problem;
mod product;
mod reader;
mod recipe;

use toml::de::DeTable;

use super::Catalog;
use crate::base::limits;
use problem::Report;
use reader::Section;

pub use problem::{Problem, Problems};

/// Reads the catalog file `text`.
///
/// `file` names it in problems. `issuer` is the service's public address: it stands in every license code, so
/// the length of codes depends on it.
///
/// # Errors
/// Everything that is wrong with the file. When it is not TOML, only that: guesses about the rest would mislead.
pub fn parse(text: &str, file: &str, issuer: &str) -> Result<Catalog, Problems> {
    let mut report = Report::new(text);
    let catalog = read(text, issuer, &mut report);
    if report.is_empty() { Ok(catalog) } else { Err(report.finish(file)) }
}

fn read(text: &str, issuer: &str, report: &mut Report<'_>) -> Catalog {
    let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if bytes > limits::CATALOG_BYTES {
        report.add(0, "", format!("the file has {bytes} bytes, at most {} are read", limits::CATALOG_BYTES));
        return Catalog::default();
    }
    let (root, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        let at = fault.span().map_or(0, |span| span.start);
        report.add(at, "", format!("this is not TOML: {}", fault.message().trim_end()));
    }
    if !faults.is_empty() {
        return Catalog::default();
    }
    let mut file = Section::new(root.get_ref(), &(0..0), String::new());
    let products = file.need("product", "nothing is sold without at least one [[product]]", report);
    let products = products.map(|entry| product::read(&entry, report)).unwrap_or_default();
    let channels = file.get("channel").map(|entry| channel::read(&entry, report)).unwrap_or_default();
    file.finish(report);
    check::all(&products, &channels, issuer, report);
    let recipes = products.iter().filter_map(product::Draft::recipe).collect();
    Catalog {
        recipes,
        products: products.into_iter().filter_map(product::Draft::finish).collect(),
        channels: channels.into_iter().filter_map(|draft| draft.channel).collect(),
    }
}

#[cfg(test)]
mod tests;
