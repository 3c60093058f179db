//! The customer page in headless Chromium: both languages, phone and desktop, with and without a script, checked for
//! accessibility by axe. `tests/browser` holds the visits; screenshots are for people to look at.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    base::{secret::SecretString, time::Time},
    license::model::License,
    store::Tx,
    usecase::{
        Actor, Context, Failure,
        activation::{self, Report},
        merchant::Act,
    },
};

use crate::{
    customer::{act, faces, issued, link_path, page::request, seat},
    harness::{Backend, TestApp},
};

#[rstest]
#[case::visits_in_chinese("visits", "zh")]
#[case::visits_in_english("visits", "en")]
#[case::states_in_chinese("states", "zh")]
#[case::states_in_english("states", "en")]
#[case::without_script_by_keyboard_and_in_the_dark("others", "en")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customer_page(#[case] part: &str, #[case] language: &str) {
    let app = TestApp::start_at_home(Backend::Sqlite).await;
    let plan = json!({
        "part": part, "language": language, "url": app.app.public_url(), "chromium": chromium(), "folder": screenshots(),
        "states": states(&app).await, "visits": visits(&app, 2).await,
    });
    let output = tokio::task::spawn_blocking(move || run("page.mjs", &plan)).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains(&format!("done: {part}")), "{out}\n{err}");
}

/// Runs one of the scripts in `tests/browser`.
pub fn run(script: &str, plan: &Value) -> std::process::Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(folder.join("node_modules/puppeteer-core").exists(), "run tests/browser/setup.sh, as `make test` does");
    let mut command = Command::new("node");
    command.arg(script).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut node = command.spawn().expect("Node.js is missing: `deploy/setup.sh test` installs it");
    node.stdin.take().unwrap().write_all(plan.to_string().as_bytes()).unwrap();
    node.wait_with_output().unwrap()
}

/// The browser: the one named by `SIGNET_CHROMIUM`, else Debian's or Chrome.
pub fn chromium() -> PathBuf {
    if let Some(named) = std::env::var_os("SIGNET_CHROMIUM") {
        return named.into();
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    found.find(|file| file.exists()).expect(
        "Chromium is missing: `deploy/setup.sh test` installs it; SIGNET_CHROMIUM names another one; `make quick` leaves \
         the browser tests out",
    )
}

/// The folder named by `SIGNET_SCREENSHOTS`, else beside what the compiler makes, so that nobody commits them.
pub fn screenshots() -> PathBuf {
    let beside = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::env::var_os("SIGNET_SCREENSHOTS").map_or_else(beside, PathBuf::from)
}

/// Licenses in force, each with two machines.
async fn visits(app: &TestApp, number: usize) -> Vec<Value> {
    let mut visits = Vec::new();
    for _ in 0..number {
        let license = issued(app, "atlas/standard").await;
        for (name, platform) in [("前台电脑-01", "Windows 11"), ("build-server.example.com", "Debian 12, x86_64")] {
            app.pass(SignedDuration::from_mins(7));
            seat(app, &license, name, platform).await;
        }
        let mut visit = shown(app, &license).await;
        visit["request"] = request("atlas", "前台电脑-01").to_text().unwrap().into();
        visits.push(visit);
    }
    visits
}

/// A license in every state that the page knows.
async fn states(app: &TestApp) -> Value {
    let at = |days: i64| app.now().plus_days(days);
    let make = async |plan: &str, what: &[Act]| {
        let license = issued(app, plan).await;
        for it in what {
            act(app, &license, *it).await;
        }
        shown(app, &license).await
    };
    let ends = |at: Time| [Act::Extend(Some(at))];
    json!({
        "soon": make("atlas/offline", &ends(at(12))).await,
        "late": make("atlas/standard", &ends(at(-1))).await,
        "over": make("atlas/standard", &ends(at(-40))).await,
        "suspended": make("atlas/standard", &[Act::Suspend]).await,
        "released": make("atlas/standard", &[Act::Release]).await,
        "forever": make("atlas/lifetime", &[]).await,
        "metered": metered(app).await,
    })
}

/// One whose software reported what it used: of one meter all, of others a part.
async fn metered(app: &TestApp) -> Value {
    let license = issued(app, "mill/metered").await;
    let activation = seat(app, &license, "loom-1", "Debian 12").await;
    let key = SecretString::from(faces(app, &license).await.1);
    let used = [("runs", "20"), ("daily", "0.3"), ("monthly", "7.25"), ("soft", "6.5"), ("plain", "1024.0001")];
    let reports = used.map(|(meter, amount)| Report {
        id: format!("{meter}-1"),
        meter: meter.to_owned(),
        amount: amount.parse().unwrap(),
    });
    let report = move |tx: &mut Tx, ctx: Context<'_>| activation::report(tx, ctx, &key, activation, None, &reports);
    app.app.write::<_, Failure, _>(Actor::Software, report).await.unwrap().unwrap();
    shown(app, &license).await
}

async fn shown(app: &TestApp, license: &License) -> Value {
    let (code, key) = faces(app, license).await;
    let link = format!("{}{}", app.app.public_url(), link_path(app, license).await);
    json!({ "code": code, "key": key, "link": link })
}
