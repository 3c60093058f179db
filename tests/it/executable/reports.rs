//! Usage reports and sudden death: whatever was answered is counted, and counted once, also when the answer was lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use koogallery_simulator::random::Random;
use rstest::rstest;
use serde_json::Value;

use super::support::{Backend, Installation, PATIENCE, http};

const MACHINES: usize = 3;
/// Without limits of calls: these machines do nothing else.
const SETTINGS: [(&str, &str); 3] =
    [("SIGNET_LICENSE_RATE", "0"), ("SIGNET_ADDRESS_RATE", "0"), ("SIGNET_PRODUCT_RATE", "0")];

/// What the machines saw.
#[derive(Debug, Default)]
struct Seen {
    stop: AtomicBool,
    counted: AtomicU64,
    unanswered: AtomicU64,
    /// Answers to a report that was counted before, its answer having been lost.
    repeated: AtomicU64,
}

/// A machine with a seat: reports one after the other, each until it is answered.
struct Machine {
    port: u16,
    key: String,
    activation: String,
    number: usize,
}

impl Machine {
    fn new(port: u16, key: &str, number: usize) -> Self {
        let digest = signet_verify::machine::digest("machine-id", &number.to_string());
        let mut it = Self { port, key: key.to_owned(), activation: String::new(), number };
        let (status, answer) =
            it.post("/api/v1/activations", &format!(r#"{{"components":{{"machine-id":"{digest}"}}}}"#)).unwrap();
        assert_eq!(status, 201, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["activation"]["id"].as_str().unwrap().clone_into(&mut it.activation);
        it
    }

    fn post(&self, path: &str, body: &str) -> std::io::Result<(u16, String)> {
        let shows = format!("License {}", self.key);
        http(self.port, "POST", path, &[("Authorization", &shows), ("Content-Type", "application/json")], body)
    }

    fn run(&self, seen: &Seen) {
        let path = format!("/api/v1/activations/{}/usage", self.activation);
        for report in 0.. {
            if seen.stop.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("{}-{report}", self.number);
            let body = format!(r#"{{"reports":[{{"id":"{id}","meter":"tiles","amount":"0.0001"}}]}}"#);
            let answer = self.until_answered(&path, &body, seen);
            assert_eq!(answer["reports"][0]["counted"], true, "{answer}");
            seen.counted.fetch_add(1, Ordering::Relaxed);
            seen.repeated.fetch_add(u64::from(answer["reports"][0]["repeated"] == true), Ordering::Relaxed);
        }
    }

    fn until_answered(&self, path: &str, body: &str, seen: &Seen) -> Value {
        let started = std::time::Instant::now();
        while started.elapsed() < PATIENCE {
            match self.post(path, body) {
                Ok((200, text)) if serde_json::from_str::<Value>(&text).is_ok() => {
                    return serde_json::from_str(&text).unwrap();
                }
                // Cut off in the middle, not there, or busy: it is not known whether it counts.
                Ok((200 | 503, _)) | Err(_) => seen.unanswered.fetch_add(1, Ordering::Relaxed),
                Ok((status, text)) => panic!("{status} {text}"),
            };
        }
        panic!("no answer within {PATIENCE:?}")
    }
}

/// SIGNET_CRASH_KILLS sets how often, SIGNET_CRASH_SEED repeats the moments.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[test]
fn what_was_reported_counts_once_through_sigkill(#[case] backend: Backend) {
    let setting = |name: &str| std::env::var(name).ok();
    let kills = setting("SIGNET_CRASH_KILLS").map_or(5, |text| text.parse().unwrap());
    let random =
        setting("SIGNET_CRASH_SEED").map_or_else(Random::from_system, |text| Random::seeded(text.parse().unwrap()));
    println!("{kills} kills; SIGNET_CRASH_SEED={} repeats the moments", random.seed());
    let mut installation = Installation::new(backend);
    let mut service = installation.serve_with(&SETTINGS);
    let token = installation.token("licenses:read,licenses:write");
    let (status, sold) =
        installation.post_with_token("/api/v1/licenses", &token, r#"{"product":"atlas","plan":"cluster"}"#);
    assert_eq!(status, 201, "{sold}");
    let sold: Value = serde_json::from_str(&sold).unwrap();
    let key = sold["license_key"].as_str().unwrap();

    let seen = Arc::new(Seen::default());
    let machines: Vec<_> = (0..MACHINES)
        .map(|number| {
            let (machine, seen) = (Machine::new(installation.port, key, number), Arc::clone(&seen));
            thread::spawn(move || machine.run(&seen))
        })
        .collect();
    for _ in 0..kills {
        // The moment of each death is random, so there is no condition to wait for.
        thread::sleep(Duration::from_millis(u64::try_from(random.between(20, 600)).unwrap()));
        service.kill();
        service = installation.serve_again_with(&SETTINGS);
    }
    seen.stop.store(true, Ordering::Relaxed);
    machines.into_iter().for_each(|it| it.join().unwrap());

    println!("{seen:?}");
    let counted = seen.counted.load(Ordering::Relaxed);
    assert!(seen.unanswered.load(Ordering::Relaxed) > 0, "no kill hit a report: there was no load");
    let path = format!("/api/v1/licenses/{}/usage", sold["license"]["id"].as_str().unwrap());
    let (_, usage) = installation.get_with_token(&path, &token);
    let usage: Value = serde_json::from_str(&usage).unwrap();
    let total: f64 = usage["items"][0]["total"].as_str().unwrap_or_else(|| panic!("{usage}")).parse().unwrap();
    // Below 2^53 units of a ten-thousandth, so a float tells them apart.
    assert_eq!((total * 10_000.0).round() as u64, counted, "{usage}");
    service.stop();
}
