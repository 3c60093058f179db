//! What nobody may ever read: in the database, in logs, in what is printed.

use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
use rstest::rstest;
use signet::{
    base::secret::ExposeSecret,
    provision::{
        provider::Trouble,
        run::{Stage, Status, Wish},
    },
    store::DatabaseUrl,
};

use super::{Deploying, HASH, SECRET, SESSION_TOKEN, cloud::Play};
use crate::harness::Backend;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

/// Everything that the database holds, as bytes: SQLite's files, every row of every table of PostgreSQL with byte strings
/// as they are.
#[expect(clippy::disallowed_methods, reason = "every table there is, also those that no query of ours knows")]
fn everything(it: &Deploying) -> Vec<u8> {
    match &it.app.database.url {
        DatabaseUrl::Sqlite(path) => {
            let folder = std::fs::read_dir(path.parent().unwrap()).unwrap();
            let files = folder.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
            files.flat_map(|path| std::fs::read(path).unwrap()).collect()
        }
        DatabaseUrl::Postgres(url) => {
            let mut conn = PgConnection::establish(url.expose_secret()).unwrap();
            sql_query("SET bytea_output = 'escape'").execute(&mut conn).unwrap();
            let tables = "SELECT table_name::text AS row FROM information_schema.tables WHERE table_schema = 'public'";
            let tables: Vec<Row> = sql_query(tables).load(&mut conn).unwrap();
            let rows = tables.iter().flat_map(|table| {
                let all = format!("SELECT t::text AS row FROM \"{}\" t", table.row);
                sql_query(all).load::<Row>(&mut conn).unwrap()
            });
            rows.flat_map(|it| it.row.into_bytes()).collect()
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_secret_of_a_deployment_is_in_the_database(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    it.cloud.play("create", Play::Refused(Trouble::Throttled));
    it.until_stage(Stage::BootstrapCalled).await;
    let token = {
        let state = it.cloud.state();
        let (_, rest) = state.user_data.split_once("TOKEN='").unwrap();
        assert!(state.user_data.contains(HASH), "the machine must get the hash");
        rest.split_once('\'').unwrap().0.to_owned()
    };
    assert_eq!(token.len(), 43);
    let secrets = [SECRET, SESSION_TOKEN, HASH, &token];
    for step in 0..2 {
        let bytes = everything(&it);
        // The search finds what is there.
        assert!(holds(&bytes, "region-1") && holds(&bytes, &it.id.to_string()));
        for secret in secrets {
            assert!(!holds(&bytes, secret), "step {step}: {secret}");
        }
        if step == 0 {
            it.wish(Wish::Remove, None).await;
            it.settled(Status::Removed).await;
        }
    }
    let record = it.record().await;
    assert_eq!((record.credentials, record.password), (None, None));
}

#[tokio::test]
async fn no_secret_of_a_deployment_is_printed() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::Accepted).await;
    let work = it.claim().await.expect("work");
    let printed = format!("{work:?} {:#?} {:?}", work.deployment, it.record().await);
    let order = work.order.as_ref().unwrap();
    let user_data = order.user_data.expose_secret();
    let (_, rest) = user_data.split_once("TOKEN='").unwrap();
    for secret in [SECRET, SESSION_TOKEN, HASH, rest.split_once('\'').unwrap().0] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
