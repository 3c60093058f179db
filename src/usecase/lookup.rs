//! What a customer sees of the license behind a license code or a license key.

use crate::{
    base::{secret::SecretString, text::Localized, time::Time},
    license::{model::State, plan::Support},
    store::Tx,
};

use super::{
    Context, Done,
    credential::{self, Credential},
};

/// A license as its holder may see it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The product's name.
    pub product: Localized,
    /// The plan's name.
    pub plan: Localized,
    /// Its state.
    pub state: State,
    /// Whether its term and the slack are over.
    pub expired: bool,
    /// When it ends.
    pub expires_at: Option<Time>,
    /// Machine limit.
    pub machines: u32,
    /// Whom to ask.
    pub support: Support,
    /// Where to read on.
    pub usage_guide: Option<String>,
}

/// The license behind `text`, by the license as it is now, never by what an old code claims. `None` for anything
/// that is not the code or key of a license here.
///
/// # Errors
/// The database's.
pub fn show(tx: &mut Tx, ctx: Context, text: &SecretString) -> Done<Option<Shown>> {
    let Credential::Found(held) = credential::resolve(tx, ctx, text)? else { return Ok(None) };
    let license = held.license;
    let catalog = &ctx.installation.catalog;
    let named = |slug: &str| Localized { zh: slug.to_owned(), en: slug.to_owned() };
    let product = catalog.product(&license.product);
    let plan = catalog.plan(&license.product, &license.plan);
    let slack = ctx.installation.slack(&license.product, &license.plan);
    Ok(Some(Shown {
        product: product.map_or_else(|| named(license.product.as_str()), |it| it.name.clone()),
        plan: plan.map_or_else(|| named(license.plan.as_str()), |it| it.name.clone()),
        state: license.standing.state(),
        expired: license.expiry.holds_until(slack).is_some_and(|end| end <= ctx.now),
        expires_at: license.expiry.at(),
        machines: license.machines,
        support: product.map(|it| it.support.clone()).unwrap_or_default(),
        usage_guide: product.and_then(|it| it.usage_guide.clone()),
    }))
}
