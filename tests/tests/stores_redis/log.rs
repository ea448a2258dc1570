//! Tests of the order of the log, and of its positions.

use std::time::Duration;

use countersign::{
    revocation::{LogPosition, RevocationLog},
    session::store::SessionStore,
};
use countersign_tests::services::Redis;
use tokio::time::timeout;

use crate::lab::{all, connect, ending, id, next, now, on_runtime, realm, revoked};

#[test]
fn the_log_is_read_on_from_where_it_was_left() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let until = now() + 60;
        let entries: Vec<_> = (0..2_500).map(|n| revoked(&n.to_string(), until)).collect();
        for entries in entries.chunks(700) {
            store.append(entries).await.unwrap();
        }
        let mut read = Vec::new();
        let mut position = None;
        loop {
            let batch = store.read(position.as_ref()).await.unwrap();
            read.extend(batch.entries);
            position = batch.position;
            assert_eq!(batch.complete, read.len() == 2_500);
            if batch.complete {
                break;
            }
        }
        assert_eq!(read, entries);

        let batch = store.read(position.as_ref()).await.unwrap();
        assert!(batch.complete && batch.entries.is_empty());
        assert_eq!(batch.position, position);
    });
}

#[test]
fn a_revocation_reaches_every_reader_at_once() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let [writer, one, other] = [
            connect(&server).await,
            connect(&server).await,
            connect(&server).await,
        ];
        let [mut at_one, mut at_other] = [None, None];
        for round in 0..5 {
            let entry = revoked(&round.to_string(), now() + 60);
            let waiting =
                async { tokio::join!(next(&one, &mut at_one), next(&other, &mut at_other)) };
            let written = writer.append(std::slice::from_ref(&entry));
            let both = async { tokio::join!(waiting, written) };
            let (read, written) = timeout(Duration::from_secs(1), both).await.unwrap();
            written.unwrap();
            assert_eq!(read, (vec![entry.clone()], vec![entry]));
        }
    });
}

#[test]
fn a_position_that_was_dropped_is_the_start() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        // The server drops whole blocks.
        assert_eq!(
            server.send("CONFIG SET stream-node-max-entries 1"),
            "+OK\r\n"
        );
        for entry in 1..=3 {
            let _ = server.send(&format!(
                "XADD {{countersign}}:log {entry}-1 kind token realm \"\" value {entry} before \"\" until 1"
            ));
        }
        let batch = store.read(None).await.unwrap();
        assert_eq!(batch.entries.len(), 3);
        let position = batch.position.unwrap();
        assert_eq!(position.as_str(), "3-1");

        let entries = ["a", "b"].map(|id| revoked(id, now() + 60));
        store.append(&entries).await.unwrap();
        assert_eq!(all(&store).await, entries);
        assert_eq!(store.read(Some(&position)).await.unwrap().entries, entries);

        for unknown in ["", "1", "a-b", "+1-1", "99999999999999999999-0"] {
            let batch = store.read(Some(&LogPosition::new(unknown))).await.unwrap();
            assert_eq!(batch.entries, entries, "{unknown:?}");
        }
    });
}

#[test]
fn entries_that_come_after_a_loss_of_data_are_read() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.append(&[revoked("lost", now() + 60)]).await.unwrap();
        let position = store.read(None).await.unwrap().position;
        assert_eq!(server.send("FLUSHALL"), "+OK\r\n");
        let batch = store.read(position.as_ref()).await.unwrap();
        assert!(batch.complete && batch.entries.is_empty());
        assert_eq!(batch.position, None);

        // A server whose clock lags has taken over; later servers make its ids pass the position.
        let (late, lagging) = (now() + 60, now() - 10);
        let key = "{countersign}:log";
        let _ = server.send(&format!(
            "XADD {key} {lagging}000-0 kind token realm \"\" value a before \"\" until {late}"
        ));
        store.append(&[revoked("b", late)]).await.unwrap();
        let batch = store.read(position.as_ref()).await.unwrap();
        assert_eq!(batch.entries, ["a", "b"].map(|id| revoked(id, late)));
    });
}

#[test]
fn an_entry_that_cannot_be_read_is_an_error() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.append(&[revoked("a", now() + 60)]).await.unwrap();
        let _ = server
            .send("XADD {countersign}:log * kind other realm \"\" value a before \"\" until 1");
        assert!(store.read(None).await.is_err());
    });
}

#[test]
fn whatever_writes_to_the_log_drops_what_it_need_not_keep() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let set = "CONFIG SET stream-node-max-entries 1";
        assert_eq!(server.send(set), "+OK\r\n");
        let until = now() + 60;
        for (step, left) in [("sweep", 0), ("append", 1), ("end", 1), ("end_all", 1)] {
            let _ = server.send("DEL {countersign}:log");
            let old =
                "XADD {countersign}:log 1-1 kind token realm \"\" value a before \"\" until 1";
            assert_eq!(server.send(old), "$3\r\n1-1\r\n");
            match step {
                "sweep" => assert_eq!(store.sweep(until).await.unwrap(), 0),
                "append" => store.append(&[revoked("a", until)]).await.unwrap(),
                "end" => assert!(
                    store
                        .end(&id(1), Some(&ending(1, until)))
                        .await
                        .unwrap()
                        .is_none()
                ),
                _ => assert_eq!(
                    store.end_all(&realm(), "ann", until, until).await.unwrap(),
                    []
                ),
            }
            let length = server.send("XLEN {countersign}:log");
            assert_eq!(length, format!(":{left}\r\n"), "{step}");
        }
    });
}
