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
    /// Numbers as `sub`, and null, are tolerated.
    pub tolerant: bool,
}

impl Rules {
    /// What most apps have.
    pub fn usual() -> Self {
        Self::of("aud", &["scope"], &[], None, false)
    }

    /// What most apps have, with every tolerance of the claims.
    pub fn tolerant() -> Self {
        Self::of("aud", &["scope"], &[], None, true)
    }

    /// With claims in other places, and more of them.
    pub fn special() -> Self {
        Self::of(
            "azp",
            &["scp", "scope"],
            &["sub", "t"],
            Some(("use", "x")),
            false,
        )
    }

    fn of(
        audience_claim: &'static str,
        scopes: &'static [&'static str],
        wanted: &'static [&'static str],
        value: Option<(&'static str, &'static str)>,
        tolerant: bool,
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
            if tolerant {
                builder = builder.accept_null_claims().accept_numeric_subject();
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
            tolerant,
        }
    }

    /// The value of a claim that is read; `None` also for a null that counts as absent.
    fn get<'j>(&self, json: &'j Json, name: &str) -> Option<&'j Json> {
        let is_absent = |value: &Json| self.tolerant && matches!(value, Json::Null);
        json.get(name).filter(|value| !is_absent(value))
    }

    /// The text of a claim. The outer `None` is another form where that counts.
    fn text(&self, json: &Json, name: &str) -> Option<Option<String>> {
        let Some(value) = self.get(json, name) else {
            return Some(None);
        };
        let is_used = !["acr", "client_id", "sid"].contains(&name) || self.wanted.contains(&name);
        match value {
            Json::Text(text) => Some(Some(text.clone())),
            Json::Number(text) if self.tolerant && name == "sub" => {
                let fits = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
                (fits && text != "-0").then(|| Some(text.clone()))
            }
            _ if is_used => None,
            _ => Some(None),
        }
    }

    /// The claims of a payload that is to be accepted; `None` for any other.
    pub fn accept(&self, payload: &str) -> Option<Claims> {
        let json = json::parse(payload)?;
        let Json::Object(_) = json else { return None };
        let mut texts = Vec::new();
        for name in ["acr", "client_id", "iss", "jti", "sid", "sub"] {
            texts.push(self.text(&json, name)?);
        }
        let list = |name: &str| list(self.get(&json, name));
        let audience = list("aud")?;
        let mut scopes = Vec::new();
        for name in ["scope"].iter().chain(self.scopes) {
            let found = list(name)?.unwrap_or_default();
            // An element of an array is one scope.
            let is_one = |text: &String| !text.is_empty() && !text.contains(' ');
            let are_many = matches!(json.get(name), Some(Json::Array(_)));
            if !found.iter().all(|text| is_scope(text)) || are_many && !found.iter().all(is_one) {
                return None;
            }
        }
        for name in self.scopes {
            let found = list(name)?.unwrap_or_default();
            let words = found.iter().flat_map(|text| text.split(' '));
            scopes.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
        let date = |name, up| {
            let value = self.get(&json, name);
            value.map_or(Some(None), |json| date(json, up).map(Some))
        };
        let expires_at = date("exp", false)?;
        let not_before = date("nbf", true)?;
        let issued_at = date("iat", true)?;
        let authenticated_at = date("auth_time", false).flatten();
        if json.get("cnf").is_some() {
            return None;
        }

        if self
            .wanted
            .iter()
            .any(|name| self.get(&json, name).is_none())
        {
            return None;
        }
        if let Some((name, text)) = self.value
            && json.get(name).and_then(Json::text) != Some(text)
        {
            return None;
        }
        let audiences = list(self.audience_claim)??;
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
fn list(value: Option<&Json>) -> Option<Option<Vec<String>>> {
    let Some(value) = value else {
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
    let role = list(json.get("role"))?.unwrap_or_default();
    let roles = list(json.get("roles"))?.unwrap_or_default();
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
