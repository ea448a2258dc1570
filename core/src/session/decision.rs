//! What a presented refresh token is worth: the whole protocol in one function.

use crate::session::{Digest, StoredSession, record::Predecessor};

/// What to do with a refresh token of this session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision<'s> {
    /// The session is over.
    Expired,
    /// It is the immediate predecessor, in time: answer with the same successor once more.
    Repeat(&'s Predecessor),
    /// An older token of the session: somebody has a copy.
    Replayed,
    /// It is the valid one: exchange it.
    Rotate,
    /// It is good, but another client presents it.
    WrongClient,
}

/// The seconds that decide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: i64,
    /// When the token came. A grace window that passes while the claims are asked for, or while
    /// the store is busy, has not passed for it.
    pub(super) came: i64,
    pub(super) grace: i64,
}

/// Decides. `binding` is what the client presents besides the token.
pub(super) fn decide<'s>(
    session: &'s StoredSession,
    presented: &Digest,
    binding: Option<&Digest>,
    moment: Moment,
) -> Decision<'s> {
    let now = session.time(moment.now);
    if now >= session.expires_at || now >= session.absolute_expires_at {
        return Decision::Expired;
    }
    let since_rotation = session
        .time(moment.came)
        .saturating_sub(session.last_used_at);
    let good = if *presented == session.current {
        Decision::Rotate
    } else {
        match &session.previous {
            Some(previous) if previous.hash == *presented && since_rotation < moment.grace => {
                Decision::Repeat(previous)
            }
            _ => return Decision::Replayed,
        }
    };
    // A session without a binding takes whoever comes; one with a binding takes nobody else.
    match &session.binding {
        Some(bound) if Some(bound) != binding => Decision::WrongClient,
        _ => good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionId;

    const NOW: i64 = 1_000;

    fn digest(byte: u8) -> Digest {
        Digest::from_bytes([byte; 32])
    }

    /// Rotated at `NOW`: 3 is current, 2 the one before.
    fn session() -> StoredSession {
        StoredSession {
            id: SessionId::new([7; 16]),
            subject: "ada".into(),
            label: None,
            binding: None,
            created_at: NOW - 100,
            last_used_at: NOW,
            expires_at: NOW + 50,
            absolute_expires_at: NOW + 500,
            current: digest(3),
            previous: Some(Predecessor {
                hash: digest(2),
                salt: digest(9),
            }),
        }
    }

    fn at(now: i64) -> Moment {
        Moment {
            now,
            came: now,
            grace: 10,
        }
    }

    #[test]
    fn the_current_token_is_exchanged_until_the_session_expires() {
        let session = session();
        for now in [NOW, NOW + 49] {
            assert_eq!(
                decide(&session, &digest(3), None, at(now)),
                Decision::Rotate
            );
        }
        assert_eq!(
            decide(&session, &digest(3), None, at(NOW + 50)),
            Decision::Expired
        );
    }

    #[test]
    fn the_predecessor_is_good_for_the_grace_window_and_a_replay_after_it() {
        let session = session();
        let previous = session.previous.as_ref().unwrap();
        for now in [NOW, NOW + 9] {
            let decision = decide(&session, &digest(2), None, at(now));
            assert_eq!(decision, Decision::Repeat(previous));
        }
        assert_eq!(
            decide(&session, &digest(2), None, at(NOW + 10)),
            Decision::Replayed
        );
    }

    #[test]
    fn the_window_is_over_for_those_who_come_later_not_for_those_who_waited() {
        let session = session();
        let previous = session.previous.as_ref().unwrap();
        for came in [NOW - 90, NOW, NOW + 9] {
            let moment = Moment {
                came,
                ..at(NOW + 40)
            };
            let decision = decide(&session, &digest(2), None, moment);
            assert_eq!(decision, Decision::Repeat(previous));
        }
        let moment = Moment {
            came: NOW + 10,
            ..at(NOW + 40)
        };
        assert_eq!(
            decide(&session, &digest(2), None, moment),
            Decision::Replayed
        );
    }

    #[test]
    fn without_a_grace_window_the_predecessor_is_a_replay_at_once() {
        let moment = Moment {
            grace: 0,
            ..at(NOW)
        };
        assert_eq!(
            decide(&session(), &digest(2), None, moment),
            Decision::Replayed
        );
    }

    #[test]
    fn an_older_token_is_a_replay_even_within_the_window() {
        assert_eq!(
            decide(&session(), &digest(1), None, at(NOW)),
            Decision::Replayed
        );
    }

    #[test]
    fn a_clock_that_goes_back_revives_nothing_and_accuses_nobody() {
        let session = session();
        assert_eq!(
            decide(&session, &digest(3), None, at(NOW - 90)),
            Decision::Rotate
        );
        let expired = StoredSession {
            last_used_at: NOW + 50,
            ..session.clone()
        };
        assert_eq!(
            decide(&expired, &digest(3), None, at(NOW - 90)),
            Decision::Expired
        );
        let previous = session.previous.as_ref().unwrap();
        assert_eq!(
            decide(&session, &digest(2), None, at(NOW - 90)),
            Decision::Repeat(previous)
        );
    }

    #[test]
    fn a_bound_session_takes_its_client_only() {
        let bound = StoredSession {
            binding: Some(digest(5)),
            ..session()
        };
        let decide = |token: u8, binding: Option<u8>| {
            decide(
                &bound,
                &digest(token),
                binding.map(digest).as_ref(),
                at(NOW),
            ) == Decision::Rotate
        };
        assert!(decide(3, Some(5)));
        assert!(!decide(3, Some(6)));
        assert!(!decide(3, None));
    }

    #[test]
    fn who_has_an_old_token_of_a_bound_session_has_a_copy_wherever_it_comes_from() {
        let bound = StoredSession {
            binding: Some(digest(5)),
            ..session()
        };
        assert_eq!(
            decide(&bound, &digest(2), None, at(NOW)),
            Decision::WrongClient
        );
        assert_eq!(
            decide(&bound, &digest(1), None, at(NOW)),
            Decision::Replayed
        );
    }
}
