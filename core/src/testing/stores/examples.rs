//! Sessions and names for the suites.

use std::future::Future;

use serde_json::json;

use crate::{
    claims::{Realm, SessionId},
    error::StoreError,
    jose::crypto,
    session::store::{EndedSession, PreviousToken, StoredSession, TokenHash},
};

/// Text that is special in SQL, in patterns, in scripts and on terminals. It has no NUL, which some
/// databases cannot store.
pub(super) const HOSTILE: &str = "'\"`\\;--/*%_*?[^]{}()$1&|<>\r\n\t\u{1}\u{7f}\u{85}\u{202e}";

/// Returns a new subject, of at most 255 bytes.
pub(super) fn subject(hint: &str) -> String {
    let mut subject = format!("{} {hint}", random_id());
    subject.truncate(255);
    subject
}

/// Returns a new realm.
pub(super) fn random_realm() -> Realm {
    // An id has no control characters.
    Realm::new(format!("https://{}.test", random_id())).expect("a realm")
}

pub(super) fn random_id() -> SessionId {
    SessionId::new(random())
}

pub(super) fn random_digest() -> TokenHash {
    TokenHash::from_bytes(random())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // A test cannot go on without randomness.
    crypto::random(&mut bytes).expect("random bytes");
    bytes
}

/// Returns the successor of a session: a new one each time.
pub(super) fn successor(session: &StoredSession) -> StoredSession {
    StoredSession {
        last_used_at: session.last_used_at + 1,
        tokens_until: session.tokens_until + 1,
        current: random_digest(),
        previous: exchanged(session),
        ..session.clone()
    }
}

/// Returns the current token of the session, followed by those that were exchanged earlier.
fn exchanged(session: &StoredSession) -> Vec<PreviousToken> {
    let newest = PreviousToken {
        hash: session.current,
        salt: random_digest(),
        exchanged_at: session.last_used_at + 1,
    };
    let all = std::iter::once(newest).chain(session.previous.iter().cloned());
    all.take(PreviousToken::MOST).collect()
}

/// Returns the remains of a removed session.
pub(super) fn ended(session: &StoredSession) -> EndedSession {
    EndedSession {
        id: session.id.clone(),
        tokens_until: session.tokens_until,
    }
}

/// Returns the answer of a store, or panics.
pub(super) async fn done<T>(call: &str, answer: impl Future<Output = Result<T, StoreError>>) -> T {
    let answer = answer.await;
    answer.unwrap_or_else(|error| panic!("`{call}` failed: {error:?}"))
}

/// Names the fields that differ. `Debug` does not show them all.
pub(super) fn difference(found: Option<&StoredSession>, expected: &StoredSession) -> String {
    let Some(found) = found else {
        return "there is no session".to_owned();
    };
    let [found, expected] = [json!(found), json!(expected)];
    let fields = expected.as_object().into_iter().flatten();
    let differ = fields.filter(|(name, value)| found.get(name) != Some(value));
    let mut names: Vec<_> = differ.map(|(name, _)| name.as_str()).collect();
    // A map keeps the order of its fields with one feature of `serde_json`, and is sorted without.
    names.sort_unstable();
    format!("{} differ", names.join(", "))
}
