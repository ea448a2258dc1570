//! The session routes in forms mode: how they are made, and how their requests are read.

use std::{error::Error, future::Future, sync::Arc};

use super::{
    answer::FormAnswer,
    body::Fields,
    pages::FormPages,
    renewal::{is_current, may_renew},
};
#[cfg(not(feature = "proof"))]
use crate::session::http::no_proof::Sender;
#[cfg(feature = "proof")]
use crate::session::http::proof::Sender;
use crate::{
    SessionRoutes,
    auth::{AuthCookies, Csrf},
    error::ConfigError,
    request::RequestHead,
    session::{
        event::MISSING_REFRESH_TOKEN,
        http::{
            ask::{Format, erase},
            endpoint::Endpoint,
            outcome::SignInAnswer,
            reply::{Reply, invalid, reported},
            request::Action,
            routes::BodyOf,
            sign_in::{LoginBody, SignIn},
        },
        sessions::Sessions,
    },
};

impl SessionRoutes {
    /// Routes for pages that a server renders: [`cookies`](Self::cookies), with forms and redirects. `sign_in` as with
    /// [`json`](Self::json); its type is read from the fields of the form.
    ///
    /// | endpoint | needs | answer |
    /// |---|---|---|
    /// | `POST /login` | a form with `csrf_token`, fields of your own, and `return_to` if you like | 303 to `return_to`; after a failure, to the login page with `error` |
    /// | `POST /logout`, `POST /logout-all` | a form with `csrf_token` | 303 to [`after_logout`](FormPages::after_logout) |
    /// | `GET /renew?return_to=/orders` | the refresh token | 303 to `return_to` with new cookies, or to the login page |
    ///
    /// All other endpoints are as in cookie mode, and take JSON only.
    ///
    /// 1. `return_to`, as a field or in the query, is a path of this host: `/` and no second one, no `\`, at most 2,048
    ///    visible ASCII characters. Anything else leads to [`home`](FormPages::home).
    /// 2. `error` is `invalid_grant` for wrong credentials, `too_many_requests`, with the seconds to wait in `retry_after`,
    ///    `invalid_request` for a form that the app cannot read, `wrong_csrf_token` for a page that is too old, and
    ///    `login_required`. A [`LoginRefusal`](crate::session::LoginRefusal) brings its own, if its body has an `error` of
    ///    lower-case letters, digits and `_`. No text of the client is among them.
    /// 3. An outage is 503 and a mistake of the app 500, with a text. A request of another site is 403.
    /// 4. Every form needs the [double-submit value](Self::form_token) in the field `csrf_token`. A browser's word for
    ///    where it comes from is not enough: a [service worker](Csrf#service-workers) makes forms of other sites its own.
    /// 5. `GET /renew` renews for page loads of the own site, or with
    ///    [`same_site_lax`](AuthCookies::same_site_lax) of any, which the browser names as such (`Sec-Fetch-Site`,
    ///    `Sec-Fetch-Mode`, `Sec-Fetch-Dest`). All others go to the login page. See [`page_load`](Self::page_load).
    ///
    /// # Errors
    ///
    /// As for [`cookies_at`](Self::cookies_at) with the path in `pages`. [`ConfigError::Conflict`] also for a `csrf` without
    /// [`require_token`](Csrf::require_token), and for [`access_token_in_body`](AuthCookies::access_token_in_body), as there
    /// is no body.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{
    ///     AuthCookies, ConfigError, Csrf, SessionRoutes, Sessions,
    ///     session::{FormPages, Identity, SignIn},
    /// };
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Login {
    ///     email: String,
    ///     password: String,
    /// }
    ///
    /// # fn is_password(_: &Login) -> bool { true }
    /// async fn sign_in(question: SignIn<Login>) -> Result<Option<Identity<()>>, std::io::Error> {
    ///     Ok(match question {
    ///         SignIn::Credentials(login) if is_password(&login) => Some(Identity::new(login.email, ())),
    ///         SignIn::Credentials(_) => None,
    ///         SignIn::Refresh(session) => Some(Identity::new(session.subject(), ())),
    ///     })
    /// }
    ///
    /// fn routes(sessions: Sessions, secret: &[u8]) -> Result<SessionRoutes, ConfigError> {
    ///     let pages = FormPages::new("/session", "/login")?;
    ///     let csrf = Csrf::new().secret(secret)?.require_token()?;
    ///     SessionRoutes::forms(pages, sessions, AuthCookies::new(), csrf, sign_in)
    /// }
    /// ```
    pub fn forms<F, Fut, L, A, E>(
        pages: FormPages,
        sessions: Sessions,
        cookies: AuthCookies,
        csrf: Csrf,
        sign_in: F,
    ) -> Result<Self, ConfigError>
    where
        F: Fn(SignIn<L>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        L: LoginBody,
        A: SignInAnswer,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        if !csrf.always_asks_for_token() {
            return Err(ConfigError::Conflict(
                "`SessionRoutes::forms` takes what a service worker can send for another site, so a form has to \
                 prove more: call `Csrf::require_token`, and put `SessionRoutes::form_token` into each form"
                    .into(),
            ));
        }
        if cookies.has_no_access_cookie() {
            return Err(ConfigError::Conflict(
                "`SessionRoutes::forms` answers without a body, and `AuthCookies::access_token_in_body` puts the \
                 access token there: use the cookies without it"
                    .into(),
            ));
        }
        cookies.check_mount(Some(pages.mount()))?;
        sessions.settings.layouts.add(&cookies)?;
        let ask = erase(sign_in, Format::Form);
        let body = BodyOf::form::<L::Login>();
        let routes = Self::new(sessions, Some(cookies), ask, body);
        Ok(Self {
            pages: Some(Arc::new(pages)),
            ..routes
        }
        .csrf(csrf))
    }

    /// Returns the fields of a form, for an endpoint that takes one.
    pub(in super::super) fn form(
        &self,
        endpoint: Option<&Endpoint>,
        body: &[u8],
    ) -> Option<Fields> {
        let takes_form = self.pages.is_some() && endpoint?.takes_form();
        takes_form.then(|| Fields::read(body))?
    }

    /// Returns how to answer a page load or a form.
    pub(in super::super) fn form_answer(
        &self,
        endpoint: Option<&Endpoint>,
        head: &dyn RequestHead,
        form: Option<&Fields>,
    ) -> Option<FormAnswer> {
        FormAnswer::new(self.pages.as_ref()?, endpoint?, form, head.query())
    }

    /// Checks that the form of a login is one of these routes' own.
    pub(in super::super) fn check_login_form(
        &self,
        head: &dyn RequestHead,
        form: &Fields,
    ) -> Result<(), Reply> {
        let cookie = self.cookies.as_deref().and_then(|own| own.csrf_value(head));
        let checked = self
            .csrf
            .check_login_form(head, form.csrf.as_deref(), cookie);
        checked.map_err(reported)
    }

    /// Reads a page load that renews the session, unless its access token is still good.
    pub(in super::super) fn renew(&self, head: &dyn RequestHead) -> Result<Action, Reply> {
        let no_token = || invalid("there is no refresh token").because(MISSING_REFRESH_TOKEN);
        let cookies = self.cookies.as_deref().ok_or_else(no_token)?;
        let verifier = &self.sessions.settings.verifier;
        if is_current(verifier, cookies.access(head)) {
            return Ok(Action::Pass);
        }
        if !may_renew(head, cookies) {
            let refused = invalid("only a page load of the own site renews a session");
            return Err(refused.because(NOT_A_PAGE_LOAD));
        }
        Ok(Action::Refresh {
            token: self.cookie(head)?.ok_or_else(no_token)?.to_owned(),
            client: (self.client)(head),
            // A page load proves nothing: it renews no bound session.
            sender: Sender::default(),
        })
    }
}

const NOT_A_PAGE_LOAD: &str = "not_a_page_load";
