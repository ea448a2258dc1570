//! The settings of the limits, checked once.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde::de::DeserializeOwned;

use super::{
    bounded::Bounded,
    familiar::Familiar,
    key::Keys,
    limits::{Accounts, FindAccounts, FindAddress, LoginLimits, Shared},
};
use crate::{
    clock::{Clock, SystemClock},
    error::ConfigError,
    request::RequestHead,
};

/// Builds [`LoginLimits`]. Made by [`LoginLimits::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct LoginLimitsBuilder {
    per_account: u32,
    per_address: Option<u32>,
    without_addresses: bool,
    window: Duration,
    account: Option<Arc<FindAccounts>>,
    address: Option<Arc<FindAddress>>,
    clock: Arc<dyn Clock>,
}

impl LoginLimitsBuilder {
    /// The default of [`per_account`](Self::per_account): 10.
    pub const DEFAULT_PER_ACCOUNT: u32 = 10;
    /// The default of [`per_address`](Self::per_address): 100.
    pub const DEFAULT_PER_ADDRESS: u32 = 100;
    /// The default of [`window`](Self::window): a minute.
    pub const DEFAULT_WINDOW: Duration = Duration::from_secs(60);
    /// The longest [`window`](Self::window): an hour.
    pub const MAX_WINDOW: Duration = Duration::from_secs(3_600);

    pub(super) fn new() -> Self {
        Self {
            per_account: Self::DEFAULT_PER_ACCOUNT,
            per_address: None,
            without_addresses: false,
            window: Self::DEFAULT_WINDOW,
            account: None,
            address: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Makes the default limits, with another clock.
    pub(in crate::session) fn standard(clock: Arc<dyn Clock>) -> LoginLimits {
        let builder = Self {
            clock,
            ..Self::new()
        };
        builder.make(DEFAULT_WINDOW_SECONDS)
    }

    /// Sets how many logins to an account can fail in a window. Default 10.
    pub fn per_account(mut self, failures: u32) -> Self {
        self.per_account = failures;
        self
    }

    /// Sets how many logins from an address can fail in a window: an IPv4 address, or the /64 of an IPv6
    /// address. Default 100.
    pub fn per_address(mut self, failures: u32) -> Self {
        self.per_address = Some(failures);
        self
    }

    /// Limits accounts only. A client can then try one password on every account, as fast as the
    /// server answers: put a proxy in front that limits logins by address.
    pub fn without_address_limit(mut self) -> Self {
        self.without_addresses = true;
        self
    }

    /// Sets how long a failure counts, in whole seconds: at least one, at most an hour. Default a minute.
    ///
    /// A lock-out lasts no longer than this after the last attempt that was let in.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Sets how the account of a login is found, in the body read as an `L`. `None` means that this login
    /// has no account, and only its address is limited.
    ///
    /// Return the text that your user table is searched for. Case, accents, spaces and punctuation are
    /// already evened out; remove anything else that your table ignores, such as leading zeros.
    ///
    /// By default, the account is found in the JSON body by member names, at any depth, in any case,
    /// with or without `_` and `-`:
    ///
    /// 1. Members that the type of your `sign_in` ignores do not count.
    /// 2. The values of `account`, `email`, `id`, `identifier`, `login`, `mobile`, `name`, `phone`,
    ///    `subject`, `user` and their usual compounds (`user_name`, `emailAddress` ..) are accounts. If
    ///    there are several, each is limited.
    /// 3. If there is none, each text and number of the body is taken for one, except secrets
    ///    (`password`, `pin`, `code` ..) and settings (`client_id`, `locale`, `tenant`, `scope` ..). A
    ///    warning is logged once: guessers are kept out, but a value that many logins share is limited
    ///    for all of them together.
    /// 4. If there is none of these either, or more than eight, all such logins count as one
    ///    account, as for a server with a single password. The warning is logged here, too.
    ///
    /// # Examples
    ///
    /// Names are unique within a tenant only:
    ///
    /// ```
    /// use countersign::session::LoginLimits;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Login {
    ///     tenant: String,
    ///     name: String,
    ///     password: String,
    /// }
    ///
    /// let limits = LoginLimits::builder()
    ///     .account(|login: &Login| Some(format!("{} {}", login.tenant, login.name)))
    ///     .build()?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn account<L, F>(mut self, account: F) -> Self
    where
        L: DeserializeOwned,
        F: Fn(&L) -> Option<String> + Send + Sync + 'static,
    {
        self.account = Some(Arc::new(move |body| {
            let login = serde_json::from_slice(body).ok()?;
            Some(Accounts::Named(account(&login).into_iter().collect()))
        }));
        self
    }

    /// Sets how the address of the client is found. `None` means unknown: only the account is limited.
    ///
    /// The default is [`RequestHead::peer`], the other end of the connection. Headers are never
    /// believed. If the peer is in a private network (10.0.0.0/8, 127.0.0.1, fd00::/8 ..) and the
    /// request has a header such as `X-Forwarded-For` or `Via`, the peer is a proxy that stands for
    /// all clients, so the address counts as unknown. A warning is logged once, as for any unknown
    /// address. A proxy with a public address, such as a CDN, counts as one client.
    ///
    /// **Danger**: clients can send forwarding headers, too. Behind a proxy, read the header that
    /// *your* proxy sets, and only if no client can reach the server without it. In a list such as
    /// `X-Forwarded-For`, only entries added by your own proxies are trustworthy: the last one, if
    /// there is one proxy. A client that can choose its address has no limit by address, and can
    /// use up that of others.
    ///
    /// # Examples
    ///
    /// One proxy, which sets `X-Real-IP` and is the only way in:
    ///
    /// ```
    /// use countersign::{adapter::RequestHead, session::LoginLimits};
    ///
    /// let limits = LoginLimits::builder()
    ///     .address(|head: &dyn RequestHead| {
    ///         let mut address = None;
    ///         head.visit_header("x-real-ip", &mut |value| {
    ///             address = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    ///         });
    ///         address
    ///     })
    ///     .build()?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn address<F>(mut self, address: F) -> Self
    where
        F: Fn(&dyn RequestHead) -> Option<IpAddr> + Send + Sync + 'static,
    {
        self.address = Some(Arc::new(address));
        self
    }

    /// Sets the clock. Default [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks the settings and makes the limits.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a limit is zero, the window is not in whole seconds, less than one or over
    /// an hour, or `per_address` contradicts `without_address_limit`.
    pub fn build(self) -> Result<LoginLimits, ConfigError> {
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        if self.per_account == 0 || self.per_address == Some(0) {
            return setting("`per_account` or `per_address` is 0: nobody could log in");
        }
        if self.window > Self::MAX_WINDOW {
            return setting("the `window` of login limits is more than an hour");
        }
        if self.window.is_zero() || self.window.subsec_nanos() != 0 {
            return setting("the `window` of login limits is not one or more whole seconds");
        }
        if self.without_addresses && self.per_address.is_some() {
            return Err(ConfigError::Conflict(
                "`per_address` and `without_address_limit` exclude each other".to_owned(),
            ));
        }
        // At most an hour.
        let window = u32::try_from(self.window.as_secs()).unwrap_or(DEFAULT_WINDOW_SECONDS);
        Ok(self.make(window))
    }

    fn make(self, window: u32) -> LoginLimits {
        let per_address = self.per_address.unwrap_or(Self::DEFAULT_PER_ADDRESS);
        LoginLimits(Arc::new(Shared {
            per_account: self.per_account,
            per_address: (!self.without_addresses).then_some(per_address),
            window,
            account: self.account,
            address: self.address,
            clock: self.clock,
            keys: Keys::default(),
            failures: Bounded::new(),
            familiar: Familiar::new(),
            warned_of_account: OnceLock::new(),
            warned_of_address: OnceLock::new(),
        }))
    }
}

impl fmt::Debug for LoginLimitsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginLimitsBuilder")
            .field("per_account", &self.per_account)
            .field("per_address", &self.per_address)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

#[allow(clippy::cast_possible_truncation)] // a minute
const DEFAULT_WINDOW_SECONDS: u32 = LoginLimitsBuilder::DEFAULT_WINDOW.as_secs() as u32;
