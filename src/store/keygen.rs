//! What the doors for existing software need: their keys, and what machines said of themselves there.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Tx,
    conn::each,
    error::StoreError,
    schema::{activations, door_keys, keygen_machines},
    types::{ComponentsJson, Json},
};
use crate::base::{
    ids::{ActivationId, LicenseId},
    slug::Slug,
    time::Time,
};

/// The key of a product's door.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = door_keys, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct DoorKeyRecord {
    /// The product.
    pub product: Slug,
    /// The public half, 32 bytes.
    pub public_key: Vec<u8>,
    /// The seed, sealed.
    pub sealed_seed: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
}

/// A part of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeygenComponent {
    /// What it is called.
    pub name: String,
    /// What it is known by.
    pub fingerprint: String,
}

/// What a machine said of itself.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = keygen_machines, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct KeygenMachineRecord {
    /// Its seat.
    pub activation_id: ActivationId,
    /// Its license.
    pub license_id: LicenseId,
    /// What it is known by, in clear.
    pub fingerprint: String,
    /// What people call it.
    pub name: Option<String>,
    /// Its name in its network.
    pub hostname: Option<String>,
    /// Its system.
    pub platform: Option<String>,
    /// Its address.
    pub ip: Option<String>,
    /// Processor cores.
    pub cores: Option<i64>,
    /// Bytes of memory.
    pub memory: Option<i64>,
    /// Bytes of disk.
    pub disk: Option<i64>,
    /// Anything else, an object.
    #[diesel(serialize_as = Json, deserialize_as = Json)]
    pub metadata: Value,
    /// Its parts.
    #[diesel(serialize_as = ComponentsJson, deserialize_as = ComponentsJson)]
    pub components: Vec<KeygenComponent>,
    /// When it last pinged.
    pub last_heartbeat_at: Option<Time>,
    /// Whether its heartbeat was reset since.
    pub heartbeat_reset: bool,
    /// When a file of it was last checked out.
    pub last_check_out_at: Option<Time>,
    /// When it was first activated at this door.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl Tx {
    /// Adds the key of a product's door.
    pub fn door_key_insert(&mut self, key: &DoorKeyRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(door_keys::table).values(key.clone()).execute(c))?;
        Ok(())
    }

    /// Puts another key in the place of the one of its product's door: whether there was one.
    pub fn door_key_replace(&mut self, key: &DoorKeyRecord) -> Result<bool, StoreError> {
        let found = each!(self, c => {
            diesel::update(door_keys::table.find(&key.product))
                .set((
                    door_keys::public_key.eq(&key.public_key),
                    door_keys::sealed_seed.eq(&key.sealed_seed),
                    door_keys::created_at.eq(key.created_at),
                ))
                .execute(c)
        })?;
        Ok(found == 1)
    }

    /// All keys of doors.
    pub fn door_key_list(&mut self) -> Result<Vec<DoorKeyRecord>, StoreError> {
        each!(self, c => door_keys::table.select(DoorKeyRecord::as_select()).order(door_keys::product).load(c))
    }

    /// What the machine of an activation said of itself.
    pub fn keygen_machine_find(&mut self, id: ActivationId) -> Result<Option<KeygenMachineRecord>, StoreError> {
        each!(self, c => keygen_machines::table
            .find(id)
            .select(KeygenMachineRecord::as_select())
            .first(c)
            .optional())
    }

    /// Writes what a machine said of itself, in the place of what it said before; also of an activation of long ago that had
    /// the same fingerprint.
    pub fn keygen_machine_save(&mut self, machine: &KeygenMachineRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::delete(keygen_machines::table
            .filter(keygen_machines::license_id.eq(machine.license_id))
            .filter(keygen_machines::fingerprint.eq(&machine.fingerprint))
            .filter(keygen_machines::activation_id.ne(machine.activation_id)))
            .execute(c))?;
        each!(self, c => diesel::insert_into(keygen_machines::table)
            .values(machine.clone())
            .on_conflict(keygen_machines::activation_id)
            .do_update()
            .set(machine.clone())
            .execute(c))?;
        Ok(())
    }

    /// Activations of a product that have not ended and whose machine has this fingerprint; two of them at most.
    pub fn keygen_machines_by_fingerprint(
        &mut self,
        product: &Slug,
        fingerprint: &str,
    ) -> Result<Vec<ActivationId>, StoreError> {
        each!(self, c => keygen_machines::table
            .inner_join(activations::table)
            .filter(keygen_machines::fingerprint.eq(fingerprint))
            .filter(activations::product.eq(product))
            .filter(activations::ended_at.is_null())
            .select(keygen_machines::activation_id)
            .order(keygen_machines::activation_id)
            .limit(2)
            .load(c))
    }

    /// Forgets what these activations' machines said.
    pub(super) fn keygen_machines_forget(&mut self, ids: &[ActivationId]) -> Result<usize, StoreError> {
        each!(self, c => diesel::delete(keygen_machines::table.filter(keygen_machines::activation_id.eq_any(ids))).execute(c))
    }
}
