//! Tests of the alarms and the dashboard in `docs`, with the tools of Prometheus.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod causes;
mod files;
mod prometheus;
