//! One case: the request, the configuration it is for, and the right answer.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use countersign::{
    Authenticator, ConfigError, Issuers, KeySet, Policy, TokenCache, TokenSource, Verifier,
    VerifierBuilder,
    claims::Tolerance,
    proof::{ClientCertificate, Dpop, MemoryReplayStore, MutualTls, ProofMode},
    testing::FixedClock,
};
use serde::Deserialize;

use crate::{Answer, Request, hostile::TestKeys, sessions::Exchange};

/// One case of the corpus.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// Its group.
    pub group: String,
    pub(super) profile: String,
    pub(super) now: i64,
    pub(super) request: HttpRequest,
    pub(super) expect: Expect,
    pub(super) recommended: Option<Expect>,
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) status_any: Vec<u16>,
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) error_any: Vec<String>,
    pub(super) verify_key: Option<String>,
    #[serde(default)]
    pub(super) config: Config,
    pub(super) client_cert_pem: Option<String>,
    pub(super) sequence: Option<String>,
}

/// The right outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// The request is let in.
    Accept,
    /// Both outcomes are defensible; `recommended` is ours.
    Policy,
    /// The request is refused.
    Reject,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Config {
    pub(super) cookie: Option<String>,
    pub(super) endpoint: Option<String>,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) require_scope: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct HttpRequest {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, HeaderText)>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum HeaderText {
    Text(String),
    Bytes { b64: String },
}

/// The cases in which we differ from the corpus' recommendation, and why.
pub const OWN_CHOICE: &[(&str, &str)] = &[
    (
        "claim-jti-number",
        "every registered claim is strictly typed",
    ),
    ("claim-aud-10k", "over the default size limit of 8 KiB"),
    ("claim-sub-64k", "over the default size limit of 8 KiB"),
    ("hdr-large-8k", "over the default size limit of 8 KiB"),
    (
        "time-auth-time-string",
        "no claim of RFC 7519: judged by policies that look at it",
    ),
    ("time-exp-sci", "lives 31 years; the notation is accepted"),
];

impl Case {
    /// Returns true if the sender has to prove a key or a certificate.
    #[must_use]
    pub fn has_proof(&self) -> bool {
        matches!(&*self.profile, "dpop" | "mtls")
    }

    /// Returns true if the request has to come twice: this is the case of the second one.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.sequence.as_deref() == Some("replay") && self.expect == Expect::Reject
    }

    /// Returns the certificate of the client.
    fn certificate(&self) -> Option<ClientCertificate> {
        let pem = self.client_cert_pem.as_deref()?;
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = BASE64_STANDARD.decode(body).expect("base64");
        Some(ClientCertificate::from_der(&der))
    }

    /// Returns the request to the refresh endpoint, if the case presents its token there.
    #[must_use]
    pub fn refresh(&self) -> Option<Request> {
        self.config.endpoint.as_deref()?;
        let request = self.request();
        let (_, token) = request.headers.first()?;
        let token = std::str::from_utf8(token).ok()?.strip_prefix("Bearer ")?;
        let body = serde_json::json!({ "refresh_token": token });
        let refresh = Request::post(&format!("{}/refresh", crate::sessions::MOUNT));
        Some(refresh.json(body.to_string()))
    }

    /// Returns a fault in the answer of the refresh endpoint, if there is one.
    #[must_use]
    pub fn objection_to_refresh(&self, answer: &Exchange) -> Option<String> {
        let error = answer.json()["error"].as_str().map(str::to_owned);
        let as_asked = Some(answer.status) == self.status && error == self.error;
        (!as_asked).then(|| format!("{} {error:?}", answer.status))
    }

    /// Returns the time that the case is for, in seconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Returns the request to send.
    #[must_use]
    pub fn request(&self) -> Request {
        let origin = "https://api.example";
        let headers = self.request.headers.iter().map(|(name, value)| {
            let value = match value {
                HeaderText::Text(text) => text.clone().into_bytes(),
                HeaderText::Bytes { b64 } => BASE64_STANDARD.decode(b64).expect("base64"),
            };
            (name.clone(), value)
        });
        Request {
            method: self.request.method.clone(),
            target: self
                .request
                .url
                .strip_prefix(origin)
                .expect("our origin")
                .to_owned(),
            headers: headers.collect(),
            body: String::new(),
            peer: None,
            certificate: self.certificate(),
        }
    }

    /// Builds the authenticator that the case is for.
    ///
    /// # Errors
    ///
    /// When a key is refused as it is loaded: the best outcome for the cases with a weak key.
    pub fn authenticator(&self, keys: &TestKeys) -> Result<Authenticator, ConfigError> {
        self.authenticator_at(self.now, keys)
    }

    /// Builds the authenticator for another time, for a [minted](crate::hostile::mint) case.
    ///
    /// # Errors
    ///
    /// As [`authenticator`](Self::authenticator).
    pub fn authenticator_at(
        &self,
        now: i64,
        keys: &TestKeys,
    ) -> Result<Authenticator, ConfigError> {
        self.authenticator_with(now, keys, named)
    }

    /// Builds the authenticator with a cache of verified tokens.
    ///
    /// # Errors
    ///
    /// As [`authenticator`](Self::authenticator).
    pub fn cached_authenticator(
        &self,
        keys: &TestKeys,
        cache: &TokenCache,
    ) -> Result<Authenticator, ConfigError> {
        self.authenticator_with(self.now, keys, |verifier, issuer| {
            named(verifier, issuer).cache(cache.clone())
        })
    }

    /// Builds the authenticator with every tolerance for values of claims. Issuer and audience stay compared.
    ///
    /// # Errors
    ///
    /// As [`authenticator`](Self::authenticator).
    pub fn tolerant_authenticator(&self, keys: &TestKeys) -> Result<Authenticator, ConfigError> {
        self.authenticator_with(self.now, keys, |verifier, issuer| {
            tolerant(named(verifier, issuer))
        })
    }

    /// Builds the authenticator with every tolerance that a verifier can have: it compares neither issuer nor
    /// audience. Where the case has two issuers, it is the fallback of the first.
    ///
    /// # Errors
    ///
    /// As [`authenticator`](Self::authenticator).
    pub fn nameless_authenticator(&self, keys: &TestKeys) -> Result<Authenticator, ConfigError> {
        self.authenticator_with(self.now, keys, |verifier, issuer| match issuer {
            ISSUER => tolerant(verifier).any_issuer().any_audience(),
            issuer => tolerant(named(verifier, issuer)),
        })
    }

    fn authenticator_with(
        &self,
        now: i64,
        keys: &TestKeys,
        settings: impl Fn(VerifierBuilder, &str) -> VerifierBuilder,
    ) -> Result<Authenticator, ConfigError> {
        let set = |name: &str| match &self.verify_key {
            Some(key) => keys.single(key),
            None => keys.set(name),
        };
        let verifier = |set: KeySet, issuer: &str| -> VerifierBuilder {
            settings(Verifier::builder(set), issuer)
                .leeway(Duration::from_secs(60))
                .clock(FixedClock::at(now))
        };
        let issuers: Issuers = match &*self.profile {
            "asym" | "dpop" | "mtls" => verifier(set("asym")?, ISSUER).build()?.into(),
            "hmac" => verifier(set("hmac")?, ISSUER).build()?.into(),
            "rfc9068" => verifier(set("asym")?, ISSUER)
                .access_token_profile()
                .build()?
                .into(),
            "multi" => {
                let first = verifier(set("asym")?, ISSUER).build()?;
                let second = verifier(keys.set("issuer_b")?, "https://issuer-b.example").build()?;
                match first.tolerances().contains(&Tolerance::AnyIssuer) {
                    true => Issuers::new([second])?.with_fallback(first)?,
                    false => Issuers::new([first, second])?,
                }
            }
            other => panic!("unknown profile {other}"),
        };
        let mut authenticator = Authenticator::new(issuers);
        match &*self.profile {
            "dpop" => authenticator = authenticator.dpop(dpop()?),
            "mtls" => {
                let mutual_tls = MutualTls::new().mode(ProofMode::Allowed);
                authenticator = authenticator.mutual_tls(mutual_tls);
            }
            _ => {}
        }
        if let Some(name) = &self.config.cookie {
            authenticator =
                authenticator.source(TokenSource::bearer().or(TokenSource::cookie(name)));
        }
        if let Some(scope) = &self.config.require_scope {
            authenticator = authenticator.require(Policy::scope(scope));
        }
        if self.config.optional {
            authenticator = authenticator.optional();
        }
        Ok(authenticator)
    }

    /// Returns true if this case is for the same kind of verifier as another, and is accepted.
    #[must_use]
    pub fn is_good_for(&self, other: &Self) -> bool {
        self.profile == other.profile && self.expected() == Expect::Accept
    }

    /// Returns the reason why a refused key is the wrong outcome of the case, if there is one.
    #[must_use]
    pub fn objection_to_no_key(&self) -> Option<&'static str> {
        match (&self.verify_key, self.expected()) {
            (None, _) => Some("its authenticator cannot be built, and it brings no key to blame"),
            (Some(_), Expect::Accept) => Some("its key is refused as it is loaded"),
            (Some(_), _) => None,
        }
    }

    /// Returns a fault in this answer; `None` if the corpus accepts it.
    #[must_use]
    pub fn objection(&self, answer: &Answer) -> Option<String> {
        match (self.expected(), answer.status) {
            (Expect::Accept, 200) => None,
            (Expect::Accept, status) => Some(format!("refused with {status}: {}", answer.body)),
            // No HTTP library carries such a request.
            (_, 0) => None,
            (_, 200) => Some("accepted".into()),
            (_, status) => {
                let allowed = self.status == Some(status) || self.status_any.contains(&status);
                if !allowed {
                    return Some(format!("status {status}, not {:?}", self.status));
                }
                // 400 has its own code (RFC 6750 section 3.1), whatever the case names for 401.
                let code = answer.error();
                let good = code == self.error.as_deref()
                    || code.is_some_and(|code| self.error_any.iter().any(|any| any == code))
                    || (status == 400 && code == Some("invalid_request"));
                (!good).then(|| format!("error {code:?}, not {:?}", self.error))
            }
        }
    }

    fn expected(&self) -> Expect {
        let own_choice = OWN_CHOICE.iter().any(|(id, _)| *id == self.id);
        match (self.expect, self.recommended) {
            (Expect::Policy, Some(Expect::Reject)) if own_choice => Expect::Accept,
            (Expect::Policy, Some(recommended)) if !own_choice => recommended,
            (Expect::Policy, _) => Expect::Reject,
            (expect, _) => expect,
        }
    }
}

/// The issuer of good tokens.
const ISSUER: &str = "https://issuer.example";

/// Accepts tokens that are bound to a key, and others. As the corpus has it, `iat` may be older than by default.
fn dpop() -> Result<Dpop, ConfigError> {
    Dpop::builder()
        .external_url("https://api.example")
        .mode(ProofMode::Allowed)
        .past(Duration::from_secs(300))
        .future(Duration::from_secs(60))
        .replay(MemoryReplayStore::new())
        .build()
}

/// Accepts the tokens of one issuer for this API.
fn named(verifier: VerifierBuilder, issuer: &str) -> VerifierBuilder {
    verifier.issuer(issuer).audience("https://api.example")
}

fn tolerant(verifier: VerifierBuilder) -> VerifierBuilder {
    verifier.accept_null_claims().accept_numeric_subject()
}
