//! Tests in a real browser: the page of both servers, and the React app.

use std::iter;

use countersign_tests::{
    browser::{drive, folder, node},
    server::{Process, Server, free_address},
};

use crate::servers::{PROGRAMS, command};

/// The lifetime of access tokens that expire during a check, in seconds.
const SHORT: &str = "4";

#[test]
fn the_page_of_both_servers_passes_every_check() {
    let Some(scripts) = folder("COUNTERSIGN_BROWSER", "the login page in Chromium") else {
        return;
    };
    for program in PROGRAMS {
        let server = start(program);
        let script = scripts.join("page.mjs");
        drive(
            node().arg(script).arg(base(&server)),
            &format!("page-{program}"),
        );
    }
}

#[test]
fn the_react_app_passes_every_check_in_front_of_both_servers() {
    let what = "the React app in Chromium";
    let Some(scripts) = folder("COUNTERSIGN_BROWSER", what) else {
        return;
    };
    let Some(app) = folder("COUNTERSIGN_SPA", what) else {
        return;
    };
    for program in PROGRAMS {
        let server = start(program);
        let port = free_address().port().to_string();
        let mut vite = node();
        vite.arg(app.join("node_modules/vite/bin/vite.js"))
            .args([
                "preview",
                "--port",
                &port,
                "--strictPort",
                "--host",
                "127.0.0.1",
            ])
            .current_dir(&app)
            .env("LOGIN_SERVER", base(&server))
            .env("NO_COLOR", "1");
        let preview = Process::start(&mut vite);
        let spa = iter::from_fn(|| preview.line())
            .find_map(|line| Some(line[line.find("http://")?..].trim().to_owned()))
            .expect("vite says where it listens");
        let mut script = node();
        script
            .arg(scripts.join("spa.mjs"))
            .args([spa, base(&server)]);
        drive(&mut script, &format!("spa-{program}"));
    }
}

fn start(program: &str) -> Server {
    Server::start(command(program).args(["--store", "memory", "--ttl", SHORT]))
}

fn base(server: &Server) -> String {
    format!("http://{}", server.address())
}
