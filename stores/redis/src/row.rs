//! A session as a hash of Redis.

use countersign::session::{
    Realm, SessionId,
    store::{PreviousToken, SessionDetails, StoreError, StoredSession, TokenHash},
};

use crate::script::Args;

/// The fields of the hash. Numbers are decimal text, digests are their 32 bytes, and `previous` is what
/// [`PreviousToken::list_to_bytes`] writes. `details` and `data` are absent in hashes of an earlier version.
pub(crate) const FIELDS: [&str; 13] = [
    "realm", "subject", "label", "binding", "created", "used", "expires", "absolute", "tokens",
    "current", "previous", "details", DATA,
];

/// The field that only `set_data.lua` changes.
pub(crate) const DATA: &str = "data";

/// The number of fields, from the first on, that a rotation writes. The rest stays as it is.
const ROTATED: usize = 11;

/// The values of [`FIELDS`], where there are any.
pub(crate) type Values = [Option<Vec<u8>>; FIELDS.len()];

pub(crate) fn values(session: &StoredSession) -> Values {
    let digest = |digest: &TokenHash| Some(digest.as_bytes().to_vec());
    let number = |number: i64| Some(number.to_string().into_bytes());
    [
        Some(session.realm.as_str().as_bytes().to_vec()),
        Some(session.subject.clone().into_bytes()),
        session.label.clone().map(String::into_bytes),
        session.binding.as_ref().and_then(digest),
        number(session.created_at),
        number(session.last_used_at),
        number(session.expires_at),
        number(session.absolute_expires_at),
        number(session.tokens_until),
        digest(&session.current),
        Some(PreviousToken::list_to_bytes(&session.previous)),
        session.details.to_json().map(String::into_bytes),
        session.data.clone().map(String::into_bytes),
    ]
}

/// Appends a new session as `put.lua` takes it: the number of absent fields, their names, then the others.
pub(crate) fn append_to(args: Args, session: &StoredSession) -> Args {
    append_fields(args, session, FIELDS.len())
}

/// Appends what a rotation writes of a session, as `put.lua` takes it.
pub(crate) fn append_rotated_to(args: Args, session: &StoredSession) -> Args {
    append_fields(args, session, ROTATED)
}

fn append_fields(args: Args, session: &StoredSession, count: usize) -> Args {
    let values = values(session);
    let fields = || FIELDS.iter().zip(&values).take(count);
    let absent: Vec<_> = fields().filter(|(_, value)| value.is_none()).collect();
    let args = args.with(absent.len());
    let args = absent
        .into_iter()
        .fold(args, |args, (name, _)| args.with(name));
    fields().fold(args, |args, (name, value)| match value {
        Some(value) => args.with(name).with(value),
        None => args,
    })
}

/// Reads a hash; `None` when there is none.
///
/// # Errors
///
/// [`StoreError`] when it is not one that [`append_to`] would have written.
pub(crate) fn session(id: &SessionId, values: Values) -> Result<Option<StoredSession>, StoreError> {
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    let session = read(id, values).ok_or_else(|| StoreError::new("not the fields of a session"))?;
    Ok(Some(session))
}

fn read(id: &SessionId, values: Values) -> Option<StoredSession> {
    let [
        realm,
        subject,
        label,
        binding,
        created_at,
        last_used_at,
        expires_at,
        absolute_expires_at,
        tokens_until,
        current,
        previous,
        details,
        data,
    ] = values;
    let details = optional(details, text)?;
    Some(StoredSession {
        id: id.clone(),
        realm: Realm::new(text(&realm?)?).ok()?,
        subject: text(&subject?)?,
        label: optional(label, text)?,
        binding: optional(binding, TokenHash::from_slice)?,
        created_at: number(&created_at?)?,
        last_used_at: number(&last_used_at?)?,
        expires_at: number(&expires_at?)?,
        absolute_expires_at: number(&absolute_expires_at?)?,
        tokens_until: number(&tokens_until?)?,
        current: TokenHash::from_slice(&current?)?,
        previous: PreviousToken::list_from_bytes(&previous?)?,
        details: SessionDetails::from_json(details.as_deref())?,
        data: optional(data, text)?,
    })
}

/// `None` only when there is a value and it cannot be read.
fn optional<T>(value: Option<Vec<u8>>, read: fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    match value {
        Some(value) => read(&value).map(Some),
        None => Some(None),
    }
}

fn text(value: &[u8]) -> Option<String> {
    str::from_utf8(value).map(str::to_owned).ok()
}

fn number(value: &[u8]) -> Option<i64> {
    str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for full in [true, false] {
            let session = example(full);
            let read = super::session(&session.id, values(&session)).unwrap();
            assert_eq!(read, Some(session));
        }
    }

    #[test]
    fn no_field_at_all_is_no_session() {
        let read = session(&example(true).id, Default::default()).unwrap();
        assert_eq!(read, None);
    }

    #[test]
    fn a_field_that_is_missing_or_unreadable_is_an_error() {
        for field in 0..FIELDS.len() {
            let good = values(&example(true));
            if !matches!(FIELDS[field], "label" | "binding" | "details" | "data") {
                let mut bad = good.clone();
                bad[field] = None;
                assert!(
                    session(&example(true).id, bad).is_err(),
                    "{}",
                    FIELDS[field]
                );
            }
            let mut bad = good;
            bad[field] = Some(vec![0xff; 31]);
            assert!(
                session(&example(true).id, bad).is_err(),
                "{}",
                FIELDS[field]
            );
        }
    }

    fn example(full: bool) -> StoredSession {
        let digest = |byte| TokenHash::from_bytes([byte; 32]);
        let previous = PreviousToken {
            hash: digest(2),
            salt: digest(3),
            exchanged_at: 5,
        };
        StoredSession {
            id: SessionId::parse("AAECAwQFBgcICQoLDA0ODw").unwrap(),
            realm: Realm::new("https://id.example").unwrap(),
            subject: "user-1".into(),
            label: full.then(String::new),
            binding: full.then(|| digest(4)),
            created_at: i64::MIN,
            last_used_at: -1,
            expires_at: 0,
            absolute_expires_at: i64::MAX,
            tokens_until: i64::MIN + 1,
            current: digest(1),
            previous: vec![previous; if full { PreviousToken::MOST } else { 0 }],
            details: SessionDetails::from_json(full.then_some(r#"{"acr":"2","amr":["otp"]}"#))
                .unwrap(),
            data: full.then(|| "null".into()),
        }
    }
}
