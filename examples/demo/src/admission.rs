//! Letting in as many logins as can be checked soon.

use std::{fmt, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::accounts::{Accounts, Login, PASSWORD, User};

/// How many logins may wait or be checked at once.
///
/// A client that leaves does not take its login back, so this bounds how long the next one waits:
/// with two processors for about half a second.
const MAX_LOGINS: usize = 32;

/// The accounts, behind a door that lets in as many logins as can be checked soon.
pub struct Door {
    accounts: Arc<Accounts>,
    places: Arc<Semaphore>,
}

impl Door {
    /// The door to the demo accounts.
    ///
    /// # Errors
    ///
    /// One line for the operator: a password cannot be hashed.
    pub fn open() -> Result<Self, String> {
        Ok(Self {
            accounts: Arc::new(Accounts::new()?),
            places: Arc::new(Semaphore::new(MAX_LOGINS)),
        })
    }

    /// The user of this subject, as it is now.
    #[must_use]
    pub fn user(&self, sub: &str) -> Option<User> {
        self.accounts.user(sub)
    }

    /// Says on standard output who can log in.
    pub fn announce(&self) {
        for User { email, role, .. } in self.accounts.users() {
            println!("account {email}, role {role}, password {PASSWORD}");
        }
    }

    /// Lets a login in, unless too many wait or are checked already.
    #[must_use]
    pub fn admit(&self, login: Login) -> Option<AdmittedLogin> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let accounts = Arc::clone(&self.accounts);
        Some(AdmittedLogin {
            accounts,
            login,
            _place: place,
        })
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

/// A login that may be checked. It takes up a place until it is dropped.
#[must_use]
pub struct AdmittedLogin {
    accounts: Arc<Accounts>,
    login: Login,
    _place: OwnedSemaphorePermit,
}

impl AdmittedLogin {
    /// The user with this email address and password.
    ///
    /// It takes as long for an unknown address as for a known one, so its time tells nobody which
    /// addresses exist. It works hard for some 20 ms and waits while all processors do so: call it
    /// where blocking is allowed.
    #[must_use]
    pub fn user(self) -> Option<User> {
        self.accounts
            .log_in(&self.login.email, &self.login.password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(door: &Door) -> Option<AdmittedLogin> {
        door.admit(Login {
            email: "user@example.com".to_owned(),
            password: "password123".to_owned(),
        })
    }

    #[test]
    fn there_is_room_again_when_a_login_is_checked() {
        let door = Door::open().unwrap();
        let mut admitted: Vec<_> = (0..MAX_LOGINS).map_while(|_| admit(&door)).collect();
        assert_eq!(admitted.len(), MAX_LOGINS);
        assert!(admit(&door).is_none());

        assert!(admitted.pop().unwrap().user().is_some());
        admitted.push(admit(&door).unwrap());
        assert!(admit(&door).is_none());
    }

    #[test]
    fn there_is_room_again_when_a_login_is_given_up() {
        let door = Door::open().unwrap();
        for _ in 0..2 * MAX_LOGINS {
            drop(admit(&door).unwrap());
        }
    }
}
