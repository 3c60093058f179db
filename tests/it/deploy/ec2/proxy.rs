//! A proxy that hands calls on byte for byte, or does what networks and clouds do instead.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// What happens to a call.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It reaches the cloud, and its answer comes back.
    Pass,
    /// It reaches the cloud, and its answer is lost.
    LoseAnswer,
    /// The connection breaks before anything is said.
    Break,
    /// This status and body come back; the cloud never hears of it.
    Answer(u16, String),
    /// The same, with a header.
    With(u16, String, &'static str),
    /// What was sent comes back, inside an error.
    Echo,
    /// Nothing ever comes back; the cloud never hears of it.
    HangBefore,
    /// Nothing ever comes back, after it reached the cloud.
    HangAfter,
}

/// Decides by head and body of a call, and by the bodies of those before it.
type Rule = dyn Fn(&str, &str, &[String]) -> Fate + Send + Sync;

/// A running proxy; it ends with the test.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    calls: Arc<Mutex<Vec<String>>>,
    /// Told when a call hangs.
    pub hangs: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// `rule` decides by the call's action and how many calls of this action came before.
    pub async fn start(cloud: Option<SocketAddr>, rule: impl Fn(&str, usize) -> Fate + Send + Sync + 'static) -> Self {
        Self::judging(cloud, move |_, body, earlier| {
            let called = action(body);
            rule(called, earlier.iter().filter(|known| action(known) == called).count())
        })
        .await
    }

    /// The same by all that is known of a call.
    pub async fn judging(
        cloud: Option<SocketAddr>,
        rule: impl Fn(&str, &str, &[String]) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let rule: Arc<Rule> = Arc::new(rule);
        let seen = calls.clone();
        let hangs = Arc::new(Notify::new());
        let told = hangs.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, cloud, seen.clone(), rule.clone(), told.clone()));
            }
        });
        Self { address, calls, hangs, task }
    }

    /// How often an action was called.
    pub fn count(&self, action: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|body| self::action(body) == action).count()
    }

    /// The bodies of all calls.
    pub fn all(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// The body of the last call.
    pub fn last(&self) -> String {
        self.all().pop().unwrap_or_default()
    }
}

pub fn action(body: &str) -> &str {
    body.strip_prefix("Action=").unwrap_or_default().split('&').next().unwrap_or_default()
}

async fn serve(
    mut stream: TcpStream,
    cloud: Option<SocketAddr>,
    calls: Arc<Mutex<Vec<String>>>,
    rule: Arc<Rule>,
    hangs: Arc<Notify>,
) -> Option<()> {
    let (head, body) = request(&mut stream).await?;
    let fate = {
        let mut calls = calls.lock().unwrap();
        let fate = rule(&head, &body, &calls);
        calls.push(body.clone());
        fate
    };
    let plain = |status: u16, header: &str, body: &str| {
        format!("HTTP/1.1 {status} X\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            .into_bytes()
    };
    let answer = match fate {
        Fate::Pass => forward(cloud?, &head, &body).await?,
        Fate::LoseAnswer => {
            forward(cloud?, &head, &body).await?;
            return None;
        }
        Fate::Break => return None,
        Fate::HangBefore => return hang(&hangs).await,
        Fate::HangAfter => {
            forward(cloud?, &head, &body).await?;
            return hang(&hangs).await;
        }
        Fate::Answer(status, body) => plain(status, "", &body),
        Fate::With(status, body, header) => plain(status, header, &body),
        Fate::Echo => {
            let said = format!("{head}{body}").replace('&', "&amp;").replace('<', "&lt;");
            let error = format!("<Code>Odd</Code><Message>You sent: {said}</Message>");
            plain(400, "", &format!("<Response><Errors><Error>{error}</Error></Errors></Response>"))
        }
    };
    stream.write_all(&answer).await.ok()?;
    stream.shutdown().await.ok()
}

async fn hang(hangs: &Notify) -> Option<()> {
    hangs.notify_one();
    std::future::pending().await
}

async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some((format!("{head}\r\n"), body.to_owned()));
        }
    }
}

/// One connection for one call, so that the answer ends with it.
async fn forward(cloud: SocketAddr, head: &str, body: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(cloud).await.ok()?;
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    Some(answer)
}
