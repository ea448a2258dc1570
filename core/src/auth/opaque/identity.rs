//! The identity behind an opaque token, as a check answers it.

use std::{fmt, sync::Arc};

use serde::Serialize;

/// The owner of an opaque token, and what it grants: the answer of the check of [`OpaqueTokens`](crate::OpaqueTokens).
///
/// It becomes a [`VerifiedToken`](crate::VerifiedToken) with these claims, and policies, principals and handlers use it like any other.
///
/// # Examples
///
/// ```
/// use countersign::OpaqueIdentity;
///
/// #[derive(serde::Serialize)]
/// struct Claims {
///     plan: &'static str,
/// }
///
/// let identity = OpaqueIdentity::new("user-42")
///     .scopes(["orders:read"])
///     .expires_at(1_900_000_000)
///     .claims(&Claims { plan: "free" });
/// ```
#[derive(Clone)]
#[must_use = "it lets nobody in before a check answers it"]
pub struct OpaqueIdentity {
    subject: String,
    scopes: Vec<String>,
    roles: Vec<String>,
    expires_at: Option<i64>,
    /// The JSON text, or the reason why there is none.
    claims: Option<Result<String, Arc<str>>>,
}

impl OpaqueIdentity {
    /// Makes the identity of a subject (claim `sub`), unique among the tokens of this kind.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scopes: Vec::new(),
            roles: Vec::new(),
            expires_at: None,
            claims: None,
        }
    }

    /// Sets the scopes (claim `scope`), each in the alphabet of RFC 6749 section 3.3. Default: none.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the roles (claim `roles`). Default: none.
    pub fn roles<S: Into<String>>(mut self, roles: impl IntoIterator<Item = S>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Sets when the token expires (claim `exp`), in seconds since 1970: from then on it is refused (401). Default: never.
    pub fn expires_at(mut self, seconds: i64) -> Self {
        self.expires_at = Some(seconds);
        self
    }

    /// Sets further claims: anything that serialises as a JSON object. Default: none.
    ///
    /// `iss`, `sub` and the claims of the other methods have their values there: a second one is a mistake (500), and so is a
    /// registered claim of another type.
    pub fn claims(mut self, claims: &(impl Serialize + ?Sized)) -> Self {
        let text = serde_json::to_string(claims);
        self.claims = Some(text.map_err(|error| error.to_string().into()));
        self
    }

    /// Writes the payload of a token of this issuer.
    pub(super) fn payload(&self, issuer: &str) -> Result<String, Arc<str>> {
        #[derive(Serialize)]
        struct Own<'a> {
            iss: &'a str,
            sub: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            scope: Option<String>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            roles: &'a [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            exp: Option<i64>,
        }
        if self.subject.is_empty() {
            return Err("the subject is empty".into());
        }
        if self
            .scopes
            .iter()
            .any(|scope| scope.is_empty() || scope.contains(' '))
        {
            return Err("a scope is empty, or several".into());
        }
        let own = Own {
            iss: issuer,
            sub: &self.subject,
            scope: (!self.scopes.is_empty()).then(|| self.scopes.join(" ")),
            roles: &self.roles,
            exp: self.expires_at,
        };
        let mut payload = serde_json::to_string(&own).map_err(|error| error.to_string())?;
        if let Some(claims) = &self.claims {
            // Written one behind the other, so that the strict reader finds a name that is there twice.
            let members = claims.as_ref().map_err(Arc::clone)?.strip_prefix('{');
            let members = members.ok_or("the claims are no JSON object")?;
            if members != "}" {
                payload.pop();
                payload.push(',');
                payload.push_str(members);
            }
        }
        Ok(payload)
    }
}

/// No subject: it may be an address.
impl fmt::Debug for OpaqueIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueIdentity").finish_non_exhaustive()
    }
}
