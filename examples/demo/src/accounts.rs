//! The demo accounts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::passwords::{Hash, Passwords};

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
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// The accounts. They hold hashes of passwords only.
pub(crate) struct Accounts {
    accounts: Vec<Account>,
    /// For email addresses that nobody has.
    nobody: Hash,
    passwords: Passwords,
}

struct Account {
    user: User,
    hash: Hash,
}

impl Accounts {
    /// `user@example.com` and `admin@example.com`.
    pub(crate) fn new() -> Result<Self, String> {
        let passwords = Passwords::new();
        let account = |sub: &str, role: &str| {
            let user = User {
                sub: sub.to_owned(),
                email: format!("{role}@example.com"),
                role: role.to_owned(),
            };
            passwords.hash(PASSWORD).map(|hash| Account { user, hash })
        };
        Ok(Self {
            accounts: vec![account("user-1", "user")?, account("user-2", "admin")?],
            nobody: passwords.hash(PASSWORD)?,
            passwords,
        })
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &User> {
        self.accounts.iter().map(|account| &account.user)
    }

    /// The user of this subject, as it is now.
    pub(crate) fn user(&self, sub: &str) -> Option<User> {
        self.users().find(|user| user.sub == sub).cloned()
    }

    pub(crate) fn log_in(&self, email: &str, password: &str) -> Option<User> {
        let account = self
            .accounts
            .iter()
            .find(|account| account.user.email == email);
        // An unknown address takes as long as a known one.
        let hash = account.map_or(&self.nobody, |account| &account.hash);
        let fits = self.passwords.verify(password, hash);
        account.filter(|_| fits).map(|account| account.user.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_accounts_log_in_with_their_password() {
        let accounts = Accounts::new().unwrap();
        for (email, role) in [("user@example.com", "user"), ("admin@example.com", "admin")] {
            let user = accounts.log_in(email, PASSWORD).unwrap();
            assert_eq!((user.email.as_str(), user.role.as_str()), (email, role));
        }
    }

    #[test]
    fn a_wrong_password_does_not_log_in() {
        let accounts = Accounts::new().unwrap();
        assert_eq!(accounts.log_in("user@example.com", "password124"), None);
    }

    #[test]
    fn a_user_is_found_by_the_subject() {
        let accounts = Accounts::new().unwrap();
        assert_eq!(accounts.user("user-2").unwrap().role, "admin");
        assert_eq!(accounts.user("user-3"), None);
    }

    #[test]
    fn an_unknown_address_does_not_log_in() {
        let accounts = Accounts::new().unwrap();
        assert_eq!(accounts.log_in("eve@example.com", PASSWORD), None);
    }
}
