//! The endpoints, by method and path.

use super::{
    reply::{INVALID_REQUEST, Reply},
    routes::SessionRoutes,
};
use crate::{claims::SessionId, session::store::ApiKeyId};

impl SessionRoutes {
    /// Finds the endpoint of a request. `path` is relative to where the routes are mounted.
    pub(super) fn endpoint(&self, method: &str, path: &str) -> Result<Endpoint, Reply> {
        let served = Served {
            forms: self.pages.is_some(),
            api_keys: self.api_keys.is_some(),
        };
        Endpoint::find(method, path, served)
    }
}

/// The parts that not all routes serve.
#[derive(Clone, Copy, Default)]
struct Served {
    forms: bool,
    api_keys: bool,
}

/// An endpoint of the session routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// One API key, to be ended. `None`: the path contains no id of one.
    ApiKey(Option<ApiKeyId>),
    Jwks,
    List,
    ListApiKeys,
    LogIn,
    LogOut,
    LogOutEverywhere,
    NewApiKey,
    Refresh,
    /// A page load that refreshes, in forms mode.
    Renew,
    /// One session, to be ended. `None`: the path contains no session id.
    Session(Option<SessionId>),
}

impl Endpoint {
    fn find(method: &str, path: &str, served: Served) -> Result<Self, Reply> {
        let (endpoint, allowed) = match path {
            "/.well-known/jwks.json" => (Self::Jwks, "GET, HEAD"),
            "/api-keys" if served.api_keys && method == "POST" => (Self::NewApiKey, API_KEYS),
            "/api-keys" if served.api_keys => (Self::ListApiKeys, API_KEYS),
            "/login" => (Self::LogIn, "POST"),
            "/logout" => (Self::LogOut, "POST"),
            "/logout-all" => (Self::LogOutEverywhere, "POST"),
            "/refresh" => (Self::Refresh, "POST"),
            "/renew" if served.forms => (Self::Renew, "GET"),
            "/sessions" => (Self::List, "GET, HEAD"),
            _ => match (one_of("/sessions/", path), one_of("/api-keys/", path)) {
                (Some(id), _) => (Self::Session(SessionId::parse(id)), "DELETE"),
                (_, Some(id)) if served.api_keys => (Self::ApiKey(ApiKeyId::parse(id)), "DELETE"),
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
            "/api-keys" => "api_keys",
            "/login" => "login",
            "/logout" => "logout",
            "/logout-all" => "logout_all",
            "/refresh" => "refresh",
            "/renew" => "renew",
            "/sessions" => "sessions",
            _ if path.starts_with("/api-keys/") => "api_keys",
            _ if path.starts_with("/sessions/") => "sessions",
            _ => "none",
        }
    }
}

const API_KEYS: &str = "GET, HEAD, POST";

/// Returns the last segment of a path below another.
fn one_of<'p>(above: &str, path: &'p str) -> Option<&'p str> {
    let id = path.strip_prefix(above)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds an endpoint, or says the status and the allowed methods.
    fn find(method: &str, path: &str) -> Result<Endpoint, (u16, Option<String>)> {
        Endpoint::find(method, path, Served::default()).map_err(|reply| {
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
        let served = Served {
            forms: true,
            ..Served::default()
        };
        let find =
            |method| Endpoint::find(method, "/renew", served).map_err(|reply| reply.status());
        assert_eq!(find("GET"), Ok(Endpoint::Renew));
        for method in ["POST", "HEAD"] {
            assert_eq!(find(method), Err(405), "{method}");
        }
    }

    #[test]
    fn api_keys_have_endpoints_where_they_are_served() {
        let served = Served {
            api_keys: true,
            ..Served::default()
        };
        let find = |method, path| {
            let found = Endpoint::find(method, path, served);
            found.map_err(|reply| reply.status())
        };
        let id = "4fJq0Zk9Xw7v2LbT";
        let path = format!("/api-keys/{id}");
        assert_eq!(find("GET", "/api-keys"), Ok(Endpoint::ListApiKeys));
        assert_eq!(find("POST", "/api-keys"), Ok(Endpoint::NewApiKey));
        assert_eq!(
            find("DELETE", &path),
            Ok(Endpoint::ApiKey(ApiKeyId::parse(id)))
        );
        assert_eq!(find("DELETE", "/api-keys/x"), Ok(Endpoint::ApiKey(None)));
        assert_eq!(find("PUT", "/api-keys"), Err(405));
        assert_eq!(find("GET", &path), Err(405));
        for path in ["/api-keys/", "/api-keys/a/b", "/api-key"] {
            assert_eq!(find("DELETE", path), Err(404), "{path}");
        }
        for (method, path) in [
            ("GET", "/api-keys"),
            ("POST", "/api-keys"),
            ("DELETE", &path),
        ] {
            assert_eq!(self::find(method, path), Err((404, None)), "{path}");
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
