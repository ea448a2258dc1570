//! The demo accounts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    output::say,
    passwords::{Hash, Passwords},
    second_factor::{DEMO_KEY, SecondFactor, demo_code},
};

/// The password of every demo account.
pub(crate) const PASSWORD: &str = "password123";

/// A user, as a token tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The user, unique here and for ever, also when the email address changes.
    pub sub: String,
    /// The email address.
    pub email: String,
    /// The role of the user: `user` or `admin`.
    pub role: String,
}

/// The body of a login. `Debug` does not show it.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct Login {
    /// The email address of an account.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The code of an authenticator app, for an account with a second factor.
    pub code: Option<String>,
    /// True for a login that lasts, on a device of one's own.
    #[serde(default)]
    pub remember: bool,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// The verdict on a login.
///
/// Whatever says more than yes and no is for those who have proven the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The password is right. The account also wants a code, and there was none.
    CodeNeeded,
    /// The password is right, and the account is locked.
    Locked,
    /// It is this user, by the password.
    Password(User),
    /// It is this user, by the password and a code.
    PasswordAndCode(User),
    /// Nobody has this address, or the password or the code is wrong.
    Wrong,
}

/// The accounts. They contain hashes of passwords only.
pub(crate) struct Accounts {
    accounts: Vec<Account>,
    /// For email addresses that nobody has.
    nobody: Hash,
    passwords: Passwords,
}

struct Account {
    user: User,
    hash: Hash,
    second_factor: Option<SecondFactor>,
    is_locked: bool,
}

/// Subject, name before `@example.com`, and role.
const DEMO: [(&str, &str, &str); 4] = [
    ("user-1", "user", "user"),
    ("user-2", "admin", "admin"),
    ("user-3", "totp", "user"),
    ("user-4", "locked", "user"),
];

impl Accounts {
    /// Makes the demo accounts: `totp` has a second factor, `locked` is locked.
    pub(crate) fn new() -> Result<Self, String> {
        let passwords = Passwords::new();
        let account = |(sub, name, role): (&str, &str, &str)| {
            let has_second_factor = name == "totp";
            Ok::<_, String>(Account {
                user: User {
                    sub: sub.to_owned(),
                    email: format!("{name}@example.com"),
                    role: role.to_owned(),
                },
                hash: passwords.hash(PASSWORD)?,
                second_factor: has_second_factor.then(SecondFactor::demo).transpose()?,
                is_locked: name == "locked",
            })
        };
        Ok(Self {
            accounts: DEMO.into_iter().map(account).collect::<Result<_, _>>()?,
            nobody: passwords.hash(PASSWORD)?,
            passwords,
        })
    }

    /// Returns the user of this subject, as it is now. Nobody is the user of a locked account.
    pub(crate) fn user(&self, sub: &str) -> Option<User> {
        let mut open = self.accounts.iter().filter(|account| !account.is_locked);
        let account = open.find(|account| account.user.sub == sub)?;
        Some(account.user.clone())
    }

    /// Checks a login. `now` is in seconds since 1970.
    pub(crate) fn log_in(&self, login: &Login, now: i64) -> Checked {
        let account = self
            .accounts
            .iter()
            .find(|account| account.user.email == login.email);
        // An unknown address takes as long as a known one.
        let hash = account.map_or(&self.nobody, |account| &account.hash);
        let fits = self.passwords.verify(&login.password, hash);
        let Some(account) = account.filter(|_| fits) else {
            return Checked::Wrong;
        };
        let user = account.user.clone();
        match (&account.second_factor, &login.code) {
            _ if account.is_locked => Checked::Locked,
            (None, _) => Checked::Password(user),
            (Some(_), None) => Checked::CodeNeeded,
            (Some(factor), Some(code)) if factor.accept(code, now) => {
                Checked::PasswordAndCode(user)
            }
            (Some(_), Some(_)) => Checked::Wrong,
        }
    }
}

/// Says on standard output who can log in.
///
/// # Errors
///
/// One line for the operator: there is no second factor.
pub fn announce_accounts() -> Result<(), String> {
    for (_, name, role) in DEMO {
        let more = match name {
            "totp" => format!(
                ", then a code: {} for now, later from --code or an authenticator app with the key {DEMO_KEY}",
                demo_code()?
            ),
            "locked" => ", locked".to_owned(),
            _ => String::new(),
        };
        say(format_args!(
            "account {name}@example.com, role {role}, password {PASSWORD}{more}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 59;
    /// The code of that second (RFC 6238 appendix B).
    const CODE: &str = "287082";

    fn log_in(accounts: &Accounts, name: &str, password: &str, code: Option<&str>) -> Checked {
        let login = Login {
            email: format!("{name}@example.com"),
            password: password.to_owned(),
            code: code.map(str::to_owned),
            remember: false,
        };
        accounts.log_in(&login, NOW)
    }

    #[test]
    fn an_account_without_a_second_factor_logs_in_with_its_password() {
        let accounts = Accounts::new().unwrap();
        for (sub, name) in [("user-1", "user"), ("user-2", "admin")] {
            // A code that nobody asked for is nothing.
            for code in [None, Some("000000")] {
                let user = accounts.user(sub).unwrap();
                assert_eq!(user.role, name);
                assert_eq!(
                    log_in(&accounts, name, PASSWORD, code),
                    Checked::Password(user)
                );
            }
        }
    }

    #[test]
    fn a_second_factor_is_asked_for_after_the_right_password_only() {
        let accounts = Accounts::new().unwrap();
        let log_in = |password, code| log_in(&accounts, "totp", password, code);
        assert_eq!(log_in("password124", None), Checked::Wrong);
        assert_eq!(log_in("password124", Some(CODE)), Checked::Wrong);
        assert_eq!(log_in(PASSWORD, None), Checked::CodeNeeded);
        assert_eq!(log_in(PASSWORD, Some("287083")), Checked::Wrong);
        let user = accounts.user("user-3").unwrap();
        assert_eq!(
            log_in(PASSWORD, Some(CODE)),
            Checked::PasswordAndCode(user),
            "the wrong password has not used the code up"
        );
        assert_eq!(log_in(PASSWORD, Some(CODE)), Checked::Wrong, "used");
    }

    #[test]
    fn only_who_knows_the_password_learns_that_an_account_is_locked() {
        let accounts = Accounts::new().unwrap();
        let log_in = |password| log_in(&accounts, "locked", password, None);
        assert_eq!(log_in("password124"), Checked::Wrong);
        assert_eq!(log_in(PASSWORD), Checked::Locked);
        assert_eq!(accounts.user("user-4"), None);
    }

    #[test]
    fn a_wrong_password_and_an_unknown_address_do_not_log_in() {
        let accounts = Accounts::new().unwrap();
        for (name, password) in [("user", "password124"), ("eve", PASSWORD)] {
            assert_eq!(log_in(&accounts, name, password, None), Checked::Wrong);
        }
    }

    #[test]
    fn a_user_is_found_by_the_subject() {
        let accounts = Accounts::new().unwrap();
        assert_eq!(accounts.user("user-2").unwrap().role, "admin");
        assert_eq!(accounts.user("user-9"), None);
    }
}
