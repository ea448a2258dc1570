//! A test of a server that runs out of file descriptors.

use std::{fs, net::TcpStream, process::Command, thread, time::Duration};

use countersign_tests::server::{Body, Server};

use crate::servers::{Bed, Kind};

/// The file descriptors that the server may have.
const FILES: u32 = 48;
/// The time without any.
const SHORTAGE: Duration = Duration::from_millis(2_000);

#[test]
fn a_server_without_file_descriptors_says_when_it_begins_and_ends_and_waits() {
    for kind in Kind::ALL {
        let bed = Bed::new(kind);
        let mut command = bed.wrapped(|program| {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\"")]);
            shell.arg(program.get_program());
            shell.env_remove("RUST_LOG");
            shell
        });
        let server = Server::start(command.args(["--drain", "0"]));
        let good = bed.good(&server);
        let clients: Vec<_> = (0..FILES)
            .map(|_| TcpStream::connect(server.address()).unwrap())
            .collect();
        let before = processor_time(&server);
        thread::sleep(SHORTAGE);
        let spent = processor_time(&server) - before;
        assert!(spent < SHORTAGE / 4, "{kind:?}: {spent:?} of the processor");
        drop(clients);
        assert_eq!(server.send(&good, Body::None).status, 200, "{kind:?}");
        server.terminate();
        let ended = server.end();
        assert_eq!(ended.code, Some(0), "{kind:?}: {}", ended.stderr);
        let count = |text: &str| {
            ended
                .stderr
                .lines()
                .filter(|line| line.contains(text))
                .count()
        };
        let told = match kind.framework() {
            "actix" => "Error accepting connection",
            _ => "connections cannot be accepted",
        };
        // Before the last client has been dropped, the first free descriptors may be taken again.
        let (begun, over) = (count(told), count("connections are accepted again"));
        assert_eq!(begun, over, "{kind:?}: {}", ended.stderr);
        assert!((1..=3).contains(&begun), "{kind:?}: {}", ended.stderr);
    }
}

/// Returns the time of the processor that the server has used; zero where there is no `/proc`.
fn processor_time(server: &Server) -> Duration {
    let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", server.id())) else {
        return Duration::ZERO;
    };
    // The name of the program can have spaces. It is the second field; user and system time are 14 and 15.
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10) // 100 in a second
}
