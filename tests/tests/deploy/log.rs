//! Tests of the log: nobody waits for its reader, and a flood of refusals does not fill a disk.

use std::{
    io::{PipeReader, Read, Write, pipe},
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use countersign_tests::server::{Body, Connection, Deaf, Process, Server, free_address};
use serde_json::Value;

use crate::servers::{Bed, Kind, ask, metric};

/// The time in which nobody reads the log, under a flood.
const STALL: Duration = Duration::from_secs(30);
/// The time of a flood whose log is measured.
const FLOOD: Duration = Duration::from_secs(3);
/// The longest time for an answer during the flood, on a machine with other work.
const PROMPT: Duration = Duration::from_secs(3);
/// The most bytes of log in a minute.
const MINUTE: u64 = 1_000_000;

/// Sends refused requests from several clients for a while. Returns how many were answered.
fn flood(bed: &Bed, address: SocketAddr, meanwhile: impl FnOnce()) -> u64 {
    let (over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut connection = Connection::open(address);
                while !over.load(Ordering::Relaxed) {
                    for request in bed.bad() {
                        let status = connection.send(&request, Body::None).status;
                        assert!(matches!(status, 400 | 401), "{status}");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        meanwhile();
        over.store(true, Ordering::Relaxed);
    });
    answered.into_inner()
}

/// Returns a pipe with no room in it.
fn full_pipe() -> (PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    // Linux gives a pipe 64 KiB. Elsewhere it may have room left, and the test shows less.
    writer.write_all(&[b'\n'; 65_536]).unwrap();
    (reader, writer)
}

#[test]
fn a_reader_of_the_log_that_stalls_holds_nobody_up() {
    thread::scope(|scope| {
        for kind in Kind::ALL {
            scope.spawn(move || stalled(kind));
        }
    });
}

fn stalled(kind: Kind) {
    let bed = Bed::new(kind);
    let (mut reader, writer) = full_pipe();
    let mut command = bed.command();
    command.args(["--drain", "0"]).env("RUST_LOG", "trace");
    let server = Server::start_with(&mut command, writer);
    drop(command); // it has the writer
    let good = bed.good(&server);
    let mut idle = Connection::open(server.address());
    assert_eq!(idle.send(&good, Body::None).status, 200, "{kind:?}");
    flood(&bed, server.address(), || {
        let began = Instant::now();
        while began.elapsed() < STALL {
            let asked = Instant::now();
            assert_eq!(ask(&server, "/healthz").status, 200, "{kind:?}");
            assert_eq!(ask(&server, "/readyz").status, 200, "{kind:?}");
            assert_eq!(server.send(&good, Body::None).status, 200, "{kind:?}");
            let took = asked.elapsed();
            assert!(took < PROMPT, "{kind:?}: {took:?}");
            thread::sleep(Duration::from_millis(50));
        }
    });
    // An idle connection is kept for longer than balancers keep it.
    assert_eq!(idle.send(&good, Body::None).status, 200, "{kind:?}");

    // actix-web has more lines at this level than may wait.
    if kind.framework() == "actix" {
        let patience = Instant::now();
        while metric(&server, "log_lines_lost_total") == 0 {
            assert!(patience.elapsed() < Duration::from_secs(20), "{kind:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
    let read = match kind.framework() {
        // Nobody reads the last lines, and it ends all the same.
        "actix" => None,
        _ => Some(thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text).unwrap()
        })),
    };
    server.terminate();
    assert_eq!(server.end().code, Some(0), "{kind:?}");
    if let Some(read) = read {
        let text = read.join().unwrap();
        assert!(text.contains("malformed_token"), "{kind:?}: {text}");
    }
}

#[test]
fn it_serves_and_ends_well_when_nobody_hears_what_it_says() {
    for kind in Kind::ALL {
        let bed = Bed::new(kind);
        let address = free_address();
        let mut command = bed.command();
        command.args(["--listen", &address.to_string(), "--drain", "0"]);
        let mut server = Deaf::start(command.env("RUST_LOG", "trace"));
        for request in bed.bad() {
            let status = server.connect(address).send(&request, Body::None).status;
            assert!(matches!(status, 400 | 401), "{kind:?}: {status}");
        }
        assert_eq!(server.terminate(), Some(0), "{kind:?}");
    }
}

#[test]
fn a_flood_of_refusals_is_less_than_a_megabyte_of_log_a_minute() {
    thread::scope(|scope| {
        for kind in Kind::ALL {
            scope.spawn(move || volume(kind));
        }
    });
}

fn volume(kind: Kind) {
    for levels in [None, Some("info,countersign=debug")] {
        let bed = Bed::new(kind);
        let mut command = bed.command();
        command.args(["--drain", "0", "--log-format", "json"]);
        if let Some(levels) = levels {
            command.env("RUST_LOG", levels);
        }
        let server = Server::start(&mut command);
        let answered = flood(&bed, server.address(), || thread::sleep(FLOOD));
        server.terminate();
        let log = server.end().stderr;
        let minute = u64::try_from(log.len()).unwrap() * 60 / FLOOD.as_secs();
        let _ = writeln!(
            std::io::stderr(),
            "figure: {kind:?}, RUST_LOG {levels:?}: {answered} refusals in {} s, {minute} bytes of log a minute",
            FLOOD.as_secs()
        );
        assert!(minute < MINUTE, "{kind:?}: {minute}");
        assert!(answered > 100, "{kind:?}: {answered}");
        let lines: Vec<Value> = log
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
            })
            .collect();
        let refused = |line: &&Value| line["reason"] == "malformed_token";
        assert_eq!(
            lines.iter().any(|line| refused(&line)),
            levels.is_some(),
            "{kind:?}: {log}"
        );
    }
}

#[test]
fn levels_that_cannot_be_read_are_told_at_the_start() {
    for kind in Kind::ALL {
        let bed = Bed::new(kind);
        let mut command = bed.command();
        command.env("RUST_LOG", "countersign=loud");
        let ended = Process::start(&mut command).end();
        assert_eq!(ended.code, Some(2), "{kind:?}");
        assert!(ended.stderr.contains("RUST_LOG"), "{}", ended.stderr);
    }
}
