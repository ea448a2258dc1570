//! The endpoints, by method and path.

use super::reply::{INVALID_REQUEST, Reply};
use crate::claims::SessionId;

/// An endpoint of the session routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Jwks,
    List,
    LogIn,
    LogOut,
    LogOutEverywhere,
    Refresh,
    /// A page load that refreshes, in forms mode.
    Renew,
    /// One session, to be ended. `None`: the path contains no session id.
    Session(Option<SessionId>),
}

impl Endpoint {
    /// Finds the endpoint of a request. `path` is relative to where the routes are mounted.
    pub(super) fn find(method: &str, path: &str, has_forms: bool) -> Result<Self, Reply> {
        let (endpoint, allowed) = match path {
            "/.well-known/jwks.json" => (Self::Jwks, "GET, HEAD"),
            "/login" => (Self::LogIn, "POST"),
            "/logout" => (Self::LogOut, "POST"),
            "/logout-all" => (Self::LogOutEverywhere, "POST"),
            "/refresh" => (Self::Refresh, "POST"),
            "/renew" if has_forms => (Self::Renew, "GET"),
            "/sessions" => (Self::List, "GET, HEAD"),
            _ => match path.strip_prefix("/sessions/") {
                Some(id) if !id.is_empty() && !id.contains('/') => {
                    (Self::Session(SessionId::parse(id)), "DELETE")
                }
                _ => {
                    let refused = Reply::error(404, INVALID_REQUEST, "there is no such endpoint");
                    return Err(refused.because("no_such_endpoint"));
                }
            },
        };
        if allowed.split(", ").any(|own| own == method) {
            return Ok(endpoint);
        }
        let refused = Reply::error(405, INVALID_REQUEST, "this endpoint has other methods");
        Err(refused.because("method_not_allowed").with("allow", allowed))
    }

    /// Returns whether a form is what it takes, in forms mode.
    pub(super) fn takes_form(&self) -> bool {
        matches!(self, Self::LogIn | Self::LogOut | Self::LogOutEverywhere)
    }

    /// Returns the name of the endpoint of a path for metrics, whatever the method.
    pub(super) fn route(path: &str) -> &'static str {
        match path {
            "/.well-known/jwks.json" => "jwks",
            "/login" => "login",
            "/logout" => "logout",
            "/logout-all" => "logout_all",
            "/refresh" => "refresh",
            "/renew" => "renew",
            "/sessions" => "sessions",
            _ if path.starts_with("/sessions/") => "sessions",
            _ => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds an endpoint, or says the status and the allowed methods.
    fn find(method: &str, path: &str) -> Result<Endpoint, (u16, Option<String>)> {
        Endpoint::find(method, path, false).map_err(|reply| {
            let allow = reply.headers().find(|(name, _)| *name == "allow");
            (reply.status(), allow.map(|(_, methods)| methods.to_owned()))
        })
    }

    #[test]
    fn every_endpoint_is_found_by_its_method_and_path() {
        assert_eq!(find("POST", "/login"), Ok(Endpoint::LogIn));
        assert_eq!(find("GET", "/sessions"), Ok(Endpoint::List));
        let id = "AAECAwQFBgcICQoLDA0ODw";
        assert_eq!(
            find("DELETE", &format!("/sessions/{id}")),
            Ok(Endpoint::Session(SessionId::parse(id)))
        );
        assert_eq!(find("DELETE", "/sessions/x"), Ok(Endpoint::Session(None)));
    }

    #[test]
    fn a_path_with_another_method_says_which_it_has() {
        let post = Err((405, Some("POST".to_owned())));
        assert_eq!(find("GET", "/login"), post);
        assert_eq!(find("post", "/login"), post);
    }

    #[test]
    fn only_forms_have_a_page_load_that_renews() {
        assert_eq!(find("GET", "/renew"), Err((404, None)));
        let find = |method| Endpoint::find(method, "/renew", true).map_err(|reply| reply.status());
        assert_eq!(find("GET"), Ok(Endpoint::Renew));
        for method in ["POST", "HEAD"] {
            assert_eq!(find(method), Err(405), "{method}");
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "",
            "/",
            "/login/",
            "/LOGIN",
            "/sessions/",
            "/sessions/a/b",
            "//login",
        ] {
            assert_eq!(find("POST", path), Err((404, None)), "{path}");
        }
    }
}
