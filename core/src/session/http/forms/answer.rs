//! Answers to forms: redirects, and short texts where there is nowhere to go.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    body::Fields,
    pages::FormPages,
    return_to::{RETURN_TO, in_query, with_query},
};
use crate::{
    error::AuthErrorKind,
    session::{
        LoginFailure,
        http::{
            endpoint::Endpoint,
            reply::{INVALID_REQUEST, Reply},
        },
    },
};

/// The answer to a page load or a form, in terms of pages.
pub(in super::super) struct FormAnswer {
    pages: Arc<FormPages>,
    end: End,
    return_to: Option<String>,
}

/// The endpoints that browsers come to by a page load.
#[derive(Clone, Copy)]
enum End {
    LogIn,
    LogOut,
    Renew,
}

impl FormAnswer {
    /// Returns the answer for this endpoint; `None` where scripts are answered.
    pub(in super::super) fn new(
        pages: &Arc<FormPages>,
        endpoint: &Endpoint,
        fields: Option<&Fields>,
        query: Option<&str>,
    ) -> Option<Self> {
        let end = match endpoint {
            Endpoint::LogIn => End::LogIn,
            Endpoint::LogOut | Endpoint::LogOutEverywhere => End::LogOut,
            Endpoint::Renew => End::Renew,
            Endpoint::ApiKey(_)
            | Endpoint::Jwks
            | Endpoint::List
            | Endpoint::ListApiKeys
            | Endpoint::NewApiKey
            | Endpoint::Refresh
            | Endpoint::Session(_) => return None,
        };
        let field = fields.and_then(|fields| fields.return_to.clone());
        Some(Self {
            pages: Arc::clone(pages),
            end,
            return_to: field.or_else(|| in_query(query)),
        })
    }

    /// Turns the answer for scripts into one for browsers: a redirect, or a text.
    ///
    /// An outage keeps its status: a redirect would tell users that their password is wrong, and monitors that all is
    /// well. So do requests that no form of the app sends.
    pub(in super::super) fn of(&self, reply: Reply) -> Reply {
        match (self.end, reply.status()) {
            (End::LogIn | End::Renew, 200..=299) => {
                let page = self.return_to.as_deref().unwrap_or(&self.pages.home);
                reply.into_redirect(page)
            }
            (End::LogOut, 200..=299) => {
                let page = self.pages.after_logout.as_ref();
                let page = page.unwrap_or(&self.pages.login).to_string();
                reply.into_redirect(&page)
            }
            (End::LogIn, 400..=499) if is_of_own_page(&reply) => {
                let error = error_of(&reply);
                self.to_login(reply, Some(&error))
            }
            (End::LogOut, 401) => self.to_login(reply, Some(LOGIN_REQUIRED)),
            (End::Renew, 400..=499)
                if reply.reason() == Some(LoginFailure::Refused(0).reason()) =>
            {
                let error = error_of(&reply);
                self.to_login(reply, Some(&error))
            }
            // Nobody has asked for anything but a page: there is no error to tell.
            (End::Renew, 400 | 401) => self.to_login(reply, None),
            _ => reply.into_plain_text(),
        }
    }

    fn to_login(&self, reply: Reply, error: Option<&str>) -> Reply {
        let wait = reply.header("retry-after").map(str::to_owned);
        let parameters: Vec<_> = [
            ("error", error),
            ("retry_after", wait.as_deref()),
            (RETURN_TO, self.return_to.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        let page = with_query(&self.pages.login, &parameters);
        reply.into_redirect(&page)
    }
}

/// Returns whether a page of the app can have sent what is refused: no other site, and nothing but a form.
fn is_of_own_page(reply: &Reply) -> bool {
    let foreign = [
        AuthErrorKind::CrossSite.reason(),
        AuthErrorKind::MissingOrigin.reason(),
        COOKIES_DROPPED,
        NO_FORM,
    ];
    !foreign.contains(&reply.reason().unwrap_or_default())
}

/// Returns the name of an error: the `error` of its body, which the app may have chosen, or that of its reason.
fn error_of(reply: &Reply) -> String {
    #[derive(Deserialize)]
    struct Body {
        error: String,
    }
    let is_name = |name: &String| {
        let usual = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(usual)
    };
    let body = serde_json::from_str::<Body>(reply.body()).ok();
    let name = body.map(|body| body.error).filter(is_name);
    name.unwrap_or_else(|| reply.reason().unwrap_or(INVALID_REQUEST).to_owned())
}

/// Somebody has to log in first (OpenID Connect Core section 3.1.2.6).
const LOGIN_REQUIRED: &str = "login_required";
/// The reason of a login that was refused because nobody could use it.
pub(in super::super) const COOKIES_DROPPED: &str = "cookies_dropped";
/// The reason of a request that is no form.
pub(in super::super) const NO_FORM: &str = "no_form";
/// The longest name of an error, in bytes.
const LONGEST_NAME: usize = 64;
