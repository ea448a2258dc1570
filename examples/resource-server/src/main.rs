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
use resource_server::{Api, Config, Mistake, manage, serve};
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

    /// The same for the operator's routes: health, readiness, metrics
    #[arg(long, value_name = "ADDRESS")]
    management_listen: Option<SocketAddr>,
}

/// The API, and where it is served.
struct Server {
    api: Api,
    listener: TcpListener,
    management: TcpListener,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    demo::start_logging();
    let metrics = install_metrics().unwrap_or_else(|error| demo::exit(error));
    let config = Config::read(&options.config).unwrap_or_else(|mistake| exit(&mistake));
    let Server {
        api,
        listener,
        management,
    } = start(&options, &config, metrics).unwrap_or_else(|mistake| exit(&mistake));

    let stop = demo::asked_to_stop()?; // before anybody hears of this server
    let address = management.local_addr()?;
    demo::say(format_args!("management on http://{address}"));
    demo::say(format_args!(
        "listening on http://{}",
        listener.local_addr()?
    ));
    // The operator sees the server as long as there is one: also while its last requests end.
    tokio::spawn(manage(api.clone(), management));
    serve(config.framework(), api, listener, stop).await
}

fn start(options: &Options, config: &Config, metrics: PrometheusHandle) -> Result<Server, Mistake> {
    let configured = (config.listen()?, config.management_listen()?);
    let api = Api::new(config, SystemClock, metrics)?;
    let listener = match options.listen {
        Some(address) => demo::bound_or_exit(address, bind(address)),
        None => config.bound(configured.0, bind(configured.0))?,
    };
    let management = match options.management_listen {
        Some(address) => demo::bound_or_exit(address, bind(address)),
        None => config.management_bound(configured.1, bind(configured.1))?,
    };
    Ok(Server {
        api,
        listener,
        management,
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Publishes the library's metrics at `/metrics`.
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
    demo::complain(mistake);
    process::exit(2)
}
