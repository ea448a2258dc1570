//! [`Fetch`] without its type.

use std::sync::Arc;

use super::fetch::{Fetch, FetchError, FetchRequest, FetchResponse};
#[cfg(feature = "token-client")]
use super::form_request::FormRequest;
use crate::future::BoxFuture;

/// [`Fetch`] without its type.
pub(crate) trait DynFetch: Send + Sync {
    fn get_boxed(
        self: Arc<Self>,
        request: FetchRequest,
    ) -> BoxFuture<Result<FetchResponse, FetchError>>;

    #[cfg(feature = "token-client")]
    fn post_boxed(
        self: Arc<Self>,
        request: FormRequest,
    ) -> BoxFuture<Result<FetchResponse, FetchError>>;

    fn check_url(&self, request: &FetchRequest) -> Result<(), FetchError>;
}

impl<F: Fetch> DynFetch for F {
    fn get_boxed(
        self: Arc<Self>,
        request: FetchRequest,
    ) -> BoxFuture<Result<FetchResponse, FetchError>> {
        Box::pin(async move { self.get(request).await })
    }

    #[cfg(feature = "token-client")]
    fn post_boxed(
        self: Arc<Self>,
        request: FormRequest,
    ) -> BoxFuture<Result<FetchResponse, FetchError>> {
        Box::pin(async move { self.post(request).await })
    }

    fn check_url(&self, request: &FetchRequest) -> Result<(), FetchError> {
        self.check(request)
    }
}
