//! The limits, and their check before a login.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    attempt::{LoginAttempt, TooManyLogins},
    bounded::{Bounded, Second},
    builder::LoginLimitsBuilder,
    failures::{Failures, Full},
    familiar::Familiar,
    key::{Keys, folded, network},
    peer::peer,
};
use crate::{clock::Clock, request::RequestHead};

/// Limits of failed logins, by account and by address. [`SessionRoutes`](crate::SessionRoutes) has
/// them by default. Cheap to clone: clones share their counts.
///
/// 1. An account may have 10 failed logins in a minute, from all addresses together. An address may
///    have 100, for it can be shared by a school or a part of a mobile network. The /64 of an IPv6
///    address counts as one.
/// 2. Beyond that, a login is refused with 429 and `Retry-After`. Its password is not even hashed,
///    and existing and unknown accounts get one answer.
/// 3. Refused attempts do not count, nor do successful logins. A lock-out therefore ends at most a
///    minute after the last attempt that was let in.
/// 4. An attempt counts from its beginning, and is given back when the login succeeds, an outage leaves it
///    undecided, or the app [refuses](crate::session::LoginRefusal) it for another reason than its credentials. A thousand parallel guesses get ten attempts as well, and an account can
///    have no more than ten logins in flight, good ones included.
/// 5. At an address where an account has logged in within the last 30 days, it has ten attempts of
///    its own, and the limit of the address does not apply to it. Nobody who keeps guessing elsewhere
///    can lock its owner out there. At other addresses, a lock-out lasts as long as somebody keeps
///    guessing, and up to a minute longer. Where the app does not know the addresses of its clients, that
///    is everywhere: anybody can keep an account closed whose name is known. So tell the
///    [address](LoginLimitsBuilder::address).
/// 6. `Ada@example.com`, ` ada@EXAMPLE.com` and `àda@example.com` are one account: only letters and
///    digits count, without case and accents.
///
/// Counts live in the memory of this process, under keyed hashes and never under names: at most 65,536
/// accounts and addresses, and as many familiar ones, some 10 MiB in all. Beyond that, keys with the
/// fewest failures are dropped first: ten more attempts at one account cost a flood of 65,536 failed
/// logins. Processes count separately, so `n` of them allow `n` times as many.
///
/// The account is found as [`LoginLimitsBuilder::account`] says, the address as
/// [`LoginLimitsBuilder::address`] says.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use countersign::{SessionRoutes, session::LoginLimits};
///
/// # fn with(routes: SessionRoutes) -> Result<SessionRoutes, countersign::ConfigError> {
/// let limits = LoginLimits::builder()
///     .per_account(5)
///     .per_address(50)
///     .window(Duration::from_secs(300))
///     .build()?;
/// let routes = routes.login_limits(limits);
/// # Ok(routes)
/// # }
/// ```
///
/// A login of your own:
///
/// ```
/// use std::net::IpAddr;
///
/// use countersign::session::{LoginLimits, TooManyLogins};
///
/// fn log_in(limits: &LoginLimits, name: &str, address: IpAddr) -> Result<bool, TooManyLogins> {
///     let attempt = limits.attempt(name, Some(address))?;
///     let is_right = name == "ada"; // hash the password here
///     if is_right {
///         attempt.succeeded();
///     } else {
///         attempt.failed();
///     }
///     Ok(is_right)
/// }
/// ```
#[derive(Clone)]
pub struct LoginLimits(pub(super) Arc<Shared>);

/// The settings, checked by the builder, and the counts that clones share.
pub(super) struct Shared {
    pub(super) per_account: u32,
    /// `None`: addresses are not limited.
    pub(super) per_address: Option<u32>,
    /// In seconds.
    pub(super) window: u32,
    pub(super) account: Option<Arc<FindAccounts>>,
    pub(super) address: Option<Arc<FindAddress>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keys: Keys,
    pub(super) failures: Bounded<Failures>,
    pub(super) familiar: Familiar,
    /// Set by the warning that no account was found, and by the one that no address was.
    pub(super) warned_of_account: OnceLock<()>,
    pub(super) warned_of_address: OnceLock<()>,
}

pub(super) type FindAccounts = dyn Fn(&[u8]) -> Option<Accounts> + Send + Sync;
pub(super) type FindAddress = dyn Fn(&dyn RequestHead) -> Option<IpAddr> + Send + Sync;

/// The accounts that a login may be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Accounts {
    /// Each of these counts. There is none when the app says so.
    Named(Vec<String>),
    /// Each of these counts, but their meaning is guessed.
    Guessed(Vec<String>),
}

impl LoginLimits {
    /// Starts limits with settings of your own.
    pub fn builder() -> LoginLimitsBuilder {
        LoginLimitsBuilder::new()
    }

    /// Lets an attempt at an account through, and counts it as failed until it is given back. Without
    /// an address, only the account is limited.
    ///
    /// For a login handler of your own: call it before you hash the password.
    ///
    /// # Errors
    ///
    /// [`TooManyLogins`] when too many have failed. Answer it without checking the password.
    pub fn attempt(
        &self,
        account: &str,
        address: Option<IpAddr>,
    ) -> Result<LoginAttempt, TooManyLogins> {
        self.reserve([account], address)
    }

    /// Finds the accounts in the body of a login, by the app's function, else by `default`. `None`: it is
    /// not the body of a login.
    pub(crate) fn accounts(
        &self,
        body: &[u8],
        default: impl FnOnce(&[u8]) -> Option<Accounts>,
    ) -> Option<Vec<String>> {
        let accounts = match &self.0.account {
            Some(find) => find(body)?,
            None => default(body)?,
        };
        Some(match accounts {
            Accounts::Named(accounts) => accounts,
            Accounts::Guessed(texts) => {
                self.0.warned_of_account.get_or_init(|| {
                    tracing::warn!(
                        target: "countersign",
                        "no member of the login's body is called like an account, so its texts are \
                         limited together: set `LoginLimits::builder().account(..)`"
                    );
                });
                texts
            }
        })
    }

    /// Finds the address from which a request comes.
    pub(crate) fn address(&self, head: &dyn RequestHead) -> Option<IpAddr> {
        if let Some(find) = &self.0.address {
            return find(head);
        }
        let why = match peer(head) {
            Ok(address) => return Some(address),
            Err(_) if self.0.per_address.is_none() => return None,
            Err(why) => why,
        };
        self.0.warned_of_address.get_or_init(|| {
            tracing::warn!(
                target: "countersign",
                why,
                "failed logins are limited by account, and not by address, so anybody who keeps guessing \
                 keeps the owner of an account out: `why` says what to set"
            );
        });
        None
    }

    /// Returns a name for the one account of a login, by which nobody finds the account.
    pub(crate) fn name_of(&self, accounts: &[String]) -> Option<String> {
        let [account] = accounts else {
            return None;
        };
        Some(format!("{:016x}", self.0.keys.account(&folded(account))))
    }

    /// Counts an attempt for each account and for the address, or for none.
    pub(crate) fn reserve<'a>(
        &self,
        accounts: impl IntoIterator<Item = &'a str>,
        address: Option<IpAddr>,
    ) -> Result<LoginAttempt, TooManyLogins> {
        let Shared { keys, .. } = &*self.0;
        let now = Second::new(self.0.clock.now());
        let network = address.map(network);
        let mut attempt = LoginAttempt {
            shared: Arc::clone(&self.0),
            began: now,
            reserved: Vec::new(),
            here: None,
        };
        let accounts: Vec<_> = accounts.into_iter().collect();
        // To the letter, and of one account only: nobody becomes familiar for somebody else.
        let own_network = network.filter(|_| accounts.len() == 1);
        let mut is_familiar = true;
        for account in accounts {
            let here = own_network.map(|network| keys.account_at(account, network));
            attempt.here = here;
            let own = here.filter(|here| self.0.familiar.contains(*here, now));
            is_familiar &= own.is_some();
            let key = own.unwrap_or_else(|| keys.account(&folded(account)));
            if let Err(full) = self.count(key, Some(self.0.per_account), &mut attempt) {
                return Err(self.refuse(attempt, full, "account", None));
            }
        }
        let (Some(network), Some(limit)) = (network, self.0.per_address) else {
            return Ok(attempt);
        };
        let is_familiar = is_familiar && attempt.here.is_some();
        let limit = (!is_familiar).then_some(limit);
        match self.count(keys.network(network), limit, &mut attempt) {
            Ok(()) => Ok(attempt),
            Err(full) => Err(self.refuse(attempt, full, "address", Some(network))),
        }
    }

    /// Counts one for a key; without a `limit`, always.
    fn count(&self, key: u64, limit: Option<u32>, attempt: &mut LoginAttempt) -> Result<(), Full> {
        // One attempt counts once for an account that it names twice.
        if attempt.reserved.contains(&key) {
            return Ok(());
        }
        let now = attempt.began;
        let new = || Failures::new(self.0.window);
        self.0
            .failures
            .with_new(key, now, new, |failures| match limit {
                Some(limit) => failures.reserve(limit, now),
                None => {
                    failures.add(now);
                    Ok(())
                }
            })?;
        attempt.reserved.push(key);
        Ok(())
    }

    /// Gives back what was counted, and logs the refusal, once in a window for each key.
    fn refuse(
        &self,
        attempt: LoginAttempt,
        full: Full,
        limit: &'static str,
        network: Option<IpAddr>,
    ) -> TooManyLogins {
        attempt.undecided();
        #[cfg(feature = "metrics")]
        crate::metrics::login_refusal(limit);
        if full.is_news {
            tracing::warn!(
                target: "countersign",
                limit,
                address = network.map(tracing::field::display),
                seconds = full.wait,
                "too many failed logins: refusing more"
            );
        }
        TooManyLogins {
            wait: Duration::from_secs(full.wait.into()),
        }
    }
}

impl fmt::Debug for LoginLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginLimits")
            .field("per_account", &self.0.per_account)
            .field("per_address", &self.0.per_address)
            .field("window", &self.0.window)
            .finish_non_exhaustive()
    }
}
