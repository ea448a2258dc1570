//! The pages of an app whose forms a server renders.

use super::return_to::own_path;
use crate::error::ConfigError;

/// The pages between which the session routes of [`SessionRoutes::forms`](crate::SessionRoutes::forms) redirect.
///
/// | after | a browser goes to |
/// |---|---|
/// | a login | `return_to`, else [`home`](Self::home) |
/// | a login that failed | the login page, with `error` and `return_to` in its query |
/// | a logout | [`after_logout`](Self::after_logout) |
///
/// All are paths of this host, as browsers see them.
///
/// # Examples
///
/// ```
/// use countersign::session::FormPages;
///
/// let pages = FormPages::new("/session", "/login")?.home("/orders")?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[must_use = "the pages do nothing until session routes are given them"]
#[derive(Clone, Debug)]
pub struct FormPages {
    pub(super) mount: Box<str>,
    pub(super) login: Box<str>,
    pub(super) home: Box<str>,
    /// `None`: the login page.
    pub(super) after_logout: Option<Box<str>>,
}

impl FormPages {
    /// Names the path at which the session routes are mounted, and that of the login page.
    ///
    /// Behind a proxy that strips `/app`, both begin with `/app`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] unless both begin with one `/`, and have at most 2,048 visible ASCII characters,
    /// no `\` and no `#`; the path of the routes has no query either.
    pub fn new(mount: &str, login: &str) -> Result<Self, ConfigError> {
        let mount = checked("mount", mount)?;
        if mount.contains('?') {
            return Err(ConfigError::InvalidSetting(format!(
                "`FormPages::new`: the path of the session routes, {mount:?}, has a query"
            )));
        }
        Ok(Self {
            mount: mount.trim_end_matches('/').into(),
            login: checked("login", login)?.into(),
            home: "/".into(),
            after_logout: None,
        })
    }

    /// Sets the page that a login leads to, where no `return_to` says otherwise. Default: `/`.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn home(mut self, path: &str) -> Result<Self, ConfigError> {
        self.home = checked("home", path)?.into();
        Ok(self)
    }

    /// Sets the page that a logout leads to. Default: the login page.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn after_logout(mut self, path: &str) -> Result<Self, ConfigError> {
        self.after_logout = Some(checked("after_logout", path)?.into());
        Ok(self)
    }

    /// The path of the session routes.
    pub(in super::super) fn mount(&self) -> &str {
        match &*self.mount {
            "" => "/",
            mount => mount,
        }
    }
}

fn checked<'t>(name: &str, path: &'t str) -> Result<&'t str, ConfigError> {
    let checked = own_path(path).filter(|path| !path.contains('#'));
    checked.ok_or_else(|| {
        ConfigError::InvalidSetting(format!(
            "`FormPages`, {name} {path:?}: a page is a path of this host. It begins with one `/`, and has at most \
             2,048 visible ASCII characters, no `\\` and no `#`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_paths_of_the_own_host() {
        for bad in [
            "",
            "login",
            "//evil.example",
            "/\\evil",
            "https://a.example",
            "/a#b",
        ] {
            assert!(FormPages::new("/session", bad).is_err(), "{bad}");
            assert!(FormPages::new(bad, "/login").is_err(), "{bad}");
            let pages = FormPages::new("/session", "/login").unwrap();
            assert!(pages.clone().home(bad).is_err(), "{bad}");
            assert!(pages.after_logout(bad).is_err(), "{bad}");
        }
        assert!(FormPages::new("/session", "/login?lang=de").is_ok());
        assert!(FormPages::new("/session?a", "/login").is_err());
    }

    #[test]
    fn routes_at_the_root_have_no_empty_segment() {
        let mount = |path| FormPages::new(path, "/login").unwrap();
        assert_eq!((&*mount("/").mount, mount("/").mount()), ("", "/"));
        assert_eq!(mount("/app/session/").mount(), "/app/session");
    }
}
