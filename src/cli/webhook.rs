//! `signet webhook create|list|change|delete|rotate|test|deliveries|replay`.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use jiff::SignedDuration;

use crate::{
    app::App,
    base::{
        ids::{EventId, WebhookId},
        limits,
        secret::ExposeSecret,
    },
    config::Config,
    store::{Access, DeliveryState, Tx},
    usecase::{
        Actor, Context, Failure,
        event::Kind,
        webhook::{self, Settings},
    },
};

use super::{
    open, table,
    terminal::{errln, outln},
};

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a webhook; its secret is printed once
    Create {
        /// Where messages are sent: https
        url: String,
        /// An event it is told, such as license.issued; may be given several times or separated by commas (absent: all)
        #[arg(long, value_delimiter = ',')]
        event: Vec<Kind>,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
    },
    /// List webhooks
    List,
    /// Change a webhook
    Change {
        /// Its id
        id: WebhookId,
        /// Where messages are sent: https
        #[arg(long)]
        url: Option<String>,
        /// The events it is told from now on; `all` for all
        #[arg(long, value_delimiter = ',')]
        event: Option<Vec<String>>,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// Whether it is told anything: true or false
        #[arg(long)]
        enabled: Option<bool>,
    },
    /// Delete a webhook, with the log of its deliveries
    Delete {
        /// Its id
        id: WebhookId,
    },
    /// Give a webhook a new secret, which is printed once
    Rotate {
        /// Its id
        id: WebhookId,
        /// Hours for which messages are signed with the secrets before as well
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=i64::from(limits::WEBHOOK_SECRET_HOURS)))]
        keep_hours: u16,
    },
    /// Let the service send a webhook a test
    Test {
        /// Its id
        id: WebhookId,
    },
    /// List what was sent to a webhook; with an event, every try
    Deliveries {
        /// Its id
        id: WebhookId,
        /// One event: every try
        event: Option<EventId>,
        /// Only those that stand so: pending, delivered or dead
        #[arg(long)]
        state: Option<DeliveryState>,
    },
    /// Send again: one event, or all dead letters
    Replay {
        /// The webhook's id
        id: WebhookId,
        /// One event (absent: all dead letters)
        event: Option<EventId>,
    },
}

/// Runs the command.
///
/// # Errors
/// The database's; what will not do.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    let app = open::open(&config, Access::Tool).await?;
    match command {
        Command::Create { url, event, description } => {
            let settings = settings(&app, Some(&url), Some(description), Some(event), None)?;
            let create = move |tx: &mut Tx, ctx: Context<'_>| webhook::create(tx, ctx, &settings);
            let (webhook, secret) = write(&app, create).await??;
            errln!("webhook {}; its secret is shown only now:", webhook.id);
            outln!("{}", secret.expose_secret());
        }
        Command::List => list(&app).await?,
        Command::Change { id, url, event, description, enabled } => {
            let all = event.as_ref().is_some_and(|names| names.iter().any(|name| name == "all"));
            let kinds =
                event.map(|names| if all { Ok(Vec::new()) } else { names.iter().map(|it| it.parse()).collect() });
            let kinds: Option<Vec<Kind>> = kinds.transpose().map_err(anyhow::Error::msg)?;
            let settings = settings(&app, url.as_deref(), description, kinds, enabled)?;
            let change = move |tx: &mut Tx, ctx: Context<'_>| webhook::change(tx, ctx, id, &settings);
            write(&app, change).await?.ok_or_else(|| unknown(id))?;
            outln!("webhook {id} is changed");
        }
        Command::Delete { id } => {
            if !write(&app, move |tx: &mut Tx, _: Context<'_>| Ok(tx.webhook_delete(id)?)).await? {
                bail!(unknown(id));
            }
            outln!("webhook {id} is deleted");
        }
        Command::Rotate { id, keep_hours } => {
            let keep = SignedDuration::from_hours(keep_hours.into());
            let rotate = move |tx: &mut Tx, ctx: Context<'_>| webhook::rotate(tx, ctx, id, keep);
            let secret = write(&app, rotate).await?.ok_or_else(|| unknown(id))?;
            errln!("the new secret of webhook {id} is shown only now; those before count for {keep_hours} hours:");
            outln!("{}", secret.expose_secret());
        }
        Command::Test { id } => {
            let test = move |tx: &mut Tx, ctx: Context<'_>| webhook::test(tx, ctx, id);
            let event = write(&app, test).await?.ok_or_else(|| unknown(id))??;
            outln!("the running service sends it: see `signet webhook deliveries {id} {}`", event.id);
        }
        Command::Deliveries { id, event: Some(event), .. } => tries(&app, id, event).await?,
        Command::Deliveries { id, event: None, state } => deliveries(&app, id, state).await?,
        Command::Replay { id, event: Some(event) } => {
            let replay = move |tx: &mut Tx, ctx: Context<'_>| webhook::replay(tx, ctx, id, event);
            write(&app, replay).await?.ok_or_else(|| anyhow!("webhook {id} has no delivery of event {event}"))??;
            outln!("event {event} is on its way again");
        }
        Command::Replay { id, event: None } => {
            let replay = move |tx: &mut Tx, ctx: Context<'_>| webhook::replay_dead(tx, ctx, id);
            let count = write(&app, replay).await?.ok_or_else(|| unknown(id))??;
            outln!("{count} dead letters are on their way again");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn write<T, F>(app: &App, job: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: Fn(&mut Tx, Context<'_>) -> Result<T, Failure> + Send + Sync + 'static,
{
    app.write(Actor::CommandLine, job).await
}

fn unknown(id: WebhookId) -> anyhow::Error {
    anyhow!("there is no webhook {id}: see `signet webhook list`")
}

fn settings(
    app: &App,
    url: Option<&str>,
    description: Option<String>,
    kinds: Option<Vec<Kind>>,
    enabled: Option<bool>,
) -> anyhow::Result<Settings> {
    let checked = url.map(|url| webhook::address(url, app.webhook_networks())).transpose();
    let url = checked.map_err(|why| anyhow!("the address will not do: {why}"))?.map(Into::into);
    let most = limits::WEBHOOK_DESCRIPTION_CHARS;
    if description.as_ref().is_some_and(|it| it.chars().count() > most || it.chars().any(char::is_control)) {
        bail!("the description must have at most {most} characters, and no control characters");
    }
    Ok(Settings { url, description, kinds, enabled })
}

async fn list(app: &App) -> anyhow::Result<()> {
    let list: Result<_, Failure> =
        app.read(Actor::CommandLine, |tx, _| Ok(tx.webhook_page(None, limits::WEBHOOKS)?)).await;
    let mut shown = table::with_columns(&["ID", "ADDRESS", "EVENTS", "STATE", "DESCRIPTION"]);
    for it in list? {
        let state = match (it.enabled, it.disabled_because) {
            (true, _) => "enabled".to_owned(),
            (false, None) => "disabled".to_owned(),
            (false, Some(why)) => format!("disabled: {why}"),
        };
        let events = if it.kinds.is_empty() { "all".to_owned() } else { it.kinds.join(" ") };
        shown.add_row([it.id.to_string(), it.url, events, state, it.description]);
    }
    outln!("{shown}");
    Ok(())
}

async fn deliveries(app: &App, id: WebhookId, state: Option<DeliveryState>) -> anyhow::Result<()> {
    let page: Result<_, Failure> = app
        .read(Actor::CommandLine, move |tx, _| {
            let webhook = tx.webhook_find(id)?;
            Ok(webhook.map(|_| tx.delivery_page(id, state, None, limits::PAGE_ROWS)).transpose()?)
        })
        .await;
    let mut shown = table::with_columns(&["EVENT", "WHAT", "WHEN", "STATE", "TRIES", "NEXT"]);
    for (it, kind, at) in page?.ok_or_else(|| unknown(id))? {
        let next = if it.state == DeliveryState::Pending { it.next_at.to_string() } else { String::new() };
        let state = it.state.as_str().to_owned();
        shown.add_row([it.event_id.to_string(), kind, at.to_string(), state, it.tries.to_string(), next]);
    }
    outln!("{shown}");
    Ok(())
}

async fn tries(app: &App, id: WebhookId, event: EventId) -> anyhow::Result<()> {
    let found: Result<_, Failure> = app.read(Actor::CommandLine, move |tx, _| Ok(tx.attempts_of(id, event)?)).await;
    let mut shown = table::with_columns(&["TRY", "WHEN", "MILLISECONDS", "STATUS", "ERROR"]);
    for it in found? {
        let status = it.status.map(|status| status.to_string()).unwrap_or_default();
        let (number, millis) = (it.number.to_string(), it.millis.to_string());
        shown.add_row([number, it.at.to_string(), millis, status, it.error.unwrap_or_default()]);
    }
    outln!("{shown}");
    Ok(())
}
