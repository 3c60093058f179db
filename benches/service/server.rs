//! The real executable, started on a free port with a catalog and an access key of its own.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    net::{SocketAddr, TcpListener},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::load;

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_signet");
const START_PATIENCE: Duration = Duration::from_secs(60);

/// The channel's slug.
pub const CHANNEL: &str = "bench";
/// What the catalog sells.
pub const PRODUCT_ID: &str = "00301-900001-0--0";
/// The channel's access key.
pub const ACCESS_KEY: &str = "5f7c1a5e-8d0b-4c55-9b53-bench0000001";

const CATALOG: &str = r#"
[[product]]
slug = "atlas"
name = { zh = "图册地图平台", en = "Atlas Map Platform" }
support = { email = "support@example.com" }

[[product.plan]]
slug = "standard"
name = { zh = "标准版", en = "Standard" }
term = "1 year"
machines = 1
features = { edition = "standard", export = false, layers = 20 }
product_ids = ["00301-900001-0--0"]

[[product.plan.meter]]
slug = "tiles"
name = { zh = "瓦片", en = "Tiles" }
unit = { zh = "张", en = "tiles" }
limit = 1000
period = "month"

[[channel]]
slug = "bench"
kind = "koogallery"
products = ["atlas"]
access_key = { file = "keys/bench.key" }
"#;

/// A running service. Killed when dropped, also by a panic.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the service in `folder`, on SQLite or on the database at the URL, and waits until it is ready. Logs,
    /// metrics and everything else are on as by default.
    ///
    /// # Errors
    /// With the end of its log when it does not become ready.
    pub async fn start(folder: &Path, database_url: Option<&str>) -> anyhow::Result<Self> {
        let catalog = folder.join("catalog.toml");
        fs::write(&catalog, CATALOG)?;
        fs::create_dir_all(folder.join("data/keys"))?;
        let mut key =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join("data/keys/bench.key"))?;
        writeln!(key, "{ACCESS_KEY}")?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = folder.join("signet.log");
        let (out, err) = (File::create(&log)?, OpenOptions::new().append(true).open(&log)?);
        let mut command = Command::new(EXECUTABLE);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SIGNET_")) {
            command.env_remove(name);
        }
        command.arg("serve").args(["--listen", &address.to_string()]).args(["--metrics-listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(folder.join("data")).arg("--catalog").arg(&catalog);
        // One address asks for all customers here.
        command.args(["--license-rate", "0", "--address-rate", "0", "--product-rate", "0"]);
        command.args(database_url.iter().flat_map(|url| ["--database-url", *url]));
        command.current_dir(folder).stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().with_context(|| format!("{EXECUTABLE} cannot be started"))?;
        let mut server = Self { child, address };
        server.wait_until_ready().await.with_context(|| format!("the service did not start:\n{}", tail(&log)))?;
        Ok(server)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended: {status}");
            }
            let run = load::drive(self.address, vec![get("/readyz", self.address)]).await;
            if run.is_ok_and(|run| run.answers.iter().all(|answer| answer.status == 200)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("not ready after {START_PATIENCE:?}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A GET request for `path`.
pub fn get(path: &str, address: SocketAddr) -> load::Request {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\n\r\n").into_bytes().into()
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
