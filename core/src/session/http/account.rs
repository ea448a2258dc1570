//! The account in the body of a login, for apps that do not tell which it is.

use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

use crate::{jose::json, session::login_limits::Accounts};

/// Finds the accounts that a login may be for. `None`: the body is no `L`.
///
/// A guesser writes the body, so nothing in it may hide the account. Members that `L` ignores are
/// removed, and each of the others that may be the account counts.
pub(super) fn find<L: DeserializeOwned>(body: &[u8]) -> Option<Accounts> {
    json::check(json::text(body)?).ok()?;
    let mut read: Value = serde_json::from_slice(body).ok()?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut ignored = |path: Path<'_>| {
        if let Some(value) = at(&mut read, &path) {
            *value = Value::Null;
        }
    };
    serde_ignored::deserialize::<_, _, L>(&mut reader, &mut ignored).ok()?;
    Some(of(&read))
}

/// Finds the accounts among the members of a login.
pub(super) fn of(read: &Value) -> Accounts {
    let mut texts = Texts::default();
    texts.add(read, Meaning::Unknown);
    match texts {
        Texts { named, .. } if (1..=MAX_ACCOUNTS).contains(&named.len()) => Accounts::Named(named),
        Texts { named, others } => {
            let some = named.is_empty() && (1..=MAX_ACCOUNTS).contains(&others.len());
            Accounts::Guessed(if some { others } else { vec![String::new()] })
        }
    }
}

/// Finds the value at a path.
fn at<'v>(root: &'v mut Value, path: &Path<'_>) -> Option<&'v mut Value> {
    match path {
        Path::Root => Some(root),
        Path::Map { parent, key } => at(root, parent)?.get_mut(key.as_str()),
        Path::Seq { parent, index } => at(root, parent)?.get_mut(*index),
        Path::Some { parent } | Path::NewtypeStruct { parent } => at(root, parent),
        // The path leaves the name of the variant out.
        Path::NewtypeVariant { parent } => match at(root, parent)? {
            Value::Object(members) if members.len() == 1 => members.values_mut().next(),
            _ => None,
        },
    }
}

/// The texts and numbers of a body.
#[derive(Default)]
struct Texts {
    /// From members with the name of an account.
    named: Vec<String>,
    /// From members without a known name.
    others: Vec<String>,
}

impl Texts {
    fn add(&mut self, value: &Value, meaning: Meaning) {
        let text = match value {
            Value::Array(values) => {
                return values.iter().for_each(|value| self.add(value, meaning));
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.add(value, meaning.of_member(name));
                }
                return;
            }
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(_) | Value::Null => return,
        };
        match meaning {
            Meaning::Account => self.named.push(text),
            Meaning::Secret | Meaning::Setting => {}
            Meaning::Unknown => self.others.push(text),
        }
    }
}

/// The meaning of a member, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Account,
    Secret,
    /// Includes all that is below it: a device has a name and an id, too.
    Setting,
    Unknown,
}

impl Meaning {
    /// Returns the meaning of a member of a value with this meaning.
    fn of_member(self, name: &str) -> Self {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        let is_one_of = |names: &str| names.split_whitespace().any(|own| own == name);
        if self == Self::Setting || is_one_of(SETTINGS) {
            Self::Setting
        } else if is_one_of(ACCOUNTS) {
            Self::Account
        } else if is_one_of(SECRETS)
            || PARTS_OF_SECRETS
                .split_whitespace()
                .any(|part| name.contains(part))
        {
            Self::Secret
        } else {
            Self::Unknown
        }
    }
}

/// The most accounts of a login. Each takes up memory.
const MAX_ACCOUNTS: usize = 8;

// All names are in lower case, without `_` and `-`.

const ACCOUNTS: &str = "account accountid accountname accountnumber customer customerid email emailaddress \
    handle id identifier identity login loginid loginname mail member memberid mobile mobilenumber name \
    nickname phone phonenumber principal screenname sub subject uid upn user useremail userid userlogin \
    usermail username userprincipalname";

const SECRETS: &str = "assertion code hash key mfa nonce pin puk pw state";

const PARTS_OF_SECRETS: &str =
    "captcha challenge csrf otp pass pwd response secret signature token verifier";

/// Values that many logins have in common.
const SETTINGS: &str = "action app appid appversion aud audience browser callback client clientid company \
    connection context country device deviceid deviceinfo devicename devicetype domain granttype info lang \
    language locale location meta metadata method mode next operation org organisation organization os \
    platform provider realm redirect redirecturi redirecturl region remember rememberme resource returnto \
    returnurl role scope scopes tenant tenantid timezone type useragent version";

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    fn named(texts: &[&str]) -> Option<Accounts> {
        Some(Accounts::Named(
            texts.iter().map(|text| (*text).to_owned()).collect(),
        ))
    }

    fn guessed(texts: &[&str]) -> Option<Accounts> {
        Some(Accounts::Guessed(
            texts.iter().map(|text| (*text).to_owned()).collect(),
        ))
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Usual {
        email: String,
        password: String,
        remember: Option<String>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Kennung {
        kennung: String,
        pin: String,
    }

    #[test]
    fn the_account_of_usual_bodies_is_found() {
        type Any = HashMap<String, Value>;
        for name in [
            "email",
            "username",
            "user_name",
            "userName",
            "name",
            "Login",
            "phone-number",
            "id",
        ] {
            let body = format!(r#"{{"{name}":"ada","password":"x","client_id":"web"}}"#);
            assert_eq!(find::<Any>(body.as_bytes()), named(&["ada"]), "{name}");
        }
        let nested = br#"{"user":{"email":"ada","password":"x"},"locale":"de"}"#;
        assert_eq!(find::<Any>(nested), named(&["ada"]));
        assert_eq!(find::<Any>(br#"{"id":42,"pin":"1"}"#), named(&["42"]));
        let device = br#"{"email":"ada","device":{"name":"a phone","owner":{"id":1}}}"#;
        assert_eq!(find::<Any>(device), named(&["ada"]));
    }

    #[test]
    fn members_that_the_type_ignores_do_not_count() {
        let body = br#"{"email":"ada","password":"x","username":"chaff","remember":"y"}"#;
        assert_eq!(find::<Usual>(body), named(&["ada"]));
        let body = br#"{"kennung":"ada","pin":"1","email":"chaff","kennung.x":"chaff"}"#;
        assert_eq!(find::<Kennung>(body), guessed(&["ada"]));
    }

    #[test]
    fn a_struct_sent_as_an_array_hides_no_account() {
        let body = br#"["ada","x",null]"#;
        assert_eq!(find::<Usual>(body), guessed(&["ada", "x"]));
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct Outer {
            credentials: Usual,
        }
        let body = br#"{"credentials":["ada","x",null],"email":"chaff"}"#;
        assert_eq!(find::<Outer>(body), guessed(&["ada", "x"]));
    }

    #[test]
    fn a_variant_is_looked_into() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only read")]
        enum Either {
            Code(String),
            Password(Kennung),
        }
        let body = br#"{"Password":{"kennung":"ada","pin":"1","email":"chaff"}}"#;
        assert_eq!(find::<Either>(body), guessed(&["ada"]));
    }

    #[test]
    fn logins_without_an_account_are_one() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct Password {
            password: String,
        }
        let one = guessed(&[""]);
        assert_eq!(
            find::<Password>(br#"{"password":"x","email":"chaff"}"#),
            one
        );
        let many: HashMap<String, u32> = (0..9).map(|n| (format!("field{n}"), n)).collect();
        let many = serde_json::to_vec(&many).unwrap();
        assert_eq!(find::<HashMap<String, u32>>(&many), one);
        let nine = br#"{"email":["1","2","3","4","5","6","7","8","9"]}"#;
        assert_eq!(find::<Value>(nine), one);
    }

    #[test]
    fn another_type_is_no_login() {
        for body in [
            "",
            "{",
            "null",
            r#"{"email":"ada"}"#,
            r#"{"email":1,"password":"x"}"#,
        ] {
            assert_eq!(find::<Usual>(body.as_bytes()), None, "{body}");
        }
    }
}
