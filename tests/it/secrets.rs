//! What a stolen copy of the database is good for: nothing. Every byte of it is searched for what only the
//! customer, the merchant or this process may hold.

use std::path::Path;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::LoadConnection,
    sql_types::{Nullable, Text},
};
use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    base::secret::ExposeSecret,
    license::{keys::KeyRole, verify},
    store::DatabaseUrl,
    usecase::{keys, token},
};

use crate::harness::{Backend, Database, TestApp, access_keys, exchange, slug, stamp};

/// A secret and the ways in which it could be written down.
struct Needle {
    name: String,
    forms: Vec<String>,
}

impl Needle {
    /// Raw, and in every encoding that somebody might think of.
    fn new(name: &str, secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        assert!(secret.len() >= 16, "{name} is too short to be told from chance");
        let mut forms = vec![searchable(secret)];
        forms.extend([BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER].iter().map(|form| form.encode(secret)));
        Self { name: name.to_owned(), forms }
    }

    fn is_in(&self, dump: &str) -> bool {
        self.forms.iter().any(|form| dump.contains(form))
    }
}

/// Bytes as a text with a character for each, because the search in a text is a fast one.
fn searchable(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn found(needles: &[Needle], dump: &str) -> Vec<String> {
    needles.iter().filter(|needle| needle.is_in(dump)).map(|needle| needle.name.clone()).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_the_database_holds_nothing_usable(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let mut needles = sell(&app).await;
    needles.extend(own(&app).await);
    let dump = dump(&app.database);
    assert_eq!(found(&needles, &dump), [] as [&str; 0]);

    // The search must be able to find: what is no secret is there, and a planted secret is found in each form.
    let instance = app.licenses().await.into_iter().find_map(|license| license.instance_id).unwrap();
    assert!(dump.contains(&instance), "the dump misses the licenses");
    let kid = app.jwks().await.keys()[0].kid.clone();
    assert!(dump.contains(&kid), "the dump misses the keys");
    let public = HEXUPPER.encode(app.jwks().await.find(&kid).unwrap().as_bytes());
    assert!(dump.to_ascii_uppercase().contains(&public), "the dump misses the blobs");
    for form in needles.iter().flat_map(|needle| &needle.forms) {
        assert_ne!(found(&needles, &format!("{dump}{form}")), [] as [&str; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_sqlite_hold_nothing_usable() {
    let app = TestApp::start(Backend::Sqlite).await;
    let mut needles = sell(&app).await;
    needles.extend(own(&app).await);
    let folder = app.database.folder.path();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files += 1;
            let bytes = searchable(&std::fs::read(&path).unwrap());
            assert_eq!(found(&needles, &bytes), [] as [&str; 0], "{}", path.display());
        }
    }
    assert!(files >= 2, "the database and its log, not {files} files");
}

/// Sells on every line that answers with codes, renews, rotates; everything that came out and must not be stored.
async fn sell(app: &TestApp) -> Vec<Needle> {
    let door = app.door(Line::License1);
    let mut needles = Vec::new();
    let purchase = Call::buy(Line::License1, "CS0001").unwrap().product("P-OFFLINE");
    let purchase = purchase.customer("c-0001", "张三").extensions(&[("machineCode", "machine-of-the-buyer")]);
    let (instance, reply) = door.bought(&purchase).await;
    needles.extend(code("the first code", &reply.license().unwrap()));
    door.done(&Call::renew(Line::License1, &instance, "CS0002", stamp("2028-03-02T08:00:00Z"))).await;
    door.done(&purchase).await;

    let (atlas, license) = (slug("atlas"), app.license(&instance).await);
    app.write(move |tx, ctx| keys::rotate(tx, ctx, &atlas, None)).await;
    door.done(&Call::renew(Line::License1, &instance, "CS0003", stamp("2029-03-02T08:00:00Z"))).await;
    needles.extend(code("the newest code", &app.latest_code(&license).await));

    let saas = app.door(Line::Saas1);
    let call = Call::buy(Line::Saas1, "CS0004").unwrap().product("P-BASIC").set("email", "buyer@example.com");
    let (instance, _) = saas.bought(&call).await;
    saas.done(&Call::query(Line::Saas1, &[&instance]).unwrap()).await;
    app.door(Line::Client).bought(&Call::buy(Line::Client, "CS0005").unwrap()).await;
    // A redeemed, a refused and a debug call are in the message log, too.
    door.answers(&Call::buy(Line::License1, "CS0006").unwrap().product("P-NOWHERE"), "000002").await;
    let debug = door.done(&Call::buy(Line::License1, "CS0007").unwrap().debug()).await;
    needles.extend(code("a debug code", &debug.license().unwrap()));

    for license in app.licenses().await {
        let key = app.license_key(&license).await;
        let symbols: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
        assert_eq!(symbols.len(), 25, "{key}");
        for text in [key.to_ascii_lowercase(), symbols.to_ascii_lowercase(), key, symbols] {
            needles.push(Needle::new("a license key", &text));
        }
        needles.extend(code("a code", &app.latest_code(&license).await));
    }
    needles
}

/// A code whole, and its signature alone: the rest of it is no secret.
fn code(name: &str, code: &str) -> [Needle; 2] {
    let (_, signature) = code.rsplit_once('.').unwrap();
    assert!(verify::verify_signature(code, &signet::license::jwks::Jwks::default()).is_err());
    let signature = data_encoding::BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    [Needle::new(name, code), Needle::new(&format!("the signature of {name}"), signature)]
}

/// What the service itself must keep to itself: seeds, master key, access keys, tokens.
async fn own(app: &TestApp) -> Vec<Needle> {
    let mut needles: Vec<_> = access_keys().map(|key| Needle::new("an access key", key)).collect();
    let master = app.master.to_text();
    needles.push(Needle::new("the master key", HEXLOWER.decode(master.as_bytes()).unwrap()));
    let (_, token) = app.write(|tx, ctx| token::create(tx, ctx, "dump", &token::Scope::ALL, None)).await;
    needles.push(Needle::new("a token", token.expose_secret()));

    // What the management API answers, and remembers for a repeat of the same request.
    let body = r#"{"product":"atlas","plan":"standard","customer":{"name":"By hand"}}"#;
    let head = format!(
        "POST /api/v1/licenses HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Idempotency-Key: by-hand-1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.expose_secret(),
        body.len()
    );
    let issued = exchange(app.address, head.as_bytes()).await;
    assert_eq!(issued.status, 201, "{}", issued.json());
    let shown = |name| issued.json()[name].as_str().unwrap().to_owned();
    needles.push(Needle::new("a key shown by the API", shown("license_key")));
    needles.extend(code("a code shown by the API", &shown("license_code")));

    let master = app.master.clone();
    let seeds = app
        .read(move |tx, _| {
            use signet::license::seal::Purpose;
            let open = |key: signet::store::SigningKeyRecord| {
                let seed = master.open(Purpose::SigningSeed, &key.kid, &key.sealed_seed.unwrap()).unwrap();
                (key.role, seed.to_vec())
            };
            Ok(tx.key_list(None)?.into_iter().map(open).collect::<Vec<_>>())
        })
        .await;
    for role in [KeyRole::Root, KeyRole::Signing, KeyRole::Debug] {
        assert!(seeds.iter().any(|(it, _)| *it == role), "no {role:?} key");
    }
    needles.extend(seeds.iter().map(|(role, seed)| Needle::new(&format!("a seed of role {role:?}"), seed)));
    needles
}

/// One row of a dump.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    cell: Option<String>,
}

/// Every cell of every table; what is no text is written in hexadecimal.
fn dump(database: &Database) -> String {
    if let DatabaseUrl::Sqlite(path) = &database.url {
        return sqlite_dump(path);
    }
    let mut conn = database.postgres().unwrap();
    let tables = rows(&mut conn, "SELECT tablename::text AS cell FROM pg_tables WHERE schemaname = 'public'");
    assert!(tables.len() > 10, "{tables:?}");
    let cells = tables.iter().flat_map(|table| rows(&mut conn, &format!("SELECT t::text AS cell FROM \"{table}\" t")));
    cells.collect::<Vec<_>>().join("\n")
}

fn sqlite_dump(path: &Path) -> String {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let tables = rows(&mut conn, "SELECT name AS cell FROM sqlite_master WHERE type = 'table'");
    assert!(tables.len() > 10, "{tables:?}");
    let mut cells = Vec::new();
    for table in tables {
        let columns = rows(&mut conn, &format!("SELECT name AS cell FROM pragma_table_info('{table}')"));
        for column in columns {
            cells.extend(rows(&mut conn, &format!("SELECT quote(\"{column}\") AS cell FROM \"{table}\"")));
        }
    }
    cells.join("\n")
}

#[expect(clippy::disallowed_methods, reason = "the tables are found as they are, also those that no code names yet")]
fn rows<C>(conn: &mut C, query: &str) -> Vec<String>
where
    C: LoadConnection,
    for<'query> diesel::query_builder::SqlQuery: diesel::query_dsl::LoadQuery<'query, C, Row>,
{
    let rows: Vec<Row> = diesel::sql_query(query).load(conn).unwrap();
    rows.into_iter().filter_map(|row| row.cell).collect()
}
