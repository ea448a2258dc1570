//! Tests of the login server of the example, as a program.

use std::process::Command;

use countersign_tests::{
    Answer, Request,
    programs::Programs,
    server::{Body, Process, Server},
};
use serde_json::{Value, json};

use crate::lab::{Lab, PIN, run};

fn log_in(server: &Server) -> Answer {
    let login = json!({ "email": "user@example.com", "password": "password123" });
    let request = Request::post("/token/login").header("content-type", "application/json");
    server.send(&request, Body::Sized(login.to_string().as_bytes()))
}

fn command(programs: &Programs, lab: &Lab) -> Command {
    let mut command = programs.command("hsm");
    command.arg("--module").arg(lab.client());
    command.env("HSM_PIN", PIN);
    command
}

#[test]
fn the_server_logs_in_on_both_frameworks_and_survives_an_outage() {
    run(
        "program::the_server_logs_in_on_both_frameworks_and_survives_an_outage",
        |mut lab| {
            let programs = Programs::build(&["hsm"]);
            lab.start_server();
            let made = Process::start(command(&programs, &lab).arg("generate")).end();
            assert_eq!(made.stdout, ["the key is made"]);
            let again = Process::start(command(&programs, &lab).arg("generate")).end();
            assert_eq!(again.code, Some(1));
            for framework in ["axum", "actix"] {
                let mut command = command(&programs, &lab);
                let server = Server::start(command.args(["serve", "--framework", framework]));
                let answer = log_in(&server);
                assert_eq!(answer.status, 200, "{answer:?}");
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                let request = Request::bearer(body["access_token"].as_str().unwrap());
                let answer = server.send(&request.target("/protected"), Body::None);
                assert_eq!(answer.body, "user-1, you may see this");
                let answer = server.send(&Request::get().target("/protected"), Body::None);
                assert_eq!(answer.status, 401);
                let keys = Request::get().target("/.well-known/jwks.json");
                let keys = server.send(&keys, Body::None);
                assert!(keys.body.contains(r#""alg":"ES256""#), "{keys:?}");
                lab.kill_server();
                assert_eq!(log_in(&server).status, 503);
                lab.start_server();
                assert_eq!(log_in(&server).status, 200);
                server.terminate();
                let ended = server.end();
                let log = ended.stdout.concat() + &ended.stderr;
                assert!(log.contains("the signer of the key fails"), "{log}");
                assert!(!log.contains(PIN), "{log}");
            }
        },
    );
}
