//! The verifier: one token in, one verdict out.

use std::{fmt, future::Future, sync::Arc};

use arc_swap::ArcSwapOption;

use crate::{
    claims::{Context, Registered, VerifiedToken},
    error::{AuthError, AuthErrorKind},
    jose::{Algorithm, Compact, Header, base64url},
    keys::Keys,
    revocation::Revocation,
    verify::{
        Explanation, VerifierBuilder,
        explain::Log,
        rules::{Facts, RULES, Settings},
    },
};
#[cfg(feature = "remote")]
use crate::{
    keys::{Discovery, RemoteKeys},
    provider::Provider,
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
/// 5. `typ`, required claims and values, `iss`, `aud`, `exp`, `nbf`, `iat`, lifetime, age and `cnf` pass.
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
    context: Arc<Context>,
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

    /// Starts a verifier for the tokens of an identity provider: by its issuer, or by a
    /// [`Provider`] that also says where its tokens have roles and scopes.
    ///
    /// The keys are found by the provider's metadata, and renewed from then on: see
    /// [`RemoteKeys`](crate::RemoteKeys) for what that means. The issuer must be the one that tokens
    /// and metadata name, byte by byte.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use countersign::{Provider, Verifier};
    ///
    /// # async fn start() -> Result<(), countersign::ConfigError> {
    /// let verifier = Verifier::discover("https://id.example")
    ///     .audience("orders")
    ///     .build()
    ///     .await?;
    ///
    /// let keycloak = Provider::keycloak("https://sso.example", "shop")?;
    /// let verifier = Verifier::discover(keycloak).audience("orders").build().await?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "remote")]
    pub fn discover(provider: impl Into<Provider>) -> VerifierBuilder<Discovery> {
        let provider = provider.into();
        let keys = RemoteKeys::discover(provider.clone());
        VerifierBuilder::new(Discovery::new(keys)).provider(provider)
    }

    pub(super) fn new(
        keys: Keys,
        algorithms: Option<Vec<Algorithm>>,
        settings: Settings,
        max_token_bytes: usize,
        context: Arc<Context>,
    ) -> Self {
        Self(Arc::new(Inner {
            keys,
            algorithms,
            settings,
            max_token_bytes,
            context,
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
            Arc::clone(&self.0.context),
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
        #[cfg(feature = "metrics")]
        return self.run(token, &mut crate::verify::stages::Stages::start());
        #[cfg(not(feature = "metrics"))]
        self.run(token, &mut crate::verify::explain::Silent)
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

    pub(super) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The longest token that is looked at, in bytes.
    pub(crate) fn max_token_bytes(&self) -> usize {
        self.0.max_token_bytes
    }

    /// The one way through all checks. Silent, it stops at the first refusal; explaining, it goes
    /// on as far as there is something to look at, and still reports the first.
    pub(super) fn run<L: Log>(&self, token: &str, log: &mut L) -> Result<VerifiedToken, AuthError> {
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
            now: self.0.context.clock.now(),
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
        let context = Arc::clone(&self.0.context);
        Ok(VerifiedToken::new(header, payload, claims, context))
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
        let claims = Registered::parse(&payload, &self.0.settings.places.wanted)?;
        Ok((payload.into_boxed_str(), claims))
    }

    pub(super) fn accepts(&self, algorithm: Algorithm) -> bool {
        let accepted = |own: &Vec<Algorithm>| own.iter().any(|own| own.matches(algorithm));
        self.0.algorithms.as_ref().is_none_or(accepted)
    }

    fn check_signature(&self, header: &Header, compact: &Compact<'_>) -> Result<(), AuthError> {
        let algorithm = header.algorithm();
        if !self.accepts(algorithm) {
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
