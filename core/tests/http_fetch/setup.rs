//! Helpers that the tests share.

use std::time::Duration;

use countersign::{
    remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse, HttpFetch},
    testing::{Fault, JwksServer},
};

/// A limit above the length of any document here.
pub(crate) const ENOUGH: usize = 64 * 1024;

/// Fails a test that would hang.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    let deadline = Duration::from_secs(30);
    tokio::time::timeout(deadline, future)
        .await
        .unwrap_or_else(|_| panic!("nothing happened for {deadline:?}"))
}

pub(crate) async fn get(url: &str, max_bytes: usize) -> Result<FetchResponse, FetchError> {
    let fetch = HttpFetch::default();
    within(fetch.get(FetchRequest::new(url, max_bytes))).await
}

/// Gets the keys of a server with this fault.
pub(crate) async fn get_with(
    fault: Fault,
    max_bytes: usize,
) -> Result<FetchResponse, FetchErrorKind> {
    let server = JwksServer::start();
    server.fault(JwksServer::JWKS, fault);
    let result = get(&server.url(), max_bytes).await;
    // Every outcome closes the connection.
    within(server.disconnected()).await;
    result.map_err(|error| error.kind())
}

/// Gets an answer of these bytes.
pub(crate) async fn get_raw(
    bytes: impl Into<Vec<u8>>,
    max_bytes: usize,
) -> Result<FetchResponse, FetchErrorKind> {
    get_with(Fault::Raw(bytes.into()), max_bytes).await
}

/// Returns the body of the key set, and its length, as a client without limits gets them.
pub(crate) async fn document(server: &JwksServer) -> (Vec<u8>, usize) {
    let answer = get(&server.url(), usize::MAX).await.unwrap();
    (answer.body().to_vec(), answer.body().len())
}
