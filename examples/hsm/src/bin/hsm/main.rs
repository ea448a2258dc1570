//! A login server whose access tokens are signed in an HSM.

mod actix;
mod axum;

use std::{env, error::Error, fs, net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use countersign::{
    Algorithm, ConfigError, Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey, Verifier,
    session::{Identity, SignIn},
};
use hsm::{KeyName, Token};
use serde::{Deserialize, Serialize};

/// Has access tokens signed in an HSM, by PKCS#11. The PIN stands in the file of `--pin-file`, or in the variable `HSM_PIN`.
#[derive(Parser)]
struct Options {
    /// The module of the HSM
    #[arg(long, default_value = "/usr/lib/softhsm/libsofthsm2.so")]
    module: PathBuf,
    /// The label of the token
    #[arg(long, default_value = "countersign")]
    token: String,
    /// A file with the PIN
    #[arg(long)]
    pin_file: Option<PathBuf>,
    /// The label of the key
    #[arg(long, default_value = "login-1")]
    key: String,
    /// Its algorithm: ES256, ES384, PS256 or RS256
    #[arg(long, default_value = "ES256")]
    algorithm: Algorithm,
    /// The number of sessions with the token, and of signatures at once
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u16).range(1..=1024))]
    sessions: u16,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the key
    Generate,
    /// Starts the login server
    Serve {
        #[arg(long, default_value = "127.0.0.1:3000")]
        listen: SocketAddr,
        #[arg(long, default_value = "axum")]
        framework: Framework,
    },
}

#[derive(Clone, ValueEnum)]
enum Framework {
    Actix,
    Axum,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init(); // it says when an outage of the HSM begins, and when it is over
    let options = Options::parse();
    let pin = match options.pin_file {
        Some(file) => fs::read_to_string(file)?,
        None => env::var("HSM_PIN").map_err(|_| "there is no PIN: see --help")?,
    };
    let token = Token::open(
        options.module,
        options.token,
        pin.trim_end(),
        options.sessions.into(),
    )
    .await?;
    let name = KeyName::Label(options.key);
    match options.command {
        Command::Generate => {
            token.generate(name, options.algorithm).await?;
            println!("the key is made");
        }
        Command::Serve { listen, framework } => {
            let key = token.key(name, options.algorithm).await?;
            let key = SigningKey::external(key)
                .signatures_at_once(options.sessions.into())
                .await?;
            let server = Server::new(key)?;
            match framework {
                Framework::Actix => actix::serve(server, listen).await?,
                Framework::Axum => axum::serve(server, listen).await?,
            }
        }
    }
    Ok(())
}

/// The parts of the server that are the same in each framework.
#[derive(Clone)]
struct Server {
    issuer: Issuer,
    routes: SessionRoutes,
    verifier: Verifier,
}

impl Server {
    fn new(key: SigningKey) -> Result<Self, ConfigError> {
        let issuer = Issuer::builder("https://hsm.example", key).audience("hsm");
        let issuer = issuer.build()?;
        let sessions = Sessions::builder(issuer.clone(), MemoryStore::new()).build()?;
        Ok(Self {
            issuer,
            verifier: sessions.verifier().clone(),
            routes: SessionRoutes::json(sessions, sign_in),
        })
    }
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

#[derive(Serialize)]
struct User {
    role: &'static str,
}

async fn sign_in(question: SignIn<Login>) -> Result<Option<Identity<User>>, std::io::Error> {
    let known = match question {
        // Ask your database, and compare a hash: the quick starts show how.
        SignIn::Credentials(login) => {
            login.email == "user@example.com" && login.password == "password123"
        }
        SignIn::Refresh(session) => session.subject() == "user-1",
    };
    Ok(known.then(|| Identity::new("user-1", User { role: "user" })))
}
