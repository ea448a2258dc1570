//! The function that an app passes, without its types.

use std::{error::Error, future::Future, sync::Arc};

use serde::{Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    forms,
    outcome::{LoginRefusal, SignInAnswer, SignInOutcome},
    sign_in::{LoginBody, SignIn},
};
use crate::{
    future::BoxFuture,
    jose::json,
    request::OwnedHead,
    session::{Identity, Session, SessionError},
};

/// The question to the app's function, for a body that is not read yet.
pub(super) enum Question {
    LogIn { body: Vec<u8>, head: OwnedHead },
    Refresh(Session),
}

/// The answer of the app's function, with the claims as JSON text.
pub(super) enum Answered {
    Identified(Identity<Box<RawValue>>),
    Refused(LoginRefusal),
    Unknown,
    /// The body is not what the app reads; with the name of the field that is wrong.
    Unreadable(Option<String>),
}

pub(super) type Ask = dyn Fn(Question) -> BoxFuture<Result<Answered, SessionError>> + Send + Sync;

/// The form of the bodies of logins.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Form,
    Json,
}

impl Format {
    /// Reads the body of a login, if it has one meaning.
    fn read<L: DeserializeOwned>(self, body: &[u8]) -> Option<L> {
        match self {
            Self::Form => forms::login(body),
            Self::Json => read(body),
        }
    }

    /// Names the field for which a body is no `L`.
    pub(super) fn wrong_field<L: DeserializeOwned>(self, body: &[u8]) -> Option<String> {
        match self {
            Self::Form => forms::wrong_field::<L>(body),
            Self::Json => wrong_field::<L>(body),
        }
    }
}

/// Hides the types of the app's function, and reads the bodies of logins for it.
pub(super) fn erase<F, Fut, L, A, E>(sign_in: F, format: Format) -> Arc<Ask>
where
    F: Fn(SignIn<L>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<A, E>> + Send + 'static,
    L: LoginBody,
    A: SignInAnswer,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    Arc::new(move |question| {
        let question = match question {
            Question::LogIn { body, head } => match format.read::<L::Login>(&body) {
                Some(login) => SignIn::Credentials(L::join(login, head)),
                None => {
                    let field = format.wrong_field::<L::Login>(&body);
                    return Box::pin(async { Ok(Answered::Unreadable(field)) });
                }
            },
            Question::Refresh(session) => SignIn::Refresh(session),
        };
        let answer = sign_in(question);
        Box::pin(async move {
            let outcome = answer.await.map_err(SessionError::unavailable)?;
            Ok(match outcome.into_outcome() {
                SignInOutcome::Identified(identity) => {
                    let write = |claims| serde_json::value::to_raw_value(&claims);
                    let identity = identity.map_claims(write);
                    Answered::Identified(identity.map_err(SessionError::misconfigured)?)
                }
                SignInOutcome::Refused(refusal) => Answered::Refused(refusal),
                SignInOutcome::Unknown => Answered::Unknown,
            })
        })
    })
}

/// Reads the body of a login.
///
/// It has one meaning: no name twice, and none that `serde_json` keeps for itself. Under those, an app's
/// `Value` would read JSON texts in texts, to any depth.
fn read<L: DeserializeOwned>(body: &[u8]) -> Option<L> {
    json::check(json::text(body)?).ok()?;
    serde_json::from_slice(body).ok()
}

/// Names the field for which a body is no `L`, for the log: a path such as `user.email`. `None` where it is no JSON,
/// or the field has a name that is no usual one: a client can invent names.
fn wrong_field<L: DeserializeOwned>(body: &[u8]) -> Option<String> {
    json::check(json::text(body)?).ok()?;
    field_of::<L, _>(&mut serde_json::Deserializer::from_slice(body))
}

/// Names the field for which this reader reads no `L`.
pub(super) fn field_of<'de, L, D>(reader: D) -> Option<String>
where
    L: DeserializeOwned,
    D: Deserializer<'de>,
{
    let error = serde_path_to_error::deserialize::<_, L>(reader).err()?;
    let path = error.path().to_string();
    // The name of a missing field comes from `L`; any other text may quote the body.
    let text = error.inner().to_string();
    let missing = text.strip_prefix("missing field `");
    let missing = missing.and_then(|rest| rest.split_once('`'));
    let field = match missing {
        Some((field, _)) if path == "." => field.to_owned(),
        Some((field, _)) => format!("{path}.{field}"),
        None => path,
    };
    let is_usual =
        |character: char| character.is_ascii_alphanumeric() || "_-.[]".contains(character);
    let is_sized = (1..=LONGEST_FIELD).contains(&field.len()) && field != ".";
    let is_field = is_sized && field.chars().all(is_usual);
    is_field.then_some(field)
}

/// The longest name of a field in the log, in bytes.
const LONGEST_FIELD: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Login {
        user: User,
        password: String,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct User {
        email: String,
    }

    #[test]
    fn the_field_that_is_wrong_is_named_and_no_value() {
        let field = |body: &str| wrong_field::<Login>(body.as_bytes());
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(field(r#"{"user":{"email":"ada"}}"#), named("password"));
        assert_eq!(field(r#"{"password":"x","user":{}}"#), named("user.email"));
        assert_eq!(
            field(r#"{"user":{"email":7},"password":"x"}"#),
            named("user.email")
        );
        assert_eq!(field(r#"{"user":"secret","password":"x"}"#), named("user"));
        assert_eq!(field(r#"{"user":{"email":"ada"},"password":"x"}"#), None);
        for body in ["", "{", "7", r#""secret""#, r#"{"user":1,"user":2}"#] {
            assert_eq!(field(body), None, "{body}");
        }
    }

    #[test]
    fn a_name_that_a_client_has_invented_is_named_if_it_is_a_usual_one() {
        type Any = HashMap<String, String>;
        let field = |name: &str| wrong_field::<Any>(format!(r#"{{"{name}":7}}"#).as_bytes());
        assert_eq!(field("email"), Some("email".into()));
        assert_eq!(field(&"x".repeat(64)), Some("x".repeat(64)));
        assert_eq!(field(&"x".repeat(65)), None);
        for name in ["a b", "\\n", "\u{e9}", ""] {
            assert_eq!(field(name), None, "{name}");
        }
    }
}
