//! What is new, as server-sent events.

use std::time::Duration;

use signet::base::ids::DeploymentId;
use signet::provision::run::{LineSource, Stage};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{super::Visitor, Service, begun};

/// Longer than anything that should happen takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open stream.
struct Stream {
    stream: TcpStream,
    read: String,
}

impl Stream {
    async fn open(service: &Service, visitor: &Visitor<'_>, id: DeploymentId, last: Option<i64>) -> Self {
        let mut stream = TcpStream::connect(service.app.address).await.unwrap();
        let cookies: Vec<_> = visitor.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /license/deployments/{id}/events HTTP/1.1\r\nHost: signet\r\nCookie: {}\r\n{last}\r\n",
            cookies.join("; ")
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream, read: String::new() }
    }

    /// Reads until the text is there.
    async fn until(&mut self, text: &str) {
        let mut piece = [0; 4096];
        while !self.read.contains(text) {
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await;
            let read = read.unwrap_or_else(|_| panic!("no `{text}` in {}", self.read)).unwrap();
            assert!(read > 0, "it ended without `{text}`: {}", self.read);
            self.read.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
    }

    /// Reads to its end.
    async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await;
        ended.expect("it ends").unwrap();
        self.read.push_str(&String::from_utf8_lossy(&rest));
        self.read.clone()
    }
}

async fn say(service: &Service, id: DeploymentId, text: &'static str) {
    service
        .app
        .write(move |tx, ctx| {
            let texts = [text.to_owned()];
            signet::usecase::deployment::log::add(tx, ctx, id, Stage::Preflight, LineSource::Machine, texts)
        })
        .await;
}

#[tokio::test]
async fn lines_arrive_as_they_are_written_and_again_from_where_somebody_stopped() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    let mut stream = Stream::open(&service, &visitor, id, None).await;
    stream.until("event: version").await;
    assert!(stream.read.to_lowercase().contains("content-type: text/event-stream"), "{}", stream.read);
    assert!(stream.read.contains("id: 1") && stream.read.contains("began"), "{}", stream.read);
    say(&service, id, "<script>second</script>").await;
    stream.until("second").await;
    assert!(stream.read.contains("id: 2"));
    say(&service, id, "third").await;
    let mut again = Stream::open(&service, &visitor, id, Some(2)).await;
    again.until("third").await;
    assert!(!again.read.contains("second") && !again.read.contains("began"), "{}", again.read);
    assert!(again.read.contains("id: 3"));
}

#[tokio::test]
async fn a_stream_ends_with_the_work() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    let mut stream = Stream::open(&service, &visitor, id, None).await;
    stream.until("event: version").await;
    service
        .app
        .write(move |tx, ctx| {
            let mut deployment = signet::usecase::deployment::Deployment::load(tx, id)?.unwrap();
            deployment.settle(ctx, signet::provision::run::Status::Failed);
            deployment.save(tx, ctx)
        })
        .await;
    stream.until("event: end").await;
}

/// A page that is open does not put a stop off.
#[tokio::test]
async fn a_stream_ends_with_the_service() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    let mut stream = Stream::open(&service, &visitor, id, None).await;
    stream.until("event: version").await;
    service.app.stop();
    let whole = stream.rest().await;
    assert!(whole.ends_with("0\r\n\r\n"), "a whole answer: {whole}");
}

#[tokio::test]
async fn a_license_has_so_many_streams() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    let mut open = Vec::new();
    for _ in 0..signet::base::limits::EVENT_STREAMS_OF_LICENSE {
        let mut stream = Stream::open(&service, &visitor, id, None).await;
        stream.until("event: version").await;
        open.push(stream);
    }
    let path = format!("/license/deployments/{id}/events");
    let answer = visitor.get(&path).await;
    assert_eq!((answer.status, answer.header("Retry-After")), (429, Some("5")));
    // A place comes back when its page is closed.
    drop(open.pop());
    let freed = async {
        loop {
            let mut stream = Stream::open(&service, &visitor, id, None).await;
            stream.until("\r\n\r\n").await;
            if stream.read.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("the place is free again");
}
