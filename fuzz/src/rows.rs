//! Sessions for the stores to write.

use arbitrary::{Arbitrary, Result, Unstructured};
use countersign::{Digest, Predecessor, SessionId, StoredSession, fuzzing};

/// Any session that could be written.
#[derive(Debug)]
pub struct AnySession(pub StoredSession);

impl<'a> Arbitrary<'a> for AnySession {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(StoredSession {
            id: id(u)?,
            subject: u.arbitrary()?,
            label: u.arbitrary()?,
            binding: optional(u)?,
            created_at: u.arbitrary()?,
            last_used_at: u.arbitrary()?,
            expires_at: u.arbitrary()?,
            absolute_expires_at: u.arbitrary()?,
            current: digest(u)?,
            previous: match u.arbitrary()? {
                true => Some(Predecessor {
                    hash: digest(u)?,
                    salt: digest(u)?,
                }),
                false => None,
            },
        }))
    }
}

/// Any id of a session.
pub fn id(u: &mut Unstructured<'_>) -> Result<SessionId> {
    let text = fuzzing::base64url_encode(&u.arbitrary::<[u8; 16]>()?);
    Ok(SessionId::parse(&text).expect("16 bytes"))
}

/// Bytes that mostly have the length of a digest.
pub fn bytes(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    match u.ratio(7, 8)? {
        true => Ok(u.arbitrary::<[u8; 32]>()?.to_vec()),
        false => u.arbitrary(),
    }
}

/// The same, or none at all.
pub fn optional_bytes(u: &mut Unstructured<'_>) -> Result<Option<Vec<u8>>> {
    match u.arbitrary()? {
        true => bytes(u).map(Some),
        false => Ok(None),
    }
}

fn digest(u: &mut Unstructured<'_>) -> Result<Digest> {
    Ok(Digest::from_bytes(u.arbitrary()?))
}

fn optional(u: &mut Unstructured<'_>) -> Result<Option<Digest>> {
    match u.arbitrary()? {
        true => digest(u).map(Some),
        false => Ok(None),
    }
}
