//! What a service knows this app by.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use countersign::issue::SignerError;

/// A function that gives the credentials for a request: an access token, for example. It keeps them, and renews them in time.
pub struct Credentials<T>(Arc<Ask<T>>);

type Ask<T> =
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, SignerError>> + Send>> + Send + Sync;

impl<T: Send + 'static> Credentials<T> {
    /// Credentials that are asked for before each request.
    pub fn new<F, R>(ask: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, SignerError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(ask())))
    }

    /// Credentials that never change, for a test.
    pub fn fixed(value: T) -> Self
    where
        T: Clone + Sync,
    {
        Self::new(move || std::future::ready(Ok(value.clone())))
    }

    pub(crate) async fn get(&self) -> Result<T, SignerError> {
        (self.0)().await
    }
}

impl<T> fmt::Debug for Credentials<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}
