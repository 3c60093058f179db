//! One question to a cloud, and what its answer means.

use std::sync::Arc;

use crate::{
    app::App,
    base::text::{Language, Wording},
    provision::{
        plan::Place,
        provider::{
            Accepted, Answer, CloudError, Progress, Provider, Removal, RemovalProgress, Resource, ServerState, Trouble,
        },
    },
    usecase::deployment::work::{Event, Task, Work},
};

use super::{hold, preflight};

/// Characters of a console's end that are kept.
const CONSOLE_CHARS: usize = 8_000;

/// An agency's session may end before its time, because the customer ended it or a clock went wrong: then a new one is
/// opened, once. Whatever was refused for its credentials was not done.
pub(super) async fn carry_out(app: &App, work: &Work) -> Event {
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
        Task::Preflight => preflight::check(&provider, work).await,
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
    let why = Wording::both(
        format!("凭证属于账号 {found}，而部署是在账号 {account} 中开始的"),
        format!("the credentials are of account {found}, the deployment began in {account}"),
    );
    Err(CloudError::new(Trouble::Credentials, why))
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
        let why =
            ("没有下单：这个任务已由另一个进程接手", "the order was not sent: the claim to it is not held any more");
        let error = CloudError::new(Trouble::Unavailable, why);
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
