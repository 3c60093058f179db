//! A key that nobody has is answered in the same form as one that somebody has, and after the same work.

use rstest::rstest;
use serde_json::Value;
use signet::{
    base::{decimal::Decimal, secret::SecretString},
    store::Tx,
    usecase::{
        Context,
        activation::{self, Machine, Renewal, Report},
        license_file,
        merchant::Act,
        validate::{self, Question},
    },
};
use signet_verify::{claims::Components, machine};

use super::{NOBODYS, Software, act, header_names, limits, members, unknown_key};
use crate::harness::{Answer, Backend, TestApp};

/// Headers that say when, how long and how often.
const VARYING: [&str; 5] = ["date", "x-request-id", "content-length", "ratelimit-remaining", "ratelimit-reset"];

/// The answer without what it says: status line, headers in order, members in order with the kinds of their values. The facts
/// of a license are there or `null`.
fn form(answer: &Answer) -> (String, Vec<String>, Vec<String>) {
    let mut lines = answer.head.lines();
    let status = lines.next().unwrap().to_owned();
    let values = lines.filter(|line| !VARYING.contains(&line.split(':').next().unwrap().to_lowercase().as_str()));
    let json = answer.json();
    let kind = |name: String| match &json[&name] {
        Value::Object(_) | Value::Null => format!("{name}: facts"),
        Value::String(_) => format!("{name}: text"),
        other => format!("{name}: {other}"),
    };
    (status, values.map(str::to_owned).collect(), members(answer).into_iter().map(kind).collect())
}

/// The form of an answer tells nobody which keys exist.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn known_and_unknown_licenses_are_answered_in_one_form(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, limits::settings(60, 240, 30_000)).await;
    let software = Software::of(&app, "fixed", Some(1)).await;
    let seat = software.seated(1).await;
    let stranger = software.showing(&unknown_key());
    let (known, unknown) = (software.validate().await, stranger.validate().await);
    assert_eq!((known.status, members(&known)), (unknown.status, members(&unknown)));
    assert_eq!(header_names(&known), header_names(&unknown));
    act(&app, &software, Act::Suspend).await;
    for (known, unknown) in [
        (software.validate().await, stranger.validate().await),
        (software.activate(1).await, stranger.activate(1).await),
        (software.renew(&seat).await, stranger.renew(&seat).await),
        (software.renew(NOBODYS).await, stranger.renew(NOBODYS).await),
    ] {
        assert_eq!(header_names(&known), header_names(&unknown));
        assert_eq!(form(&known), form(&unknown));
    }
}

/// A call of licensed software.
#[derive(Debug, Clone, Copy)]
enum Asks {
    Validate,
    Activate,
    Renew,
    Report,
    File,
}

/// The statements that such a call with `key` costs, from a machine that has no seat.
async fn statements(app: &TestApp, key: &str, asks: Asks, components: &Components) -> u64 {
    let (key, components) = (SecretString::from(key), components.clone());
    let machine = Machine { components: components.clone(), ..Machine::default() };
    let renewal = Renewal { components: components.clone(), ..Renewal::default() };
    let question = Question { components, ..Question::default() };
    let count = move |tx: &mut Tx, ctx: Context<'_>| {
        let before = tx.statements();
        let refused = match asks {
            Asks::Validate => !validate::validate(tx, ctx, &key, &question)?.valid(),
            Asks::Activate => activation::activate(tx, ctx, &key, &machine)?.is_err(),
            Asks::Renew => activation::renew(tx, ctx, &key, NOBODYS.parse().unwrap(), &renewal)?.is_err(),
            Asks::Report => {
                let report = Report { id: "a".to_owned(), meter: "runs".to_owned(), amount: Decimal(1) };
                activation::report(tx, ctx, &key, NOBODYS.parse().unwrap(), None, &[report])?.is_err()
            }
            Asks::File => license_file::for_holder(tx, ctx, &key, &license_file::Machines::All)?.is_err(),
        };
        assert!(refused, "{asks:?}");
        Ok(tx.statements() - before)
    };
    app.write(count).await
}

/// Nor does the time that it takes: the same look-ups are made, and one text is signed.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_unknown_key_costs_what_a_known_one_does_that_is_refused(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(1)).await;
    software.seated(1).await;
    let (known, unknown) = (&software.key, &unknown_key());
    let made_of = |name: &str| Components::from([(name.to_owned(), machine::digest(name, "stranger"))]);
    for frozen in [false, true] {
        // Where the license is good, only `validate` answers a stranger's machine with a mere no.
        let calls = if frozen {
            &[Asks::Validate, Asks::Activate, Asks::Renew, Asks::Report, Asks::File][..]
        } else {
            &[Asks::Validate]
        };
        for asks in calls {
            for machine in [made_of("machine-id"), made_of("operator")] {
                let (known, unknown) =
                    (statements(&app, known, *asks, &machine).await, statements(&app, unknown, *asks, &machine).await);
                assert!(known == unknown && known > 0, "{asks:?}, frozen {frozen}: {known} and {unknown}");
            }
        }
        act(&app, &software, Act::Suspend).await;
    }
}
