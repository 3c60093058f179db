//! Sudden death of a service that deploys: SIGKILL at each stage, a new start on the same database, and in the end there is
//! one server, with software that runs.
//!
//! The service is the real executable, the cloud is moto with signatures checked. moto ignores client tokens, so that an
//! order too many is a server too many. Between them a proxy holds a call while the service is killed. What happens at the
//! same stage shares one moto, which takes longer to start than all the rest, and happens at the same time: most of it is
//! waiting until a dead worker's claim is over.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use signet::provision::plan::Cloud;
use signet_verify::machine::digest;
use tokio::{
    sync::Mutex as Turn,
    task::{JoinSet, block_in_place},
};

use super::{
    market::buy_code,
    support::{Backend, Installation, PATIENCE, Service, http, tail},
};
use crate::{
    deploy::{
        ec2::{
            moto::{Moto, between},
            proxy::{Fate, Proxy, action},
        },
        whole::Real,
    },
    deployment::machine::Key,
};

/// Between two looks at a deployment.
const LOOK: Duration = Duration::from_millis(100);

/// The call in which the service dies: the first of that name after one of the other name was made.
#[derive(Debug, Clone)]
struct Trap {
    after: &'static str,
    call: &'static str,
    fate: Fate,
}

#[derive(Debug, Default)]
struct Traffic {
    trap: Option<Trap>,
    seen: BTreeSet<String>,
}

impl Traffic {
    fn judge(&mut self, call: &str) -> Fate {
        let sprung =
            self.trap.take_if(|trap| trap.call == call && (trap.after.is_empty() || self.seen.contains(trap.after)));
        self.seen.insert(call.to_owned());
        sprung.map_or(Fate::Pass, |trap| trap.fate)
    }
}

/// moto, for all that happens in one test.
struct Shared {
    cloud: Real,
    server: Value,
    /// What moto says of the one flavor that is offered: of all that it has it speaks for seconds, each time.
    flavors: String,
    /// Held while moto takes unsigned calls: those of the tests.
    turn: Turn<()>,
}

impl Shared {
    async fn start() -> Arc<Self> {
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
        Arc::new(Self { cloud, server, flavors, turn: Turn::default() })
    }
}

/// On a cloud that is in no list only the account's own images are offered.
async fn own_image(moto: &Moto, image: &str) -> String {
    let copy = [("SourceRegion", "us-east-1"), ("Name", "debian 12"), ("Description", "Debian 12")];
    let made = moto.ask(&[&[("Action", "CopyImage"), ("SourceImageId", image)], &copy[..]].concat()).await;
    between(&made, "imageId")
}

/// A service that deploys to it.
struct Scene {
    installation: Installation,
    service: Option<Service>,
    settings: Vec<(&'static str, String)>,
    shared: Arc<Shared>,
    proxy: Proxy,
    traffic: Arc<Mutex<Traffic>>,
    code: String,
    id: String,
}

impl Scene {
    /// With an order that was taken. `idempotent`: the operator says that the cloud honours client tokens.
    async fn begin(shared: Arc<Shared>, backend: Backend, idempotent: bool, trap: Option<Trap>) -> Self {
        let traffic = Arc::new(Mutex::new(Traffic { trap, ..Traffic::default() }));
        let seen = Arc::clone(&traffic);
        let moto = shared.cloud.moto().address;
        let flavors = shared.flavors.clone();
        let judge = move |_: &str, body: &str, _: &[String]| match action(body) {
            "DescribeInstanceTypes" => Fate::Answer(200, flavors.clone()),
            call => seen.lock().unwrap().judge(call),
        };
        let proxy = Proxy::judging(Some(moto), judge).await;
        let endpoint = format!("http://{}/", proxy.address);
        let mut settings = vec![
            ("SIGNET_CUSTOM_ENDPOINTS", "http".to_owned()),
            ("SIGNET_PROVIDER_NETWORKS", "127.0.0.0/8".to_owned()),
            // The test looks more often than people do.
            ("SIGNET_LICENSE_RATE", "0".to_owned()),
            ("SIGNET_ADDRESS_RATE", "0".to_owned()),
        ];
        if idempotent {
            settings.push(("SIGNET_IDEMPOTENT_ENDPOINTS", endpoint.clone()));
        }
        let (installation, service, code) = block_in_place(|| open(backend, &settings));
        let order = json!({
            "place": { "cloud": "ec2", "region": "us-east-1", "endpoint": endpoint },
            "credentials": shared.cloud.credentials(), "server": shared.server, "parameters": { "SITE_NAME": "Demo", "LANGUAGE": "en" },
        });
        let service = Some(service);
        let mut it = Self { installation, service, settings, shared, proxy, traffic, code, id: String::new() };
        let begun = it.call("POST", "", Some(order));
        it.id = begun["id"].as_str().unwrap().to_owned();
        it
    }

    /// A call of the license's holder.
    fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let license = format!("License {}", self.code);
        let headers = [("Authorization", license.as_str()), ("Content-Type", "application/json")];
        let body = body.map(|it| it.to_string()).unwrap_or_default();
        let path = format!("/api/v1/deployments{path}");
        let (status, text) = block_in_place(|| http(self.installation.port, method, &path, &headers, &body)).unwrap();
        assert!((200..300).contains(&status), "{status} {text}\n{}", self.log());
        serde_json::from_str(&text).unwrap()
    }

    fn shown(&self) -> Value {
        self.call("GET", &format!("/{}", self.id), None)
    }

    fn log(&self) -> String {
        tail(&fs::read_to_string(self.installation.log_file()).unwrap_or_default())
    }

    /// Waits until it shows this.
    async fn until(&self, what: &str, is: &str) {
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
    fn dies(&mut self) {
        block_in_place(|| {
            self.service.take().unwrap().kill();
            let settings: Vec<_> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            self.service = Some(self.installation.serve_again_with(&settings));
        });
    }

    /// The same, as soon as the call of the trap is held.
    async fn dies_in_the_trap(&mut self) {
        if tokio::time::timeout(PATIENCE, self.proxy.hangs.notified()).await.is_err() {
            panic!("the call was never made: {:?}\n{:#}\n{}", self.traffic.lock().unwrap(), self.shown(), self.log());
        }
        self.dies();
    }

    fn set(&self, call: &'static str, fate: Fate) {
        self.traffic.lock().unwrap().trap = Some(Trap { after: "", call, fate });
    }

    /// One order was carried out, ever, and all that were sent are the same one.
    async fn has_one_server(&self) -> String {
        let all = {
            let _turn = self.shared.turn.lock().await;
            self.shared.cloud.user_data().await
        };
        let servers: Vec<_> = all.into_iter().filter(|it| it.contains(&self.id)).collect();
        assert_eq!(servers.len(), 1, "{:#}\n{}", self.shown(), self.log());
        let field = |order: &str, name: &str| {
            form_urlencoded::parse(order.as_bytes()).find(|(key, _)| key == name).unwrap().1.into_owned()
        };
        let orders = self.proxy.all().into_iter().filter(|it| action(it) == "RunInstances");
        let orders: BTreeSet<_> = orders.map(|it| (field(&it, "ClientToken"), field(&it, "UserData"))).collect();
        assert_eq!(orders.len(), 1, "{orders:?}");
        servers.into_iter().next().unwrap()
    }

    /// Its machine works; the service dies after each of these steps.
    async fn becomes_healthy(&mut self, dies_after: &[Step]) {
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

/// What a machine does, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Session,
    Downloading,
    Installing,
    Activating,
    BeforeHealthy,
    Healthy,
}

const STEPS: [Step; 6] =
    [Step::Session, Step::Downloading, Step::Installing, Step::Activating, Step::BeforeHealthy, Step::Healthy];

/// A machine that was given this user-data and speaks the bootstrap's protocol.
struct Machine {
    token: String,
    key: Key,
    session: String,
    sequence: u32,
    seat: String,
}

impl Machine {
    fn of(script: &str) -> Self {
        let (_, rest) = script.split_once("TOKEN='").unwrap();
        let token = rest.split_once('\'').unwrap().0.to_owned();
        Self { token, key: Key::new(), session: String::new(), sequence: 0, seat: String::new() }
    }

    fn call(&self, scene: &Scene, method: &str, path: &str, content: &str, body: &str) -> String {
        let session = format!("Bootstrap {}", self.session);
        let mut headers = vec![("Content-Type", content)];
        if !self.session.is_empty() {
            headers.push(("Authorization", &session));
        }
        let path = format!("/api/v1/bootstrap/{path}");
        let answer = block_in_place(|| http(scene.installation.port, method, &path, &headers, body)).unwrap();
        assert_eq!(answer.0, 200, "{path}: {answer:?}");
        answer.1.trim().to_owned()
    }

    fn knock(&mut self, scene: &Scene) -> String {
        self.session.clear();
        let proof = self.key.proof(&self.token);
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("token", &self.token), ("key", &self.key.base64()), ("proof", &proof)])
            .append_pair("instance", "i-1")
            .finish();
        let answer = self.call(scene, "POST", "session", "application/x-www-form-urlencoded", &form);
        answer.strip_prefix("session ").unwrap().to_owned()
    }

    fn say(&self, scene: &Scene, step: Step) {
        let (stage, event, more) = match step {
            Step::Session => return,
            Step::Downloading => ("downloading", "begin", String::new()),
            Step::Installing => ("installing", "begin", String::new()),
            Step::Activating => ("activating", "done", format!("&activation={}", self.seat)),
            Step::BeforeHealthy => ("healthy", "begin", String::new()),
            Step::Healthy => ("healthy", "done", String::new()),
        };
        let path = format!("report?sequence={}&stage={stage}&event={event}{more}", self.sequence);
        assert_eq!(self.call(scene, "POST", &path, "text/plain", "it works"), "order go", "{step:?}");
    }

    fn take(&mut self, scene: &Scene, step: Step) {
        match step {
            Step::Session => self.session = self.knock(scene),
            Step::Activating => self.seat = activate(scene),
            _ => {}
        }
        self.sequence += 1;
        self.say(scene, step);
    }

    fn again(&mut self, scene: &Scene, step: Step) {
        if step == Step::Session {
            let before = self.session.clone();
            self.session = self.knock(scene);
            assert_eq!(self.session, before, "the same key has the same session");
        } else if step != Step::Healthy {
            self.say(scene, step);
        }
    }
}

fn activate(scene: &Scene) -> String {
    let body = json!({ "components": { "machine-id": digest("machine-id", "one") } }).to_string();
    let license = format!("License {}", scene.code);
    let headers = [("Authorization", license.as_str()), ("Content-Type", "application/json")];
    let (port, path) = (scene.installation.port, "/api/v1/activations");
    let (status, text) = block_in_place(|| http(port, "POST", path, &headers, &body)).unwrap();
    assert_eq!(status, 201, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["activation"]["id"].as_str().unwrap().to_owned()
}

/// Nothing was ordered yet.
async fn dies_in_preflight(shared: Arc<Shared>) {
    // Whose account it is only the worker asks, first of all; subnets are also looked at when the order is taken.
    let trap = Trap { after: "DescribeKeyPairs", call: "DescribeSubnets", fate: Fate::HangBefore };
    let mut scene = Scene::begin(shared, Backend::Sqlite, false, Some(trap)).await;
    scene.dies_in_the_trap().await;
    assert_eq!(scene.proxy.count("RunInstances"), 0);
    scene.becomes_healthy(&[]).await;
}

/// The database says that the order may have been sent. It was not; where the cloud is known to honour its token, it is
/// sent again without a long wait.
async fn dies_before_the_order_arrives(shared: Arc<Shared>, backend: Backend) {
    let trap = Trap { after: "", call: "RunInstances", fate: Fate::HangBefore };
    let mut scene = Scene::begin(shared, backend, true, Some(trap)).await;
    scene.dies_in_the_trap().await;
    scene.becomes_healthy(&[]).await;
    assert_eq!(scene.proxy.count("RunInstances"), 2, "one never arrived");
}

/// The order was carried out, and nobody knows it but the cloud.
async fn dies_before_the_answer_comes(shared: Arc<Shared>, backend: Backend, idempotent: bool) {
    let trap = Trap { after: "", call: "RunInstances", fate: Fate::HangAfter };
    let mut scene = Scene::begin(shared, backend, idempotent, Some(trap)).await;
    scene.dies_in_the_trap().await;
    scene.becomes_healthy(&[]).await;
    assert_eq!(scene.proxy.count("RunInstances"), 1);
}

/// Between the server and its tags, and after the order was accepted.
async fn dies_after_the_order(shared: Arc<Shared>, call: &'static str) {
    let trap = Trap { after: "RunInstances", call, fate: Fate::HangBefore };
    let mut scene = Scene::begin(shared, Backend::Sqlite, false, Some(trap)).await;
    scene.dies_in_the_trap().await;
    scene.becomes_healthy(&[]).await;
    assert_eq!(scene.proxy.count("RunInstances"), 1);
}

async fn dies_once_the_server_is_there(shared: Arc<Shared>) {
    let mut scene = Scene::begin(shared, Backend::Sqlite, false, None).await;
    scene.until("stage", "bootstrap_called").await;
    scene.dies();
    scene.becomes_healthy(&[]).await;
}

/// After each call of the machine, which notices nothing but that it got no answer.
async fn dies_while_the_machine_works(shared: Arc<Shared>, backend: Backend) {
    let mut scene = Scene::begin(shared, backend, false, None).await;
    scene.becomes_healthy(&STEPS).await;
}

/// Before the cloud hears of the removal, after it was carried out, and while it is looked at.
async fn dies_while_it_removes(shared: Arc<Shared>, call: &'static str, fate: Fate) {
    let mut scene = Scene::begin(shared, Backend::Sqlite, false, None).await;
    scene.until("stage", "bootstrap_called").await;
    let script = scene.has_one_server().await;
    scene.set(call, fate);
    scene.call("POST", &format!("/{}/wish", scene.id), Some(json!({ "wish": "remove" })));
    scene.dies_in_the_trap().await;
    scene.until("status", "removed").await;
    assert_eq!(scene.has_one_server().await, script);
    let shown = scene.shown();
    let left = shown["resources"].as_array().unwrap().iter().filter(|it| it["removed_at"].is_null()).count();
    assert_eq!(left, 0, "{shown:#}");
}

/// All to their ends, so that each that fails says so.
async fn all(mut deaths: JoinSet<()>) {
    let mut failed = 0;
    while let Some(ended) = deaths.join_next().await {
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "what failed is told above");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_around_its_order_makes_one_server() {
    let shared = Shared::start().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_in_preflight(shared.clone()));
    deaths.spawn(dies_before_the_order_arrives(shared.clone(), Backend::Sqlite));
    deaths.spawn(dies_before_the_answer_comes(shared.clone(), Backend::Sqlite, false));
    deaths.spawn(dies_before_the_answer_comes(shared.clone(), Backend::Sqlite, true));
    deaths.spawn(dies_after_the_order(shared.clone(), "CreateTags"));
    deaths.spawn(dies_after_the_order(shared.clone(), "DescribeInstances"));
    all(deaths).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_while_the_machine_works_goes_on() {
    let shared = Shared::start().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_once_the_server_is_there(shared.clone()));
    deaths.spawn(dies_while_the_machine_works(shared.clone(), Backend::Sqlite));
    all(deaths).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_while_it_removes_leaves_nothing() {
    let shared = Shared::start().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_while_it_removes(shared.clone(), "TerminateInstances", Fate::HangBefore));
    deaths.spawn(dies_while_it_removes(shared.clone(), "TerminateInstances", Fate::HangAfter));
    deaths.spawn(dies_while_it_removes(shared.clone(), "DescribeVolumes", Fate::HangBefore));
    all(deaths).await;
    assert_eq!((shared.cloud.ordered().await, shared.cloud.holds().await[0]), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_makes_one_server_on_postgres() {
    let shared = Shared::start().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_before_the_order_arrives(shared.clone(), Backend::Postgres));
    deaths.spawn(dies_before_the_answer_comes(shared.clone(), Backend::Postgres, false));
    deaths.spawn(dies_while_the_machine_works(shared.clone(), Backend::Postgres));
    all(deaths).await;
}
