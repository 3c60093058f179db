//! The service as the script sees it, and all that can go wrong with it. Calls are checked as strictly as the service
//! does, by openssl where keys are meant.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use signet::provision::proof::{MachineKey, session_message};

/// The token of all scripts here.
pub const TOKEN: &str = "one-time-token-of-43-characters-abcdefghijk";
const SESSION: &str = "session-token";
/// The license that [`Play`] hands out unless a test says otherwise.
pub const LICENSE: &str = "license-code.of-the.customer";
pub const ACTIVATION: &str = "0198b0aa-0000-7000-8000-000000000001";

/// What is served, and how badly.
#[derive(Debug, Clone, Default)]
pub struct Play {
    pub manifest: String,
    pub package: Vec<u8>,
    pub license: String,
    /// The real service, which then answers everything; connections break off all the same.
    pub real: Option<SocketAddr>,
    /// After so many bytes the package's connections break off, one after the other.
    pub cuts: Vec<usize>,
    /// The first call of each kind is carried out, but its answer gets lost.
    pub loses_answers: bool,
    /// The whole package is never given, only parts of it.
    pub parts_only: bool,
    /// So many calls are answered 503 first.
    pub busy: usize,
    /// Refusals, by the call: status and problem.
    pub refuses: BTreeMap<&'static str, (u16, &'static str)>,
    /// Answers to reports of a failure, and to those of an event and a stage: `failed`, `log installing`.
    pub orders: Vec<(&'static str, &'static str)>,
    /// What a renewal is answered with; a lease otherwise.
    pub granted: Option<String>,
}

/// One report.
#[derive(Debug, Clone)]
pub struct Report {
    pub stage: String,
    pub event: String,
    pub reason: Option<String>,
    pub activation: Option<String>,
    pub text: String,
}

#[derive(Debug, Default)]
struct State {
    play: Play,
    calls: Vec<String>,
    /// By their sequence: one that comes again is the same.
    reports: BTreeMap<u32, Report>,
    key: Option<String>,
    instance: Option<String>,
    complaints: Vec<String>,
}

/// The service.
#[derive(Debug)]
pub struct Fake {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Call {
    method: String,
    /// As it was sent: path and query.
    target: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Fake {
    pub fn start(play: Play) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { play, ..State::default() }));
        let shared = Arc::clone(&state);
        // Ends with the test's process; each test has its own.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { address, state }
    }

    pub fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    pub fn instance(&self) -> Option<String> {
        self.state.lock().unwrap().instance.clone()
    }

    /// The reports without a gap, after no call was wrong.
    pub fn reports(&self) -> Vec<Report> {
        let state = self.state.lock().unwrap();
        assert!(state.complaints.is_empty(), "{:?}", state.complaints);
        let numbers: Vec<u32> = state.reports.keys().copied().collect();
        assert_eq!(numbers, (1..=u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
        state.reports.values().cloned().collect()
    }

    /// Events that are not log lines, as `stage event`.
    pub fn steps(&self) -> Vec<String> {
        let steps = self.reports().into_iter().filter(|it| it.event != "log");
        steps.map(|it| format!("{} {}", it.stage, it.event)).collect()
    }

    /// All lines.
    pub fn log(&self) -> String {
        self.reports().into_iter().map(|it| it.text).collect()
    }
}

fn serve(stream: &TcpStream, shared: &Mutex<State>) {
    let Some(call) = read(stream) else { return };
    let name = call.name();
    let mut state = shared.lock().unwrap();
    if let Some(real) = state.play.real {
        let cuts = &mut state.play.cuts;
        let cut = (name == "package" && !cuts.is_empty()).then(|| cuts.remove(0));
        drop(state);
        return passed_on(stream, shared, real, &call, cut);
    }
    let first = !state.calls.iter().any(|it| it.starts_with(&format!("{} {name} ", call.method)));
    let (status, body) = match state.play.busy {
        0 => answer(&mut state, &call, &name),
        _ => {
            state.play.busy -= 1;
            (503, problem("the service is starting"))
        }
    };
    state.calls.push(format!("{} {name} {status}", call.method));
    // A renewal that gets lost is the next timer's.
    if first && state.play.loses_answers && name != "renew" {
        return;
    }
    let cut = if name == "package" && !state.play.cuts.is_empty() { state.play.cuts.remove(0) } else { body.len() };
    drop(state);
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    let range =
        if status == 206 { format!("Content-Range: bytes {}\r\n", call.range_of(body.len())) } else { String::new() };
    let mut stream = stream;
    let _ = stream.write_all(format!("{head}{range}\r\n").as_bytes());
    let _ = stream.write_all(&body[..cut.min(body.len())]);
}

impl Call {
    fn name(&self) -> String {
        self.path.rsplit('/').next().unwrap_or_default().to_owned()
    }

    fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }

    fn range_of(&self, length: usize) -> String {
        let from = self.from().unwrap_or_default();
        format!("{from}-{}/{}", from + length - 1, from + length)
    }
}

fn read(stream: &TcpStream) -> Option<Call> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_owned(), form(query.as_bytes()));
    Some(Call { method, path, query, target, headers, body })
}

fn form(bytes: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

fn problem(detail: &str) -> Vec<u8> {
    format!(r#"{{"type":"about:blank","status":0,"detail":"{detail}"}}"#).into_bytes()
}

fn answer(state: &mut State, call: &Call, name: &str) -> (u16, Vec<u8>) {
    if let Some((status, detail)) = state.play.refuses.get(name) {
        return (*status, problem(detail));
    }
    let authorization = call.headers.get("authorization").map(String::as_str).unwrap_or_default();
    let wanted = match call.path.strip_prefix("/api/v1/").unwrap_or_default() {
        "bootstrap/session" | "bootstrap/script" => String::new(),
        path if path.starts_with("activations") => format!("License {}", state.play.license),
        _ => format!("Bootstrap {SESSION}"),
    };
    if authorization != wanted {
        state.complaints.push(format!("{name}: authorization {authorization:?}"));
        return (401, problem("not authorized"));
    }
    if name == "package" && state.play.parts_only && !call.headers.contains_key("range") {
        return (500, problem("try again"));
    }
    match (call.method.as_str(), name) {
        ("POST", "session") => session(state, call),
        ("GET", "manifest" | "package") => served(state, call, name),
        ("GET", "license") => (200, format!("code {}\n", state.play.license).into_bytes()),
        ("POST", "report") => report(state, call),
        ("POST", "activations" | "renew") => activation(state, call, name),
        _ => {
            state.complaints.push(format!("{} {}", call.method, call.path));
            (404, problem("no such call"))
        }
    }
}

fn session(state: &mut State, call: &Call) -> (u16, Vec<u8>) {
    let fields = form(&call.body);
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (token, key) = (field("token"), field("key"));
    if token != TOKEN || !proven(&token, &key, &field("proof")) {
        state.complaints.push(format!("session: {fields:?}"));
        return (401, problem("the token is not known"));
    }
    if state.key.get_or_insert_with(|| key.clone()) != &key {
        return (409, problem("the token was used by another server"));
    }
    state.instance = Some(field("instance"));
    let sequence = state.reports.keys().last().copied().unwrap_or(0);
    (200, format!("session {SESSION}\nsequence {sequence}\n").into_bytes())
}

/// Whether the proof is the key's signature over token and key: what `openssl dgst -verify` says, and the service.
fn proven(token: &str, key: &str, proof: &str) -> bool {
    let decode = |text: &str| BASE64.decode(text.as_bytes()).unwrap_or_default();
    let machine = MachineKey::from_der(&decode(key));
    if !machine.is_some_and(|it| it.verifies(&session_message(token, key), &decode(proof))) {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("key"), format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n")).unwrap();
    std::fs::write(path("proof"), decode(proof)).unwrap();
    std::fs::write(path("text"), format!("signet-bootstrap\n{token}\n{key}")).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-verify", "key", "-signature", "proof", "text"]).current_dir(&folder);
    openssl.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

fn report(state: &mut State, call: &Call) -> (u16, Vec<u8>) {
    let value = |name: &str| call.query.get(name).cloned();
    let plain = call.headers.get("content-type").is_some_and(|it| it == "text/plain");
    let known = value("sequence").and_then(|it| it.parse().ok()).zip(value("stage")).zip(value("event"));
    let Some(((sequence, stage), event)) = known.filter(|_| plain && call.body.len() <= 16 * 1024) else {
        state.complaints.push(format!("report: {:?} {:?}", call.query, call.headers));
        return (400, problem("not a report"));
    };
    let what = [event.clone(), format!("{event} {stage}")];
    let text = String::from_utf8_lossy(&call.body).into_owned();
    let report = Report { stage, event, reason: value("reason"), activation: value("activation"), text };
    let again = state.reports.insert(sequence, report).is_some();
    let asked = state.play.orders.iter().position(|(when, _)| what.iter().any(|it| it == when));
    let order = match asked.filter(|_| !again) {
        Some(position) => state.play.orders.remove(position).1,
        None if what[0] == "failed" => "stop",
        None => "go",
    };
    (200, format!("order {order}\n").into_bytes())
}

fn served(state: &State, call: &Call, name: &str) -> (u16, Vec<u8>) {
    let package = &state.play.package;
    match call.from() {
        _ if name == "manifest" => (200, state.play.manifest.clone().into_bytes()),
        Some(from) if from >= package.len() => (416, Vec::new()),
        Some(from) => (206, package[from..].to_vec()),
        None => (200, package.clone()),
    }
}

/// Asks the real service, and passes on what it says, or as much of its body as `cut` lets through.
fn passed_on(mut machine: &TcpStream, state: &Mutex<State>, real: SocketAddr, call: &Call, cut: Option<usize>) {
    let mut stream = TcpStream::connect(real).unwrap();
    let Call { method, target, .. } = call;
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    for (name, value) in &call.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
    stream.write_all(&call.body).unwrap();
    let mut answer = Vec::new();
    // A service that breaks off in the middle has said what it said.
    let _ = stream.read_to_end(&mut answer);
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let status = String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or("none").to_owned();
    state.lock().unwrap().calls.push(format!("{method} {} {status}", call.name()));
    let _ = machine.write_all(&answer[..cut.map_or(answer.len(), |cut| answer.len().min(head + cut))]);
}

fn activation(state: &mut State, call: &Call, name: &str) -> (u16, Vec<u8>) {
    let asked: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let components = asked["components"].as_object().cloned().unwrap_or_default();
    let digests = components.values().all(|it| it.as_str().is_some_and(|it| it.len() == 43));
    if (name == "activations" && asked["product"] != "atlas") || !components.contains_key("machine-id") || !digests {
        state.complaints.push(format!("activation: {asked}"));
        return (422, problem("not an activation"));
    }
    let granted = state.play.granted.as_ref().filter(|_| name == "renew").cloned();
    (201, granted.unwrap_or_else(|| grant(2, &state.play.license)).into_bytes())
}

/// A text that has the form of a signed one, for this audience.
pub fn signed(audience: &str, more: &str) -> String {
    let payload = BASE64URL_NOPAD.encode(format!(r#"{{"aud":"{audience}"{more}}}"#).as_bytes());
    format!("e30.{payload}.{}", "A".repeat(86))
}

/// A lease of five minutes, given at second `iat`.
pub fn lease(iat: u64) -> String {
    let times = format!(r#","iat":{iat},"exp":{},"renew_after":{}"#, iat + 300, iat + 150);
    signed("atlas/lease", &times)
}

/// The answer to a machine that gets a seat.
pub fn grant(iat: u64, code: &str) -> String {
    let (lease, keys) = (lease(iat), signed("atlas/keys", ""));
    format!(r#"{{"activation":{{"id":"{ACTIVATION}","name":"x"}},"lease":"{lease}","code":"{code}","keys":"{keys}"}}"#)
}

/// A manifest of a package, signed; what it says of it can be changed first.
pub fn manifest(key: &SigningKey, package: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> String {
    manifest_by(|input| key.sign(input).to_bytes(), package, change)
}

/// The same by whatever signs.
pub fn manifest_by(
    sign: impl FnOnce(&[u8]) -> [u8; 64],
    package: &[u8],
    change: impl FnOnce(&mut serde_json::Value),
) -> String {
    let mut claims = serde_json::json!({
        "aud": "atlas/package", "exp": 4_102_444_800_u64, "file": "atlas.tar.gz", "min_version": "1.0.0",
        "sha256": HEXLOWER.encode(&Sha256::digest(package)), "size": package.len(), "version": "1.2.3",
    });
    change(&mut claims);
    let encode = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
    let header = r#"{"alg":"EdDSA","kid":"key-1","typ":"package+jwt"}"#.to_owned();
    let input = format!("{}.{}", encode(header), encode(claims.to_string()));
    let signature = sign(input.as_bytes());
    format!("{input}.{}", BASE64URL_NOPAD.encode(&signature))
}
