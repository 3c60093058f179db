//! A copy of the database is of no use: it holds no license that could be used, and no key that could sign one.

use data_encoding::{BASE32, BASE64, BASE64URL_NOPAD, HEXLOWER};
use diesel::{
    RunQueryDsl,
    dsl::sql,
    sql_types::{Array, Text},
};
use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    base::entropy::{Entropy, SystemEntropy},
    usecase::{keys, link, merchant, token},
};

use crate::harness::{Backend, Database, TestApp, access_keys, slug, stamp};

/// Something that must not occur, with the bytes by which it would be known.
struct Needle {
    what: String,
    bytes: Vec<u8>,
}

impl Needle {
    fn new(what: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self { what: what.into(), bytes: bytes.as_ref().to_vec() }
    }

    /// Raw, and in the usual spellings.
    fn all(what: &str, bytes: &[u8]) -> Vec<Self> {
        let spelled = [
            HEXLOWER.encode(bytes),
            BASE64.encode(bytes),
            BASE64URL_NOPAD.encode(bytes),
            BASE32.encode(bytes),
            format!("{bytes:?}").replace(' ', ""),
        ];
        let spelled = spelled.iter().map(|text| Self::new(what, text));
        spelled.chain([Self::new(what, bytes)]).collect()
    }
}

/// Everything the database holds: the raw bytes of its files, or every row of every table as text.
fn dump(database: &Database) -> Vec<Vec<u8>> {
    let Some(mut conn) = database.postgres() else {
        let files = std::fs::read_dir(database.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.filter(|path| path.to_string_lossy().contains("signet.db")).collect();
        assert!(files.iter().any(|path| path.to_string_lossy().ends_with("-wal")), "{files:?}");
        return files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    };
    let tables = "ARRAY(SELECT tablename::text FROM pg_tables WHERE schemaname = 'public')";
    let tables: Vec<String> = diesel::select(sql::<Array<Text>>(tables)).get_result(&mut conn).unwrap();
    assert!(tables.len() >= 15, "{tables:?}");
    let rows = |table: &String| {
        let rows = format!("ARRAY(SELECT t::text FROM {table} t)");
        let rows: Vec<String> = diesel::select(sql::<Array<Text>>(&rows)).get_result(&mut conn).unwrap();
        rows.join("\n").into_bytes()
    };
    tables.iter().map(rows).collect()
}

fn contains(haystacks: &[Vec<u8>], needle: &[u8]) -> bool {
    // Row texts show binary columns as hexadecimal digits.
    let hex = HEXLOWER.encode(needle).into_bytes();
    let holds = |hay: &[u8], needle: &[u8]| hay.windows(needle.len()).any(|window| window == needle);
    haystacks.iter().any(|hay| holds(hay, needle) || holds(hay, &hex))
}

/// Uses everything that makes or changes a secret.
async fn live(app: &TestApp) -> Vec<Needle> {
    let mut needles = Vec::new();
    let door = app.door(Line::License1);
    for (order, product) in [("CS0001", "P-STANDARD-YEAR"), ("CS0002", "P-OFFLINE")] {
        let call = Call::buy(Line::License1, order).unwrap().product(product);
        let (instance, reply) = door.bought(&call.extensions(&[("machineCode", "MACHINE-1")])).await;
        needles.push(Needle::new("an answered code", reply.license().unwrap()));
        door.done(&Call::renew(Line::License1, &instance, &format!("{order}R"), stamp("2029-01-01T00:00:00Z"))).await;
    }
    let client = app.door(Line::Client);
    let (instance, _) = client.bought(&Call::buy(Line::Client, "CS0003").unwrap()).await;
    let apply = Call::apply_license(Line::Client, &instance, "E-1", stamp("2026-03-02T08:00:00Z")).unwrap();
    client.call(&apply.fingerprint("MAC|DISK|BOARD|CPU").expires_at(stamp("2026-12-31T00:00:00Z"))).await;
    app.door(Line::Saas1).done(&Call::buy(Line::Saas1, "CS0004").unwrap().product("P-BASIC")).await;
    // A code that nobody has redeemed: whoever reads it could.
    let code = "PLCANARY0001ABCDEFGHIJ";
    app.door(Line::Code2).done(&Call::freeze(Line::Code2, code).unwrap()).await;
    needles.push(Needle::new("an unredeemed code", code));
    app.write(|tx, ctx| keys::rotate(tx, ctx, &slug("atlas"), None)).await;
    let door = app.door(Line::License1);
    door.done(&Call::buy(Line::License1, "CS0005").unwrap().product("P-STANDARD-YEAR")).await;

    for license in app.licenses().await {
        let id = license.id;
        app.write(move |tx, ctx| link::rotate(tx, ctx, id)).await.unwrap();
        let revealed = app.read(move |tx, ctx| merchant::reveal(tx, ctx, id)).await.unwrap();
        let (_, signature) = revealed.code.rsplit_once('.').unwrap();
        needles.push(Needle::new(format!("the code of {id}"), &revealed.code));
        needles.extend(Needle::all("a signature", &BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap()));
        let symbols: String = revealed.key.chars().filter(|char| *char != '-').collect();
        assert!(revealed.key.contains('-') && symbols.len() >= 20, "{}", revealed.key.len());
        needles.push(Needle::new(format!("the key of {id}"), &revealed.key));
        let link = app.read(move |tx, ctx| Ok(link::of(tx, id)?.url(ctx))).await;
        needles.push(Needle::new(format!("the link of {id}"), link.rsplit('/').next().unwrap()));
        needles.push(Needle::new(format!("the bare key of {id}"), &symbols));
        needles.push(Needle::new(format!("the bare key of {id} in lower case"), symbols.to_lowercase()));
    }
    needles
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_database_holds_nothing_that_could_be_used(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let mut needles = live(&app).await;
    for product in ["atlas", "desk", "harbor", "beacon"] {
        let product = slug(product);
        let installation = app.app.installation();
        needles.extend(Needle::all("a signing seed", installation.keys.signer(&product).unwrap().seed().expose()));
        needles.extend(Needle::all("a debug seed", installation.keys.debug_signer(&product).unwrap().seed().expose()));
        let root = app.read(move |tx, ctx| keys::root_seed(tx, ctx, &product)).await;
        needles.extend(Needle::all("a root seed", root.expose()));
    }
    for key in access_keys() {
        needles.push(Needle::new("an access key", key));
    }
    needles.push(Needle::new("the master key", app.master.to_text().as_bytes()));
    let scopes = &[token::Scope::LicensesReveal];
    let text = app.write(move |tx, ctx| Ok(token::create(tx, ctx, "reader", scopes, None)?.1)).await;
    needles.push(Needle::new("a token", signet::base::secret::ExposeSecret::expose_secret(&text)));

    let dump = dump(&app.database);
    for needle in &needles {
        assert!(needle.bytes.len() >= 16, "{}: too short to be meaningful", needle.what);
        assert!(!contains(&dump, &needle.bytes), "{} stands in the database", needle.what);
    }
    assert!(needles.len() > 60, "{}", needles.len());
    // The search finds what is there, as text and as bytes.
    let license = &app.licenses().await[0];
    assert!(contains(&dump, license.id.to_string().as_bytes()));
    let kid = app.read(|tx, _| Ok(tx.key_list(Some(&slug("atlas")))?)).await.pop().unwrap();
    assert!(contains(&dump, &kid.public_key));
    let random: [u8; 32] = (&SystemEntropy as &dyn Entropy).bytes();
    assert!(!contains(&dump, &random));
}

/// The message log keeps calls, but nothing of them that could be used again.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_message_log_shows_calls_without_tokens_and_codes(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let request = door.market.prepare(&Call::buy(Line::License1, "CS0001").unwrap().product("P-STANDARD-YEAR"));
    door.send(&request).await;
    let code2 = app.door(Line::Code2);
    let code = "PLABCDEFGHIJKLMNOPQRSTUVWX";
    code2.done(&Call::freeze(Line::Code2, code).unwrap()).await;
    let saas = app.door(Line::Saas1);
    let buyer = Call::buy(Line::Saas1, "CS0002").unwrap().product("P-BASIC").set("email", "buyer@example.com");
    saas.done(&buyer.set("mobilePhone", "13800000000")).await;
    let messages = app.messages().await;
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[0].order_id.as_deref(), Some("CS0001"));
    assert_eq!(messages[0].activity.as_deref(), Some("getLicense"));
    assert!(messages[0].license_id.is_some() && messages[0].request.contains("P-STANDARD-YEAR"));
    let token = request.query_value("authToken").unwrap();
    for message in &messages {
        for secret in [token.as_str(), code, "buyer@example.com", "13800000000"] {
            assert!(!format!("{message:?}").contains(secret), "{message:?}");
        }
    }
    assert!(messages[1].request.contains("PLAB"), "{}", messages[1].request);
}
