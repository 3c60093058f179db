//! `signet deploy list` and `show`.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    base::{ids::DeploymentId, text::Language},
    cli::{
        client::{server::shown, words},
        table,
        terminal::outln,
    },
};

use super::{
    Common, Outcome, Which,
    api::{Obstacle, Service, Whole},
    follow,
};

/// Arguments of `signet deploy list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    common: Common,
    /// The service's answer as it is, for scripts
    #[arg(long)]
    json: bool,
}

/// Arguments of `signet deploy show`.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,
    /// Watch it until it is healthy, failed or needs something
    #[arg(long)]
    follow: bool,
    /// The service's answer as it is, for scripts
    #[arg(long, conflicts_with = "follow")]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Page {
    deployments: Vec<Whole>,
}

/// Lists the license's deployments.
///
/// # Errors
/// The service's.
pub async fn list(command: List) -> anyhow::Result<Outcome> {
    let answer: Value = command.common.service(false)?.get("").await?;
    if command.json {
        outln!("{answer:#}");
        return Ok(Outcome::Done);
    }
    let page: Page = serde_json::from_value(answer)?;
    let mut rows = table::with_columns(&["ID", "STATUS", "STAGE", "CLOUD", "REGION", "VERSION", "ADDRESS", "CREATED"]);
    for it in page.deployments {
        let address = it.address.as_deref().map(shown).unwrap_or_default();
        let created = it.created_at.map(|at| at.to_string()).unwrap_or_default();
        rows.add_row([it.id.to_string(), it.status, it.stage, it.cloud, it.region, it.version, address, created]);
    }
    outln!("{rows}");
    Ok(Outcome::Done)
}

/// Shows one.
///
/// # Errors
/// The service's.
pub async fn run(command: Show) -> anyhow::Result<Outcome> {
    let service = command.common.service(false)?;
    if command.follow {
        return follow::follow(&service, command.which.id).await;
    }
    let answer: Value = service.get(&format!("/{}", command.which.id)).await?;
    let whole: Whole = serde_json::from_value(answer.clone())?;
    if command.json {
        outln!("{answer:#}");
    } else {
        print_log(&service, command.which.id).await?;
        print(&whole);
    }
    Ok(Outcome::of(&whole))
}

async fn print_log(service: &Service, id: DeploymentId) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let whole: Whole = service.get(&format!("/{id}?after={after}")).await?;
        // A number that does not grow would be asked for forever.
        let Some(last) = whole.lines.last().map(|line| line.number).filter(|last| *last > after) else { return Ok(()) };
        after = last;
        for line in whole.lines {
            outln!("{} {:7} {}", line.at, line.source, line.text);
        }
    }
}

fn obstacle(it: &Obstacle) -> Vec<(String, String)> {
    let mut rows = vec![("problem".to_owned(), format!("{} in {}: {}", it.kind, shown(&it.stage), it.message))];
    let codes = [("code", &it.code), ("request", &it.request_id)];
    rows.extend(codes.into_iter().filter_map(|(name, it)| Some((name.to_owned(), shown(it.as_deref()?)))));
    if !it.advice.is_empty() {
        rows.push(("what to do".to_owned(), it.advice.clone()));
    }
    rows
}

/// A deployment without its log.
pub fn print(whole: &Whole) {
    let simulated = if whole.cloud == "simulated" { " (simulated: nothing of it is real)" } else { "" };
    let mut rows = vec![
        ("deployment".to_owned(), whole.id.to_string()),
        ("status".to_owned(), format!("{} ({}, {})", shown(&whole.status), shown(&whole.goal), shown(&whole.stage))),
        ("place".to_owned(), format!("{} {}{simulated}", shown(&whole.cloud), whole.region)),
        ("version".to_owned(), whole.version.clone()),
    ];
    for stage in &whole.stages {
        let how =
            stage.ended_at.map_or("under way".to_owned(), |end| format!("{} s", end.since(stage.started_at).as_secs()));
        rows.push((format!("  {}", stage.stage), how));
    }
    for resource in &whole.resources {
        let state = resource.removed_at.map_or("there".to_owned(), |at| format!("removed {at}"));
        rows.push((resource.kind.clone(), format!("{} ({state})", resource.id)));
    }
    let language = words::language();
    for output in &whole.outputs {
        let label = if language == Language::Zh { &output.label_zh } else { &output.label_en };
        rows.push((label.clone(), output.value.clone()));
    }
    if let Some(problem) = &whole.problem {
        rows.extend(obstacle(problem));
    }
    if let Some(sighting) = &whole.sighting {
        let state = sighting.server.as_deref().map_or("nothing was found out".to_owned(), shown);
        let address = sighting.address.as_deref().map(|it| format!(" at {}", shown(it))).unwrap_or_default();
        rows.push(("looked".to_owned(), format!("{}: {state}{address}", sighting.at)));
        rows.extend(sighting.problem.iter().flat_map(obstacle));
    }
    if let Some(ended) = &whole.license_ended {
        let when = ended.runs_until.map(|at| format!("; by its lease the software stops at {at}")).unwrap_or_default();
        let why = words::reason(&shown(&ended.reason), language);
        rows.push(("license".to_owned(), format!("{why}{when}; the server stays until it is removed")));
        rows.extend(whole.clean_up.iter().map(|command| ("by hand".to_owned(), shown(command))));
    }
    if whole.suspect {
        let warning = "another machine used this deployment's token: look at the server before you trust it";
        rows.push(("warning".to_owned(), warning.to_owned()));
    }
    outln!("{}", table::of_pairs(rows.iter().map(|(name, value)| (name.as_str(), value.clone()))));
}
