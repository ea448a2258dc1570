//! The core alone, with a request head of our own.

use std::net::IpAddr;

use countersign::{
    AuthError, Authenticator, VerifiedToken,
    adapter::{Anonymous, Challenge, RequestHead},
    proof::ClientCertificate,
};

use crate::{ANONYMOUS, Answer, Misfit, Person, Request, User, admins};

impl RequestHead for Request {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        let (_, path) = self.authority_and_path();
        path.split('?').next().unwrap_or("/")
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    fn authority(&self) -> Option<&str> {
        self.authority_and_path().0
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        for (own, value) in &self.headers {
            if own.eq_ignore_ascii_case(name) {
                visit(value);
            }
        }
    }

    fn visit_headers<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in &self.headers {
            visit(name, value);
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn client_certificate(&self) -> Option<ClientCertificate> {
        self.certificate
    }
}

impl Request {
    /// Splits a target in absolute form; one in origin form has no authority.
    fn authority_and_path(&self) -> (Option<&str>, &str) {
        let absolute = self.target.split_once("://");
        match absolute.filter(|(scheme, _)| !scheme.starts_with('/')) {
            Some((_, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, &self.target),
        }
    }
}

pub(crate) fn send(authenticator: &Authenticator, request: &Request) -> Answer {
    if !could_be_built(request) {
        return Answer::unbuildable();
    }
    match futures_executor::block_on(authenticator.check(request)) {
        Ok(token) => granted(token.as_ref()),
        Err(error) => refusal(&error),
    }
}

pub(crate) fn visit(authenticator: &Authenticator, request: &Request) -> Answer {
    if !could_be_built(request) {
        return Answer::unbuildable();
    }
    enter(authenticator, request).unwrap_or_else(|error| refusal(&error))
}

/// Does the work of an adapter, its extractors and its policies.
fn enter(authenticator: &Authenticator, request: &Request) -> Result<Answer, AuthError> {
    if request.path() == "/uncovered" {
        Anonymous::token(None, None)?;
    }
    let token = futures_executor::block_on(authenticator.check(request))?;
    let anonymous = token.is_none().then(|| authenticator.anonymous());
    let (token, anonymous) = (token.as_ref(), anonymous.as_ref());
    let token = match request.path() {
        "/claims-if-any" | "/principal-if-any" => Anonymous::optional(token, anonymous)?,
        _ => Some(Anonymous::token(token, anonymous)?),
    };
    match (request.path(), token) {
        ("/claims", Some(token)) => drop(token.claims::<User>()?),
        ("/misfit", Some(token)) => drop(token.claims::<Misfit>()?),
        ("/admin", Some(token)) => admins().check(token)?,
        ("/actor", Some(token)) => {
            return Ok(Answer {
                status: 200,
                body: crate::actor(token)?,
                ..Answer::default()
            });
        }
        ("/principal" | "/principal-if-any", Some(token)) => {
            return Ok(Answer {
                status: 200,
                body: token.principal::<Person>()?.0.clone(),
                ..Answer::default()
            });
        }
        _ => {}
    }
    Ok(granted(token))
}

/// Returns true if an HTTP library would build such a request, or read it from the wire.
fn could_be_built(request: &Request) -> bool {
    let valid = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    let mut headers = request.headers.iter();
    headers.all(|(_, value)| value.iter().all(valid))
}

fn granted(token: Option<&VerifiedToken>) -> Answer {
    let subject = token.map_or(ANONYMOUS, |token| token.subject().unwrap_or(""));
    Answer {
        status: 200,
        dpop_nonce: token
            .and_then(|token| token.dpop_nonce())
            .map(str::to_owned),
        body: subject.to_owned(),
        ..Answer::default()
    }
}

fn refusal(error: &AuthError) -> Answer {
    let challenge = error.challenge();
    let text = |wanted: &str| {
        let all = challenge.headers().filter(|(name, _)| *name == wanted);
        joined(all.map(|(_, value)| value.into_owned()))
    };
    Answer {
        status: challenge.status(),
        www_authenticate: text("www-authenticate"),
        dpop_nonce: text("dpop-nonce"),
        retry_after: text("retry-after"),
        content_type: Some(Challenge::PROBLEM_JSON.to_owned()),
        body: challenge.problem_json(),
        reason: Some(error.reason()),
    }
}

/// Joins the values of one header, each a field line of its own.
pub(crate) fn joined(values: impl Iterator<Item = String>) -> Option<String> {
    let all: Vec<_> = values.collect();
    (!all.is_empty()).then(|| all.join("\n"))
}
