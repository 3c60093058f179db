//! `signet serve`: the service.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    base::limits,
    config::Config,
    jobs::{
        self, codes, deployments, expiry, mails, orders, pushes, retention, uploads,
        webhooks::{self, Workers},
    },
    license::code::worst_case_length,
    store::Access,
    telemetry,
    web::{metrics, router, server},
};

/// A service that runs.
#[derive(Debug)]
pub struct Running {
    /// The service.
    pub app: App,
    stop: CancellationToken,
    server: JoinHandle<()>,
    jobs: Vec<JoinHandle<()>>,
}

/// Runs the service until SIGTERM or SIGINT; SIGHUP loads catalog and access keys anew.
///
/// # Errors
/// Says why it cannot start.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::start_logging(&config.log, config.log_format).map_err(anyhow::Error::msg)?;
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        started = start(&config) => started?,
        () = signals.stop() => return Ok(ExitCode::SUCCESS),
    };
    signals.wait(&running.app).await;
    tracing::info!("stopping: open requests may finish");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts the service.
///
/// # Errors
/// Says why it cannot start.
pub async fn start(config: &Config) -> anyhow::Result<Running> {
    let app = super::open::open(config, Access::Server).await?;
    let stop = CancellationToken::new();
    match begin(&app, config, &stop).await {
        Ok((server, jobs)) => Ok(Running { app, stop, server, jobs }),
        Err(error) => {
            stop.cancel();
            // Closed here and now, or the next start would find the file still taken.
            app.store().clone().close().await;
            Err(error)
        }
    }
}

/// Everything between an open database and a server that answers.
async fn begin(
    app: &App,
    config: &Config,
    stop: &CancellationToken,
) -> anyhow::Result<(JoinHandle<()>, Vec<JoinHandle<()>>)> {
    if let Some(file) = &config.catalog {
        let catalog = super::open::read_catalog(file, app.public_url())?;
        let difference = super::open::apply_catalog(app, catalog).await?;
        tracing::info!("catalog {} applied: {} changes", file.display(), difference.changes.len());
    }
    check_code_lengths(app)?;
    if let Some(address) = config.metrics_listen {
        let handle = telemetry::start_metrics().context("the metrics cannot be recorded")?;
        let address = metrics::serve(address, handle, stop.clone())
            .await
            .with_context(|| format!("metrics cannot listen on {address}"))?;
        tracing::info!("metrics on http://{address}/metrics");
    }
    let listener =
        TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    super::open::remember_address(app).await?;
    let server = tokio::spawn(server::serve(super::open_files::raise(), listener, router::public(app), stop.clone()));
    app.clouds().go_on();
    let jobs = start_jobs(app, stop);
    tracing::info!("serving on http://{address}, known to the world as {}", app.public_url());
    Ok((server, jobs))
}

impl Running {
    /// Lets open requests finish, then closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.server.await {
            tracing::error!("the server ended badly: {error}");
        }
        for job in self.jobs {
            // A job that panicked has already said so; it must not keep the database open.
            let _ = job.await;
        }
        self.app.store().clone().close().await;
    }
}

/// The stored catalog was checked under the address of that day; under a longer one its codes may not fit any more, and
/// every purchase would fail.
fn check_code_lengths(app: &App) -> anyhow::Result<()> {
    let installation = app.installation();
    for product in &installation.catalog.catalog().products {
        for plan in &product.plans {
            let length = worst_case_length(&product.slug, plan, app.public_url());
            if length > limits::LICENSE_CODE_CHARS {
                anyhow::bail!(
                    "a license code of plan {}/{} could have {length} characters under {}, and {} is the limit: shorten \
                     the plan's features or the public address",
                    product.slug,
                    plan.slug,
                    app.public_url(),
                    limits::LICENSE_CODE_CHARS
                );
            }
        }
    }
    Ok(())
}

fn start_jobs(app: &App, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
    let sources = Arc::new(orders::Sources::default());
    let [forgetful, patient, busy, giving, looking] = std::array::from_fn(|_| app.clone());
    let [pushing, telling, writing, watching] = std::array::from_fn(|_| app.clone());
    vec![
        tokio::spawn(jobs::every(retention::PAUSE, stop.clone(), (), move |()| {
            let app = forgetful.clone();
            async move { retention::round(&app).await }
        })),
        tokio::spawn(jobs::every(orders::PAUSE, stop.clone(), None, move |after| {
            let (app, sources) = (patient.clone(), Arc::clone(&sources));
            async move { orders::round(&app, &*sources, after).await }
        })),
        tokio::spawn(jobs::every(uploads::PAUSE, stop.clone(), (), move |()| {
            let app = giving.clone();
            async move { uploads::round(&app).await }
        })),
        tokio::spawn(jobs::every(pushes::PAUSE, stop.clone(), (), move |()| {
            let app = pushing.clone();
            async move { pushes::round(&app).await }
        })),
        tokio::spawn(jobs::every(codes::PAUSE, stop.clone(), (), move |()| {
            let app = looking.clone();
            async move { codes::round(&app).await }
        })),
        tokio::spawn(jobs::every(webhooks::PAUSE, stop.clone(), Workers::default(), move |workers| {
            let app = telling.clone();
            async move { webhooks::round(&app, workers).await }
        })),
        tokio::spawn(jobs::every(mails::PAUSE, stop.clone(), (), move |()| {
            let app = writing.clone();
            async move { mails::round(&app).await }
        })),
        tokio::spawn(jobs::every(expiry::PAUSE, stop.clone(), (), move |()| {
            let app = watching.clone();
            async move { expiry::round(&app).await }
        })),
        tokio::spawn(jobs::every(deployments::PAUSE, stop.clone(), JoinSet::new(), move |under_way| {
            let app = busy.clone();
            async move { deployments::round(&app, under_way).await }
        })),
    ]
}

/// The signals that an operator sends. Made before the service answers its first call: a signal that nobody listens
/// for kills the process, also one that comes in the moment after it became ready.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses to hand signals over.
    pub fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for SIGTERM or SIGINT; at every SIGHUP loads catalog and access keys anew.
    pub async fn wait(mut self, app: &App) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => match app.reload().await {
                    Ok(()) => tracing::info!("catalog and access keys loaded anew"),
                    Err(failure) => tracing::error!("loading anew failed, all stays as it was: {failure}"),
                },
            }
        }
    }
}

#[cfg(test)]
pub(in crate::cli) mod tests;
