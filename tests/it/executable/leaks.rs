//! What the service logs at its most talkative must hold no secret.

use koogallery_simulator::{
    Call, Line, Marketplace,
    play::{self, StepReport},
    probe,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    market::{goods, marketplace, new_order},
    support::{Backend, Installation, PASSWORD, Service, wait_until},
};

/// Things that no log line may hold: what they are, and their text.
type Secrets = Vec<(String, String)>;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_the_log() {
    let mut installation = Installation::new(Backend::Sqlite);
    let service = tokio::task::block_in_place(|| start_talkative(&mut installation));
    let mut secrets = vec![("the catalog's password".to_owned(), PASSWORD.to_owned())];
    let master = std::fs::read_to_string(installation.master_key()).unwrap();
    secrets.push(("the master key".to_owned(), master.trim().to_owned()));
    for line in Line::ALL {
        let market = marketplace(&installation, line);
        secrets.push((format!("access key of {line}"), installation.key(line)));
        let steps = play::play(&market, &goods(line), |_| ()).await.unwrap();
        assert!(steps.iter().all(StepReport::passed), "{line}");
        secrets.extend(steps.iter().filter_map(StepReport::license).map(|code| signature_of(&code)));
        probe::probe(&market, |_| ()).await.unwrap();
        refused_and_good(&market, &mut secrets).await;
    }
    let token = tokio::task::block_in_place(|| installation.token("licenses:read,licenses:reveal"));
    secrets.push(("the API token".to_owned(), token.clone()));
    let keys = tokio::task::block_in_place(|| reveal(&installation, &token, &mut secrets));
    for (typed, expected) in [(keys[0].as_str(), 303), ("PLAIN-NONSENSE-KEY", 422)] {
        let headers = "Content-Type: application/x-www-form-urlencoded";
        let (status, page) = post(installation.port, "/l", headers, &format!("license={typed}")).await;
        assert_eq!(status, expected, "{page}");
    }
    ask_as_software(installation.port, &keys[0], &mut secrets).await;
    tokio::task::block_in_place(|| open_links(&installation, &token, &mut secrets));
    let log = tokio::task::block_in_place(|| {
        service.signal("HUP");
        wait_until("the reload", || service.log().contains("loaded anew"));
        service.stop();
        std::fs::read_to_string(installation.log_file()).unwrap()
    });
    let lines = log.lines().filter(|line| line.contains("/marketplace/koogallery/")).count();
    assert!(lines > 50, "{lines} log lines about calls are too few to prove anything");
    assert!(secrets.len() > 30, "{} secrets are too few to prove anything", secrets.len());
    for (what, secret) in &secrets {
        assert!(secret.len() >= 8, "{what} is too short to be searched");
        let at = log.find(secret.as_str());
        let near = at.map(|at| log[..at].lines().last().unwrap_or_default().to_owned());
        assert_eq!(near, None, "{what} stands in the log after that");
    }
    for name in ["authToken=", "signature=", "nonce="] {
        assert!(!log.contains(name), "the log holds a query with {name}");
    }
}

fn start_talkative(installation: &mut Installation) -> Service {
    // The first start makes catalog and keys; the second is the one that talks.
    installation.serve().stop();
    let command = installation.command(&["serve", "--log", "trace", "--catalog", "catalog.toml"]);
    Service::start(command, installation).unwrap()
}

/// Shows a license as software does, to be validated and to take a seat.
async fn ask_as_software(port: u16, key: &str, secrets: &mut Secrets) {
    let digest = signet_verify::machine::digest("machine-id", "0123456789abcdef");
    let machine = format!(r#"{{"name":"build-server","components":{{"machine-id":"{digest}"}}}}"#);
    for (credential, path, body, expected) in [
        (key, "/api/v1/validate", "{}", 200),
        ("PLAIN-NONSENSE-KEY", "/api/v1/validate", "{}", 200),
        (key, "/api/v1/activations", &machine, 201),
    ] {
        let headers = format!("Authorization: License {credential}\r\nContent-Type: application/json");
        let (status, answer) = post(port, path, &headers, body).await;
        assert_eq!(status, expected, "{answer}");
        let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let signed = ["signed", "lease"].iter().find_map(|name| answer[name].as_str()).unwrap();
        secrets.push(("the signature of an answer".to_owned(), signed.rsplit('.').next().unwrap().to_owned()));
    }
    secrets.push(("what is no key".to_owned(), "PLAIN-NONSENSE-KEY".to_owned()));
}

/// Posts `body` with the lines of `headers`.
async fn post(port: u16, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap(), answer)
}

fn signature_of(code: &str) -> (String, String) {
    ("a license code's signature".to_owned(), code.rsplit('.').next().unwrap().to_owned())
}

/// A purchase that is accepted and one whose token is wrong: neither token may be logged.
async fn refused_and_good(market: &Marketplace, secrets: &mut Secrets) {
    let call = match market.line() {
        Line::Code2 => Call::freeze(Line::Code2, "PLCANARY0000000001").unwrap(),
        line => goods(line).fill(Call::buy(line, &new_order()).unwrap()),
    };
    let good = market.prepare(&call);
    let wrong = market.prepare(&call).with_query("unsigned", "parameter");
    for request in [&good, &wrong] {
        for name in ["authToken", "signature", "nonce"] {
            if let Some(value) = request.query_value(name) {
                secrets.push((format!("{name} of {}", market.line()), value));
            }
        }
        market.send(request).await.answer.unwrap();
    }
}

/// Opens every license's link, whole and cut short.
fn open_links(installation: &Installation, token: &str, secrets: &mut Secrets) {
    let (_, body) = installation.get_with_token("/api/v1/licenses?limit=100", token);
    let licenses: Value = serde_json::from_str(&body).unwrap();
    for license in licenses["items"].as_array().unwrap() {
        let path = format!("/api/v1/licenses/{}/link", license["id"].as_str().unwrap());
        let link: Value = serde_json::from_str(&installation.get_with_token(&path, token).1).unwrap();
        let link = link["url"].as_str().unwrap().strip_prefix(&installation.url()).unwrap();
        assert_eq!(installation.get(link).0, 303);
        assert!([404, 429].contains(&installation.get(&link[..link.len() - 4]).0));
        secrets.push(("a customer's link".to_owned(), link[..link.len() - 4].to_owned()));
    }
}

/// Shows every license's key and newest code through the API, and gives the keys.
fn reveal(installation: &Installation, token: &str, secrets: &mut Secrets) -> Vec<String> {
    let json = |path: &str| -> Value {
        let (status, body) = installation.get_with_token(path, token);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    let mut keys = Vec::new();
    for license in json("/api/v1/licenses?limit=100")["items"].as_array().unwrap() {
        let shown = json(&format!("/api/v1/licenses/{}/secrets", license["id"].as_str().unwrap()));
        let key = shown["license_key"].as_str().unwrap().to_owned();
        secrets.push(("a license key".to_owned(), key.clone()));
        secrets.push(("a license key without dashes".to_owned(), key.replace('-', "")));
        secrets.push(signature_of(shown["license_code"].as_str().unwrap()));
        keys.push(key);
    }
    assert!(!keys.is_empty());
    keys
}
