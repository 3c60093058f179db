//! Moves deployments on: claims what is due, asks the cloud, writes down the answer.
//!
//! What is done in which order, and what an answer means, is decided by `usecase::deployment::work`; here is only the
//! talking. A worker may be killed anywhere: everything it asks for is written down before, and can be asked again.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    app::App,
    base::{ids::DeploymentId, text::Language},
    provision::{
        plan::{Place, ServerChoice},
        provider::{Answer, CloudError, Progress, Provider, RemovalProgress, ServerState, Stock, Trouble},
    },
    usecase::{
        Actor, Failure,
        deployment::work::{self, Event, Task, Work},
    },
};

/// How often the worker looks for what is due.
pub const PAUSE: Duration = Duration::from_secs(1);
/// Deployments that are worked on at once.
const AT_ONCE: usize = 16;
/// How long one task may take; a claim lasts longer.
const TASK: Duration = Duration::from_secs(120);
/// Characters of a console's end that are kept.
const CONSOLE_CHARS: usize = 8_000;

/// One round: everything that is due, some at a time.
pub async fn round(app: &App) {
    let due: Result<Vec<DeploymentId>, Failure> =
        app.read(Actor::Signet, |tx, ctx| Ok(tx.deployment_due(ctx.now, crate::base::limits::PAGE_ROWS)?)).await;
    let due = match due {
        Ok(due) => due,
        Err(failure) => {
            tracing::warn!("deployments could not be read, the next round tries again: {failure}");
            return;
        }
    };
    let mut under_way = JoinSet::new();
    for id in due {
        if under_way.len() >= AT_ONCE {
            under_way.join_next().await;
        }
        let app = app.clone();
        under_way.spawn(async move { one(&app, id).await });
    }
    while let Some(ended) = under_way.join_next().await {
        if let Err(error) = ended {
            tracing::error!("a deployment's worker ended badly: {error}");
        }
    }
}

async fn one(app: &App, id: DeploymentId) {
    let claimed: Result<Option<Work>, Failure> =
        app.write(Actor::Signet, move |tx, ctx| work::claim(tx, ctx, id)).await;
    let work = match claimed {
        Ok(Some(work)) => work,
        Ok(None) => return,
        Err(failure) => {
            tracing::warn!(deployment.id = %id, "a deployment could not be claimed: {failure}");
            return;
        }
    };
    let event = match tokio::time::timeout(TASK, carry_out(app, work)).await {
        Ok(event) => event,
        Err(_) => failed(CloudError::new(Trouble::Unknown, "the cloud took too long to answer")),
    };
    tracing::info!(deployment.id = %id, "deployment: {}", in_a_word(&event));
    let recorded: Result<(), Failure> =
        app.write(Actor::Signet, move |tx, ctx| work::record(tx, ctx, id, &event)).await;
    if let Err(failure) = recorded {
        tracing::error!(deployment.id = %id, "what a cloud answered could not be written down: {failure}");
    }
}

fn failed(error: CloudError) -> Event {
    Event::Failed { error, left: Vec::new(), ordered: false }
}

fn in_a_word(event: &Event) -> String {
    match event {
        Event::Failed { error, .. } => error.to_string(),
        Event::Checked(_) => "preflight passed".to_owned(),
        Event::Accepted(_) => "order accepted".to_owned(),
        Event::NothingFound => "no order found".to_owned(),
        Event::Pending(_) | Event::RemovalPending => "pending".to_owned(),
        Event::Created(server) => format!("server {} is there", server.id),
        Event::Alive => "server is there".to_owned(),
        Event::Vanished => "server is gone".to_owned(),
        Event::Overdue(_) => "overdue".to_owned(),
        Event::RemovalBegun(_) => "removal began".to_owned(),
        Event::RemovalDone => "removed".to_owned(),
    }
}

async fn carry_out(app: &App, work: Work) -> Event {
    let place: &Place = &work.deployment.plan.place;
    let provider = match app.clouds().open(place, work.credentials.clone()) {
        Ok(provider) => provider,
        Err(error) => return failed(error),
    };
    match &work.task {
        Task::Preflight => preflight(&provider, &work).await.unwrap_or_else(failed),
        Task::Order { .. } | Task::Find(_) => order(&provider, &work).await,
        Task::Follow(accepted) => match provider.progress(accepted).await {
            Ok(Progress::Pending { server }) => Event::Pending(server),
            Ok(Progress::Created(server)) => Event::Created(server),
            Ok(Progress::Failed { error, left }) => Event::Failed { error, left, ordered: true },
            Err(error) => failed(error),
        },
        Task::Watch { server, overdue } => watch(&provider, server, *overdue).await.unwrap_or_else(failed),
        Task::Remove(resources) => match provider.remove(resources).await {
            Ok(removal) => Event::RemovalBegun(removal),
            Err(error) => failed(error),
        },
        Task::FollowRemoval(removal) => match provider.removal(removal).await {
            Ok(RemovalProgress::Pending) => Event::RemovalPending,
            Ok(RemovalProgress::Done) => Event::RemovalDone,
            Ok(RemovalProgress::Failed { error, left }) => Event::Failed { error, left, ordered: false },
            Err(error) => failed(error),
        },
    }
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

async fn order(provider: &Arc<dyn Provider>, work: &Work) -> Event {
    let (attempt, look_first, send) = match &work.task {
        Task::Order { attempt, look_first } => (attempt, *look_first, true),
        Task::Find(attempt) => (attempt, true, false),
        _ => return Event::NothingFound,
    };
    if look_first {
        match provider.find(attempt).await {
            Ok(Some(accepted)) => return Event::Accepted(accepted),
            Ok(None) if !send => return Event::NothingFound,
            Ok(None) => {}
            Err(error) => return failed(error),
        }
    }
    let Some(order) = &work.order else { return Event::NothingFound };
    match provider.create(order, attempt).await {
        Ok(accepted) => Event::Accepted(accepted),
        Err(error) => {
            // What the cloud refused was not made: the next try may be another order.
            let refused =
                !error.trouble.passes() && error.trouble != Trouble::Unknown && !error.trouble.wants_credentials();
            Event::Failed { error, left: Vec::new(), ordered: refused }
        }
    }
}

async fn watch(provider: &Arc<dyn Provider>, server: &str, overdue: bool) -> Answer<Event> {
    let there = provider.server(server).await?;
    if there.is_none_or(|it| it.state == ServerState::Gone) {
        return Ok(Event::Vanished);
    }
    if !overdue {
        return Ok(Event::Alive);
    }
    // The last chance to see what went wrong on a machine that never called. Without it the reason stays a guess.
    let console = provider.console(server).await.unwrap_or_else(|error| {
        format!("the console's log could not be fetched: {error}. {}", error.trouble.advice(Language::En))
    });
    let end: Vec<char> = console.chars().rev().take(CONSOLE_CHARS).collect();
    Ok(Event::Overdue(end.into_iter().rev().collect()))
}
