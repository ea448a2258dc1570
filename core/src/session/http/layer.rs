//! The layer of an app, made of its session routes.

use crate::{
    SessionRoutes, auth::Authenticator, claims::VerifiedToken, error::AuthError,
    request::RequestHead,
};

impl SessionRoutes {
    /// Returns an authenticator for the app's own routes: it accepts the access tokens of these sessions, where these
    /// routes put them, and knows the same [origins and secret](Self::csrf). What both must agree on is said once, and
    /// cannot contradict.
    ///
    /// Set [`csrf`](Self::csrf) before.
    ///
    /// In [forms mode](Self::forms) it asks for the double-submit value only where the browser does not say where a
    /// request comes from, since no layer reads the fields of a form. The handlers of forms call
    /// [`check_form`](Self::check_form).
    ///
    /// # Examples
    ///
    /// An API for a page of a sibling subdomain:
    ///
    /// ```
    /// use countersign::{AuthCookies, Authenticator, ConfigError, Csrf, SessionRoutes, Sessions};
    /// # use countersign::session::{Identity, SignIn};
    /// # async fn sign_in(_: SignIn<()>) -> Result<Option<Identity<()>>, std::io::Error> { Ok(None) }
    ///
    /// fn parts(sessions: Sessions) -> Result<(SessionRoutes, Authenticator), ConfigError> {
    ///     let csrf = Csrf::new().allow_origin("https://app.example.com")?;
    ///     let routes = SessionRoutes::cookies(sessions, AuthCookies::new(), sign_in)?.csrf(csrf);
    ///     let api = routes.authenticator().realm("api");
    ///     Ok((routes, api))
    /// }
    /// ```
    pub fn authenticator(&self) -> Authenticator {
        match self.pages {
            Some(_) => {
                let csrf = self.csrf.leaving_fields_to_handlers();
                self.authenticator.clone().csrf(csrf)
            }
            None => self.authenticator.clone(),
        }
    }

    /// Checks a form that is sent to a handler of the app, which has read its fields: `field` is that of
    /// [`Csrf::FIELD`](crate::Csrf::FIELD), and `token` the one that the layer has verified.
    ///
    /// Call it before anything is done. It is [`Csrf::check_form`](crate::Csrf::check_form) with what these routes know.
    ///
    /// # Errors
    ///
    /// [`CrossSite`](crate::AuthErrorKind::CrossSite), [`MissingOrigin`](crate::AuthErrorKind::MissingOrigin) or
    /// [`WrongCsrfToken`](crate::AuthErrorKind::WrongCsrfToken) (403).
    pub fn check_form(
        &self,
        head: &dyn RequestHead,
        token: &VerifiedToken,
        field: &str,
    ) -> Result<(), AuthError> {
        let session = token.session_id().unwrap_or_default();
        self.csrf.check_form(head, Some(field), session)
    }
}
