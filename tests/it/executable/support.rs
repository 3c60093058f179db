//! An installation of its own for each test: data folder, database, catalog, access keys; and the executable.

use std::{
    ffi::OsStr,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use diesel::{Connection, PgConnection, connection::SimpleConnection};
use koogallery_simulator::{Line, random::Random};
use signet::store::DatabaseUrl;
use tempfile::TempDir;

pub use super::process::{Ended, Service};

const SAMPLE: &str = include_str!("../../../deploy/sample-catalog.toml");
/// A password of the sample catalog, and what stands in its place here.
const SAMPLE_PASSWORD: &str = "change-me-first";
/// The password of the installed catalog: no log may show it.
pub const PASSWORD: &str = "canary-password-1";
/// How long any condition may take on a machine with other work.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const PAUSE: Duration = Duration::from_millis(20);

/// Which database a test uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A PostgreSQL database that is gone with the test.
#[derive(Debug)]
struct OwnDatabase {
    server: String,
    name: String,
}

impl OwnDatabase {
    fn create() -> Self {
        let server = std::env::var("SIGNET_TEST_POSTGRES_URL").expect(
            "SIGNET_TEST_POSTGRES_URL is not set: run `make test`, or leave these tests out with -E 'not test(postgres)'",
        );
        let name = format!("signet_run_{}", Random::from_system().letters(12).to_lowercase());
        let mut connection = PgConnection::establish(&server).unwrap();
        connection.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        Self { server, name }
    }

    fn url(&self) -> String {
        let (base, _) = self.server.rsplit_once('/').unwrap();
        format!("{base}/{}", self.name)
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        if let Ok(mut connection) = PgConnection::establish(&self.server) {
            let _ = connection.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

/// Where everything of one test is.
#[derive(Debug)]
pub struct Installation {
    // Before the folder: a database is dropped first.
    postgres: Option<OwnDatabase>,
    folder: TempDir,
    pub port: u16,
}

impl Installation {
    /// A data folder with access keys, a catalog file and a free port; nothing was started yet.
    pub fn new(backend: Backend) -> Self {
        let postgres = (backend == Backend::Postgres).then(OwnDatabase::create);
        let folder = tempfile::tempdir().unwrap();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.path().join("data/keys")).unwrap();
        let it = Self { postgres, folder, port: free_port() };
        for line in Line::ALL {
            it.write_key(line, &format!("canary-{line}-{}", Random::from_system().letters(20)));
        }
        fs::write(it.catalog(), SAMPLE.replace(SAMPLE_PASSWORD, PASSWORD)).unwrap();
        it
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn master_key(&self) -> PathBuf {
        self.data().join("master.key")
    }

    pub fn catalog(&self) -> PathBuf {
        self.path("catalog.toml")
    }

    /// Where the service's two streams go, of all its starts.
    pub fn log_file(&self) -> PathBuf {
        self.path("service.log")
    }

    pub fn key_file(&self, line: Line) -> PathBuf {
        self.data().join(format!("keys/{line}.key"))
    }

    pub fn key(&self, line: Line) -> String {
        fs::read_to_string(self.key_file(line)).unwrap().trim().to_owned()
    }

    pub fn write_key(&self, line: Line, key: &str) {
        fs::write(self.key_file(line), format!("{key}\n")).unwrap();
        fs::set_permissions(self.key_file(line), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn channel_url(&self, line: Line) -> String {
        format!("{}/marketplace/koogallery/{line}", self.url())
    }

    pub fn database_url(&self) -> DatabaseUrl {
        match &self.postgres {
            Some(database) => database.url().parse().unwrap(),
            None => DatabaseUrl::Sqlite(self.data().join("signet.db")),
        }
    }

    /// `signet ARGUMENTS` on this installation; nothing of the test's own environment is handed on.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(executable());
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("SIGNET_DATA_DIR", self.data()).env("SIGNET_PUBLIC_URL", self.url());
        command.env("SIGNET_LISTEN", format!("127.0.0.1:{}", self.port)).env("SIGNET_METRICS_LISTEN", "");
        if let Some(database) = &self.postgres {
            command.env("SIGNET_DATABASE_URL", database.url());
        }
        command.args(arguments);
        command
    }

    /// Runs a command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ended {
        Ended::of(self.command(arguments))
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn done<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    }

    /// Starts the service again on the same port and data; nothing but its readiness will do.
    #[track_caller]
    pub fn serve_again(&self) -> Service {
        self.serve_again_with(&[])
    }

    /// The same with settings of the environment.
    #[track_caller]
    pub fn serve_again_with(&self, settings: &[(&str, &str)]) -> Service {
        let mut command = self.command(&["serve", "--catalog", "catalog.toml"]);
        command.envs(settings.iter().copied());
        Service::start(command, self).unwrap_or_else(|log| panic!("no new start:\n{}", tail(&log)))
    }

    /// Starts `signet serve` with the catalog and waits until it is ready. On a first start another port is tried
    /// when somebody took the free one meanwhile.
    #[track_caller]
    pub fn serve(&mut self) -> Service {
        self.serve_with(&[])
    }

    /// The same with settings of the environment.
    #[track_caller]
    pub fn serve_with(&mut self, settings: &[(&str, &str)]) -> Service {
        self.serve_by(|mut command| {
            command.envs(settings.iter().copied());
            command
        })
    }

    /// The same by another command, made of the usual one.
    #[track_caller]
    pub fn serve_by(&mut self, change: impl Fn(Command) -> Command) -> Service {
        for _ in 0..5 {
            let command = change(self.command(&["serve", "--catalog", "catalog.toml"]));
            match Service::start(command, self) {
                Ok(service) => return service,
                Err(log) if log.contains("cannot listen") => self.port = free_port(),
                Err(log) => panic!("the service did not start:\n{log}"),
            }
        }
        panic!("no free port was found");
    }

    /// A token for the management API.
    pub fn token(&self, scopes: &str) -> String {
        self.done(&["token", "create", "test", "--scope", scopes]).stdout.trim().to_owned()
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        http_get(self.port, path, &[]).unwrap()
    }

    pub fn post_with_token(&self, path: &str, token: &str, body: &str) -> (u16, String) {
        let bearer = format!("Bearer {token}");
        http(self.port, "POST", path, &[("Authorization", &bearer), ("Content-Type", "application/json")], body)
            .unwrap()
    }

    pub fn get_with_token(&self, path: &str, token: &str) -> (u16, String) {
        http_get(self.port, path, &[("Authorization", &format!("Bearer {token}"))]).unwrap()
    }
}

/// The executable under test. A test runner that moved it says where it is now.
pub fn executable() -> PathBuf {
    std::env::var_os("NEXTEST_BIN_EXE_signet").map_or_else(|| env!("CARGO_BIN_EXE_signet").into(), PathBuf::from)
}

/// A port below the range that the system gives to outgoing connections, so that a service that is killed can have
/// it again.
fn free_port() -> u16 {
    let random = Random::from_system();
    (0..100)
        .map(|_| u16::try_from(random.between(10_000, 19_999)).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Waits until `condition` holds.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen within {PATIENCE:?}");
        std::thread::sleep(PAUSE);
    }
}

/// The end of a log.
pub fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// A plain HTTP/1.1 GET on a connection of its own.
pub fn http_get(port: u16, path: &str, headers: &[(&str, &str)]) -> std::io::Result<(u16, String)> {
    http(port, "GET", path, headers, "")
}

/// A plain HTTP/1.1 call on a connection of its own.
pub fn http(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<(u16, String)> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = format!("Host: 127.0.0.1\r\n{headers}Connection: close\r\nContent-Length: {}\r\n", body.len());
    write!(stream, "{method} {path} HTTP/1.1\r\n{headers}\r\n{body}")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, body.to_owned()))
}

/// The file's permissions.
pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
