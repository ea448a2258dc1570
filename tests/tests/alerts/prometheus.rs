//! Prometheus itself, and the alarms that fire there.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use axum::{Router, routing::get};
use countersign::metrics;
use countersign_tests::server::free_address;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    time::{interval, timeout},
};

use crate::{causes::Causes, files::read};

/// Checks for the wish to do without servers.
pub(crate) fn is_left_out() -> bool {
    let is_left_out = env::var_os("COUNTERSIGN_SKIP_SERVERS").is_some();
    if is_left_out {
        eprintln!("left out: COUNTERSIGN_SKIP_SERVERS is set");
    }
    is_left_out
}

/// A Prometheus on a free port that asks one server for its metrics, every second.
struct Prometheus {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Prometheus {
    fn start(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        // The alarms as they are, but that nobody waits to be sure.
        let rules: Vec<String> = (read("docs/alerts.yml").lines())
            .map(|line| match line.trim().starts_with("for: ") {
                true => "        for: 1s".to_owned(),
                false => line.to_owned(),
            })
            .collect();
        file("alerts.yml", &rules.join("\n"));
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yml]\n\
             scrape_configs:\n- job_name: app\n  static_configs: [{{targets: [\"{target}\"]}}]\n"
        );
        let config = file("prometheus.yml", &config);
        let address = free_address();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            address,
            _folder: folder,
        }
    }

    /// Asks the HTTP API. `None` while it does not answer.
    fn ask(&self, target: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        // By HTTP/1.0 the body is what comes until the end.
        write!(stream, "GET {target} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let body: Value = serde_json::from_str(body).ok()?;
        (body["status"] == "success").then(|| body["data"].clone())
    }

    /// Returns whether there is a sample of this metric.
    fn knows(&self, metric: &str) -> bool {
        let found = self.ask(&format!("/api/v1/query?query={metric}"));
        found.is_some_and(|data| data["result"].as_array().is_some_and(|all| !all.is_empty()))
    }

    /// Returns the names of the alarms that fire.
    fn firing(&self) -> BTreeSet<String> {
        let data = self.ask("/api/v1/alerts").unwrap_or_default();
        let alerts = data["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        firing
            .map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Installs the recorder as an app does, and serves what it has measured.
fn serve_metrics() -> SocketAddr {
    let mut builder = PrometheusBuilder::new();
    for (name, bounds) in metrics::BUCKETS {
        let name = Matcher::Full(name.to_owned());
        builder = builder.set_buckets_for_metric(name, bounds).unwrap();
    }
    let handle = builder.install_recorder().unwrap();
    metrics::describe();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || Runtime::new().unwrap().block_on(serve(handle, tell)));
    told.recv().unwrap()
}

async fn serve(handle: PrometheusHandle, tell: mpsc::Sender<SocketAddr>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    tell.send(listener.local_addr().unwrap()).unwrap();
    let app = Router::new().route("/metrics", get(async move || handle.render()));
    axum::serve(listener, app).await.unwrap();
}

/// Waits for something at Prometheus, which asks once in a second by its own clock.
#[track_caller]
fn wait(what: &str, mut is_there: impl FnMut() -> bool) {
    let waited = async {
        let mut turns = interval(Duration::from_millis(200));
        while !is_there() {
            turns.tick().await;
        }
    };
    let waited = Runtime::new()
        .unwrap()
        .block_on(async { timeout(Duration::from_secs(60), waited).await });
    assert!(waited.is_ok(), "there is no {what}");
}

#[test]
fn each_alarm_fires_in_prometheus_after_its_cause_and_not_before() {
    if is_left_out() {
        return;
    }
    let target = serve_metrics();
    let causes = Causes::prepare();
    let prometheus = Prometheus::start(target);
    for metric in [
        "countersign_keys_state",
        "countersign_login_failures_total",
        "countersign_revocation_synced_timestamp_seconds",
        "countersign_sessions_total",
        "countersign_store_errors_total",
    ] {
        wait(metric, || prometheus.knows(metric));
    }
    assert_eq!(prometheus.firing(), BTreeSet::new());

    causes.happen();
    for alarm in [
        "CountersignKeysStale",
        "CountersignLoginFailures",
        "CountersignReplaySpike",
        "CountersignRevocationLag",
        "CountersignStoreErrors",
    ] {
        wait(alarm, || prometheus.firing().contains(alarm));
    }
}
