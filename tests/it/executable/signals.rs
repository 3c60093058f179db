//! Signals: a stop that finishes what it began, a reload, and one server to a SQLite folder.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use koogallery_simulator::{AccessKey, Line, reply::NoAnswer, request::PreparedRequest};
use rstest::rstest;

use super::{
    market::{goods, marketplace, new_order, purchase},
    support::{Backend, Installation, tail, wait_until},
};

/// How long a stop may take.
const STOP: Duration = Duration::from_secs(20);

/// Calls run all the time; whatever reached the service is answered, then the process ends with code 0.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_answers_what_it_took(#[case] backend: Backend) {
    let mut installation = Installation::new(backend);
    let mut service = tokio::task::block_in_place(|| installation.serve());
    let (answered, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let marketplace = marketplace(&installation, Line::License1);
            let (answered, over) = (Arc::clone(&answered), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let call = purchase(&marketplace, &goods(Line::License1).product_id, &new_order(), 365);
                    match marketplace.call(&call).await.answer {
                        Ok(reply) if reply.code().as_deref() == Some("000000") => {}
                        Ok(reply) => return Some(format!("{:?} {:?}", reply.code(), reply.message())),
                        // Nobody listens any more, or an idle connection was closed: nothing was taken.
                        Err(NoAnswer::Connect { .. } | NoAnswer::Closed { received: 0, reused: true, .. }) => continue,
                        Err(NoAnswer::Closed { received: 0, reason, .. }) if reason.contains("reset") => continue,
                        Err(error) => return Some(error.to_string()),
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                None
            })
        })
        .collect();
    let code = tokio::task::block_in_place(|| {
        wait_until("load", || answered.load(Ordering::Relaxed) > 40);
        service.signal("TERM");
        service.wait(STOP)
    });
    over.store(true, Ordering::Relaxed);
    assert_eq!(code, Some(0), "{}", tail(&service.log()));
    for caller in callers {
        assert_eq!(caller.await.unwrap(), None);
    }
}

/// A call whose body is still on its way when the signal comes is waited for and answered.
#[test]
fn sigterm_waits_for_a_call_in_flight() {
    let mut installation = Installation::new(Backend::Sqlite);
    let mut service = installation.serve();
    let marketplace = marketplace(&installation, Line::Saas2);
    let call = koogallery_simulator::Call::buy(Line::Saas2, &new_order()).unwrap();
    let request = marketplace.prepare(&call);
    let mut stream = send_head(&installation, &request);
    service.signal("TERM");
    wait_until("the stop", || service.log().contains("stopping"));
    wait_until("the listener's end", || TcpStream::connect(("127.0.0.1", installation.port)).is_err());
    stream.write_all(&request.body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"000000\""), "{answer}");
    assert!(answer.contains("Body-Sign: "), "{answer}");
    assert_eq!(service.wait(STOP), Some(0), "{}", tail(&service.log()));
}

/// Sends a request's head and waits until the service asks for its body: then the call is in flight.
fn send_head(installation: &Installation, request: &PreparedRequest) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", installation.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let target = format!("{}?{}", request.url.path(), request.url.query().unwrap());
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(
        stream,
        "{} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {}\r\nExpect: 100-continue\r\nConnection: \
         close\r\n\r\n",
        request.method,
        request.body.len()
    )
    .unwrap();
    let mut asked = Vec::new();
    let mut byte = [0];
    while !asked.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&asked));
        asked.push(byte[0]);
    }
    assert!(asked.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&asked));
    stream
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let mut installation = Installation::new(Backend::Sqlite);
    let mut service = installation.serve();
    let second = installation.run(&["serve", "--listen", "127.0.0.1:0"]);
    second.refused(&["another server holds", "signet.db", "stop it first"]);
    assert!(service.runs());
    assert_eq!(installation.get("/readyz").0, 200);
    service.stop();
}

/// The folder is free again after a sudden death: nobody has to tidy up a lock by hand.
#[test]
fn the_folder_of_a_killed_server_is_free() {
    let mut installation = Installation::new(Backend::Sqlite);
    installation.serve().kill();
    installation.serve_again().stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads_an_access_key() {
    let mut installation = Installation::new(Backend::Sqlite);
    let service = tokio::task::block_in_place(|| installation.serve());
    let old = marketplace(&installation, Line::License1);
    let new = old.with_key(AccessKey::new("canary-license-1-0-changed-key".to_owned()));
    let code = async |marketplace: &koogallery_simulator::Marketplace| {
        let call = purchase(marketplace, &goods(Line::License1).product_id, &new_order(), 365);
        marketplace.call(&call).await.answer.unwrap().code().unwrap()
    };
    installation.write_key(Line::License1, "canary-license-1-0-changed-key");
    assert_eq!((code(&old).await.as_str(), code(&new).await.as_str()), ("000000", "000001"));
    service.signal("HUP");
    tokio::task::block_in_place(|| wait_until("the reload", || service.log().contains("loaded anew")));
    assert_eq!((code(&old).await.as_str(), code(&new).await.as_str()), ("000001", "000000"));
    tokio::task::block_in_place(|| service.stop());
}

/// Started with few open files allowed, as many systems do, it allows itself as many as it may, and says so.
#[test]
fn a_server_may_open_as_many_files_as_the_system_lets_it() {
    let mut installation = Installation::new(Backend::Sqlite);
    let service = installation.serve_by(|usual| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -S -n 200 && exec \"$0\" \"$@\""]).arg(usual.get_program()).args(usual.get_args());
        command.env_clear().envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(usual.get_current_dir().unwrap());
        command
    });
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.id())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard] = [0, 1].map(|column| files.split_whitespace().nth(column).unwrap());
    assert_eq!(soft, hard);
    assert!(service.log().contains(&format!("{hard} files may be open at once")), "{}", tail(&service.log()));
    service.stop();
}
