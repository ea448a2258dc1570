//! Sessions and entries of the log, for the stores to write; and columns for them to read.

use arbitrary::{Arbitrary, Result, Unstructured};
use countersign::{
    fuzzing,
    revocation::{RevocationEntry, Revoked},
    session::{
        Realm, SessionId,
        store::{PreviousToken, SessionDetails, StoredSession, TokenHash},
    },
};

/// Any session that could be written.
#[derive(Debug)]
pub struct AnySession(pub StoredSession);

impl<'a> Arbitrary<'a> for AnySession {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(StoredSession {
            id: id(u)?,
            realm: realm(u)?,
            subject: u.arbitrary()?,
            label: u.arbitrary()?,
            binding: match u.arbitrary()? {
                true => Some(digest(u)?),
                false => None,
            },
            created_at: u.arbitrary()?,
            last_used_at: u.arbitrary()?,
            expires_at: u.arbitrary()?,
            absolute_expires_at: u.arbitrary()?,
            tokens_until: u.arbitrary()?,
            current: digest(u)?,
            previous: previous(u)?,
            details: details(u)?,
            data: u.arbitrary()?,
        }))
    }
}

/// Any entry that could be written.
#[derive(Debug)]
pub struct AnyEntry(pub RevocationEntry);

impl<'a> Arbitrary<'a> for AnyEntry {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(RevocationEntry {
            revoked: match u.int_in_range(0..=4)? {
                0 => Revoked::Session(id(u)?),
                1 => Revoked::Subject {
                    realm: realm(u)?,
                    subject: u.arbitrary()?,
                    issued_before: u.arbitrary()?,
                },
                2 => Revoked::Sessionless {
                    realm: realm(u)?,
                    subject: u.arbitrary()?,
                    issued_before: u.arbitrary()?,
                },
                3 => Revoked::Everyone {
                    realm: realm(u)?,
                    issued_before: u.arbitrary()?,
                },
                _ => Revoked::Token(u.arbitrary()?),
            },
            until: u.arbitrary()?,
        }))
    }
}

/// Any id of a session.
pub fn id(u: &mut Unstructured<'_>) -> Result<SessionId> {
    let text = fuzzing::base64url_encode(&u.arbitrary::<[u8; 16]>()?);
    Ok(SessionId::parse(&text).expect("16 bytes"))
}

/// Any realm.
pub fn realm(u: &mut Unstructured<'_>) -> Result<Realm> {
    let name = u.arbitrary::<&str>()?;
    Ok(Realm::new(name).unwrap_or_else(|_| Realm::new("r").expect("a name")))
}

/// Bytes that mostly are a digest.
pub fn digest_column(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    mostly(u, |u| Ok(digest(u)?.as_bytes().to_vec()))
}

/// Bytes that mostly are a list of exchanged tokens.
pub fn previous_column(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    mostly(u, |u| Ok(PreviousToken::list_to_bytes(&previous(u)?)))
}

/// What `good` makes, mostly; else anything.
pub fn mostly<'a, T: Arbitrary<'a>>(
    u: &mut Unstructured<'a>,
    good: impl FnOnce(&mut Unstructured<'a>) -> Result<T>,
) -> Result<T> {
    match u.ratio(15, 16)? {
        true => good(u),
        false => u.arbitrary(),
    }
}

/// Whether bytes have the length of a list of exchanged tokens: each has two digests and a time.
pub fn is_list(bytes: &[u8]) -> bool {
    bytes.len() % (32 + 32 + 8) == 0 && bytes.len() <= 16 * (32 + 32 + 8)
}

/// Whether a text may name a realm.
pub fn is_realm(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.chars().any(char::is_control)
}

/// A text that mostly is that of some details, or none.
pub fn details_column(u: &mut Unstructured<'_>) -> Result<Option<String>> {
    mostly(u, |u| Ok(details(u)?.to_json()))
}

/// Any details that a login could have.
fn details(u: &mut Unstructured<'_>) -> Result<SessionDetails> {
    let text = |u: &mut Unstructured<'_>| Ok(u.arbitrary::<[u8; 8]>()?.escape_ascii().to_string());
    let mut members = Vec::new();
    for name in ["auth_time", "idle"] {
        if u.arbitrary()? {
            members.push(format!("\"{name}\":{}", u.arbitrary::<i64>()?));
        }
    }
    if u.arbitrary()? {
        members.push(format!("\"acr\":{:?}", text(u)?.replace('\\', "/")));
    }
    if u.arbitrary()? {
        members.push(format!("\"amr\":[{:?}]", text(u)?.replace('\\', "/")));
    }
    let json = format!("{{{}}}", members.join(","));
    Ok(SessionDetails::from_json(Some(&json)).expect("details"))
}

fn previous(u: &mut Unstructured<'_>) -> Result<Vec<PreviousToken>> {
    let length = u.int_in_range(0..=PreviousToken::MOST)?;
    let token = |u: &mut Unstructured<'_>| {
        Ok(PreviousToken {
            hash: digest(u)?,
            salt: digest(u)?,
            exchanged_at: u.arbitrary()?,
        })
    };
    (0..length).map(|_| token(u)).collect()
}

fn digest(u: &mut Unstructured<'_>) -> Result<TokenHash> {
    Ok(TokenHash::from_bytes(u.arbitrary()?))
}
