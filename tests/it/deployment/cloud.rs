//! A cloud that does what a test tells it. Unless it is told to, it takes no notice of an attempt that it has seen before:
//! every order that reaches it makes another server, so that one order too many shows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use signet::provision::{
    plan::Place,
    provider::{
        Accepted, Answer, Attempt, CloudError, Credentials, Flavor, Identity, Image, KeyPair, Network, Price, Progress,
        Provider, Quota, Removal, RemovalProgress, Resource, ResourceKind, SecurityGroup, Server, ServerOrder,
        ServerState, Stock, Subnet, Trouble, Zone, clouds::Opener,
    },
    recipe::Architecture,
};
use tokio::sync::Notify;

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Play {
    /// It is refused, and does nothing.
    Refused(Trouble),
    /// It is carried out, and fails all the same.
    Lost(Trouble),
    /// Nobody hears of it any more, and it does nothing.
    HangsBefore,
    /// It is carried out, and nobody hears of it any more.
    HangsAfter,
    /// Its answer waits for [`Scripted::goes_on`].
    Waits,
}

#[derive(Debug, Default)]
pub struct State {
    /// Servers do not show yet: whoever asks for one is told that there is none, and what is to be removed is not found.
    pub hidden: bool,
    /// What is to happen to the next call of that name.
    pub plays: Vec<(&'static str, Play)>,
    /// Servers, by id: the attempt that each was ordered with.
    pub servers: BTreeMap<String, String>,
    /// Servers that were ever made.
    pub made: usize,
    /// Calls, in their order.
    pub calls: Vec<&'static str>,
    /// Orders come to nothing with this, and this is left.
    pub not_made: Option<(Trouble, Vec<Resource>)>,
    /// Removals end with this left.
    pub keeps: Option<Vec<Resource>>,
    /// Servers are being made.
    pub building: bool,
    /// The same attempt again is the same server.
    pub idempotent: bool,
    /// Somebody stopped the servers.
    pub stopped: bool,
    /// The user-data of the last order.
    pub user_data: String,
}

/// The cloud.
#[derive(Debug, Default)]
pub struct Scripted {
    state: Mutex<State>,
    /// A call hangs.
    pub hangs: Notify,
    /// Lets a call go on that waits.
    pub goes_on: Notify,
}

impl Scripted {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next call of that name goes like that.
    pub fn play(&self, call: &'static str, play: Play) {
        self.state().plays.push((call, play));
    }

    /// Servers that were ever made.
    pub fn made(&self) -> usize {
        self.state().made
    }

    /// How often something was asked for.
    pub fn count(&self, call: &str) -> usize {
        self.state().calls.iter().filter(|it| **it == call).count()
    }
}

/// How tests hand the cloud over.
#[derive(Debug)]
pub struct Door(pub Arc<Scripted>);

impl Opener for Door {
    fn open(&self, _: &Place, credentials: Credentials) -> Answer<Arc<dyn Provider>> {
        Ok(Arc::new(Account { cloud: Arc::clone(&self.0), credentials }))
    }

    fn is_idempotent(&self) -> bool {
        self.0.state().idempotent
    }
}

#[derive(Debug)]
struct Account {
    cloud: Arc<Scripted>,
    credentials: Credentials,
}

fn error(trouble: Trouble) -> CloudError {
    CloudError::new(trouble, "scripted").with(Some("Scripted.1".to_owned()), Some("request-1".to_owned()))
}

fn resource(kind: ResourceKind, id: &str) -> Resource {
    Resource { kind, id: id.to_owned(), name: None }
}

impl Account {
    async fn play<T>(&self, call: &'static str, act: impl FnOnce(&mut State) -> Answer<T>) -> Answer<T> {
        let play = {
            let mut state = self.cloud.state();
            state.calls.push(call);
            let at = state.plays.iter().position(|(name, _)| *name == call);
            at.map(|at| state.plays.remove(at).1)
        };
        match play {
            None => act(&mut self.cloud.state()),
            Some(Play::Refused(trouble)) => Err(error(trouble)),
            Some(Play::Lost(trouble)) => act(&mut self.cloud.state()).and(Err(error(trouble))),
            Some(Play::Waits) => {
                let answer = act(&mut self.cloud.state());
                self.cloud.hangs.notify_one();
                self.cloud.goes_on.notified().await;
                answer
            }
            Some(hangs) => {
                if hangs == Play::HangsAfter {
                    act(&mut self.cloud.state())?;
                }
                self.cloud.hangs.notify_one();
                std::future::pending().await
            }
        }
    }
}

fn server(state: &State, id: &str) -> Option<Server> {
    state.servers.contains_key(id).then(|| Server {
        id: id.to_owned(),
        state: match (state.building, state.stopped) {
            (true, _) => ServerState::Building,
            (false, true) => ServerState::Stopped,
            (false, false) => ServerState::Running,
        },
        public_ip: Some("203.0.113.7".to_owned()),
        private_ip: None,
        resources: vec![
            resource(ResourceKind::Server, id),
            resource(ResourceKind::Disk, &format!("{id}-disk")),
            resource(ResourceKind::Address, &format!("{id}-ip")),
        ],
    })
}

#[async_trait]
impl Provider for Account {
    async fn identity(&self) -> Answer<Identity> {
        let account = self.credentials.access_key.clone();
        self.play("identity", |_| Ok(Identity { account, user: None })).await
    }
    async fn zones(&self) -> Answer<Vec<Zone>> {
        Ok(Vec::new())
    }
    async fn flavors(&self, _: &str) -> Answer<Vec<Flavor>> {
        self.play("flavors", |_| Ok(vec![super::flavor(Stock::Normal)])).await
    }
    async fn images(&self, _: &Flavor) -> Answer<Vec<Image>> {
        Ok(vec![super::image(Architecture::X86_64)])
    }
    async fn networks(&self) -> Answer<Vec<Network>> {
        let subnet = Subnet {
            id: "subnet".to_owned(),
            name: "subnet".to_owned(),
            cidr: "192.168.0.0/24".to_owned(),
            zone: None,
            free_addresses: None,
            dhcp: true,
        };
        let (id, name, cidr) = ("net".to_owned(), "net".to_owned(), "192.168.0.0/16".to_owned());
        Ok(vec![Network { id, name, cidr, subnets: vec![subnet] }])
    }
    async fn security_groups(&self, _: &str) -> Answer<Vec<SecurityGroup>> {
        Ok(Vec::new())
    }
    async fn key_pairs(&self) -> Answer<Vec<KeyPair>> {
        Ok(Vec::new())
    }
    async fn quota(&self, _: &Flavor) -> Answer<Option<Quota>> {
        self.play("quota", |_| Ok(None)).await
    }
    async fn price(&self, _: &ServerOrder) -> Answer<Option<Price>> {
        Ok(None)
    }
    async fn rehearse(&self, _: &ServerOrder) -> Answer<()> {
        self.play("rehearse", |_| Ok(())).await
    }
    async fn create(&self, order: &ServerOrder, attempt: &Attempt) -> Answer<Accepted> {
        use signet::base::secret::ExposeSecret;
        self.play("create", |state| {
            let known = state.servers.iter().find(|(_, token)| **token == attempt.token).filter(|_| state.idempotent);
            if let Some((id, _)) = known {
                return Ok(Accepted { job: Some(format!("job-{id}")), server: None });
            }
            state.made += 1;
            state.user_data = order.user_data.expose_secret().to_owned();
            let id = format!("srv-{}", state.made);
            state.servers.insert(id.clone(), attempt.token.clone());
            Ok(Accepted { job: Some(format!("job-{id}")), server: None })
        })
        .await
    }
    async fn find(&self, attempt: &Attempt) -> Answer<Option<Accepted>> {
        self.play("find", |state| {
            let found = state.servers.iter().find(|(_, token)| **token == attempt.token);
            Ok(found.map(|(id, _)| Accepted { job: Some(format!("job-{id}")), server: None }))
        })
        .await
    }
    async fn progress(&self, accepted: &Accepted) -> Answer<Progress> {
        let id = accepted.job.clone().unwrap().replace("job-", "");
        self.play("progress", |state| {
            if let Some((trouble, left)) = state.not_made.clone() {
                state.servers.remove(&id);
                return Ok(Progress::Failed { error: error(trouble), left });
            }
            Ok(match server(state, &id) {
                _ if state.hidden => Progress::Pending { server: Some(id) },
                Some(server) if state.building => Progress::Pending { server: Some(server.id) },
                Some(server) => Progress::Created(server),
                None => Progress::Failed { error: error(Trouble::NotFound), left: Vec::new() },
            })
        })
        .await
    }
    async fn server(&self, id: &str) -> Answer<Option<Server>> {
        self.play("server", |state| Ok(server(state, id).filter(|_| !state.hidden))).await
    }
    async fn console(&self, _: &str) -> Answer<String> {
        self.play("console", |_| Ok("kernel: panic\u{1b}[31m\nlast line".to_owned())).await
    }
    async fn remove(&self, resources: &[Resource]) -> Answer<Removal> {
        self.play("remove", |_| Ok(Removal { job: Some("removal".to_owned()), resources: resources.to_vec() })).await
    }
    async fn removal(&self, removal: &Removal) -> Answer<RemovalProgress> {
        self.play("removal", |state| {
            if let Some(left) = state.keeps.take() {
                return Ok(RemovalProgress::Failed { error: error(Trouble::Leftover), left });
            }
            let found = removal.resources.iter().filter(|_| !state.hidden);
            found.for_each(|it| drop(state.servers.remove(&it.id)));
            Ok(RemovalProgress::Done)
        })
        .await
    }
}
