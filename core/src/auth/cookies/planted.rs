//! Refresh cookies that a subdomain has planted.

use std::net::IpAddr;

use super::{auth_cookies::AuthCookies, names::is_path, set_cookie::Kind};
use crate::request::{RequestHead, cookie, target_authority, visit_cookies};

impl AuthCookies {
    /// Lists the different refresh tokens of a request, the first [`MOST`] of them. Nobody can tell which one
    /// is not planted.
    pub(crate) fn refresh_tokens<'h>(&self, head: &'h dyn RequestHead) -> Vec<&'h str> {
        let mut tokens = Vec::new();
        visit_cookies(head, &self.refresh, |value| {
            let token = std::str::from_utf8(value).ok();
            let is_new = |token: &&str| !token.is_empty() && !tokens.contains(token);
            if let Some(token) = token.filter(is_new)
                && tokens.len() < MOST
            {
                tokens.push(token);
            }
        });
        tokens
    }

    /// Returns the path of the refresh cookie, if it has one, and the access cookie of a request.
    pub(crate) fn path_and_access<'h>(&self, head: &'h dyn RequestHead) -> Option<(&str, &'h str)> {
        let path = self.refresh_path_trusting_subdomains.as_deref()?;
        Some((path, cookie(head, &self.access).ok().flatten()?))
    }

    /// Writes the values of `Set-Cookie` that delete what is planted, for a request that carries two
    /// different refresh tokens; none for any other request.
    ///
    /// The own cookie has no `Domain`, so that only this host can have set it: it stays. A browser
    /// sends another one of the name if its domain is the request's host or a parent of it, and its
    /// path one above the request's (RFC 6265 section 5.4). All of these are deleted, and browsers
    /// ignore those that this host may not set. `endpoint` is the path of the request below the
    /// session routes.
    pub(crate) fn clear_planted(&self, head: &dyn RequestHead, endpoint: &str) -> Vec<String> {
        let Some(own) = self.refresh_path_trusting_subdomains.as_deref() else {
            return Vec::new();
        };
        if cookie(head, &self.refresh).is_ok() {
            return Vec::new();
        }
        let host = host(head).unwrap_or_default();
        let domains = domains(&host);
        let paths = paths(own, endpoint);
        let places = paths.iter().flat_map(|path| {
            let at = |domain| (path.as_str(), domain);
            let domains = domains.iter().map(move |domain| at(Some(*domain)));
            [at(None)].into_iter().chain(domains)
        });
        places
            .filter(|place| *place != (own, None))
            .map(|(path, domain)| {
                let mut cookie = self.write(Kind::Refresh, "", 0);
                cookie.set_path(path);
                if let Some(domain) = domain {
                    cookie.set_domain(domain);
                }
                cookie.to_string()
            })
            .collect()
    }
}

/// Reads the host that a request was sent to, without its port, as far as it is a name.
fn host(head: &dyn RequestHead) -> Option<String> {
    let authority = target_authority(head).ok().flatten()?;
    let authority = std::str::from_utf8(authority).ok()?;
    let (host, _) = authority.split_once(':').unwrap_or((authority, ""));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_name = host.bytes().all(allowed) && host.parse::<IpAddr>().is_err();
    is_name.then(|| host.to_ascii_lowercase())
}

/// Lists a host and its parents, without the one of a single label, for which no cookie can be set.
fn domains(host: &str) -> Vec<&str> {
    let parents = std::iter::successors(Some(host), |domain| Some(domain.split_once('.')?.1));
    parents
        .filter(|domain| domain.contains('.'))
        .take(MOST)
        .collect()
}

/// Lists the paths of cookies that come with a request to an endpoint below the session routes.
fn paths(own: &str, endpoint: &str) -> Vec<String> {
    let full = format!("{}{endpoint}", own.trim_end_matches('/'));
    let full = if is_path(&full) { &full } else { own };
    let mut paths = vec![own.to_owned(), full.to_owned()];
    for (slash, _) in full.match_indices('/').take(MOST) {
        paths.push(full[..=slash].to_owned());
        paths.extend((slash > 0).then(|| full[..slash].to_owned()));
    }
    paths.sort();
    paths.dedup();
    paths
}

/// The most parents of a host, parts of a path, and refresh tokens: a client chooses them all.
const MOST: usize = 8;
