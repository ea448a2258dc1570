//! Tests of revocation: a revoked token is refused, and so is one that cannot be checked.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod faults;
mod follow;
mod names;
mod nodes;
mod overflow;
mod settings;
mod stale;

use countersign::{
    AuthErrorKind, Verifier,
    revocation::{RevocationEntry, Revoked},
    session::{Realm, SessionId},
    testing::TestIssuer,
};

const SESSION: &str = "AAECAwQFBgcICQoLDA0ODw";
const OTHER_SESSION: &str = "EAECAwQFBgcICQoLDA0ODw";

/// Returns the refusal of a token; `None` if it is accepted.
fn refusal(verifier: &Verifier, token: &str) -> Option<AuthErrorKind> {
    let refusal = verifier.verify_now(token).err().map(|error| error.kind());
    assert_eq!(verifier.explain(token).refusal(), refusal);
    refusal
}

fn token(id: &str, until: i64) -> RevocationEntry {
    let revoked = Revoked::Token(id.to_owned());
    RevocationEntry { revoked, until }
}

fn session(id: &str, until: i64) -> RevocationEntry {
    let revoked = Revoked::Session(SessionId::parse(id).unwrap());
    RevocationEntry { revoked, until }
}

fn subject(subject: &str, issued_before: i64, until: i64) -> RevocationEntry {
    let revoked = Revoked::Subject {
        realm: Realm::new(TestIssuer::ISSUER).unwrap(),
        subject: subject.to_owned(),
        issued_before,
    };
    RevocationEntry { revoked, until }
}

fn everyone(realm: &str, issued_before: i64, until: i64) -> RevocationEntry {
    let revoked = Revoked::Everyone {
        realm: Realm::new(realm).unwrap(),
        issued_before,
    };
    RevocationEntry { revoked, until }
}

fn sessionless(subject: &str, issued_before: i64, until: i64) -> RevocationEntry {
    let revoked = Revoked::Sessionless {
        realm: Realm::new(TestIssuer::ISSUER).unwrap(),
        subject: subject.to_owned(),
        issued_before,
    };
    RevocationEntry { revoked, until }
}
