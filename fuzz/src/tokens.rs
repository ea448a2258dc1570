//! Tokens signed with a fixed key, so that what comes behind the signature is reached; and what a
//! verifier must say of them.

use countersign::{
    Key, SigningKey, TokenCache, VerifiedToken, Verifier, VerifierBuilder,
    claims::ScopeSource,
    testing::{FixedClock, sign_raw},
};

use crate::json::{self, Json};

/// The secret of every token. Not one that anybody uses.
pub const SECRET: &[u8] = b"a fixed secret of the fuzz targets, known to all";
pub const NOW: i64 = 1_800_000_000;
pub const ISSUER: &str = "https://i.test";
pub const AUDIENCE: &str = "a";
/// A header that every verifier here accepts.
pub const HEADER: &str = r#"{"alg":"HS256"}"#;
/// What makes a payload good: the members that a token must have.
pub const GOOD: &str = r#"{"iss":"https://i.test","aud":"a","exp":1800000100"#;

/// Signs any payload under any header.
pub fn sign(header: &str, payload: &[u8]) -> String {
    thread_local! {
        static KEY: SigningKey = SigningKey::hs256(SECRET).unwrap();
    }
    KEY.with(|key| sign_raw(key, header, payload))
}

/// The settings of the verifiers, and of the rules that say what must come of them.
pub struct Rules {
    pub verifier: Verifier,
    /// The same with a cache.
    pub cached: Verifier,
    audience_claim: &'static str,
    scopes: &'static [&'static str],
    wanted: &'static [&'static str],
    value: Option<(&'static str, &'static str)>,
}

impl Rules {
    /// What most apps have.
    pub fn usual() -> Self {
        Self::of("aud", &["scope"], &[], None)
    }

    /// With claims in other places, and more of them.
    pub fn special() -> Self {
        Self::of("azp", &["scp", "scope"], &["sub", "t"], Some(("use", "x")))
    }

    fn of(
        audience_claim: &'static str,
        scopes: &'static [&'static str],
        wanted: &'static [&'static str],
        value: Option<(&'static str, &'static str)>,
    ) -> Self {
        let build = |with: fn(VerifierBuilder) -> VerifierBuilder| {
            let sources = scopes.iter().map(|name| ScopeSource::claim(*name));
            let sources = sources.reduce(ScopeSource::or).unwrap();
            let mut builder = Verifier::builder(Key::hs256(SECRET).unwrap())
                .issuer(ISSUER)
                .audience(AUDIENCE)
                .audience_claim(audience_claim)
                .scopes(sources)
                .clock(FixedClock::at(NOW));
            for name in wanted {
                builder = builder.require_claim(*name);
            }
            if let Some((name, text)) = value {
                builder = builder.require_value(name, text);
            }
            with(builder).build().unwrap()
        };
        Self {
            verifier: build(|builder| builder),
            cached: build(|builder| builder.cache(TokenCache::builder().build().unwrap())),
            audience_claim,
            scopes,
            wanted,
            value,
        }
    }

    /// The claims of a payload that is to be accepted; `None` for any other.
    pub fn accept(&self, payload: &str) -> Option<Claims> {
        let json = json::parse(payload)?;
        let Json::Object(_) = json else { return None };
        let mut texts = Vec::new();
        for name in ["acr", "client_id", "iss", "jti", "sid", "sub"] {
            let found = json.get(name).map(|value| value.text().map(str::to_owned));
            texts.push(match found {
                Some(text) => Some(text?),
                None => None,
            });
        }
        let audience = list(&json, "aud")?;
        let mut scopes = Vec::new();
        for name in ["scope"].iter().chain(self.scopes) {
            let found = list(&json, name)?.unwrap_or_default();
            // An element of an array is one scope.
            let is_one = |text: &String| !text.is_empty() && !text.contains(' ');
            let are_many = matches!(json.get(name), Some(Json::Array(_)));
            if !found.iter().all(|text| is_scope(text)) || are_many && !found.iter().all(is_one) {
                return None;
            }
        }
        for name in self.scopes {
            let found = list(&json, name)?.unwrap_or_default();
            let words = found.iter().flat_map(|text| text.split(' '));
            scopes.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
        let date = |name, up| {
            json.get(name)
                .map_or(Some(None), |json| date(json, up).map(Some))
        };
        let expires_at = date("exp", false)?;
        let not_before = date("nbf", true)?;
        let issued_at = date("iat", true)?;
        let authenticated_at = date("auth_time", false)?;
        if json.get("cnf").is_some() {
            return None;
        }

        if self.wanted.iter().any(|name| json.get(name).is_none()) {
            return None;
        }
        if let Some((name, text)) = self.value
            && json.get(name).and_then(Json::text) != Some(text)
        {
            return None;
        }
        let audiences = list(&json, self.audience_claim)??;
        let begins = issued_at.or(not_before).unwrap_or(NOW);
        let good = texts[2].as_deref() == Some(ISSUER)
            && audiences.iter().any(|own| own == AUDIENCE)
            && NOW < expires_at? + LEEWAY
            && not_before.unwrap_or(0) <= NOW + LEEWAY
            && issued_at.unwrap_or(0) <= NOW + LEEWAY
            && expires_at? - begins <= LONGEST_LIFE;
        good.then(|| Claims {
            texts,
            audience: audience.unwrap_or_default(),
            scopes,
            roles: roles(&json),
            dates: [expires_at, issued_at, authenticated_at],
        })
    }
}

const LEEWAY: i64 = 30;
const LONGEST_LIFE: i64 = 5 * 366 * 86_400;
const LAST_SECOND: i64 = 253_402_300_799;

/// What a verified token says.
#[derive(Debug, PartialEq)]
pub struct Claims {
    /// `acr`, `client_id`, `iss`, `jti`, `sid`, `sub`.
    texts: Vec<Option<String>>,
    audience: Vec<String>,
    scopes: Vec<String>,
    /// `None`: nobody can tell.
    roles: Option<Vec<String>>,
    dates: [Option<i64>; 3],
}

impl Claims {
    pub fn of(token: &VerifiedToken) -> Self {
        let texts = [
            token.acr(),
            token.client_id(),
            token.issuer(),
            token.id(),
            token.session_id(),
            token.subject(),
        ];
        Self {
            texts: texts.map(|text| text.map(str::to_owned)).into(),
            audience: token.audience().iter().map(str::to_owned).collect(),
            scopes: token.scopes().iter().map(str::to_owned).collect(),
            roles: token.roles().ok(),
            dates: [
                token.expires_at(),
                token.issued_at(),
                token.authenticated_at(),
            ],
        }
    }
}

/// One text or several. The outer `None` is another type, the inner one an absent claim.
fn list(json: &Json, name: &str) -> Option<Option<Vec<String>>> {
    let Some(value) = json.get(name) else {
        return Some(None);
    };
    match value {
        Json::Text(text) => Some(Some(vec![text.clone()])),
        Json::Array(all) => {
            let all = all.iter().map(|one| one.text().map(str::to_owned));
            all.collect::<Option<_>>().map(Some)
        }
        _ => None,
    }
}

fn roles(json: &Json) -> Option<Vec<String>> {
    let role = list(json, "role")?.unwrap_or_default();
    let roles = list(json, "roles")?.unwrap_or_default();
    Some([role, roles].concat())
}

/// RFC 6749 section 3.3, and spaces.
fn is_scope(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~'))
}

fn date(json: &Json, up: bool) -> Option<i64> {
    let Json::Number(text) = json else {
        return None;
    };
    if let Ok(whole) = text.parse::<u64>() {
        return i64::try_from(whole).ok().filter(|own| *own <= LAST_SECOND);
    }
    let seconds: f64 = serde_json::from_str(text).ok()?;
    let whole = if up { seconds.ceil() } else { seconds.floor() };
    (0.0..=LAST_SECOND as f64)
        .contains(&seconds)
        .then_some(whole as i64)
}
