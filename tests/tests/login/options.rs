//! Tests of the options of an operator, and of secrets that are never shown.

use std::net::TcpListener;

use countersign_tests::{
    Request,
    server::{Body, Deaf, Process, Server, free_address},
};

use crate::servers::{PROGRAMS, Pair, command, log_in, refresh};

const STORE: &str = "COUNTERSIGN_LOGIN_STORE";

#[test]
fn the_store_can_come_from_the_environment() {
    let [axum, actix] = PROGRAMS;
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let server = Server::start(command(axum).env(STORE, &store));
    let pair = log_in(&server);
    drop(server);
    let server = Server::start(command(actix).args(["--store", &store]));
    let _ = Pair::of(&refresh(&server, &pair.refresh));
}

#[test]
fn the_command_line_comes_before_the_environment() {
    for program in PROGRAMS {
        let mut command = command(program);
        command.env(STORE, "sqlite:/dev/null/x");
        let _started = Server::start(command.args(["--store", "memory"]));
    }
}

#[test]
fn a_password_of_a_store_is_never_shown() {
    for program in PROGRAMS {
        let help = Process::start(
            command(program)
                .env(STORE, "postgres://app:hunter2@127.0.0.1:1/app")
                .arg("--help"),
        );
        let help = help.end();
        assert_eq!(help.code, Some(0), "{program}");
        let text = help.stdout.join("\n");
        assert!(text.contains(STORE), "{text}");
        assert!(!text.contains("hunter2"), "{text}");

        for store in [
            "postgress://app:hunter2@127.0.0.1:1/app", // a typing error
            "postgres://app:hunter2@127.0.0.1:port/app",
            "postgres://app:hunter2@[::1/app?sslmode=hunter2",
            "redis://app:hunter2@127.0.0.1:port",
            "redis://app:hunter2@127.0.0.1:1/database",
        ] {
            let mut by_argument = command(program);
            let mut by_environment = command(program);
            by_argument.args(["--store", store]);
            by_environment.env(STORE, store);
            for command in [by_argument, by_environment] {
                let mut command = command;
                let ended = Process::start(command.args(["--listen", "127.0.0.1:0"])).end();
                assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{store}");
                assert!(!ended.stderr.is_empty(), "{store}");
                assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
            }
        }
        for store in [
            "postgres://app:hunter2@127.0.0.1:1/app",
            "redis://app:hunter2@127.0.0.1:1",
        ] {
            let server = Server::start(command(program).env(STORE, store));
            server.terminate();
            let ended = server.end();
            assert!(
                ended.stderr.contains("the store is not available"),
                "{}",
                ended.stderr
            );
            assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        }
    }
}

#[test]
fn the_store_can_be_said_in_a_variable_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let place = format!("file:{}", file.display());
    for program in PROGRAMS {
        std::fs::write(&file, "memory\n").unwrap();
        for place in ["env:OWN_STORE", &place] {
            let mut command = command(program);
            command.env("OWN_STORE", "memory").args(["--store", place]);
            let _ = log_in(&Server::start(&mut command));
        }
        std::fs::write(&file, "postgress://app:hunter2@db/app").unwrap();
        let path = file.display().to_string();
        for (place, told) in [
            ("env:OWN_STORE", "OWN_STORE"),
            ("env:NOT_SET", "the environment variable NOT_SET is not set"),
            (&place, &path),
            ("file:/nowhere", "the file /nowhere cannot be read"),
        ] {
            let mut command = command(program);
            command.env("OWN_STORE", "redis://app:hunter2@db:port");
            let ended = Process::start(command.args(["--store", place])).end();
            assert_eq!(ended.code, Some(2), "{place}");
            assert!(ended.stderr.contains("--store"), "{}", ended.stderr);
            assert!(ended.stderr.contains(told), "{}", ended.stderr);
            assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        }
    }
}

#[test]
fn an_issuer_that_is_no_url_is_told_at_the_start() {
    for program in PROGRAMS {
        for issuer in ["", "shop", "http://shop.example", "https://shop.example?a"] {
            let mut command = command(program);
            let ended = Process::start(command.args(["--issuer", issuer])).end();
            assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{issuer}");
            assert!(ended.stderr.contains("--issuer"), "{}", ended.stderr);
        }
        let mut command = command(program);
        let twin = ["--store", "memory", "--issuer", "https://shop.example"];
        let _started = Server::start(command.args(twin));
    }
}

#[test]
fn an_address_that_is_taken_is_told_with_its_option() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for program in PROGRAMS {
        for option in ["--listen", "--admin"] {
            let mut command = command(program);
            command.args(["--store", "memory", option, &taken]);
            if option == "--admin" {
                command.args(["--listen", "127.0.0.1:0"]);
            }
            let ended = Process::start(&mut command).end();
            assert_eq!(ended.code, Some(2), "{program}");
            let told = format!("choose another address with {option}");
            assert!(ended.stderr.contains(&told), "{}", ended.stderr);
        }
    }
}

#[test]
fn it_serves_when_nobody_reads_what_it_says() {
    for program in PROGRAMS {
        let address = free_address();
        let mut command = command(program);
        command.args(["--store", "memory", "--listen", &address.to_string()]);
        let mut server = Deaf::start(&mut command);
        let mut connection = server.connect(address);
        let request = Request::get().target("/api/profile");
        assert_eq!(connection.send(&request, Body::None).status, 401);
    }
}
