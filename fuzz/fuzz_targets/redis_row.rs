//! What a Redis holds: the fields of a session, and entries of the log.

#![no_main]

use std::collections::HashMap;

use arbitrary::{Arbitrary, Result, Unstructured};
use countersign::{RevocationEntry, Revoked, SessionId};
use countersign_fuzz::rows::{AnySession, id, optional_bytes};
use countersign_redis::fuzzing::{self, Values};
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
enum Input {
    Entry([Option<String>; 4]),
    Id(String),
    Session(Box<AnySession>),
    Values(SessionId, Box<Values>),
    Written(Box<RevocationEntry>),
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=4)? {
            0 => Self::Session(u.arbitrary()?),
            1 => {
                let id = id(u)?;
                let (text, number) = (
                    u.arbitrary::<Option<Vec<u8>>>()?,
                    |u: &mut Unstructured<'a>| {
                        Ok(Some(match u.ratio(3, 4)? {
                            true => u.arbitrary::<i64>()?.to_string().into_bytes(),
                            false => u.arbitrary()?,
                        }))
                    },
                );
                Self::Values(
                    id,
                    Box::new([
                        text,
                        u.arbitrary()?,
                        optional_bytes(u)?,
                        number(u)?,
                        number(u)?,
                        number(u)?,
                        number(u)?,
                        optional_bytes(u)?,
                        optional_bytes(u)?,
                        optional_bytes(u)?,
                    ]),
                )
            }
            2 => Self::Entry([
                Some(
                    u.choose(&["session", "subject", "token", "other"])?
                        .to_string(),
                ),
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
            ]),
            3 => Self::Written(Box::new(RevocationEntry {
                revoked: match u.int_in_range(0..=2)? {
                    0 => Revoked::Session(id(u)?),
                    1 => Revoked::Subject {
                        subject: u.arbitrary()?,
                        issued_before: u.arbitrary()?,
                    },
                    _ => Revoked::Token(u.arbitrary()?),
                },
                until: u.arbitrary()?,
            })),
            _ => Self::Id(u.arbitrary()?),
        })
    }
}

fuzz_target!(|input: Input| match input {
    Input::Entry(values) => {
        let names = ["kind", "value", "before", "until"].map(str::to_owned);
        let fields = names.into_iter().zip(values.clone());
        let fields = fields.filter_map(|(name, value)| Some((name, value?)));
        if let Some(entry) = fuzzing::entry(&fields.collect()) {
            let [kind, value, before, until] = values.map(Option::unwrap_or_default);
            assert_eq!(until.parse(), Ok(entry.until));
            let expected = match &*kind {
                "session" => Revoked::Session(SessionId::parse(&value).expect("an id")),
                "subject" => Revoked::Subject {
                    subject: value,
                    issued_before: before.parse().expect("a number"),
                },
                _ => Revoked::Token(value),
            };
            assert_eq!(entry.revoked, expected);
        }
    }
    Input::Id(text) => {
        let is_id = fuzzing::is_entry_id(&text);
        let parts: Option<Vec<u64>> = text.split('-').map(|part| part.parse().ok()).collect();
        let is_plain = !text.contains('+');
        assert_eq!(
            is_id,
            is_plain && parts.is_some_and(|parts| parts.len() == 2)
        );
    }
    Input::Session(session) => {
        let read = fuzzing::read(&session.0.id, fuzzing::write(&session.0));
        assert_eq!(read.expect("what was written"), Some(session.0));
    }
    Input::Values(id, values) => {
        let is_nothing = values.iter().all(Option::is_none);
        let has_digests = [2, 7, 8, 9].map(|at| values[at].as_ref().map(Vec::len));
        match fuzzing::read(&id, *values) {
            Ok(None) => assert!(is_nothing),
            Ok(Some(session)) => {
                assert_eq!(session.id, id);
                assert!(
                    has_digests
                        .iter()
                        .all(|length| matches!(length, None | Some(32)))
                );
                assert!(has_digests[1].is_some());
                assert_eq!(has_digests[2].is_some(), has_digests[3].is_some());
                let again = fuzzing::read(&id, fuzzing::write(&session));
                assert_eq!(again.expect("what was written"), Some(session));
            }
            Err(_) => assert!(!is_nothing),
        }
    }
    Input::Written(entry) => {
        let (kind, value, before) = match &entry.revoked {
            Revoked::Session(id) => ("session", id.to_string(), String::new()),
            Revoked::Subject {
                subject,
                issued_before,
            } => ("subject", subject.clone(), issued_before.to_string()),
            Revoked::Token(id) => ("token", id.clone(), String::new()),
        };
        let fields: HashMap<String, String> = [
            ("kind", kind.to_owned()),
            ("value", value),
            ("before", before),
            ("until", entry.until.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        assert_eq!(fuzzing::entry(&fields), Some(*entry));
    }
});
