//! Tests of SIGTERM and SIGHUP: what balancers and clients notice.

use countersign_tests::server::{Body, Connection, Server};
use serde_json::Value;

use crate::servers::{Bed, Kind, ask, metric};

#[test]
fn a_server_that_drains_is_not_ready_and_serves_until_it_is_over() {
    for kind in Kind::ALL {
        let bed = Bed::new(kind);
        let server = Server::start(bed.command().args(["--drain", "2"]));
        let good = bed.good(&server);
        let mut kept = Connection::open(server.address());
        assert_eq!(kept.send(&good, Body::None).status, 200, "{kind:?}");
        assert_eq!(kept.header("connection"), None, "{kind:?}");
        let ready = ask(&server, "/readyz");
        assert_eq!(ready.status, 200, "{kind:?}: {ready:?}");

        server.terminate();
        let ready = loop {
            let ready = ask(&server, "/readyz");
            if ready.status == 503 {
                break ready; // nothing signals that the process has heard of it
            }
        };
        let body: Value = serde_json::from_str(&ready.body).unwrap();
        assert_eq!(
            (&body["draining"], &body["ready"]),
            (&true.into(), &false.into())
        );
        assert_eq!(ask(&server, "/healthz").status, 200, "{kind:?}");
        assert_eq!(kept.send(&good, Body::None).status, 200, "{kind:?}");
        assert_eq!(kept.header("connection"), Some("close"), "{kind:?}");
        assert_eq!(kept.rest(), "", "{kind:?}");
        let mut new = Connection::open(server.address());
        assert_eq!(new.send(&good, Body::None).status, 200, "{kind:?}");
        assert_eq!(server.end().code, Some(0), "{kind:?}");
    }
}

#[test]
fn a_second_sigterm_ends_the_drain() {
    for kind in Kind::ALL {
        let server = Server::start(Bed::new(kind).command().args(["--drain", "300"]));
        server.terminate();
        while ask(&server, "/readyz").status == 200 {}
        server.terminate();
        assert_eq!(server.end().code, Some(0), "{kind:?}");
    }
}

#[test]
fn sighup_ends_no_server() {
    for kind in Kind::ALL {
        let bed = Bed::new(kind);
        let server = Server::start(bed.command().args(["--drain", "0"]));
        let good = bed.good(&server);
        server.signal("HUP");
        assert_eq!(server.send(&good, Body::None).status, 200, "{kind:?}");
        server.signal("HUP");
        assert_eq!(server.send(&good, Body::None).status, 200, "{kind:?}");
        server.terminate();
        let ended = server.end();
        assert_eq!(ended.code, Some(0), "{kind:?}: {}", ended.stderr);
    }
}

#[test]
fn the_operator_finds_counters_from_the_start_and_buckets() {
    for kind in Kind::ALL {
        let bed = Bed::new(kind);
        let server = Server::start(bed.command().args(["--drain", "0"]));
        let outcome = r#"countersign_requests_total{outcome="accepted"}"#;
        assert!(ask(&server, "/metrics").body.contains(outcome), "{kind:?}");
        let good = bed.good(&server);
        assert_eq!(server.send(&good, Body::None).status, 200, "{kind:?}");
        assert_eq!(metric(&server, outcome), 1, "{kind:?}");
        let text = ask(&server, "/metrics").body;
        assert!(text.contains("countersign_stage_seconds_bucket{"), "{text}");
        if let Kind::Login(_) = kind {
            assert!(text.contains("countersign_sessions_total{"), "{text}");
        }
    }
}
