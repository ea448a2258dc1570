//! Tokens in cookies.

use std::fmt;

use ::cookie::{
    Cookie, SameSite,
    time::{Duration, OffsetDateTime},
};

use crate::{
    ConfigError,
    error::AuthError,
    source::{RequestHead, TokenSource, cookie},
};

/// The cookies that hold a session's tokens in a browser.
///
/// | cookie | name | path | scripts | it lives as long as |
/// |---|---|---|---|---|
/// | access token | `__Host-access` | `/` | cannot read it | the token |
/// | refresh token | `__Secure-refresh` | that of the session routes | cannot read it | the session |
/// | double-submit value of [`Csrf`](crate::Csrf) | `__Host-csrf` | `/` | read it | the session |
///
/// All are `Secure`, `SameSite=Strict`, and have no `Domain`. A browser keeps a `__Host-` cookie only
/// if this very host set it for all its paths, so that no subdomain can plant one; the refresh token
/// is bound to a path instead, so that it does not travel with every request (RFC 6265bis section
/// 4.1.3). A cookie is deleted with the attributes it was set with.
///
/// A subdomain that an attacker controls can plant a refresh token of its own, since its path keeps it
/// from having the prefix `__Host-`: then the visitor is refused (401), or, with no session, works in
/// the attacker's. Where subdomains are not trusted, mount the session routes at `/`: the refresh cookie
/// is then called `__Host-refresh`, and travels with every request.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, AuthCookies, TokenSource};
/// # use countersign::testing::TestIssuer;
/// # let verifier = TestIssuer::new().verifier();
/// let cookies = AuthCookies::new("/session")?;
/// let authenticator = Authenticator::new(verifier)
///     .source(TokenSource::bearer().or(cookies.access_source()));
///
/// let header_values = cookies.set(("access", 900), ("refresh", 86_400), None)?;
/// assert_eq!(
///     header_values[0],
///     "__Host-access=access; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=900"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "cookies do nothing until a route sets them"]
#[derive(Clone, Debug)]
pub struct AuthCookies {
    access: Box<str>,
    csrf: Box<str>,
    refresh: Box<str>,
    refresh_path: Box<str>,
    same_site: SameSite,
    access_in_body: bool,
}

impl AuthCookies {
    /// The usual cookies. `refresh_path` is where the session routes are mounted, for example
    /// `/session`: nothing outside of it gets the refresh token.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when it is not a path that a cookie can have: `/` first, at
    /// most 1024 visible ASCII characters, no `;`, `,`, `?` or `#`.
    pub fn new(refresh_path: impl Into<String>) -> Result<Self, ConfigError> {
        let refresh_path = refresh_path.into();
        if !is_path(&refresh_path) {
            return Err(ConfigError::InvalidSetting(format!(
                "cookie path {refresh_path:?}: a path starts with `/`, has at most 1024 visible \
                 ASCII characters, and none of `;`, `,`, `?`, `#`"
            )));
        }
        Ok(Self {
            access: "__Host-access".into(),
            csrf: "__Host-csrf".into(),
            refresh: match &*refresh_path {
                "/" => "__Host-refresh".into(),
                _ => "__Secure-refresh".into(),
            },
            refresh_path: refresh_path.into_boxed_str(),
            same_site: SameSite::Strict,
            access_in_body: false,
        })
    }

    /// The name of the access token's cookie, with the prefix `__Host-`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] without the prefix, or when it is no name of a cookie (RFC
    /// 6265 section 4.1.1); [`ConfigError::Conflict`] when another cookie has it.
    pub fn access_name(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        self.access = checked_name(name.into(), &[HOST])?;
        self.with_distinct_names()
    }

    /// The name of the cookie for the double-submit value, with the prefix `__Host-`.
    ///
    /// # Errors
    ///
    /// As for [`access_name`](Self::access_name), and with the prefix `__Host-Http-`, under which
    /// browsers refuse a cookie that scripts can read.
    pub fn csrf_name(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        self.csrf = checked_name(name.into(), &[HOST])?;
        if self.csrf.starts_with(HOST_HTTP) {
            return Err(ConfigError::InvalidSetting(format!(
                "cookie name {:?}: scripts read this cookie, which `{HOST_HTTP}` excludes",
                self.csrf
            )));
        }
        self.with_distinct_names()
    }

    /// The name of the refresh token's cookie, with the prefix `__Secure-`; also `__Host-` when its
    /// path is `/`.
    ///
    /// # Errors
    ///
    /// As for [`access_name`](Self::access_name).
    pub fn refresh_name(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        let prefixes: &[&str] = match &*self.refresh_path {
            "/" => &[SECURE, HOST],
            _ => &[SECURE],
        };
        self.refresh = checked_name(name.into(), prefixes)?;
        self.with_distinct_names()
    }

    /// `SameSite=Lax` in place of `Strict`: a visitor who follows a link from another site arrives
    /// logged in.
    ///
    /// It weakens one thing: other sites can make the browser send a GET with the cookies. Only for
    /// apps where no GET changes or reveals anything that such a request should not.
    pub fn same_site_lax(mut self) -> Self {
        self.same_site = SameSite::Lax;
        self
    }

    /// No cookie for the access token: session routes answer with it in the body, for an app that
    /// keeps it in memory and sends it in the `Authorization` header. The refresh token stays in its
    /// cookie.
    ///
    /// Any script on the page can use such a token while it lives; one in a cookie, too, but not carry
    /// it away.
    pub fn access_token_in_body(mut self) -> Self {
        self.access_in_body = true;
        self
    }

    /// The values of `Set-Cookie` after a login or a refresh, one header each.
    ///
    /// A token comes with the seconds until it ends: for the access token its expiry, for the refresh
    /// token the session's. The double-submit value, if there is one, lives as long as the session.
    ///
    /// # Errors
    ///
    /// [`CookieError`] when a browser would not keep a cookie, or a value is no cookie value.
    pub fn set(
        &self,
        access: (&str, u64),
        refresh: (&str, u64),
        csrf: Option<&str>,
    ) -> Result<Vec<String>, CookieError> {
        let cookies = [
            (!self.access_in_body).then_some((Kind::Access, access)),
            Some((Kind::Refresh, refresh)),
            csrf.map(|value| (Kind::Csrf, (value, refresh.1))),
        ];
        cookies
            .into_iter()
            .flatten()
            .map(|(kind, (value, seconds))| {
                self.check(kind, value)?;
                Ok(self.write(kind, value, seconds))
            })
            .collect()
    }

    /// The values of `Set-Cookie` that delete the cookies, one header each.
    #[must_use]
    pub fn clear(&self) -> Vec<String> {
        let access = (!self.access_in_body).then_some(Kind::Access);
        access
            .into_iter()
            .chain([Kind::Refresh, Kind::Csrf])
            .map(|kind| self.write(kind, "", 0))
            .collect()
    }

    /// Where requests carry the access token.
    pub fn access_source(&self) -> TokenSource {
        match self.access_in_body {
            true => TokenSource::bearer(),
            false => TokenSource::cookie(&*self.access),
        }
    }

    /// Whether a browser would keep this access token.
    pub(crate) fn check_access(&self, token: &str) -> Result<(), CookieError> {
        match self.access_in_body {
            true => Ok(()),
            false => self.check(Kind::Access, token),
        }
    }

    pub(crate) fn has_no_access_cookie(&self) -> bool {
        self.access_in_body
    }

    /// The refresh token that a request carries.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::MalformedToken`](crate::AuthErrorKind::MalformedToken) (401) when there are
    /// two cookies of the name with different values: one was planted.
    pub fn refresh_token<'h>(
        &self,
        head: &'h dyn RequestHead,
    ) -> Result<Option<&'h str>, AuthError> {
        Ok(cookie(head, &self.refresh)?)
    }

    /// A cookie that lives for some seconds. With none it is deleted, which takes the same name and
    /// attributes as setting it: hence one function.
    fn write(&self, kind: Kind, value: &str, seconds: u64) -> String {
        let path = match kind {
            Kind::Access | Kind::Csrf => "/",
            Kind::Refresh => &self.refresh_path,
        };
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let cookie = Cookie::build((self.name(kind), value))
            .secure(true)
            .http_only(kind != Kind::Csrf)
            .same_site(self.same_site)
            .path(path)
            .max_age(Duration::seconds(seconds));
        match seconds {
            0 => cookie.expires(OffsetDateTime::UNIX_EPOCH),
            _ => cookie,
        }
        .to_string()
    }

    fn check(&self, kind: Kind, value: &str) -> Result<(), CookieError> {
        let name = self.name(kind);
        let refused = |cause| {
            let name = name.into();
            Err(CookieError { name, cause })
        };
        if !value.bytes().all(is_cookie_octet) {
            return refused(Cause::NotAValue);
        }
        match name.len() + value.len() {
            0..=MOST_BYTES => Ok(()),
            bytes => refused(Cause::TooLarge(bytes)),
        }
    }

    fn name(&self, kind: Kind) -> &str {
        match kind {
            Kind::Access => &self.access,
            Kind::Csrf => &self.csrf,
            Kind::Refresh => &self.refresh,
        }
    }

    fn with_distinct_names(self) -> Result<Self, ConfigError> {
        let (access, csrf, refresh) = (&self.access, &self.csrf, &self.refresh);
        match access == csrf || access == refresh || csrf == refresh {
            true => Err(ConfigError::Conflict("two cookies have one name".into())),
            false => Ok(self),
        }
    }
}

/// Why a cookie was not set. It does not hold the value.
///
/// # Examples
///
/// ```
/// use countersign::AuthCookies;
///
/// let large = "a".repeat(5_000);
/// let error = AuthCookies::new("/session")?
///     .set((&large, 900), ("refresh", 86_400), None)
///     .unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the cookie __Host-access has 5013 bytes of name and value, and browsers drop it beyond 4096"
/// );
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieError {
    name: Box<str>,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    NotAValue,
    TooLarge(usize),
}

impl CookieError {
    /// The name of the cookie.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.cause {
            Cause::NotAValue => write!(f, "the cookie {name} has a character that none can have"),
            Cause::TooLarge(bytes) => write!(
                f,
                "the cookie {name} has {bytes} bytes of name and value, \
                 and browsers drop it beyond {MOST_BYTES}"
            ),
        }
    }
}

impl std::error::Error for CookieError {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    Csrf,
    Refresh,
}

/// What a browser keeps of name and value together (RFC 6265bis section 5.6). A larger cookie it
/// drops without a word.
const MOST_BYTES: usize = 4096;

/// The longest attribute that a browser does not ignore (RFC 6265bis section 5.6).
const MOST_PATH_BYTES: usize = 1024;

const HOST: &str = "__Host-";
const HOST_HTTP: &str = "__Host-Http-";
const SECURE: &str = "__Secure-";

fn is_path(path: &str) -> bool {
    let allowed = |byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b';' | b',' | b'?' | b'#');
    path.starts_with('/') && path.len() <= MOST_PATH_BYTES && path.bytes().all(allowed)
}

/// A name is a `token` (RFC 6265 section 4.1.1) with one of these prefixes and something after it.
fn checked_name(name: String, prefixes: &[&str]) -> Result<Box<str>, ConfigError> {
    let rest = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    if rest.is_some_and(|rest| !rest.is_empty()) && name.bytes().all(is_token_byte) {
        return Ok(name.into_boxed_str());
    }
    Err(ConfigError::InvalidSetting(format!(
        "cookie name {name:?}: it must begin with {} and be a token",
        prefixes.join(" or ")
    )))
}

/// `tchar` (RFC 9110 section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `cookie-octet` (RFC 6265 section 4.1.1).
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b';' | b'\\')
}
