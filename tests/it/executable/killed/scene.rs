//! A service, a cloud, and the call in which the service dies.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use signet::provision::plan::Cloud;
use tokio::{sync::Mutex as Turn, task::block_in_place};

use super::{
    super::{
        market::buy_code,
        support::{Backend, Installation, PATIENCE, Service, http, tail},
    },
    machine::{Machine, STEPS, Step},
};
use crate::deploy::{
    ec2::{
        moto::{Moto, between},
        proxy::{Fate, Proxy, action},
    },
    whole::{Real, name},
};

/// Between two looks at a deployment.
const LOOK: Duration = Duration::from_millis(100);

/// Whether a call has this name: all of it, the end of its path, or with `/` at the end a part of it.
fn is_call(call: &str, name: &str) -> bool {
    if name.starts_with('/') && name.ends_with('/') { call.contains(name) } else { call.ends_with(name) }
}

/// The call in which the service dies: the first of that name after one of the other name was made.
#[derive(Debug, Clone)]
pub struct Trap {
    pub after: &'static str,
    pub call: &'static str,
    pub fate: Fate,
}

#[derive(Debug, Default)]
struct Traffic {
    trap: Option<Trap>,
    seen: BTreeSet<String>,
}

impl Traffic {
    fn judge(&mut self, call: &str) -> Fate {
        let seen = &self.seen;
        let after = |name: &str| name.is_empty() || seen.iter().any(|call| is_call(call, name));
        let sprung = self.trap.take_if(|trap| is_call(call, trap.call) && after(trap.after));
        self.seen.insert(call.to_owned());
        sprung.map_or(Fate::Pass, |trap| trap.fate)
    }
}

/// A cloud, for all that happens in one test.
pub struct Shared {
    pub cloud: Real,
    server: Value,
    /// What moto says of the one flavor that is offered: of all that it has it speaks for seconds, each time.
    flavors: Option<String>,
    /// Held while moto takes unsigned calls: those of the tests.
    turn: Turn<()>,
}

impl Shared {
    pub async fn start_huawei() -> Arc<Self> {
        let cloud = Real::sound(Cloud::Huawei).await;
        let mut server = cloud.server().await;
        server["flavor"] = "s6.large.2".into();
        server["disk_gib"] = 40.into();
        Arc::new(Self { cloud, server, flavors: None, turn: Turn::default() })
    }

    pub async fn start() -> Arc<Self> {
        let cloud = Real::sound(Cloud::Ec2).await;
        let mut server = cloud.server().await;
        server["flavor"] = "t3.medium".into();
        server["disk_gib"] = 40.into();
        let moto = cloud.moto();
        moto.free().await;
        server["image"] = own_image(moto, server["image"].as_str().unwrap()).await.into();
        let flavor = [("Action", "DescribeInstanceTypes"), ("InstanceType.1", "t3.medium")];
        let flavors = moto.ask(&flavor).await;
        moto.strict().await;
        Arc::new(Self { cloud, server, flavors: Some(flavors), turn: Turn::default() })
    }
}

/// On a cloud that is in no list only the account's own images are offered.
async fn own_image(moto: &Moto, image: &str) -> String {
    let copy = [("SourceRegion", "us-east-1"), ("Name", "debian 12"), ("Description", "Debian 12")];
    let made = moto.ask(&[&[("Action", "CopyImage"), ("SourceImageId", image)], &copy[..]].concat()).await;
    between(&made, "imageId")
}

/// A service that deploys to it.
pub struct Scene {
    pub installation: Installation,
    service: Option<Service>,
    settings: Vec<(&'static str, String)>,
    shared: Arc<Shared>,
    pub proxy: Proxy,
    traffic: Arc<Mutex<Traffic>>,
    pub code: String,
    pub id: String,
    /// All that was answered to the license's holder.
    pub heard: Mutex<String>,
}

impl Scene {
    /// With an order that was taken. `idempotent`: the operator says that the cloud honours client tokens.
    pub async fn begin(shared: Arc<Shared>, backend: Backend, idempotent: bool, trap: Option<Trap>) -> Self {
        Self::begin_with(shared, backend, idempotent, trap, &[], json!({})).await
    }

    /// The same with other settings, and more in the order.
    pub async fn begin_with(
        shared: Arc<Shared>,
        backend: Backend,
        idempotent: bool,
        trap: Option<Trap>,
        more: &[(&'static str, &str)],
        ordered: Value,
    ) -> Self {
        let traffic = Arc::new(Mutex::new(Traffic { trap, ..Traffic::default() }));
        let seen = Arc::clone(&traffic);
        let flavors = shared.flavors.clone();
        let judge = move |head: &str, body: &str, _: &[String]| match (action(body), &flavors) {
            ("DescribeInstanceTypes", Some(flavors)) => Fate::Answer(200, flavors.clone()),
            _ => seen.lock().unwrap().judge(&name(head, body)),
        };
        let proxy = Proxy::judging(Some(shared.cloud.address()), judge).await;
        let endpoint = format!("http://{}/", proxy.address);
        let mut settings = vec![
            ("SIGNET_CUSTOM_ENDPOINTS", "http".to_owned()),
            ("SIGNET_PROVIDER_NETWORKS", "127.0.0.0/8".to_owned()),
            // The test looks more often than people do.
            ("SIGNET_LICENSE_RATE", "0".to_owned()),
            ("SIGNET_ADDRESS_RATE", "0".to_owned()),
        ];
        settings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        if idempotent {
            settings.push(("SIGNET_IDEMPOTENT_ENDPOINTS", endpoint.clone()));
        }
        let (installation, service, code) = block_in_place(|| open(backend, &settings));
        let mut order = json!({
            "place": shared.cloud.place(),
            "credentials": shared.cloud.credentials(), "server": shared.server, "parameters": { "SITE_NAME": "Demo", "LANGUAGE": "en" },
        });
        order["place"]["endpoint"] = endpoint.into();
        order.as_object_mut().unwrap().extend(ordered.as_object().unwrap().clone());
        let (service, heard) = (Some(service), Mutex::default());
        let mut it = Self { installation, service, settings, shared, proxy, traffic, code, id: String::new(), heard };
        let begun = it.call("POST", "", Some(order));
        it.id = begun["id"].as_str().unwrap().to_owned();
        it
    }

    /// A call of the license's holder.
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, text) = self.ask(method, path, body);
        assert!((200..300).contains(&status), "{status} {text}\n{}", self.log());
        serde_json::from_str(&text).unwrap()
    }

    /// The same, however it is answered.
    pub fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, String) {
        let license = format!("License {}", self.code);
        let headers = [("Authorization", license.as_str()), ("Content-Type", "application/json")];
        let body = body.map(|it| it.to_string()).unwrap_or_default();
        let path = format!("/api/v1/deployments{path}");
        let answer = block_in_place(|| http(self.installation.port, method, &path, &headers, &body)).unwrap();
        self.heard.lock().unwrap().push_str(&answer.1);
        answer
    }

    /// Those of the account's owner.
    pub fn credentials(&self) -> Value {
        self.shared.cloud.credentials()
    }

    /// What the one server that was made was given.
    pub async fn user_data(&self) -> String {
        let _turn = self.shared.turn.lock().await;
        let all = self.shared.cloud.user_data().await;
        all.into_iter().find(|it| it.contains(&self.id)).unwrap()
    }

    pub fn shown(&self) -> Value {
        self.call("GET", &format!("/{}", self.id), None)
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.installation.log_file()).unwrap_or_default();
        // Of the many looks nobody learns anything.
        let told: Vec<&str> = log.lines().filter(|line| !line.contains(" GET /api/v1/deployments/")).collect();
        tail(&told.join("\n"))
    }

    /// Waits until it shows this.
    pub async fn until(&self, what: &str, is: &str) {
        let shows = async {
            while self.shown()[what] != is {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(PATIENCE, shows).await.is_err() {
            panic!("{what} never was {is}: {:#}\n{}", self.shown(), self.log());
        }
    }

    /// SIGKILL, and a new start on the same database.
    pub fn dies(&mut self) {
        block_in_place(|| {
            self.service.take().unwrap().kill();
            let settings: Vec<_> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            self.service = Some(self.installation.serve_again_with(&settings));
        });
    }

    /// The same, as soon as the call of the trap is held.
    pub async fn dies_in_the_trap(&mut self) {
        if tokio::time::timeout(PATIENCE, self.proxy.hangs.notified()).await.is_err() {
            panic!("the call was never made: {:?}\n{:#}\n{}", self.traffic.lock().unwrap(), self.shown(), self.log());
        }
        self.dies();
    }

    pub fn set(&self, call: &'static str, fate: Fate) {
        self.traffic.lock().unwrap().trap = Some(Trap { after: "", call, fate });
    }

    /// How many orders were sent.
    pub fn orders(&self) -> usize {
        self.proxy.all().iter().filter(|it| ordered(it).is_some()).count()
    }

    /// One order was carried out, ever, and all that were sent are the same one.
    pub async fn has_one_server(&self) -> String {
        let all = {
            let _turn = self.shared.turn.lock().await;
            self.shared.cloud.user_data().await
        };
        let servers: Vec<_> = all.into_iter().filter(|it| it.contains(&self.id)).collect();
        assert_eq!(servers.len(), 1, "{:#}\n{}", self.shown(), self.log());
        let orders: BTreeSet<_> = self.proxy.all().iter().filter_map(|it| ordered(it)).collect();
        assert_eq!(orders.len(), 1, "{orders:?}");
        servers.into_iter().next().unwrap()
    }

    /// Its machine works; the service dies after each of these steps.
    pub async fn becomes_healthy(&mut self, dies_after: &[Step]) {
        self.until("stage", "bootstrap_called").await;
        let script = self.has_one_server().await;
        let mut machine = Machine::of(&script);
        for step in STEPS {
            machine.take(self, step);
            if dies_after.contains(&step) {
                self.dies();
                // The answer may have been lost with the service: the machine says it again.
                machine.again(self, step);
            }
        }
        self.until("status", "healthy").await;
        assert_eq!(self.has_one_server().await, script);
        let shown = self.shown();
        assert_eq!((&shown["suspect"], &shown["goal"]), (&false.into(), &"deploy".into()), "{shown:#}");
    }
}

/// The attempt and the user-data of a call that orders a server.
fn ordered(body: &str) -> Option<(String, String)> {
    if action(body) == "RunInstances" {
        let field = |name: &str| form_urlencoded::parse(body.as_bytes()).find(|(key, _)| key == name).unwrap().1;
        return Some((field("ClientToken").into_owned(), field("UserData").into_owned()));
    }
    let body: Value = serde_json::from_str(body).ok().filter(|it: &Value| it["dry_run"].is_null())?;
    let user_data = body["server"]["user_data"].as_str()?;
    Some((body["server"]["server_tags"].to_string(), user_data.to_owned()))
}

/// A running service with a package, and a license's code.
fn open(backend: Backend, settings: &[(&str, String)]) -> (Installation, Service, String) {
    let mut installation = Installation::new(backend);
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = installation.serve_with(&settings);
    fs::write(installation.path("atlas-1.4.0.tar.gz"), "not unpacked by anybody").unwrap();
    installation.done(&["package", "publish", "--product", "atlas", "--version", "1.4.0", "atlas-1.4.0.tar.gz"]);
    let code = std::thread::scope(|scope| scope.spawn(|| buy_code(&installation)).join().unwrap());
    (installation, service, code)
}
