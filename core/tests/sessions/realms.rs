//! Tests of two apps, or two kinds of users, over one store.

use std::convert::Infallible;

use countersign::{
    AuthErrorKind, Issuer, Key, MemoryStore, Sessions, SigningKey, Verifier,
    session::{ClientInfo, Identity, Realm, SessionErrorKind as Kind, SessionEvent, TokenPair},
    testing::FixedClock,
};
use futures_executor::block_on;
use serde_json::json;

use crate::setup::START;

/// Returns the sessions of an app, on this store.
fn app(issuer: &str, realm: Option<&str>, store: &MemoryStore) -> Sessions {
    let key = SigningKey::hs256("a secret of 32 bytes or more, for tests").unwrap();
    let issuer = Issuer::builder(issuer, key)
        .audience("app")
        .clock(FixedClock::at(START))
        .build()
        .unwrap();
    let builder = Sessions::builder(issuer, store.clone());
    match realm {
        Some(realm) => builder.realm(realm),
        None => builder,
    }
    .build()
    .unwrap()
}

fn login(sessions: &Sessions) -> TokenPair {
    block_on(sessions.start(&Identity::new("1", json!({})), ClientInfo::new())).unwrap()
}

fn refresh(sessions: &Sessions, pair: &TokenPair) -> Result<TokenPair, Kind> {
    let claims = async |_| Ok::<_, Infallible>(Some(json!({})));
    let client = ClientInfo::new();
    let refreshed = block_on(sessions.refresh(pair.refresh_token(), &client, claims));
    refreshed.map_err(|error| error.kind())
}

/// Returns two apps with different issuers, and two realms of one issuer.
fn two(store: &MemoryStore) -> [(Sessions, Sessions); 2] {
    [
        (
            app("https://shop.example", None, store),
            app("https://back-office.example", None, store),
        ),
        (
            app("https://id.example", Some("customers"), store),
            app("https://id.example", Some("staff"), store),
        ),
    ]
}

/// F1
#[test]
fn a_refresh_token_of_one_app_is_unknown_to_the_other() {
    let store = MemoryStore::new();
    for (shop, office) in two(&store) {
        let (of_shop, of_office) = (login(&shop), login(&office));
        let refused = refresh(&office, &of_shop).unwrap_err();
        assert_eq!((refused, refused.status()), (Kind::Unknown, 400));
        assert_eq!(refresh(&shop, &of_office).unwrap_err(), Kind::Unknown);
        // The twins: that has ended nothing.
        assert!(refresh(&shop, &of_shop).is_ok());
        assert!(refresh(&office, &of_office).is_ok());
    }
}

/// F1
#[test]
fn log_out_everywhere_at_one_app_leaves_the_sessions_of_the_other() {
    let store = MemoryStore::new();
    for (shop, office) in two(&store) {
        let (of_shop, of_office) = (login(&shop), login(&office));
        let waiting = block_on(office.begin()).unwrap();
        assert_eq!(block_on(shop.end_all("1")).unwrap(), 1);
        let started = block_on(waiting.start(&Identity::new("1", json!({})), ClientInfo::new()));
        assert!(started.is_ok());
        let verified = office
            .verifier()
            .verify_now(of_office.access_token().as_str());
        assert!(verified.is_ok());
        assert!(refresh(&office, &of_office).is_ok());
        assert_eq!(refresh(&shop, &of_shop).unwrap_err(), Kind::Unknown);
    }
}

/// F1: others can know the id of a session; it is in every access token.
#[test]
fn no_app_ends_or_lists_a_session_of_the_other() {
    let store = MemoryStore::new();
    for (shop, office) in two(&store) {
        let pair = login(&shop);
        let id = pair.session().id();
        assert!(!block_on(office.end(id)).unwrap());
        assert!(!block_on(office.end_of("1", id)).unwrap());
        assert!(!block_on(office.end_by_token(pair.refresh_token())).unwrap());
        assert!(block_on(office.list("1")).unwrap().is_empty());
        assert_eq!(block_on(shop.list("1")).unwrap().len(), 1);
        assert!(refresh(&shop, &pair).is_ok());
        block_on(shop.end_all("1")).unwrap();
    }
}

/// F1: both apps read one log.
#[test]
fn one_log_of_two_apps_revokes_the_tokens_of_the_one_that_is_meant() {
    let store = MemoryStore::new();
    for (shop, office) in two(&store) {
        // Tokens from the apps themselves, which name the realm as those of the sessions do.
        let issue = |sessions: &Sessions| {
            let realm = sessions.realm().as_str();
            let claims = match realm.starts_with("https:") {
                true => json!({ "sub": "1" }),
                false => json!({ "sub": "1", "session_realm": realm }),
            };
            sessions.issuer().issue(&claims).unwrap()
        };
        let (of_shop, of_office) = (issue(&shop), issue(&office));
        let entry = countersign::revocation::RevocationEntry {
            revoked: countersign::revocation::Revoked::Sessionless {
                realm: shop.realm().clone(),
                subject: "1".to_owned(),
                issued_before: START,
            },
            until: START + 900,
        };
        for sessions in [&shop, &office] {
            sessions.revocation().revoke(&entry).unwrap();
        }
        let revoked = Err(AuthErrorKind::Revoked);
        assert_eq!(verdict(&shop, of_shop.as_str()), revoked);
        assert_eq!(verdict(&office, of_office.as_str()), Ok(()));
    }
}

fn verdict(sessions: &Sessions, token: &str) -> Result<(), AuthErrorKind> {
    let verified = sessions.verifier().verify_now(token);
    verified.map(|_| ()).map_err(|error| error.kind())
}

/// Realms of one issuer: its keys and its name are in every token.
#[test]
fn an_access_token_opens_its_own_realm_only() {
    let store = MemoryStore::new();
    let issuer = "https://id.example";
    let realms = [None, Some("customers"), Some("staff"), Some("\u{e9} \"x\"")];
    let apps = realms.map(|realm| app(issuer, realm, &store));
    for own in &apps {
        let pair = login(own);
        let next = refresh(own, &pair).unwrap();
        for access in [pair.access_token(), next.access_token()] {
            for other in &apps {
                let expected = match (other.realm() == own.realm(), own.realm().as_str()) {
                    (true, _) => Ok(()),
                    (false, name) if name == issuer => Err(AuthErrorKind::MissingClaim),
                    (false, _) => Err(AuthErrorKind::InvalidClaim),
                };
                assert_eq!(verdict(other, access.as_str()), expected);
            }
        }
    }
}

/// The twin for apps with a single realm.
#[test]
fn an_access_token_of_the_default_realm_does_not_name_it() {
    let store = MemoryStore::new();
    for realm in [None, Some("https://id.example")] {
        let own = app("https://id.example", realm, &store);
        let pair = login(&own);
        let token = own.verifier().verify_now(pair.access_token().as_str());
        assert!(!token.unwrap().payload().contains("session_realm"));
    }
}

/// Not even the right one: an app that could write it could write another.
#[test]
fn no_claims_of_the_app_name_the_realm_of_a_session() {
    let store = MemoryStore::new();
    for realm in [None, Some("staff")] {
        let own = app("https://id.example", realm, &store);
        for named in [
            json!("staff"),
            json!("customers"),
            json!(["staff"]),
            json!(1),
        ] {
            let claims = json!({ "session_realm": named });
            let started = block_on(own.start(&Identity::new("1", claims), ClientInfo::new()));
            assert_eq!(started.unwrap_err().kind(), Kind::Misconfigured, "{named}");
        }
        // The twin.
        let claims = json!({ "realm": "staff", "nested": { "session_realm": "staff" } });
        let pair = block_on(own.start(&Identity::new("1", claims), ClientInfo::new())).unwrap();
        assert_eq!(verdict(&own, pair.access_token().as_str()), Ok(()));
    }
}

/// A server that has the keys, and no sessions.
#[test]
fn a_server_without_sessions_tells_the_realms_apart_by_the_claim() {
    let store = MemoryStore::new();
    let [everybody, staff] =
        [None, Some("staff")].map(|realm| app("https://id.example", realm, &store));
    let (of_everybody, of_staff) = (login(&everybody), login(&staff));
    let builder = || {
        let key = Key::hs256("a secret of 32 bytes or more, for tests").unwrap();
        let builder = Verifier::builder(key).issuer("https://id.example");
        builder.audience("app").clock(FixedClock::at(START))
    };
    let for_everybody = builder().refuse_claim(Realm::CLAIM).build().unwrap();
    let for_staff = builder()
        .require_value(Realm::CLAIM, "staff")
        .build()
        .unwrap();
    for (verifier, good, bad) in [
        (for_everybody, &of_everybody, &of_staff),
        (for_staff, &of_staff, &of_everybody),
    ] {
        assert!(verifier.verify_now(good.access_token().as_str()).is_ok());
        assert!(verifier.verify_now(bad.access_token().as_str()).is_err());
    }
}

#[test]
fn an_issuer_with_another_name_keeps_its_sessions_if_the_realm_keeps_the_old_one() {
    let store = MemoryStore::new();
    let old = app("https://old.example", None, &store);
    assert_eq!(old.realm().as_str(), "https://old.example");
    let pair = login(&old);
    let new = app("https://new.example", Some("https://old.example"), &store);
    let next = refresh(&new, &pair).unwrap();
    let token = new.verifier().verify_now(next.access_token().as_str());
    assert_eq!(token.unwrap().issuer(), Some("https://new.example"));
}

#[test]
fn a_realm_without_a_usable_name_is_refused_at_the_start() {
    let build = |realm: &str| {
        let key = SigningKey::hs256("a secret of 32 bytes or more, for tests").unwrap();
        let issuer = Issuer::builder("https://id.example", key).audience("app");
        Sessions::builder(issuer.build().unwrap(), MemoryStore::new())
            .realm(realm)
            .build()
    };
    assert!(build("staff").is_ok());
    for realm in ["", "a\nb", &"x".repeat(256)] {
        assert!(build(realm).is_err(), "{realm:?}");
    }
}

#[test]
fn events_are_those_of_one_realm() {
    let store = MemoryStore::new();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let ear = heard.clone();
    let key = SigningKey::hs256("a secret of 32 bytes or more, for tests").unwrap();
    let issuer = Issuer::builder("https://shop.example", key)
        .audience("app")
        .clock(FixedClock::at(START))
        .build()
        .unwrap();
    let shop = Sessions::builder(issuer, store.clone())
        .on_event(move |event: &SessionEvent| ear.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    let office = app("https://back-office.example", None, &store);
    let pair = login(&office);
    refresh(&shop, &pair).unwrap_err();
    block_on(shop.end_all("1")).unwrap();
    assert!(heard.lock().unwrap().is_empty());
}
