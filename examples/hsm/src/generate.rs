//! New keys in a token.

use countersign::Algorithm;
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, ObjectClass},
    session::Session,
};

use crate::{
    HsmError, HsmKey, KeyName, Token,
    public::{P256, P384},
};

impl Token {
    /// Makes a key pair whose private half stays in the token. RSA keys have 3,072 bits.
    ///
    /// # Errors
    ///
    /// A key of this name is there, or the token does not make such keys.
    pub async fn generate(&self, name: KeyName, algorithm: Algorithm) -> Result<HsmKey, HsmError> {
        let wanted = name.clone();
        self.write(move |session| generate(session, &wanted, algorithm))
            .await?;
        self.key(name, algorithm).await
    }
}

fn generate(session: &Session, name: &KeyName, algorithm: Algorithm) -> Result<(), HsmError> {
    let (mechanism, mut public) = match algorithm {
        Algorithm::ES256 => (
            Mechanism::EccKeyPairGen,
            vec![Attribute::EcParams(P256.to_vec())],
        ),
        Algorithm::ES384 => (
            Mechanism::EccKeyPairGen,
            vec![Attribute::EcParams(P384.to_vec())],
        ),
        Algorithm::PS256 | Algorithm::RS256 => (
            Mechanism::RsaPkcsKeyPairGen,
            vec![
                Attribute::ModulusBits(3072.into()),
                Attribute::PublicExponent(vec![1, 0, 1]),
            ],
        ),
        _ => return Err(HsmError::Algorithm(algorithm)),
    };
    let taken = [Attribute::Class(ObjectClass::PRIVATE_KEY), name.attribute()];
    if !session.find_objects(&taken)?.is_empty() {
        return Err(HsmError::Taken(name.to_string()));
    }
    public.extend([
        Attribute::Token(true),
        Attribute::Verify(true),
        name.attribute(),
    ]);
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        name.attribute(),
    ];
    session.generate_key_pair(&mechanism, &public, &private)?;
    Ok(())
}
