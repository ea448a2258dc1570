//! Pages with forms that a server renders, for browsers: login, logout, an order, and a service worker.
//!
//! `forms [--framework axum|actix] [--listen 127.0.0.1:0] [--ttl SECONDS] [--lax] [--allow-origin ORIGIN]`
//! prints `listening on http://ADDRESS`. `ada` and `bob` have the password `engine`.

#![allow(clippy::print_stdout)] // the line that a caller waits for

mod actix;
mod app;
mod axum;

use std::{env, io, process};

use crate::app::{App, Options};

fn main() -> io::Result<()> {
    let options = Options::read(env::args().skip(1)).unwrap_or_else(|line| {
        eprintln!("{line}");
        process::exit(2)
    });
    let listener = std::net::TcpListener::bind(options.listen)?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = App::new(&options).map_err(io::Error::other)?;
    match options.is_actix {
        true => actix::serve(app, listener),
        false => axum::serve(app, listener),
    }
}
