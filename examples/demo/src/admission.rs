//! Admission of logins: how many are checked at once, and how many may wait for that.

use std::{fmt, sync::Arc, thread::available_parallelism, time::Duration};

use countersign::{Clock, SystemClock};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::{
    accounts::{Accounts, Checked, Login, User},
    output::complain,
};

/// The most logins that wait to be checked.
///
/// Two processors check that many within a second.
const MAX_WAITING: usize = 64;

/// The longest time that a login waits to be checked.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The most passwords that are hashed at once. Each hash takes 19 MiB of memory.
const MAX_HASHING: usize = 4;

/// The accounts, behind a door that lets in as many logins as can be checked soon.
pub struct Door {
    accounts: Arc<Accounts>,
    queue: Semaphore,
    hashing: Arc<Semaphore>,
}

impl Door {
    /// The door to the demo accounts.
    ///
    /// # Errors
    ///
    /// One line for the operator: a password cannot be hashed.
    pub fn open() -> Result<Self, String> {
        let processors = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            accounts: Arc::new(Accounts::new()?),
            queue: Semaphore::new(MAX_WAITING),
            hashing: Arc::new(Semaphore::new(processors.min(MAX_HASHING))),
        })
    }

    /// The user of this subject, as it is now.
    #[must_use]
    pub fn user(&self, sub: &str) -> Option<User> {
        self.accounts.user(sub)
    }

    /// Checks a login.
    ///
    /// It takes as long for an unknown address as for a known one, so its time tells nobody which
    /// addresses exist. Call it when the request has been read to its end: a processor is taken for
    /// the hash alone, and a place in the queue until then. A client that leaves gives its place
    /// back.
    ///
    /// # Errors
    ///
    /// [`NotChecked`] when too many wait, or the hash fails.
    pub async fn log_in(&self, login: Login) -> Result<Checked, NotChecked> {
        let place = self.queue.try_acquire().map_err(|_| NotChecked::Busy)?;
        let turn = timeout(MAX_WAIT, Arc::clone(&self.hashing).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(NotChecked::Busy);
        };
        drop(place);
        let accounts = Arc::clone(&self.accounts);
        // A hash goes on when its client leaves, so the turn is its own.
        let checked = spawn_blocking(move || {
            let checked = accounts.log_in(&login, SystemClock.now());
            drop(turn);
            checked
        });
        checked.await.map_err(|error| {
            complain(format_args!("error: a login cannot be checked: {error}"));
            NotChecked::Failed
        })
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

/// Why a login was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotChecked {
    /// Too many others wait: 503, and `Retry-After`.
    Busy,
    /// Our own trouble, which the log tells: 500.
    Failed,
}

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "too many logins at once",
            Self::Failed => "a login cannot be checked",
        })
    }
}

impl std::error::Error for NotChecked {}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn login() -> Login {
        Login {
            email: "user@example.com".to_owned(),
            password: "password123".to_owned(),
            code: None,
            remember: false,
        }
    }

    /// A door whose processors are all taken, and what takes them.
    fn busy() -> (Arc<Door>, tokio::sync::OwnedSemaphorePermit) {
        let door = Door::open().unwrap();
        let all = u32::try_from(door.hashing.available_permits()).unwrap();
        let taken = Arc::clone(&door.hashing).try_acquire_many_owned(all);
        (Arc::new(door), taken.unwrap())
    }

    #[tokio::test]
    async fn a_good_login_is_let_in_and_a_wrong_one_is_not() {
        let door = Door::open().unwrap();
        let user = door.user("user-1").unwrap();
        assert_eq!(door.log_in(login()).await, Ok(Checked::Password(user)));
        let wrong = Login {
            password: "password124".to_owned(),
            ..login()
        };
        assert_eq!(door.log_in(wrong).await, Ok(Checked::Wrong));
    }

    #[tokio::test]
    async fn one_more_than_may_wait_is_refused_at_once_and_the_first_has_its_turn() {
        let (door, taken) = busy();
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let door = Arc::clone(&door);
                tokio::spawn(async move { door.log_in(login()).await })
            })
            .collect();
        while door.queue.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(door.log_in(login()).await, Err(NotChecked::Busy));
        drop(taken);
        let first = waiting.into_iter().next().unwrap();
        assert!(matches!(first.await.unwrap(), Ok(Checked::Password(_))));
    }

    #[tokio::test]
    async fn a_client_that_leaves_gives_its_place_back() {
        let (door, _taken) = busy();
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..2 * MAX_WAITING {
            let login = pin!(door.log_in(login()));
            assert_eq!(login.poll(&mut context), Poll::Pending);
        }
        assert_eq!(door.queue.available_permits(), MAX_WAITING);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let (door, _taken) = busy();
        assert_eq!(door.log_in(login()).await, Err(NotChecked::Busy));
        assert_eq!(door.queue.available_permits(), MAX_WAITING);
    }
}
