//! Licenses: the one table that everything else hangs on.

use diesel::{
    dsl::{exists, not},
    prelude::*,
};

use super::{
    Tx,
    conn::{each, locked},
    error::StoreError,
    schema::{expiry_notices, licenses, orders},
    types::{MaybeUnsigned, Unsigned},
};
use crate::{
    base::{ids::LicenseId, slug::Slug, time::Time},
    license::model::{Customer, Expiry, License, Standing, State},
};

/// A license key as it is kept: a keyed hash to find it by, and the key itself, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// Keyed hash of the license key.
    pub lookup: [u8; 32],
    /// The license key, sealed under the master key.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedKey(…)")
    }
}

/// Which licenses a page shows; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct LicenseFilter {
    /// For this product.
    pub product: Option<Slug>,
    /// Of this plan.
    pub plan: Option<Slug>,
    /// Sold through this channel.
    pub channel: Option<Slug>,
    /// In this state.
    pub state: Option<State>,
    /// Bought by this customer.
    pub customer_id: Option<String>,
    /// With this instance id.
    pub instance_id: Option<String>,
    /// Touched by this order of the marketplace.
    pub order_id: Option<String>,
    /// Expiring earlier than this.
    pub expires_before: Option<Time>,
    /// Expiring at this instant or later.
    pub expires_after: Option<Time>,
}

/// What of a license may change.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = licenses, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct LicenseRow {
    product: Slug,
    plan: Slug,
    channel: Option<Slug>,
    instance_id: Option<String>,
    state: String,
    released: bool,
    marketplace_hold: bool,
    violation: bool,
    merchant_hold: bool,
    status_signed_at: Option<Time>,
    expiry_kind: String,
    expiry_guessed: bool,
    expires_at: Option<Time>,
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    machines: u32,
    features: String,
    #[diesel(serialize_as = MaybeUnsigned, deserialize_as = MaybeUnsigned)]
    quantity: Option<u32>,
    trial: bool,
    device: Option<String>,
    customer_id: Option<String>,
    customer_name: Option<String>,
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    rev: u32,
    updated_at: Time,
}

/// A row as it is read: the id and the birth, which never change, and the rest.
type Columns = (LicenseId, Time, LicenseRow);

impl LicenseRow {
    fn of(license: &License) -> Result<Self, StoreError> {
        let kind = match license.expiry {
            Expiry::Never => "never",
            Expiry::Estimated(_) | Expiry::Guessed(_) => "estimated",
            Expiry::Confirmed(_) => "confirmed",
        };
        let features =
            serde_json::to_string(&license.features).map_err(|error| StoreError::Refused(error.to_string()))?;
        Ok(Self {
            product: license.product.clone(),
            plan: license.plan.clone(),
            channel: license.channel.clone(),
            instance_id: license.instance_id.clone(),
            state: license.standing.state().as_str().to_owned(),
            released: license.standing.released,
            marketplace_hold: license.standing.marketplace_hold,
            violation: license.standing.violation,
            merchant_hold: license.standing.merchant_hold,
            status_signed_at: license.standing.status_signed_at,
            expiry_kind: kind.to_owned(),
            expiry_guessed: license.expiry.is_guess(),
            expires_at: license.expiry.at(),
            machines: license.machines,
            features,
            quantity: license.quantity,
            trial: license.trial,
            device: license.device.clone(),
            customer_id: license.customer.id.clone(),
            customer_name: license.customer.name.clone(),
            rev: license.rev,
            updated_at: license.updated_at,
        })
    }
}

/// The license a row describes, or what is wrong with the row.
fn license((id, created_at, row): Columns) -> Result<License, String> {
    let expiry = match (row.expiry_kind.as_str(), row.expiry_guessed, row.expires_at) {
        ("never", false, None) => Expiry::Never,
        ("estimated", false, Some(at)) => Expiry::Estimated(at),
        ("estimated", true, Some(at)) => Expiry::Guessed(at),
        ("confirmed", false, Some(at)) => Expiry::Confirmed(at),
        (kind, guessed, at) => return Err(format!("{id}: expiry `{kind}`, guessed: {guessed}, with the time {at:?}")),
    };
    let standing = Standing {
        released: row.released,
        marketplace_hold: row.marketplace_hold,
        violation: row.violation,
        merchant_hold: row.merchant_hold,
        status_signed_at: row.status_signed_at,
    };
    if standing.state().as_str() != row.state {
        return Err(format!("{id}: state `{}` contradicts its holds", row.state));
    }
    let features = serde_json::from_str(&row.features).map_err(|error| format!("{id}: features: {error}"))?;
    Ok(License {
        id,
        product: row.product,
        plan: row.plan,
        channel: row.channel,
        instance_id: row.instance_id,
        standing,
        expiry,
        machines: row.machines,
        features,
        quantity: row.quantity,
        trial: row.trial,
        device: row.device,
        customer: Customer { id: row.customer_id, name: row.customer_name },
        rev: row.rev,
        created_at,
        updated_at: row.updated_at,
    })
}

/// The columns of [`Columns`].
macro_rules! columns {
    () => {
        (licenses::id, licenses::created_at, LicenseRow::as_select())
    };
}

impl Tx {
    fn license_of(&mut self, columns: Option<Columns>) -> Result<Option<License>, StoreError> {
        columns.map(license).transpose().map_err(|what| self.corrupt("licenses", what))
    }

    /// Adds a license with its key.
    pub fn license_insert(&mut self, license: &License, key: &SealedKey) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(licenses::table)
            .values((
                licenses::id.eq(license.id),
                licenses::created_at.eq(license.created_at),
                licenses::key_lookup.eq(&key.lookup[..]),
                licenses::key_sealed.eq(&key.sealed),
                LicenseRow::of(license)?,
            ))
            .execute(c))?;
        Ok(())
    }

    /// The license with this id.
    pub fn license_find(&mut self, id: LicenseId) -> Result<Option<License>, StoreError> {
        let row = each!(self, c => licenses::table.find(id).select(columns!()).first(c).optional())?;
        self.license_of(row)
    }

    /// The license with this id, held against other writers until the commit.
    pub fn license_for_update(&mut self, id: LicenseId) -> Result<Option<License>, StoreError> {
        let row = locked!(self, licenses::table.find(id).select(columns!()))?;
        self.license_of(row)
    }

    /// The license of a channel's instance, held against other writers until the commit.
    pub fn license_by_instance(&mut self, channel: &Slug, instance_id: &str) -> Result<Option<License>, StoreError> {
        let row = locked!(
            self,
            licenses::table
                .filter(licenses::channel.eq(channel))
                .filter(licenses::instance_id.eq(instance_id))
                .select(columns!())
        )?;
        self.license_of(row)
    }

    /// The license of a channel's instance, for whoever only looks.
    pub fn license_seen_by_instance(
        &mut self,
        channel: &Slug,
        instance_id: &str,
    ) -> Result<Option<License>, StoreError> {
        let row = each!(self, c => licenses::table
            .filter(licenses::channel.eq(channel))
            .filter(licenses::instance_id.eq(instance_id))
            .select(columns!())
            .first(c)
            .optional())?;
        self.license_of(row)
    }

    /// The license whose key has this keyed hash.
    pub fn license_by_key(&mut self, lookup: &[u8; 32]) -> Result<Option<License>, StoreError> {
        let row = each!(self, c => licenses::table
            .filter(licenses::key_lookup.eq(&lookup[..]))
            .select(columns!())
            .first(c)
            .optional())?;
        self.license_of(row)
    }

    /// The sealed license key.
    pub fn license_sealed_key(&mut self, id: LicenseId) -> Result<Option<Vec<u8>>, StoreError> {
        each!(self, c => licenses::table.find(id).select(licenses::key_sealed).first(c).optional())
    }

    /// Writes everything of a license but its id, its birth and its key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it does not exist.
    pub fn license_update(&mut self, license: &License) -> Result<(), StoreError> {
        let rows = each!(self, c => diesel::update(licenses::table.find(license.id))
            .set(LicenseRow::of(license)?)
            .execute(c))?;
        self.must_exist(rows, "licenses")
    }

    /// A page of licenses, newest first, after the license `after`.
    pub fn license_page(
        &mut self,
        filter: &LicenseFilter,
        after: Option<LicenseId>,
        limit: u32,
    ) -> Result<Vec<License>, StoreError> {
        let rows: Vec<Columns> = each!(self, c => {
            let mut query = licenses::table.select(columns!()).into_boxed();
            if let Some(product) = &filter.product {
                query = query.filter(licenses::product.eq(product));
            }
            if let Some(plan) = &filter.plan {
                query = query.filter(licenses::plan.eq(plan));
            }
            if let Some(channel) = &filter.channel {
                query = query.filter(licenses::channel.eq(channel));
            }
            if let Some(state) = filter.state {
                query = query.filter(licenses::state.eq(state.as_str()));
            }
            if let Some(customer_id) = &filter.customer_id {
                query = query.filter(licenses::customer_id.eq(customer_id));
            }
            if let Some(instance_id) = &filter.instance_id {
                query = query.filter(licenses::instance_id.eq(instance_id));
            }
            if let Some(order_id) = &filter.order_id {
                query = query.filter(licenses::id.nullable().eq_any(
                    orders::table.filter(orders::order_id.eq(order_id)).select(orders::license_id),
                ));
            }
            if let Some(before) = filter.expires_before {
                query = query.filter(licenses::expires_at.lt(before));
            }
            if let Some(from) = filter.expires_after {
                query = query.filter(licenses::expires_at.ge(from));
            }
            if let Some(after) = after {
                query = query.filter(licenses::id.lt(after));
            }
            query.order(licenses::id.desc()).limit(super::page_rows(limit)).load(c)
        })?;
        let read: Result<Vec<License>, String> = rows.into_iter().map(license).collect();
        read.map_err(|what| self.corrupt("licenses", what))
    }

    /// Licenses that end after `from` and not after `to`, and of which this was not announced so many days before.
    pub fn licenses_ending(&mut self, from: Time, to: Time, days: i64, limit: u32) -> Result<Vec<License>, StoreError> {
        let rows: Vec<Columns> = each!(self, c => licenses::table
            .filter(licenses::released.eq(false))
            .filter(licenses::expires_at.gt(from))
            .filter(licenses::expires_at.le(to))
            .filter(not(exists(
                expiry_notices::table
                    .filter(expiry_notices::license_id.eq(licenses::id))
                    .filter(expiry_notices::expires_at.nullable().eq(licenses::expires_at))
                    .filter(expiry_notices::days.eq(days)),
            )))
            .order((licenses::expires_at, licenses::id))
            .limit(super::page_rows(limit))
            .select(columns!())
            .load(c))?;
        let read: Result<Vec<License>, String> = rows.into_iter().map(license).collect();
        read.map_err(|what| self.corrupt("licenses", what))
    }

    /// How many licenses are in each state; states without any are left out.
    pub fn license_count_by_state(&mut self) -> Result<Vec<(State, i64)>, StoreError> {
        let rows: Vec<(String, i64)> = each!(self, c => licenses::table
            .group_by(licenses::state)
            .select((licenses::state, diesel::dsl::count_star()))
            .order(licenses::state)
            .load(c))?;
        let state =
            |name: &str| [State::Active, State::Frozen, State::Released].into_iter().find(|s| s.as_str() == name);
        let read: Option<Vec<_>> = rows.into_iter().map(|(name, count)| Some((state(&name)?, count))).collect();
        read.ok_or_else(|| self.corrupt("licenses", "a state that does not exist"))
    }
}
