//! The corpus for the `resource-server` example: the configuration and the route of each case.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Answer, Request,
    hostile::{Case, TestKeys},
};

/// The configuration that a case needs. Cases with the same needs share a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setup {
    profile: String,
    verify_key: Option<String>,
    cookie: Option<String>,
}

/// The size of a head that a server may refuse, in bytes. actix-web reads 128 KiB.
const LARGE_HEAD: usize = 64 << 10;

impl Case {
    /// Returns the server that the case is for.
    #[must_use]
    pub fn setup(&self) -> Setup {
        Setup {
            profile: self.profile.clone(),
            verify_key: self.verify_key.clone(),
            cookie: self.config.cookie.clone(),
        }
    }

    /// Sets the path for a request of the case: each of the server's routes has its own rules.
    pub fn route(&self, request: &mut Request) {
        let path = match &self.config.require_scope {
            // There is no route for `read`; the case is one without any scope.
            Some(_) => "/v1/admin",
            None if self.config.optional => "/v1/feed",
            None => "/v1/me",
        };
        request.target = request.target.replacen("/v1/me", path, 1);
    }

    /// Returns a fault in this answer of a server, which can have refused the request before
    /// looking at a token.
    #[must_use]
    pub fn objection_to_server(&self, request: &Request, answer: &Answer) -> Option<String> {
        match is_by_the_server(request, answer) {
            true => self.objection(&Answer::unbuildable()),
            false => self.objection(answer),
        }
    }
}

/// Returns true if a server has refused this request by itself, for a reason: it is malformed, or
/// its head is larger than a server has to read.
#[must_use]
pub fn is_by_the_server(request: &Request, answer: &Answer) -> bool {
    let is_bare = answer.www_authenticate.is_none() && answer.content_type.is_none();
    let has_reason = is_malformed(request) || is_large(request);
    matches!(answer.status, 0 | 400 | 431) && is_bare && has_reason
}

impl Setup {
    /// Writes the configuration file, with a framework, and the key sets that it names.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written to.
    #[must_use]
    pub fn write(&self, keys: &TestKeys, folder: &Path, framework: &str) -> PathBuf {
        let set = |name: &str| match &self.verify_key {
            Some(key) => keys.single_json(key),
            None => keys.set_json(name),
        };
        let issuer = |name: &str, set: String| {
            let file = format!(
                "{}.json",
                name.replace(|other: char| !other.is_alphanumeric(), "-")
            );
            fs::write(folder.join(&file), set).expect("a folder to write to");
            format!(
                "[[issuers]]\nissuer = {name:?}\naudience = \"https://api.example\"\nkeys = {{ jwks_file = {file:?} }}\n"
            )
        };
        let own = "https://issuer.example";
        let (profile, issuers) = match &*self.profile {
            "asym" => ("any", issuer(own, set("asym"))),
            "hmac" => ("any", issuer(own, set("hmac"))),
            "rfc9068" => ("access-token", issuer(own, set("asym"))),
            "multi" => {
                let other = issuer("https://issuer-b.example", keys.set_json("issuer_b"));
                ("any", issuer(own, set("asym")) + &other)
            }
            other => panic!("unknown profile {other}"),
        };
        let sources = self.cookie.as_ref().map_or(String::new(), |name| {
            format!("sources = [\"bearer\", \"cookie:{name}\"]\n")
        });
        let file = folder.join(format!("{framework}.toml"));
        let text = format!(
            "framework = {framework:?}\nleeway = 60\nprofile = {profile:?}\n{sources}\n{issuers}"
        );
        fs::write(&file, text).expect("a folder to write to");
        file
    }
}

/// Returns true if no HTTP library accepts such a request from the wire.
fn is_malformed(request: &Request) -> bool {
    let valid = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    let mut headers = request.headers.iter();
    !headers.all(|(_, value)| value.iter().all(valid))
}

fn is_large(request: &Request) -> bool {
    let headers = request.headers.iter();
    headers.map(|(_, value)| value.len()).sum::<usize>() > LARGE_HEAD
}
