//! How the domain's types are written in a column: one implementation for both databases.

use diesel::{
    Queryable,
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    dsl::AsExprOf,
    expression::AsExpression,
    pg::Pg,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary, Nullable, Text},
    sqlite::Sqlite,
};
use serde_json::Value;
use signet_verify::claims::Components;

use super::{
    keygen::KeygenComponent,
    orders::{OrderKind, OrderStatus},
    redemptions::RedemptionStatus,
    webhooks::DeliveryState,
};
use crate::{
    base::{
        ids::{
            ActivationId, AlertId, DeploymentId, EventId, HistoryId, LicenseId, MailId, MessageId, OrderId, SecretId,
            TokenId, WebhookId,
        },
        slug::Slug,
        time::Time,
    },
    license::{
        keys::{KeyRole, KeyState},
        revocation::Cause,
    },
    provision::{
        provider::ResourceKind,
        run::{Goal, LineSource, Stage, Status},
    },
};

/// A value whose column form is made on the fly: SQLite takes it over, PostgreSQL writes it out at once.
macro_rules! column {
    ($type:ident as $sql:ident, $raw:ty: $write:expr, $read:expr) => {
        const _: () = {
            #[derive(AsExpression, FromSqlRow)]
            #[diesel(foreign_derive, sql_type = $sql)]
            #[expect(dead_code, reason = "diesel's derives need a struct of this crate to stand for the type")]
            struct Proxy($type);

            impl ToSql<$sql, Sqlite> for $type {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                    let write: fn(&$type) -> $raw = $write;
                    out.set_value(write(self));
                    Ok(IsNull::No)
                }
            }

            impl ToSql<$sql, Pg> for $type {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                    let write: fn(&$type) -> $raw = $write;
                    ToSql::<$sql, Pg>::to_sql(&write(self), &mut out.reborrow())
                }
            }

            impl<DB: Backend> FromSql<$sql, DB> for $type
            where
                $raw: FromSql<$sql, DB>,
            {
                fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                    let read: fn($raw) -> deserialize::Result<$type> = $read;
                    read(<$raw as FromSql<$sql, DB>>::from_sql(bytes)?)
                }
            }
        };
    };
}

macro_rules! text_columns {
    ($($type:ident),*) => {
        $(column!($type as Text, String: ToString::to_string, |text| Ok(text.parse()?));)*
    };
}

macro_rules! name_columns {
    ($($type:ident),*) => {
        $(column!($type as Text, String: |name| name.as_str().to_owned(), |text| Ok(text.parse()?));)*
    };
}

column!(Time as BigInt, i64: |time| time.as_micros(), |micros| {
    Time::from_micros(micros).ok_or_else(|| format!("{micros} is no instant").into())
});
text_columns!(
    ActivationId,
    DeploymentId,
    LicenseId,
    OrderId,
    MessageId,
    AlertId,
    TokenId,
    HistoryId,
    EventId,
    WebhookId,
    SecretId,
    MailId
);
name_columns!(
    Slug,
    KeyRole,
    Cause,
    OrderKind,
    OrderStatus,
    RedemptionStatus,
    Goal,
    Status,
    Stage,
    ResourceKind,
    LineSource,
    DeliveryState
);

/// An `u32` in a BIGINT column, for `serialize_as` and `deserialize_as`.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned(u32);

/// An `Option<u32>` in a nullable BIGINT column.
#[derive(Debug, Clone, Copy)]
pub struct MaybeUnsigned(Option<u32>);

/// Revisions of a code as JSON in a nullable text column.
#[derive(Debug, Clone)]
pub struct MaybeRevs(Option<Vec<u32>>);

/// 32 bytes in a binary column.
#[derive(Debug, Clone)]
pub struct Hash32([u8; 32]);

/// The state of a key by its name in a text column.
#[derive(Debug, Clone, Copy)]
pub struct StateName(KeyState);

/// JSON in a text column.
#[derive(Debug, Clone)]
pub struct Json(Value);

/// A machine's components as JSON in a text column.
#[derive(Debug, Clone)]
pub struct MachineJson(Components);

/// What a machine is made of, in its own words, as JSON in a text column.
#[derive(Debug, Clone)]
pub struct ComponentsJson(Vec<KeygenComponent>);

/// A list of names as JSON in a text column.
#[derive(Debug, Clone)]
pub struct Names(Vec<String>);

macro_rules! wrapper {
    ($wrapper:ident($inner:ty) as $sql:ty, $raw:ty: $write:expr, $read:expr) => {
        impl From<$inner> for $wrapper {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        impl From<$wrapper> for $inner {
            fn from(wrapper: $wrapper) -> Self {
                wrapper.0
            }
        }

        impl AsExpression<$sql> for $wrapper {
            type Expression = AsExprOf<$raw, $sql>;

            fn as_expression(self) -> Self::Expression {
                let write: fn($inner) -> $raw = $write;
                AsExpression::<$sql>::as_expression(write(self.0))
            }
        }

        impl<DB: Backend> Queryable<$sql, DB> for $wrapper
        where
            $raw: deserialize::FromStaticSqlRow<$sql, DB>,
        {
            type Row = $raw;

            fn build(row: $raw) -> deserialize::Result<Self> {
                let read: fn($raw) -> deserialize::Result<$inner> = $read;
                read(row).map(Self)
            }
        }
    };
}

wrapper!(Unsigned(u32) as BigInt, i64: i64::from, |number| Ok(u32::try_from(number)?));
wrapper!(
    MaybeUnsigned(Option<u32>) as Nullable<BigInt>,
    Option<i64>: |number| number.map(i64::from),
    |number| Ok(number.map(u32::try_from).transpose()?)
);
wrapper!(Hash32([u8; 32]) as Binary, Vec<u8>: |hash| hash.to_vec(), |bytes| {
    bytes.try_into().map_err(|bytes: Vec<u8>| format!("{} bytes where 32 belong", bytes.len()).into())
});
wrapper!(StateName(KeyState) as Text, String: |state| state.as_str().to_owned(), |text| Ok(text.parse()?));
wrapper!(Json(Value) as Text, String: |value| value.to_string(), |text| Ok(serde_json::from_str(&text)?));
wrapper!(MachineJson(Components) as Text, String: |components| serde_json::json!(components).to_string(), |text| Ok(serde_json::from_str(&text)?));
wrapper!(ComponentsJson(Vec<KeygenComponent>) as Text, String: |components| serde_json::json!(components).to_string(), |text| Ok(serde_json::from_str(&text)?));
wrapper!(Names(Vec<String>) as Text, String: |names| Value::from(names).to_string(), |text| Ok(serde_json::from_str(&text)?));

wrapper!(
    MaybeRevs(Option<Vec<u32>>) as Nullable<Text>,
    Option<String>: |revs| revs.map(|revs| Value::from(revs).to_string()),
    |text| Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
);

/// A name in a column that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no known name")]
pub struct UnknownName(String);

impl UnknownName {
    pub(super) fn new(text: &str) -> Self {
        Self(text.chars().take(40).collect())
    }
}
