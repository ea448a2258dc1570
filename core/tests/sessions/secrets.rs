//! Tests that no token, subject or label shows in any `Debug`, `Display` or log.

use std::fmt::Debug;

use countersign::{
    MemoryStore, Sessions,
    revocation::Revoked,
    session::{
        ClientInfo, Identity, SessionError, SessionErrorKind,
        store::{SessionDetails, SessionStore, StoreError, StoreMark, StoredSession, TokenHash},
    },
};
use futures_executor::block_on;
use serde_json::json;

use crate::{
    faulty_store::Fault,
    log,
    setup::{Setup, good},
};

const SUBJECT: &str = "private-subject";
const LABEL: &str = "Private Label";
const ROLE: &str = "private-role";

fn client() -> ClientInfo {
    ClientInfo::new()
        .label(LABEL)
        .binding(TokenHash::from_bytes(*b"the hash of a private device key"))
}

#[track_caller]
fn hides(text: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{secret} in {text}");
    }
}

/// S22
#[test]
fn nothing_of_a_session_shows_what_it_holds() {
    let setup = Setup::new();
    let identity = Identity::new(SUBJECT, json!({ "role": ROLE }));
    let first = block_on(setup.sessions.start(&identity, client())).unwrap();
    let second = setup.refresh_from(&first, &client()).unwrap();
    let stored = block_on(setup.store.find(first.session().id()))
        .unwrap()
        .unwrap();
    block_on(setup.sessions.end(first.session().id())).unwrap();
    let events = setup.events();
    assert_eq!(events.len(), 3);

    let mut secrets = vec![SUBJECT.to_owned(), LABEL.to_owned(), ROLE.to_owned()];
    for pair in [&first, &second] {
        secrets.push(pair.refresh_token().to_owned());
        secrets.extend(pair.access_token().as_str().split('.').map(str::to_owned));
    }
    let hashes = [
        Some(&stored.current),
        stored.previous.first().map(|previous| &previous.hash),
        stored.previous.first().map(|previous| &previous.salt),
        stored.binding.as_ref(),
    ];
    for hash in hashes {
        let bytes = hash.unwrap().as_bytes();
        secrets.push(serde_json::to_value(hash).unwrap().as_str().unwrap().into());
        secrets.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        let list: Vec<_> = bytes.iter().map(u8::to_string).collect();
        secrets.push(list.join(", "));
    }
    let shown: [&dyn Debug; 13] = [
        &setup.sessions,
        &first,
        &second,
        first.session(),
        &identity,
        &client(),
        &stored,
        &stored.previous[0],
        &stored.current,
        &setup.store.memory,
        &events,
        &Sessions::builder(setup.sessions.issuer().clone(), MemoryStore::new()),
        &Revoked::Subject {
            realm: setup.sessions.realm().clone(),
            subject: SUBJECT.into(),
            issued_before: 0,
        },
    ];
    for what in shown {
        hides(&format!("{what:?}"), &secrets);
        // In the long form, a list of bytes has one byte per line.
        hides(&format!("{what:#?}").replace(",\n", ", "), &secrets);
    }
}

/// S22
#[test]
fn no_error_shows_what_it_is_about() {
    let setup = Setup::new();
    let identity = Identity::new(SUBJECT, json!({ "role": ROLE }));
    let first = block_on(setup.sessions.start(&identity, client())).unwrap();
    let second = setup.refresh_from(&first, &client()).unwrap();
    let refused = |token: &str, client: ClientInfo, claims| -> SessionError {
        block_on(
            setup
                .sessions
                .refresh(token, &client, async |_| good(claims)),
        )
        .unwrap_err()
    };
    let bad = json!({ "role": ROLE, "sub": "another-subject" });
    let mut errors = vec![
        refused("a-private-text", client(), json!({})),
        refused(second.refresh_token(), ClientInfo::new(), json!({})),
        refused(second.refresh_token(), client(), bad),
    ];
    setup.store.fail(0, Fault::Before);
    errors.push(refused(second.refresh_token(), client(), json!({})));
    setup.pass(10);
    errors.push(refused(first.refresh_token(), client(), json!({})));
    errors.push(refused(first.refresh_token(), client(), json!({})));
    let kinds: Vec<_> = errors.iter().map(SessionError::kind).collect();
    assert_eq!(
        kinds,
        [
            SessionErrorKind::Malformed,
            SessionErrorKind::WrongClient,
            SessionErrorKind::Misconfigured,
            SessionErrorKind::Unavailable,
            SessionErrorKind::Replayed,
            SessionErrorKind::Unknown,
        ]
    );
    let secrets = [
        SUBJECT,
        LABEL,
        ROLE,
        "a-private-text",
        "another-subject",
        first.refresh_token(),
        second.refresh_token(),
        first.session().id().as_str(),
    ]
    .map(str::to_owned);
    for error in errors {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        hides(
            &format!("{error} {error:?} {error:#?} {source:?}"),
            &secrets,
        );
    }
}

/// S21: the error of the store is for the log, not for the client.
#[test]
fn a_store_error_tells_the_client_nothing_of_its_cause() {
    let cause = StoreError::new("connection to private-host refused");
    assert_eq!(cause.to_string(), "the store is not available");
    let source = std::error::Error::source(&cause).unwrap().to_string();
    assert_eq!(source, "connection to private-host refused");
}

/// S22
#[test]
fn no_log_shows_a_token_a_subject_or_a_label() {
    log::listen();
    let setup = Setup::new();
    let identity = Identity::new(SUBJECT, json!({ "role": ROLE }));
    let start = || block_on(setup.sessions.start(&identity, client())).unwrap();
    let first = start();
    let second = setup.refresh_from(&first, &client()).unwrap();
    setup.refresh_from(&first, &client()).unwrap();
    setup.store.fail(0, Fault::Before);
    setup.refresh_from(&second, &client()).unwrap_err();
    setup.refresh(&second).unwrap_err();
    setup.refresh("a-private-text").unwrap_err();
    setup.pass(10);
    setup.refresh_from(&first, &client()).unwrap_err();
    setup.refresh_from(&second, &client()).unwrap_err();
    let other = start();
    block_on(setup.sessions.end_by_token(other.refresh_token())).unwrap();
    start();
    block_on(setup.sessions.end_all(SUBJECT)).unwrap();
    let stored = StoredSession {
        id: first.session().id().clone(),
        realm: setup.sessions.realm().clone(),
        subject: SUBJECT.into(),
        label: Some(LABEL.into()),
        binding: None,
        created_at: 0,
        last_used_at: 0,
        expires_at: 0,
        absolute_expires_at: 0,
        tokens_until: 0,
        current: TokenHash::from_bytes([0; 32]),
        previous: Vec::new(),
        details: SessionDetails::default(),
        data: None,
    };
    block_on(MemoryStore::limited(0).insert(&stored, StoreMark::new(0))).unwrap_err();
    let mut secrets = [SUBJECT, LABEL, ROLE, "a-private-text"]
        .map(str::to_owned)
        .to_vec();
    for pair in [&first, &second, &other] {
        secrets.push(pair.refresh_token().to_owned());
        secrets.push(pair.access_token().as_str().to_owned());
    }
    let log = log::take();
    // It does log: the alarm, with the public name of the session.
    assert!(log.contains("a used refresh token came back"), "{log}");
    assert!(log.contains("the session store is full"), "{log}");
    assert!(log.contains(first.session().id().as_str()), "{log}");
    hides(&log, &secrets);
}
