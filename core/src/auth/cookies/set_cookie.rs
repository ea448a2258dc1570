//! Cookies in answers and requests: what a browser is sent, and the refresh token that it sends back.

use ::cookie::{
    Cookie,
    time::{Duration, OffsetDateTime},
};

use super::{
    auth_cookies::{AuthCookies, SameSite},
    error::CookieError,
};
use crate::{
    auth::csrf::Csrf,
    error::AuthError,
    request::{RequestHead, cookie},
};

impl AuthCookies {
    /// Returns the values of `Set-Cookie` after a login or a refresh, one header each.
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
                Ok(self.write(kind, value, seconds).to_string())
            })
            .collect()
    }

    /// Returns the values of `Set-Cookie` that delete the cookies, one header each.
    #[must_use]
    pub fn clear(&self) -> Vec<String> {
        self.kinds()
            .map(|kind| self.write(kind, "", 0).to_string())
            .collect()
    }

    /// Finds the refresh token of a request.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::MalformedToken`](crate::AuthErrorKind::MalformedToken) (401) when there are
    /// two cookies of the name with different values: one was planted. No browser sends that without
    /// [`refresh_path_trusting_subdomains`](Self::refresh_path_trusting_subdomains).
    pub fn refresh_token<'h>(
        &self,
        head: &'h dyn RequestHead,
    ) -> Result<Option<&'h str>, AuthError> {
        Ok(cookie(head, &self.refresh)?)
    }

    /// Returns the double-submit value of a request, if it has the form of one.
    #[cfg(feature = "sessions")]
    pub(crate) fn csrf_value<'h>(&self, head: &'h dyn RequestHead) -> Option<&'h str> {
        let value = cookie(head, &self.csrf).ok().flatten()?;
        Csrf::is_value(value).then_some(value)
    }

    /// Writes the `Set-Cookie` of a double-submit value alone, for so many seconds.
    #[cfg(feature = "sessions")]
    pub(crate) fn set_csrf(&self, value: &str, seconds: u64) -> String {
        self.write(Kind::Csrf, value, seconds).to_string()
    }

    /// Returns the access cookie of a request.
    #[cfg(feature = "sessions")]
    pub(crate) fn access<'h>(&self, head: &'h dyn RequestHead) -> Option<&'h str> {
        cookie(head, &self.access).ok().flatten()
    }

    /// Returns whether browsers send the cookies when somebody follows a link of another site.
    #[cfg(feature = "sessions")]
    pub(crate) fn follow_links(&self) -> bool {
        self.same_site == SameSite::Lax
    }

    /// Returns whether browsers keep and send the cookies for pages of the same site only.
    #[cfg(feature = "sessions")]
    pub(crate) fn are_for_own_site(&self) -> bool {
        self.same_site != SameSite::None
    }

    /// Checks that a browser would keep this access token.
    pub(crate) fn check_access(&self, token: &str) -> Result<(), CookieError> {
        match self.access_in_body {
            true => Ok(()),
            false => self.check(Kind::Access, token),
        }
    }

    pub(crate) fn has_no_access_cookie(&self) -> bool {
        self.access_in_body
    }

    /// Returns the bytes of the headers that set the cookies, without the access token.
    #[cfg(feature = "sessions")]
    pub(super) fn fixed_bytes(&self) -> usize {
        let header = |kind| {
            let value = if kind == Kind::Access { 0 } else { VALUE_BYTES };
            let cookie = self.write(kind, "", LONGEST_LIFETIME).to_string();
            "set-cookie: \r\n".len() + cookie.len() + value
        };
        self.kinds().map(header).sum()
    }

    /// Makes a cookie that lives for some seconds. With none it is deleted, which takes the name and the
    /// attributes it was set with: hence one function.
    pub(super) fn write<'c>(&'c self, kind: Kind, value: &'c str, seconds: u64) -> Cookie<'c> {
        let path = match (kind, &self.refresh_path_trusting_subdomains) {
            (Kind::Refresh, Some(path)) => path,
            _ => "/",
        };
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let cookie = Cookie::build((self.name(kind), value))
            .secure(!self.is_plain_http)
            .http_only(kind != Kind::Csrf)
            .same_site(match self.same_site {
                SameSite::Strict => ::cookie::SameSite::Strict,
                SameSite::Lax => ::cookie::SameSite::Lax,
                SameSite::None => ::cookie::SameSite::None,
            })
            .partitioned(self.same_site == SameSite::None)
            .path(path)
            .max_age(Duration::seconds(seconds));
        match seconds {
            0 => cookie.expires(OffsetDateTime::UNIX_EPOCH),
            _ => cookie,
        }
        .build()
    }

    fn check(&self, kind: Kind, value: &str) -> Result<(), CookieError> {
        CookieError::check(self.name(kind), value)
    }

    /// Lists the cookies that are in use.
    fn kinds(&self) -> impl Iterator<Item = Kind> {
        let access = (!self.access_in_body).then_some(Kind::Access);
        access.into_iter().chain([Kind::Refresh, Kind::Csrf])
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds().map(|kind| self.name(kind))
    }

    fn name(&self, kind: Kind) -> &str {
        match kind {
            Kind::Access => &self.access,
            Kind::Csrf => &self.csrf,
            Kind::Refresh => &self.refresh,
        }
    }
}

/// The bytes of a refresh token, and of a double-submit value.
#[cfg(feature = "sessions")]
const VALUE_BYTES: usize = 64;
/// A lifetime with as many digits as any has that browsers keep: ten years, in seconds.
#[cfg(feature = "sessions")]
const LONGEST_LIFETIME: u64 = 315_360_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Csrf,
    Refresh,
}
