//! Starts the API that a file describes. SIGHUP makes it read the file again, SIGTERM makes it end.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process,
    time::Duration,
};

use clap::{Parser, value_parser};
use demo::{Admin, Drain, LogFormat, Metrics, Reloads};
use resource_server::{Config, Mistake, Server};

/// An API that accepts the tokens of one or several identity providers.
#[derive(Debug, Parser)]
struct Options {
    /// The configuration file; SIGHUP makes the server read it again
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Address and port to listen on, instead of what the file says; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// The same for the operator's routes: /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS", alias = "management-listen")]
    admin: Option<SocketAddr>,

    /// How long to serve on after SIGTERM, not ready any more, until balancers have noticed
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = value_parser!(u16).range(..=300))]
    drain: u16,

    /// The form of the log, instead of what the file says. RUST_LOG says what is in it: info and
    /// above, if it is not set
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    let config = Config::read(&options.config).unwrap_or_else(|mistake| exit(&mistake));
    let format = options.log_format.unwrap_or(config.log_format());
    let _log = demo::start_logging(format).unwrap_or_else(|line| demo::exit(line));
    let metrics = Metrics::install().unwrap_or_else(|line| demo::exit(line));
    let (server, listener, admin) =
        start(&options, config).unwrap_or_else(|mistake| exit(&mistake));

    // Before anybody hears of this server.
    let drain = Drain::on_signals(Duration::from_secs(options.drain.into()))?;
    let reloads = Reloads::new()?;
    demo::say(format_args!("admin on http://{}", admin.local_addr()?));
    demo::say(format_args!(
        "listening on http://{}",
        listener.local_addr()?
    ));
    let state = server.clone();
    let routes = Admin::new(metrics, drain.clone(), move || state.readiness());
    tokio::spawn(routes.serve(admin));
    server.run(listener, drain, reloads).await
}

fn start(options: &Options, config: Config) -> Result<(Server, TcpListener, TcpListener), Mistake> {
    let configured = (config.listen()?, config.management_listen()?);
    let server = Server::new(options.config.clone(), config)?;
    let listener = match options.listen {
        Some(address) => demo::bound_or_exit("--listen", address, demo::bind(address)),
        None => server.bound(configured.0, demo::bind(configured.0))?,
    };
    let admin = match options.admin {
        Some(address) => demo::bound_or_exit("--admin", address, demo::bind(address)),
        None => server.management_bound(configured.1, demo::bind(configured.1))?,
    };
    Ok((server, listener, admin))
}

/// One line, and the exit code for a wrong configuration.
fn exit(mistake: &Mistake) -> ! {
    demo::complain(mistake);
    process::exit(2)
}
