//! The double-submit value for the pages that a server renders.

use std::fmt;

use crate::{
    SessionRoutes, VerifiedToken,
    auth::CsrfToken,
    error::{AuthError, AuthErrorKind},
    request::RequestHead,
};

/// The double-submit value for the hidden field `csrf_token` of a form. Made by [`SessionRoutes::form_token`].
///
/// `Debug` does not show it.
#[must_use = "the value belongs into the page, and the cookie into the answer"]
#[derive(Clone)]
pub struct FormToken {
    value: String,
    set_cookie: Option<String>,
}

impl FormToken {
    /// Returns the value: letters, digits, `-` and `_`, which need no escaping in HTML.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the `Set-Cookie` that the page has to come with, if the browser does not have the cookie yet.
    #[must_use]
    pub fn set_cookie(&self) -> Option<&str> {
        self.set_cookie.as_deref()
    }
}

impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormToken").finish_non_exhaustive()
    }
}

impl SessionRoutes {
    /// Returns the value of the hidden field `csrf_token`, for a page with a form that is sent to these routes or to a
    /// handler with [`check_form`](crate::Csrf::check_form).
    ///
    /// It is the value of the cookie `__Host-csrf`. A browser without that, such as one at the login page, gets one for a
    /// day; and so does one whose value is not for the session of its access cookie, as after a change of the secret. Caches must not keep such a page: `cache-control: no-store`.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Misconfigured`] (500) without a [`Csrf::secret`](crate::Csrf::secret), which
    /// [`forms`](Self::forms) asks for, or when the system gives no random bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{AuthError, SessionRoutes, adapter::RequestHead};
    ///
    /// /// Returns the login page, and its `Set-Cookie` if it needs one.
    /// fn page(routes: &SessionRoutes, head: &dyn RequestHead) -> Result<(String, Option<String>), AuthError> {
    ///     let token = routes.form_token(head)?;
    ///     let page = format!(
    ///         r#"<form method="post" action="/session/login">
    ///              <input type="hidden" name="csrf_token" value="{}">
    ///              <input name="email"> <input name="password" type="password"> <button>Log in</button>
    ///            </form>"#,
    ///         token.value()
    ///     );
    ///     Ok((page, token.set_cookie().map(str::to_owned)))
    /// }
    /// ```
    pub fn form_token(&self, head: &dyn RequestHead) -> Result<FormToken, AuthError> {
        let cookies = self
            .cookies
            .as_deref()
            .ok_or(AuthErrorKind::Misconfigured)?;
        let verifier = &self.sessions.settings.verifier;
        let access = cookies.access(head);
        let session = access.and_then(|access| verifier.verify_now(access).ok());
        // One that was made for another session, or under another secret, would pass for no form of this one.
        let fits = |value: &str| match &session {
            Some(session) => {
                let value = CsrfToken(value.as_bytes());
                self.csrf.check_verified(value, session).is_ok()
            }
            None => true,
        };
        if let Some(value) = cookies.csrf_value(head)
            && fits(value)
        {
            return Ok(FormToken {
                value: value.to_owned(),
                set_cookie: None,
            });
        }
        let session = session.as_ref().and_then(VerifiedToken::session_id);
        let value = self.csrf.token(session.unwrap_or(NO_SESSION))?;
        let value = value.ok_or(AuthErrorKind::Misconfigured)?;
        Ok(FormToken {
            set_cookie: Some(cookies.set_csrf(&value, LIFETIME)),
            value,
        })
    }
}

/// An id that no session has: a value for it passes for none.
const NO_SESSION: &str = "";
/// The lifetime of the cookie of a login page, in seconds.
const LIFETIME: u64 = 86_400;
