//! Presets for gateways that log users in and tell the app behind them who it is.

use super::{
    names::label,
    provider::{KeyLocation, Provider, Standing},
};
use crate::error::ConfigError;

impl Provider {
    /// Cloudflare Access, by the name of the team: the tokens of people, and none of service tokens. The audience is the AUD tag of the
    /// application. See [Cloudflare Access](Self#cloudflare-access).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `team` is no name.
    pub fn cloudflare_access(team: impl AsRef<str>) -> Result<Self, ConfigError> {
        let team = label(team.as_ref(), "team of Cloudflare")?;
        let issuer = format!("https://{team}.cloudflareaccess.com");
        Ok(Self {
            keys: KeyLocation::Jwks(format!("{issuer}/cdn-cgi/access/certs")),
            standing: Standing::Header("cf-access-jwt-assertion"),
            values: vec![("type", "app".to_owned())],
            refused: &["common_name"],
            not_empty: &["sub"],
            ..Self::new(issuer)
        })
    }

    /// Google's Identity-Aware Proxy. The audience is the backend service. See [Google IAP](Self#google-iap).
    pub fn google_iap() -> Self {
        Self {
            keys: KeyLocation::Jwks("https://www.gstatic.com/iap/verify/public_key-jwk".to_owned()),
            standing: Standing::Header("x-goog-iap-jwt-assertion"),
            claims: &["sub", "iat"],
            ..Self::new("https://cloud.google.com/iap")
        }
    }
}
