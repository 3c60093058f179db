//! A cloud that is simulated: for `make demo` and for trying the wizard without an account. Every name in it says so.
//!
//! Servers are entries of a small file, so that they outlive a restart as real ones would, with what runs on them. `machine`
//! plays that: it speaks the bootstrap's protocol over HTTP with the service, as `bootstrap.sh` does, but installs nothing.

mod machine;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use data_encoding::BASE64;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    base::{clock::Clock, entropy::Entropy, secret::ExposeSecret, time::Time},
    license::seal::{MasterKey, Purpose},
    provision::recipe::Architecture,
};

use super::{
    Accepted, Answer, Attempt, CloudError, Credentials, Flavor, Identity, Image, KeyPair, Network, PortRange, Price,
    Progress, Provider, Quota, Removal, RemovalProgress, Resource, ResourceKind, SecurityGroup, Server, ServerOrder,
    ServerState, Stock, Subnet, Trouble, Zone,
};

/// How long making a server takes.
const BUILDING: SignedDuration = SignedDuration::from_secs(4);
/// A secret key that begins so is refused, to show what that looks like.
const WRONG: &str = "wrong";
/// The flavor that is sold out.
const SOLD_OUT: &str = "sim.large";
/// The address of every simulated server: TEST-NET-3 (RFC 5737), which is nobody's.
const ADDRESS: &str = "203.0.113.10";

/// What the simulated cloud works with.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Remembers the servers.
    pub file: PathBuf,
    /// When they were made.
    pub clock: Arc<dyn Clock>,
    /// For seals.
    pub entropy: Arc<dyn Entropy>,
    /// Seals what machines know.
    pub master: MasterKey,
}

/// The simulated cloud.
#[derive(Debug)]
pub struct Simulated {
    ground: Ground,
    servers: Mutex<BTreeMap<String, Entry>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    attempt: String,
    made_at: Time,
    /// What its machine knows, sealed, in base64; `None` when that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
}

impl Simulated {
    /// A cloud with the servers of its file. What cannot be read of it is forgotten: nothing there is real.
    pub fn new(ground: Ground) -> Self {
        let known = fs::read(&ground.file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { ground, servers: Mutex::new(known.unwrap_or_default()) }
    }

    /// Lets machines go on that were at work when the process before this one ended. For the server alone: a command beside
    /// it would play them twice.
    pub fn go_on(self: &Arc<Self>) {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, _) in servers.iter().filter(|(_, entry)| entry.machine.is_some()) {
            machine::start(Arc::clone(self), id.clone());
        }
    }

    /// The cloud, for somebody.
    pub fn as_seen_by(self: &Arc<Self>, credentials: Credentials) -> Arc<dyn Provider> {
        Arc::new(Account { cloud: Arc::clone(self), credentials })
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Entry>) -> T) -> T {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut servers);
        if let Ok(text) = serde_json::to_vec(&*servers)
            && let Err(error) = self.write(&text)
        {
            tracing::warn!("the simulated cloud cannot remember its servers: {error}");
        }
        changed
    }

    /// Whole or not at all: who is killed here has the file from before.
    fn write(&self, text: &[u8]) -> std::io::Result<()> {
        let new = self.ground.file.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).open(&new)?.write_all(text)?;
        fs::rename(&new, &self.ground.file)
    }

    /// What the machine on the server `id` knows; `None` when there is no server, or nothing left to do.
    fn memory(&self, id: &str) -> Option<machine::Memory> {
        let sealed = BASE64.decode(self.entry(id)?.machine?.as_bytes()).ok()?;
        let clear = self.ground.master.open(Purpose::SimulatedMachine, id, &sealed);
        let clear = clear.inspect_err(|error| tracing::warn!("the simulated machine {id} is lost: {error}")).ok()?;
        serde_json::from_slice(&clear).ok()
    }

    fn seal(&self, id: &str, memory: &machine::Memory) -> Option<String> {
        let clear = Zeroizing::new(serde_json::to_vec(memory).ok()?);
        let Ground { master, entropy, .. } = &self.ground;
        Some(BASE64.encode(&master.seal(Purpose::SimulatedMachine, id, &clear, &**entropy)))
    }

    /// Writes down what the machine knows now; `None`: it is done.
    fn remember(&self, id: &str, memory: Option<&machine::Memory>) {
        let machine = memory.and_then(|memory| self.seal(id, memory));
        self.change(|servers| {
            if let Some(entry) = servers.get_mut(id) {
                entry.machine = machine;
            }
        });
    }

    fn entry(&self, id: &str) -> Option<Entry> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn server(&self, id: &str) -> Option<Server> {
        let entry = self.entry(id)?;
        let running = self.ground.clock.now().since(entry.made_at) >= BUILDING;
        let resource = |kind, id: String, name: &str| Resource { kind, id, name: Some(name.to_owned()) };
        Some(Server {
            id: id.to_owned(),
            state: if running { ServerState::Running } else { ServerState::Building },
            public_ip: Some(ADDRESS.to_owned()),
            private_ip: None,
            resources: vec![
                resource(ResourceKind::Server, id.to_owned(), "simulated server"),
                resource(ResourceKind::Disk, format!("{id}-disk"), "simulated disk"),
                resource(ResourceKind::Address, format!("{id}-ip"), ADDRESS),
            ],
        })
    }
}

#[derive(Debug)]
struct Account {
    cloud: Arc<Simulated>,
    credentials: Credentials,
}

impl Account {
    fn check(&self) -> Answer<()> {
        if self.credentials.secret_key.expose_secret().starts_with(WRONG) {
            let error =
                CloudError::new(Trouble::Credentials, ("模拟：密钥（SK）不正确", "simulated: the secret key is wrong"));
            return Err(error.with(Some("Simulated.AuthFailure".to_owned()), Some("simulated-request".to_owned())));
        }
        Ok(())
    }
}

fn flavor(id: &str, vcpus: u32, memory_mib: u32, architecture: Architecture) -> Flavor {
    let stock = if id == SOLD_OUT { Stock::SoldOut } else { Stock::Normal };
    Flavor { id: id.to_owned(), vcpus, memory_mib, architecture, stock }
}

fn image(id: &str, system: &str, architecture: Architecture) -> Image {
    Image {
        id: id.to_owned(),
        name: format!("{system} (simulated)"),
        system: system.to_owned(),
        architecture,
        minimum_disk_gib: 10,
        minimum_memory_mib: 512,
        root_device: None,
    }
}

#[async_trait]
impl Provider for Account {
    async fn identity(&self) -> Answer<Identity> {
        self.check()?;
        Ok(Identity { account: "simulated-account".to_owned(), user: Some(self.credentials.access_key.clone()) })
    }

    async fn zones(&self) -> Answer<Vec<Zone>> {
        self.check()?;
        Ok(["simulated-1a", "simulated-1b"].map(|id| Zone { id: id.to_owned(), available: true }).into())
    }

    async fn flavors(&self, _: &str) -> Answer<Vec<Flavor>> {
        self.check()?;
        Ok(vec![
            flavor("sim.tiny", 1, 512, Architecture::X86_64),
            flavor("sim.small", 1, 2_048, Architecture::X86_64),
            flavor("sim.medium", 2, 4_096, Architecture::X86_64),
            flavor(SOLD_OUT, 4, 16_384, Architecture::X86_64),
            flavor("sim.arm", 2, 4_096, Architecture::Arm64),
        ])
    }

    async fn images(&self, flavor: &Flavor) -> Answer<Vec<Image>> {
        self.check()?;
        let systems = [
            ("sim-debian", "Debian GNU/Linux 12"),
            ("sim-ubuntu", "Ubuntu 24.04"),
            ("sim-euler", "Huawei Cloud EulerOS 2.0"),
        ];
        Ok(systems.map(|(id, system)| image(id, system, flavor.architecture)).into())
    }

    async fn networks(&self) -> Answer<Vec<Network>> {
        self.check()?;
        let subnet = |id: &str, free| Subnet {
            id: id.to_owned(),
            name: format!("simulated {id}"),
            cidr: "192.168.0.0/24".to_owned(),
            zone: None,
            free_addresses: Some(free),
            dhcp: true,
        };
        Ok(vec![Network {
            id: "sim-vpc".to_owned(),
            name: "simulated network".to_owned(),
            cidr: "192.168.0.0/16".to_owned(),
            subnets: vec![subnet("sim-subnet", 250), subnet("sim-full", 0)],
        }])
    }

    async fn security_groups(&self, _: &str) -> Answer<Vec<SecurityGroup>> {
        self.check()?;
        let group = |id: &str, ports: &[u16], lets_out: bool| SecurityGroup {
            id: id.to_owned(),
            name: format!("simulated {id}"),
            open_ports: Some(ports.iter().map(|port| PortRange { first: *port, last: *port }).collect()),
            lets_out: Some(lets_out),
        };
        let all = [
            group("sim-web", &[22, 80, 443, 8080], true),
            group("sim-closed", &[], true),
            group("sim-sealed", &[22], false),
        ];
        Ok(all.into())
    }

    async fn key_pairs(&self) -> Answer<Vec<KeyPair>> {
        self.check()?;
        Ok(vec![KeyPair { name: "simulated-key".to_owned(), fingerprint: "00:00:00:00".to_owned() }])
    }

    async fn quota(&self, _flavor: &Flavor) -> Answer<Option<Quota>> {
        self.check()?;
        Ok(Some(Quota { servers: Some(10), vcpus: Some(40), memory_mib: Some(81_920), addresses: Some(5) }))
    }

    async fn price(&self, order: &ServerOrder) -> Answer<Option<Price>> {
        self.check()?;
        let cents: u32 = if order.flavor == "sim.small" { 2 } else { 5 };
        let month = cents * 730;
        Ok(Some(Price {
            per_hour: format!("0.{cents:02}"),
            per_month: format!("{}.{:02}", month / 100, month % 100),
            currency: "XTS".to_owned(),
        }))
    }

    async fn rehearse(&self, _: &ServerOrder) -> Answer<()> {
        self.check()
    }

    async fn create(&self, order: &ServerOrder, attempt: &Attempt) -> Answer<Accepted> {
        self.check()?;
        if let Some(known) = self.find(attempt).await? {
            return Ok(known);
        }
        let id = format!("sim-{}", attempt.token);
        let memory = machine::Memory::new(order.user_data.expose_secret());
        let memory = memory.map_err(|why| CloudError::new(Trouble::Choice, format!("simulated: {why}")))?;
        let (attempt, made_at) = (attempt.token.clone(), self.cloud.ground.clock.now());
        let entry = Entry { attempt, made_at, machine: self.cloud.seal(&id, &memory) };
        self.cloud.change(|servers| servers.insert(id.clone(), entry));
        machine::start(Arc::clone(&self.cloud), id.clone());
        Ok(Accepted { job: Some(format!("job-{id}")), server: None })
    }

    async fn find(&self, attempt: &Attempt) -> Answer<Option<Accepted>> {
        self.check()?;
        let id = format!("sim-{}", attempt.token);
        let known = self.cloud.entry(&id).filter(|entry| entry.attempt == attempt.token);
        Ok(known.map(|_| Accepted { job: Some(format!("job-{id}")), server: Some(id) }))
    }

    async fn progress(&self, accepted: &Accepted) -> Answer<Progress> {
        self.check()?;
        let id = accepted.server.as_deref().or_else(|| accepted.job.as_deref()?.strip_prefix("job-"));
        match id.and_then(|id| self.cloud.server(id)) {
            Some(server) if server.state == ServerState::Running => Ok(Progress::Created(server)),
            Some(server) => Ok(Progress::Pending { server: Some(server.id) }),
            None => {
                let error =
                    CloudError::new(Trouble::NotFound, ("模拟：没有这台服务器", "simulated: there is no such server"));
                Ok(Progress::Failed { error, left: Vec::new() })
            }
        }
    }

    async fn server(&self, id: &str) -> Answer<Option<Server>> {
        self.check()?;
        Ok(self.cloud.server(id))
    }

    async fn console(&self, _: &str) -> Answer<String> {
        self.check()?;
        Ok("simulated: this server has no console".to_owned())
    }

    async fn remove(&self, resources: &[Resource]) -> Answer<Removal> {
        self.check()?;
        self.cloud.change(|servers| {
            for resource in resources.iter().filter(|it| it.kind == ResourceKind::Server) {
                servers.remove(&resource.id);
            }
        });
        Ok(Removal { job: None, resources: resources.to_vec() })
    }

    async fn removal(&self, _: &Removal) -> Answer<RemovalProgress> {
        self.check()?;
        Ok(RemovalProgress::Done)
    }
}
