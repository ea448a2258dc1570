//! The core's two calls, with a request head of our own.

use countersign::{AuthError, Authenticator, Challenge, RequestHead};

use crate::{ANONYMOUS, Answer, Request};

impl RequestHead for Request {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("/")
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        for (own, value) in &self.headers {
            if own.eq_ignore_ascii_case(name) {
                visit(value);
            }
        }
    }
}

pub(crate) fn send(authenticator: &Authenticator, request: &Request) -> Answer {
    // An HTTP library would not take such a request from the wire either.
    let valid = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    if !request
        .headers
        .iter()
        .all(|(_, value)| value.iter().all(valid))
    {
        return Answer::unbuildable();
    }
    let verdict = futures_executor::block_on(async {
        let credentials = authenticator.credentials(request)?;
        authenticator.authenticate(credentials).await
    });
    match verdict {
        Ok(token) => Answer {
            status: 200,
            body: token
                .as_ref()
                .map_or(ANONYMOUS, |token| token.subject().unwrap_or(""))
                .to_owned(),
            ..Answer::default()
        },
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &AuthError) -> Answer {
    let challenge = error.challenge();
    Answer {
        status: challenge.status(),
        www_authenticate: challenge.www_authenticate().map(str::to_owned),
        retry_after: challenge.retry_after().map(|seconds| seconds.to_string()),
        content_type: Some(Challenge::PROBLEM_JSON.to_owned()),
        body: challenge.problem_json(),
    }
}
