//! Moves deployments on: claims what is due, asks the cloud, writes down the answer.
//!
//! What is done in which order, and what an answer means, is decided by `usecase::deployment::work`; here is only the
//! talking. A worker may be killed anywhere: everything it asks for is written down before, and can be asked again.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval_at},
};

use crate::{
    app::App,
    base::{ids::DeploymentId, limits, text::Language},
    provision::{
        plan::{Place, ServerChoice},
        provider::{
            Accepted, Answer, CloudError, Progress, Provider, Removal, RemovalProgress, Resource, ServerState, Stock,
            Trouble,
        },
    },
    store::DueDeployment,
    usecase::{
        Actor, Failure,
        deployment::work::{self, Event, Task, Work},
    },
};

/// How often the worker looks for what is due.
pub const PAUSE: Duration = Duration::from_secs(1);
/// Deployments that are worked on at once.
const AT_ONCE: usize = 16;
/// Of them, those of one license: a cloud that hangs must not keep other licenses waiting.
const AT_ONCE_OF_LICENSE: usize = 4;
/// Of them, those at endpoints in no list, of which nobody knows who answers there, and when.
const AT_ONCE_AT_ENDPOINTS: usize = 8;
/// Pages of deployments that one round looks at.
const PAGES: u32 = 50;
/// How long one task may take; its claim is held that long.
const TASK: Duration = Duration::from_secs(120);
/// How often a worker holds on to its claim.
const HOLD: Duration = Duration::from_secs(5);
/// Characters of a console's end that are kept.
const CONSOLE_CHARS: usize = 8_000;

/// One round: begins everything that is due, some at a time. What is still `under_way` from earlier rounds goes on: a
/// cloud that takes its time must not keep the others waiting.
pub async fn round(app: &App, mut under_way: JoinSet<()>) -> JoinSet<()> {
    while let Some(ended) = under_way.try_join_next() {
        report(ended);
    }
    let mut after = None;
    // Those that find no place stay due: behind a page full of them stand others.
    for _ in 0..PAGES {
        let due: Result<Vec<DueDeployment>, Failure> = app
            .read(Actor::Signet, move |tx, ctx| Ok(tx.deployment_due(ctx.now, after.as_ref(), limits::PAGE_ROWS)?))
            .await;
        let due = match due {
            Ok(due) => due,
            Err(failure) => {
                tracing::warn!("deployments could not be read, the next round tries again: {failure}");
                return under_way;
            }
        };
        for deployment in &due {
            // To wait for one that is under way would keep those waiting whose place is free when it ends.
            if under_way.len() >= AT_ONCE {
                return under_way;
            }
            begin(app, &mut under_way, deployment);
        }
        after = due.last().cloned();
        if after.is_none() {
            break;
        }
    }
    under_way
}

/// Begins what is due, if there is a place for it.
fn begin(app: &App, under_way: &mut JoinSet<()>, deployment: &DueDeployment) {
    let places = app.deployment_places();
    let Some(place) = places.tasks.take(deployment.license_id, AT_ONCE_OF_LICENSE) else { return };
    let endpoint = deployment.plan.pointer("/place/endpoint").filter(|endpoint| !endpoint.is_null());
    let at_endpoint = match endpoint.map(|_| places.endpoint_tasks.take((), AT_ONCE_AT_ENDPOINTS)) {
        Some(None) => return,
        taken => taken.flatten(),
    };
    let (app, id) = (app.clone(), deployment.id);
    under_way.spawn(async move {
        one(&app, id).await;
        drop((place, at_endpoint));
    });
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!("a deployment's worker ended badly: {error}");
    }
}

async fn one(app: &App, id: DeploymentId) {
    let clouds = app.clouds().clone();
    let claimed: Result<Option<Work>, Failure> =
        app.write(Actor::Signet, move |tx, ctx| work::claim(tx, ctx, &clouds, id)).await;
    let work = match claimed {
        Ok(Some(work)) => work,
        Ok(None) => return,
        Err(failure) => {
            tracing::warn!(deployment.id = %id, "a deployment could not be claimed: {failure}");
            return;
        }
    };
    let event = tokio::select! {
        done = tokio::time::timeout(TASK, carry_out(app, &work)) => done.unwrap_or_else(|_| {
            Event::Failed(CloudError::new(Trouble::Unknown, "the cloud took too long to answer"))
        }),
        never = keep_holding(app, &work) => match never {},
    };
    tracing::info!(deployment.id = %id, "deployment: {}", in_a_word(&event));
    let labels = [("provider", work.deployment.record.provider.clone()), ("event", name(&event).to_owned())];
    metrics::counter!("signet_deployment_events_total", &labels).increment(1);
    let recorded: Result<(), Failure> =
        app.write(Actor::Signet, move |tx, ctx| work::record(tx, ctx, &work, &event)).await;
    if let Err(failure) = recorded {
        tracing::error!(deployment.id = %id, "what a cloud answered could not be written down: {failure}");
    }
}

/// Holds on to the claim as long as it is asked. A claim that is lost ends nothing: what the cloud is about to say may be
/// something that is paid for.
async fn keep_holding(app: &App, work: &Work) -> Infallible {
    let mut ticks = interval_at(Instant::now() + HOLD, HOLD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(failure) = hold(app, work).await {
            tracing::warn!(deployment.id = %work.deployment.record.id, "a claim could not be held: {failure}");
        }
    }
}

/// Whether the claim is still held; it then is for a while.
async fn hold(app: &App, work: &Work) -> Result<bool, Failure> {
    let (id, claim) = (work.deployment.record.id, work.claim.clone());
    app.write(Actor::Signet, move |tx, ctx| work::hold(tx, ctx, id, &claim)).await
}

/// The name in the metrics.
fn name(event: &Event) -> &'static str {
    match event {
        Event::Failed(error)
        | Event::Refused(error)
        | Event::NotMade { error, .. }
        | Event::RemovalFailed { error, .. } => error.trouble.as_str(),
        Event::Checked(_) => "checked",
        Event::Accepted(_) => "accepted",
        Event::NothingFound => "nothing_found",
        Event::Pending(_) => "pending",
        Event::Created(_) => "created",
        Event::Alive => "alive",
        Event::Seen(_) => "seen",
        Event::Vanished => "vanished",
        Event::Overdue(_) => "overdue",
        Event::RemovalBegun(_) => "removal_begun",
        Event::RemovalPending => "removal_pending",
        Event::RemovalDone => "removed",
    }
}

fn in_a_word(event: &Event) -> String {
    match event {
        Event::Failed(error)
        | Event::Refused(error)
        | Event::NotMade { error, .. }
        | Event::RemovalFailed { error, .. } => error.to_string(),
        Event::Checked(_) => "preflight passed".to_owned(),
        Event::Accepted(_) => "order accepted".to_owned(),
        Event::NothingFound => "no order found".to_owned(),
        Event::Pending(_) | Event::RemovalPending => "pending".to_owned(),
        Event::Created(server) => format!("server {} is there", server.id),
        Event::Alive => "server is there".to_owned(),
        Event::Seen(server) => format!("server {} is {}", server.id, server.state),
        Event::Vanished => "server is gone".to_owned(),
        Event::Overdue(_) => "overdue".to_owned(),
        Event::RemovalBegun(_) => "removal began".to_owned(),
        Event::RemovalDone => "removed".to_owned(),
    }
}

/// An agency's session may end before its time, because the customer ended it or a clock went wrong: then a new one is
/// opened, once. Whatever was refused for its credentials was not done.
async fn carry_out(app: &App, work: &Work) -> Event {
    let event = try_to(app, work).await;
    let over = |error: &CloudError| matches!(error.trouble, Trouble::Credentials | Trouble::Expired);
    let place: &Place = &work.deployment.plan.place;
    match &event {
        Event::Failed(error) | Event::Refused(error)
            if over(error) && app.clouds().forget(place, &work.credentials, &work.bond) =>
        {
            try_to(app, work).await
        }
        _ => event,
    }
}

async fn try_to(app: &App, work: &Work) -> Event {
    let provider = match app.clouds().enter(&work.deployment.plan.place, &work.credentials, &work.bond).await {
        Ok(provider) => provider,
        // Nothing was ever sent, nor is it now.
        Err(error) if matches!(work.task, Task::Order { look_first: false, .. }) => return Event::Refused(error),
        Err(error) => return Event::Failed(error),
    };
    let event = match &work.task {
        Task::Preflight => preflight(&provider, work).await,
        Task::Order { .. } | Task::Find(_) => order(app, &provider, work).await,
        Task::Follow(accepted) => follow(&provider, work, accepted).await,
        Task::Watch { server, overdue: false } => watch(&provider, work, server).await,
        Task::Watch { server, overdue: true } => Ok(last_look(&provider, work, server).await),
        Task::Look(server) => look(&provider, work, server).await,
        Task::Remove(resources) => remove(&provider, work, resources).await,
        Task::FollowRemoval(removal) => follow_removal(&provider, work, removal).await,
    };
    event.unwrap_or_else(Event::Failed)
}

/// In another account nothing of this deployment is found: an order would be a second server, and a server that is there
/// would count as gone. So it is asked before either is believed.
async fn is_the_account(provider: &Arc<dyn Provider>, work: &Work) -> Answer<()> {
    let Some(account) = &work.deployment.plan.account else { return Ok(()) };
    let found = provider.identity().await?.account;
    if found == *account {
        return Ok(());
    }
    let why = format!("the credentials are of account {found}, the deployment began in {account}");
    Err(CloudError::new(Trouble::Credentials, &why))
}

async fn follow(provider: &Arc<dyn Provider>, work: &Work, accepted: &Accepted) -> Answer<Event> {
    Ok(match provider.progress(accepted).await? {
        Progress::Pending { server } => Event::Pending(server),
        Progress::Created(server) => Event::Created(server),
        Progress::Failed { error, left } => {
            is_the_account(provider, work).await?;
            Event::NotMade { error, left }
        }
    })
}

async fn remove(provider: &Arc<dyn Provider>, work: &Work, resources: &[Resource]) -> Answer<Event> {
    is_the_account(provider, work).await?;
    Ok(Event::RemovalBegun(provider.remove(resources).await?))
}

async fn follow_removal(provider: &Arc<dyn Provider>, work: &Work, removal: &Removal) -> Answer<Event> {
    Ok(match provider.removal(removal).await? {
        RemovalProgress::Pending => Event::RemovalPending,
        RemovalProgress::Done => {
            is_the_account(provider, work).await?;
            Event::RemovalDone
        }
        RemovalProgress::Failed { error, left } => Event::RemovalFailed { error, left },
    })
}

/// Everything that can be known before something is paid for.
async fn preflight(provider: &Arc<dyn Provider>, work: &Work) -> Answer<Event> {
    let identity = provider.identity().await?;
    if let Some(server) = &work.deployment.plan.server {
        check_stock(provider, server).await?;
        check_subnet(provider, server).await?;
        check_quota(provider, server).await?;
        if let Some(order) = &work.order {
            provider.rehearse(order).await?;
        }
    }
    Ok(Event::Checked(identity))
}

async fn check_stock(provider: &Arc<dyn Provider>, server: &ServerChoice) -> Answer<()> {
    let flavors = provider.flavors(&server.zone).await?;
    match flavors.iter().find(|flavor| flavor.id == server.flavor.id) {
        Some(flavor) if flavor.stock == Stock::Normal => Ok(()),
        Some(_) => {
            Err(CloudError::new(Trouble::Capacity, &format!("{} is sold out in {}", server.flavor.id, server.zone)))
        }
        None => Err(CloudError::new(Trouble::Choice, &format!("{} has no flavor {}", server.zone, server.flavor.id))),
    }
}

async fn check_subnet(provider: &Arc<dyn Provider>, server: &ServerChoice) -> Answer<()> {
    let networks = provider.networks().await?;
    let subnets = networks.iter().filter(|network| network.id == server.network.id).flat_map(|it| &it.subnets);
    let choice = |why: String| Err(CloudError::new(Trouble::Choice, &why));
    let name = &server.subnet.name;
    match subnets.into_iter().find(|subnet| subnet.id == server.subnet.id) {
        None => choice(format!("the network {} has no subnet {name}", server.network.name)),
        Some(subnet) if !subnet.dhcp => choice(format!(
            "the subnet {name} gives no addresses by DHCP, without which a server never reads its user-data"
        )),
        Some(subnet) if subnet.free_addresses == Some(0) => choice(format!("the subnet {name} has no free address")),
        Some(_) => Ok(()),
    }
}

async fn check_quota(provider: &Arc<dyn Provider>, server: &ServerChoice) -> Answer<()> {
    let Some(quota) = provider.quota().await? else { return Ok(()) };
    let short =
        |what: &str| Err(CloudError::new(Trouble::Quota, &format!("the account's quota has no room for {what}")));
    if quota.servers == Some(0) {
        return short("another server");
    }
    if quota.vcpus.is_some_and(|left| left < server.flavor.vcpus) {
        return short(&format!("{} more vCPU", server.flavor.vcpus));
    }
    if quota.memory_mib.is_some_and(|left| left < u64::from(server.flavor.memory_mib)) {
        return short(&format!("{} MiB more memory", server.flavor.memory_mib));
    }
    Ok(())
}

async fn order(app: &App, provider: &Arc<dyn Provider>, work: &Work) -> Answer<Event> {
    let (attempt, look_first, undecided) = match &work.task {
        Task::Order { attempt, look_first, undecided } => (attempt, *look_first, *undecided),
        Task::Find(attempt) => (attempt, true, true),
        _ => return Ok(Event::NothingFound),
    };
    match is_the_account(provider, work).await {
        // Nothing was ever sent, nor is it now.
        Err(error) if !look_first => return Ok(Event::Refused(error)),
        checked => checked?,
    }
    if look_first && let Some(accepted) = provider.find(attempt).await? {
        return Ok(Event::Accepted(accepted));
    }
    let Some(order) = work.order.as_ref() else { return Ok(Event::NothingFound) };
    // A worker may have slept since its claim, and another one have come to another end.
    if !hold(app, work).await.unwrap_or(false) {
        let error =
            CloudError::new(Trouble::Unavailable, "the order was not sent: the claim to it is not held any more");
        return Ok(if look_first { Event::Failed(error) } else { Event::Refused(error) });
    }
    Ok(match provider.create(order, attempt).await {
        Ok(accepted) => Event::Accepted(accepted),
        // An answer that nobody foresaw may be that of an order that was carried out.
        Err(error) if matches!(error.trouble, Trouble::Unknown | Trouble::Unavailable | Trouble::Unexpected) => {
            Event::Failed(error)
        }
        // The cloud knows this attempt with other contents, or knew it long ago: something of it may be there.
        Err(error) if undecided || (look_first && error.trouble == Trouble::Attempt) => Event::Failed(error),
        Err(error) => Event::Refused(error),
    })
}

async fn look(provider: &Arc<dyn Provider>, work: &Work, server: &str) -> Answer<Event> {
    match provider.server(server).await? {
        Some(server) if server.state != ServerState::Gone => Ok(Event::Seen(server)),
        _ => {
            is_the_account(provider, work).await?;
            Ok(Event::Vanished)
        }
    }
}

async fn watch(provider: &Arc<dyn Provider>, work: &Work, server: &str) -> Answer<Event> {
    Ok(match look(provider, work, server).await? {
        Event::Seen(_) => Event::Alive,
        other => other,
    })
}

/// The deadline is over, whatever the cloud says. The console is the last chance to see what went wrong on a machine that
/// never called; without it the reason stays a guess.
async fn last_look(provider: &Arc<dyn Provider>, work: &Work, server: &str) -> Event {
    if let Ok(Event::Vanished) = watch(provider, work, server).await {
        return Event::Vanished;
    }
    let console = provider.console(server).await.unwrap_or_else(|error| {
        format!("the console's log could not be fetched: {error}. {}", error.trouble.advice(Language::En))
    });
    let end: Vec<char> = console.chars().rev().take(CONSOLE_CHARS).collect();
    Event::Overdue(end.into_iter().rev().collect())
}
