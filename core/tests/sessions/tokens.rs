//! Tests of the texts of tokens: their form, the parts that the store keeps, and refusals.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{
    AuthErrorKind,
    session::{
        ClientInfo, Identity, SessionErrorKind as Kind, SessionId,
        store::{SessionStore, TokenHash},
    },
};
use futures_executor::block_on;
use serde_json::{Value, json};

use crate::{
    faulty_store::Step,
    setup::{Setup, user},
};

#[test]
fn a_pair_is_the_answer_of_rfc_6749() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let expected = json!({
        "access_token": pair.access_token().as_str(),
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": pair.refresh_token(),
    });
    assert_eq!(serde_json::to_value(&pair).unwrap(), expected);
}

#[test]
fn a_refresh_token_is_64_characters_of_base64url() {
    let setup = Setup::new();
    let mut pair = setup.login("ada");
    for _ in 0..5 {
        let bytes = URL_SAFE_NO_PAD.decode(pair.refresh_token()).unwrap();
        assert_eq!((pair.refresh_token().len(), bytes.len()), (64, 48));
        pair = setup.refresh(&pair).unwrap();
    }
}

#[test]
fn no_two_tokens_are_the_same() {
    let setup = Setup::new();
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let mut pair = setup.login("ada");
        for _ in 0..5 {
            assert!(seen.insert(pair.refresh_token().to_owned()));
            assert!(seen.insert(pair.access_token().as_str().to_owned()));
            pair = setup.refresh(&pair).unwrap();
        }
    }
}

/// S17
#[test]
fn every_login_is_a_new_session() {
    let setup = Setup::new();
    let ids: HashSet<SessionId> = (0..50)
        .map(|_| setup.login("ada").session().id().clone())
        .collect();
    assert_eq!(ids.len(), 50);
    assert_eq!(setup.count("ada"), 50);
}

/// S17: a login or a refresh takes an id from the token only.
#[test]
fn an_id_that_a_client_sends_is_no_token() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let id = pair.session().id().as_str();
    for text in [
        id,
        &id.repeat(3)[..64],
        &format!("{id:A<64}"),
        &format!("{id:A>64}"),
    ] {
        assert!(matches!(
            setup.refresh(text).unwrap_err(),
            Kind::Unknown | Kind::Malformed
        ));
    }
    let claims = json!({ "sid": id });
    let refused = block_on(
        setup
            .sessions
            .start(&Identity::new("ada", claims), ClientInfo::new()),
    );
    assert_eq!(refused.unwrap_err().kind(), Kind::Misconfigured);
    assert!(setup.refresh(&pair).is_ok());
}

/// S13
#[test]
fn the_store_holds_no_token_and_no_secret() {
    let setup = Setup::new();
    let first = setup.login_from("ada", ClientInfo::new().label("Laptop"));
    let second = setup.refresh(&first).unwrap();
    let third = setup.refresh(&second).unwrap();
    let dump = dump(&setup, "ada");
    let bytes = bytes_of(&dump);
    for pair in [&first, &second, &third] {
        // It contains no run of 16 characters or 12 bytes of any token, in any encoding that JSON
        // has.
        let token = pair.refresh_token();
        let secret = URL_SAFE_NO_PAD.decode(token).unwrap();
        for text in [token, pair.access_token().as_str()] {
            for run in text.as_bytes().windows(16) {
                assert!(!dump.contains(std::str::from_utf8(run).unwrap()));
            }
        }
        for run in secret.windows(12) {
            let hex: String = run.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!dump.to_lowercase().contains(&hex));
            assert!(!bytes.windows(12).any(|other| other == run));
        }
    }
}

/// S13: nor is anything in it of any use to a thief.
#[test]
fn nothing_that_the_store_holds_is_accepted() {
    let setup = Setup::new();
    let first = setup.login_from(
        "ada",
        ClientInfo::new().binding(TokenHash::from_bytes([5; 32])),
    );
    let client = ClientInfo::new().binding(TokenHash::from_bytes([5; 32]));
    let second = setup.refresh_from(&first, &client).unwrap();
    let verifier = setup.sessions.verifier();
    let row: Value = serde_json::from_str(&dump(&setup, "ada")).unwrap();
    let parts: Vec<Vec<u8>> = texts(&row).iter().map(|text| bytes_of(text)).collect();
    let pieces = parts.iter().filter(|part| part.len() >= 16);
    let mut attempts: Vec<String> = texts(&row);
    for one in pieces.clone() {
        for other in pieces.clone().filter(|part| part.len() == 32) {
            attempts.push(URL_SAFE_NO_PAD.encode([&one[..16], other].concat()));
            attempts.push(URL_SAFE_NO_PAD.encode([&one[one.len() - 16..], other].concat()));
        }
    }
    assert!(attempts.len() > 30, "{}", attempts.len());
    for text in attempts {
        let refused = setup.refresh_from(&*text, &client).unwrap_err();
        assert!([Kind::Malformed, Kind::Unknown].contains(&refused));
        assert!(!block_on(setup.sessions.end_by_token(&text)).unwrap());
        assert!(verifier.verify_now(&text).is_err());
    }
    // The twin: the values that the client has.
    assert!(setup.refresh_from(&second, &client).is_ok());
}

/// S14
#[test]
fn a_refresh_token_is_no_access_token() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let verifier = setup.sessions.verifier();
    let refused = verifier.verify_now(pair.refresh_token()).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::MalformedToken);
    assert!(verifier.verify_now(pair.access_token().as_str()).is_ok());
}

/// S14
#[test]
fn an_access_token_is_no_refresh_token() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let access = pair.access_token().as_str();
    let parts: Vec<&str> = access.split('.').collect();
    for text in [
        access,
        parts[1],
        parts[2],
        &access[..64],
        &access[access.len() - 64..],
    ] {
        assert!(matches!(
            setup.refresh(text).unwrap_err(),
            Kind::Malformed | Kind::Unknown
        ));
    }
    assert_eq!(setup.refresh(access).unwrap_err(), Kind::Malformed);
    assert!(setup.refresh(&pair).is_ok());
}

/// S23: of everything that a client sends, only tokens reach the store.
#[test]
fn what_is_no_token_does_not_reach_the_store() {
    let setup = Setup::new();
    let token = setup.login("ada").refresh_token().to_owned();
    setup.store.steps();
    for text in [
        "",
        "x",
        &token[1..],
        &format!("{token}A"),
        &format!(" {token}"),
        &format!("{token}\n"),
        &format!("{}=", &token[..63]),
        &format!("{}+", &token[..63]),
        &"\u{e9}".repeat(32),
        &"A".repeat(1_000_000),
    ] {
        assert_eq!(setup.refresh(text).unwrap_err(), Kind::Malformed);
        assert!(!block_on(setup.sessions.end_by_token(text)).unwrap());
    }
    assert!(setup.store.steps().is_empty());
    assert!(setup.refresh(&*token).is_ok());
}

/// S20, S21: one text for all mistakes of a client, and no more work for one than for another.
#[test]
fn unknown_expired_and_ended_sessions_are_told_apart_by_nobody() {
    let setup = Setup::new();
    let unknown = Setup::new().login("ada");
    let ended = setup.login("ada");
    block_on(setup.sessions.end(ended.session().id())).unwrap();
    let expired = setup.login("ada");
    setup.pass(14 * 86_400);
    setup.store.steps();
    for (pair, kind) in [
        (&unknown, Kind::Unknown),
        (&ended, Kind::Unknown),
        (&expired, Kind::Expired),
    ] {
        let client = ClientInfo::new();
        let asked = async |_| panic!("asked for claims");
        let refreshed =
            setup
                .sessions
                .refresh::<Value, std::io::Error>(pair.refresh_token(), &client, asked);
        let error = block_on(refreshed).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), "the session is over: log in again");
        assert!(std::error::Error::source(&error).is_none());
        assert_eq!((kind.status(), kind.code()), (400, "invalid_grant"));
        assert_eq!(setup.store.steps(), [Step::Find]);
    }
}

/// S21: one text for every other refusal as well, except those with a cause on our side.
#[test]
fn there_is_one_public_text_a_class() {
    let client = [
        Kind::Expired,
        Kind::Malformed,
        Kind::Replayed,
        Kind::SubjectGone,
        Kind::Unknown,
        Kind::WrongClient,
    ];
    let mut reasons = HashSet::new();
    for kind in client {
        assert_eq!(
            (kind.status(), kind.code(), kind.message()),
            (400, "invalid_grant", "the session is over: log in again")
        );
        assert!(reasons.insert(kind.reason()));
    }
    for (kind, status, code) in [
        (Kind::Misconfigured, 500, "server_error"),
        (Kind::Unavailable, 503, "temporarily_unavailable"),
    ] {
        assert_eq!((kind.status(), kind.code()), (status, code));
        assert_ne!(kind.message(), Kind::Unknown.message());
        assert!(reasons.insert(kind.reason()));
    }
}

/// S20: an id reveals nothing about others.
#[test]
fn ids_are_as_random_as_hashes() {
    let setup = Setup::new();
    let mut ones = [0_u32; 128];
    for _ in 0..400 {
        let pair = block_on(
            setup
                .sessions
                .start(&Identity::new("ada", user()), ClientInfo::new()),
        );
        let id = bytes_of(pair.unwrap().session().id().as_str());
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += u32::from(id[bit / 8] >> (bit % 8) & 1);
        }
    }
    // 200 each; eight standard deviations are 80.
    assert!(
        ones.iter().all(|count| (120..280).contains(count)),
        "{ones:?}"
    );
}

/// Returns everything that the store keeps about a subject with one session, as JSON.
fn dump(setup: &Setup, subject: &str) -> String {
    let rows = block_on(setup.store.memory.list(setup.sessions.realm(), subject, 0)).unwrap();
    assert_eq!(rows.len(), 1);
    serde_json::to_string(&rows[0]).unwrap()
}

/// Returns every text in a value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Decodes the base64url texts in a text.
fn bytes_of(text: &str) -> Vec<u8> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
    words
        .filter_map(|word| URL_SAFE_NO_PAD.decode(word).ok())
        .flatten()
        .collect()
}
