//! The last resort: a handler that panicked is answered all the same.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::problem::Problem;

/// Answers 500 where the handler panicked; without it the connection would end without a word. The panic's own text is
/// on standard error and nowhere else: it may hold anything.
pub async fn caught(request: Request, next: Next) -> Response {
    let mut answering = pin!(next.run(request));
    // Whatever the panic left half done is dropped with the request: what outlives it, the store's jobs, catch their own.
    let answered = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    });
    answered.await.unwrap_or_else(|| {
        tracing::error!("the handling of a request panicked");
        let detail = "Something went wrong on our side and was logged. Look whether it was done before you try again.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail).into_response()
    })
}
