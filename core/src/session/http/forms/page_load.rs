//! Page loads that the layer of an app refuses.

use std::fmt;

use super::{
    renewal::may_renew,
    return_to::{RETURN_TO, own_path, with_query},
};
use crate::{
    SessionRoutes, Verifier,
    error::{AuthError, AuthErrorKind},
    request::{RequestHead, single_header},
    session::http::reply::Reply,
};

/// A page load, which is answered with a redirect instead of 401. Made by [`SessionRoutes::page_load`].
///
/// `Debug` does not show its path and query.
#[must_use = "it only knows where to redirect to"]
#[derive(Clone)]
pub struct PageLoad {
    /// The path of the login page.
    login: String,
    /// The path that renews the session, if this page load may do that.
    renew: Option<String>,
    return_to: Option<String>,
    access: Option<String>,
    verifier: Verifier,
}

impl SessionRoutes {
    /// Recognises a page load, in [forms mode](Self::forms): a GET with `Sec-Fetch-Mode: navigate`, or from a browser
    /// that sends no such header, one that accepts `text/html`. `None` for all else, such as calls of scripts.
    ///
    /// For a middleware outside of the app's layer, which reads it before the request goes on. It returns to the path that
    /// this middleware sees: put it outside of routers that remove a part of the path. The guide
    /// [browsers](crate::guide::browsers#server-rendered-forms) has it for both frameworks.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{
    ///     AuthError, SessionRoutes,
    ///     adapter::{Reply, RequestHead},
    /// };
    ///
    /// /// Returns the answer that replaces a refusal, if there is one.
    /// fn redirect(routes: &SessionRoutes, head: &dyn RequestHead, error: &AuthError) -> Option<Reply> {
    ///     routes.page_load(head)?.on_unauthorized(error)
    /// }
    /// ```
    pub fn page_load(&self, head: &dyn RequestHead) -> Option<PageLoad> {
        let (pages, cookies) = self.pages.as_deref().zip(self.cookies.as_deref())?;
        let is_page_load = match single_header(head, "sec-fetch-mode").ok()? {
            Some(mode) => mode == b"navigate",
            None => accepts_html(head),
        };
        if head.method() != "GET" || !is_page_load {
            return None;
        }
        let target = match head.query() {
            Some(query) => format!("{}?{query}", head.path()),
            None => head.path().to_owned(),
        };
        Some(PageLoad {
            login: pages.login.to_string(),
            renew: may_renew(head, cookies).then(|| format!("{}/renew", pages.mount)),
            return_to: own_path(&target).map(str::to_owned),
            access: cookies.access(head).map(str::to_owned),
            verifier: self.sessions.verifier(),
        })
    }
}

impl PageLoad {
    /// Answers a refusal with 303: to the renewal of the session where the access token has expired, was revoked or is
    /// missing, else to the login page, with the [reason](AuthErrorKind::reason) as `error`. `None` unless the refusal is
    /// a 401.
    ///
    /// A layer of another authenticator than [`SessionRoutes::authenticator`] may refuse a token that the routes accept.
    /// There is nothing to renew then: it leads to the login page, too.
    #[must_use]
    pub fn on_unauthorized(&self, error: &AuthError) -> Option<Reply> {
        if error.kind().status() != 401 {
            return None;
        }
        let is_over = matches!(
            error.kind(),
            AuthErrorKind::Expired | AuthErrorKind::MissingToken | AuthErrorKind::Revoked
        ) && !self.has_good_token();
        let mut parameters = Vec::new();
        let page = match &self.renew {
            Some(renew) if is_over => renew,
            _ => &self.login,
        };
        if !is_over {
            parameters.push(("error", error.reason()));
        }
        if let Some(path) = &self.return_to {
            parameters.push((RETURN_TO, path));
        }
        Some(Reply::see_other(&with_query(page, &parameters)))
    }

    /// Returns whether the routes would send the browser back here, as its access token is good.
    fn has_good_token(&self) -> bool {
        let access = self.access.as_deref();
        access.is_some_and(|access| self.verifier.verify_now(access).is_ok())
    }
}

impl fmt::Debug for PageLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageLoad").finish_non_exhaustive()
    }
}

fn accepts_html(head: &dyn RequestHead) -> bool {
    let mut found = false;
    head.visit_header("accept", &mut |value| {
        let mut types = value.split(|byte| matches!(byte, b',' | b';'));
        found |= types.any(|own| own.trim_ascii().eq_ignore_ascii_case(b"text/html"));
    });
    found
}
