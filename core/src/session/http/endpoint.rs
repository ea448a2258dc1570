//! Which method and path is which endpoint.

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
    /// End one session. `None`: the path holds what is no session id.
    Session(Option<SessionId>),
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoEndpoint {
    /// The path has other methods: these.
    Method(&'static str),
    Path,
}

impl Endpoint {
    /// Finds it. `path` is relative to where the routes are mounted.
    pub(super) fn find(method: &str, path: &str) -> Result<Self, NoEndpoint> {
        let (endpoint, allowed) = match path {
            "/.well-known/jwks.json" => (Self::Jwks, "GET, HEAD"),
            "/login" => (Self::LogIn, "POST"),
            "/logout" => (Self::LogOut, "POST"),
            "/logout-all" => (Self::LogOutEverywhere, "POST"),
            "/refresh" => (Self::Refresh, "POST"),
            "/sessions" => (Self::List, "GET, HEAD"),
            _ => match path.strip_prefix("/sessions/") {
                Some(id) if !id.is_empty() && !id.contains('/') => {
                    (Self::Session(SessionId::parse(id)), "DELETE")
                }
                _ => return Err(NoEndpoint::Path),
            },
        };
        if allowed.split(", ").any(|own| own == method) {
            Ok(endpoint)
        } else {
            Err(NoEndpoint::Method(allowed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_by_its_method_and_path() {
        let find = Endpoint::find;
        assert_eq!(find("POST", "/login"), Ok(Endpoint::LogIn));
        assert_eq!(find("GET", "/sessions"), Ok(Endpoint::List));
        assert_eq!(
            find("DELETE", "/sessions/AAECAwQFBgcICQoLDA0ODw"),
            Ok(Endpoint::Session(SessionId::parse(
                "AAECAwQFBgcICQoLDA0ODw"
            )))
        );
        assert_eq!(find("DELETE", "/sessions/x"), Ok(Endpoint::Session(None)));
    }

    #[test]
    fn a_path_with_another_method_says_which_it_has() {
        let find = Endpoint::find;
        assert_eq!(find("GET", "/login"), Err(NoEndpoint::Method("POST")));
        assert_eq!(find("post", "/login"), Err(NoEndpoint::Method("POST")));
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
            assert_eq!(
                Endpoint::find("POST", path),
                Err(NoEndpoint::Path),
                "{path}"
            );
        }
    }
}
