//! The routes for the operator, at an address of their own: health, readiness, metrics.

use std::{fmt, future::pending, io, net::TcpListener, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::from_fn,
    response::IntoResponse,
    routing::get,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Map, Value};
use tokio::time::interval;

use crate::{Drain, serve};

/// The media type of readiness.
const JSON: &str = "application/json";
/// The media type of `/metrics`: what Prometheus reads.
const METRICS: &str = "text/plain; version=0.0.4";

/// The routes for the operator. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    metrics: PrometheusHandle,
    drain: Drain,
    readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

/// Tells whether requests can be answered.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// False: the balancer should send requests elsewhere.
    pub is_ready: bool,
    /// The reasons, as members of the answer.
    pub details: Map<String, Value>,
}

/// The recorder of the library's metrics.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder. Call it before anything is built that counts; needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// One line for the operator: there is a recorder already.
    pub fn install() -> Result<Self, String> {
        let builder = countersign::metrics::BUCKETS.into_iter().try_fold(
            PrometheusBuilder::new(),
            |builder, (name, bounds)| {
                let matcher = metrics_exporter_prometheus::Matcher::Full(name.to_owned());
                builder.set_buckets_for_metric(matcher, bounds)
            },
        );
        let metrics = builder
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| error.to_string())?;
        countersign::metrics::describe();
        let upkept = metrics.clone();
        tokio::spawn(async move {
            let mut turns = interval(Duration::from_secs(5));
            loop {
                turns.tick().await;
                upkept.run_upkeep();
            }
        });
        Ok(Self(metrics))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Admin {
    /// Makes the routes. A server that drains is not ready, whatever `readiness` says.
    pub fn new(
        metrics: Metrics,
        drain: Drain,
        readiness: impl Fn() -> Readiness + Send + Sync + 'static,
    ) -> Self {
        Self {
            metrics: metrics.0,
            drain,
            readiness: Arc::new(readiness),
        }
    }

    /// Serves them. It never ends: the operator sees the server as long as there is one, also while its last
    /// requests end.
    ///
    /// # Errors
    ///
    /// The system does not let us serve on this listener.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let router = Router::new()
            .route("/healthz", get("ok"))
            .route("/readyz", get(readiness))
            .route("/metrics", get(metrics))
            .layer(from_fn(serve::body_in_time))
            .with_state(self.clone());
        serve::until(pending(), self.drain, listener, router).await;
        Ok(())
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

async fn readiness(State(admin): State<Admin>) -> impl IntoResponse {
    let Readiness {
        is_ready,
        mut details,
    } = (admin.readiness)();
    let is_draining = admin.drain.is_draining();
    let is_ready = is_ready && !is_draining;
    details.insert("draining".to_owned(), is_draining.into());
    details.insert("ready".to_owned(), is_ready.into());
    let status = match is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (
        status,
        [(CONTENT_TYPE, JSON)],
        Value::from(details).to_string(),
    )
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS)], admin.metrics.render())
}
