//! The metadata of an issuer, which says where its keys are.

use std::fmt;

use serde::Deserialize;
use tokio::time::Instant;

use super::failure::Failure;
use crate::remote::RemoteKeysBuilder;
use crate::{
    error::ConfigError,
    jose::Algorithm,
    keys::Keys,
    remote::http::url::{self, PlainHttp},
};

/// The keys of a verifier that are still to be discovered. Made by
/// [`Verifier::discover`](crate::Verifier::discover).
pub struct Discovery(RemoteKeysBuilder);

impl Discovery {
    pub(crate) fn new(keys: RemoteKeysBuilder) -> Self {
        Self(keys)
    }

    pub(crate) fn map(self, change: impl FnOnce(RemoteKeysBuilder) -> RemoteKeysBuilder) -> Self {
        Self(change(self.0))
    }

    /// Starts the source and waits for its first fetch. That may fail, but not because the metadata is
    /// another issuer's: waiting does not mend that.
    ///
    /// A key without `alg` is used for the `accepted` algorithms, unless the source has its own.
    pub(crate) async fn keys(self, accepted: Option<&[Algorithm]>) -> Result<Keys, ConfigError> {
        let keys = self.0.build_for(accepted)?;
        match keys.fetched().await {
            Err(Some(failure)) if failure.reason() == Failure::WRONG_ISSUER => {
                Err(ConfigError::InvalidSetting(failure.to_string()))
            }
            _ => Ok(keys.into()),
        }
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The facts in the metadata.
pub(crate) struct Metadata {
    pub(super) keys_url: String,
    pub(super) fresh_until: Instant,
    /// Until when it may be used while the issuer does not answer.
    pub(super) usable_until: Instant,
}

/// Returns where metadata can be: by OpenID Connect Discovery 1.0 section 4, and by RFC 8414 section 3.1,
/// which puts the well-known part before the issuer's path.
pub(crate) fn urls(issuer: &str) -> [String; 2] {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let authority = base.find("://").map_or(0, |at| at + 3);
    let path = base[authority..]
        .find('/')
        .map_or(base.len(), |at| authority + at);
    let (host, path) = base.split_at(path);
    [
        format!("{base}/.well-known/openid-configuration"),
        format!("{host}/.well-known/oauth-authorization-server{path}"),
    ]
}

/// The members of metadata that matter here.
#[derive(Deserialize)]
pub(crate) struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Reads metadata; `None` if this is none, or names no keys.
pub(crate) fn parse(json: &str) -> Option<Document> {
    serde_json::from_str(json).ok()
}

impl Document {
    /// Returns the `jwks_uri`, if this is the metadata of exactly this issuer.
    ///
    /// The issuer is compared byte by byte (RFC 8414 section 3.3, OpenID Connect Discovery 1.0 section
    /// 4.3): another issuer's metadata would bring its keys. They are fetched from the host that the
    /// metadata names, unless only this machine can reach it.
    pub(crate) fn keys_url(
        self,
        issuer: &str,
        keys_host: Option<&str>,
        private_http: bool,
    ) -> Result<String, Failure> {
        if self.issuer != issuer {
            let found: String = self.issuer.chars().take(128).collect();
            return Err(Failure::new(Failure::WRONG_ISSUER)
                .because(format!(
                    "the metadata of {issuer:?} is that of {found:?}: where tokens name the first, name the URL \
                     of the keys, by `RemoteKeys::jwks`"
                )));
        }
        check_keys_url(&self.jwks_uri, issuer, keys_host, private_http)
            .map_err(|why| Failure::new("forbidden_jwks_uri").because(why))?;
        Ok(self.jwks_uri)
    }
}

/// Whoever fetches decides about `http`; here it may only be no worse than what the developer set.
fn check_keys_url(
    keys: &str,
    issuer: &str,
    keys_host: Option<&str>,
    private_http: bool,
) -> Result<(), String> {
    url::check_url(keys, PlainHttp::Anywhere).map_err(|error| error.to_string())?;
    let is_http = keys.starts_with("http:");
    if is_http && !issuer.starts_with("http:") {
        return Err("the `jwks_uri` is less protected than the issuer".into());
    }
    let (host, own) = (url::host(keys), url::host(issuer));
    let Some(host) = host.filter(|host| own.as_ref() != Some(host)) else {
        return Ok(());
    };
    match keys_host {
        Some(allowed) if host == allowed => Ok(()),
        Some(_) => Err("the `jwks_uri` is on a host that is not the configured one".into()),
        None if is_this_machine(&host) || url::address(&host).is_some() => {
            Err("the `jwks_uri` is an address, or this machine".into())
        }
        None if is_http && !private_http => {
            Err("the `jwks_uri` is plain http, and not on the issuer's host".into())
        }
        None => Ok(()),
    }
}

/// Checks for `localhost` and the names below it (RFC 6761 section 6.3), however they are written.
fn is_this_machine(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    url::is_loopback(name) || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_in_two_places() {
        assert_eq!(
            urls("https://id.example"),
            [
                "https://id.example/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server"
            ]
        );
        assert_eq!(
            urls("https://id.example:8443/realms/shop/"),
            [
                "https://id.example:8443/realms/shop/.well-known/openid-configuration",
                "https://id.example:8443/.well-known/oauth-authorization-server/realms/shop"
            ]
        );
    }

    fn reason(issuer: &str, jwks_uri: &str, keys_host: Option<&str>) -> Option<&'static str> {
        let json = serde_json::json!({"issuer": issuer, "jwks_uri": jwks_uri}).to_string();
        let document = parse(&json).unwrap();
        let url = document.keys_url("https://id.example", keys_host, false);
        url.err().map(|failure| failure.reason())
    }

    #[test]
    fn the_issuer_is_compared_exactly() {
        let jwks = "https://id.example/jwks";
        assert_eq!(reason("https://id.example", jwks, None), None);
        for other in [
            "https://id.example/",
            "https://ID.example",
            "http://id.example",
            "https://id.example.evil.example",
            "",
        ] {
            assert_eq!(reason(other, jwks, None), Some("wrong_issuer"), "{other}");
        }
    }

    #[test]
    fn keys_are_not_fetched_from_where_only_this_machine_can_reach() {
        let issuer = "https://id.example";
        assert_eq!(reason(issuer, "https://keys.example/jwks", None), None);
        for bad in [
            "http://id.example/jwks",
            "https://127.0.0.1/jwks",
            "https://[::1]/jwks",
            "https://localhost/jwks",
            "http://localhost/jwks",
            "https://localhost./jwks",
            "https://app.localhost/jwks",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/jwks",
            "file:///etc/passwd",
            "/jwks",
            "",
        ] {
            assert_eq!(
                reason(issuer, bad, None),
                Some("forbidden_jwks_uri"),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_host_of_the_keys_can_be_named() {
        let issuer = "https://id.example";
        let named = Some("keys.example");
        assert_eq!(reason(issuer, "https://keys.example/jwks", named), None);
        assert_eq!(reason(issuer, "https://id.example/jwks", named), None);
        let other = reason(issuer, "https://other.example/jwks", named);
        assert_eq!(other, Some("forbidden_jwks_uri"));
    }

    #[test]
    fn what_else_is_in_metadata_is_passed_over() {
        let own = r#""issuer":"https://id.example","jwks_uri":"https://id.example/jwks""#;
        let members: Vec<_> = (0..30_000).map(|n| format!("\"{n}\":0")).collect();
        for more in [
            r#"{"issuer":1}"#.to_owned(),
            format!("{{{}}}", members.join(",")),
            // Deeper than a stack: it is skipped without one.
            "[".repeat(130_000) + &"]".repeat(130_000),
        ] {
            let document = parse(&format!(r#"{{"more":{more},{own}}}"#)).unwrap();
            assert_eq!(document.jwks_uri, "https://id.example/jwks");
        }
    }

    #[test]
    fn other_documents_are_no_metadata() {
        for json in [
            "{}",
            "[]",
            "<html>",
            r#"{"issuer":"https://id.example"}"#,
            r#"{"issuer":["https://id.example"],"jwks_uri":"https://id.example/jwks"}"#,
            r#"{"issuer":"https://evil.example","issuer":"https://id.example","jwks_uri":"https://id.example/jwks"}"#,
        ] {
            assert!(parse(json).is_none(), "{json}");
        }
    }
}
