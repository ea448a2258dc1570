//! The names and attributes of cookies with tokens.

#[cfg(feature = "sessions")]
use super::names::is_below;
use super::names::{HOST, SECURE, checked_name, is_path, is_scriptable, with_prefix};
use crate::{error::ConfigError, request::TokenSource};

/// The cookies that contain a session's tokens in a browser.
///
/// | cookie | name | scripts | it lives as long as |
/// |---|---|---|---|
/// | access token | `__Host-access` | cannot read it | the token |
/// | refresh token | `__Host-refresh` | cannot read it | the session |
/// | double-submit value of [`Csrf`](crate::Csrf) | `__Host-csrf` | read it | the session |
///
/// All are `Secure`, `SameSite=Strict`, of the path `/`, and have no `Domain`. A browser keeps a
/// `__Host-` cookie only if this very host set it like that (RFC 6265bis section 4.1.3), so nobody can
/// plant one: no sibling subdomain, and no http server of this host. A cookie is deleted with the
/// attributes it was set with.
///
/// The price of the prefix is the path: the refresh token travels with every request to the host. To
/// bind it to the session routes, and trust all subdomains, there is
/// [`refresh_path_trusting_subdomains`](Self::refresh_path_trusting_subdomains).
///
/// # Several on one host
///
/// Cookies do not know ports or, with the prefix, paths. Two apps on one host, or two mounts of
/// session routes in one app, need cookies of their own, by [`named`](Self::named): with the same
/// names, a login at one replaces the session at the other.
///
/// # Examples
///
/// ```
/// use countersign::{AuthCookies, Authenticator, TokenSource};
/// # use countersign::testing::TestIssuer;
/// # let verifier = TestIssuer::new().verifier();
/// let cookies = AuthCookies::new();
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthCookies {
    pub(super) access: Box<str>,
    pub(super) csrf: Box<str>,
    pub(super) refresh: Box<str>,
    /// `None`: `/`, with the prefix `__Host-`.
    pub(super) refresh_path_trusting_subdomains: Option<Box<str>>,
    pub(super) same_site: SameSite,
    pub(super) access_in_body: bool,
    /// Neither prefixes nor `Secure`.
    pub(super) is_plain_http: bool,
}

/// The value of the attribute `SameSite`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SameSite {
    Strict,
    Lax,
    /// With `Partitioned`.
    None,
}

impl AuthCookies {
    /// Makes the usual cookies: `__Host-access`, `__Host-refresh` and `__Host-csrf`.
    pub fn new() -> Self {
        Self {
            access: "__Host-access".into(),
            csrf: "__Host-csrf".into(),
            refresh: "__Host-refresh".into(),
            refresh_path_trusting_subdomains: None,
            same_site: SameSite::Strict,
            access_in_body: false,
            is_plain_http: false,
        }
    }

    /// Makes cookies with a name of their own, for a second app or mount on a host: with `spa` they are
    /// `__Host-spa-access`, `__Host-spa-refresh` and `__Host-spa-csrf`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when it is empty, or cannot be in the name of a cookie (RFC
    /// 6265 section 4.1.1).
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::AuthCookies;
    ///
    /// let page = AuthCookies::new();
    /// let spa = AuthCookies::named("spa")?.access_token_in_body();
    /// let of_this_app = AuthCookies::named(env!("CARGO_PKG_NAME"))?; // beside other apps on localhost
    /// # let _ = (page, spa, of_this_app);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn named(name: impl AsRef<str>) -> Result<Self, ConfigError> {
        let name = name.as_ref();
        if name.is_empty() {
            return Err(ConfigError::InvalidSetting(
                "the name of a set of cookies is empty: `AuthCookies::new` is the one without"
                    .into(),
            ));
        }
        Self::new()
            .access_name(format!("{HOST}{name}-access"))?
            .csrf_name(format!("{HOST}{name}-csrf"))?
            .refresh_name(format!("{HOST}{name}-refresh"))
    }

    /// Sets the name of the access token's cookie, with the prefix `__Host-`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] without the prefix, or when it is no name of a cookie (RFC
    /// 6265 section 4.1.1); [`ConfigError::Conflict`] when another cookie has it.
    pub fn access_name(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        self.access = checked_name(name.into(), self.prefix())?;
        self.with_distinct_names()
    }

    /// Sets the name of the cookie for the double-submit value, with the prefix `__Host-`.
    ///
    /// # Errors
    ///
    /// As for [`access_name`](Self::access_name), and with the prefix `__Host-Http-`, under which
    /// browsers refuse a cookie that scripts can read.
    pub fn csrf_name(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        self.csrf = checked_name(name.into(), self.prefix())?;
        if !is_scriptable(&self.csrf) {
            return Err(ConfigError::InvalidSetting(format!(
                "cookie name {:?}: scripts read this cookie, which `__Host-Http-` excludes",
                self.csrf
            )));
        }
        self.with_distinct_names()
    }

    /// Sets the name of the refresh token's cookie, with the prefix `__Host-`; with `__Secure-` after
    /// [`refresh_path_trusting_subdomains`](Self::refresh_path_trusting_subdomains).
    ///
    /// # Errors
    ///
    /// As for [`access_name`](Self::access_name).
    pub fn refresh_name(mut self, name: impl Into<String>) -> Result<Self, ConfigError> {
        self.refresh = checked_name(name.into(), self.refresh_prefix())?;
        self.with_distinct_names()
    }

    /// Binds the refresh token's cookie to a path, that of the session routes, so that it does not
    /// travel with every request; and gives up that nobody can plant one.
    ///
    /// A cookie with a path cannot have the prefix `__Host-`: it is called `__Secure-refresh`, and every
    /// subdomain of the site can set one of the name for this host. Whoever controls one, by a
    /// takeover or an injected script,
    ///
    /// - works with a visitor who is not logged in as a puppet: the visitor gets the attacker's session
    ///   and puts data into it (session fixation);
    /// - locks out one who is: of two cookies nobody can tell which is the planted one, so a refresh is
    ///   401. A login does not replace a cookie with another `Domain` or `Path`. The session routes
    ///   delete what a browser can have sent them beside their own, for all parent domains of the
    ///   request's host; behind a proxy that changes the host they cannot name those, and the visitor
    ///   stays locked out until the planted cookie expires. A logout ends the session of each of up to
    ///   eight such cookies.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when it is not a path that a cookie can have: `/` first, at
    /// most 1024 visible ASCII characters, no `;`, `,`, `?` or `#`; and when it is `/`, which needs no
    /// trust in anybody and is the default. Session routes with such cookies are made by
    /// [`SessionRoutes::cookies_at`](crate::SessionRoutes::cookies_at), which refuses a path that is not theirs.
    pub fn refresh_path_trusting_subdomains(
        mut self,
        path: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let path = path.into();
        if path == "/" {
            return Err(ConfigError::InvalidSetting(
                "cookie path \"/\": it is the default, with a cookie that subdomains cannot plant"
                    .into(),
            ));
        }
        if !is_path(&path) {
            return Err(ConfigError::InvalidSetting(format!(
                "cookie path {path:?}: a path starts with `/`, has at most 1024 visible \
                 ASCII characters, and none of `;`, `,`, `?`, `#`"
            )));
        }
        self.refresh_path_trusting_subdomains = Some(path.into_boxed_str());
        self.refresh = with_prefix(&self.refresh, self.refresh_prefix());
        Ok(self)
    }

    /// Sets `SameSite=Lax` instead of `Strict`: a visitor who follows a link from another site arrives
    /// logged in.
    ///
    /// It weakens one thing: other sites can make the browser send a GET with the cookies. Only for
    /// apps where no GET changes or reveals anything that such a request should not.
    pub fn same_site_lax(mut self) -> Self {
        self.same_site = SameSite::Lax;
        self
    }

    /// Sets `SameSite=None; Partitioned`: the app works in a frame on a page of another site, with a session
    /// for each such site (CHIPS, draft-cutler-httpbis-partitioned-cookies).
    ///
    /// Browsers then send the cookies with every request from such a page, so nothing but
    /// [`Csrf`](crate::Csrf) tells the app's own requests from others: leave it on. A frame can be hidden under
    /// something to click on: name the sites that may show it, with `Content-Security-Policy: frame-ancestors`.
    /// A browser that does not know `Partitioned` may send the cookies to no frame, or to all.
    pub fn same_site_none_partitioned(mut self) -> Self {
        self.same_site = SameSite::None;
        self
    }

    /// Makes cookies that browsers keep without TLS: `access`, `refresh` and `csrf`, or what was set without
    /// the prefix, and without `Secure`. For development, on a host that is not `localhost` or in a browser
    /// that does not trust it.
    ///
    /// Everybody on the way reads the tokens, and any subdomain or other port of the host can plant them.
    /// Session routes with such cookies log a warning when they are made.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::AuthCookies;
    ///
    /// let is_development = true; // from your settings
    /// let cookies = match is_development {
    ///     true => AuthCookies::new().insecure_plain_http(),
    ///     false => AuthCookies::new(),
    /// };
    /// let values = cookies.set(("a.b.c", 900), ("r", 86_400), None)?;
    /// assert_eq!(values[0], "access=a.b.c; HttpOnly; SameSite=Strict; Path=/; Max-Age=900");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insecure_plain_http(mut self) -> Self {
        self.is_plain_http = true;
        for name in [&mut self.access, &mut self.csrf, &mut self.refresh] {
            *name = with_prefix(name, "");
        }
        self
    }

    /// Sets no cookie for the access token: session routes answer with it in the body, for an app that
    /// keeps it in memory and sends it in the `Authorization` header. The refresh token stays in its
    /// cookie.
    ///
    /// Any script on the page can use such a token while it lives; one in a cookie, too, but not carry
    /// it away.
    pub fn access_token_in_body(mut self) -> Self {
        self.access_in_body = true;
        self
    }

    /// Returns the source of the access token in requests.
    pub fn access_source(&self) -> TokenSource {
        match self.access_in_body {
            true => TokenSource::bearer(),
            false => TokenSource::cookie(&*self.access),
        }
    }

    /// Checks that the settings go together, and logs those that weaken.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] for names and a path that leave too little room for the access token, and for
    /// `SameSite=None` over plain http: browsers keep it with `Secure` only (RFC 6265bis section 5.6).
    #[cfg(feature = "sessions")]
    pub(super) fn check_together(&self) -> Result<(), ConfigError> {
        if self.is_plain_http && self.same_site == SameSite::None {
            return Err(ConfigError::Conflict(
                "`same_site_none_partitioned` needs TLS, and `insecure_plain_http` is for doing without".into(),
            ));
        }
        let bytes = self.fixed_bytes();
        if bytes > MOST_FIXED_BYTES {
            return Err(ConfigError::Conflict(format!(
                "the cookies take {bytes} bytes of each login's headers without the access token, and {MOST_FIXED_BYTES} \
                 are the most, as proxies have a buffer of 4096: give them shorter names, or a shorter path"
            )));
        }
        if self.is_plain_http {
            tracing::warn!(
                target: "countersign",
                cookie = &*self.access,
                "cookies with tokens go over plain http: for development only",
            );
        }
        Ok(())
    }

    /// Checks that browsers send the refresh cookie to session routes at this path.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] for a cookie with a path that does not lead there, or with one while nobody has
    /// said where the routes are.
    #[cfg(feature = "sessions")]
    pub(crate) fn check_mount(&self, mount: Option<&str>) -> Result<(), ConfigError> {
        let Some(path) = &self.refresh_path_trusting_subdomains else {
            return Ok(());
        };
        let conflict = |problem: String| {
            Err(ConfigError::Conflict(format!(
                "the refresh cookie has the path {path:?}, {problem}"
            )))
        };
        match mount {
            Some(mount) if is_below(path, mount) => Ok(()),
            Some(mount) if !mount.starts_with('/') => conflict(format!(
                "and that of the session routes, {mount:?}, has to begin with `/` as well"
            )),
            Some(mount) => conflict(format!(
                "so no browser sends it to the session routes at {mount:?}"
            )),
            None => conflict(
                "and must be that of the session routes: make them with `SessionRoutes::cookies_at`, which \
                 compares both"
                    .to_owned(),
            ),
        }
    }

    fn prefix(&self) -> &'static str {
        match self.is_plain_http {
            true => "",
            false => HOST,
        }
    }

    fn refresh_prefix(&self) -> &'static str {
        match self.refresh_path_trusting_subdomains {
            Some(_) if !self.is_plain_http => SECURE,
            _ => self.prefix(),
        }
    }

    fn with_distinct_names(self) -> Result<Self, ConfigError> {
        let (access, csrf, refresh) = (&self.access, &self.csrf, &self.refresh);
        match access == csrf || access == refresh || csrf == refresh {
            true => Err(ConfigError::Conflict(format!(
                "two cookies have one name: the access token's is {access:?}, that of CSRF {csrf:?}, the \
                 refresh token's {refresh:?}"
            ))),
            false => Ok(self),
        }
    }
}

/// The most bytes of the headers that set the cookies, without the access token.
#[cfg(feature = "sessions")]
const MOST_FIXED_BYTES: usize = 2_048;

/// As [`AuthCookies::new`].
impl Default for AuthCookies {
    fn default() -> Self {
        Self::new()
    }
}
