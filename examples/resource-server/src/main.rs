//! Starts the API that a file describes, and stops it on SIGTERM.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process,
    time::Duration,
};

use clap::Parser;
use countersign::SystemClock;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use resource_server::{Api, Config, Mistake, serve};
use tokio::time::interval;

/// An API that accepts the tokens of one or several identity providers.
#[derive(Debug, Parser)]
struct Options {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Address and port to listen on, instead of what the file says; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    demo::start_logging();
    let metrics = install_metrics().unwrap_or_else(|error| demo::exit(error));
    let config = Config::read(&options.config).unwrap_or_else(|mistake| exit(&mistake));
    let (api, listener) =
        start(&options, &config, metrics).unwrap_or_else(|mistake| exit(&mistake));

    let stop = demo::asked_to_stop()?; // before anybody hears of this server
    println!("listening on http://{}", listener.local_addr()?);
    serve(config.framework(), api, listener, stop).await
}

fn start(
    options: &Options,
    config: &Config,
    metrics: PrometheusHandle,
) -> Result<(Api, TcpListener), Mistake> {
    let configured = config.listen()?;
    let api = Api::new(config, SystemClock, metrics)?;
    let listener = match options.listen {
        Some(address) => demo::bound_or_exit(address, bind(address)),
        None => config.bound(configured, bind(configured))?,
    };
    Ok((api, listener))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// What the library measures goes to `/metrics`.
fn install_metrics() -> Result<PrometheusHandle, String> {
    let metrics = PrometheusBuilder::new()
        .install_recorder()
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
    Ok(metrics)
}

/// One line, and the exit code for a wrong configuration.
fn exit(mistake: &Mistake) -> ! {
    eprintln!("{mistake}");
    process::exit(2)
}
