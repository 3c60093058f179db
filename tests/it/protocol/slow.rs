//! Clients that dawdle.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
};
use http_body_util::BodyExt;
use hyper::body::Frame;
use rstest::rstest;
use signet::{base::limits, web::router};
use tower::ServiceExt;

use crate::harness::{Backend, TestApp};

/// A body whose first bytes come at once and the rest never.
struct Dawdling(Option<Bytes>);

impl HttpBody for Dawdling {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// Without a socket, so that the clock can be stopped: it then jumps to the next thing that anybody waits for.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_form_that_does_not_arrive_is_refused_at_the_deadline(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let router = router::public(&app.app);
    let form = |body| {
        let form = "application/x-www-form-urlencoded";
        Request::post("/l").header("content-type", form).header("content-length", "99").body(body).unwrap()
    };
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let late = Body::new(Dawdling(Some(Bytes::from_static(b"license="))));
    let answer = router.clone().oneshot(form(late)).await.unwrap();
    let waited = started.elapsed();
    assert!(waited >= limits::REQUEST_DEADLINE && waited < limits::REQUEST_DEADLINE * 2, "{waited:?}");
    assert_eq!(answer.status(), 408);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["type"], "/problems/timeout");
    tokio::time::resume();
    let whole = router.oneshot(form(Body::from("license=nothing"))).await.unwrap();
    assert_eq!(whole.status(), 422); // read, and no license: the page says so
}
