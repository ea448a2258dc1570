//! A key in a token.

use std::fmt;

use countersign::{
    Algorithm, Key,
    issue::{Signer, SignerError, SigningInput},
};
use cryptoki::{
    mechanism::{
        Mechanism, MechanismType,
        rsa::{PkcsMgfType, PkcsPssParams},
    },
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};

use crate::{HsmError, Token, public::public_key};

/// A name by which a token finds a key: its private half, and its public one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyName {
    /// Its `CKA_ID`.
    Id(Vec<u8>),
    /// Its `CKA_LABEL`.
    Label(String),
}

/// A private key in a token. Its public half was read when the key was found.
#[derive(Clone, Debug)]
pub struct HsmKey {
    token: Token,
    name: KeyName,
    public: Key,
}

impl Token {
    /// Finds a key that signs with this algorithm: ES256, ES384, PS256 or RS256.
    ///
    /// Its `kid` is the thumbprint (RFC 7638). A new version of a key is a new key here, with a name of its own.
    ///
    /// # Errors
    ///
    /// There is no such key, or more than one; the private half can leave the token; the public half is none of this algorithm.
    pub async fn key(&self, name: KeyName, algorithm: Algorithm) -> Result<HsmKey, HsmError> {
        mechanism(algorithm)?;
        let wanted = name.clone();
        let read = move |session: &Session| {
            let private = wanted.find_private(session)?;
            let flags = [AttributeType::Sensitive, AttributeType::Extractable];
            if !stays(&session.get_attributes(private, &flags)?) {
                return Err(HsmError::Extractable);
            }
            let public = wanted.find(session, ObjectClass::PUBLIC_KEY, "public")?;
            public_key(session, public, algorithm)
        };
        let public = self.run(move |_, session| read(session)).await?;
        Ok(HsmKey {
            token: self.clone(),
            name,
            public,
        })
    }
}

impl Signer for HsmKey {
    fn public_key(&self) -> Key {
        self.public.clone()
    }

    async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
        // `CKM_ECDSA` takes a digest and answers r and s side by side, as a JWS has them. RSA hashes in the token.
        let algorithm = input.algorithm();
        let data = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => input.digest()?,
            _ => input.message().to_vec(),
        };
        let signature = self.sign_data(algorithm, data.clone(), false).await?;
        if input.is_signed_by(&self.public, &signature) {
            return Ok(signature);
        }
        // The handle may be that of another key by now, if keys were deleted and made. What the second one is, the library checks.
        self.sign_data(algorithm, data, true).await
    }
}

impl HsmKey {
    /// Has the key sign that was found before, or the one that is found anew.
    async fn sign_data(
        &self,
        algorithm: Algorithm,
        data: Vec<u8>,
        is_anew: bool,
    ) -> Result<Vec<u8>, SignerError> {
        let name = self.name.clone();
        let signature = self.token.run(move |connection, session| {
            if is_anew {
                connection.forget_key(&name);
            }
            let key = connection.private_key(session, &name)?;
            Ok(session.sign(&mechanism(algorithm)?, key, &data)?)
        });
        signature.await.map_err(HsmError::into_signer_error)
    }
}

/// Returns whether a private key with these attributes cannot leave the token. A token that does not say so may let it go.
fn stays(flags: &[Attribute]) -> bool {
    flags.contains(&Attribute::Sensitive(true))
        && flags.contains(&Attribute::Extractable(false))
        && flags.len() == 2
}

/// Returns the mechanism of an algorithm. For PSS, the salt is as long as the hash (RFC 7518 section 3.5).
fn mechanism(algorithm: Algorithm) -> Result<Mechanism<'static>, HsmError> {
    match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => Ok(Mechanism::Ecdsa),
        Algorithm::PS256 => Ok(Mechanism::Sha256RsaPkcsPss(PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: PkcsMgfType::MGF1_SHA256,
            s_len: 32.into(),
        })),
        Algorithm::RS256 => Ok(Mechanism::Sha256RsaPkcs),
        _ => Err(HsmError::Algorithm(algorithm)),
    }
}

impl KeyName {
    pub(crate) fn find_private(&self, session: &Session) -> Result<ObjectHandle, HsmError> {
        self.find(session, ObjectClass::PRIVATE_KEY, "private")
    }

    /// Finds the one object of this name and class.
    fn find(
        &self,
        session: &Session,
        class: ObjectClass,
        half: &'static str,
    ) -> Result<ObjectHandle, HsmError> {
        let found = session.find_objects(&[Attribute::Class(class), self.attribute()])?;
        match found[..] {
            [one] => Ok(one),
            [] => Err(HsmError::NoKey(self.to_string(), half)),
            _ => Err(HsmError::NotUnique(self.to_string(), half)),
        }
    }

    pub(crate) fn attribute(&self) -> Attribute {
        match self {
            Self::Id(id) => Attribute::Id(id.clone()),
            Self::Label(label) => Attribute::Label(label.as_bytes().to_vec()),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => {
                f.write_str("the id ")?;
                id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Label(label) => write!(f, "the label `{label}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_where_both_attributes_say_so() {
        let [sensitive, extractable] = [Attribute::Sensitive, Attribute::Extractable];
        assert!(stays(&[sensitive(true), extractable(false)]));
        assert!(stays(&[extractable(false), sensitive(true)]));
        for open in [
            &[sensitive(false), extractable(false)][..],
            &[sensitive(true), extractable(true)],
            &[sensitive(true)],
            &[extractable(false)],
            &[sensitive(true), sensitive(true)],
            &[],
        ] {
            assert!(!stays(open), "{open:?}");
        }
    }
}
