//! The data of a Redis server: the fields of a session, and entries of the log.

#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use countersign::{
    revocation::{RevocationEntry, Revoked},
    session::{Realm, SessionId, store::SessionDetails},
};
use countersign_fuzz::rows::{
    AnyEntry, AnySession, details_column, digest_column, id, is_list, is_realm, mostly,
    previous_column, realm,
};
use countersign_redis::fuzzing::{self, Values};
use libfuzzer_sys::fuzz_target;

/// The fields kind, realm, value, before, until.
type Fields = [Option<String>; 5];

const NAMES: [&str; 5] = ["kind", "realm", "value", "before", "until"];

#[derive(Debug)]
enum Input {
    Entry(Fields),
    Id(String),
    Number(u128),
    Session(Box<AnySession>),
    Values(SessionId, Box<Values>),
    Written(Box<AnyEntry>),
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=5)? {
            0 => Self::Session(u.arbitrary()?),
            1 => Self::Values(id(u)?, Box::new(values(u)?)),
            2 => Self::Entry(fields(u)?),
            3 => Self::Written(u.arbitrary()?),
            4 => Self::Number(u.arbitrary()?),
            _ => Self::Id(u.arbitrary()?),
        })
    }
}

fn values(u: &mut Unstructured<'_>) -> Result<Values> {
    let text = |u: &mut Unstructured<'_>| mostly(u, |u| Ok(u.arbitrary::<String>()?.into_bytes()));
    let number = |u: &mut Unstructured<'_>| {
        mostly(u, |u| Ok(u.arbitrary::<i64>()?.to_string().into_bytes()))
    };
    let mut values = [
        Some(mostly(u, |u| Ok(realm(u)?.as_str().into()))?),
        Some(text(u)?),
        Some(text(u)?),
        Some(digest_column(u)?),
        Some(number(u)?),
        Some(number(u)?),
        Some(number(u)?),
        Some(number(u)?),
        Some(number(u)?),
        Some(digest_column(u)?),
        Some(previous_column(u)?),
        details_column(u)?.map(String::into_bytes),
        Some(text(u)?),
    ];
    // The absent fields: usually one at most, or the optional ones.
    let absent = match u.int_in_range(0..=3)? {
        0 => 0,
        1 => 0b1_1000_0000_1100,
        2 => 1 << u.int_in_range(0..=12)?,
        _ => u.arbitrary::<u16>()?,
    };
    for (place, value) in values.iter_mut().enumerate() {
        if absent >> place & 1 == 1 {
            *value = None;
        }
    }
    Ok(values)
}

fn fields(u: &mut Unstructured<'_>) -> Result<Fields> {
    let kinds = ["session", "sessionless", "subject", "token", "other"];
    let kind = (*u.choose(&kinds)?).to_owned();
    let number =
        |u: &mut Unstructured<'_>| mostly(u, |u| Ok(Some(u.arbitrary::<i64>()?.to_string())));
    let value = match kind.as_str() {
        "session" => mostly(u, |u| Ok(Some(id(u)?.to_string())))?,
        _ => u.arbitrary()?,
    };
    let realm = mostly(u, |u| Ok(Some(realm(u)?.to_string())))?;
    Ok([Some(kind), realm, value, number(u)?, number(u)?])
}

fuzz_target!(|input: Input| match input {
    Input::Entry(fields) => {
        let read = read_entry(fields.each_ref().map(|field| field.as_deref()));
        assert_eq!(read, expect(&fields));
    }
    Input::Id(text) => check_id(&text),
    Input::Number(number) => {
        let id = fuzzing::id(number);
        assert_eq!(fuzzing::number(&id), Some(number));
        check_id(&id);
    }
    Input::Session(session) => {
        let read = fuzzing::read(&session.0.id, fuzzing::write(&session.0));
        assert_eq!(read.expect("what was written"), Some(session.0));
    }
    Input::Values(id, values) => check_values(&id, &values),
    Input::Written(entry) => {
        let written = fuzzing::write_entry(&entry.0);
        let written: Vec<_> = written.iter().map(|arg| str::from_utf8(arg).ok()).collect();
        let written = written.try_into().expect("five arguments");
        assert_eq!(read_entry(written), Some(entry.0));
    }
});

fn read_entry(fields: [Option<&str>; 5]) -> Option<RevocationEntry> {
    let fields = NAMES.into_iter().zip(fields);
    let fields = fields.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    fuzzing::entry(&fields.collect())
}

/// Returns the entry of these fields: everything that its kind needs has to be present.
fn expect([kind, realm, value, before, until]: &Fields) -> Option<RevocationEntry> {
    let realm = || Realm::new(realm.as_deref().filter(|name| is_realm(name))?).ok();
    let before = || before.as_ref()?.parse().ok();
    let value = value.clone()?;
    let revoked = match kind.as_deref()? {
        "everyone" => Revoked::Everyone {
            realm: realm()?,
            issued_before: before()?,
        },
        "session" => Revoked::Session(SessionId::parse(&value)?),
        "sessionless" => Revoked::Sessionless {
            realm: realm()?,
            subject: value,
            issued_before: before()?,
        },
        "subject" => Revoked::Subject {
            realm: realm()?,
            subject: value,
            issued_before: before()?,
        },
        "token" => Revoked::Token(value),
        _ => return None,
    };
    let until = until.as_ref()?.parse().ok()?;
    Some(RevocationEntry { revoked, until })
}

/// Checks an id: two numbers of 64 bits.
fn check_id(text: &str) {
    let parts: Option<Vec<u64>> = text.split('-').map(|part| part.parse().ok()).collect();
    let expected = match parts.as_deref() {
        Some([time, number]) if !text.contains('+') => {
            Some((u128::from(*time) << 64) + u128::from(*number))
        }
        _ => None,
    };
    assert_eq!(fuzzing::number(text), expected);
}

fn check_values(id: &SessionId, values: &Values) {
    let session = match fuzzing::read(id, values.clone()) {
        Ok(Some(session)) => session,
        Ok(None) => return assert!(values.iter().all(Option::is_none)),
        Err(_) => return assert!(!is_good(values) && values.iter().any(Option::is_some)),
    };
    assert!(is_good(values));
    assert_eq!(session.id, *id);
    let again = fuzzing::write(&session);
    for (place, (again, value)) in again.iter().zip(values).enumerate() {
        // A number can have leading zeros, or a plus; details can be written in several ways.
        if !matches!(place, 4..=8 | 11) {
            assert_eq!(again, value);
        }
    }
    let read = fuzzing::read(id, again);
    assert_eq!(read.expect("what was written"), Some(session));
}

/// Returns true if the fields are those of a session.
fn is_good(values: &Values) -> bool {
    let text = |bytes: &[u8]| str::from_utf8(bytes).map(str::to_owned).ok();
    let is_number = |bytes: &[u8]| text(bytes).is_some_and(|text| text.parse::<i64>().is_ok());
    values.iter().enumerate().all(|(place, value)| {
        let Some(value) = value else {
            return matches!(place, 2 | 3 | 11 | 12);
        };
        match place {
            0 => text(value).is_some_and(|name| is_realm(&name)),
            1 | 2 | 12 => text(value).is_some(),
            3 | 9 => value.len() == 32,
            10 => is_list(value),
            11 => text(value).is_some_and(|text| SessionDetails::from_json(Some(&text)).is_some()),
            _ => is_number(value),
        }
    })
}
