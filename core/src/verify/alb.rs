//! Tokens of an Application Load Balancer of AWS, which tells in the protected header who signed and for whom.

use serde::de::DeserializeOwned;

use super::{
    builder::VerifierBuilder,
    describe::any_of,
    facts::Facts,
    refused::Refused,
    rules::{OnHit, Rule},
    settings::VerifierSettings,
};
use crate::{
    claims::{AlbArn, ClaimSlot},
    error::{AuthErrorKind, ConfigError, quoted},
    jose::{Algorithm, Buffer, json, member},
};

impl<K> VerifierBuilder<K> {
    /// Accepts tokens that this Application Load Balancer of AWS has signed, by its ARN, and no others: those in `x-amzn-oidc-data`.
    ///
    /// Their header names the load balancer in `signer`, which must be this one, and the client id in `client`, which is compared with the
    /// [`audience`](Self::audience): they have no `aud`. The header also has `iss` and `exp`: the issuer must be the expected one there too, and the payload must
    /// not outlive the header. The three parts are base64url **with** padding, and only so. `alg` is ES256.
    ///
    /// The keys are those of all load balancers of the region, so the signer is what tells yours. [`Provider::aws_alb`](crate::Provider::aws_alb)
    /// sets all of it.
    ///
    /// `build` refuses what would contradict it: another [claim as the audience](Self::audience_claim), other algorithms and types, a
    /// [trust domain](Self::spiffe_trust_domain).
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{SigningKey, Verifier};
    ///
    /// let key = SigningKey::generate_es256()?;
    /// let verifier = Verifier::builder(&key)
    ///     .aws_alb_signer("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188")
    ///     .issuer("https://id.example")
    ///     .audience("client-of-the-load-balancer")
    ///     .build()?;
    /// # drop(verifier);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn aws_alb_signer(mut self, arn: impl Into<String>) -> Self {
        self.alb_signer = Some(AlbArn::new(&arn.into()));
        self
    }
}

/// The types that such a token can name, in their normal form.
pub(super) const TYPES: &[&str] = &["jwt"];

/// The one algorithm of such tokens.
pub(super) const ALGORITHM: Algorithm = Algorithm::ES256;

/// Returns the signer that a builder has, if nothing else that it has contradicts it.
pub(super) fn checked<K>(builder: &VerifierBuilder<K>) -> Result<Option<AlbArn>, ConfigError> {
    let Some(signer) = builder.alb_signer.clone().transpose()? else {
        return Ok(None);
    };
    let algorithms = builder.algorithms.as_deref().unwrap_or_default();
    let why = if builder.trust_domain.is_some() {
        "`.spiffe_trust_domain(..)`: a token is of one or of the other"
    } else if builder.layout.audience_claim() != "aud" {
        "`.audience_claim(..)`: the audience is `client` in the header"
    } else if !builder.types.iter().all(|own| TYPES.contains(&&**own)) {
        "`.token_type(..)`: the type is `JWT`"
    } else if !algorithms.iter().all(|own| *own == ALGORITHM) {
        "`.algorithms(..)`: a load balancer signs by ES256"
    } else {
        return Ok(Some(signer));
    };
    Err(ConfigError::Conflict(format!(
        "`.aws_alb_signer(..)` excludes {why}"
    )))
}

/// The rules that a signer adds, ahead of all others. They depend on the token and the settings alone.
pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "signer",
        OnHit::Skip,
        signer,
        |_, _| false,
        |_, _| "signer".into(),
        |settings, _| quoted(settings.alb_signer.as_ref().map(AlbArn::as_str)),
        |_, facts| quoted(text(facts, "signer").as_deref()),
    ),
    Rule::new(
        "client",
        OnHit::Skip,
        client,
        |_, _| false,
        |_, _| "client".into(),
        |settings, _| any_of(settings.audiences.as_deref()),
        |_, facts| quoted(text(facts, "client").as_deref()),
    ),
    Rule::new(
        "iss of the header",
        OnHit::Skip,
        issuer,
        |_, _| false,
        |_, _| "iss".into(),
        |settings, _| any_of(settings.issuers.as_deref()),
        |_, facts| quoted(text(facts, "iss").as_deref()),
    ),
    Rule::new(
        "exp of the header",
        OnHit::Skip,
        expiry,
        |_, claim| claim == "exp",
        |_, _| "exp".into(),
        |_, facts| match facts.claims.date(ClaimSlot::EXPIRES_AT) {
            Some(date) => format!("at least {date}, as in the payload"),
            None => "present".to_owned(),
        },
        |_, facts| match read::<i64>(facts, "exp") {
            Some(date) => date.to_string(),
            None => "absent".to_owned(),
        },
    ),
];

fn signer(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let found = text(facts, "signer").ok_or(AuthErrorKind::MissingClaim)?;
    let expected = settings.alb_signer.as_ref();
    match expected.is_some_and(|own| *own.as_str() == *found) {
        true => Ok(()),
        false => Err(AuthErrorKind::WrongIssuer.into()),
    }
}

fn client(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    one_of(
        settings.audiences.as_deref(),
        facts,
        "client",
        AuthErrorKind::WrongAudience,
    )
}

fn issuer(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    one_of(
        settings.issuers.as_deref(),
        facts,
        "iss",
        AuthErrorKind::WrongIssuer,
    )
}

fn one_of(
    expected: Option<&[Box<str>]>,
    facts: &Facts<'_>,
    name: &str,
    otherwise: AuthErrorKind,
) -> Result<(), Refused> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let found = text(facts, name).ok_or(AuthErrorKind::MissingClaim)?;
    match expected.iter().any(|own| **own == *found) {
        true => Ok(()),
        false => Err(otherwise.into()),
    }
}

/// Checks that the payload does not outlive the header: then its `exp` is the one to check at each request.
fn expiry(_: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let header = read::<i64>(facts, "exp").ok_or(AuthErrorKind::MissingClaim)?;
    let payload = facts.claims.date(ClaimSlot::EXPIRES_AT);
    match payload.ok_or(AuthErrorKind::MissingClaim)? <= header {
        true => Ok(()),
        false => Err(AuthErrorKind::InvalidClaim.into()),
    }
}

fn text(facts: &Facts<'_>, name: &str) -> Option<String> {
    read(facts, name)
}

/// Reads a member of the header, which has been read strictly before: no name is in it twice.
fn read<T: DeserializeOwned>(facts: &Facts<'_>, name: &str) -> Option<T> {
    let mut buffer = Buffer::<512>::new();
    let header = buffer.decode(facts.encoded_header).and_then(json::text)?;
    member(header, name).ok()?
}
