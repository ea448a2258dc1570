//! Presets for the users of an app: identity as a service.

use super::{
    names::{host, label, prefixed, segment},
    provider::{KeyLocation, Provider, Standing},
};
use crate::{
    claims::{RoleSource, ScopeSource},
    error::ConfigError,
};

impl Provider {
    /// Apple. Its **ID tokens**, that is: it has no access tokens for others. See [Apple](Self#apple).
    pub fn apple_id_tokens() -> Self {
        Self {
            keys: KeyLocation::DiscoveredAt("appleid.apple.com"),
            claims: &["sub"],
            refused: &["events"],
            ..Self::new("https://appleid.apple.com")
        }
    }

    /// Auth0, for one of its organisations: as [`auth0`](Self::auth0), and `org_id` must be this one, for example
    /// `org_9ybsU1dN2dKfDkBi`. See [Auth0](Self#auth0).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `domain` is no host name, or `organisation` no id.
    pub fn auth0_organisation(
        domain: impl AsRef<str>,
        organisation: impl AsRef<str>,
    ) -> Result<Self, ConfigError> {
        let organisation = prefixed(organisation.as_ref(), "org_", "organisation of Auth0")?;
        Ok(Self {
            values: vec![("org_id", organisation.to_owned())],
            ..Self::auth0(domain)?
        })
    }

    /// Clerk, by the domain of the Frontend API. The audience is the origin of the page, in `azp`. See [Clerk](Self#clerk).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `domain` is no host name.
    pub fn clerk(domain: impl AsRef<str>) -> Result<Self, ConfigError> {
        let issuer = format!("https://{}", host(domain.as_ref())?);
        Ok(Self {
            keys: KeyLocation::Jwks(format!("{issuer}/.well-known/jwks.json")),
            standing: Standing::BearerOrCookie("__session"),
            audience_claim: "azp",
            claims: &["sub", "sid"],
            absent_or: &[("sts", "active")],
            roles: RoleSource::claim("org_role").or(RoleSource::path(["o", "rol"])),
            ..Self::new(issuer)
        })
    }

    /// Firebase: the ID tokens of a project, which its apps send to their backend. See [Firebase](Self#firebase).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `project` is no project id.
    pub fn firebase(project: impl AsRef<str>) -> Result<Self, ConfigError> {
        let project = label(project.as_ref(), "project id")?;
        Ok(Self {
            keys: KeyLocation::DiscoveredAt("www.googleapis.com"),
            claims: FIREBASE_CLAIMS,
            ..Self::new(format!("https://securetoken.google.com/{project}"))
        })
    }

    /// Firebase: the session cookies of a project, which a backend has made of ID tokens. See [Firebase](Self#firebase).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `project` is no project id.
    pub fn firebase_session_cookies(project: impl AsRef<str>) -> Result<Self, ConfigError> {
        let project = label(project.as_ref(), "project id")?;
        Ok(Self {
            keys: KeyLocation::Certificates(
                "https://www.googleapis.com/identitytoolkit/v3/relyingparty/publicKeys",
            ),
            standing: Standing::Cookie("__session"),
            claims: FIREBASE_CLAIMS,
            ..Self::new(format!("https://session.firebase.google.com/{project}"))
        })
    }

    /// Supabase, by the reference of the project. See [Supabase](Self#supabase).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `project` is no reference.
    pub fn supabase(project: impl AsRef<str>) -> Result<Self, ConfigError> {
        let project = label(project.as_ref(), "project of Supabase")?;
        let issuer = format!("https://{project}.supabase.co/auth/v1");
        Ok(Self {
            keys: KeyLocation::Jwks(format!("{issuer}/.well-known/jwks.json")),
            claims: &["sub", "session_id", "aal", "role"],
            roles: RoleSource::claim("role"),
            ..Self::new(issuer)
        })
    }

    /// WorkOS: the access tokens of AuthKit sessions, by client id. They have no audience: see [WorkOS](Self#workos).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `client_id` is none.
    pub fn workos(client_id: impl AsRef<str>) -> Result<Self, ConfigError> {
        let client_id = prefixed(client_id.as_ref(), "client_", "client id of WorkOS")?;
        let client_id = segment(client_id, "client")?;
        Ok(Self {
            issuers: vec![
                "https://api.workos.com".to_owned(),
                "https://api.workos.com/".to_owned(),
                format!("https://api.workos.com/user_management/{client_id}"),
            ],
            keys: KeyLocation::Jwks(format!("https://api.workos.com/sso/jwks/{client_id}")),
            claims: &["sub", "sid"],
            scopes: ScopeSource::claim("permissions"),
            ..Self::new("")
        })
    }
}

const FIREBASE_CLAIMS: &[&str] = &["sub", "auth_time", "firebase"];
