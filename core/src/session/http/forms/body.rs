//! The bodies of forms (`application/x-www-form-urlencoded`).

use std::collections::BTreeSet;

use form_urlencoded::{Serializer, parse};
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::{Map, Value};
use serde_urlencoded::Deserializer;

use super::{
    super::{account, ask},
    return_to::{RETURN_TO, own_path},
};
use crate::{auth::Csrf, session::login_limits::Accounts};

/// The fields of a form: the app's, and those of the session routes.
#[derive(Debug, Default)]
pub(in super::super) struct Fields {
    /// The body without the fields of the session routes.
    pub(in super::super) of_app: Vec<u8>,
    pub(in super::super) csrf: Option<String>,
    /// Only a path of the own site.
    pub(in super::super) return_to: Option<String>,
}

impl Fields {
    /// Reads a body. `None`: it has two meanings, or none.
    ///
    /// No name twice, no text that is no UTF-8, and none of the names under which an app's `Value` would read JSON
    /// texts in texts.
    pub(in super::super) fn read(body: &[u8]) -> Option<Self> {
        let mut fields = Self::default();
        let mut names = BTreeSet::new();
        let mut of_app = Serializer::new(String::new());
        for (name, value) in parse(body) {
            // What is no UTF-8 is replaced by the parser.
            let is_text = |text: &str| !text.contains(char::REPLACEMENT_CHARACTER);
            if !is_text(&name) || !is_text(&value) || name.starts_with(OF_SERDE) {
                return None;
            }
            match &*name {
                Csrf::FIELD => fields.csrf = Some(value.clone().into_owned()),
                RETURN_TO => fields.return_to = own_path(&value).map(str::to_owned),
                _ => drop(of_app.append_pair(&name, &value)),
            }
            if !names.insert(name) {
                return None;
            }
        }
        fields.of_app = of_app.finish().into_bytes();
        Some(fields)
    }
}

/// Reads the login of an app.
pub(in super::super) fn login<L: DeserializeOwned>(of_app: &[u8]) -> Option<L> {
    serde_urlencoded::from_bytes(of_app).ok()
}

/// Names the field for which a form is no `L`, for the log.
pub(in super::super) fn wrong_field<L: DeserializeOwned>(of_app: &[u8]) -> Option<String> {
    ask::field_of::<L, _>(Deserializer::new(parse(of_app)))
}

/// Finds the accounts that a login may be for. `None`: the form is no `L`.
pub(in super::super) fn accounts<L: DeserializeOwned>(of_app: &[u8]) -> Option<Accounts> {
    let text = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
        (name.into_owned(), Value::String(value.into_owned()))
    };
    let mut read: Map<String, Value> = parse(of_app).map(text).collect();
    let mut ignored = |path: Path<'_>| {
        if let Path::Map { key, .. } = path {
            read.remove(&key);
        }
    };
    let reader = Deserializer::new(parse(of_app));
    serde_ignored::deserialize::<_, _, L>(reader, &mut ignored).ok()?;
    Some(account::of(&Value::Object(read)))
}

const OF_SERDE: &str = "$serde_json::private::";

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Login {
        email: String,
        password: String,
        #[serde(default)]
        remember: bool,
    }

    fn read(body: &str) -> Option<Login> {
        login(&Fields::read(body.as_bytes())?.of_app)
    }

    #[test]
    fn fields_are_read_as_the_type_of_the_app() {
        let read = read("email=ada%40example.com&csrf_token=x&password=a+b%26%C3%A9&remember=true");
        assert_eq!(
            read,
            Some(Login {
                email: "ada@example.com".into(),
                password: "a b&\u{e9}".into(),
                remember: true
            })
        );
    }

    #[test]
    fn the_fields_of_the_routes_are_taken_out() {
        let fields = Fields::read(b"a=1&csrf_token=v&return_to=%2Forders&b=2").unwrap();
        assert_eq!(fields.of_app, b"a=1&b=2");
        assert_eq!(fields.csrf.as_deref(), Some("v"));
        assert_eq!(fields.return_to.as_deref(), Some("/orders"));
        let elsewhere = Fields::read(b"return_to=//evil.example").unwrap();
        assert_eq!(elsewhere.return_to, None);
    }

    #[test]
    fn a_body_with_two_meanings_is_refused() {
        for body in [
            "email=ada&email=bob&password=x",
            "email=ada&%65mail=ada&password=x",
            "email=ada&password=x&csrf_token=a&csrf_token=a",
            "email=ada&password=%FF",
            "email=ada&password=%EF%BF%BD",
            "email=ada&password=x&%FF=1",
            "email=ada&password=x&$serde_json::private::RawValue=1",
        ] {
            assert_eq!(read(body), None, "{body}");
        }
        assert!(read("email=ada&password=x&other=1").is_some());
        assert_eq!(read("email=ada"), None);
        assert_eq!(read(r#"{"email":"ada","password":"x"}"#), None);
    }

    #[test]
    fn an_account_is_found_among_the_fields_that_the_type_has() {
        let named = |name: &str| Some(Accounts::Named(vec![name.to_owned()]));
        assert_eq!(
            accounts::<Login>(b"email=ada&password=x&username=chaff"),
            named("ada")
        );
        assert_eq!(accounts::<Login>(b"email=ada"), None);
    }

    #[test]
    fn the_field_that_is_wrong_is_named_and_no_value() {
        let field = |body: &str| wrong_field::<Login>(body.as_bytes());
        assert_eq!(field("email=secret"), Some("password".into()));
        assert_eq!(
            field("email=a&password=x&remember=secret"),
            Some("remember".into())
        );
        assert_eq!(field("email=a&password=x"), None);
    }
}
