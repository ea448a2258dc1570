//! The kinds of opaque tokens that an authenticator knows, ready for requests.

use std::{fmt, sync::Arc};

use super::{
    error::OpaqueTokenError,
    form::Form,
    identity::OpaqueIdentity,
    token::OpaqueToken,
    tokens::{Check, OpaqueTokens},
};
use crate::{
    claims::{
        ClaimSlot, ClaimSpec, Reader, RegisteredClaims, RoleSource, TokenContext, VerifiedToken,
    },
    error::{AuthError, AuthErrorKind, ConfigError, Outage},
    jose::Header,
    request::{Credentials, Provenance, RequestHead, TokenText, header_token},
};

/// The kinds of opaque tokens of an authenticator.
#[derive(Clone, Default)]
pub(in crate::auth) struct OpaqueKinds(Vec<Arc<OpaqueKind>>);

/// A kind of opaque tokens.
pub(in crate::auth) struct OpaqueKind {
    form: Form,
    name: Box<str>,
    check: Arc<Check>,
    header: Arc<Header>,
    context: Arc<TokenContext>,
    outage: Outage,
}

impl OpaqueKinds {
    /// The most kinds. Each is compared with each token.
    const MOST: u8 = 16;
    /// The longest opaque token, in bytes.
    const LONGEST: usize = 4 << 10;

    /// Adds a kind.
    pub(in crate::auth) fn add(&mut self, tokens: OpaqueTokens) -> Result<(), ConfigError> {
        let conflict = |text: String| Err(ConfigError::Conflict(text));
        let OpaqueTokens { form, name, .. } = &tokens;
        if self.0.iter().any(|other| other.form.overlaps(form)) {
            return conflict(format!(
                "`opaque_tokens`: a token could be of {name:?} or of another kind, by its form"
            ));
        }
        if self.0.len() >= usize::from(Self::MOST) {
            return conflict("`opaque_tokens`: there are 16 kinds already".into());
        }
        self.0.push(Arc::new(OpaqueKind::new(tokens)));
        Ok(())
    }

    /// Finds a token in the headers of the kinds. One beside the token that is there already makes that ambiguous.
    pub(in crate::auth) fn find<'h>(
        &self,
        head: &'h dyn RequestHead,
        found: &mut Option<Credentials<'h>>,
    ) -> Result<(), AuthErrorKind> {
        for (index, kind) in (0..).zip(&self.0) {
            let Form::Header(name) = &kind.form else {
                continue;
            };
            match (&mut *found, header_token(head, name)) {
                (None, first) => {
                    *found = first?.map(|token| Credentials {
                        token: TokenText::Str(token),
                        from_cookie: false,
                        found: Provenance {
                            opaque: Some(index),
                            ..Provenance::default()
                        },
                    });
                }
                (Some(first), Ok(Some(_)) | Err(_)) => first.found.is_ambiguous = true,
                (Some(_), Ok(None)) => {}
            }
        }
        Ok(())
    }

    /// Returns the kind of a token, by its form alone. `None`: it is judged as a JWT.
    pub(super) fn of(&self, credentials: &Credentials<'_>) -> Option<&Arc<OpaqueKind>> {
        if let Some(index) = credentials.found.opaque {
            return self.0.get(usize::from(index));
        }
        let bytes = credentials.token.as_bytes();
        self.0.iter().find(|kind| match &kind.form {
            Form::Header(_) => false,
            Form::Prefix(prefix) => bytes.starts_with(prefix.as_bytes()),
        })
    }

    /// Returns whether an issuer has the name of a kind.
    pub(in crate::auth) fn has_name(&self, issuer: Option<&str>) -> bool {
        self.0.iter().any(|kind| issuer == Some(&kind.name))
    }

    /// Returns the headers that can carry a token, in lower case.
    pub(in crate::auth) fn headers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|kind| match &kind.form {
            Form::Header(name) => Some(&**name),
            Form::Prefix(_) => None,
        })
    }
}

impl OpaqueKind {
    fn new(tokens: OpaqueTokens) -> Self {
        let OpaqueTokens {
            form,
            name,
            ask: check,
            clock,
            hierarchy,
        } = tokens;
        #[cfg(feature = "metrics")]
        for result in RESULTS {
            crate::metrics::opaque_token(&name, result, 0);
        }
        let context = TokenContext {
            clock,
            roles: RoleSource::default(),
            scopes: vec![ClaimSlot::SCOPE],
            hierarchy,
            credential: Some(name.clone()),
            trust_domain: None,
        };
        Self {
            form,
            name,
            check,
            header: Arc::new(Header::of_opaque_token()),
            context: Arc::new(context),
            outage: Outage::new(),
        }
    }

    /// Asks the check, and makes a token of its answer.
    pub(super) async fn ask(
        &self,
        token: OpaqueToken,
        reader: Reader,
    ) -> Result<VerifiedToken, AuthError> {
        let answer = match token.as_str().len() <= OpaqueKinds::LONGEST {
            true => (self.check)(token).await,
            false => return Err(AuthErrorKind::TokenTooLarge.into()),
        };
        #[cfg(feature = "metrics")]
        crate::metrics::opaque_token(&self.name, result_of(&answer), 1);
        self.tell(answer.as_ref().err());
        let identity = answer.map_err(|error| error.refusal())?;
        self.token(&identity, reader)
    }

    /// Makes a token of an identity, by the reader that reads those of verifiers.
    fn token(&self, identity: &OpaqueIdentity, reader: Reader) -> Result<VerifiedToken, AuthError> {
        const SPEC: &ClaimSpec = &ClaimSpec::STRICT;

        let payload = identity.payload(&self.name);
        let payload = payload.map_err(|why| AuthError::misconfigured(BadIdentity(why)))?;
        let mut claims = RegisteredClaims::default();
        let parsed = reader.read(&mut claims, &payload, SPEC).map_err(|wrong| {
            let wrong = wrong.mismatch(&payload, SPEC).to_string();
            AuthError::misconfigured(BadIdentity(wrong.into()))
        })?;
        let now = self.context.clock.now();
        let date = |slot| claims.date(slot);
        if date(ClaimSlot::EXPIRES_AT).is_some_and(|at| at <= now) {
            return Err(AuthErrorKind::Expired.into());
        }
        if date(ClaimSlot::NOT_BEFORE).is_some_and(|at| at > now) {
            return Err(AuthErrorKind::NotYetValid.into());
        }
        if claims.has(ClaimSlot::CONFIRMATION) {
            return Err(AuthErrorKind::BoundToken.into());
        }
        let (header, context) = (Arc::clone(&self.header), Arc::clone(&self.context));
        let payload = payload.into();
        Ok(VerifiedToken::new(header, payload, claims, context, parsed))
    }

    /// Logs an outage where it begins and where it ends.
    fn tell(&self, error: Option<&OpaqueTokenError>) {
        let credential = &*self.name;
        match error.filter(|error| error.kind == AuthErrorKind::OpaqueTokenUnavailable) {
            Some(error) => {
                if let Some(left_out) = self.outage.fails() {
                    let cause = error.cause();
                    tracing::warn!(target: "countersign", credential, %cause, left_out, "opaque tokens cannot be checked: requests are refused");
                }
            }
            None => {
                if self.outage.works() {
                    tracing::info!(target: "countersign", credential, "opaque tokens are checked again");
                }
            }
        }
    }
}

/// Shows the names.
impl fmt::Debug for OpaqueKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|kind| (&kind.name, &kind.form)))
            .finish()
    }
}

/// The results by which opaque tokens are counted.
#[cfg(feature = "metrics")]
const RESULTS: [&str; 4] = [
    "known",
    "opaque_token_refused",
    "opaque_token_forbidden",
    "opaque_token_unavailable",
];

#[cfg(feature = "metrics")]
fn result_of(answer: &Result<OpaqueIdentity, OpaqueTokenError>) -> &'static str {
    answer
        .as_ref()
        .map_or_else(|error| error.kind.reason(), |_| "known")
}

/// The answer of a check cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("a check of opaque tokens has answered an identity that is none: {0}")]
struct BadIdentity(Arc<str>);
