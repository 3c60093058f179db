//! `/license/deployments/{id}/events`: what is new of a deployment, as server-sent events.
//!
//! Each `line` has its number for an id, so that a browser that was cut off goes on where it stopped. `version` says that
//! the page has something else to show, `end` that nothing more comes. A stream ends with the deployment's work, with the
//! service, and after a while anyway: then the browser asks again, and its session is looked at again.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, Path, Query, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use serde::Deserialize;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    base::{
        ids::{DeploymentId, LicenseId},
        limits,
    },
    store::{LineRecord, Tx},
    usecase::{Actor, Context, Failure, deployment::show},
    web::{customer::session::Customer, html::Words, problem::Problem, server::Stopping},
};

use super::{
    progress::{missing, named, second},
    words,
};

/// How often the database is asked.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a stream lasts.
const LIFETIME: Duration = Duration::from_secs(600);
/// How often something is said, so that nobody between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that wait for a slow reader.
const WAITING: usize = 16;

/// How many streams are open, by license.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<LicenseId, usize>>);

/// An open stream's place; given back when dropped.
struct Place {
    streams: Arc<Streams>,
    license: LicenseId,
}

impl Streams {
    fn enter(self: &Arc<Self>, license: LicenseId) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (open.values().sum::<usize>(), open.get(&license).copied().unwrap_or(0));
        if all >= limits::EVENT_STREAMS || own >= limits::EVENT_STREAMS_OF_LICENSE {
            return None;
        }
        open.insert(license, own + 1);
        Some(Place { streams: Arc::clone(self), license })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.license) {
            Some(number) if *number > 1 => *number -= 1,
            _ => drop(open.remove(&self.license)),
        }
    }
}

/// Where a page stands already.
#[derive(Debug, Default, Deserialize)]
struct Seen {
    after: Option<i64>,
    version: Option<i64>,
}

/// A request for a stream.
pub struct Ask {
    id: DeploymentId,
    seen: Seen,
    streams: Arc<Streams>,
    stop: CancellationToken,
}

impl FromRequestParts<App> for Ask {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let id = named(Path::from_request_parts(parts, app).await)?;
        let seen = Query::<Seen>::try_from_uri(&parts.uri).map(|Query(seen)| seen).unwrap_or_default();
        let last = parts.headers.get("last-event-id").and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
        let streams = parts.extensions.get::<Arc<Streams>>().ok_or_else(Problem::internal)?;
        let stop = parts.extensions.get::<Stopping>().map(|Stopping(stop)| stop.clone()).unwrap_or_default();
        let seen = Seen { after: last.or(seen.after), ..seen };
        Ok(Self { id, seen, streams: Arc::clone(streams), stop })
    }
}

/// One reader.
struct Reader {
    app: App,
    t: Words,
    license: LicenseId,
    id: DeploymentId,
    after: i64,
    version: Option<i64>,
    events: mpsc::Sender<Result<Event, Infallible>>,
}

/// `GET /license/deployments/{id}/events`.
pub async fn stream(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    ask: Ask,
) -> Result<Response, Problem> {
    let Ask { id, seen, streams, stop } = ask;
    let license = session.license.id;
    let Some(place) = streams.enter(license) else { return Ok(full()) };
    let (events, mut received) = mpsc::channel(WAITING);
    let after = seen.after.unwrap_or(0).max(0);
    let reader = Reader { app, t, license, id, after, version: seen.version, events };
    if reader.news().await?.is_none() {
        return Err(missing());
    }
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = reader.run() => {}
        }
        drop(place);
    });
    let stream = futures_util::stream::poll_fn(move |cx| received.poll_recv(cx));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

fn full() -> Response {
    let detail = "Too many pages are open: this one asks anew by itself.";
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-streams", "Too many open pages", detail);
    let mut response = problem.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

impl Reader {
    async fn news(&self) -> Result<Option<show::News>, Failure> {
        let (license, id, after) = (self.license, self.id, self.after);
        let look = move |tx: &mut Tx, _: Context| show::news(tx, license, id, after);
        self.app.read::<_, Failure, _>(Actor::Customer, look).await
    }

    /// Tells what is new until nothing more comes, or nobody listens.
    async fn run(mut self) {
        let end = Instant::now() + LIFETIME;
        while Instant::now() < end {
            match self.tell().await {
                Some(true) => {}
                Some(false) => tokio::time::sleep(PAUSE).await,
                None => return,
            }
            if self.events.is_closed() {
                return;
            }
        }
    }

    /// One look. Whether there may be more at once; `None`: it is over.
    async fn tell(&mut self) -> Option<bool> {
        // A database that is busy is asked again by the browser, later.
        let news = self.news().await.ok()??;
        let full = news.lines.len() >= limits::DEPLOYMENT_LINES_PAGE as usize;
        for line in &news.lines {
            self.after = line.number;
            self.send(self.line(line)).await?;
        }
        if self.version != Some(news.version) {
            self.version = Some(news.version);
            self.send(Event::default().event("version").data(news.version.to_string())).await?;
        }
        if news.settled && !full {
            self.send(Event::default().event("end").data("settled")).await?;
            return None;
        }
        Some(full)
    }

    fn line(&self, line: &LineRecord) -> Event {
        let source = words::source(self.t, line.source);
        let data = serde_json::json!({ "at": second(line.at), "source": source, "text": line.text });
        Event::default().event("line").id(line.number.to_string()).data(data.to_string())
    }

    async fn send(&self, event: Event) -> Option<()> {
        self.events.send(Ok(event)).await.ok()
    }
}
