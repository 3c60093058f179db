//! Migrations on both databases, and `schema.rs` against what they make.

use std::collections::BTreeSet;

use diesel::{QueryableByName, RunQueryDsl, sql_types::Text};
use diesel_migrations::MigrationHarness;

use super::{
    Access, Beside, Database, both,
    samples::{key, license},
};
use crate::store::{StoreError, error::Constraint, migrate};

both!(
    up_down_up_makes_the_same_tables_as_the_schema,
    licenses_of_the_first_schema_are_kept,
    a_newer_schema_is_refused,
    many_processes_may_start_at_once,
    every_unique_constraint_has_a_name,
);

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[expect(clippy::disallowed_methods, reason = "the catalogs of both databases have no schema in diesel")]
fn lines(beside: &mut Beside, sqlite: &str, postgres: &str) -> BTreeSet<String> {
    let lines: Vec<Line> = match beside {
        Beside::Sqlite(conn) => diesel::sql_query(sqlite).load(&mut **conn).unwrap(),
        Beside::Postgres(conn) => diesel::sql_query(postgres).load(&mut **conn).unwrap(),
    };
    lines.into_iter().map(|line| line.line).collect()
}

/// `table.column type [null]` of the live database.
fn live(beside: &mut Beside) -> BTreeSet<String> {
    lines(
        beside,
        "SELECT t.name || '.' || c.name || ' ' || lower(c.type) || iif(c.\"notnull\", '', ' null') AS line \
         FROM pragma_table_list t, pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'",
        "SELECT table_name || '.' || column_name || ' ' || data_type || \
         CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END AS line \
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'",
    )
}

/// The same of `schema.rs`.
fn written(sqlite: bool) -> BTreeSet<String> {
    let mut table = "";
    let mut found = BTreeSet::new();
    for line in include_str!("../schema.rs").lines().map(str::trim) {
        if let Some((name, "{")) =
            line.split_once(" (").map(|(name, rest)| (name, rest.split(' ').next_back().unwrap()))
        {
            table = name;
        } else if let Some((column, kind)) = line.strip_suffix(',').and_then(|line| line.split_once(" -> ")) {
            let inner = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
            let kind = match (inner.unwrap_or(kind), sqlite) {
                ("Text", _) => "text",
                ("BigInt" | "Bool", true) => "integer",
                ("BigInt", false) => "bigint",
                ("Bool", false) => "boolean",
                ("Binary", true) => "blob",
                ("Binary", false) => "bytea",
                (other, _) => panic!("an unknown type {other}"),
            };
            found.insert(format!("{table}.{column} {kind}{}", if inner.is_some() { " null" } else { "" }));
        }
    }
    assert!(found.len() > 100, "{} columns were read", found.len());
    found
}

async fn up_down_up_makes_the_same_tables_as_the_schema(database: Database) {
    database.open().await.close().await;
    let mut beside = database.connect();
    let expected = written(matches!(beside, Beside::Sqlite(_)));
    assert_eq!(live(&mut beside), expected);
    match &mut beside {
        Beside::Sqlite(conn) => drop(conn.revert_all_migrations(migrate::SQLITE).unwrap()),
        Beside::Postgres(conn) => drop(conn.revert_all_migrations(migrate::POSTGRES).unwrap()),
    }
    assert_eq!(live(&mut beside), BTreeSet::new());
    database.open().await.close().await;
    assert_eq!(live(&mut beside), expected);
    if let Beside::Sqlite(_) = beside {
        let loose = lines(
            &mut beside,
            "SELECT name AS line FROM pragma_table_list WHERE type = 'table' AND NOT strict \
             AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
            "",
        );
        assert_eq!(loose, BTreeSet::new(), "every table is STRICT");
    }
}

async fn licenses_of_the_first_schema_are_kept(database: Database) {
    let store = database.open().await;
    store.write(|tx| tx.license_insert(&license(1), &key(1))).await.unwrap();
    store.close().await;
    match &mut database.connect() {
        Beside::Sqlite(conn) => drop(conn.revert_last_migration(migrate::SQLITE).unwrap()),
        Beside::Postgres(conn) => drop(conn.revert_last_migration(migrate::POSTGRES).unwrap()),
    }
    let store = database.open().await;
    let kept = store.read(|tx| tx.license_find(license(1).id)).await.unwrap();
    assert_eq!(kept, Some(license(1)), "what nobody called a guess is an estimate");
    store.close().await;
}

async fn a_newer_schema_is_refused(database: Database) {
    database.open().await.close().await;
    database.connect().execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").unwrap();
    let error = database.try_open(Access::Tool).await.unwrap_err();
    assert!(matches!(&error, StoreError::NewerSchema { version } if version == "9999"), "{error:?}");
}

async fn many_processes_may_start_at_once(database: Database) {
    let database = std::sync::Arc::new(database);
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let database = std::sync::Arc::clone(&database);
        starts.spawn(async move { database.try_open(Access::Tool).await.map(drop) });
    }
    starts.join_all().await.into_iter().collect::<Result<Vec<()>, _>>().unwrap();
}

async fn every_unique_constraint_has_a_name(database: Database) {
    database.open().await.close().await;
    let mut beside = database.connect();
    let sqlite = matches!(beside, Beside::Sqlite(_));
    let found = lines(
        &mut beside,
        "SELECT group_concat(t.name || '.' || c.name, ', ' ORDER BY c.seqno) AS line \
         FROM pragma_table_list t, pragma_index_list(t.name) i, pragma_index_info(i.name) c \
         WHERE t.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite_%' AND i.\"unique\" GROUP BY i.name \
         UNION SELECT t.name || '.' || c.name FROM pragma_table_list t, pragma_table_info(t.name) c \
         WHERE t.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND c.pk = 1 \
         AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) i WHERE i.origin = 'pk')",
        "SELECT conname::text AS line FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid \
         WHERE contype IN ('p', 'u') AND t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_\\_%'",
    );
    let known = Constraint::ALL.iter().map(|(_, pg, columns)| (*if sqlite { columns } else { pg }).to_owned());
    assert_eq!(found, known.collect());
}
