//! The peculiarities of an identity provider's tokens.

use super::{
    load_balancers::AlbArn,
    names::{host, invalid, is_guid, segment},
};
use crate::{
    claims::{RoleSource, ScopeSource, TrustDomain},
    error::ConfigError,
};

#[doc = include_str!("../../../docs/guide/providers.md")]
#[must_use = "a provider does nothing until a verifier has it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The first is the one that its metadata has; the others are names for the same.
    pub(crate) issuers: Vec<String>,
    /// The trust domain that names the issuer, where tokens need not have `iss`.
    pub(crate) trust_domain: Option<TrustDomain>,
    /// The load balancer that signs tokens of its own, about users of the issuer.
    pub(crate) alb_signer: Option<AlbArn>,
    pub(crate) keys: KeyLocation,
    pub(crate) standing: Standing,
    pub(crate) audience_claim: &'static str,
    /// Claims that must be there.
    pub(crate) claims: &'static [&'static str],
    /// Claims, and the text that each must be.
    pub(crate) values: Vec<(&'static str, String)>,
    /// Claims that mark other tokens of the same issuer.
    pub(crate) refused: &'static [&'static str],
    /// Claims that must be there, and no empty text.
    pub(crate) not_empty: &'static [&'static str],
    /// Claims that other tokens of the same issuer have, too, and the text that each must be then.
    pub(crate) absent_or: &'static [(&'static str, &'static str)],
    pub(crate) roles: RoleSource,
    pub(crate) scopes: ScopeSource,
}

impl Provider {
    /// Any provider whose tokens are laid out as usual: `aud`, `scope`, and `role` or `roles`.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuers: vec![issuer.into()],
            trust_domain: None,
            alb_signer: None,
            keys: KeyLocation::Discovered,
            standing: Standing::Bearer,
            audience_claim: "aud",
            claims: &[],
            values: Vec::new(),
            refused: &[],
            not_empty: &[],
            absent_or: &[],
            roles: RoleSource::default(),
            scopes: ScopeSource::default(),
        }
    }

    /// Auth0, by the domain of the tenant or a domain of your own. See [Auth0](Self#auth0).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `domain` is no host name.
    pub fn auth0(domain: impl AsRef<str>) -> Result<Self, ConfigError> {
        let domain = host(domain.as_ref())?;
        Ok(Self {
            roles: RoleSource::claim("permissions"),
            ..Self::new(format!("https://{domain}/"))
        })
    }

    /// Amazon Cognito, by region and user pool, for example `eu-west-1` and `eu-west-1_a1B2c3D4e`.
    /// See [Cognito](Self#cognito).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when one of them has another form, or the pool is in another
    /// region.
    pub fn cognito(
        region: impl AsRef<str>,
        user_pool: impl AsRef<str>,
    ) -> Result<Self, ConfigError> {
        let (region, user_pool) = (region.as_ref(), user_pool.as_ref());
        let plain = |text: &str, allowed: fn(u8) -> bool| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| allowed(byte) || byte.is_ascii_digit())
        };
        if !plain(region, |byte| byte.is_ascii_lowercase() || byte == b'-') {
            return invalid(format!("{region:?} is no region of AWS"));
        }
        let own = user_pool
            .strip_prefix(region)
            .and_then(|rest| rest.strip_prefix('_'));
        if !own.is_some_and(|own| plain(own, |byte| byte.is_ascii_alphabetic())) {
            return invalid(format!("{user_pool:?} is no user pool in {region}"));
        }
        Ok(Self {
            audience_claim: "client_id",
            values: vec![("token_use", "access".to_owned())],
            roles: RoleSource::claim("cognito:groups"),
            ..Self::new(format!(
                "https://cognito-idp.{region}.amazonaws.com/{user_pool}"
            ))
        })
    }

    /// Microsoft Entra ID, version 2.0 tokens of one tenant. See [Entra ID](Self#entra-id).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `tenant_id` is no GUID. A domain of the tenant is not
    /// enough, because tokens name the GUID; and `common`, `organizations` and `consumers` stand for
    /// many tenants, each an issuer of its own.
    pub fn entra(tenant_id: impl AsRef<str>) -> Result<Self, ConfigError> {
        let tenant_id = tenant_id.as_ref();
        if !is_guid(tenant_id) {
            return invalid(format!(
                "{tenant_id:?} is no tenant id of Entra ID: it is a GUID, one for each tenant"
            ));
        }
        Ok(Self {
            claims: &["azp"],
            roles: RoleSource::claim("roles"),
            scopes: ScopeSource::claim("scp"),
            ..Self::new(format!(
                "https://login.microsoftonline.com/{}/v2.0",
                tenant_id.to_ascii_lowercase()
            ))
        })
    }

    /// Google. Its ID tokens, that is: its access tokens are no JWTs. See [Google](Self#google).
    pub fn google() -> Self {
        Self {
            issuers: vec![
                "https://accounts.google.com".to_owned(),
                "accounts.google.com".to_owned(),
            ],
            keys: KeyLocation::DiscoveredAt("www.googleapis.com"),
            ..Self::new("")
        }
    }

    /// Keycloak, by base URL and realm, for example `https://id.example` and `shop`. See
    /// [Keycloak](Self#keycloak).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `base` is no URL, or not that of the server; or when the
    /// realm has characters that a URL writes in another way.
    pub fn keycloak(base: impl AsRef<str>, realm: impl AsRef<str>) -> Result<Self, ConfigError> {
        let (base, realm) = (base.as_ref().trim_end_matches('/'), realm.as_ref());
        let rest = ["https://", "http://"]
            .iter()
            .find_map(|scheme| base.strip_prefix(scheme));
        let is_url = rest.is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
        });
        if !is_url || base.contains(['?', '#']) || base.contains("/realms") {
            return invalid(format!(
                "{base:?} is no base URL of Keycloak: it ends before `/realms`"
            ));
        }
        let realm = segment(realm, "realm")?;
        Ok(Self {
            values: vec![("typ", "Bearer".to_owned())],
            roles: RoleSource::path(["realm_access", "roles"]),
            ..Self::new(format!("{base}/realms/{realm}"))
        })
    }

    /// Okta, by domain and custom authorization server, for example `example.okta.com` and `default`.
    /// See [Okta](Self#okta).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `domain` is no host name, or the server no identifier.
    pub fn okta(
        domain: impl AsRef<str>,
        authorization_server: impl AsRef<str>,
    ) -> Result<Self, ConfigError> {
        let domain = host(domain.as_ref())?;
        let server = segment(authorization_server.as_ref(), "authorization server")?;
        Ok(Self {
            claims: &["cid"],
            roles: RoleSource::claim("groups"),
            scopes: ScopeSource::claim("scp"),
            ..Self::new(format!("https://{domain}/oauth2/{server}"))
        })
    }

    /// Zitadel, by the domain of the instance. See [Zitadel](Self#zitadel).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `domain` is no host name.
    pub fn zitadel(domain: impl AsRef<str>) -> Result<Self, ConfigError> {
        let domain = host(domain.as_ref())?;
        Ok(Self {
            claims: &["jti"],
            roles: RoleSource::names_of("urn:zitadel:iam:org:project:roles"),
            ..Self::new(format!("https://{domain}"))
        })
    }

    /// Sets another issuer: a server of your own, a national cloud, a test. Its metadata says where the keys are.
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers = vec![issuer.into()];
        // A load balancer signs by its own keys, whoever the issuer of its users is.
        if self.alb_signer.is_none() {
            self.keys = KeyLocation::Discovered;
        }
        self
    }

    /// The issuer, as tokens and metadata name it. Of [SPIFFE](Self::spiffe): the trust domain, with `spiffe://`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        let first = self.issuers.first().map(String::as_str);
        let domain = || self.trust_domain.as_ref().map(TrustDomain::as_str);
        first.or_else(domain).unwrap_or_default()
    }
}

impl From<&str> for Provider {
    fn from(issuer: &str) -> Self {
        Self::new(issuer)
    }
}

impl From<String> for Provider {
    fn from(issuer: String) -> Self {
        Self::new(issuer)
    }
}

impl From<&String> for Provider {
    fn from(issuer: &String) -> Self {
        Self::new(issuer)
    }
}

/// The location of a provider's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyLocation {
    /// One PEM for each key of an AWS load balancer, below this URL.
    AlbKeys(String),
    /// A map of PEM certificates at this URL.
    Certificates(&'static str),
    /// The place that the metadata of the issuer says.
    Discovered,
    /// The place that the metadata says, on this host.
    DiscoveredAt(&'static str),
    /// A JWK set at this URL.
    Jwks(String),
    /// The bundle of a SPIFFE trust domain at this URL.
    SpiffeBundle(String),
}

/// The place of a token in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Bearer,
    BearerOrCookie(&'static str),
    Cookie(&'static str),
    Header(&'static str),
}
