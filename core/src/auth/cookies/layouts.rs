//! The sets of cookies that the session routes of one `Sessions` use.

use std::sync::{Mutex, PoisonError};

use super::auth_cookies::AuthCookies;
use crate::error::ConfigError;

/// A list in which no two different sets share a name.
///
/// One set may come several times: routes are also made once for each worker of a server.
#[derive(Debug, Default)]
pub(crate) struct Layouts(Mutex<Vec<AuthCookies>>);

impl Layouts {
    /// Adds a set.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when another one uses a name of this set: one browser would have
    /// only one of both cookies, and each login replace the other one's. Also when settings of the set
    /// exclude each other.
    pub(crate) fn add(&self, cookies: &AuthCookies) -> Result<(), ConfigError> {
        // A set is pushed as a whole or not at all.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.contains(cookies) {
            return Ok(());
        }
        cookies.check_together()?;
        let taken = |name: &&str| all.iter().any(|own| own.names().any(|own| own == *name));
        if let Some(name) = cookies.names().find(taken) {
            return Err(ConfigError::Conflict(format!(
                "two session routes use the cookie {name} in different ways: give one of them \
                 cookies of its own, with `AuthCookies::named`"
            )));
        }
        all.push(cookies.clone());
        Ok(())
    }
}
