//! The verifier: one token in, one verdict out.

use std::{fmt, future::Future, sync::Arc};

use arc_swap::ArcSwapOption;

use crate::{
    claims::{Registered, VerifiedToken},
    clock::Clock,
    error::{AuthError, AuthErrorKind},
    future::MaybeReady,
    jose::{Algorithm, Compact, Header, base64url},
    keys::{Keys, Refresh},
    revocation::Revocation,
    verify::{
        Explanation, VerifierBuilder,
        explain::{Log, Silent},
        rules::{Facts, RULES, Settings},
    },
};

/// Verifies tokens. Cheap to clone.
///
/// What it does, in this order:
///
/// 1. The text is a JWS in compact form, within the size limit, in the base64url alphabet.
/// 2. The header is one JSON object without duplicates, asks for nothing unknown, and names an
///    accepted algorithm.
/// 3. The key set has a key for the header's `kid` and `alg`, and the signature matches under it.
/// 4. The payload is one JSON object without duplicates at any level, and each registered claim has
///    its type.
/// 5. `typ`, required claims, `iss`, `aud`, `exp`, `nbf`, `iat`, lifetime, age and `cnf` pass.
/// 6. Neither the token nor its session nor its subject has been [revoked](Revocation), if that is
///    looked up.
///
/// # Examples
///
/// ```
/// use countersign::{Key, Verifier};
///
/// let verifier = Verifier::builder(Key::hs256("an example secret of 32 bytes or more")?)
///     .issuer("https://id.example")
///     .audience("orders")
///     .build()?;
///
/// # futures_executor::block_on(async {
/// let refused = verifier.verify("not.a.token").await.unwrap_err();
/// assert_eq!(refused.reason(), "malformed_token");
/// # });
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keys: Keys,
    /// `None`: those of the keys.
    algorithms: Option<Vec<Algorithm>>,
    settings: Settings,
    max_token_bytes: usize,
    clock: Arc<dyn Clock>,
    /// Headers of good tokens. An issuer writes the same one into all tokens of one key.
    memos: [ArcSwapOption<Memo>; MEMOS],
}

/// How many headers are remembered: keys of one issuer, mostly.
const MEMOS: usize = 8;

/// A header that has been parsed, and the encoded text that it was parsed from.
struct Memo {
    encoded: Box<str>,
    header: Arc<Header>,
}

impl Verifier {
    /// Starts a verifier with these keys: a [`Key`](crate::Key), several, a
    /// [`KeySet`](crate::KeySet) or [`Keys`].
    pub fn builder(keys: impl Into<Keys>) -> VerifierBuilder {
        VerifierBuilder::new(keys.into())
    }

    pub(super) fn new(
        keys: Keys,
        algorithms: Option<Vec<Algorithm>>,
        settings: Settings,
        max_token_bytes: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            keys,
            algorithms,
            settings,
            max_token_bytes,
            clock,
            memos: Default::default(),
        }))
    }

    /// The same verifier with this list of revocations, in the place of any that it had.
    ///
    /// For verifiers that come ready-made, as [`Issuer::verifier`](crate::Issuer::verifier). Others:
    /// [`VerifierBuilder::revocation`].
    #[must_use]
    pub fn with_revocation(self, revocation: Revocation) -> Self {
        let settings = Settings {
            revocation: Some(revocation),
            ..self.0.settings.clone()
        };
        Self::new(
            self.0.keys.clone(),
            self.0.algorithms.clone(),
            settings,
            self.0.max_token_bytes,
            Arc::clone(&self.0.clock),
        )
    }

    /// Verifies a token.
    ///
    /// The future is ready at its first poll, unless the key source has to fetch a key that the
    /// token names and the set lacks.
    ///
    /// # Errors
    ///
    /// [`AuthError`] with the first check that failed.
    pub fn verify(
        &self,
        token: &str,
    ) -> impl Future<Output = Result<VerifiedToken, AuthError>> + Send + use<> {
        self.start(token)
    }

    /// Verifies a token with the keys at hand; never waits and never fetches.
    ///
    /// # Errors
    ///
    /// [`AuthError`] with the first check that failed.
    pub fn verify_now(&self, token: &str) -> Result<VerifiedToken, AuthError> {
        self.run(token, &mut Silent)
    }

    /// Explains the verdict on a token: each check, what was expected, what was found.
    ///
    /// For logs, command lines and tests. Texts from the token are escaped and cut. Its verdict is
    /// always that of [`verify_now`](Self::verify_now).
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// let issuer = TestIssuer::new();
    /// let explanation = issuer.verifier().explain(&issuer.token().audience("shop").sign());
    ///
    /// let failed: Vec<_> = explanation.failed().map(|check| check.name()).collect();
    /// assert_eq!(failed, ["aud"]);
    /// ```
    #[must_use]
    pub fn explain(&self, token: &str) -> Explanation {
        let mut explanation = Explanation::default();
        let result = self.run(token, &mut explanation);
        explanation.conclude(result)
    }

    /// The names of the issuer; `None` if any will do.
    pub(crate) fn issuers(&self) -> Option<&[Box<str>]> {
        self.0.settings.issuers.as_deref()
    }

    /// The longest token that is looked at, in bytes.
    pub(crate) fn max_token_bytes(&self) -> usize {
        self.0.max_token_bytes
    }

    pub(crate) fn start(&self, token: &str) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        let error = match self.verify_now(token) {
            Ok(token) => return MaybeReady::ready(Ok(token)),
            Err(error) => error,
        };
        let Some(refreshed) = self.refresh(token, error.kind()) else {
            return MaybeReady::ready(Err(error));
        };
        let verifier = self.clone();
        let token = token.to_owned();
        MaybeReady::waiting(async move {
            let refreshed = refreshed.await;
            match (verifier.verify_now(&token), refreshed) {
                // The key may be new, and the source could not look: nobody can tell.
                (Err(error), Err(unavailable)) if error.kind() == AuthErrorKind::UnknownKey => {
                    Err(AuthError::from(AuthErrorKind::KeysUnavailable)
                        .with_retry_after(unavailable.seconds())
                        .with_source(unavailable))
                }
                (result, _) => result,
            }
        })
    }

    /// Asks the source for newer keys, if they could change the verdict.
    fn refresh(
        &self,
        token: &str,
        kind: AuthErrorKind,
    ) -> Option<impl Future<Output = Result<(), crate::keys::KeysUnavailable>> + Send + use<>> {
        let source = self.0.keys.source();
        match kind {
            AuthErrorKind::KeysUnavailable => source.refresh(Refresh::NoKeys),
            AuthErrorKind::UnknownKey => {
                let compact = Compact::parse(token, self.0.max_token_bytes).ok()?;
                let header = Header::parse(compact.header).ok()?;
                source.refresh(Refresh::UnknownKey(header.key_id()?))
            }
            _ => None,
        }
    }

    /// The one way through all checks. Silent, it stops at the first refusal; explaining, it goes
    /// on as far as there is something to look at, and still reports the first.
    fn run<L: Log>(&self, token: &str, log: &mut L) -> Result<VerifiedToken, AuthError> {
        let mut refusal = None;
        let mut refuse = |error: AuthError| {
            let error = refusal.get_or_insert(error);
            if L::EVERY_CHECK {
                Ok(())
            } else {
                Err(error.clone())
            }
        };

        let compact = Compact::parse(token, self.0.max_token_bytes);
        log.step("format", || format!("{} bytes", token.len()), compact.err());
        let compact = compact?;

        let known = self.recall(compact.header);
        let header = match &known {
            Some(header) => Ok(Arc::clone(header)),
            None => Header::parse(compact.header).map(Arc::new),
        };
        log.step(
            "header",
            || "a JOSE header".into(),
            header.as_ref().err().copied(),
        );
        let header = header?;

        let signature = self.check_signature(&header, &compact);
        log.signature(&header, signature.as_ref().err().map(AuthError::kind));
        if let Err(error) = signature {
            refuse(error)?;
        }

        let content = self.read_payload(compact.payload);
        let failed = content.as_ref().err().copied();
        log.step("payload", || "one JSON object".into(), failed);
        let (payload, claims) = match content {
            Ok(content) => content,
            Err(kind) => return Err(refusal.unwrap_or_else(|| kind.into())),
        };

        let facts = Facts {
            header: &header,
            payload: &payload,
            claims: &claims,
            now: self.0.clock.now(),
        };
        for rule in RULES {
            let result = (rule.check)(&self.0.settings, &facts);
            let failed = result.as_ref().err().map(AuthError::kind);
            log.rule(rule, &self.0.settings, &facts, failed);
            if let Err(error) = result {
                refuse(error)?;
            }
        }
        if let Some(error) = refusal {
            return Err(error);
        }
        if known.is_none() {
            self.remember(compact.header, &header);
        }
        let clock = Arc::clone(&self.0.clock);
        Ok(VerifiedToken::new(header, payload, claims, clock))
    }

    /// The header of an earlier good token, if its text was the same byte by byte.
    fn recall(&self, encoded: &str) -> Option<Arc<Header>> {
        let memo = self.memo(encoded).load();
        let memo = memo.as_ref().filter(|memo| *memo.encoded == *encoded)?;
        Some(Arc::clone(&memo.header))
    }

    /// Only the header of an accepted token gets here, so nobody else can push it out.
    fn remember(&self, encoded: &str, header: &Arc<Header>) {
        self.memo(encoded).store(Some(Arc::new(Memo {
            encoded: encoded.into(),
            header: Arc::clone(header),
        })));
    }

    /// Where this header is remembered. What tells two headers apart mostly stands at their end.
    fn memo(&self, encoded: &str) -> &ArcSwapOption<Memo> {
        let sum = encoded.bytes().rev().take(16).fold(0_usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(usize::from(byte))
        });
        &self.0.memos[sum % MEMOS]
    }

    fn read_payload(&self, encoded: &str) -> Result<(Box<str>, Registered), AuthErrorKind> {
        let payload = base64url::decode(encoded)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(AuthErrorKind::MalformedToken)?;
        let claims = Registered::parse(&payload, &self.0.settings.wanted)?;
        Ok((payload.into_boxed_str(), claims))
    }

    fn check_signature(&self, header: &Header, compact: &Compact<'_>) -> Result<(), AuthError> {
        let algorithm = header.algorithm();
        let accepted = |own: &Vec<Algorithm>| own.iter().any(|own| own.matches(algorithm));
        if !self.0.algorithms.as_ref().is_none_or(accepted) {
            return Err(AuthErrorKind::WrongAlgorithm.into());
        }
        let keys = self.0.keys.source().snapshot().map_err(|unavailable| {
            AuthError::from(AuthErrorKind::KeysUnavailable)
                .with_retry_after(unavailable.seconds())
                .with_source(unavailable)
        })?;
        let signature =
            base64url::decode(compact.signature.as_bytes()).ok_or(AuthErrorKind::MalformedToken)?;
        let signed = compact.signed.as_bytes();
        let key = keys.verify(algorithm, header.key_id(), signed, &signature)?;
        // The builder refuses such a key, but a source can bring one later.
        key.check_filled()
            .map_err(|weak| AuthError::from(AuthErrorKind::UnknownKey).with_source(weak))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("settings", &self.0.settings)
            .field("keys", &self.0.keys)
            .finish_non_exhaustive()
    }
}
