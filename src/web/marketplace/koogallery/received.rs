//! The request, read within its limits of size and time.

use axum::extract::Request;
use http_body_util::{BodyExt, Limited};

use crate::{
    base::limits,
    marketplace::koogallery::{
        reply::{Reply, ResultCode},
        signature::RawRequest,
    },
    web::head,
};

/// A call as it came, owned, so that its handling outlives a caller who hangs up.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) method: String,
    pub(super) query: String,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn raw(&self) -> RawRequest<'_> {
        RawRequest { method: &self.method, query: &self.query, body: &self.body }
    }
}

/// Reads the call within its limits of size and time.
///
/// # Errors
/// The answer to one that exceeds them or did not arrive.
pub(super) async fn read(request: Request) -> Result<Received, Reply> {
    let oversize = head::oversize(request.uri(), request.headers());
    let (parts, body) = request.into_parts();
    let limited = Limited::new(body, limits::REQUEST_BODY_BYTES).collect();
    let body = match tokio::time::timeout(limits::REQUEST_BODY_TIMEOUT, limited).await {
        Ok(Ok(collected)) => collected.to_bytes().to_vec(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("The body is larger than {} bytes.", limits::REQUEST_BODY_BYTES);
            return Err(Reply::new(ResultCode::IllegalParameter, &message));
        }
        Ok(Err(_)) => return Err(Reply::new(ResultCode::IllegalParameter, "The body did not arrive whole.")),
        Err(_) => return Err(Reply::new(ResultCode::InternalError, "The body did not arrive in time.")),
    };
    // Only now: who closes a connection on bytes that were not read may lose the answer with them.
    if let Some(part) = oversize {
        let message = format!("{part} is larger than {} bytes.", limits::REQUEST_HEAD_BYTES);
        return Err(Reply::new(ResultCode::IllegalParameter, &message));
    }
    let query = parts.uri.query().unwrap_or_default().to_owned();
    Ok(Received { method: parts.method.as_str().to_owned(), query, body })
}
